"""What it costs to serve a candidate on machines that are billed by the hour.

Machines come in whole replicas that are paid for whether they are busy or not, so utilisation is a result and never a
discount.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple

from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.errors import InputError
from gatekeeper.records import Estimate, Record

HOURS_PER_MONTH = Decimal(730)
_SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600


class Serving(Record):
    """The machines that serve a candidate: one replica is one machine of this kind, or `units` of them."""

    usd_per_hour: Decimal
    target_utilisation: Decimal
    """Share of the measured capacity that peak traffic may use, in (0, 1]."""
    min_replicas: int
    redundancy: int
    cores: int | None = None
    overhead: Decimal = Decimal(0)
    """Infrastructure around the machines (network, storage, logs), as a share of their cost."""
    machine: str = "cpu"
    price_origin: Literal["priced", "assumed"] = "assumed"
    price_source: str = "serving.cpu.usd_per_hour"
    price_as_of: date | None = None
    units: int = 1
    """G: machines (GPUs) that together make one replica; `usd_per_hour` is the price of one."""
    scale_to_zero: bool = False
    """With an hourly profile of traffic: an hour without requests has no replica at all."""


class Replicas(NamedTuple):
    """Machines that peak traffic needs, and machines that are paid for."""

    serving: int
    billed: int


class ServingMonth(Record):
    """One month of serving."""

    capacity_rps: Decimal
    replicas_serving: int
    replicas_billed: int
    machines_usd: Decimal
    overhead_usd: Decimal
    usd: Decimal
    usd_per_request: Decimal
    utilisation: Decimal


def capacity_rps(
    throughput: Estimate,
    *,
    end: Literal["value", "lower", "upper"] = "value",
    cores_measured: int | None = None,
    cores_billed: int | None = None,
) -> Decimal:
    """Return the requests per second of one replica.

    Args:
        throughput: measured requests per second.
        end: the measured value, or the lower end of its interval for a pessimistic bill.
        cores_measured: cores of the machine that was measured.
        cores_billed: cores of the machine that is billed. The value scales with the cores. The lower end is scaled
            down but never up: more cores than were measured may bring nothing.

    Raises:
        InputError: the number is missing, not finite, or not above 0.
    """
    number: float | None = getattr(throughput, end)
    name = "throughput" if end == "value" else f"the {end} bound of the throughput"
    if number is None:
        raise InputError(f"{name} is not known, so the bill is not known", hint="measure the candidate's speed")
    rps = require_positive(Decimal(repr(float(number))), name)
    if cores_measured is None or cores_billed is None:
        return rps
    ratio = require_positive(Decimal(cores_billed), "cores billed") / require_positive(
        Decimal(cores_measured), "cores measured"
    )
    return rps * (min(ratio, Decimal(1)) if end == "lower" else ratio)


def replicas(
    requests_per_month: int | Decimal,
    *,
    peak_to_average: Decimal,
    capacity_rps: Decimal,
    target_utilisation: Decimal,
    min_replicas: int,
    redundancy: int,
) -> Replicas:
    """Return how many machines serve the peak, and how many are billed.

    n = ceil(lambda_pk / (K u*)) and N = max(N_min, n + r), where lambda_pk = kappa V / (3600 H) is the peak in requests
    per second, K the capacity of a replica and u* the target utilisation. Source: cost design 4.2, GPU.

    Raises:
        InputError: a number is missing, not finite or out of its range.
    """
    load = require_positive(Decimal(requests_per_month), "requests per month")
    peak = require_positive(peak_to_average, "peak_to_average")
    if peak < 1:
        raise InputError(f"peak_to_average is {peak}, and a peak is never below the average", hint="1 or more")
    room = usable_rps(capacity_rps, target_utilisation) * _SECONDS_PER_MONTH
    check_counts(min_replicas, redundancy)
    # One division of exact products: dividing in steps could round 3 up to 3.000...1, which is a fourth machine.
    serving = int((load * peak / room).to_integral_value(rounding=ROUND_CEILING))
    return Replicas(serving, max(min_replicas, serving + redundancy))


def check_counts(min_replicas: int, redundancy: int) -> None:
    """Raise InputError when a number of replicas is below 0."""
    if min_replicas < 0 or redundancy < 0:
        raise InputError(f"min_replicas ({min_replicas}) and redundancy ({redundancy}) must be 0 or more")


def usable_rps(capacity_rps: Decimal, target_utilisation: Decimal) -> Decimal:
    """Return the requests per second that one replica is planned to take at the peak."""
    share = require_positive(target_utilisation, "target_utilisation")
    if share > 1:
        raise InputError(f"target_utilisation is {share}, above 1", hint="a share such as 0.6")
    return require_positive(capacity_rps, "capacity in requests per second") * share


def replica_month(serving: Serving, *, hours: Decimal = HOURS_PER_MONTH) -> tuple[Decimal, Decimal]:
    """Return what one replica costs in a month of so many hours: (machine, overhead) in USD.

    F of one replica = G price_h H (1 + ov). Source: cost design 4.2, GPU.

    Raises:
        InputError: a price or share is negative or not finite, or there is no unit.
    """
    for name in ("usd_per_hour", "overhead"):
        require_zero_or_more(getattr(serving, name), f"serving {name}")
    if serving.units < 1:
        raise InputError(f"serving units is {serving.units}", hint="1 or more machines make one replica")
    machine = serving.usd_per_hour * require_positive(hours, "hours") * serving.units
    return machine, machine * serving.overhead


def serving_month(
    requests_per_month: int | Decimal, *, peak_to_average: Decimal, capacity_rps: Decimal, serving: Serving
) -> ServingMonth:
    """Return one month's bill for serving this traffic with replicas of this capacity (requests per second).

    Raises:
        InputError: see `replicas` and `replica_month`.
    """
    count = replicas(
        requests_per_month,
        peak_to_average=peak_to_average,
        capacity_rps=capacity_rps,
        target_utilisation=serving.target_utilisation,
        min_replicas=serving.min_replicas,
        redundancy=serving.redundancy,
    )
    machine, overhead = replica_month(serving)
    machines_usd, overhead_usd = machine * count.billed, overhead * count.billed
    return ServingMonth(
        capacity_rps=capacity_rps,
        replicas_serving=count.serving,
        replicas_billed=count.billed,
        machines_usd=machines_usd,
        overhead_usd=overhead_usd,
        usd=machines_usd + overhead_usd,
        usd_per_request=(machines_usd + overhead_usd) / requests_per_month,
        utilisation=utilisation(requests_per_month, count.billed, capacity_rps),
    )


def utilisation(requests_per_month: int | Decimal, billed: int, capacity_rps: Decimal) -> Decimal:
    """Return the share of the billed capacity (`billed` replicas of `capacity_rps` requests/s) that traffic uses."""
    room = require_positive(Decimal(billed), "billed replicas") * require_positive(capacity_rps, "capacity")
    return Decimal(requests_per_month) / (room * _SECONDS_PER_MONTH)
