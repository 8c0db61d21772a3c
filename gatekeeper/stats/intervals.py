"""Intervals of one rate, one mean or one quantile.

What cannot be known from the numbers given is ``None``: the interval of no item, of one replicate, of replicates
without any spread. Values that are NaN or infinite raise InputError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import NO_SPREAD, check_count, check_share, check_values

Interval = tuple[float | None, float | None]
"""Lower and upper end; None where the numbers do not bound that side."""


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval of a rate (scipy's; Wilson 1927).

    Args:
        successes: number of items that succeeded, 0 to `n`.
        n: number of items.
        confidence: of the two-sided interval, in (0, 1).

    Returns:
        (lower, upper), both in [0, 1]; (None, None) when `n` is 0.
    """
    check_share("confidence", confidence)
    n = check_count("n", n)
    successes = check_count("successes", successes)
    if successes > n:
        raise InputError(f"successes is {successes}, above n = {n}", hint="successes are counted among the n items")
    if n == 0:
        return None, None
    from scipy.stats import binomtest  # scipy.stats takes long to import; the rest of the room does without it

    interval = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def t_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return Student's interval of the mean of independent `values`, shape (n,).

    Returns:
        (lower, upper) in the unit of the values. (None, None) below two values, and when the values show no spread:
        an interval of width 0 would claim to know the mean exactly.
    """
    check_share("confidence", confidence)
    array = check_values("values", values)
    if array.size < 2:
        return None, None
    spread = float(array.std(ddof=1))
    if spread <= NO_SPREAD * float(np.abs(array).max()):
        return None, None
    mean = float(array.mean())
    half = float(stdtrit(array.size - 1, (1 + confidence) / 2)) * spread / math.sqrt(array.size)
    return mean - half, mean + half


def estimate_mean(values: ArrayLike, n_expected: int, n_failed: int, confidence: float = 0.95) -> Estimate:
    """Return the mean of the items that have a value, with its interval and the counts behind it.

    Args:
        values: shape (n_scored,), one finite number per item that has one. Values that are all 0 or 1 are a rate and
            get the Wilson interval; others get Student's.
        n_expected: number of items that should have a value.
        n_failed: number of items that failed; they are not part of the mean.
        confidence: of the two-sided interval, in (0, 1).

    Returns:
        An Estimate in the unit of the values; value, lower and upper are None when there is no value.

    Raises:
        InputError: a value is NaN or infinite, or the counts contradict each other.
    """
    array = check_values("values", values)
    n_expected, n_failed = check_count("n_expected", n_expected), check_count("n_failed", n_failed)
    if array.size + n_failed > n_expected:
        raise InputError(
            f"{array.size} values and {n_failed} failed items are more than the {n_expected} expected",
            hint="count each item once",
        )
    is_rate = bool(np.isin(array, (0.0, 1.0)).all())
    if is_rate:
        lower, upper = wilson(int(array.sum()), array.size, confidence)
    else:
        lower, upper = t_interval(array, confidence)
    return Estimate(
        value=float(array.mean()) if array.size else None,
        lower=lower,
        upper=upper,
        confidence=confidence,
        method="wilson" if is_rate else "student t",
        n_expected=n_expected,
        n_scored=array.size,
        n_failed=n_failed,
    )


def quantile_interval(values: Sequence[float] | NDArray[np.float64], q: float, confidence: float = 0.95) -> Interval:
    """Return the distribution-free interval of a quantile: two of the values themselves (scipy's `quantile_test`).

    Args:
        values: shape (n,), in any order, independent draws.
        q: which quantile, in (0, 1); 0.95 for the 95th percentile.
        confidence: at least this is reached, with at most half of the rest on either side.

    Returns:
        (lower, upper) in the unit of the values. An end is None when there are too few values to bound that side:
        the upper end of the 95th percentile at confidence 0.95 needs 72 values.
    """
    check_share("q", q)
    check_share("confidence", confidence)
    array = check_values("values", values)
    if array.size == 0:
        return None, None
    from scipy.stats import quantile_test  # late for the same reason as in `wilson`

    interval = quantile_test(array, p=q).confidence_interval(confidence_level=confidence)
    lower, upper = float(interval.low), float(interval.high)
    return (None if math.isnan(lower) else lower), (None if math.isnan(upper) else upper)
