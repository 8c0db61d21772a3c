"""Where the answer turns: the volumes, the price of errors, the escalation and the teacher's price.

Volumes and the price of errors have closed forms (`cost.volumes`, `cost.quality`). Escalation and the teacher's price
are roots of the whole computation: the monthly saving falls with the share that the teacher answers, and what a move is
worth rises with the teacher's price. Both are straight lines but for the choice of the baseline, so that the false
position (Illinois) finds them in a few steps.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from gatekeeper.cost.alternative import Bill
from gatekeeper.cost.plan import baseline_bill, candidate_bill
from gatekeeper.cost.volumes import ProfitableIntervals
from gatekeeper.records import Record
from gatekeeper.whatif.options import alternative_of, plan_of
from gatekeeper.whatif.sheet import set_values
from gatekeeper.whatif.table import Row, Table, baseline_of
from gatekeeper.whatif.vary import npv_of
from gatekeeper.whatif.worksheet import DISTILLED, TEACHER, WITH_TEACHER, Values, Worksheet

_STEPS = 60
_NEAR = Decimal("1e-9")
"""Dollars that count as zero."""
MOST_DEARER = Decimal(100)
"""The teacher's price is looked for up to a hundred times today's."""


class BreakEven(Record):
    """Where one option stops or starts to pay. None: nowhere, or undefined."""

    option: str
    compared_with: str
    volumes: ProfitableIntervals | None
    """At which a month saves money."""
    volumes_with_program: ProfitableIntervals | None
    """At which the horizon's savings earn all of the one-time cost."""
    break_even_error_usd: Decimal | None
    most_teacher_share: Decimal | None
    """Cascade and router: the share of requests at the teacher up to which a month saves money."""
    most_teacher_share_for_gate: Decimal | None
    """The same up to which the required reduction holds."""
    teacher_price_factor: Decimal | None
    """The factor on all of the teacher's prices at which the move is worth nothing; None: it never is or always."""
    teacher_prices: dict[str, Decimal]
    """The teacher's input and output price at that factor, USD per million tokens."""


def break_even_of(worksheet: Worksheet, table: Table, name: str) -> BreakEven:
    """Return where the answer about an option turns.

    Raises:
        InputError: the option is unknown.
    """
    row, option = table.row(name), worksheet.option(name)
    outlook = row.outlook
    shares: tuple[Decimal | None, Decimal | None] = (None, None)
    if option.kind in WITH_TEACHER and outlook is not None:
        shares = _most_share(worksheet, row, Decimal(1)), _most_share(worksheet, row, _required(worksheet))
    factor = None if outlook is None else _price_factor(worksheet, name)
    return BreakEven(
        option=name,
        compared_with=row.compared_with,
        volumes=None if outlook is None else outlook.volumes,
        volumes_with_program=None if outlook is None else outlook.volumes_with_program,
        break_even_error_usd=None if outlook is None else outlook.break_even_error_usd,
        most_teacher_share=shares[0],
        most_teacher_share_for_gate=shares[1],
        teacher_price_factor=factor,
        teacher_prices={} if factor is None else _plain_prices(worksheet, factor),
    )


def _required(worksheet: Worksheet) -> Decimal:
    return Values(worksheet).default("gate.reduction", Decimal(1))


def _bills(worksheet: Worksheet, name: str) -> tuple[Bill, Bill]:
    """Return the first month of what the option is held against, and of the option."""
    values = Values(worksheet)
    option = worksheet.option(name)
    other = (
        baseline_of(worksheet, values)
        if option.kind in DISTILLED
        else alternative_of(worksheet, worksheet.option(TEACHER), values)
    )
    plan = plan_of(worksheet, option, other, values)
    return baseline_bill(plan, 1), candidate_bill(plan, 1)


def _most_share(worksheet: Worksheet, row: Row, reduction: Decimal) -> Decimal | None:
    """Return the largest share at the teacher with baseline / candidate >= reduction; None: not even 0 has it."""
    key = f"{row.name}.teacher_share"

    def spare(share: Decimal) -> Decimal:
        base, mine = _bills(set_values(worksheet, {key: share}), row.name)
        return base.usd - reduction * mine.usd

    top = Decimal(1) if row.kind == "cascade" else Decimal("0.999999")  # a router that sends all needs no student
    if spare(Decimal(0)) < 0:
        return None
    return top if spare(top) >= 0 else _root(spare, Decimal(0), top)


def _price_factor(worksheet: Worksheet, name: str) -> Decimal | None:
    def worth(factor: Decimal) -> Decimal:
        return npv_of(_with_prices(worksheet, factor), name)

    if worth(Decimal(0)) > 0 or worth(MOST_DEARER) <= 0:
        return None
    return _root(worth, Decimal(0), MOST_DEARER)


def _with_prices(worksheet: Worksheet, factor: Decimal) -> Worksheet:
    keys = [one for one in worksheet.inputs if one.name.startswith(f"{TEACHER}.") and one.name.endswith("_per_m")]
    changed = {one.name: one.value * factor for one in keys if one.value is not None}
    return set_values(worksheet, changed, source="break-even")


def _plain_prices(worksheet: Worksheet, factor: Decimal) -> dict[str, Decimal]:
    values = Values(worksheet)
    names = (f"{TEACHER}.input_per_m", f"{TEACHER}.output_per_m")
    return {name: values[name] * factor for name in names if name in values}


def _root(value: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """Return where `value`, of different signs at `low` and `high`, is zero."""
    at_low, at_high = value(low), value(high)
    point, kept = low, ""
    for _ in range(_STEPS):
        point = low - at_low * (high - low) / (at_high - at_low)
        found = value(point)
        if abs(found) < _NEAR:
            break
        # An end that is kept twice weighs half, else a bend in the line would hold the other end back.
        if (found > 0) == (at_high > 0):
            at_low = at_low / 2 if kept == "low" else at_low
            high, at_high, kept = point, found, "low"
        else:
            at_high = at_high / 2 if kept == "high" else at_high
            low, at_low, kept = point, found, "high"
    return point
