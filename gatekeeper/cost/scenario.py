"""Teacher against candidate, in money: the month, the one-time cost, payback, and the same at the unfavourable end."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from gatekeeper.cost.case import Baseline, CostCase, Scenario, check_scenario, cost_case, held_against
from gatekeeper.cost.payback import npv, payback_months
from gatekeeper.cost.quantities import quantities
from gatekeeper.cost.serving import capacity_rps
from gatekeeper.errors import InputError
from gatekeeper.records import Quantity, Record

__all__ = ["Baseline", "CostCase", "CostComparison", "Scenario", "compare", "npv", "payback_months"]

End = Literal["value", "lower", "upper"]


class CostComparison(Record):
    """The comparison at the measured values and at both ends of what is uncertain of them: the candidate's throughput
    and, where it hands requests on, the teacher's share. With every number that went in or came out."""

    expected: CostCase
    pessimistic: CostCase | None
    """The same scenario with the throughput at the lower end of its interval and the teacher's share at the upper end:
    what a gate compares. None where there is no usable end; `pessimistic_reason` says why, and a gate must not pass
    on it."""
    pessimistic_reason: str | None
    optimistic: CostCase | None
    """The same at the other ends, which decides whether a failure is shown; None as above."""
    price_assumed: bool
    """Of the teacher."""
    baseline_price_assumed: bool
    """Of what the candidate is held against."""
    quantities: tuple[Quantity, ...]


def compare(scenario: Scenario) -> CostComparison:
    """Compare a month with the teacher to a month with the candidate.

    Raises:
        PriceError: the teacher has no price. It never counts as free.
        InputError: the candidate's cost or throughput is missing, zero or not finite, or another input is out of its
            range.
    """
    check_scenario(scenario)
    expected = cost_case(scenario, _capacity(scenario, "value"), _teacher_share(scenario, "value"))
    pessimistic: CostCase | None = None
    optimistic: CostCase | None = None
    reason: str | None = None
    try:
        pessimistic = cost_case(scenario, _capacity(scenario, "lower"), _teacher_share(scenario, "upper"))
        optimistic = cost_case(scenario, _capacity(scenario, "upper"), _teacher_share(scenario, "lower"))
    except InputError as error:
        reason = error.message
    return CostComparison(
        expected=expected,
        pessimistic=pessimistic,
        pessimistic_reason=reason,
        optimistic=optimistic,
        price_assumed=scenario.price_assumed,
        baseline_price_assumed=held_against(scenario).price_assumed,
        quantities=quantities(scenario, expected, pessimistic),
    )


def _teacher_share(scenario: Scenario, end: End) -> Decimal:
    if scenario.teacher_share is None:
        return Decimal(0)
    number: float | None = getattr(scenario.teacher_share, end)
    name = "teacher_share" if end == "value" else f"the {end} bound of teacher_share"
    if number is None:
        raise InputError(
            f"{name} is not known, so the bill is not known", hint="count the requests left to the teacher"
        )
    if not 0 <= number <= 1:
        raise InputError(f"{name} is {number}", hint="a share from 0 to 1")
    return Decimal(repr(float(number)))


def _capacity(scenario: Scenario, end: End) -> Decimal | None:
    if scenario.serving is None:
        return None
    if scenario.throughput is None:
        raise InputError("the candidate's throughput is not known, so its bill is not known", hint="measure its speed")
    return capacity_rps(
        scenario.throughput, end=end, cores_measured=scenario.cores_measured, cores_billed=scenario.serving.cores
    )
