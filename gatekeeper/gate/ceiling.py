"""The teacher as a ceiling: what a share of its quality is worth. Pure.

Retention is relative. A student that keeps 98 % of a teacher that is right 55 % of the time is right 54 % of the time,
and one that always gives the commonest answer may keep nearly as much. No rule of the gate sees that, so it is said
beside them. Nothing here passes or fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gatekeeper.errors import InputError
from gatekeeper.gate.ceiling_warnings import warnings_of
from gatekeeper.records import Estimate, Record
from gatekeeper.stats.agreement import JudgeRates, chance_corrected, kappa, self_agreement
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.stats.noise import noise_split
from gatekeeper.stats.samples import item_means
from gatekeeper.stats.scored import fieller

NO_ANSWER = ""
"""Stands for an answer that a model did not give, as a label of its own: no label is empty."""


@dataclass(frozen=True)
class CeilingRows:
    """Answers of teacher and student to the same n rows, normalised as the scorer compares them.

    Attributes:
        targets: right answers, length n; None where nobody knows any of them.
        teacher: k answers to each row, shape (n, k); None where an answer is missing because the request failed, ""
            where the teacher gave none.
        teacher_scores: their scores in [0, 1], shape (n, k), NaN where there is none.
        student: the student's answers, length n, None where it has none; None without a student.
        student_scores: their scores, shape (n,), NaN where there is none; None without a student.
    """

    targets: Sequence[str] | None
    teacher: Sequence[Sequence[str | None]]
    teacher_scores: NDArray[np.float64]
    student: Sequence[str | None] | None = None
    student_scores: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.teacher)
        lengths = {len(part) for part in (self.targets, self.student, self.student_scores) if part is not None}
        if self.teacher_scores.ndim != 2 or self.teacher_scores.shape[0] != n or lengths - {n}:
            raise InputError(
                f"the teacher answered {n} rows, its scores have shape {self.teacher_scores.shape}, and other parts "
                f"have {sorted(lengths)} rows",
                hint="give each part one entry per row, and one score per answer of the teacher",
            )
        k = self.teacher_scores.shape[1]
        ragged = next((place for place, several in enumerate(self.teacher) if len(several) != k), None)
        if ragged is not None:
            raise InputError(
                f"row {ragged} has {len(self.teacher[ragged])} answers of the teacher and {k} scores",
                hint="give None for an answer that is missing",
            )


class Ceiling(Record):
    """How good the teacher is, on rows of the development split. What is unknown is None."""

    rows: int = Field(description="rows that were asked about")
    samples: int = Field(description="answers of the teacher to each row")
    fidelity: bool = Field(description="True: nobody knows right answers, and scores are agreement with the teacher")
    retention: float = Field(description="share of the teacher's quality that the suite asks for")
    teacher: Estimate | None = Field(description="share of right answers of the teacher, Wilson; None without gold")
    student: Estimate | None = Field(description="mean score of the student; None without a student")
    required_score: float | None = Field(
        description="retention x teacher: what a student must reach; None without gold"
    )
    teacher_kappa: Estimate | None = Field(description="Cohen's kappa of the teacher's first answers and right answers")
    student_kappa: Estimate | None = Field(description="the same of the student; against the teacher without gold")
    majority_label: str | None = Field(description="the commonest right answer; of the teacher's answers without gold")
    majority: Estimate | None = Field(description="score of always giving that answer")
    teacher_over_majority: Estimate | None = Field(
        description="(teacher - majority) / (1 - majority): 0 is no better than always giving that answer, 1 no error"
    )
    student_over_majority: Estimate | None = Field(description="the same of the student")
    self_agreement: Estimate | None = Field(description="share of pairs of the teacher's answers that agree; k >= 2")
    self_retention: Estimate | None = Field(
        description="retention of the teacher's first answers against the mean of its others: the true value is 1, and "
        "the interval is what a perfect copy of the teacher may show on so many rows; k >= 2, with gold"
    )
    noise_share: float | None = Field(
        description="share of the variance of one answer's score that the teacher's own sampling makes; k >= 2, gold"
    )
    judge: JudgeRates | None = Field(default=None, description="a judge model against people; None: no judge scores")
    warnings: tuple[str, ...] = Field(default=(), description="what follows, in plain words; empty: nothing stands out")


def ceiling_of_rows(
    rows: CeilingRows, retention: float, *, confidence: float = 0.95, judge: JudgeRates | None = None
) -> Ceiling:
    """Return what is known of the teacher as a ceiling.

    Rows without an answer of the teacher because a request failed are left out where its answer is needed, and counted
    as failed.

    Args:
        rows: of one split.
        retention: that the suite asks for, in (0, 1).
        confidence: of all two-sided intervals, in (0, 1).
        judge: rates of a judge model against people, where one scores.

    Raises:
        InputError: lengths that differ, or a score outside [0, 1].
    """
    n = len(rows.teacher)
    first = [several[0] if several else None for several in rows.teacher]
    reference: Sequence[str | None] = first if rows.targets is None else rows.targets
    label, majority = _majority(reference, confidence)
    gold = rows.targets is not None
    teacher = _mean(rows.teacher_scores, confidence) if gold else None
    again = _repeats(rows, gold, confidence)
    share = None if majority is None else majority.value
    ceiling = Ceiling(
        rows=n,
        samples=rows.teacher_scores.shape[1],
        fidelity=not gold,
        retention=retention,
        teacher=teacher,
        student=None if rows.student_scores is None else _mean(rows.student_scores[:, None], confidence),
        required_score=None if teacher is None or teacher.value is None else retention * teacher.value,
        teacher_kappa=_kappa(first, reference, confidence) if gold else None,
        student_kappa=None if rows.student is None else _kappa(rows.student, reference, confidence),
        majority_label=label,
        majority=majority,
        teacher_over_majority=_over(first, reference, share, confidence) if gold else None,
        student_over_majority=None if rows.student is None else _over(rows.student, reference, share, confidence),
        self_agreement=again.agreement,
        self_retention=again.retention,
        noise_share=again.noise_share,
        judge=judge,
    )
    return ceiling.model_copy(update={"warnings": warnings_of(ceiling)})


def _mean(scores: NDArray[np.float64], confidence: float) -> Estimate:
    """Return the mean over items of the means of their samples; an item without any score has failed."""
    n, k = scores.shape
    means = item_means(scores.ravel(), np.repeat(np.arange(n), k), n)
    known = np.isfinite(means)
    return estimate_mean(means[known], n, int((~known).sum()), confidence)


def _majority(reference: Sequence[str | None], confidence: float) -> tuple[str | None, Estimate | None]:
    known = [label for label in reference if label]
    if not known:
        return None, None
    labels, counts = np.unique(np.array(known, dtype=np.str_), return_counts=True)
    best = int(counts.argmax())
    right = np.repeat([1.0, 0.0], [counts[best], len(known) - counts[best]])
    return str(labels[best]), estimate_mean(right, len(reference), len(reference) - len(known), confidence)


def _pairs(answers: Sequence[str | None], reference: Sequence[str | None]) -> list[tuple[str, str]]:
    return [
        (one, right) for one, right in zip(answers, reference, strict=True) if one is not None and right is not None
    ]


def _kappa(answers: Sequence[str | None], reference: Sequence[str | None], confidence: float) -> Estimate | None:
    pairs = _pairs(answers, reference)
    if not pairs:
        return None
    table = np.array(pairs, dtype=np.str_)
    found = kappa(table[:, 0], table[:, 1], confidence=confidence)
    return found.model_copy(update={"n_expected": len(answers), "n_failed": len(answers) - len(pairs)})


def _over(
    answers: Sequence[str | None], reference: Sequence[str | None], chance: float | None, confidence: float
) -> Estimate | None:
    pairs = _pairs(answers, reference)
    if not pairs or chance is None or chance >= 1:
        return None
    right = sum(one == other for one, other in pairs)
    found = chance_corrected(right, len(pairs), chance=chance, confidence=confidence)
    return found.model_copy(update={"n_expected": len(answers), "n_failed": len(answers) - len(pairs)})


@dataclass(frozen=True)
class _Repeats:
    agreement: Estimate | None = None
    retention: Estimate | None = None
    noise_share: float | None = None


def _repeats(rows: CeilingRows, gold: bool, confidence: float) -> _Repeats:
    """Return the teacher against itself, over the rows of which all answers are there."""
    whole = [place for place, several in enumerate(rows.teacher) if len(several) >= 2 and None not in several]
    if not whole:
        return _Repeats()
    n = len(rows.teacher)
    table = np.array([rows.teacher[place] for place in whole], dtype=np.str_)
    agreement = self_agreement(table, confidence=confidence)
    agreement = agreement.model_copy(update={"n_expected": n, "n_failed": n - len(whole)})
    scores = rows.teacher_scores[whole]
    if not gold or not np.isfinite(scores).all():  # without gold a score compares answers with each other already
        return _Repeats(agreement)
    alpha = (1 - confidence) / 2
    retention = fieller(scores[:, 0], scores[:, 1:].mean(axis=1), r0=1.0, alpha=alpha, n_failed=n - len(whole)).estimate
    split = noise_split(scores, scores, alpha=alpha).teacher
    return _Repeats(agreement, retention, _noise_share(split.items, split.noise))


def _noise_share(items: float | None, noise: float | None) -> float | None:
    return None if items is None or noise is None or items + noise == 0 else noise / (items + noise)
