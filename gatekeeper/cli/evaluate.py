"""`gatekeeper evaluate SUITE [STUDENT...]`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gatekeeper.cli.options import output_options, outside_option, print_json, store_option, suite_argument


@click.command("evaluate")
@suite_argument
@click.argument("students", metavar="[STUDENT]...", nargs=-1)
@store_option
@click.option("--dry-run", is_flag=True, help="say what would be sent and spent now; send and write nothing")
@outside_option
@output_options
def command(
    suite_path: Path,
    students: tuple[str, ...],
    store_path: Path,
    dry_run: bool,
    allow_outside: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show teacher and trained students of SUITE side by side on its development split. The gate split is not read."""
    if dry_run:
        _dry_run(suite_path, store_path, allow_outside, as_json)
        return
    from gatekeeper.cli.progress import TerminalProgress
    from gatekeeper.evaluate import evaluate_students
    from gatekeeper.run.opening import open_session
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    suite = load_suite(suite_path, allow_outside=allow_outside)
    with open_session(suite, Store(store_path), progress=TerminalProgress(sys.stderr, quiet=quiet)) as session:
        rows = evaluate_students(session, students)
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "round", "score (95 %)", "retention (90 %)", "rows", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(
            row.name, str(row.round or ""), _span(row.accuracy), _span(row.retention), f"{row.accuracy.n_scored:,}"
        )
    Console(highlight=False).print(table)


def _dry_run(suite_path: Path, store_path: Path, allow_outside: bool, as_json: bool) -> None:
    from gatekeeper.check.dry_run import dry_run, of_evaluate
    from gatekeeper.cli.plan_lines import plan_document, print_plan
    from gatekeeper.suite.load import load_suite

    plan = of_evaluate(dry_run(load_suite(suite_path, allow_outside=allow_outside), store=store_path))
    if as_json:
        print_json(plan_document(plan))
    else:
        print_plan(plan, suite_path, "evaluate")


def _span(estimate: object) -> str:
    value, lower, upper = (getattr(estimate, name, None) for name in ("value", "lower", "upper"))
    if value is None:
        return ""
    return f"{value:.1%}" if lower is None or upper is None else f"{value:.1%} ({lower:.1%} to {upper:.1%})"
