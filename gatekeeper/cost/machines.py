"""A month on machines, and what it means per token: the price of a token is a result of the bill, never its basis.

    F        = N G price_h H (1 + ov)           N whole replicas at the peak, or their mean over an hourly profile
    $/M out  = F / (V tau_out / 1,000,000)
    U_econ   = V tau_out / (N theta_sat 3600 H)  theta_sat: tokens per second of one replica when it is saturated
    idle$    = F (1 - U_econ)

Source: cost design 4.2, GPU and CPU. A CPU is the same with its own measured capacity and price.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.checks import require_positive
from gatekeeper.cost.defaults import PEAK_TO_AVERAGE
from gatekeeper.cost.hourly import mean_replicas
from gatekeeper.cost.serving import HOURS_PER_MONTH, Serving, replica_month, replicas, usable_rps
from gatekeeper.cost.tokens import MILLION
from gatekeeper.errors import InputError
from gatekeeper.records import Record


class Machines(Record):
    """Machines, what one replica of them takes, and the shape of the traffic."""

    serving: Serving
    capacity_rps: Decimal
    """K: measured requests per second of one replica within the latency that is promised."""
    peak_to_average: Decimal = PEAK_TO_AVERAGE
    """kappa. Not used where there is an hourly profile."""
    hourly_weights: tuple[Decimal, ...] = ()
    """Traffic of each hour of a day or week, in any unit. Empty: one peak factor."""


class MachineMonth(Record):
    """A month's bill for machines, in USD."""

    replicas: Decimal
    """N; a mean, and so perhaps a fraction, over an hourly profile."""
    machines_usd: Decimal
    overhead_usd: Decimal
    usd: Decimal


def machine_month(requests_per_month: Decimal, machines: Machines) -> MachineMonth:
    """Return F, what the machines for this traffic cost in a month.

    Raises:
        InputError: a number is missing, not finite or out of its range.
    """
    serving = machines.serving
    if machines.hourly_weights:
        count = mean_replicas(
            requests_per_month, machines.hourly_weights, capacity_rps=machines.capacity_rps, serving=serving
        )
    else:
        whole = replicas(
            requests_per_month,
            peak_to_average=machines.peak_to_average,
            capacity_rps=machines.capacity_rps,
            target_utilisation=serving.target_utilisation,
            min_replicas=serving.min_replicas,
            redundancy=serving.redundancy,
        )
        count = Decimal(whole.billed)
    machine, overhead = replica_month(serving)
    return MachineMonth(
        replicas=count,
        machines_usd=machine * count,
        overhead_usd=overhead * count,
        usd=(machine + overhead) * count,
    )


def replica_volume(machines: Machines) -> Decimal:
    """Return the requests a month that one replica may take with the peak allowed for: K u* 3600 H / kappa.

    Its multiples are the volumes V_j at which another replica starts. Source: cost design 4.4.

    Raises:
        InputError: the traffic has an hourly profile, so that replicas start hour by hour.
    """
    if machines.hourly_weights:
        raise InputError("an hourly profile has no single volume per replica", hint="give one peak factor instead")
    usable = usable_rps(machines.capacity_rps, machines.serving.target_utilisation)
    return usable * HOURS_PER_MONTH * 3600 / require_positive(machines.peak_to_average, "peak_to_average")


def usd_per_million(usd_per_hour: Decimal, per_second: Decimal) -> Decimal:
    """Return what a million tokens (or requests) cost on a machine that makes `per_second` of them all the time.

    price_h / (per_second 3600) 1,000,000. At the saturated speed this is the naive price: nobody's traffic is that
    even, so a bill from it is too low (`machine_month` is the bill).
    """
    return require_positive(usd_per_hour, "usd_per_hour") / (require_positive(per_second, "speed") * 3600) * MILLION


def usd_per_million_output(month_usd: Decimal, requests_per_month: Decimal, output_tokens: Decimal) -> Decimal:
    """Return $/M out: the month's bill per million output tokens that the traffic really had."""
    made = require_positive(requests_per_month, "requests per month") * require_positive(output_tokens, "output tokens")
    return month_usd / (made / MILLION)


def economic_utilisation(
    requests_per_month: Decimal, output_tokens: Decimal, *, replicas: Decimal, saturated_tokens_per_second: Decimal
) -> Decimal:
    """Return U_econ, the share of what the billed replicas could make that the traffic uses, in (0, 1].

    Raises:
        InputError: the traffic has more tokens than the replicas can make, so a number is wrong.
    """
    made = require_positive(requests_per_month, "requests per month") * require_positive(output_tokens, "output tokens")
    possible = require_positive(replicas, "replicas") * require_positive(saturated_tokens_per_second, "saturated speed")
    share = made / (possible * 3600 * HOURS_PER_MONTH)
    if share > 1:
        raise InputError(
            f"the traffic has {share:.2f} times the tokens that {replicas} replicas can make",
            hint="the saturated speed is that of one replica at full load; measure it again",
        )
    return share


def idle_usd(month_usd: Decimal, utilisation: Decimal) -> Decimal:
    """Return idle$ = F (1 - U_econ): what the month pays for machines that do nothing."""
    return month_usd * (1 - utilisation)
