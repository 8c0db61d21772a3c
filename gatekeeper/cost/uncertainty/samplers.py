"""Draws of one uncertain input: each function takes a numpy Generator and returns an array of `n_draws` numbers.

Source: cost design 4.4, Monte Carlo inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.cost.uncertainty.draws import Floats
from gatekeeper.cost.uncertainty.resample import bootstrap_totals
from gatekeeper.errors import InputError

LEAST_REPLICATES = 5
"""Measurements of a speed below which Student's t has tails so heavy that a few draws near 0 requests per second, each
with a bill of hundreds of machines, decide the mean of the money."""

_Z90 = NormalDist().inv_cdf(0.9)


def lognormal(p10: float, p90: float, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return draws of a lognormal with these 10th and 90th percentiles.

    mean of log = (ln p10 + ln p90) / 2, sd of log = (ln p90 - ln p10) / (2 z_0.9).

    Raises:
        InputError: not 0 < p10 <= p90 < infinity.
    """
    if not 0 < p10 <= p90 < math.inf:
        raise InputError(f"P10 is {p10} and P90 is {p90}", hint="0 < P10 <= P90: nine in ten chances to be below P90")
    low, high = math.log(p10), math.log(p90)
    return np.exp(rng.normal((low + high) / 2, (high - low) / (2 * _Z90), n_draws))


def triangular(low: float, mode: float, high: float, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return draws of a triangular distribution; low = high is a constant.

    Raises:
        InputError: not low <= mode <= high, all finite.
    """
    _check_points(low, mode, high)
    return np.full(n_draws, low) if low == high else rng.triangular(low, mode, high, n_draws)


def pert(low: float, mode: float, high: float, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return draws of a PERT distribution: low + (high - low) Beta(a, b), a beta of mean (low + 4 mode + high) / 6.

    a = 1 + 4 (mode - low) / (high - low), b = 1 + 4 (high - mode) / (high - low). Source: Malcolm et al. 1959.

    Raises:
        InputError: not low <= mode <= high, all finite.
    """
    _check_points(low, mode, high)
    width = high - low
    if width == 0:
        return np.full(n_draws, low)
    return low + width * rng.beta(1 + 4 * (mode - low) / width, 1 + 4 * (high - mode) / width, n_draws)


def choice(
    options: Sequence[float], n_draws: int, rng: np.random.Generator, *, weights: Sequence[float] = ()
) -> Floats:
    """Return draws among options that disagree, such as the prices of two lists.

    Args:
        options: finite numbers of 0 or more.
        n_draws: number of draws.
        rng: where the random numbers come from.
        weights: how much each is trusted, in any unit; empty: all the same.

    Raises:
        InputError: no option, one out of range, or weights that are not one number of 0 or more each, not all 0.
    """
    values, trust = numbers_of("options", options), numbers_of("weights", weights or [1.0] * len(options))
    if not values.size or trust.shape != values.shape or not trust.sum():
        raise InputError(
            f"{values.size} options and {trust.size} weights", hint="one weight above 0 or more for each option"
        )
    return rng.choice(values, size=n_draws, p=trust / trust.sum())


def throughput(replicates: ArrayLike, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return draws of a mean speed: mean + standard error x Student's t of n - 1, given that it is above 0.

    Args:
        replicates: n measurements of the same speed in requests per second, each above 0.
        n_draws: number of draws.
        rng: where the random numbers come from.

    Raises:
        InputError: fewer than `LEAST_REPLICATES` measurements, or one that is not finite and above 0.
    """
    speeds = numbers_of("replicates", replicates)
    if speeds.size < LEAST_REPLICATES or not speeds.all():
        raise InputError(
            f"{speeds.size} measurements of a speed, the lowest {speeds.min() if speeds.size else 'missing'}",
            hint=f"{LEAST_REPLICATES} or more, each above 0 requests per second; or leave the speed fixed",
        )
    mean, error = speeds.mean(), speeds.std(ddof=1) / math.sqrt(speeds.size)
    drawn = mean + error * rng.standard_t(speeds.size - 1, n_draws)
    while (below := np.flatnonzero(drawn <= 0)).size:  # the mean is above 0, so at least every other draw is too
        drawn[below] = mean + error * rng.standard_t(speeds.size - 1, below.size)
    return np.asarray(drawn)


def mean_costs(requests_usd: ArrayLike, n_draws: int, rng: np.random.Generator) -> tuple[Floats, str]:
    """Return bootstrap draws of the mean cost of a request, and how they were drawn (see `bootstrap_totals`).

    Args:
        requests_usd: shape (n,), or (n, d) for d models that answered the same requests: those stay together. USD of
            each request, 0 or more.
        n_draws: number of draws.
        rng: where the random numbers come from.

    Returns:
        Means of the shape (n_draws,) or (n_draws, d).

    Raises:
        InputError: fewer than two requests, or a cost out of range.
    """
    costs = numbers_of("request costs", requests_usd)
    totals, method = bootstrap_totals(costs.reshape(len(costs), -1), n_draws, rng)
    means = np.maximum(totals / len(costs), 0.0)
    return means[:, 0] if costs.ndim == 1 else means, method


def paired_quality(
    teacher: ArrayLike,
    student: ArrayLike,
    n_draws: int,
    rng: np.random.Generator,
    *,
    clusters: ArrayLike | None = None,
) -> tuple[Floats, str]:
    """Return paired bootstrap draws of both mean scores, and how they were drawn (see `bootstrap_totals`).

    A model without any wrong answer has no spread here, however few the rows: the bootstrap knows no other answers
    than those that were given.

    Args:
        teacher, student: scores of the same n rows, in [0, 1].
        n_draws: number of draws.
        rng: where the random numbers come from.
        clusters: the cluster of each row. Whole clusters are drawn, since their rows are not independent; a mean is
            then over as many rows as the clusters drawn have.

    Returns:
        Means of shape (n_draws, 2): teacher, student.

    Raises:
        InputError: arrays of different lengths, a score out of range, fewer than two rows or clusters.
    """
    scores = np.column_stack(_equally_long(numbers_of("teacher", teacher), numbers_of("student", student)))
    if (scores > 1).any():
        raise InputError(f"a score is {scores.max()}", hint="scores lie in 0 to 1")
    if clusters is None:
        totals, method = bootstrap_totals(scores, n_draws, rng)
        return np.clip(totals / len(scores), 0.0, 1.0), method
    sums = _cluster_sums(scores, np.asarray(clusters))
    totals, method = bootstrap_totals(sums, n_draws, rng)
    return np.clip(totals[:, :2] / totals[:, 2:], 0.0, 1.0), method


def _cluster_sums(scores: Floats, clusters: NDArray[np.generic]) -> Floats:
    """Return both sums of scores and the number of rows of each cluster, shape (clusters, 3)."""
    if clusters.shape != (len(scores),):
        raise InputError(f"clusters has shape {clusters.shape}", hint=f"the cluster of each of the {len(scores)} rows")
    _, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    sums = [np.bincount(place, weights=column, minlength=len(sizes)) for column in scores.T]
    return np.column_stack([*sums, sizes.astype(np.float64)])


def _equally_long(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    if one.ndim != 1 or one.shape != other.shape:
        raise InputError(
            f"the teacher has scores of shape {one.shape} and the student {other.shape}", hint="a pair per row"
        )
    return one, other


def numbers_of(name: str, values: ArrayLike) -> Floats:
    """Return finite numbers of 0 or more as an array, or raise InputError with `name` and the place of another."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: not numbers: {error}", hint="numbers of 0 or more") from error
    wrong = np.argwhere(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(wrong):
        raise InputError(f"{name}{wrong[0].tolist()} is {numbers[tuple(wrong[0])]}", hint="finite, 0 or more")
    return numbers


def _check_points(low: float, mode: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= mode <= high):
        raise InputError(f"low is {low}, mode {mode} and high {high}", hint="finite, low <= mode <= high")
