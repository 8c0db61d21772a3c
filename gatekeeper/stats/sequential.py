"""Group-sequential decisions: one look that may stop early while its items stream in.

The looks at a growing sample are tested at nominal levels from an O'Brien-Fleming-type spending function
(`gatekeeper.stats.spending.lan_demets_obf`), so that all of them together spend one alpha. It holds for tests whose
statistic grows like a random walk, as the score and t statistics do, when fractions are shares of the final number of
items and the items come in random order. Every interim test counts as one reading of the gate split.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from gatekeeper.errors import InputError
from gatekeeper.stats.spending import FLOOR_SD, checked_fractions, lan_demets_obf, quadrature


@dataclass(frozen=True)
class Stopping:
    """What a plan of interim tests does: chance to pass at each, chance to pass at all, mean share of items scored."""

    pass_at: tuple[float, ...]
    power: float
    expected_share: float


def interim_levels(alpha: float, fractions: Sequence[float]) -> tuple[float, ...]:
    """Return the level that the one-sided p value of each interim test must be below.

    Args:
        alpha: one-sided, over all interim tests together, in (0, 0.5).
        fractions: share of the items scored at each test, rising, in (0, 1].

    Returns:
        One nominal level per test; 0 where a test comes too early to be passed.
    """
    return tuple(float(ndtr(-z)) for z in lan_demets_obf(alpha, fractions))


def stopping(levels: Sequence[float], fractions: Sequence[float], drift: float) -> Stopping:
    """Return what a plan does to a student whose statistic has the mean `drift` once all items are scored.

    The statistic times the root of the fraction is a Brownian motion with that drift; its density over the paths that
    have not passed yet is carried from test to test by quadrature (Armitage, McPherson & Rowe 1969).

    Args:
        levels, fractions: of each test, from and as in `interim_levels`.
        drift: 0 at the edge of the hypothesis; z_alpha + z_power for a student that one fixed test would pass with
            that power.

    Raises:
        InputError: lengths that differ, a level outside [0, 1), a drift that is not finite.
    """
    times = checked_fractions(fractions)
    if len(levels) != len(times) or not all(0.0 <= level < 1.0 for level in levels) or not math.isfinite(drift):
        raise InputError(
            f"levels are {tuple(levels)!r}, fractions {times!r}, drift {drift!r}",
            hint="give one level in [0, 1) per fraction, and a finite drift",
        )
    finest = math.sqrt(min(b - a for a, b in zip((0.0, *times), times, strict=False)))
    nodes, mass, time = np.zeros(1), np.ones(1), 0.0
    pass_at = []
    for t, level in zip(times, levels, strict=True):
        bound, step = -float(ndtri(level)) * math.sqrt(t), math.sqrt(t - time)
        shifted = nodes + drift * (t - time)
        pass_at.append(float(mass @ ndtr((shifted - bound) / step)))
        reach = FLOOR_SD * math.sqrt(t)
        low, high = drift * t - reach, min(bound, drift * t + reach)
        if high <= low:  # nothing that matters is left below the bound
            nodes, mass, time = np.zeros(1), np.zeros(1), t
            continue
        grid, weights = quadrature(low, high, finest)
        density = np.exp(-0.5 * ((grid[:, None] - shifted[None, :]) / step) ** 2) @ mass
        nodes, mass, time = grid, weights * density / (step * math.sqrt(2 * math.pi)), t
    power = min(1.0, math.fsum(pass_at))
    share = math.fsum(t * p for t, p in zip(times, pass_at, strict=True)) + times[-1] * (1 - power)
    return Stopping(tuple(pass_at), power, share)
