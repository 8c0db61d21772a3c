"""`gatekeeper check SUITE`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.cli.distil_lines import print_distil
from gatekeeper.cli.options import output_options, outside_option, print_json, store_option, suite_argument

if TYPE_CHECKING:
    from rich.console import Console

    from gatekeeper.check import Plan
    from gatekeeper.check.plan import Basis, SlicesPlan
    from gatekeeper.gate.ceiling import Ceiling
    from gatekeeper.records import Estimate

SLICES_SHOWN = 12
"""The smallest slices are listed; `--json` has them all."""


@click.command("check")
@suite_argument
@store_option
@outside_option
@output_options
def command(suite_path: Path, store_path: Path, allow_outside: bool, as_json: bool, quiet: bool) -> None:
    """Check SUITE and its data, and plan its loop and its gate: splits, power, price. Nothing is sent or spent.

    It says too what speaks for and against distilling at all, each with its numbers and their source.

    Where the store has answers of the suite's teacher already, power rests on them, and on the looks that are left. The
    store may be missing, and is only read.
    """
    from gatekeeper.check import check_suite
    from gatekeeper.suite.load import load_suite

    plan = check_suite(load_suite(suite_path, allow_outside=allow_outside), store=store_path)
    if as_json:
        print_json(plan.model_dump(mode="json"))
    elif not quiet:
        _print(plan, suite_path)


def _print(plan: Plan, path: Path) -> None:
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=True)
    _print_data(out, plan)
    _print_power(out, plan)
    if plan.slices is not None and plan.slices.slices:
        _print_slices(out, plan.slices)
    if plan.others:
        _print_others(out, plan)
    print_distil(out, plan.distil)
    for key, value in plan.assumed:
        out.print(f"assumed  {key} = {value}", style="dim")
    for warning in plan.warnings:
        out.print(f"warning  {warning}", style="yellow")
    out.print(f"next     gatekeeper loop {path}")


def _print_data(out: Console, plan: Plan) -> None:
    from gatekeeper.cost.money import format_usd

    counts = ", ".join(f"{count:,} {split}" for split, count in plan.counts.items() if count)
    dropped = sum(count for kind, count in plan.duplicates.items() if kind != "conflicting_labels")
    assumed = " (assumed: the teacher is a stand-in)" if plan.price_assumed else ""
    exact, near = sum(plan.copies.exact.values()), sum(plan.copies.near.values())
    out.print(f"{plan.suite}: the suite and its data are valid", style="bold")
    out.print(f"rows     {counts}; {dropped:,} duplicates left out")
    out.print(f"copies   {exact:,} exact and {near:,} near copies of gate rows left out. {plan.copies.sentence}")
    out.print(
        f"price    {plan.price.model}, {format_usd(plan.usd_per_request)} a request{assumed}, {plan.price.source}"
    )
    out.print(f"loop     at most {plan.teacher_calls:,} teacher calls, about {format_usd(plan.teacher_usd)}")
    out.print(f"month    {format_usd(plan.teacher_usd_per_month)} with the teacher at the planned volume")


def _print_power(out: Console, plan: Plan) -> None:
    from rich.table import Table

    _print_looks(out, plan)
    looks = len(plan.alphas)
    table = Table("truly keeps", "first look", "last look", box=None)
    if looks > 1:
        table.add_column(f"any of {looks}, one student")
        table.add_column(f"any of {looks}, fresh students")
    if plan.interim > 1:
        table.add_column("rows read")
    for row in plan.power:
        cells = [f"{row.retention:.0%}", f"{row.first_look:.0%}", f"{row.last_look:.0%}"]
        if looks > 1:
            cells += [f"{row.all_looks_same_student:.0%}", f"up to {row.all_looks_fresh_students:.0%}"]
        if plan.interim > 1:
            cells.append(f"{row.share_of_rows:.0%}")
        table.add_row(*cells)
    out.print(f"\nchance to pass retention above {plan.retention:.0%} with {plan.counts['gate']:,} gate rows:")
    out.print(table)
    if looks > 1:
        out.print(
            "One student has the same counts at each look, so the most generous look decides. Another student each "
            "round has other counts on the same rows: its chance lies between both columns.",
            style="dim",
        )
    _print_rows(out, plan)


def _print_rows(out: Console, plan: Plan) -> None:
    from rich.table import Table

    from gatekeeper.cost.money import format_usd

    out.print(f"\ngate rows for a chance of 80 %; one more row costs {format_usd(plan.usd_per_gate_row)}:")
    table = Table("truly keeps", "at the last look", "in one look of the whole error", "missing", "price", box=None)
    for row in plan.power:
        price = format_usd(row.missing_usd) if row.missing_rows else ""
        needed = _rows(row.rows_for_80_percent), _rows(row.rows_in_one_look), _rows(row.missing_rows, "")
        table.add_row(f"{row.retention:.0%}", *needed, price)
    out.print(table)


def _print_looks(out: Console, plan: Plan) -> None:
    out.print(f"basis    {_basis(plan.basis)}")
    if plan.ceiling is not None:
        out.print(f"teacher  {_ceiling(plan.ceiling)}")
    budget = plan.budget
    if budget is not None:
        next_look = "no look is left" if budget.next_alpha is None else f"the next look gets {budget.next_alpha:.4f}"
        out.print(
            f"error    {budget.left:.4f} of {budget.alpha:g} is left on this gate split after {budget.looks_spent} of "
            f"{budget.looks_planned} planned looks; {next_look}"
        )
    if plan.smallest_gate_rows is not None:
        out.print(
            f"least    {plan.smallest_gate_rows:,} gate rows for a student identical to such a teacher to pass the "
            f"first look, {_rows(plan.smallest_gate_rows_last)} for the last"
        )


def _basis(basis: Basis) -> str:
    how = {
        "measured": f"measured on {basis.teacher_rows or 0:,} development rows",
        "assumed": "assumed",
        "by definition": "by definition, without right answers",
    }[basis.teacher_origin]
    teacher = f"a teacher that scores {basis.teacher_accuracy:.3g} ({how})"
    if basis.counts is None:
        return f"{teacher}, correlation of right answers {basis.correlation:.2g} (assumed)"
    both, student, alone, neither = basis.counts
    counts = f"{both:,} both right, {student:,} student only, {alone:,} teacher only, {neither:,} neither"
    return f"{teacher}, correlation of right answers {basis.correlation:.2g} (measured with {basis.student}: {counts})"


def _ceiling(ceiling: Ceiling) -> str:
    parts = []
    if ceiling.teacher is not None and ceiling.required_score is not None:
        parts.append(f"right on {_span(ceiling.teacher)}, so a student must be right on {ceiling.required_score:.1%}")
    if ceiling.majority is not None:
        verb = "agrees with it on" if ceiling.fidelity else "is right on"
        parts.append(f"always answering {ceiling.majority_label!r} {verb} {_span(ceiling.majority)}")
    if ceiling.teacher_kappa is not None and ceiling.teacher_kappa.value is not None:
        parts.append(f"kappa {ceiling.teacher_kappa.value:.2f}")
    if ceiling.self_agreement is not None:
        parts.append(f"agrees with itself on {_span(ceiling.self_agreement)}")
    return f"{'; '.join(parts)}; {ceiling.rows:,} development rows"


def _span(estimate: Estimate) -> str:
    if estimate.value is None:
        return "an unknown share"
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({estimate.lower:.1%} to {estimate.upper:.1%})"


def _print_slices(out: Console, plan: SlicesPlan) -> None:
    from rich.table import Table

    aim = "each is to be shown above" if plan.prove else "none may be shown below"
    out.print(f"\nslices, of which {aim} {plan.minimum:.0%}, the smallest first:")
    table = Table("slice", "rows", "shown below from", box=None)
    if plan.prove:
        table.add_column("chance as good as the teacher")
    for one in plan.slices[:SLICES_SHOWN]:
        below = "nothing is" if one.shown_below is None else f"{one.shown_below:.0%} kept"
        above = [] if one.chance_above is None else [f"{one.chance_above:.0%}"]
        table.add_row(one.name, f"{one.rows:,}", below, *above)
    out.print(table)
    more = len(plan.slices) - SLICES_SHOWN
    tail = f" {more} larger ones are not listed." if more > 0 else ""
    joint = (
        "" if plan.all_at_most is None else f" All slices together: {plan.all_at_least:.0%} to {plan.all_at_most:.0%}."
    )
    out.print(
        f"At least {_rows(plan.smallest_below)} rows to be shown below when all are wrong, "
        f"{_rows(plan.smallest_above)} to be shown above when identical to the teacher, "
        f"{_rows(plan.rows_for_80_percent)} for 80 %.{joint}{tail}",
        style="dim",
    )


def _print_others(out: Console, plan: Plan) -> None:
    from rich.table import Table

    out.print("\nother evals, at the last look; chances are those of a student as good there as the teacher:")
    table = Table(box=None)
    table.add_column("rule", no_wrap=True)
    areas = any(one.chance is None for one in plan.others)
    for header in ("required", "rows", "least", "chance", "for 80 %", *(["area for 80 %"] if areas else [])):
        table.add_column(header)
    for one in plan.others:
        chance = "" if one.chance is None else f"{one.chance:.0%}"
        needed = "" if one.chance is None else _rows(one.rows_for_80_percent)
        area = "" if one.least_auroc is None else f"{one.least_auroc:.3f}"
        cells = [
            f"{one.requirement:g}",
            f"{one.rows:,}",
            _rows(one.smallest),
            chance,
            needed,
            *([area] if areas else []),
        ]
        table.add_row(one.rule, *cells)
    out.print(table)


def _rows(count: int | None, unknown: str = "more than can be") -> str:
    return unknown if count is None else f"{count:,}"
