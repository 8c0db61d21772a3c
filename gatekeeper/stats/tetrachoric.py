"""Tetrachoric correlation of two models' right and wrong answers: what planning needs to know of how they go together.

It is the parameter that `gatekeeper.stats.power.cell_probabilities` takes, read off a table of counts.
"""

from __future__ import annotations

from scipy.optimize import brentq

from gatekeeper.stats.paired import PairedCounts
from gatekeeper.stats.power import _both_right

_HALF = 0.5
"""What is moved into a cell without items, from its neighbours, so that the margins stay (Brown 1977)."""


def tetrachoric(counts: PairedCounts) -> float | None:
    """Return the tetrachoric correlation of "student is right" and "teacher is right" (Pearson 1900).

    Both are taken as cuts of two standard normals; the correlation is the one at which the table has its own share of
    items that both got right. With one cell empty, half an item is moved into it along the diagonals, as in algorithm
    AS 116 (Brown, Applied Statistics 1977): a correlation of exactly 1 would claim too much for one cell that happens
    to be empty.

    Returns:
        A number from -1 to 1: 1 where the models are never right alone, -1 where they are never right, or never wrong,
        together. None where a model is always right or always wrong: then the table says nothing of the correlation.
    """
    student, teacher, n = counts.student_right, counts.teacher_right, counts.n
    if not 0 < student < n or not 0 < teacher < n:
        return None
    if counts.b == counts.c == 0:
        return 1.0
    if counts.a == counts.d == 0:
        return -1.0
    both = float(counts.a)
    if counts.b == 0 or counts.c == 0:
        both -= _HALF
    elif counts.a == 0 or counts.d == 0:
        both += _HALF
    shares = student / n, teacher / n
    return float(brentq(lambda rho: _both_right(*shares, rho) - both / n, -1.0, 1.0, xtol=1e-9))
