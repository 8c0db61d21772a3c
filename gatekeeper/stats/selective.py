"""How sure a student must be of its answer so that its blend with the teacher keeps enough of the teacher's quality.

A blend (`gatekeeper.stats.coverage`) is one more model, whose score on a row that is left to the teacher is the
teacher's. Its retention over all rows is tested like a student's, because that is what users get and what the gate
tests. The student's accuracy on the rows that it answers is a stricter measure, since there nothing makes up for its
errors; it is an estimate of each `CurvePoint`, and no hypothesis here.

The choice of the threshold is a choice among many hypotheses. Taking the boldest threshold whose estimate is good
enough misses the requirement on fresh rows about half of the time. `choose_threshold` instead tests the thresholds in
an order that is fixed before any score is read, each at the whole delta, and stops at the first that does not pass:
learn-then-test with fixed-sequence testing (Angelopoulos, Bates, Candes, Jordan & Lei, arXiv 2110.01052, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import check_lengths, check_retention, check_share, check_values
from gatekeeper.stats.coverage import Floats, check_confidence, check_same_rows, thresholds_at
from gatekeeper.stats.paired import (
    paired_counts,
    paired_p,
    passes,
    retention_binary,
    smallest_passable_n,
)
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, fieller, least_clusters


@dataclass(frozen=True)
class Step:
    """One threshold that was tested.

    Attributes:
        threshold: the student answers where its confidence is at least this.
        coverage: share of the rows that it answers, in (0, 1].
        p: one-sided p value of "retention is at most r0"; None where no test holds.
        retention: its estimate; None where the teacher got nothing right.
        passed: whether p is below delta.
    """

    threshold: float
    coverage: float
    p: float | None
    retention: float | None
    passed: bool


@dataclass(frozen=True)
class ThresholdChoice:
    """The thresholds that were tested, from the most cautious on, and what may be relied on.

    Attributes:
        r0, delta: as asked for.
        path: the steps in the order of testing. All but the last passed; the last one too, where nothing was left.
        reason: why no threshold is certified; None where one is.
    """

    r0: float
    delta: float
    path: tuple[Step, ...]
    reason: str | None

    @property
    def certified(self) -> tuple[Step, ...]:
        """All that passed. With probability 1 - delta each of them keeps more than r0, so any may be chosen."""
        return tuple(step for step in self.path if step.passed)

    @property
    def chosen(self) -> Step | None:
        """The boldest that passed; None where not even the most cautious one did."""
        return self.certified[-1] if self.certified else None


def retention_test(
    student: ArrayLike, teacher: ArrayLike, *, r0: float, alpha: float, clusters: ArrayLike | None = None
) -> tuple[Estimate, float | None]:
    """Return retention with its interval at 1 - 2 alpha, and the one-sided p value of R <= r0.

    Right or wrong answers that stand alone get the paired test of counts, other scores and clusters Fieller's t.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1], in the same order.
        clusters: shape (n,), which rows belong together; None when each stands alone.
    """
    models = _models(student, teacher, clusters)
    s, t = models.student, models.teacher
    if models.counted:
        estimate = retention_binary(s, t, alpha=alpha, r0=r0)
    else:
        estimate = fieller(s, t, r0=r0, alpha=alpha, clusters=models.groups).estimate
    return estimate, _p_value(models, r0)


def choose_threshold(
    student: ArrayLike,
    teacher: ArrayLike,
    confidence: ArrayLike,
    *,
    r0: float,
    delta: float,
    clusters: ArrayLike | None = None,
    grid: Sequence[float] | None = None,
) -> ThresholdChoice:
    """Test thresholds from the most cautious to the boldest, each at `delta`, until one does not pass.

    The probability that any certified threshold keeps r0 or less is at most delta, whatever the scores: the first
    threshold on the path that does not keep more would have to pass, and it is tested once, at delta. That needs an
    order that no score has touched; confidences may, since they are known without right answers.

    Cautious to bold is also the powerful order: the first blend is almost the teacher, so its p value is nearly as
    small as n rows allow, and p grows as rows with less certain answers enter. Thresholds that are of no use, since
    they leave too much to the teacher, can be left out of the grid.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1]; an answer that failed is 0.
        confidence: shape (n,), the student's, NaN where it gave none.
        r0: retention that must be exceeded, above 0.
        delta: error probability of the whole choice, in (0, 0.5).
        clusters: shape (n,), which rows belong together; None when each stands alone.
        grid: thresholds, falling, known before these scores are. None: those at `coverage.COVERAGES` of these
            confidences, which move a little with the rows; that the p values still hold is shown by simulation.
            A threshold that no row reaches is left out.

    Raises:
        InputError: different lengths, a score that is missing, or an argument out of range.
    """
    check_retention("r0", r0)
    check_share("delta", delta, below=0.5)
    models = _models(student, teacher, clusters)
    values = check_confidence(confidence)
    check_same_rows(values, models.student)
    path: list[Step] = []
    for threshold in thresholds_at(values) if grid is None else _falling(grid):
        mask = values >= threshold
        if mask.any():
            path.append(_step(models, threshold, mask, r0, delta))
        if path and not path[-1].passed:
            break
    reason = None if path and path[0].passed else _reason(models, path, r0, delta)
    return ThresholdChoice(r0, delta, tuple(path), reason)


@dataclass(frozen=True)
class _Models:
    """Scores of a model and of the teacher, shape (n,), and the cluster of each row where there are clusters."""

    student: Floats
    teacher: Floats
    groups: NDArray[np.intp] | None

    @property
    def units(self) -> int:
        """Rows, or clusters of them, that stand alone."""
        return self.student.size if self.groups is None else int(self.groups.max(initial=-1)) + 1

    @property
    def counted(self) -> bool:
        """Whether right and wrong answers are counted, rather than scores averaged."""
        return self.groups is None and all(bool(np.isin(x, (0, 1)).all()) for x in (self.student, self.teacher))


def _models(student: ArrayLike, teacher: ArrayLike, clusters: ArrayLike | None) -> _Models:
    s, t = check_values("student", student), check_values("teacher", teacher)
    check_lengths(s, t)
    return _Models(s, t, _groups(clusters, s.size))


def _step(models: _Models, threshold: float, mask: NDArray[np.bool_], r0: float, delta: float) -> Step:
    blend = replace(models, student=np.where(mask, models.student, models.teacher))
    total, p = float(models.teacher.sum()), _p_value(blend, r0)
    return Step(
        threshold=threshold,
        coverage=float(mask.mean()),
        p=p,
        retention=float(blend.student.sum()) / total if total > 0 else None,
        passed=passes(p, delta),
    )


def _p_value(models: _Models, r0: float) -> float | None:
    """Return the p value of R <= r0 for `models.student`; None where no test holds."""
    s, t = models.student, models.teacher
    if models.counted:
        return paired_p(paired_counts(s, t), r0)
    if models.units < FIELLER_LEAST_ITEMS:
        return None
    if (s == 1).all() and (t == 1).all():
        # Agreement with the teacher, and nothing but agreement: no spread, so no t. Under R <= r0 a unit is faultless
        # with probability r0 at most (a cluster when all are of one size), since its mean score is.
        return min(1.0, float(r0**models.units))
    if models.groups is not None and models.units < least_clusters(s, t, r0, models.units):
        return None
    return fieller(s, t, r0=r0, alpha=0.25, clusters=models.groups).p  # alpha concerns the interval only


def _reason(models: _Models, path: Sequence[Step], r0: float, delta: float) -> str:
    """Say why nothing is certified."""
    if not path:
        return "On no row does the student's confidence reach the most cautious threshold."
    if not models.teacher.any():
        return f"The teacher got none of the {models.units:,} rows right, so there is nothing to keep."
    if models.groups is not None and path[0].p is None:
        least = least_clusters(models.student, models.teacher, r0, models.units)
        if models.units < least:
            return f"This test needs at least {least:,} clusters of rows; there are {models.units:,}."
    least = FIELLER_LEAST_ITEMS
    if models.counted:
        least = smallest_passable_n(r0, delta, float(models.teacher.mean())) or 0
    if models.groups is None and models.units < least:
        return (
            f"With {models.units:,} rows not even the teacher itself is shown to keep {r0:.1%} at an error of "
            f"{delta:g}; {least:,} rows are the fewest that can show it."
        )
    p = "undefined" if path[0].p is None else f"{path[0].p:.3g}"
    return (
        f"Already with the {path[0].coverage:.1%} of the rows on which the student is surest it is not shown that more "
        f"than {r0:.1%} is kept (p = {p}, needed is below {delta:g})."
    )


def _falling(grid: Sequence[float]) -> tuple[float, ...]:
    values = check_values("grid", grid)
    if values.size == 0 or not (np.diff(values) < 0).all():
        raise InputError(
            "grid is empty or does not fall", hint="give thresholds from the most cautious (high) to the boldest (low)"
        )
    return tuple(float(x) for x in values)


def _groups(clusters: ArrayLike | None, n: int) -> NDArray[np.intp] | None:
    """Return the clusters as numbers; None where each row stands alone."""
    if clusters is None:
        return None
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise InputError(f"clusters has shape {labels.shape}, not ({n},)", hint="give one cluster per row")
    codes = np.unique(labels, return_inverse=True)[1]
    return None if n == 0 or int(codes.max()) + 1 == n else np.asarray(codes, dtype=np.intp)
