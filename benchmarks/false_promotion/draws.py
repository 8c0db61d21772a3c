"""Simulated gate splits, as counts of items by who was right.

For right or wrong answers every rule sees nothing but these counts, so they are drawn directly, without items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.stats.power import Cells

Counts = NDArray[np.int64]

CRASHES = 0.05
"""Share of all items on which the student crashes, always items that it gets wrong."""


@dataclass(frozen=True)
class Tables:
    """Counts of simulated splits, each of shape (simulations, looks), of n items, shape (looks,).

    a both right, b student only, c teacher only, d neither; on `crashed` of the c + d items the student gave no answer.
    """

    n: Counts
    a: Counts
    b: Counts
    c: Counts
    d: Counts
    crashed: Counts

    def first(self, simulations: int) -> Tables:
        """Return the first so many simulations."""
        return Tables(self.n, *(counts[:simulations] for counts in (self.a, self.b, self.c, self.d, self.crashed)))


def growing(cells: Cells, n: int, looks: int, simulations: int, rng: np.random.Generator) -> Tables:
    """Draw one student on a split that is read in `looks` equal steps; each look sees all rows so far.

    Args:
        cells: probabilities of the four kinds of items.
        n: rows at the last look, a multiple of `looks`.
    """
    steps = rng.multinomial(n // looks, cells, size=(simulations, looks))
    crashed = rng.binomial(steps[..., 2] + steps[..., 3], _crash_share(cells))
    a, b, c, d, lost = np.cumsum(np.concatenate([steps, crashed[..., None]], axis=2), axis=1).transpose(2, 0, 1)
    return Tables(n // looks * np.arange(1, looks + 1), a, b, c, d, lost)


def candidates(cells: Cells, n: int, looks: int, redrawn: float, simulations: int, rng: np.random.Generator) -> Tables:
    """Draw `looks` students of the same true quality on one split of `n` rows, all beside the teacher's same answers.

    Given whether the teacher is right on an item, a student's answer is that of the one before it, or, with probability
    `redrawn`, a new one. With 1 the students are independent given the teacher; a loop that trains on from round to
    round lies between 0 and 1.
    """
    teacher_right = rng.binomial(n, cells.both + cells.teacher_only, size=simulations)
    teacher_wrong = n - teacher_right
    chance_right = cells.both / (cells.both + cells.teacher_only)
    chance_wrong = cells.student_only / (cells.student_only + cells.neither)
    both, student_only = (
        _successive(total, chance, looks, redrawn, rng)
        for total, chance in ((teacher_right, chance_right), (teacher_wrong, chance_wrong))
    )
    teacher_only, neither = teacher_right[:, None] - both, teacher_wrong[:, None] - student_only
    crashed = rng.binomial(teacher_only + neither, _crash_share(cells))
    return Tables(np.full(looks, n), both, student_only, teacher_only, neither, crashed)


def _successive(total: Counts, chance: float, looks: int, redrawn: float, rng: np.random.Generator) -> Counts:
    """Return how many of `total` items each of `looks` successive students gets right, shape (simulations, looks)."""
    right = [rng.binomial(total, chance)]
    for _ in range(looks - 1):
        kept = rng.binomial(right[-1], 1 - redrawn * (1 - chance))
        right.append(kept + rng.binomial(total - right[-1], redrawn * chance))
    return np.stack(right, axis=1)


def _crash_share(cells: Cells) -> float:
    """Return the share of the student's wrong items on which it crashes."""
    return CRASHES / (cells.teacher_only + cells.neither)
