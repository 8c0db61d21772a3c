"""How a dry run is printed: a table of stages, what training takes, and whether the budget holds."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gatekeeper.cost.money import format_usd
from gatekeeper.run.planned import LoopPlan, PlannedCalls, PlannedTraining

UNKNOWN = "-"
WIDTH_OF_PIPES = 118
NARROW = 76
HEADERS = ("calls", "stored", "to send", "tokens in", "out", "about", "at most")


def plan_document(plan: LoopPlan) -> dict[str, Any]:
    """Return a plan as JSON values, with its sums."""
    sums = ("left", "usd", "most_usd", "input_tokens", "output_tokens", "most_output_tokens")
    training = plan.training
    return {
        **plan.model_dump(mode="json"),
        "lines": [
            {**line.model_dump(mode="json"), **{name: _plain(getattr(line, name)) for name in sums}}
            for line in plan.lines
        ],
        "training": None if training is None else {**training.model_dump(mode="json"), "usd": _plain(training.usd)},
        "calls": plan.calls,
        "stored": plan.stored,
        "left": plan.calls - plan.stored,
        "usd": str(plan.usd),
        "most_usd": str(plan.most_usd),
        "left_usd": str(plan.left_usd),
    }


def print_plan(plan: LoopPlan, suite: Path, verb: str) -> None:
    """Print a plan on stdout.

    Args:
        plan: of the suite.
        suite: path of the suite, as it was given.
        verb: what is planned: `loop` or `evaluate`.
    """
    sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    out = Console(highlight=False, width=None if sized else WIDTH_OF_PIPES)
    out.print("dry run: nothing is sent, and nothing is written", style="bold")
    below = Table.grid(padding=(0, 1, 0, 0))
    if plan.verdict is not None:
        below.add_row("verdict", f"this run has its verdict already ({plan.verdict}), so the loop asks nothing")
    else:
        out.print(_stages(plan, narrow=out.width < NARROW))
        for text in dict.fromkeys(_about(line) for line in plan.lines):
            below.add_row("model", text)
        if plan.training is not None:
            below.add_row("training", _training(plan.training))
        below.add_row("budget", _budget(plan), style="" if _fits(plan) else "yellow")
    for note in plan.notes:
        below.add_row("note", note, style="yellow")
    below.add_row("next", f"gatekeeper {verb} {suite}")
    out.print(below)


def _stages(plan: LoopPlan, *, narrow: bool) -> Table:
    """Return the table of stages; a narrow one leaves out the calls, which are the stored ones and those to send."""
    table = Table(box=None, padding=(0, 1 if narrow else 2, 0, 0))
    table.add_column("stage", overflow="fold")
    for header in HEADERS[narrow:]:
        table.add_column(header, justify="right", no_wrap=True)
    for line in plan.lines:
        table.add_row(line.stage.partition(", once")[0], *_numbers(line)[narrow:])
    left = plan.calls - plan.stored
    tokens = (sum(line.input_tokens for line in plan.lines), sum(line.output_tokens for line in plan.lines))
    sums = (plan.calls, plan.stored, left, *tokens)[narrow:]
    table.add_row("all", *(f"{one:,}" for one in sums), format_usd(plan.usd), format_usd(plan.most_usd), style="bold")
    return table


def _numbers(line: PlannedCalls) -> list[str]:
    counts = (line.calls, line.stored, line.left, line.input_tokens, line.output_tokens)
    return [*(f"{one:,}" for one in counts), format_usd(line.usd), format_usd(line.most_usd)]


def _about(line: PlannedCalls) -> str:
    """Return what holds for all calls to one model."""
    each = line.each
    price = f"about {format_usd(each.usd)} a request, at most {format_usd(each.most_usd)}"
    batch = ", in batches" if line.batch else ""
    assumed = ", at the price of the model that it stands in for" if line.assumed else ""
    limit = f"at most {each.most_output_tokens:,.0f} in an answer"
    return f"{line.model}: {price}{batch}{assumed}; tokens: {each.counted}; {limit}"


def _training(training: PlannedTraining) -> str:
    done = f", {training.trained:,} of them done" if training.trained else ""
    price = f"charged by time at {format_usd(training.usd_per_hour)} an hour"
    known = training.usd is not None and training.seconds is not None
    takes = (
        f"about {training.seconds:,.0f} s, {format_usd(training.usd)}" if known else f"{UNKNOWN} (none was timed yet)"
    )
    count = f"{training.trainings:,} training{'' if training.trainings == 1 else 's'}"
    return f"at most {count}{done}; {takes} for those that are left, {price}"


def _budget(plan: LoopPlan) -> str:
    spent = f", of which {format_usd(plan.spent_usd)} are spent by this run" if plan.spent_usd else ""
    whole = f"{format_usd(plan.budget_usd)}{spent}"
    if plan.most_usd <= plan.left_usd:
        return f"{whole}; it holds even if every answer is as long as its limit"
    if _fits(plan):
        return f"{whole}; it holds for what is expected, not if every answer is as long as its limit"
    missing = plan.usd - plan.left_usd
    return f"{whole}; {format_usd(missing)} too little if every round and look is used: then exit code 12, work kept"


def _fits(plan: LoopPlan) -> bool:
    return plan.usd <= plan.left_usd


def _plain(value: Decimal | int | None) -> str | int | None:
    return str(value) if isinstance(value, Decimal) else value
