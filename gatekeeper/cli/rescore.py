"""`gatekeeper rescore SUITE`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.cli.options import output_options, outside_option, print_json, store_option, suite_argument

if TYPE_CHECKING:
    from gatekeeper.records import Estimate
    from gatekeeper.rescore import Rescored, RescoredRows

_COLUMNS = ("model", "split", "answers", "missing", "reread", "unreadable", "changed", "before (95 %)", "after (95 %)")
_WIDTH = 132


@click.command("rescore")
@suite_argument
@store_option
@outside_option
@output_options
def command(suite_path: Path, store_path: Path, allow_outside: bool, as_json: bool, quiet: bool) -> None:
    """Read the stored answers to the questions of SUITE again, and score them as SUITE says now. Nothing is sent.

    Answers are found by what was asked, so they stay found when a scorer, a label or a price has changed. Scores are
    shown for the development split; gate rows are counted, and scored when a look is spent on them.
    """
    from gatekeeper.rescore import rescore_suite
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    suite = load_suite(suite_path, allow_outside=allow_outside)
    done = rescore_suite(suite, Store(store_path, create=False))
    if as_json:
        print_json(done.model_dump(mode="json"))
    elif not quiet:
        _show(done)


def _show(done: Rescored) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*_COLUMNS, box=None, padding=(0, 2, 0, 0))
    for row in done.rows:
        table.add_row(*_cells(row))
    click.echo(f"{done.suite}, scorer {done.scorer} ({done.version})")
    Console(highlight=False, width=_WIDTH).print(table)
    for note in done.notes:
        click.echo(note, err=True)
    unjudged = sum(row.unjudged for row in done.rows)
    if unjudged:
        click.echo(f"{unjudged:,} answers have no score, since the judge was not asked about them; the loop does that.")
    click.echo(f"{_outcome(done)} {done.calls} calls, ${done.usd}.")


def _cells(row: RescoredRows) -> tuple[str, ...]:
    name = row.model if row.round is None else f"{row.model}, round {row.round}"
    missing, changed = (("" if count is None else f"{count:,}") for count in (row.missing, row.changed))
    counts = (f"{row.answers:,}", missing, f"{row.reread:,}", f"{row.unreadable:,}", changed)
    return (name, row.split, *counts, _span(row.before), _span(row.after))


def _outcome(done: Rescored) -> str:
    if done.kept_because is not None:
        return f"Nothing was written: {done.kept_because}."
    if done.written:
        return "Predictions and scores of the development rows are in the store."
    return "The store has no answer to any development row, so nothing was written."


def _span(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return ""
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({estimate.lower:.1%} to {estimate.upper:.1%})"
