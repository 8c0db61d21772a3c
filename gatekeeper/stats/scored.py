"""Retention from scores in [0, 1]: Fieller's t, with or without clusters of items."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import (
    NO_SPREAD,
    ROUNDING,
    check_count,
    check_lengths,
    check_retention,
    check_share,
    check_values,
)
from gatekeeper.stats.intervals import Interval

FIELLER_LEAST_ITEMS = 50
"""Items (or clusters) below which Fieller's t must not promote: its error rate is only known to hold from here on."""


@dataclass(frozen=True)
class FiellerTest:
    """Fieller's test of R <= r0.

    t, p and df are None when the test is undefined: fewer than two items or clusters, or s - r0 t without any spread.
    """

    t: float | None
    p: float | None
    df: int | None
    estimate: Estimate


def fieller(
    student: ArrayLike,
    teacher: ArrayLike,
    *,
    r0: float,
    alpha: float,
    clusters: ArrayLike | None = None,
    n_failed: int = 0,
) -> FiellerTest:
    """Test R <= r0 with scores in [0, 1]: a t test of s - r0 t, and the interval by its inversion (Fieller 1954).

    With clusters, residuals are summed within each cluster first (cluster-robust variance, factor C / (C - 1), C - 1
    degrees of freedom). Below `FIELLER_LEAST_ITEMS` items or clusters the result is computed but must not promote.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1], in the same order of items.
        r0, alpha: retention at the edge of the hypothesis; one-sided error of each end of the interval, in (0, 0.5).
        clusters: shape (n,), the cluster of each item; None when items are independent.
        n_failed: items that belong to the split and have no pair of scores; they are only counted.

    Returns:
        A FiellerTest. The estimate's value is None when the teacher's mean is 0; lower and upper are None below two
        items or clusters, and when the teacher's mean is not clearly above 0 (then every R is possible).

    Raises:
        InputError: different lengths, or a score that is NaN or outside [0, 1].
    """
    check_retention("r0", r0)
    check_share("alpha", alpha, below=0.5)
    s, t = _scores("student", student), _scores("teacher", teacher)
    check_lengths(s, t)
    groups = np.arange(s.size) if clusters is None else _groups(clusters, s.size)
    lower, upper = _fieller_ends(s, t, groups, alpha)
    estimate = Estimate(
        value=_ratio_of_means(s, t),
        lower=lower,
        upper=upper,
        confidence=1 - 2 * alpha,
        method="fieller t" if clusters is None else "fieller t, cluster-robust",
        n_expected=s.size + check_count("n_failed", n_failed),
        n_scored=s.size,
        n_failed=n_failed,
    )
    return FiellerTest(*_t_test(s, t, r0, groups), estimate)


def _ratio_of_means(s: NDArray[np.float64], t: NDArray[np.float64]) -> float | None:
    ratio = float(s.mean()) / float(t.mean()) if t.any() else math.inf
    return ratio if math.isfinite(ratio) else None


def _scores(name: str, scores: ArrayLike) -> NDArray[np.float64]:
    array = check_values(name, scores)
    bad = np.flatnonzero((array < 0) | (array > 1))
    if bad.size:
        raise InputError(f"{name}[{bad[0]}] is {array[bad[0]]}, outside [0, 1]", hint="scale the scores to [0, 1]")
    return array


def _groups(clusters: ArrayLike, n: int) -> NDArray[np.intp]:
    """Return the clusters as numbers 0 to C - 1, one per item."""
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise InputError(f"clusters has shape {labels.shape}, not ({n},)", hint="give one cluster per item")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError("clusters has a value that is not finite", hint="give each item a cluster")
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.intp)


def _cluster_covariance(x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Return the covariance of the means of x and y."""
    count = int(groups.max()) + 1
    sums_x = np.bincount(groups, weights=x - x.mean(), minlength=count)
    sums_y = np.bincount(groups, weights=y - y.mean(), minlength=count)
    return float(sums_x @ sums_y) * count / (count - 1) / x.size**2


def _t_statistic(s: NDArray[np.float64], t: NDArray[np.float64], r0: float, groups: NDArray[np.intp]) -> float | None:
    """Return mean / standard error of s - r0 t; None when its spread is only rounding."""
    difference = s - r0 * t
    scale = s + r0 * t
    difference[np.abs(difference) <= ROUNDING * scale] = 0.0
    error = math.sqrt(_cluster_covariance(difference, difference, groups))
    if error <= NO_SPREAD * float(scale.max()):
        return None
    mean = math.fsum(difference) / s.size
    return 0.0 if abs(mean) <= ROUNDING * float(scale.mean()) else mean / error


def _t_test(
    s: NDArray[np.float64], t: NDArray[np.float64], r0: float, groups: NDArray[np.intp]
) -> tuple[float | None, float | None, int | None]:
    """Return t, p and the degrees of freedom; all None where the test is undefined."""
    df = _degrees_of_freedom(groups)
    statistic = _t_statistic(s, t, r0, groups) if df >= 1 else None
    return (None, None, None) if statistic is None else (statistic, float(stdtr(df, -statistic)), df)


def _degrees_of_freedom(groups: NDArray[np.intp]) -> int:
    return int(groups.max()) if groups.size else 0


def _fieller_ends(s: NDArray[np.float64], t: NDArray[np.float64], groups: NDArray[np.intp], alpha: float) -> Interval:
    """Solve (mean_s - r mean_t)^2 = quantile^2 var(mean of s - r t) for r, at Student's quantile of 1 - alpha."""
    df = _degrees_of_freedom(groups)
    if df < 1:
        return None, None
    mean_s, mean_t, square = float(s.mean()), float(t.mean()), float(stdtrit(df, 1 - alpha)) ** 2
    quadratic = mean_t**2 - square * _cluster_covariance(t, t, groups)
    if mean_t <= 0 or quadratic <= 0:
        return None, None
    half = mean_s * mean_t - square * _cluster_covariance(s, t, groups)
    constant = mean_s**2 - square * _cluster_covariance(s, s, groups)
    root = math.sqrt(max(half**2 - quadratic * constant, 0.0))
    return max(0.0, (half - root) / quadratic), (half + root) / quadratic
