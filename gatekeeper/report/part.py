"""A student for a part of the traffic: what each confidence threshold would do, and how far its confidence is off."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.report.data_gate import PartFacts, PartPoint
from gatekeeper.report.quality import finite
from gatekeeper.stages.assess import FALLBACK
from gatekeeper.stats.calibration import calibration_error, cross_calibrated
from gatekeeper.stats.coverage import risk_coverage

if TYPE_CHECKING:
    from gatekeeper.decide.scores import ItemScores
    from gatekeeper.report.rows import StoredRows

CURVE_POINTS = 60
FOLDS = 5


def part_facts(rows: StoredRows) -> PartFacts | None:
    """Return the part of the traffic that the candidate could take over; None where nobody asked for a part."""
    threshold, partial = rows.verdict.verdict.threshold, rows.facts.spec.partial
    tried = any(one.metric.startswith(FALLBACK) for one in rows.results)
    if threshold is None and partial is None and not tried:
        return None
    decides = threshold is not None
    if threshold is None:
        threshold = _looked_threshold(rows)
    dev = rows.gate.dev
    before, after = _calibration(dev, rows.run.seed)
    return PartFacts(
        threshold=threshold,
        decides=decides,
        teacher_share=rows.gate.fallback.share if decides else None,
        share_split="gate" if decides and rows.look is not None else "dev",
        most_teacher_share=None if partial is None else partial.max_teacher_share,
        alone=_result(rows, "retention"),
        together=_result(rows, f"{FALLBACK}retention"),
        curve=_curve(dev, threshold),
        calibration_error=before,
        calibration_error_mapped=after,
    )


def _looked_threshold(rows: StoredRows) -> float | None:
    """Return the threshold of a look of this run at the same student with its fallback."""
    own = [one for one in rows.facts.looks if (one.run, one.model) == (rows.run.run, rows.verdict.model)]
    return next((one.threshold for one in reversed(own) if one.threshold is not None), None)


def _result(rows: StoredRows, metric: str) -> Estimate | None:
    wanted = (rows.verdict.model, "dev", metric)
    found = [one.estimate for one in rows.results if (one.model, one.split, one.metric) == wanted]
    return finite(found[-1]) if found else None


def _curve(dev: ItemScores, threshold: float | None) -> tuple[PartPoint, ...]:
    """Return the curve over the rows on which both models have a score, thinned to about `CURVE_POINTS`."""
    both = np.isfinite(dev.student) & np.isfinite(dev.teacher)
    points = risk_coverage(dev.student[both], dev.teacher[both], dev.confidence[both]).points
    every, last = math.ceil(len(points) / CURVE_POINTS), len(points) - 1
    return tuple(
        PartPoint(
            threshold=one.threshold,
            coverage=one.coverage,
            retention=one.retention,
            accuracy=one.accuracy,
            teacher_accuracy=one.teacher_accuracy,
        )
        for place, one in enumerate(points)
        if place % every == 0 or place == last or one.threshold == threshold
    )


def _calibration(dev: ItemScores, seed: int) -> tuple[float | None, float | None]:
    """Return the calibration error of the student's confidence as it is, and after a map fitted on other rows."""
    known = np.isfinite(dev.confidence) & np.isfinite(dev.student)
    confidence, right = dev.confidence[known], dev.student[known]
    if confidence.size == 0:
        return None, None
    before = calibration_error(confidence, right).ece
    clusters = None if dev.clusters is None else dev.clusters[known]
    try:
        mapped = cross_calibrated(confidence, right, np.random.default_rng(seed), folds=FOLDS, clusters=clusters)
    except InputError:  # fewer rows or clusters than folds
        return before, None
    return before, calibration_error(mapped, right).ece
