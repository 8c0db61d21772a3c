"""Retention from scores in [0, 1]: Fieller's t, with or without clusters of items.

From `FIELLER_LEAST_ITEMS` on the variance is that at the edge of the hypothesis, as in `gatekeeper.stats.judged` where
no judge takes part. A student that is nearly always as good as its teacher shows few losses, and one that shows too few
by luck shows too little variance as well; the third moment says how the two move together, and where that makes the
variance at the edge larger, the larger one is used.

Simulated false promotion at the edge, `least_clusters` to 500 clusters of 2 or 5 right or wrong answers, correlated 0.3
and 0.8 within them, r0 0.9 to 0.99, teachers of 0.9 and 1: 0.032 to 0.057 where 0.05 is nominal (0.049 to 0.119 with
the plain variance), 0 to 0.007 with a median of 0.003 where 0.0033 is (0.003 to 0.041). Scores without skew lose about
1 % of their power.
"""

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
from gatekeeper.stats.rectifier import Rectified, ends, statistic

FIELLER_LEAST_ITEMS = 50
"""Items (or clusters) below which Fieller's t must not promote: its error rate is only known to hold from here on."""

LEAST_LOST_ITEMS, LEAST_LOST_CLUSTERS = 10, 5
"""Items, and clusters where losses come by whole clusters, that a student at the edge must be expected to lose."""


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
    degrees of freedom). Below `FIELLER_LEAST_ITEMS` items or clusters the result is computed but must not promote; from
    there on the variance is that at the edge of the hypothesis. Right or wrong answers in clusters must not promote
    below `least_clusters` either.

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
    s, t = check_scores("student", student), check_scores("teacher", teacher)
    check_lengths(s, t)
    groups = np.arange(s.size) if clusters is None else cluster_numbers(clusters, s.size)
    df = degrees_of_freedom(groups)
    if df + 1 < FIELLER_LEAST_ITEMS:
        (lower, upper), test = _fieller_ends(s, t, groups, alpha), t_test(s, t, r0, groups)
    else:
        sums = _cluster_sums(s, t, groups)
        found = statistic(sums, 1.0, r0)
        test = (None, None, None) if found is None else (found, float(stdtr(df, -found)), df)
        lower, upper = ends(sums, float(stdtrit(df, 1 - alpha)), r0)
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
    return FiellerTest(*test, estimate)


def least_clusters(student: ArrayLike, teacher: ArrayLike, r0: float, clusters: int) -> int:
    """Return the clusters below which Fieller's t must not promote.

    `FIELLER_LEAST_ITEMS`, and for right or wrong answers more: at R = r0 < 1 a student loses at least the share 1 - r0
    of what the teacher gets right. Where too few losses are expected, too often none is seen, and no variance estimate
    helps. `LEAST_LOST_ITEMS` must be expected among the items and, since they may all fall into few clusters,
    `LEAST_LOST_CLUSTERS` if whole clusters were lost: 0.95 needs 100 clusters, 0.99 needs 500, of at least two items
    each and with a teacher that is always right.

    Args:
        student, teacher: shape (n,), scores in [0, 1].
        r0: retention at the edge of the hypothesis, above 0.
        clusters: how many clusters the n items fall into.
    """
    s, t = np.asarray(student), np.asarray(teacher)
    binary = bool(np.isin(s, (0.0, 1.0)).all() and np.isin(t, (0.0, 1.0)).all())
    lost = (1 - check_retention("r0", r0)) * float(t.mean()) if t.size else 0.0
    if not binary or lost <= 0:
        return FIELLER_LEAST_ITEMS
    # Rounded first: 5 / (1 - 0.95) is 100 but for the last digit.
    by_items = math.ceil(round(LEAST_LOST_ITEMS / lost * clusters / t.size, 6))
    return max(FIELLER_LEAST_ITEMS, by_items, math.ceil(round(LEAST_LOST_CLUSTERS / lost, 6)))


def _cluster_sums(s: NDArray[np.float64], t: NDArray[np.float64], groups: NDArray[np.intp]) -> Rectified:
    """Return each cluster's sum of deviations from the mean, in units of the mean cluster size; no judge takes part."""
    count = int(groups.max()) + 1
    es, et = (np.bincount(groups, weights=x - x.mean(), minlength=count) * count / x.size for x in (s, t))
    none = (0.0, 0.0, 0.0)
    mean_s, mean_t = math.fsum(s) / s.size, math.fsum(t) / t.size
    return Rectified(0.0, es, et, mean_s, mean_t, second=none, third=(*none, 0.0), others=2)


def _ratio_of_means(s: NDArray[np.float64], t: NDArray[np.float64]) -> float | None:
    ratio = float(s.mean()) / float(t.mean()) if t.any() else math.inf
    return ratio if math.isfinite(ratio) else None


def check_scores(name: str, scores: ArrayLike) -> NDArray[np.float64]:
    """Return scores as a one-dimensional float array; raise InputError naming the first one outside [0, 1]."""
    array = check_values(name, scores)
    bad = np.flatnonzero((array < 0) | (array > 1))
    if bad.size:
        raise InputError(f"{name}[{bad[0]}] is {array[bad[0]]}, outside [0, 1]", hint="scale the scores to [0, 1]")
    return array


def cluster_numbers(clusters: ArrayLike, n: int) -> NDArray[np.intp]:
    """Return the clusters as numbers 0 to C - 1, one per item."""
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise InputError(f"clusters has shape {labels.shape}, not ({n},)", hint="give one cluster per item")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError("clusters has a value that is not finite", hint="give each item a cluster")
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.intp)


def cluster_covariance(x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
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
    error = math.sqrt(cluster_covariance(difference, difference, groups))
    if error <= NO_SPREAD * float(scale.max()):
        return None
    mean = math.fsum(difference) / s.size
    return 0.0 if abs(mean) <= ROUNDING * float(scale.mean()) else mean / error


def t_test(
    s: NDArray[np.float64], t: NDArray[np.float64], r0: float, groups: NDArray[np.intp]
) -> tuple[float | None, float | None, int | None]:
    """Return t, p and the degrees of freedom of a plain t test of s - r0 t; all None where it is undefined."""
    df = degrees_of_freedom(groups)
    statistic = _t_statistic(s, t, r0, groups) if df >= 1 else None
    return (None, None, None) if statistic is None else (statistic, float(stdtr(df, -statistic)), df)


def degrees_of_freedom(groups: NDArray[np.intp]) -> int:
    """Return the number of clusters less one, 0 without items."""
    return int(groups.max()) if groups.size else 0


def _fieller_ends(s: NDArray[np.float64], t: NDArray[np.float64], groups: NDArray[np.intp], alpha: float) -> Interval:
    """Solve (mean_s - r mean_t)^2 = quantile^2 var(mean of s - r t) for r, at Student's quantile of 1 - alpha."""
    df = degrees_of_freedom(groups)
    if df < 1:
        return None, None
    mean_s, mean_t, square = float(s.mean()), float(t.mean()), float(stdtrit(df, 1 - alpha)) ** 2
    quadratic = mean_t**2 - square * cluster_covariance(t, t, groups)
    if mean_t <= 0 or quadratic <= 0:
        return None, None
    half = mean_s * mean_t - square * cluster_covariance(s, t, groups)
    constant = mean_s**2 - square * cluster_covariance(s, s, groups)
    root = math.sqrt(max(half**2 - quadratic * constant, 0.0))
    return max(0.0, (half - root) / quadratic), (half + root) / quadratic
