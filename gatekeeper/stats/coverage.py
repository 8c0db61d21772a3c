"""A blend of student and teacher: who answers a row at a confidence threshold, and how quality falls with coverage.

The blend takes the student's answer where its confidence is at least the threshold and the teacher's elsewhere, also
where the student gave no confidence. Coverage is the share of rows that the student answers. Rows of equal confidence
are one block: no threshold splits them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.errors import InputError
from gatekeeper.stats.checks import check_lengths, check_values

COVERAGES = tuple(k / 20 for k in range(1, 21))
"""Shares of the rows that the student answers at the thresholds that are tried: 5 %, 10 %, ... 100 %."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CurvePoint:
    """The blend at one threshold.

    Attributes:
        threshold: the student answers where its confidence is at least this.
        coverage: share of the rows that it answers, in (0, 1].
        retention: mean score of the blend over mean score of the teacher, all rows; None where the latter is 0.
        accuracy: the student's mean score on the rows that it answers.
        teacher_accuracy: the teacher's mean score on the same rows.
    """

    threshold: float
    coverage: float
    retention: float | None
    accuracy: float
    teacher_accuracy: float


@dataclass(frozen=True)
class RiskCoverage:
    """What each threshold would do on these rows. Estimates, to look at: `selective.choose_threshold` chooses.

    Attributes:
        points: one for each distinct confidence, from the most cautious threshold to the boldest.
        aurc: area under the curve of selective risk (1 - accuracy) over coverage: the mean, over the rows that have a
            confidence, of the risk at the row's own confidence as threshold. None without such rows.
    """

    points: tuple[CurvePoint, ...]
    aurc: float | None


def accepted(confidence: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return which rows the student answers: those whose confidence is at least `threshold`; never NaN.

    Args:
        confidence: shape (n,), NaN where the student gave none.
    """
    mask: NDArray[np.bool_] = check_confidence(confidence) >= threshold
    return mask


def blend_scores(student: ArrayLike, teacher: ArrayLike, confidence: ArrayLike, threshold: float) -> Floats:
    """Return the score of the blend on each row: the student's where it answers, the teacher's elsewhere.

    A score that does not exist stays NaN where it is the one that counts. So where the teacher failed on a row that is
    left to it, the blend's score is as unknown as the teacher's: whoever fills the teacher's score in, one way or
    the other, must do so before, and both models get the same.

    Args:
        student, teacher: shape (n,), scores in [0, 1], NaN where there is none.
        confidence: shape (n,), the student's, NaN where it gave none.
        threshold: the student answers where its confidence is at least this.

    Raises:
        InputError: the arrays do not hold the same number of rows.
    """
    s, t = np.asarray(student, dtype=np.float64), np.asarray(teacher, dtype=np.float64)
    mask = accepted(confidence, threshold)
    check_lengths(s, t)
    check_same_rows(mask, s)
    return np.where(mask, s, t)


def thresholds_at(confidence: ArrayLike, coverages: Sequence[float] = COVERAGES) -> tuple[float, ...]:
    """Return the thresholds at which the student answers these shares of the rows, from high to low.

    With rows of equal confidence a threshold may cover more than was asked for, and two coverages may share one
    threshold. Rows without a confidence are never covered. No score is read.

    Args:
        confidence: shape (n,), NaN where the student gave none.
        coverages: rising, in (0, 1].
    """
    shares = np.asarray(coverages, dtype=np.float64)
    if shares.size == 0 or not (shares[0] > 0 and shares[-1] <= 1 and (np.diff(shares) > 0).all()):
        raise InputError(f"coverages are {tuple(coverages)!r}", hint="give shares that rise, above 0 and at most 1")
    values = check_confidence(confidence)
    falling = -np.sort(-values[np.isfinite(values)])
    if falling.size == 0:
        return ()
    # A share that is a whole number of rows must not become one row more by rounding.
    counts = np.ceil(shares * values.size - 1e-9).astype(np.int64)
    return tuple(dict.fromkeys(float(x) for x in falling[np.clip(counts, 1, falling.size) - 1]))


def risk_coverage(student: ArrayLike, teacher: ArrayLike, confidence: ArrayLike) -> RiskCoverage:
    """Return retention and selective accuracy at every threshold that these rows can tell apart, and their AURC.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1]; an answer that failed is 0.
        confidence: shape (n,), the student's, NaN where it gave none.

    Raises:
        InputError: different lengths, or a score that is missing.

    Source: Geifman & El-Yaniv 2017 (selective classification); Geifman, Uziel & El-Yaniv 2019 (AURC).
    """
    s, t = check_values("student", student), check_values("teacher", teacher)
    check_lengths(s, t)
    values = check_confidence(confidence)
    check_same_rows(values, s)
    order = np.argsort(-values, kind="stable")[: int(np.isfinite(values).sum())]  # NaN comes last
    if order.size == 0:
        return RiskCoverage((), None)
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    rows = ends + 1
    right, reference, total = np.cumsum(s[order])[ends], np.cumsum(t[order])[ends], float(t.sum())
    points = tuple(
        CurvePoint(
            threshold=float(values[order[end]]),
            coverage=float(count / s.size),
            retention=float(1 + (mine - theirs) / total) if total > 0 else None,
            accuracy=float(mine / count),
            teacher_accuracy=float(theirs / count),
        )
        for end, count, mine, theirs in zip(ends, rows, right, reference, strict=True)
    )
    sizes = np.diff(rows, prepend=0)
    return RiskCoverage(points, float(np.sum(sizes * (1 - right / rows)) / order.size))


def check_confidence(confidence: ArrayLike) -> Floats:
    """Return the confidences as floats, NaN where there is none; raise InputError when one is infinite."""
    values = np.asarray(confidence, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"confidence has {values.ndim} dimensions", hint="give one number per row")
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise InputError(
            f"confidence[{infinite[0]}] is {values[infinite[0]]}", hint="give NaN where the student gave no confidence"
        )
    return values


def check_same_rows(confidence: NDArray[np.generic], scores: Floats) -> None:
    """Raise InputError when there is not one confidence for each score."""
    if confidence.size != scores.size:
        raise InputError(
            f"confidence has {confidence.size} rows and the scores have {scores.size}",
            hint="give the confidence of the same rows in the same order",
        )
