"""Noise of repeated samples: how much of a score's variance is the model's own sampling, how much the items.

A teacher that answers the same item differently each time limits what any comparison can show. `noise_split` says how
much, and what retention the teacher shows against another sample of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import check_count, check_retention, check_share
from gatekeeper.stats.scored import fieller


@dataclass(frozen=True)
class Variation:
    """Variance of one model's scores, split in two.

    items: variance of the items' own means. noise: variance of one sample around the mean of its item. samples: k.
    Both are None with fewer than two samples per item (they cannot be told apart) or fewer than two items.
    """

    items: float | None
    noise: float | None
    samples: int


@dataclass(frozen=True)
class NoiseSplit:
    """Variances of teacher and student, and the teacher against itself.

    covariance: of the items' means of teacher and student; None below two items. teacher_again: retention of half of
    the teacher's samples against the other half, whose true value is 1: its interval is the noise floor of retention.
    Its value and ends are None with fewer than two samples per item.
    """

    teacher: Variation
    student: Variation
    covariance: float | None
    teacher_again: Estimate


def noise_split(teacher: ArrayLike, student: ArrayLike, *, alpha: float = 0.05) -> NoiseSplit:
    """Separate sampling noise from the variance between items (one-way analysis of variance, random effects).

    noise is the mean variance within items, items the variance of the items' means less noise / k, 0 where that is
    negative. Samples of one item must be independent given the item, and in no order that means anything.

    Args:
        teacher, student: shapes (n, k) and (n, l), finite scores in [0, 1] of k and l samples of the same n items.
        alpha: one-sided error of each end of the teacher's retention against itself, in (0, 0.5).

    Raises:
        InputError: not two-dimensional, different numbers of items, or a score that is NaN or outside [0, 1].
    """
    check_share("alpha", alpha, below=0.5)
    t, s = _table("teacher", teacher), _table("student", student)
    if t.shape[0] != s.shape[0]:
        raise InputError(
            f"teacher has {t.shape[0]} items and student has {s.shape[0]}",
            hint="give samples of the same items in the same order",
        )
    shared = float(np.cov(t.mean(axis=1), s.mean(axis=1))[0, 1]) if t.shape[0] >= 2 else None
    return NoiseSplit(_variation(t), _variation(s), shared, _again(t, alpha))


def difference_variance(
    split: NoiseSplit, r0: float, *, student_samples: int, teacher_samples: int
) -> tuple[float, float] | None:
    """Return the variance of one item's s - r0 t as (items, noise) when each score is a mean of that many samples.

    Rows needed are proportional to the sum; more samples per item shrink the noise only. None where the split is
    undefined.
    """
    check_retention("r0", r0)
    k_student = check_count("student_samples", student_samples, least=1)
    k_teacher = check_count("teacher_samples", teacher_samples, least=1)
    teacher, student = split.teacher, split.student
    if teacher.items is None or teacher.noise is None or student.items is None or student.noise is None:
        return None
    if split.covariance is None:
        return None
    items = student.items - 2 * r0 * split.covariance + r0**2 * teacher.items
    return max(0.0, items), student.noise / k_student + r0**2 * teacher.noise / k_teacher


def _table(name: str, scores: ArrayLike) -> NDArray[np.float64]:
    try:
        table = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not a table of numbers: {error}", hint="give one row per item") from error
    if table.ndim != 2 or table.shape[1] == 0:
        raise InputError(f"{name} has shape {table.shape}", hint="give one row per item, one column per sample")
    bad = np.argwhere(~((table >= 0) & (table <= 1)))
    if bad.size:
        row, column = (int(place) for place in bad[0])
        raise InputError(
            f"{name}[{row}, {column}] is {table[row, column]}, not a score in [0, 1]",
            hint="leave items without all of their samples out",
        )
    return table


def _variation(table: NDArray[np.float64]) -> Variation:
    n, k = table.shape
    if n < 2 or k < 2:
        return Variation(None, None, k)
    noise = float(table.var(axis=1, ddof=1).mean())
    return Variation(max(0.0, float(table.mean(axis=1).var(ddof=1)) - noise / k), noise, k)


def _again(table: NDArray[np.float64], alpha: float) -> Estimate:
    n, half = table.shape[0], table.shape[1] // 2
    if half == 0:
        return Estimate(value=None, confidence=1 - 2 * alpha, method="fieller t", n_expected=n, n_scored=0, n_failed=0)
    first, second = table[:, :half].mean(axis=1), table[:, half : 2 * half].mean(axis=1)
    return fieller(first, second, r0=1.0, alpha=alpha).estimate
