"""The ways in which a gate split is read, and how often each rule promotes under them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.false_promotion.draws import Tables, candidates, growing
from benchmarks.false_promotion.rules import BOOTSTRAP, GATE, RULES, gate_passes, paired_bootstrap
from gatekeeper.stats.power import Cells, cell_probabilities, power_of_cells
from gatekeeper.stats.sequential import interim_levels
from gatekeeper.stats.spending import look_alphas

REDRAWN = 0.5
"""Share of items on which the student of the next round answers anew."""


@dataclass(frozen=True)
class Setting:
    """Required retention, the teacher's accuracy, rows of the split, tetrachoric correlation of being right."""

    r0: float
    teacher: float
    n: int
    correlation: float

    def cells(self, r: float) -> Cells:
        """Return the probabilities of the four kinds of items for a student of true retention `r`."""
        return cell_probabilities(r, self.teacher, self.correlation)


@dataclass(frozen=True)
class Design:
    """A way to read a split `looks` times; the first pass promotes.

    Attributes:
        draw: (cells, n, looks, simulations, rng) to what each look sees.
        shares: (alpha, looks) to the error probability that gatekeeper grants to each look.
    """

    key: str
    label: str
    looks: int
    draw: Callable[[Cells, int, int, int, np.random.Generator], Tables]
    shares: Callable[[float, int], tuple[float, ...]]


def interim_shares(alpha: float, looks: int) -> tuple[float, ...]:
    """Return the level of each of `looks` equal steps through one split."""
    return interim_levels(alpha, [k / looks for k in range(1, looks + 1)])


def _independent(cells: Cells, n: int, looks: int, simulations: int, rng: np.random.Generator) -> Tables:
    return candidates(cells, n, looks, 1.0, simulations, rng)


def _trained_on(cells: Cells, n: int, looks: int, simulations: int, rng: np.random.Generator) -> Tables:
    return candidates(cells, n, looks, REDRAWN, simulations, rng)


DESIGNS = (
    Design("one", "one look", 1, growing, look_alphas),
    Design("growing", "five looks, growing data", 5, growing, interim_shares),
    Design("candidates", "five candidates", 5, _independent, look_alphas),
    Design("rounds_5", "five rounds", 5, _trained_on, look_alphas),
    Design("rounds_10", "ten rounds", 10, _trained_on, look_alphas),
)


def promotion_rates(
    design: Design,
    setting: Setting,
    r: float,
    *,
    alpha: float,
    simulations: int,
    bootstrapped: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return how often each rule promotes a student of true retention `r`, by the rule's key.

    Args:
        simulations: decisions of each rule, all on the same simulated splits.
        bootstrapped: the first so many of them are also decided by bootstrap; with 0 there is no such figure.
    """
    tables = design.draw(setting.cells(r), setting.n, design.looks, simulations, rng)
    rates = {GATE: _rate(gate_passes(tables, setting.r0, design.shares(alpha, design.looks)))}
    rates |= {rule.key: _rate(rule.promotes(tables, setting.r0, alpha)) for rule in RULES}
    if bootstrapped:
        rates[BOOTSTRAP] = _rate(paired_bootstrap(tables.first(bootstrapped), setting.r0, alpha, rng))
    return rates


def exact_bound(design: Design, setting: Setting, *, alpha: float) -> float | None:
    """Return the sum over looks of the exact probability that the gate passes a student at the threshold.

    With one look it is the rate of false promotions; with more it bounds it, however the students of the looks are
    related. None where looks see different numbers of rows.
    """
    if design.looks > 1 and design.draw is growing:
        return None
    cells = setting.cells(setting.r0)
    return sum(power_of_cells(cells, setting.n, setting.r0, share) for share in design.shares(alpha, design.looks))


def _rate(passed: NDArray[np.bool_]) -> float:
    return float(passed.any(axis=1).mean())
