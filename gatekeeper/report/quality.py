"""Quality facts of a dossier. What the gate judges is judged by the gate's own functions, not again in other words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.scores import ItemScores
from gatekeeper.gate.retention import PairedScores, groups_of, is_binary, judge_retention
from gatekeeper.records import Estimate
from gatekeeper.report.data import Confusion, Failure
from gatekeeper.report.data_gate import PairCounts
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.stats.paired import PairedCounts, paired_counts

Row = dict[str, Any]

MOST_CONFUSIONS = 10
MOST_FAILURES = 8
RIGHT = 0.5
"""An answer that scores below this is listed as a mistake; several samples of one answer have a mean score."""


@dataclass(frozen=True)
class GateResult:
    """What the gate says of retention at the look, with the scores that it rests on, failed rows filled.

    Attributes:
        upper: upper end at the whole alpha, whichever way failed rows are counted; a shown failure rests on it.
        counts: None where a score is neither right nor wrong, or is a judge's.
        student: shape (n,), of what would answer.
        teacher: shape (n,).
    """

    retention: Estimate
    upper: float | None
    counts: PairedCounts | None
    student: NDArray[np.float64]
    teacher: NDArray[np.float64]


def gate_result(scores: PairedScores, *, r0: float, level: float, alpha: float) -> GateResult | None:
    """Return what the gate says of retention; None when a row has no score: a part proves nothing.

    Args:
        level: error probability at which the look was judged.
        alpha: the whole error budget.
    """
    if scores.n_expected < 1 or scores.missing:
        return None
    test = judge_retention(scores, r0, level, alpha)
    student, teacher = filled(scores, test.teacher), test.teacher
    return GateResult(
        retention=finite(test.estimate),
        upper=_upper(scores, r0, alpha),
        counts=counts_of(student, teacher) if scores.human is None else None,
        student=student,
        teacher=teacher,
    )


def filled(scores: PairedScores, teacher: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of what would answer, without gaps: the teacher's where it is left to it, else 0."""
    student = scores.student if scores.left is None else np.where(scores.left, teacher, scores.student)
    return np.where(np.isfinite(student), student, 0.0)


def counts_of(student: NDArray[np.float64], teacher: NDArray[np.float64]) -> PairedCounts | None:
    """Return paired counts; None where some score is neither 0 nor 1."""
    return paired_counts(student, teacher) if is_binary(student) and is_binary(teacher) else None


def stand_alone(scores: PairedScores) -> bool:
    """Whether rows are independent: no two of them are in one group."""
    return groups_of(scores.clusters) is None


def mean_score(values: NDArray[np.float64]) -> Estimate | None:
    """Return the mean of scores, shape (n,); NaN counts as failed. None without any score."""
    scored = values[np.isfinite(values)]
    return estimate_mean(scored, values.size, values.size - scored.size) if scored.size else None


def teacher_score(found: ItemScores) -> Estimate | None:
    """Return the teacher's mean score; where a judge scores, by people's answers to the rows that have them."""
    if found.human is None:
        return mean_score(found.teacher)
    return mean_score(found.human.teacher[np.isfinite(found.human.teacher)])


def labelled(scores: PairedScores) -> int | None:
    """Return how many rows people have judged as well; None where no judge scores."""
    if scores.human is None:
        return None
    return int((np.isfinite(scores.human.student) & np.isfinite(scores.human.teacher)).sum())


def confusions(rows: Sequence[Row], *, gold: bool) -> tuple[Confusion, ...]:
    """Return the most frequent (expected, student) pairs of dev rows that the student got wrong."""
    pairs = Counter(
        (str(row[_expected(gold)]), str(row["student_output"]))
        for row in wrong(rows)
        if row[_expected(gold)] is not None and row["student_output"] is not None
    )
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Confusion(expected=want, student=got, n=n) for (want, got), n in ordered[:MOST_CONFUSIONS])


def failures(rows: Sequence[Row], *, gold: bool) -> tuple[Failure, ...]:
    """Return dev rows that the student got wrong: first those that the teacher got right, the surest first."""

    def order(row: Row) -> tuple[bool, float, str]:
        return (row["teacher_value"] != 1, -(row["confidence"] or 0.0), row["item_id"])

    return tuple(
        Failure(
            item_id=row["item_id"],
            text=row["text"],
            gold=row["target"] if gold else None,
            teacher=row["teacher_output"],
            student=row["student_output"],
            confidence=row["confidence"],
        )
        for row in sorted(wrong(rows), key=order)[:MOST_FAILURES]
    )


def wrong(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that the student got wrong."""
    return [row for row in rows if row["student_value"] is not None and row["student_value"] < RIGHT]


def pair_counts(counts: PairedCounts | None) -> PairCounts | None:
    """Return paired counts under the names that a report shows."""
    if counts is None:
        return None
    return PairCounts(both_right=counts.a, student_only=counts.b, teacher_only=counts.c, both_wrong=counts.d)


def finite(estimate: Estimate) -> Estimate:
    """Return `estimate` with an infinite end as None: JSON has no infinity, and an open end says as much."""
    changes = {
        name: None
        for name in ("value", "lower", "upper")
        if (number := getattr(estimate, name)) is not None and not math.isfinite(number)
    }
    return estimate.model_copy(update=changes) if changes else estimate


def _upper(scores: PairedScores, r0: float, alpha: float) -> float | None:
    """Return the higher of the upper ends at `alpha` when failed rows of the teacher count as wrong and as right."""
    gaps = np.isnan(scores.teacher)
    ends = []
    for fill in (0.0, 1.0) if gaps.any() else (0.0,):
        known = replace(scores, teacher=np.where(gaps, fill, scores.teacher))
        ends.append(judge_retention(known, r0, alpha, alpha).estimate.upper)
    finite_ends = [end for end in ends if end is not None and math.isfinite(end)]
    return max(finite_ends) if len(finite_ends) == len(ends) else None


def _expected(gold: bool) -> str:
    return "target" if gold else "teacher_output"
