"""What a look would show, forecast from paired scores on the development split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gatekeeper.gate.retention import PairedScores, groups_of, is_binary
from gatekeeper.stats.forecast import chance_of_pass, rows_for_t
from gatekeeper.stats.paired import fieller, paired_counts
from gatekeeper.stats.power import probability_of_pass, rows_needed


def complete_rows(scores: PairedScores) -> PairedScores:
    """Return the rows on which both models have a score; the gate itself is stricter."""
    both = np.isfinite(scores.student) & np.isfinite(scores.teacher)
    return replace(
        scores,
        student=scores.student[both],
        teacher=scores.teacher[both],
        n_expected=int(both.sum()),
        clusters=None if scores.clusters is None else np.asarray(scores.clusters)[both],
        left=None,
        human=None,
    )


def chance_to_pass(dev: PairedScores, n_gate: int, r0: float, alpha: float, rng: np.random.Generator) -> float:
    """Return the predictive probability that one look on `n_gate` rows passes, in [0, 1]; 0 without any dev row."""
    rows = complete_rows(dev)
    if rows.n_expected == 0:
        return 0.0
    if _counted(rows):
        return probability_of_pass(paired_counts(rows.student, rows.teacher), n_gate, r0, alpha, rng)
    return chance_of_pass(_statistic(rows, r0, alpha), rows.n_expected, n_gate, alpha)


def rows_to_settle(scores: PairedScores, teacher: NDArray[np.float64], r0: float, alpha: float) -> int | None:
    """Return the fresh rows at which one look passes with 80 % probability, were these shares the true ones.

    Args:
        teacher: shape (n,), the teacher's scores with failed rows filled.

    Returns:
        None when the student does not keep enough at its point estimate.
    """
    student = np.where(np.isfinite(scores.student), scores.student, 0.0)
    rows = replace(scores, student=student, teacher=teacher)
    if _counted(rows):
        return rows_needed(paired_counts(student, teacher), r0, alpha)
    return rows_for_t(_statistic(rows, r0, alpha), rows.n_expected, alpha)


def _counted(rows: PairedScores) -> bool:
    return groups_of(rows.clusters) is None and is_binary(rows.student) and is_binary(rows.teacher)


def _statistic(rows: PairedScores, r0: float, alpha: float) -> float | None:
    return fieller(rows.student, rows.teacher, r0=r0, alpha=alpha, clusters=groups_of(rows.clusters)).t
