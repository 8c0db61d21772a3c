"""Difference of quality, student minus teacher, from both scores of the same items.

The hypothesis is "the student is worse by the margin or more": difference <= -margin. Right or wrong answers get
Tango's score test for a difference of paired proportions, scores in [0, 1] a t test of s - t. McNemar's exact test asks
whether the two differ at all.

How to decide: by `gatekeeper.stats.paired.passes(p, alpha)`, which is strict. As for retention, a bound that reaches
the margin only in the last digits of a float is a tie (0.92 to 0.90 at a margin of 0.02), and a tie does not pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtrit

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import NO_SPREAD, ROUNDING, check_count, check_lengths, check_share
from gatekeeper.stats.intervals import Interval
from gatekeeper.stats.paired import PairedCounts, paired_counts
from gatekeeper.stats.scored import check_scores, cluster_covariance, cluster_numbers, degrees_of_freedom, t_test

MARGIN_LEAST_ITEMS = 50
"""Items (or clusters) below which the t test of a difference must not promote; as for Fieller's t."""


@dataclass(frozen=True)
class DifferenceTest:
    """Student's test of difference <= -margin.

    t, p and df are None when the test is undefined: fewer than two items or clusters, or s - t without any spread (a
    student that gives each item exactly the teacher's score shows no spread either).
    """

    t: float | None
    p: float | None
    df: int | None
    estimate: Estimate


def difference_score_z_array(b: ArrayLike, c: ArrayLike, n: ArrayLike, margin: ArrayLike) -> NDArray[np.float64]:
    """Return Tango's score statistic of difference <= -margin for many tables; large z speaks for the student.

    z = (b - c + n margin) / sqrt(n * variance), where the variance of s - t for one item uses the maximum-likelihood
    share of items that only the teacher got right, under difference = -margin: the larger root of a quadratic (Tango,
    Statistics in Medicine 1998).

    Args:
        b, c, n: items that only the student got right, only the teacher, and all; any shapes that broadcast.
        margin: in (-1, 1); a negative one asks for a student that is better by that much.

    Returns:
        z in the broadcast shape; NaN where it is undefined (no items, or no disagreement and margin 0). NaN is never
        above a critical value. Numerators within rounding of 0 give 0.
    """
    b, c, n, m = (np.asarray(x, dtype=np.float64) for x in (b, c, n, margin))
    linear = -b - c - (2 * n - b + c) * m
    constant = c * m * (1 + m)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(linear * linear - 8 * n * constant, 0.0))
        # Of the two forms of the larger root take the one that does not subtract nearly equal numbers.
        teacher_only = np.where(linear > 0, -2 * constant / (linear + root), (root - linear) / (4 * n))
        teacher_only = np.clip(teacher_only, np.maximum(0.0, m), (1 + m) / 2)
        variance = n * np.maximum(2 * teacher_only - m * (1 + m), 0.0)
        excess = b - c + n * m
        # On the scale of n, not of n m: a margin may come as a difference of rates, 0.92 - 0.91.
        excess = np.where(np.abs(excess) <= ROUNDING * n, 0.0, excess)
        return np.asarray(excess / np.sqrt(variance), dtype=np.float64)


def difference_score_z(counts: PairedCounts, margin: float) -> float | None:
    """Return Tango's statistic of difference <= -margin (see `difference_score_z_array`), or None where undefined."""
    z = float(difference_score_z_array(counts.b, counts.c, counts.n, _check_margin(margin)))
    return None if math.isnan(z) else z


def difference_score_p(counts: PairedCounts, margin: float) -> float | None:
    """Return the one-sided p value of difference <= -margin against more, or None where the test is undefined."""
    z = difference_score_z(counts, margin)
    return None if z is None else float(ndtr(-z))


def difference_interval(counts: PairedCounts, confidence: float = 0.90) -> Interval:
    """Return the interval of the student's rate minus the teacher's, by inversion of Tango's score test.

    Its lower end at confidence 1 - 2 alpha is the one-sided lower bound at alpha.

    Returns:
        (lower, upper), both in [-1, 1]; (None, None) when there is no item.
    """
    quantile = -float(ndtri((1 - check_share("confidence", confidence)) / 2))
    if counts.n == 0:
        return None, None
    # Exchanging the models turns the difference and z into their negatives.
    lower = _lower_end(counts.b, counts.c, counts.n, quantile)
    return lower, -_lower_end(counts.c, counts.b, counts.n, quantile)


def difference_binary(student: ArrayLike, teacher: ArrayLike, *, alpha: float, n_failed: int = 0) -> Estimate:
    """Return the student's rate minus the teacher's from right or wrong answers, with Tango's interval.

    Args:
        student, teacher: as in `paired_counts`.
        alpha: one-sided error of each end, in (0, 0.5); the interval's confidence is 1 - 2 alpha.
        n_failed: items that belong to the split and have no pair of scores; they are only counted.

    Returns:
        An Estimate in [-1, 1]; value, lower and upper are None without items. Decide with `difference_score_p`.
    """
    check_share("alpha", alpha, below=0.5)
    counts = paired_counts(student, teacher)
    lower, upper = difference_interval(counts, 1 - 2 * alpha)
    return Estimate(
        value=(counts.b - counts.c) / counts.n if counts.n else None,
        lower=lower,
        upper=upper,
        confidence=1 - 2 * alpha,
        method="paired difference score",
        n_expected=counts.n + check_count("n_failed", n_failed),
        n_scored=counts.n,
        n_failed=n_failed,
    )


def mcnemar_exact_p(counts: PairedCounts) -> float | None:
    """Return the two-sided p value of "both are right equally often": the sign test of b against c (McNemar 1947).

    1.0 when the models never disagree, None when there is no item.
    """
    if counts.n == 0:
        return None
    if counts.b + counts.c == 0:
        return 1.0
    from scipy.stats import binomtest  # scipy.stats takes long to import; the rest of the room does without it

    return float(binomtest(counts.b, counts.b + counts.c, 0.5).pvalue)


def difference_scored(
    student: ArrayLike,
    teacher: ArrayLike,
    *,
    margin: float,
    alpha: float,
    clusters: ArrayLike | None = None,
    n_failed: int = 0,
) -> DifferenceTest:
    """Test difference <= -margin with scores in [0, 1]: a paired t test, cluster-robust where clusters are given.

    Below `MARGIN_LEAST_ITEMS` items or clusters the result is computed but must not promote.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1], in the same order of items.
        margin, alpha: in (-1, 1); one-sided error of each end of the interval, in (0, 0.5).
        clusters: shape (n,), the cluster of each item; None when items are independent.
        n_failed: items that belong to the split and have no pair of scores; they are only counted.

    Returns:
        A DifferenceTest. The estimate's lower and upper are None below two items or clusters, and without spread.

    Raises:
        InputError: different lengths, or a score that is NaN or outside [0, 1].
    """
    _check_margin(margin)
    check_share("alpha", alpha, below=0.5)
    s, t = check_scores("student", student), check_scores("teacher", teacher)
    check_lengths(s, t)
    groups = np.arange(s.size) if clusters is None else cluster_numbers(clusters, s.size)
    lower, upper = _mean_ends(s, t, groups, alpha)
    estimate = Estimate(
        value=math.fsum(s - t) / s.size if s.size else None,
        lower=lower,
        upper=upper,
        confidence=1 - 2 * alpha,
        method="paired t" if clusters is None else "paired t, cluster-robust",
        n_expected=s.size + check_count("n_failed", n_failed),
        n_scored=s.size,
        n_failed=n_failed,
    )
    # Retention 1 of the shifted scores is the same hypothesis, and shares its rules of rounding.
    return DifferenceTest(*t_test(s + max(margin, 0.0), t + max(-margin, 0.0), 1.0, groups), estimate)


def _check_margin(margin: float) -> float:
    if not -1.0 < margin < 1.0:
        raise InputError(f"margin is {margin!r}", hint="give a difference of rates such as 0.02")
    return float(margin)


def _lower_end(b: int, c: int, n: int, quantile: float) -> float:
    """Return the difference at which z falls to `quantile`; z falls in the difference, from infinity at -1."""
    estimate = (b - c) / n
    if b - c == -n:
        return -1.0

    def gap(difference: float) -> float:
        # z is 0/0 at 0 without disagreement; it tends to 0 there from both sides.
        return float(np.nan_to_num(difference_score_z_array(b, c, n, -difference), nan=0.0)) - quantile

    above = (1 + estimate) / 2
    while gap(above - 1) < 0:
        above /= 4
    return float(brentq(gap, above - 1, estimate, xtol=1e-14))


def _mean_ends(s: NDArray[np.float64], t: NDArray[np.float64], groups: NDArray[np.intp], alpha: float) -> Interval:
    """Return Student's interval of the mean of s - t, within [-1, 1]."""
    df = degrees_of_freedom(groups)
    if df < 1:
        return None, None
    difference = s - t
    difference[np.abs(difference) <= ROUNDING * (s + t)] = 0.0
    error = math.sqrt(cluster_covariance(difference, difference, groups))
    if error <= NO_SPREAD * float((s + t).max()):
        return None, None
    mean, half = math.fsum(difference) / s.size, float(stdtrit(df, 1 - alpha)) * error
    return max(-1.0, mean - half), min(1.0, mean + half)
