"""Power of the planned looks: what a gate split of so many rows can show of retention."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from gatekeeper.check.plan import Basis, PowerRow
from gatekeeper.check.stored import Answered
from gatekeeper.decide.looked import stops_of
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.stats.power import Cells, cell_probabilities, rows_for_power
from gatekeeper.stats.reach import power_with_stops
from gatekeeper.stats.sequential import Stopping, interim_levels
from gatekeeper.stats.spending import look_alphas
from gatekeeper.stats.tetrachoric import tetrachoric
from gatekeeper.store.gate_budget import GateBudget, alpha_of_next
from gatekeeper.suite.spec import QualityGate

PLANNING_ACCURACY = 0.92
PLANNING_CORRELATION = 0.7
"""Until answers exist, power is computed for a teacher and a correlation like these (see docs/statistics.md)."""
MEASURED_LEAST_ROWS = 30
"""Development rows below which a measured accuracy or correlation says less than an assumed one."""
TARGET_POWER = 0.8
STEPS = (0.01, 0.02, 0.04)
"""True retentions that are planned for, above the required one; 1.0 comes with them."""


@dataclass(frozen=True)
class Looks:
    """The looks that a gate split can still have.

    Attributes:
        alphas: one-sided error of each look that is left, in order.
        first, last: error of the first and last look: of those left, else of the plan for fresh rows.
        whole: error of all looks together.
        interim: stops of a look.
    """

    alphas: tuple[float, ...]
    first: float
    last: float
    whole: float
    interim: int

    @property
    def fractions(self) -> tuple[float, ...]:
        """Shares of the rows at which a look of many rows stops."""
        return tuple(stop / self.interim for stop in range(1, self.interim + 1))

    def final(self, alpha: float) -> float:
        """Return the nominal level of a look's last stop: the stops before have spent the rest of `alpha`."""
        return alpha if self.interim == 1 else interim_levels(alpha, self.fractions)[-1]


def looks_left(quality: QualityGate, budget: GateBudget | None) -> Looks:
    """Return the looks of the plan, less those that the store has seen at these rows."""
    planned = look_alphas(quality.alpha, quality.looks)
    left = planned if budget is None else _left(quality, budget)
    shown = left or planned
    return Looks(left, shown[0], shown[-1], quality.alpha, quality.interim)


def _left(quality: QualityGate, budget: GateBudget) -> tuple[float, ...]:
    # Only the number and the sum of the looks so far count, not how they shared it.
    spent = [budget.spent / budget.looks_spent] * budget.looks_spent if budget.looks_spent else []
    left = []
    while (alpha := alpha_of_next(quality.alpha, quality.looks, inherited=budget.inherited, spent=spent)) is not None:
        left.append(alpha)
        spent.append(alpha)
    return tuple(left)


def basis_of(fidelity: bool, samples: int, answered: Answered | None) -> Basis:
    """Return what power is computed for: measured where development rows have answers, else assumed.

    Args:
        fidelity: whether scores are agreement with the teacher.
        samples: answers of the teacher to each row.
    """
    mean = None if answered is None or answered.teacher_rows < MEASURED_LEAST_ROWS else answered.teacher_mean
    counts = None if answered is None else answered.counts
    correlation = None if counts is None or counts.n < MEASURED_LEAST_ROWS else tetrachoric(counts)
    by_definition = fidelity and samples == 1
    measured = bool(mean) and not by_definition
    return Basis(
        teacher_accuracy=1.0 if by_definition else mean if mean else PLANNING_ACCURACY,
        teacher_origin="by definition" if by_definition else "measured" if measured else "assumed",
        teacher_rows=answered.teacher_rows if answered is not None and measured else None,
        correlation=PLANNING_CORRELATION if correlation is None else correlation,
        correlation_origin="assumed" if correlation is None else "measured",
        student=None if answered is None or correlation is None else answered.student,
        counts=None if counts is None or correlation is None else (counts.a, counts.b, counts.c, counts.d),
        run=None if answered is None else answered.run,
    )


def smallest_rows(retention: float, level: float, basis: Basis) -> int | None:
    """Return the rows below which even a student identical to the teacher cannot pass one test at `level`."""
    return smallest_passable_n(retention, level, basis.teacher_accuracy)


def power_rows(rows: int, retention: float, looks: Looks, basis: Basis, usd_per_row: Decimal) -> tuple[PowerRow, ...]:
    """Return the chances of students of several true retentions on `rows` gate rows, and what more rows would cost."""
    planned = sorted({round(retention + step, 4) for step in STEPS if retention + step < 1.0} | {1.0})
    return tuple(_power_row(rows, true, retention, looks, basis, usd_per_row) for true in planned)


def _power_row(rows: int, true: float, retention: float, looks: Looks, basis: Basis, usd_per_row: Decimal) -> PowerRow:
    cells = cell_probabilities(true, basis.teacher_accuracy, basis.correlation)
    chances = [_chance(cells, rows, retention, alpha, looks.interim) for alpha in looks.alphas]
    powers = [one.power for one in chances]
    # With stops, the last one alone must reach the power: a few rows too many rather than too few.
    needed, at_once = (
        rows_for_power(true, retention, basis.teacher_accuracy, basis.correlation, looks.final(alpha), TARGET_POWER)
        for alpha in (looks.last, looks.whole)
    )
    missing = None if needed is None else max(0, needed - rows) if looks.alphas else needed
    return PowerRow(
        retention=true,
        first_look=powers[0] if powers else 0.0,
        last_look=powers[-1] if powers else 0.0,
        all_looks_same_student=max(powers, default=0.0),
        all_looks_fresh_students=1.0 - math.prod(1.0 - power for power in powers),
        share_of_rows=chances[-1].expected_share if chances else 1.0,
        rows_for_80_percent=needed,
        rows_in_one_look=at_once,
        missing_rows=missing,
        missing_usd=None if missing is None else missing * usd_per_row,
    )


def _chance(cells: Cells, rows: int, retention: float, alpha: float, interim: int) -> Stopping:
    return power_with_stops(cells, rows, retention, alpha, [stop / rows for stop in stops_of(rows, interim)])
