"""The monthly volumes at which a candidate saves money: intervals, since machines come in whole replicas.

    saving(V) = V s - bill(n),   bill(n) = max(N_min, n + r) replica + fixed,   n = ceil(V / capacity)

s is what a request saves, fixed the monthly cost that no traffic changes (F_cand - F_base + O, and I / T where the
one-time cost is to be earned too). A replica starts at each breakpoint V_j = j capacity, with
capacity = K u* 3600 H / kappa; between two of them the saving is a straight line. Source: cost design 4.4.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from gatekeeper.cost.checks import require_finite, require_positive, require_zero_or_more
from gatekeeper.records import Record

MOST_STEPS = 10_000
"""Replicas up to which volumes are scanned: far more than anybody runs."""


class VolumeInterval(Record):
    """Requests a month from `start` to `end`, both included; `end` None: without end."""

    start: Decimal
    end: Decimal | None


class ProfitableIntervals(Record):
    """All volumes at which the candidate costs no more than the baseline, in order."""

    intervals: tuple[VolumeInterval, ...]
    scanned_to: Decimal | None
    """None: all volumes were decided. Else nothing is said about larger ones."""

    def contains(self, requests_per_month: Decimal) -> bool:
        """Return whether the candidate saves money at this volume."""
        return any(
            one.start <= requests_per_month and (one.end is None or requests_per_month <= one.end)
            for one in self.intervals
        )


class Steps(Record):
    """Replicas as the breakpoints of a bill."""

    replica_usd_per_month: Decimal
    replica_requests_per_month: Decimal
    min_replicas: int = 0
    redundancy: int = 0


def profitable_intervals(
    saving_usd_per_request: Decimal, *, fixed_usd_per_month: Decimal, steps: Steps | None = None
) -> ProfitableIntervals:
    """Return the volumes at which the requests' savings pay for the fixed cost and the replicas.

    Args:
        saving_usd_per_request: s; below 0 where the candidate charges more per request.
        fixed_usd_per_month: below 0 where the baseline has the higher fixed cost.
        steps: the candidate's replicas; None where it has no machines, so that one volume decides.
    """
    saving = require_finite(saving_usd_per_request, "the saving per request")
    fixed = require_finite(fixed_usd_per_month, "the fixed cost")
    if steps is None:
        return ProfitableIntervals(intervals=_without_steps(saving, fixed), scanned_to=None)
    capacity = require_positive(steps.replica_requests_per_month, "requests per replica")
    require_zero_or_more(steps.replica_usd_per_month, "the cost of a replica")
    last, endless = _last_step(saving * capacity, fixed, steps)
    found: list[VolumeInterval] = []
    for n in range(1, min(last, MOST_STEPS) + 1):
        _join(found, _within_step(n, saving, fixed, steps))
    if last > MOST_STEPS:
        return ProfitableIntervals(intervals=tuple(found), scanned_to=MOST_STEPS * capacity)
    if endless and found:
        found[-1] = VolumeInterval(start=found[-1].start, end=None)
    return ProfitableIntervals(intervals=tuple(found), scanned_to=None)


def _bill(n: int, fixed: Decimal, steps: Steps) -> Decimal:
    return max(steps.min_replicas, n + steps.redundancy) * steps.replica_usd_per_month + fixed


def _without_steps(saving: Decimal, fixed: Decimal) -> tuple[VolumeInterval, ...]:
    """Return the interval of V s >= fixed."""
    if saving > 0:
        return (VolumeInterval(start=max(Decimal(0), fixed / saving), end=None),)
    if fixed > 0 or (saving < 0 and fixed == 0):
        return ()
    return (VolumeInterval(start=Decimal(0), end=None if saving == 0 else fixed / saving),)


def _within_step(n: int, saving: Decimal, fixed: Decimal, steps: Steps) -> VolumeInterval | None:
    """Return the profitable volumes that n replicas serve, among ((n - 1) capacity, n capacity]."""
    start, end = (n - 1) * steps.replica_requests_per_month, n * steps.replica_requests_per_month
    bill = _bill(n, fixed, steps)
    # Compared in dollars, whose products are exact: a rounded quotient could miss a whole step.
    at_start, at_end = start * saving >= bill, end * saving >= bill
    if at_start and at_end:
        return VolumeInterval(start=start, end=end)
    if at_end:
        return VolumeInterval(start=bill / saving, end=end)
    if start * saving > bill:
        return VolumeInterval(start=start, end=bill / saving)
    return None


def _join(found: list[VolumeInterval], one: VolumeInterval | None) -> None:
    if one is None:
        return
    if found and found[-1].end == one.start:
        found[-1] = VolumeInterval(start=found[-1].start, end=one.end)
    else:
        found.append(one)


def _last_step(earned: Decimal, fixed: Decimal, steps: Steps) -> tuple[int, bool]:
    """Return the last step that must be looked at, and whether all later ones are profitable throughout.

    `earned` is what a full replica earns in a month. Beyond the minimum number of replicas each further one adds
    gain = earned - replica: step n pays at its end when n gain >= base, at its start when n gain >= base + earned.
    """
    replica = steps.replica_usd_per_month
    flat = max(1, steps.min_replicas - steps.redundancy)
    base = steps.redundancy * replica + fixed
    gain = earned - replica
    if gain > 0:
        return max(flat + 1, _whole((base + earned) / gain, ROUND_CEILING)), True
    if gain < 0:
        return max(flat, _whole(max(base / gain, (base + earned) / gain), ROUND_FLOOR)), False
    if base > 0:
        return flat, False
    if base + earned <= 0:
        return flat + 1, True
    return MOST_STEPS + 1, False  # each step pays at its end and not at its start, for ever


def _whole(number: Decimal, rounding: str) -> int:
    return int(number.to_integral_value(rounding=rounding))
