"""`gatekeeper check SUITE`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.cli.options import output_options, outside_option, print_json, suite_argument

if TYPE_CHECKING:
    from gatekeeper.check import Plan


@click.command("check")
@suite_argument
@outside_option
@output_options
def command(suite_path: Path, allow_outside: bool, as_json: bool, quiet: bool) -> None:
    """Check SUITE and its data, and plan its loop: splits, power, price. Nothing is sent or spent."""
    from gatekeeper.check import check_suite
    from gatekeeper.suite.load import load_suite

    plan = check_suite(load_suite(suite_path, allow_outside=allow_outside))
    if as_json:
        print_json(plan.model_dump(mode="json"))
    elif not quiet:
        _print(plan, suite_path)


def _print(plan: Plan, path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from gatekeeper.cost.money import format_usd

    out = Console(highlight=False, soft_wrap=True)
    counts = ", ".join(f"{count:,} {split}" for split, count in plan.counts.items() if count)
    dropped = sum(count for kind, count in plan.duplicates.items() if kind != "conflicting_labels")
    assumed = " (assumed: the teacher is a stand-in)" if plan.price_assumed else ""
    out.print(f"{plan.suite}: the suite and its data are valid", style="bold")
    out.print(f"rows     {counts}; {dropped:,} duplicates left out")
    out.print(
        f"price    {plan.price.model}, {format_usd(plan.usd_per_request)} a request{assumed}, {plan.price.source}"
    )
    out.print(f"loop     at most {plan.teacher_calls:,} teacher calls, about {format_usd(plan.teacher_usd)}")
    out.print(f"month    {format_usd(plan.teacher_usd_per_month)} with the teacher at the planned volume")
    table = Table("true retention", "first look", "last look", "rows for 80 % at the last look", box=None)
    for row in plan.power:
        needed = "more than can be" if row.rows_for_80_percent is None else f"{row.rows_for_80_percent:,}"
        table.add_row(f"{row.retention:.0%}", f"{row.first_look:.0%}", f"{row.last_look:.0%}", needed)
    out.print(f"\nchance to pass retention above {plan.retention:.0%} with {plan.counts['gate']:,} gate rows:")
    out.print(table)
    for key, value in plan.assumed:
        out.print(f"assumed  {key} = {value}", style="dim")
    for warning in plan.warnings:
        out.print(f"warning  {warning}", style="yellow")
    out.print(f"next     gatekeeper loop {path}")
