"""The slices of a dossier: those of the rule as the rule tests them, the others for information."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.slices import Parts, judge_slices
from gatekeeper.report.data_gate import SliceRow, Told
from gatekeeper.report.quality import finite
from gatekeeper.stats.paired import passes
from gatekeeper.stats.slices import SliceTest


def slice_rows(
    scores: PairedScores, parts: Parts, *, in_rule: Sequence[str], minimum: float, level: float, alpha: float
) -> tuple[SliceRow, ...]:
    """Return one row per slice with rows, those of the rule first, in the order of slice and falling size.

    Args:
        scores: of the gate rows that the look has read.
        parts: column to slices; see `gate.slices`.
        in_rule: columns that the suite has a rule on. They are tested together, and so are the others.
        minimum: retention that a slice is compared with.
        level: error probability of the look: of the intervals, and of "shown to be above".
        alpha: the whole error budget: of "shown to be below", over all slices of a kind together.
    """
    rows: list[SliceRow] = []
    for ruled in (True, False):
        chosen = {name: part for name, part in parts.items() if (name in in_rule) == ruled and part[1]}
        if chosen:
            kind = _rows_of_kind(scores, chosen, ruled, minimum, level, alpha)
            rows += sorted(kind, key=lambda row: (row.slice, -row.n, row.value))
    return tuple(rows)


def _rows_of_kind(
    scores: PairedScores, parts: Parts, ruled: bool, minimum: float, level: float, alpha: float
) -> list[SliceRow]:
    report = judge_slices(scores, parts, minimum, level).report
    below = report.shown_below(alpha)
    # filled the worse way for the student, as the rule fills them
    teacher = np.where(np.isfinite(scores.teacher), scores.teacher, 1.0)
    student = np.where(np.isfinite(scores.student), scores.student, 0.0)
    places = [
        (name, value, codes == code) for name, (codes, values) in parts.items() for code, value in enumerate(values)
    ]
    return [
        SliceRow(
            slice=name,
            value=value,
            n=test.n,
            teacher=float(teacher[mask].mean()),
            student=float(student[mask].mean()),
            retention=finite(test.estimate),
            in_rule=ruled,
            told=_told(test, place in below, level),
            adjusted=test.adjusted_below,
        )
        for place, ((name, value, mask), test) in enumerate(zip(places, report.slices, strict=True))
        if test.n
    ]


def _told(test: SliceTest, below: bool, level: float) -> Told:
    return "below" if below else "above" if passes(test.p_above, level) else "unclear"
