"""How an error budget is shared: over planned looks at one gate split, over interim looks at a stream, over slices.

`look_alphas` shares a budget by the union bound and holds whatever the looks have to do with each other.
`lan_demets_obf` and `pocock` use that successive looks at one growing sample are correlated (Lan & DeMets 1983), which
spends less, and hold only for that. `holm` adjusts the p values of several hypotheses (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from gatekeeper.errors import InputError
from gatekeeper.stats.checks import check_count, check_share

# No path of a standard Brownian motion that matters at double precision goes below this many standard deviations.
FLOOR_SD = 9.0
# Looks closer together than this share of the information would need a very fine grid and gain nothing.
LEAST_STEP = 1e-3
# A look that may spend less than this cannot be passed.
LEAST_SHARE = 1e-100


def look_alphas(alpha: float, looks: int) -> tuple[float, ...]:
    """Return the share of `alpha` that each of `looks` planned looks spends: alpha * 2k / (K (K + 1)).

    Later looks get more, since a student that improves is likelier to be good enough by then. The shares sum to alpha,
    so by the union bound the chance of ever passing a student that is not good enough stays at or below alpha.
    """
    check_share("alpha", alpha)
    looks = check_count("looks", looks, least=1)
    return tuple(alpha * 2 * k / (looks * (looks + 1)) for k in range(1, looks + 1))


def lan_demets_obf(alpha: float, fractions: Sequence[float]) -> tuple[float, ...]:
    """Return the z that each look must exceed under the O'Brien-Fleming-type spending 2 - 2 Phi(z_{alpha/2} / sqrt(t)).

    Args:
        alpha: one-sided, over all looks together, in (0, 0.5).
        fractions: share of the full sample at each look, rising, in (0, 1].

    Raises:
        InputError: alpha or fractions are out of range.
    """
    check_share("alpha", alpha, below=0.5)
    half = -float(ndtri(alpha / 2))
    return _boundaries(checked_fractions(fractions), lambda t: 2.0 * float(ndtr(-half / math.sqrt(t))))


def pocock(alpha: float, fractions: Sequence[float]) -> tuple[float, ...]:
    """Return the z that each look must exceed under the Pocock-type spending alpha log(1 + (e - 1) t).

    Arguments and errors as in `lan_demets_obf`.
    """
    check_share("alpha", alpha, below=0.5)
    return _boundaries(checked_fractions(fractions), lambda t: alpha * math.log1p((math.e - 1.0) * t))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's adjusted p values, in the order given; each is compared with the whole alpha.

    Raises:
        InputError: a p value is missing, NaN or outside [0, 1].
    """
    for place, p in enumerate(p_values):
        if p is None or not 0.0 <= p <= 1.0:
            raise InputError(f"p_values[{place}] is {p!r}", hint="give one p value in [0, 1] per hypothesis")
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * float(p_values[place])))
        adjusted[place] = worst
    return tuple(adjusted)


def checked_fractions(fractions: Sequence[float]) -> tuple[float, ...]:
    """Return the fractions as floats when they rise and lie in (0, 1]; raise InputError otherwise."""
    steps = [later - earlier for earlier, later in zip((0.0, *fractions), fractions, strict=False)]
    if not steps or not all(step >= LEAST_STEP for step in steps) or not fractions[-1] <= 1.0:
        raise InputError(
            f"fractions are {tuple(fractions)!r}", hint=f"give shares that rise by at least {LEAST_STEP:g} and end by 1"
        )
    return tuple(float(t) for t in fractions)


def _boundaries(fractions: tuple[float, ...], spent: Callable[[float], float]) -> tuple[float, ...]:
    """Solve for the boundaries one look after the other.

    The score process S(t) is Brownian motion. `nodes` and `mass` are a quadrature of its density at the last look over
    the paths that have not crossed yet (Armitage, McPherson & Rowe 1969); the next boundary is the level that the right
    share of those paths crosses.
    """
    bounds: list[float] = []
    nodes, mass = np.zeros(1), np.ones(1)
    time, used = 0.0, 0.0
    finest = min(b - a for a, b in zip((0.0, *fractions), fractions, strict=False))
    for t in fractions:
        share, step = spent(t) - used, math.sqrt(t - time)
        level = _level(nodes, mass, step, share)
        bounds.append(level / math.sqrt(t))
        floor, ceiling = -FLOOR_SD * math.sqrt(t), min(level, FLOOR_SD * math.sqrt(t))
        grid, weights = quadrature(floor, ceiling, math.sqrt(finest))
        density = np.exp(-0.5 * ((grid[:, None] - nodes[None, :]) / step) ** 2) @ mass
        nodes, mass = grid, weights * density / (step * math.sqrt(2 * math.pi))
        time, used = t, spent(t)
    return tuple(bounds)


def _level(nodes: NDArray[np.float64], mass: NDArray[np.float64], step: float, share: float) -> float:
    """Return the level that the mass `share` exceeds after one step of standard deviation `step`."""

    def excess(level: float) -> float:
        # The logarithm keeps the root well scaled: an early look may spend less than 1e-6.
        return math.log(float(mass @ ndtr((nodes - level) / step))) - math.log(share)

    if share < LEAST_SHARE:
        return math.inf
    return float(brentq(excess, -FLOOR_SD - 12.0 * step, float(nodes.max()) + 25.0 * step, xtol=1e-12))


def quadrature(low: float, high: float, scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Gauss-Legendre nodes and weights over [low, high], 16 to each panel of at most four times `scale`."""
    x, w = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(low, high, 1 + math.ceil((high - low) / (4 * scale)))
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (x + 1)).ravel(), (half * w).ravel()
