"""Retention on one eval from paired scores: which test applies, and what missing scores of the teacher do to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.judged import judged
from gatekeeper.stats.paired import (
    paired_counts,
    paired_p,
    passes,
    ratio_interval,
    retention_binary,
)
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, fieller, least_clusters


@dataclass(frozen=True)
class HumanScores:
    """Scores that rest on people's answers, for some of the rows that a model has judged; NaN for the others.

    Attributes:
        student: shape (n,), in [0, 1].
        teacher: the same for the teacher.
    """

    student: NDArray[np.float64]
    teacher: NDArray[np.float64]


@dataclass(frozen=True)
class PairedScores:
    """Scores of student and teacher on the same rows of one eval.

    Attributes:
        student: shape (n,), in [0, 1]; an answer that failed or does not parse is 0; NaN where no score exists.
        teacher: shape (n,), in [0, 1]; NaN where the teacher failed.
        n_expected: rows that there should be.
        fidelity: True when there are no gold answers and a score is agreement with the teacher.
        clusters: shape (n,), which rows belong together; None when each stands alone.
        left: shape (n,), True where the row is left to the teacher, whose score is then the student's as well; None
            when the student answers every row.
        human: people's scores of some rows, when `student` and `teacher` are a model's judgement; else None.
    """

    student: NDArray[np.float64]
    teacher: NDArray[np.float64]
    n_expected: int
    fidelity: bool = False
    clusters: Sequence[str] | NDArray[np.generic] | None = None
    left: NDArray[np.bool_] | None = None
    human: HumanScores | None = None

    def __post_init__(self) -> None:
        student, teacher = len(self.student), len(self.teacher)
        if student != teacher or student > self.n_expected:
            raise InputError(
                f"{student} scores of the student and {teacher} of the teacher for {self.n_expected} gate rows",
                hint="give one score of each for every row, NaN where there is none",
            )

    @property
    def missing(self) -> int:
        """Rows without a score of the student.

        Without gold answers nobody knows whether the student agrees with a teacher that failed, and a row that is left
        to the teacher has its score; such rows count as failures of the teacher instead.
        """
        known = np.isfinite(self.student) | (self.fidelity & ~np.isfinite(self.teacher))
        known = known if self.left is None else known | self.left
        return self.n_expected - int(known.sum())

    @property
    def failed(self) -> int:
        """Rows on which the teacher failed."""
        return self.n_expected - int(np.isfinite(self.teacher).sum())


@dataclass(frozen=True)
class RetentionTest:
    """What one eval says of R = E[student] / E[teacher].

    Attributes:
        estimate: R with its interval at 1 - 2 alpha, for the treatment of failed rows that is worse for the student.
        passed: whether R > r0 is shown at alpha, whichever way failed rows are counted.
        below: whether R < r0 is shown at the alpha for failures, whichever way failed rows are counted.
        teacher: shape (n,), the teacher's scores with failed rows filled the worse way.
        least_rows: rows (or clusters, or rows with people's answers) below which this test promotes nothing.
        units: how many of these there are.
    """

    estimate: Estimate
    passed: bool
    below: bool
    teacher: NDArray[np.float64]
    least_rows: int
    units: int


def judge_retention(scores: PairedScores, r0: float, alpha: float, alpha_below: float) -> RetentionTest:
    """Test R > r0 at `alpha` and R < r0 at `alpha_below` (both one-sided).

    Right or wrong answers that stand alone get the paired test of counts, other scores and clusters Fieller's t, judged
    scores the prediction-powered test. A row on which the teacher failed is counted as wrong and as right; the
    way that is worse for the student decides.

    Sources: Lloyd 2008; Tang, Tang & Chan 2003; Fieller 1954; Angelopoulos et al. arXiv 2311.01453.
    """
    unknown = ~np.isfinite(scores.teacher)
    fills = [np.where(unknown, fill, scores.teacher) for fill in ((0.0, 1.0) if unknown.any() else (0.0,))]
    tests = [_test(scores, teacher, r0, alpha) for teacher in fills]
    worst = min(range(len(tests)), key=lambda index: _lower(tests[index].estimate))
    passed = tests[worst].estimate.value is not None and all(passes(test.p, alpha) for test in tests)
    # What is shown to be above r0 has no upper end below it, so the second test is only made where the first is open.
    uppers = (_upper(scores, teacher, r0, alpha_below) for teacher in fills)
    return RetentionTest(
        estimate=tests[worst].estimate,
        passed=passed,
        below=not passed and all(upper is not None and upper < r0 for upper in uppers),
        teacher=fills[worst],
        least_rows=tests[worst].least_rows,
        units=tests[worst].units,
    )


def dev_retention(scores: PairedScores, alpha: float) -> Estimate:
    """Return retention over the rows on which both models have a score; the others count as failed.

    For the development split, which proves nothing: the gate is stricter.
    """
    both = np.isfinite(scores.student) & np.isfinite(scores.teacher)
    clusters = None if scores.clusters is None else np.asarray(scores.clusters)[both]
    rows = PairedScores(scores.student[both], scores.teacher[both], int(both.sum()), clusters=clusters)
    failed = scores.n_expected - rows.n_expected
    estimate = _test(rows, rows.teacher, 1.0, alpha).estimate
    return estimate.model_copy(update={"n_expected": scores.n_expected, "n_failed": failed})


@dataclass(frozen=True)
class _OneTest:
    estimate: Estimate
    p: float | None
    least_rows: int
    units: int


def _test(scores: PairedScores, teacher: NDArray[np.float64], r0: float, alpha: float) -> _OneTest:
    """Return retention with its interval at 1 - 2 alpha, and the one-sided p-value; None where no test holds."""
    student, groups = _student(scores, teacher), groups_of(scores.clusters)
    if scores.human is not None:
        return _judged(scores.human, student, teacher, r0, alpha)
    if groups is None and is_binary(student) and is_binary(teacher):
        estimate = retention_binary(student, teacher, alpha=alpha, r0=r0)
        return _OneTest(estimate, paired_p(paired_counts(student, teacher), r0), 1, student.size)
    result = fieller(student, teacher, r0=r0, alpha=alpha, clusters=groups)
    units = student.size if groups is None else int(groups.max(initial=-1)) + 1
    least = FIELLER_LEAST_ITEMS if groups is None else least_clusters(student, teacher, r0, units)
    return _OneTest(result.estimate, result.p if units >= least else None, least, units)


def _upper(scores: PairedScores, teacher: NDArray[np.float64], r0: float, alpha: float) -> float | None:
    """Return the upper end of the estimate of `_test`; for counts without the lower one, which takes longer."""
    student = _student(scores, teacher)
    counted = scores.human is None and groups_of(scores.clusters) is None and is_binary(student) and is_binary(teacher)
    if not counted:
        return _test(scores, teacher, r0, alpha).estimate.upper
    counts = paired_counts(student, teacher)
    return ratio_interval(counts, 1 - 2 * alpha)[1] if counts.teacher_right else None


def _student(scores: PairedScores, teacher: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the student's scores: the teacher's where the row is left to it, 0 where there is none."""
    student = scores.student if scores.left is None else np.where(scores.left, teacher, scores.student)
    return np.where(np.isfinite(student), student, 0.0)


def _judged(
    human: HumanScores, student: NDArray[np.float64], teacher: NDArray[np.float64], r0: float, alpha: float
) -> _OneTest:
    """Return the prediction-powered test; a row is labelled where people's answer scores the student.

    Where the teacher failed on such a row, it is filled in as in `teacher`: leaving it out would favour the student.
    """
    labelled = np.isfinite(human.student)
    known = np.where(np.isfinite(human.teacher), human.teacher, teacher)
    test = judged(human.student[labelled], known[labelled], student, teacher, labelled, r0=r0, alpha=alpha)
    p = test.p if test.n_labelled >= test.least_labelled else None
    return _OneTest(test.estimate, p, test.least_labelled, test.n_labelled)


def is_binary(values: NDArray[np.float64]) -> bool:
    """Return whether every value is 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def groups_of(clusters: Sequence[str] | NDArray[np.generic] | None) -> NDArray[np.intp] | None:
    """Return the clusters as numbers, None where each row stands alone."""
    if clusters is None or len(clusters) == 0:
        return None
    labels = np.asarray(clusters)
    if labels.dtype.kind == "i" and int(labels.min()) >= 0 and int(labels.max()) <= 4 * labels.size:
        codes = (np.cumsum(np.bincount(labels) > 0) - 1)[labels]  # what `unique` gives, without sorting
    else:
        codes = np.unique(labels, return_inverse=True)[1]
    return None if int(codes.max()) + 1 == codes.size else np.asarray(codes, dtype=np.intp)


def _lower(estimate: Estimate) -> float:
    return -math.inf if estimate.lower is None else estimate.lower
