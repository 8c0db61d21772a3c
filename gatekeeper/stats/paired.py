"""Retention R = E[student score] / E[teacher score], from both scores of the same items.

The hypothesis R <= r0 is linear in s - r0 t, so it is tested without dividing by a noisy mean, and the interval of R is
the set of r0 that the test does not exclude. Scores in [0, 1] get Fieller's t. Right or wrong answers get the exact
test of `gatekeeper.stats.exact` where at most `EXACT_MOST` items were got right by anybody, and beyond that the score
test of `gatekeeper.stats.ratio_score`, whose error is then close to alpha.

How to decide: by `passes(p, alpha)`, which is strict. A bound that reaches the requirement only in the last digits of
a float is a tie, and a tie does not pass: numerators within float rounding of 0 count as 0. A p that is None never
passes.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtr, ndtri

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import (
    TIE,
    check_accuracy,
    check_count,
    check_lengths,
    check_retention,
    check_share,
    check_values,
)
from gatekeeper.stats.exact import EXACT_MOST, exact_p_values, fresh_p_values
from gatekeeper.stats.lower_end import BELOW_ONE, lower_end
from gatekeeper.stats.ratio_score import (
    PairedCounts,
    ratio_interval,
    ratio_score_p,
    ratio_score_z,
    ratio_score_z_array,
)
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, FiellerTest, fieller

__all__ = [
    "EXACT_MOST",
    "FIELLER_LEAST_ITEMS",
    "TIE",
    "FiellerTest",
    "PairedCounts",
    "fieller",
    "paired_counts",
    "paired_lower",
    "paired_p",
    "paired_p_array",
    "passes",
    "ratio_interval",
    "ratio_score_p",
    "ratio_score_z",
    "ratio_score_z_array",
    "retention_binary",
    "smallest_passable_n",
]


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


def paired_p_array(a: ArrayLike, b: ArrayLike, c: ArrayLike, r0: float) -> NDArray[np.float64]:
    """Return the one-sided p values of R <= r0 against R > r0 for many tables at once.

    The exact test where r0 < 1 and a + b + c <= `EXACT_MOST`, else the score test. Where the score test meets b = 0, p
    is not below the chance of c losses or fewer among a + c items at the share 1 - r0. If the student is right only
    where the teacher is, as it is in agreement with the teacher, that chance is the exact p with any number of items.

    Args:
        a, b, c: whole counts as in `PairedCounts`, any shapes that broadcast.
        r0: retention at the edge of the hypothesis, above 0.

    Returns:
        p in the broadcast shape; NaN where the test is undefined. NaN is never below a level.
    """
    a, b, c = np.broadcast_arrays(*(np.asarray(x, dtype=np.int64) for x in (a, b, c)))
    p = np.asarray(ndtr(-ratio_score_z_array(a, b, c, check_retention("r0", r0))))
    if r0 >= 1:
        return p
    m = a + b + c
    p = np.where(b == 0, np.maximum(p, bdtr(c.astype(np.float64), m, 1 - r0)), p)
    for size in np.unique(m[(m > 0) & (m <= EXACT_MOST)]):
        here = m == size
        p[here] = exact_p_values(int(size), r0)[b[here], c[here]]
    return p


def paired_p(counts: PairedCounts, r0: float) -> float | None:
    """Return the one-sided p value of R <= r0 against R > r0 (see `paired_p_array`); None where it is undefined.

    Decide with `passes(p, alpha)`. An exact p is 1 where the ratio is at most r0.
    """
    p = float(paired_p_array(counts.a, counts.b, counts.c, r0))
    return None if math.isnan(p) else p


def paired_lower(counts: PairedCounts, alpha: float, r0: float | None = None) -> float | None:
    """Return the lower end of R that goes with `paired_p`: the r from which on p is not below `alpha`.

    p rises with r, but for dips in some 3 % of the tables, those in which the student is right on many items that the
    teacher misses; there p may come below `alpha` once more within 0.02 of the end. With `r0` given, the end always
    agrees with the decision at it: passes(paired_p(counts, r0), alpha) exactly when r0 is below the end. It is solved
    for to 1e-6.

    Args:
        alpha: one-sided error, in (0, 0.5).
        r0: the requirement that is decided on; None where nothing is decided.

    Returns:
        The end; None when nobody got anything right.
    """
    check_share("alpha", alpha, below=0.5)
    if r0 is not None:
        check_retention("r0", r0)
    return _lower(counts.a, counts.b, counts.c, float(alpha), r0)


def retention_binary(
    student: ArrayLike, teacher: ArrayLike, *, alpha: float, n_failed: int = 0, r0: float | None = None
) -> Estimate:
    """Return the retention of a student from right or wrong answers, with its interval.

    Args:
        student, teacher: as in `paired_counts`.
        alpha: one-sided error of each end, in (0, 0.5); the interval's confidence is 1 - 2 alpha.
        n_failed: items that belong to the split and have no pair of scores; they are only counted.
        r0: the requirement that is decided on, with which the lower end then agrees (see `paired_lower`).

    Returns:
        An Estimate of R. Its lower end is `paired_lower`, its upper end that of the score interval. value, lower and
        upper are None when the teacher got nothing right: there is nothing to retain. Decide with `paired_p` and
        `passes`.
    """
    check_share("alpha", alpha, below=0.5)
    counts = paired_counts(student, teacher)
    defined = counts.teacher_right > 0
    exact = counts.a + counts.b + counts.c <= EXACT_MOST
    return Estimate(
        value=counts.student_right / counts.teacher_right if defined else None,
        lower=paired_lower(counts, alpha, r0) if defined else None,
        upper=ratio_interval(counts, 1 - 2 * alpha)[1] if defined else None,
        confidence=1 - 2 * alpha,
        method="exact conditional E+M" if exact else "paired ratio score",
        n_expected=counts.n + check_count("n_failed", n_failed),
        n_scored=counts.n,
        n_failed=n_failed,
    )


def smallest_passable_n(r0: float, alpha: float, teacher_accuracy: float) -> int | None:
    """Return the number of items below which a student identical to the teacher cannot pass.

    With b = c = 0 and m items right, p is r0^m or a little more. It does not fall with every m, so at levels that it
    just reaches some numbers of items above may not pass either. A student that is right where the teacher is wrong may
    pass with fewer items: it has more to show, a ratio above 1, and at the edge it does so as rarely as alpha says. The
    teacher is taken to get the whole number of items right that is nearest to `teacher_accuracy` times n.

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
    right = _smallest_right(float(r0), float(alpha))
    return max(right, math.ceil((right - 0.5) / teacher_accuracy))


@lru_cache(maxsize=1024)
def _smallest_right(r0: float, alpha: float) -> int:
    """Return the fewest items that both get right with which they pass."""
    least = 1 + math.floor(math.log(alpha) / math.log(r0))
    for m in range(least, EXACT_MOST + 1):
        if passes(float(exact_p_values(m, r0)[0, 0]), alpha):
            return m
    return max(EXACT_MOST + 1, least, 1 + math.floor(float(ndtri(alpha)) ** 2 * r0 / (1 - r0)))


def _right(name: str, answers: ArrayLike) -> NDArray[np.bool_]:
    array = check_values(name, answers)
    bad = np.flatnonzero((array != 0) & (array != 1))
    if bad.size:
        raise InputError(f"{name}[{bad[0]}] is {array[bad[0]]}, not right or wrong", hint="use `fieller` for scores")
    return array.astype(np.bool_)


@lru_cache(maxsize=4096)
def _lower(a: int, b: int, c: int, alpha: float, r0: float | None) -> float | None:
    counts = PairedCounts(a, b, c, 0)
    score = ratio_interval(counts, 1 - 2 * alpha)[0]
    few = a + b + c <= EXACT_MOST
    by_score = (b > 0 and not few) or (r0 is not None and r0 >= 1 and passes(ratio_score_p(counts, r0), alpha))
    if not score or by_score:
        return score

    def p_value(r: float) -> float:
        if few and r != r0:
            return float(fresh_p_values(a + b + c, r)[b, c])
        return float(paired_p_array(a, b, c, r))

    below_one = lower_end(p_value, alpha * (1 - TIE), min(score if r0 is None else r0, BELOW_ONE), score)
    return max(1.0, score) if below_one is None else below_one
