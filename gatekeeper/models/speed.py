"""Estimates of speed: throughput from replicates, the tail of latency from answers in a row. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from gatekeeper.records import Estimate
from gatekeeper.stats.intervals import quantile_interval, t_interval

CONFIDENCE = 0.95
TAIL = 0.95
LEAST_BEYOND = 1.0
"""A percentile is undefined where fewer independent answers than this are expected beyond it."""
BLOCKS = 10
"""Of 10 to 30 blocks, which Schmeiser (1982) advises, the fewest: they are the longest, and hide the least."""


def throughput_estimate(rates: Sequence[float]) -> Estimate:
    """Return the throughput that replicates speak for.

    The value is their geometric mean, and the interval is Student's on their logarithms. Rates are positive and skewed:
    Student's interval of the rates themselves reaches below 0 when a busy machine lets a few replicates run freely.
    On the logarithms both ends are above 0, and rates say the same as seconds per item.

    Args:
        rates: items per second of each replicate, above 0, shape (n,).

    Returns:
        Items per second at confidence 0.95. The ends are None below two replicates and where all are equal.
    """
    logs = np.log(np.asarray(rates, dtype=np.float64))
    lower, upper = t_interval(logs, CONFIDENCE)
    return Estimate(
        value=math.exp(float(logs.mean())),
        lower=None if lower is None else math.exp(lower),
        upper=None if upper is None else math.exp(upper),
        confidence=CONFIDENCE,
        method="geometric mean of replicates, Student t of their logarithms",
        n_expected=len(logs),
        n_scored=len(logs),
        n_failed=0,
    )


def p95_estimate(latencies: ArrayLike, n_expected: int, level: float = TAIL) -> Estimate:
    """Return the 95th percentile (or another one) of latencies that were taken one after the other.

    Neighbours are alike: callers queue behind the same slow answer, a busy moment of the machine slows many. So n
    answers count as `independent_answers(...)` only, and the ends of the interval are the order statistics that so
    many independent answers would have.

    Args:
        latencies: in the order of asking, shape (n,), in any unit.
        n_expected: how many were wanted; those that time did not allow are missing, not failed.
        level: which percentile, as a share in (0, 1).

    Returns:
        The percentile in the unit of the latencies, at confidence 0.95. All of it is None when less than one of the
        independent answers is expected beyond it (20 answers for the 95th percentile); the upper end is None when they
        are too few to bound it (72).
    """
    values = np.asarray(latencies, dtype=np.float64)
    count = independent_answers(values)
    known = count >= LEAST_BEYOND / (1 - level) * (1 - 1e-9)
    lower, upper = quantile_interval(_thinned(values, count), level, CONFIDENCE) if known else (None, None)
    return Estimate(
        value=float(np.quantile(values, level)) if known else None,
        lower=lower,
        upper=upper,
        confidence=CONFIDENCE,
        method=f"{100 * level:g}th percentile by order statistics; {len(values)} answers in a row count as {count} "
        "independent ones",
        n_expected=n_expected,
        n_scored=len(values),
        n_failed=0,
    )


def independent_answers(values: NDArray[np.float64]) -> int:
    """Return as how many independent answers `values` count for their 95th percentile; never more than there are.

    The share of answers beyond the percentile is compared between `BLOCKS` blocks of answers in a row, over all callers
    together. Where it varies more than independent answers would make it vary, the count is divided by the ratio of
    the two variances. This is the interval of Woodruff (1952) for a quantile of clustered data, with the effective
    sample size and the degrees of freedom of Korn & Graubard (1998), and blocks in the place of clusters, as in the
    method of batch means (Law & Kelton). Dependence that lasts longer than a block is seen in part only.

    Args:
        values: in the order of asking, shape (n,).
    """
    n = len(values)
    if n < 2 * BLOCKS:
        return n
    beyond = values > np.quantile(values, TAIL)
    shares = np.array([block.mean() for block in np.array_split(beyond, BLOCKS)])
    ratio = (shares.var(ddof=1) / BLOCKS) / (TAIL * (1 - TAIL) / n)
    side = (1 + CONFIDENCE) / 2
    few_blocks = float(stdtrit(n - 1, side) / stdtrit(BLOCKS - 1, side)) ** 2
    return max(1, int(few_blocks * n / max(1.0, ratio)))


def _thinned(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return `count` of the values, evenly spaced by rank, the largest among them."""
    ranks = -(-np.arange(1, count + 1) * len(values) // count)
    thinned: NDArray[np.float64] = np.sort(values)[ranks - 1]
    return thinned
