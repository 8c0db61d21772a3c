"""One way to answer the requests, what a month of it costs, and the cheapest one that is good enough.

    bill = V (C + c_teacher) + F_host + F_machines + O + V a,   C = c + (1 - Q) epsilon

c is the alternative's own price per request, c_teacher the part that is paid at the teacher's price (e c_t of a
cascade, w c_t of a router), F_host the hosting of a fine-tuned model, a what audits cost per request.
Source: cost design 4.2 and 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.cost.machines import Machines, machine_month
from gatekeeper.cost.quality import quality_adjusted_cost
from gatekeeper.errors import InputError
from gatekeeper.records import Record

ZERO = Decimal(0)


class Alternative(Record):
    """One way to answer the requests: an API, a fine-tuned model, own machines, a cascade or a router."""

    name: str
    usd_per_request: Decimal = ZERO
    """c: what it charges itself, the verifier or router included."""
    teacher_usd_per_request: Decimal = ZERO
    """What it pays to the teacher per request, on top of `usd_per_request`. It falls with the teacher's price."""
    fixed_usd_per_month: Decimal = ZERO
    """F that no traffic changes: hosting by the hour, licences."""
    machines: Machines | None = None
    """Machines that come in whole replicas."""
    quality: Decimal | None = None
    """Q, the share of good answers; needed only where bad ones have a price."""
    passes: bool | None = None
    """Whether it passes the quality gate. None: nobody knows, which counts as no."""


class Bill(Record):
    """One month, in USD. The parts add up to `usd`."""

    requests_usd: Decimal
    teacher_usd: Decimal
    hosting_usd: Decimal
    machines_usd: Decimal
    overhead_usd: Decimal
    operations_usd: Decimal
    audits_usd: Decimal
    errors_usd: Decimal
    usd: Decimal


class Prices(Record):
    """Factors on today's prices, in (0, 1] when they have fallen."""

    own: Decimal = Decimal(1)
    teacher: Decimal = Decimal(1)


def month_bill(
    alternative: Alternative,
    requests_per_month: Decimal,
    *,
    error_usd: Decimal = ZERO,
    operations_usd: Decimal = ZERO,
    audit_usd: Decimal = ZERO,
    prices: Prices | None = None,
) -> Bill:
    """Return the bill of one month.

    Args:
        alternative: what is used.
        requests_per_month: V.
        error_usd: epsilon, what a bad answer costs. Errors do not become cheaper when prices fall.
        operations_usd: hours of operations in a month.
        audit_usd: a, what audits cost per request.
        prices: factors on the alternative's own price and on what it pays to the teacher.

    Raises:
        InputError: a number is out of its range, or bad answers have a price and the quality is not known.
    """
    volume = require_positive(requests_per_month, "requests per month")
    factors = Prices() if prices is None else prices
    for name in ("usd_per_request", "teacher_usd_per_request", "fixed_usd_per_month"):
        require_zero_or_more(getattr(alternative, name), f"{alternative.name}: {name}")
    machines = None if alternative.machines is None else machine_month(volume, alternative.machines)
    parts = {
        "requests_usd": volume * alternative.usd_per_request * factors.own,
        "teacher_usd": volume * alternative.teacher_usd_per_request * factors.teacher,
        "hosting_usd": alternative.fixed_usd_per_month,
        "machines_usd": machines.machines_usd if machines else ZERO,
        "overhead_usd": machines.overhead_usd if machines else ZERO,
        "operations_usd": require_zero_or_more(operations_usd, "operations_usd"),
        "audits_usd": volume * require_zero_or_more(audit_usd, "audit_usd"),
        "errors_usd": volume * error_part(alternative, error_usd),
    }
    return Bill(**parts, usd=sum(parts.values(), ZERO))


def error_part(alternative: Alternative, error_usd: Decimal) -> Decimal:
    """Return (1 - Q) epsilon in USD per request; 0 where bad answers cost nothing, whatever the quality."""
    if require_zero_or_more(error_usd, "error_usd") == 0:
        return ZERO
    if alternative.quality is None:
        raise InputError(
            f"{alternative.name}: a bad answer costs {error_usd} USD and the share of good answers is not known",
            hint="measure the quality, or set error_usd to 0",
        )
    return quality_adjusted_cost(ZERO, alternative.quality, error_usd)


def cheapest(
    alternatives: Iterable[Alternative], requests_per_month: Decimal, *, error_usd: Decimal = ZERO
) -> Alternative | None:
    """Return the alternative of the cheapest month among those that pass the quality gate; None: none passes.

    This is the baseline of a saving: what a candidate saves counts against the best that one could buy instead, and
    not only against what one has. The first wins a tie. Source: cost design, the re-bid rule.
    """
    passing = [one for one in alternatives if one.passes]
    if not passing:
        return None
    return min(passing, key=lambda one: month_bill(one, requests_per_month, error_usd=error_usd).usd)
