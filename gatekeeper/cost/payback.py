"""When a one-time cost comes back: payback, net present value, and the volumes at which the candidate saves money.

None always means "never"; what cannot be computed is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from gatekeeper.cost.checks import require_finite, require_positive
from gatekeeper.errors import InputError
from gatekeeper.records import Record


class BreakEven(Record):
    """Monthly volumes at which the candidate costs no more than the baseline. None: there is no such volume.

    Replicas are whole machines, so the profitable volumes can have holes: a new replica starts each time the running
    ones are full. `first_to` is the end of the first profitable stretch, None when it never ends.
    """

    first_from: Decimal | None
    first_to: Decimal | None
    always_from: Decimal | None


NEVER = BreakEven(first_from=None, first_to=None, always_from=None)


def payback_months(one_time_usd: Decimal, saving_usd_per_month: Decimal) -> Decimal | None:
    """Return the months until a constant monthly saving has repaid the one-time cost; None when it never does.

    The last month counts in proportion. A saving that is not above 0 never pays back, not even a cost of 0.
    """
    require_finite(one_time_usd, "the one-time cost")
    if one_time_usd < 0:
        raise InputError(f"the one-time cost is {one_time_usd}", hint="0 or more")
    if require_finite(saving_usd_per_month, "the monthly saving") <= 0:
        return None
    return one_time_usd / saving_usd_per_month


def npv(one_time_usd: Decimal, savings_usd: Sequence[Decimal], *, discount_per_year: Decimal) -> Decimal:
    """Return the net present value in USD: -one_time + sum over months m = 1.. of saving_m / (1 + r)^(m / 12).

    Args:
        one_time_usd: what is spent before the first month.
        savings_usd: the saving at the end of each month; its length is the horizon.
        discount_per_year: r, a share such as 0.10.
    """
    total = -require_finite(one_time_usd, "the one-time cost")
    for value in present_values(savings_usd, discount_per_year=discount_per_year):
        total += value
    return total


def present_values(savings_usd: Sequence[Decimal], *, discount_per_year: Decimal) -> tuple[Decimal, ...]:
    """Return what the saving at the end of each month m = 1.. is worth before the first: saving_m / (1 + r)^(m / 12).

    With r_m = (1 + r)^(1/12) - 1 that is S_m / (1 + r_m)^m. Source: cost design 4.4.
    """
    if require_finite(discount_per_year, "the discount") < 0:
        raise InputError(f"the discount is {discount_per_year} a year", hint="a share of 0 or more, such as 0.10")
    month = (1 + discount_per_year) ** (Decimal(1) / 12)
    factor = Decimal(1)
    values = []
    for saving in savings_usd:
        factor *= month
        values.append(require_finite(saving, "a monthly saving") / factor)
    return tuple(values)


def break_even_volume(fixed_usd_per_month: Decimal, saving_usd_per_request: Decimal) -> int | None:
    """Return the smallest whole number of requests a month whose savings cover a fixed cost; None: no number does."""
    fixed = require_finite(fixed_usd_per_month, "the fixed cost")
    if require_finite(saving_usd_per_request, "the saving per request") <= 0:
        return None
    return max(0, _ceil(fixed / saving_usd_per_request))


def profitable_volumes(
    saving_usd_per_request: Decimal,
    *,
    fixed_usd_per_month: Decimal,
    replica_usd_per_month: Decimal,
    replica_requests_per_month: Decimal,
    min_replicas: int,
    redundancy: int,
) -> BreakEven:
    """Return the monthly volumes at which the saved requests pay for whole replicas and the fixed cost.

    n serving replicas cost bill(n) = max(min_replicas, n + redundancy) x replica + fixed, which bill(n) / saving
    requests pay for, and they serve volumes in ((n - 1) x capacity, n x capacity]. Closed form, no scan.

    Args:
        saving_usd_per_request: the teacher's cost of a request less the candidate's own cost per request.
        replica_requests_per_month: average requests a month that one replica may take, the peak being allowed for.
    """
    capacity = require_positive(replica_requests_per_month, "requests per replica")
    saving = require_finite(saving_usd_per_request, "the saving per request")
    if saving <= 0:
        return NEVER
    fixed = require_finite(fixed_usd_per_month, "the fixed cost")
    replica = require_finite(replica_usd_per_month, "the cost of a replica")
    earned = capacity * saving  # by one full replica in a month

    def bill(n: int) -> Decimal:
        return max(min_replicas, n + redundancy) * replica + fixed

    # Compared in dollars, whose products are exact: a rounded quotient could miss a whole step.
    flat = min_replicas - redundancy  # up to this many serving replicas the bill stays the same
    base = redundancy * replica + fixed
    gain = earned - replica  # what a further full replica earns above its cost
    first = max(1, _ceil(bill(1) / earned))
    if first > flat:
        if gain <= 0:
            return NEVER
        first = max(1, _ceil(base / gain))
    ends = bill(first + 1) > first * earned
    last_short = max(1, _ceil((earned + base) / gain) - 1) if gain > 0 else None
    return BreakEven(
        first_from=bill(first) / saving,
        first_to=first * capacity if ends else None,
        always_from=None if last_short is None else bill(last_short) / saving,
    )


def _ceil(number: Decimal) -> int:
    return int(number.to_integral_value(rounding=ROUND_CEILING))
