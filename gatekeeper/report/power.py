"""What the gate split can show: the chance that a look passes, by true quality and by the number of gate rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatekeeper.gate.forecast import complete_rows, rows_to_settle
from gatekeeper.gate.retention import PairedScores
from gatekeeper.report.data_gate import PowerCurve, PowerFacts
from gatekeeper.report.quality import GateResult, counts_of, stand_alone
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.stats.power import Cells, cell_probabilities, power_of_cells, rows_for_power
from gatekeeper.stats.spending import look_alphas
from gatekeeper.stats.tetrachoric import tetrachoric

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows

STEPS = (0.01, 0.02, 0.04)
"""True retention above what is required, one line each; the last line is a student as good as the teacher."""
POWER = 0.8
POINTS = 18
CERTAIN = 0.9999
"""From the number of rows on that passes so surely, more rows are drawn as 1 without computing them."""
Clusters = Sequence[str] | NDArray[np.generic] | None


def power_facts(rows: StoredRows, requirement: float | None, result: GateResult | None) -> PowerFacts:
    """Return what the gate split can show, by the scores of the look, else by those of the development split."""
    n_gate = rows.facts.suite.split_counts.get("gate", 0)
    dev = complete_rows(rows.gate.on_dev(rows.facts))
    student, teacher = (result.student, result.teacher) if result else (dev.student, dev.teacher)
    scores = PairedScores(student, teacher, teacher.size, clusters=_clusters(rows, result, dev))
    alpha, look = _look(rows)
    judged = rows.gate.dev.human is not None  # a judge's scores are corrected by people's, and no count has that
    counts = counts_of(student, teacher) if stand_alone(scores) and teacher.size and not judged else None
    accuracy = float(teacher.mean()) if teacher.size else 0.0
    facts = PowerFacts(
        n_gate=n_gate,
        smallest_passable_n=None,
        alpha=alpha,
        look=look,
        teacher_accuracy=accuracy if teacher.size else None,
        measured_on="gate" if result else "dev",
    )
    if requirement is None or accuracy == 0 or n_gate < 1:
        return facts
    changes: dict[str, object] = {}
    if rows.verdict.verdict.decision == "inconclusive" and not judged:
        changes["rows_needed"] = rows_to_settle(scores, teacher, requirement, rows.facts.requirement.alpha)
    if counts is not None:
        correlation = tetrachoric(counts)
        changes |= {
            "smallest_passable_n": smallest_passable_n(requirement, alpha, accuracy),
            "correlation": correlation,
            "curves": curves(n_gate, requirement, accuracy, 0.0 if correlation is None else correlation, alpha),
        }
    return facts.model_copy(update=changes)


def curves(n_gate: int, r0: float, accuracy: float, correlation: float, alpha: float) -> tuple[PowerCurve, ...]:
    """Return one curve per true retention, from the least to the greatest.

    Args:
        n_gate: rows of the gate split, at least 1; they are within the range that is drawn.
        r0: required retention.
        accuracy: share of rows that the teacher gets right, in (0, 1].
        correlation: tetrachoric, of both models being right.
        alpha: one-sided error of the look.
    """
    retentions = sorted({round(r0 + step, 6) for step in STEPS if r0 + step < 1} | {1.0})
    needed = {r: rows_for_power(r, r0, accuracy, correlation, alpha, POWER) for r in retentions}
    grid = _grid(n_gate, [rows for r, rows in needed.items() if rows is not None])
    made = []
    for r in retentions:
        chances = _chances(cell_probabilities(r, accuracy, correlation), grid, r0, alpha)
        made.append(
            PowerCurve(
                retention=r,
                chance_now=chances[grid.index(n_gate)],
                rows_needed=needed[r],
                points=tuple(zip(grid, chances, strict=True)),
            )
        )
    return tuple(made)


def _chances(cells: Cells, grid: list[int], r0: float, alpha: float) -> list[float]:
    chances: list[float] = []
    for n in grid:
        sure = bool(chances) and chances[-1] >= CERTAIN
        chances.append(1.0 if sure else round(power_of_cells(cells, n, r0, alpha), 6))
    return chances


def _grid(n_gate: int, needed: list[int]) -> list[int]:
    """Return numbers of rows, evenly spread on a log scale, from too few to enough for all but the nearest curve."""
    low = max(10, min([n_gate, *needed]) // 3)
    # The curve of a student just above the requirement may need more rows than a chart has room for.
    high = max([2 * n_gate, *sorted(needed)[:-1]], default=1000)
    high = max(4 * low, min(high * 5 // 4, 20 * n_gate))
    spread = np.geomspace(low, high, POINTS).round().astype(int)
    return sorted({*(int(n) for n in spread), n_gate} - {0})


def _look(rows: StoredRows) -> tuple[float, int | None]:
    """Return error probability and number of the look in question: after a promotion the one that passed, else the
    next one; where none is left the last one, and without any the first at a fresh split."""
    budget, last = rows.gate.budget, rows.look
    if last is not None and (rows.verdict.verdict.decision == "promote" or budget.next_alpha is None):
        return last.alpha, last.look
    if budget.next_alpha is not None:
        return budget.next_alpha, budget.looks_spent + 1
    return look_alphas(rows.facts.requirement.alpha, rows.facts.requirement.looks)[0], None


def _clusters(rows: StoredRows, result: GateResult | None, dev: PairedScores) -> Clusters:
    if result is None:
        return dev.clusters
    return None if rows.gate.gate is None else rows.gate.gate.clusters
