"""`gatekeeper report`"""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.cli.options import output_options, print_json, run_option, say_next, store_option


@click.command("report")
@store_option
@run_option
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/latest"),
    show_default=True,
    help="folder that gets report.html, report.md and report.json",
)
@output_options
def command(store_path: Path, run_id: str | None, folder: Path, as_json: bool, quiet: bool) -> None:
    """Write the dossier of a run: one HTML file without network, Markdown for a pull request, and JSON."""
    from gatekeeper.report import write_report
    from gatekeeper.report.terminal import print_summary
    from gatekeeper.store.connection import Store
    from gatekeeper.store.suites import latest_run

    store = Store(store_path, create=False)
    dossier = write_report(store, run_id or latest_run(store), folder)
    if as_json:
        print_json(dossier.model_dump(mode="json"))
    elif not quiet:
        print_summary(dossier)
        say_next(dossier.run.run, store_path, folder)
