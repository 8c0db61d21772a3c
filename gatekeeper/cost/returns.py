"""What a project returns when its months differ: payback, return on investment, internal rate, and waiting.

    payback = first m with S_1 + .. + S_m >= I, linear within the month
    ROI     = (sum of S_m - I) / I
    IRR     = the monthly rate at which -I + sum of S_m / (1 + rate)^m is 0, where there is exactly one

S_m is the saving of month m and I the one-time cost. Source: cost design 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from itertools import pairwise

from gatekeeper.cost.checks import require_finite, require_zero_or_more
from gatekeeper.cost.payback import payback_months, present_values
from gatekeeper.errors import InputError

_DIGITS = 50
_HALVINGS = 200


def payback_in(
    one_time_usd: Decimal, savings_usd: Sequence[Decimal], *, discount_per_year: Decimal = Decimal(0)
) -> Decimal | None:
    """Return the months until the savings have repaid the one-time cost; None: never within these months.

    The month that repays counts in proportion: m - 1 + (I - what came before) / S_m. The whole month is its ceiling.
    With a discount, each saving counts at its present value.
    """
    cost = require_zero_or_more(one_time_usd, "the one-time cost")
    total = Decimal(0)
    for month, saving in enumerate(present_values(savings_usd, discount_per_year=discount_per_year)):
        if saving > 0 and total + saving >= cost:
            return month + (cost - total) / saving
        total += saving
    return None


def payback_of(one_time_usd: Decimal, savings_usd: Sequence[Decimal]) -> Decimal | None:
    """Return the undiscounted payback in months: I / S where all months save the same, else `payback_in`.

    A constant saving is taken to last, so its payback may lie beyond the months that are given.
    """
    if savings_usd and all(saving == savings_usd[0] for saving in savings_usd):
        return payback_months(one_time_usd, savings_usd[0])
    return payback_in(one_time_usd, savings_usd)


def roi(one_time_usd: Decimal, savings_usd: Sequence[Decimal]) -> Decimal | None:
    """Return (sum of savings - I) / I, a share; None where nothing is invested."""
    cost = require_zero_or_more(one_time_usd, "the one-time cost")
    return (sum(savings_usd, Decimal(0)) - cost) / cost if cost else None


def sign_changes(flows_usd: Sequence[Decimal]) -> int:
    """Return how often the cash flow changes its sign; zeros do not count."""
    signs = [flow > 0 for flow in flows_usd if require_finite(flow, "a cash flow") != 0]
    return sum(one != two for one, two in pairwise(signs))


def irr_per_month(one_time_usd: Decimal, savings_usd: Sequence[Decimal]) -> Decimal | None:
    """Return the internal rate of return, a share per month.

    None where the cash flow does not change its sign exactly once. With none there is no rate; with more there may be
    several (-100, 230, -132 has 10 % and 20 %), and tools pick one of them. With exactly one there is exactly one rate
    above -1 (Descartes' rule of signs), which bisection of x = 1 / (1 + rate) finds.
    """
    flows = [-one_time_usd, *savings_usd]
    if sign_changes(flows) != 1:
        return None
    while flows[0] == 0:
        flows = flows[1:]
    with localcontext() as context:
        context.prec = _DIGITS
        low, high = Decimal(0), Decimal(1)
        while (_value(flows, high) > 0) == (flows[0] > 0):
            high *= 2
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if (_value(flows, middle) > 0) == (flows[0] > 0):
                low = middle
            else:
                high = middle
        rate = 1 / high - 1
    return +rate


def npv_of_waiting(
    one_time_usd: Decimal, savings_usd: Sequence[Decimal], *, wait_months: int, discount_per_year: Decimal
) -> Decimal:
    """Return the net present value today of the same project begun `wait_months` later, in USD.

    The savings of the months waited are lost, those after them are kept, and the one-time cost is paid at the end of
    the wait: -I / (1 + r_m)^k + sum over m > k of S_m / (1 + r_m)^m. With k = 0 it is the net present value.
    """
    if not 0 <= wait_months <= len(savings_usd):
        raise InputError(f"wait_months is {wait_months}", hint=f"0 to the {len(savings_usd)} months that are given")
    values = present_values(savings_usd, discount_per_year=discount_per_year)
    paid = require_zero_or_more(one_time_usd, "the one-time cost")
    if wait_months:
        paid = present_values([paid] * wait_months, discount_per_year=discount_per_year)[-1]
    return sum(values[wait_months:], -paid)


def _value(flows: Sequence[Decimal], x: Decimal) -> Decimal:
    """Return the polynomial with these coefficients, constant first, at x (Horner)."""
    total = Decimal(0)
    for flow in reversed(flows):
        total = total * x + flow
    return total
