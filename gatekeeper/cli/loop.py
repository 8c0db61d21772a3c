"""`gatekeeper loop SUITE`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gatekeeper.cli.options import output_options, outside_option, print_json, say_next, store_option, suite_argument
from gatekeeper.errors import ExitCode

EXIT = {"promote": ExitCode.OK, "reject": ExitCode.REJECTED, "inconclusive": ExitCode.INCONCLUSIVE}


@click.command("loop")
@suite_argument
@store_option
@click.option(
    "--report",
    "report_folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="folder of the dossier  [default: reports/<suite> beside the store]",
)
@click.option("--dry-run", is_flag=True, help="say what would be sent and spent now; send and write nothing")
@click.option("--reason", default=None, help="why the gate's rules may be looser than when its rows were first read")
@outside_option
@output_options
def command(
    suite_path: Path,
    store_path: Path,
    report_folder: Path | None,
    dry_run: bool,
    reason: str | None,
    allow_outside: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run SUITE to a verdict: generate, train, evaluate, mine and gate, round after round.

    The same command continues a run that was stopped; what was answered is never asked again.
    """
    if dry_run:
        _dry_run(suite_path, store_path, allow_outside, as_json)
        return int(ExitCode.OK)
    from gatekeeper.cli.progress import TerminalProgress
    from gatekeeper.loop import run_loop
    from gatekeeper.report import write_report
    from gatekeeper.report.terminal import print_summary
    from gatekeeper.run.opening import open_session
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    suite = load_suite(suite_path, allow_outside=allow_outside)
    store = Store(store_path)
    progress = TerminalProgress(sys.stderr, quiet=quiet)
    with open_session(suite, store, progress=progress) as session:
        verdict = run_loop(session, reason=reason)
    folder = report_folder or store.path.parent / "reports" / suite.name
    dossier = write_report(store, session.run, folder)
    if as_json:
        print_json(
            {
                "run": session.run,
                "store": str(store_path),
                "report": str(folder / "report.html"),
                "verdict": verdict.model_dump(mode="json"),
            }
        )
    else:
        print_summary(dossier)
        say_next(dossier.run.run, store_path, folder)
    return int(EXIT[verdict.decision])


def _dry_run(suite_path: Path, store_path: Path, allow_outside: bool, as_json: bool) -> None:
    from gatekeeper.check.dry_run import dry_run
    from gatekeeper.cli.plan_lines import plan_document, print_plan
    from gatekeeper.suite.load import load_suite

    plan = dry_run(load_suite(suite_path, allow_outside=allow_outside), store=store_path)
    if as_json:
        print_json(plan_document(plan))
    else:
        print_plan(plan, suite_path, "loop")
