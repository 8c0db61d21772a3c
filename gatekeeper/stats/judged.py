"""Retention when a judge model scored every row and people scored some of them: prediction-powered inference.

People's scores decide what is true, the judge's scores on the other rows only make it more precise: whatever bias the
judge has is measured on the labelled rows and taken off. Power-tuned PPI++ (Angelopoulos, Duchi & Zrnic, arXiv
2311.01453) of E[s - r0 t], with two changes that its error rate at 200 labelled rows needs:

- The weight of the judge is cross-fitted: each labelled row gets the weight that the other labelled rows suggest.
  A weight tuned on the same rows shifts the estimate by up to 0.15 standard errors when the judge is good.
- The variance is that at the edge of the hypothesis. A student that is nearly always as good as its teacher shows few
  failures, and one that shows too few by luck shows too little variance as well. The third moment says how variance
  and mean move together; where that makes the variance at the edge larger, the larger one is used. On right or wrong
  answers without a judge this comes close to the paired score test.

Simulated false promotion at the edge with `least_labelled` rows labelled, over six judges from useless to perfect,
requirements 0.8 to 0.99 and teachers from 0.7 to 0.99: 0.03 to 0.06 where 0.05 is nominal (plain PPI++ 0.05 to 0.14),
0.001 to 0.008 where 0.0033 is, the first of five looks (plain PPI++ 0.003 to 0.033).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import check_count, check_lengths, check_retention, check_share
from gatekeeper.stats.rectifier import Rows, cross_fitted_weights, ends, rectified, statistic
from gatekeeper.stats.scored import check_scores

JUDGED_LEAST_LABELLED = 200
"""Labelled rows below which a judged result must not promote, whatever the requirement; see `least_labelled`."""

LEAST_LOSSES = 10
"""Rows that a student at the edge must be expected to lose among the labelled ones."""


@dataclass(frozen=True)
class JudgedTest:
    """The prediction-powered test of R <= r0.

    t, p and df are None when the test is undefined: fewer than three labelled rows, no spread, a teacher that is never
    right. weight: the judge's
    mean weight, 0 (not used) to 1. Promote only when `n_labelled` is at least `least_labelled`.
    """

    t: float | None
    p: float | None
    df: int | None
    weight: float
    n_labelled: int
    least_labelled: int
    estimate: Estimate


def least_labelled(r0: float) -> int:
    """Return the labelled rows below which a judged result must not promote.

    At R = r0 < 1 the student loses at least the share 1 - r0 of what the teacher got right. With fewer than
    `LEAST_LOSSES` expected losses among the labelled rows, too often none is seen, and no variance estimate helps:
    0.95 needs 200 rows, 0.98 needs 500, 0.99 needs 1000.
    """
    check_retention("r0", r0)
    # Rounded first: 10 / (1 - 0.98) is 500 but for the last digit.
    return (
        JUDGED_LEAST_LABELLED if r0 >= 1 else max(JUDGED_LEAST_LABELLED, math.ceil(round(LEAST_LOSSES / (1 - r0), 6)))
    )


def judged(
    student: ArrayLike,
    teacher: ArrayLike,
    judge_student: ArrayLike,
    judge_teacher: ArrayLike,
    labelled: ArrayLike,
    *,
    r0: float,
    alpha: float,
    weight: float | None = None,
    n_failed: int = 0,
) -> JudgedTest:
    """Test R <= r0 from people's scores of some rows and a judge's scores of all rows.

    The labelled rows must be a random choice among the rows, made without looking at any score.

    Args:
        student, teacher: shape (m,), people's scores in [0, 1] of the labelled rows, in the order of the rows.
        judge_student, judge_teacher: shape (N,), the judge's scores in [0, 1] of all rows, labelled ones included.
        labelled: shape (N,), True for the m rows that people scored.
        r0, alpha: retention at the edge of the hypothesis; one-sided error of each end of the interval, in (0, 0.5).
        weight: the judge's weight, 0 to 1, when it is not to be tuned; 0 leaves the judge out.
        n_failed: rows that belong to the split and miss a score of the judge; they are only counted.

    Returns:
        A JudgedTest. The interval inverts the test with the weights that were tuned at r0, so it agrees with p there.
        The estimate's value is None when the teacher's estimated mean is not above 0; lower and upper are None where
        the test is undefined, and when that mean is not clearly above 0 (then every R is possible).

    Raises:
        InputError: lengths that do not fit, a score that is NaN or outside [0, 1], labels that are not True or False.
    """
    check_retention("r0", r0)
    check_share("alpha", alpha, below=0.5)
    rows = _rows(student, teacher, judge_student, judge_teacher, labelled)
    if weight is not None and not 0.0 <= weight <= 1.0:
        raise InputError(f"weight is {weight!r}", hint="give a number from 0 to 1")
    sums = rectified(rows, cross_fitted_weights(rows, r0) if weight is None else np.full(rows.s.size, float(weight)))
    df = rows.s.size - 1
    # Without a teacher that is right about anything there is nothing to retain, and nothing to pass.
    t = statistic(sums, 1.0, r0) if df >= 2 and sums.mean_t > 0 else None
    lower, upper = (None, None) if t is None else ends(sums, float(stdtrit(df, 1 - alpha)), r0)
    estimate = Estimate(
        value=max(0.0, sums.mean_s) / sums.mean_t if rows.s.size and sums.mean_t > 0 else None,
        lower=lower,
        upper=upper,
        confidence=1 - 2 * alpha,
        method="prediction-powered t",
        n_expected=rows.total + check_count("n_failed", n_failed),
        n_scored=rows.total,
        n_failed=n_failed,
    )
    return JudgedTest(
        t=t,
        p=None if t is None else float(stdtr(df, -t)),
        df=None if t is None else df,
        weight=sums.weight,
        n_labelled=rows.s.size,
        least_labelled=least_labelled(r0),
        estimate=estimate,
    )


def _rows(
    student: ArrayLike, teacher: ArrayLike, judge_student: ArrayLike, judge_teacher: ArrayLike, labelled: ArrayLike
) -> Rows:
    s, t = check_scores("student", student), check_scores("teacher", teacher)
    js, jt = check_scores("judge_student", judge_student), check_scores("judge_teacher", judge_teacher)
    check_lengths(s, t)
    mask = np.asarray(labelled)
    mask = mask.astype(np.bool_) if mask.size == 0 else mask
    if js.shape != jt.shape or mask.shape != js.shape or mask.dtype != np.bool_:
        raise InputError(
            f"judge_student, judge_teacher and labelled have shapes {js.shape}, {jt.shape} and {mask.shape}, "
            f"labelled is of type {mask.dtype}",
            hint="give both judge scores and True or False for every row",
        )
    if int(mask.sum()) != s.size:
        raise InputError(
            f"{int(mask.sum())} rows are labelled and people's scores are given for {s.size}",
            hint="give people's scores of the labelled rows, in the order of the rows",
        )
    return Rows(s, t, js[mask], jt[mask], js[~mask], jt[~mask])
