"""Quality facts from rows of judged items: the statistics are computed again here, never taken over as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.records import Estimate
from gatekeeper.report.data import Confusion, Failure, PairCounts, SliceRow
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.stats.paired import PairedCounts, paired_counts, retention_binary

Row = dict[str, Any]

SLICE_ALPHA = 0.025
"""One-sided error of each end of a slice's interval, so that the interval has 95 %, each slice on its own."""

MOST_CONFUSIONS = 10
MOST_FAILURES = 8


@dataclass(frozen=True)
class GateResult:
    """Retention on the gate split at two error levels, and the table that it rests on."""

    retention: Estimate
    upper: float | None
    counts: PairedCounts


def gate_result(rows: Sequence[Row], *, look_alpha: float, alpha: float) -> GateResult | None:
    """Return retention on gate rows; None when a row has no score of the student: a part proves nothing.

    Rows on which the teacher failed count both as right and as wrong; what is worse for the student is returned.
    """
    student, teacher = _scores(rows, "student_value"), _scores(rows, "teacher_value")
    if student.size == 0 or np.isnan(student).any():
        return None
    fills = (0.0, 1.0) if np.isnan(teacher).any() else (0.0,)
    readings = [np.where(np.isnan(teacher), fill, teacher) > 0.5 for fill in fills]
    right = student > 0.5
    estimates = [retention_binary(right, reading, alpha=look_alpha) for reading in readings]
    worst = min(range(len(readings)), key=lambda index: _lower(estimates[index]))
    uppers = [retention_binary(right, reading, alpha=alpha).upper for reading in readings]
    known = [upper for upper in uppers if upper is not None and math.isfinite(upper)]
    return GateResult(
        retention=finite(estimates[worst]),
        upper=max(known) if len(known) == len(uppers) else None,
        counts=paired_counts(right, readings[worst]),
    )


def accuracy(rows: Sequence[Row], column: str) -> Estimate | None:
    """Return the mean score of one model over `rows`; rows without a score count as failed."""
    scores = _scores(rows, column)
    scored = scores[~np.isnan(scores)]
    return estimate_mean(scored, len(scores), len(scores) - len(scored)) if scored.size else None


def dev_counts(rows: Sequence[Row]) -> PairedCounts | None:
    """Return the paired counts over dev rows that have both scores; None when there is none."""
    student, teacher = _both(rows)
    return paired_counts(student, teacher) if student.size else None


def slice_rows(rows: Sequence[Row]) -> tuple[SliceRow, ...]:
    """Return one row per slice value, in the order of slice and falling size."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for name, value in (row["slices"] or {}).items():
            groups.setdefault((name, value), []).append(row)
    ordered = sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]), group[0][1]))
    return tuple(_slice(name, value, members) for (name, value), members in ordered)


def _slice(name: str, value: str, rows: Sequence[Row]) -> SliceRow:
    student, teacher = _both(rows)
    retention = retention_binary(student, teacher, alpha=SLICE_ALPHA, n_failed=len(rows) - len(student))
    return SliceRow(
        slice=name,
        value=value,
        n=len(rows),
        teacher=float(teacher.mean()) if teacher.size else None,
        student=float(student.mean()) if student.size else None,
        retention=finite(retention),
    )


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
    return [row for row in rows if row["student_value"] == 0]


def pair_counts(counts: PairedCounts) -> PairCounts:
    """Return paired counts under the names that a report shows."""
    return PairCounts(both_right=counts.a, student_only=counts.b, teacher_only=counts.c, both_wrong=counts.d)


def finite(estimate: Estimate) -> Estimate:
    """Return `estimate` with an infinite end as None: JSON has no infinity, and an open end says as much."""
    changes = {
        name: None
        for name in ("value", "lower", "upper")
        if (number := getattr(estimate, name)) is not None and not math.isfinite(number)
    }
    return estimate.model_copy(update=changes) if changes else estimate


def _expected(gold: bool) -> str:
    return "target" if gold else "teacher_output"


def _scores(rows: Sequence[Row], column: str) -> NDArray[np.float64]:
    return np.array([math.nan if row[column] is None else row[column] for row in rows], dtype=np.float64)


def _both(rows: Sequence[Row]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    student, teacher = _scores(rows, "student_value"), _scores(rows, "teacher_value")
    scored = ~(np.isnan(student) | np.isnan(teacher))
    return student[scored] > 0.5, teacher[scored] > 0.5


def _lower(estimate: Estimate) -> float:
    return -math.inf if estimate.lower is None else estimate.lower
