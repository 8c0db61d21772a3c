"""Retention R = E[student score] / E[teacher score], from both scores of the same items.

The hypothesis R <= r0 is linear in s - r0 t, so it is tested without dividing by a noisy mean, and the interval of R is
the set of r0 that the test does not exclude. Right or wrong answers get the score test for a ratio of paired
proportions, scores in [0, 1] get Fieller's t.

How to decide: by `passes(p, alpha)`, which is strict. A bound that reaches the requirement only in the last digits of
a float is a tie, and a tie does not pass: numerators within float rounding of 0 count as 0. A p that is None never
passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import (
    ROUNDING,
    check_accuracy,
    check_count,
    check_lengths,
    check_retention,
    check_share,
    check_values,
)
from gatekeeper.stats.intervals import Interval
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, FiellerTest, fieller

__all__ = [
    "FIELLER_LEAST_ITEMS",
    "FiellerTest",
    "PairedCounts",
    "fieller",
    "paired_counts",
    "passes",
    "ratio_interval",
    "ratio_score_p",
    "ratio_score_z",
    "ratio_score_z_array",
    "retention_binary",
    "smallest_passable_n",
]

# p must be below alpha by more than the rounding of p itself.
TIE = 1e-9


@dataclass(frozen=True)
class PairedCounts:
    """Items by who was right: a both, b the student only, c the teacher only, d neither."""

    a: int
    b: int
    c: int
    d: int

    def __post_init__(self) -> None:
        for name in ("a", "b", "c", "d"):
            object.__setattr__(self, name, check_count(f"count {name}", getattr(self, name)))

    @property
    def n(self) -> int:
        """Number of items."""
        return self.a + self.b + self.c + self.d

    @property
    def student_right(self) -> int:
        """Number of items that the student got right."""
        return self.a + self.b

    @property
    def teacher_right(self) -> int:
        """Number of items that the teacher got right."""
        return self.a + self.c


def passes(p: float | None, alpha: float) -> bool:
    """Return whether `p` is below `alpha` by more than float rounding; None and NaN do not pass."""
    return p is not None and p < alpha * (1 - TIE)


def paired_counts(student: ArrayLike, teacher: ArrayLike) -> PairedCounts:
    """Count items by who was right.

    Args:
        student: shape (n,), True where the student's answer is right (0 and 1 are taken as well).
        teacher: shape (n,), the same for the teacher, in the same order of items.

    Raises:
        InputError: different lengths, or a value that is not right or wrong (NaN included).
    """
    s, t = _right("student", student), _right("teacher", teacher)
    check_lengths(s, t)
    both, student_only, teacher_only = int((s & t).sum()), int((s & ~t).sum()), int((~s & t).sum())
    return PairedCounts(both, student_only, teacher_only, s.size - both - student_only - teacher_only)


def ratio_score_z_array(a: ArrayLike, b: ArrayLike, c: ArrayLike, r0: ArrayLike) -> NDArray[np.float64]:
    """Return the score statistic z of R <= r0 for many tables at once; large z speaks for R > r0.

    With s - r0 t as the quantity of one item, z = sum / sqrt(n * variance), where the variance r0 (p10 + p01) uses the
    maximum-likelihood cell probabilities under R = r0 (Nam & Blackwelder 2002; Tang, Tang & Chan 2003). For fixed r0
    their likelihood splits into the share of items that anybody got right, which cancels, and u, the share of these
    that only the teacher got right; u is the larger root of a quadratic.

    Args:
        a, b, c: counts as in `PairedCounts`, any shapes that broadcast; fractions are allowed (expected counts). The
            items that nobody got right carry no information on R.
        r0: retention at the edge of the hypothesis, above 0.

    Returns:
        z in the broadcast shape; NaN where it is undefined (no item right, or a = n and r0 = 1). NaN is never above a
        critical value. Numerators within rounding of 0 give 0.
    """
    a, b, c, r = (np.asarray(x, dtype=np.float64) for x in (a, b, c, r0))
    informative = a + b + c
    linear = a * (r * r - 1) - b - c * (2 - r * r)
    square, constant = (r + 1) * informative, c * (1 - r)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(linear * linear - 4 * square * constant, 0.0))
        # Of the two forms of the larger root take the one that does not subtract nearly equal numbers.
        stable = np.where(linear > 0, linear + root, root - linear) / 2
        u = np.where(linear > 0, -constant / stable, stable / square)
        u = np.clip(u, np.maximum(0.0, 1 - r), 1 / (r + 1))
        variance = informative * np.maximum((r + 1) * u - (1 - r), 0.0)
        right, needed = a + b, r * (a + c)
        excess = right - needed
        excess = np.where(np.abs(excess) <= ROUNDING * (right + needed), 0.0, excess)
        return np.asarray(excess / np.sqrt(variance), dtype=np.float64)


def ratio_score_z(counts: PairedCounts, r0: float) -> float | None:
    """Return the score statistic of R <= r0 (see `ratio_score_z_array`), or None where it is undefined."""
    z = float(ratio_score_z_array(counts.a, counts.b, counts.c, check_retention("r0", r0)))
    return None if math.isnan(z) else z


def ratio_score_p(counts: PairedCounts, r0: float) -> float | None:
    """Return the one-sided p value of R <= r0 against R > r0, or None where the test is undefined.

    Decide with `passes(p, alpha)`, not by comparing the bound of the interval with r0.
    """
    z = ratio_score_z(counts, r0)
    return None if z is None else float(ndtr(-z))


def ratio_interval(counts: PairedCounts, confidence: float = 0.90) -> Interval:
    """Return the interval of R by inversion of the score test.

    Its lower end at confidence 1 - 2 alpha is the one-sided lower bound at alpha. It depends on a, b and c only.

    Returns:
        (lower, upper). Where one model got nothing right the interval is one-sided but still real: (0, z^2 / c) when
        the student got nothing right (R = 0), (b / z^2, inf) when the teacher got nothing right (R has no upper
        bound). (None, None) when nobody got anything right, and when there is no item.
    """
    quantile = -float(ndtri((1 - check_share("confidence", confidence)) / 2))
    if counts.a + counts.b + counts.c == 0:
        return None, None
    # Exchanging the models turns R into 1 / R and z into -z.
    inverse = _lower_end(counts.a, counts.c, counts.b, quantile)
    return _lower_end(counts.a, counts.b, counts.c, quantile), (1 / inverse if inverse > 0 else math.inf)


def retention_binary(student: ArrayLike, teacher: ArrayLike, *, alpha: float, n_failed: int = 0) -> Estimate:
    """Return the retention of a student from right or wrong answers, with the interval of the paired score test.

    Args:
        student, teacher: as in `paired_counts`.
        alpha: one-sided error of each end, in (0, 0.5); the interval's confidence is 1 - 2 alpha.
        n_failed: items that belong to the split and have no pair of scores; they are only counted.

    Returns:
        An Estimate of R. value, lower and upper are None when the teacher got nothing right: there is nothing to
        retain. Decide with `ratio_score_p` and `passes`.
    """
    check_share("alpha", alpha, below=0.5)
    counts = paired_counts(student, teacher)
    defined = counts.teacher_right > 0
    lower, upper = ratio_interval(counts, 1 - 2 * alpha) if defined else (None, None)
    return Estimate(
        value=counts.student_right / counts.teacher_right if defined else None,
        lower=lower,
        upper=upper,
        confidence=1 - 2 * alpha,
        method="paired ratio score",
        n_expected=counts.n + check_count("n_failed", n_failed),
        n_scored=counts.n,
        n_failed=n_failed,
    )


def smallest_passable_n(r0: float, alpha: float, teacher_accuracy: float) -> int | None:
    """Return the number of items below which even a student identical to the teacher cannot pass.

    With b = c = 0 the statistic is sqrt(a (1 - r0) / r0), so a must exceed z^2 r0 / (1 - r0). The teacher is taken to
    get the whole number of items right that is nearest to `teacher_accuracy` times n.

    Args:
        r0: required retention, above 0.
        alpha: one-sided error of the look, in (0, 0.5).
        teacher_accuracy: share of items that the teacher gets right, in (0, 1].

    Returns:
        A number of items, or None when r0 >= 1: an identical student never shows R > 1.
    """
    check_retention("r0", r0)
    check_share("alpha", alpha, below=0.5)
    check_accuracy("teacher_accuracy", teacher_accuracy)
    if r0 >= 1:
        return None
    right = 1 + math.floor(float(ndtri(alpha)) ** 2 * r0 / (1 - r0))
    return max(right, math.ceil((right - 0.5) / teacher_accuracy))


def _right(name: str, answers: ArrayLike) -> NDArray[np.bool_]:
    array = check_values(name, answers)
    bad = np.flatnonzero((array != 0) & (array != 1))
    if bad.size:
        raise InputError(f"{name}[{bad[0]}] is {array[bad[0]]}, not right or wrong", hint="use `fieller` for scores")
    return array.astype(np.bool_)


def _lower_end(a: int, b: int, c: int, quantile: float) -> float:
    """Return the r at which z falls to `quantile`; z falls strictly in r."""
    if a + b == 0:
        return 0.0
    if a + c == 0:
        return b / quantile**2  # z is sqrt(b / r) here

    def gap(log_r: float) -> float:
        # z is 0/0 at r = 1 without disagreement; it tends to 0 there from both sides.
        return float(np.nan_to_num(ratio_score_z_array(a, b, c, math.exp(log_r)), nan=0.0)) - quantile

    high = math.log((a + b) / (a + c))  # z is 0 at the estimate
    low = high - 1.0
    while gap(low) < 0:  # ends, since z grows like 1 / sqrt(r) towards 0
        low -= 2.0
    return math.exp(float(brentq(gap, low, high, xtol=1e-14)))
