"""Replicas that follow an hourly profile of the traffic instead of one peak factor.

    lambda_h = w_h / mean(w) V / (3600 H)
    Nbar     = mean over hours h of max(N_min, ceil(lambda_h / (K u*)) + r)

w are the weights of the hours of a day or week, V requests a month, K the capacity of one replica in requests per
second, u* the target utilisation. Source: cost design 4.2, GPU, "with hourly profile".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.cost.serving import HOURS_PER_MONTH, Serving, check_counts, usable_rps
from gatekeeper.errors import InputError


def mean_replicas(
    requests_per_month: Decimal, weights: Sequence[Decimal], *, capacity_rps: Decimal, serving: Serving
) -> Decimal:
    """Return Nbar, the mean number of billed replicas over the hours of the profile.

    Args:
        requests_per_month: V.
        weights: the traffic of each hour of a day (24) or a week (168), in any unit; their mean is the average hour.
        capacity_rps: K, requests per second of one replica.
        serving: the target utilisation, N_min and r. With `scale_to_zero` an hour without requests has no replica,
            and N_min must be 0.

    Raises:
        InputError: there are no weights, one is below 0, all are 0, or scaling to zero has a minimum above it.
    """
    if serving.scale_to_zero and serving.min_replicas:
        raise InputError(
            f"scale_to_zero with min_replicas {serving.min_replicas}", hint="set min_replicas to 0, or do not scale"
        )
    check_counts(serving.min_replicas, serving.redundancy)
    volume = require_positive(requests_per_month, "requests per month")
    total = sum((require_zero_or_more(weight, "a weight of the hourly profile") for weight in weights), Decimal(0))
    room = usable_rps(capacity_rps, serving.target_utilisation) * 3600 * HOURS_PER_MONTH
    denominator = require_positive(total, "the sum of the hourly profile") * room
    billed = 0
    for weight in weights:
        # One division of exact products: dividing in steps could round 3 up to 3.000...1, which is a fourth machine.
        needed = int((volume * weight * len(weights) / denominator).to_integral_value(rounding=ROUND_CEILING))
        if needed or not serving.scale_to_zero:
            billed += max(serving.min_replicas, needed + serving.redundancy)
    return Decimal(billed) / len(weights)
