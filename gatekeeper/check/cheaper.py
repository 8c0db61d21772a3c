"""Does something cheaper than a student do as well, and what do the teacher's examples cost?"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.check.distil_plan import DistilLine, Speaks, rounded
from gatekeeper.cost.money import format_factor, format_usd
from gatekeeper.whatif.prices import api_usd_per_request
from gatekeeper.whatif.table import Row, table_of
from gatekeeper.whatif.worksheet import DISTILLED, TEACHER, Values, Worksheet


def cheaper_line(worksheet: Worksheet) -> DistilLine:
    """Return whether a cache, batches or a cheaper model already meet the requirement on cost.

    Then nothing is left to distil for: no student, no engineering, no risk to quality.
    """
    limit = Values(worksheet)["gate.reduction"]
    rows = [one for one in table_of(worksheet).rows if one.kind not in DISTILLED and one.bill and one.name != TEACHER]
    waiting = _waiting(worksheet)
    best = max((one.teacher_reduction for one in (*rows, *waiting) if one.teacher_reduction), default=None)
    enough = [row for row in rows if row.passes and _meets(row, limit)]
    maybe = [f"{_costs(row)}, if it passes" for row in rows if row.passes is None and _meets(row, limit)]
    hours = [row for row in waiting if _meets(row, limit)]
    maybe += [f"{_costs(row)}, if every request can wait for hours" for row in sorted(hours, key=_month)[:1]]
    outcome: Speaks
    if enough:
        cheapest = min(enough, key=_month)
        outcome, best = "against", cheapest.teacher_reduction
        sentence = f"Do not distil: {_costs(cheapest)}, and its answers pass; required is a factor of {limit:g}."
        change = "a higher gates.cost.reduction"
    elif maybe:
        outcome, sentence = "open", f"Perhaps: {'; '.join(maybe)}. Required is a factor of {limit:g}."
        change = "a run judges the baselines; whoever knows which requests can wait sets batch_share"
    else:
        outcome, sentence = _none(rows, best, limit)
        change = "a longer prompt that repeats, a batch price, or a cheaper model under `baselines`"
    return DistilLine(
        key="cheaper",
        question="Does nothing cheaper do as well?",
        outcome=outcome,
        value=rounded(best),
        threshold=limit,
        unit="times less than the teacher",
        source="gates.cost.reduction",
        sentence=sentence,
        change=change,
        numbers={f"{row.name}_usd_per_month": rounded(_month(row)) for row in rows},
    )


def _none(rows: Sequence[Row], best: Decimal | None, limit: Decimal) -> tuple[Speaks, str]:
    """Return outcome and sentence where nothing that is named reaches the requirement."""
    reached = "none has a price here" if best is None else f"the best reaches a factor of {format_factor(best)}"
    if any(row.kind == "cheaper_api" for row in rows):
        return "for", f"No cache, batch or baseline reaches the factor of {limit:g} that is required: {reached}."
    return "open", (
        f"Cache and batches alone do not reach the factor of {limit:g} that is required: {reached}. No cheaper model "
        "is named under `baselines`, so nobody knows whether one would do."
    )


def generation_line(worksheet: Worksheet, budget_usd: Decimal) -> DistilLine:
    """Return what the teacher's examples cost, at the standard price and in batches, against the loop's budget."""
    values = Values(worksheet)
    examples, rows = values["generation_examples"], values["evaluation_rows"]
    each = api_usd_per_request(worksheet, worksheet.option(TEACHER), values, batch_share=Decimal(0))
    standard = (examples + rows) * each
    batch = None
    if "teacher.batch_input_per_m" in values:
        batch = (examples + rows) * api_usd_per_request(
            worksheet, worksheet.option(TEACHER), values, batch_share=Decimal(1)
        )
    in_batches = "no batch price is known" if batch is None else f"{format_usd(batch)} in batches"
    sentence = (
        f"{examples:,} examples and {rows:,} rows to judge on cost {format_usd(standard)} at the standard price, "
        f"{in_batches}."
    )
    return DistilLine(
        key="generation",
        question="Are the teacher's examples affordable?",
        outcome="for" if standard <= budget_usd else "against",
        value=rounded(standard),
        threshold=rounded(budget_usd),
        unit="USD",
        source="loop.budget_usd",
        sentence=sentence,
        change="fewer rounds or examples per round, a cheaper teacher, or a higher budget",
        numbers={"standard_usd": rounded(standard), "batch_usd": rounded(batch), "usd_per_example": rounded(each)},
    )


def _waiting(worksheet: Worksheet) -> list[Row]:
    """Return the rows of the batch options if every request could wait."""
    names = [one.name for one in worksheet.options if one.kind in ("batch", "caching_and_batch")]
    if not names:
        return []
    table = table_of(worksheet.with_values({f"{name}.batch_share": Decimal(1) for name in names}))
    return [row for row in table.rows if row.name in names and row.bill is not None]


def _meets(row: Row, limit: Decimal) -> bool:
    return row.teacher_reduction is None or row.teacher_reduction >= limit


def _costs(row: Row) -> str:
    factor = (
        "infinitely less"
        if row.teacher_reduction is None
        else f"a factor of {format_factor(row.teacher_reduction)} less"
    )
    return f"{row.name} costs {format_usd(_month(row))} a month ({factor} than the teacher)"


def _month(row: Row) -> Decimal:
    assert row.bill is not None
    return row.bill.usd
