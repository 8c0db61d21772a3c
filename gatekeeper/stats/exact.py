"""The exact test of R <= r0 for few items: the E+M p value ("estimation, then maximisation"; Lloyd 2008).

Given m, the number of items that student or teacher got right, the table (a, b, c) is multinomial, and items that
nobody got right say nothing of R. At R = r0 one share is left open: of the m items only the student gets p_b right, in
[0, r0 / (1 + r0)], only the teacher p_c = 1 - r0 (1 - p_b), both p_a = 1 - p_b - p_c.

E: each table gets the chance of a score statistic at least as large as its own, at the p_b that fits it best. M: tables
are ordered by that chance, and p is the highest chance, over all p_b, of a table as extreme or more. The second step
makes the test exact whatever the first one is worth: given any m, and so in all, it promotes a student at R = r0 with
probability alpha at most. The first one gives it its power.

It holds for every R <= r0 too, since p never falls when an item that both got right goes to the teacher alone, which is
how R falls at the same p_b (Barnard's convexity). The order of the E step has this property nearly everywhere, and
`_rank` mends the rest.

Sources: Lloyd, Australian & New Zealand Journal of Statistics 2008; Rohmel & Mansmann, Biometrical Journal 1999.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from gatekeeper.errors import InputError
from gatekeeper.stats.checks import TIE, check_count
from gatekeeper.stats.ratio_score import ratio_score_z_array, teacher_only_share

EXACT_MOST = 200
"""Items that anybody got right up to which the exact test is used: there it takes some 20 ms, and ever more beyond."""

NEVER = 1e-13
"""Tables that are less likely than this at every p_b are counted together."""

TIE_Z, TIE_LOG = 1e-10, 9
"""Statistics this close are tied; so are chances whose logarithms agree to so many decimals."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Tables:
    """Tables of one m whose ratio is above r0, by falling z.

    a, b, c, z, p_b: shape (T,); p_b is the share that fits best at R = r0.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    c: NDArray[np.int64]
    z: Floats
    p_b: Floats

    def __getitem__(self, places: NDArray[np.generic]) -> _Tables:
        return _Tables(self.a[places], self.b[places], self.c[places], self.z[places], self.p_b[places])


def exact_p_values(m: int, r0: float) -> Floats:
    """Return the p values of R <= r0 of all tables in which anybody got m items right; the last ones used are kept.

    Args:
        m: items that student or teacher got right, from 1 to `EXACT_MOST`.
        r0: retention at the edge of the hypothesis, in (0, 1).

    Returns:
        Shape (m + 1, m + 1), read-only: p by b and c, NaN where b + c > m. It is 1 where the ratio is r0 or less. p
        never rises with b and never falls with c. The highest chance over p_b is that over a grid with a parabola
        through the highest point, which is within 0.3 % of that over a grid 15 times as fine.
    """
    if not 1 <= check_count("m", m) <= EXACT_MOST or not 0.0 < r0 < 1.0:
        raise InputError(f"m is {m} and r0 is {r0!r}", hint=f"give m from 1 to {EXACT_MOST} and r0 between 0 and 1")
    return _kept(int(m), float(r0))


@lru_cache(maxsize=256)
def _kept(m: int, r0: float) -> Floats:
    values = fresh_p_values(m, r0)
    values.flags.writeable = False
    return values


@lru_cache(maxsize=4096)
def exact_limits(m: int, r0: float, alpha: float) -> NDArray[np.int64]:
    """Return, for each b from 0 to m, the largest c with which the table passes at `alpha`; -1 where none does."""
    below = np.nan_to_num(exact_p_values(m, r0), nan=1.0) < alpha * (1 - TIE)
    return np.asarray(below.sum(axis=1) - 1, dtype=np.int64)  # p rises with c


def fresh_p_values(m: int, r0: float) -> Floats:
    """Return what `exact_p_values` returns, unchecked and not kept: for an r0 that is not asked for again."""
    b, c = np.indices((m + 1, m + 1))
    with np.errstate(invalid="ignore"):
        z = np.where(b + c > m, np.nan, ratio_score_z_array(np.maximum(m - b - c, 0), b, c, r0))
    angles = np.linspace(0.0, np.pi / 2, 65 + 2 * (m // 8))
    tables = _above(z, r0)
    log_likelihood = _log_likelihood(m, tables, r0)
    likely = log_likelihood > np.log(NEVER)
    never = float(np.exp(log_likelihood[~likely]).sum())
    tables = tables[likely]
    probabilities = _probabilities(m, tables, r0, angles)
    rank = _rank(z, tables, _chances(tables, r0, probabilities))
    keys = rank[tables.b, tables.c]
    order = np.argsort(keys, kind="stable")
    tails = np.zeros((keys.size + 1, angles.size))
    np.cumsum(probabilities[order], axis=0, out=tails[1:])
    # A parabola may be a little lower for more tables; p must not be.
    highest = np.maximum.accumulate(_peaks(tails))
    p = np.minimum(1.0, never + highest[np.searchsorted(keys[order], rank, side="right")])
    return np.where(np.isnan(z), np.nan, np.where(z > 0, p, 1.0))


def _above(z: Floats, r0: float) -> _Tables:
    b, c = np.nonzero(z > 0)
    order = np.argsort(-z[b, c], kind="stable")
    b, c = b[order], c[order]
    a = z.shape[0] - 1 - b - c
    p_b = np.clip(1 - (1 - teacher_only_share(a, b, c, r0)) / r0, 0.0, r0 / (1 + r0))
    return _Tables(a, b, c, z[b, c], np.asarray(p_b))


def _shares(p_b: Floats, r0: float) -> tuple[Floats, Floats]:
    """Return p_a and p_c at R = r0."""
    p_c = 1 - r0 * (1 - p_b)
    return np.maximum(1 - p_b - p_c, 0.0), p_c


def _log_ways(m: int, tables: _Tables) -> Floats:
    return np.asarray(gammaln(m + 1) - gammaln(tables.a + 1) - gammaln(tables.b + 1) - gammaln(tables.c + 1))


def _log_likelihood(m: int, tables: _Tables, r0: float) -> Floats:
    """Return the logarithm of the probability that each table has at most, at its own p_b."""
    p_a, p_c = _shares(tables.p_b, r0)
    log = xlogy(tables.a, p_a) + xlogy(tables.b, tables.p_b) + xlogy(tables.c, p_c)
    return np.asarray(_log_ways(m, tables) + log)


def _probabilities(m: int, tables: _Tables, r0: float, angles: Floats) -> Floats:
    """Return the probability of each table at each p_b, shape (T, J).

    p_b = r0 / (1 + r0) sin^2(angle): that is dense towards both ends, where a count varies least.
    """
    p_b = r0 / (1 + r0) * np.sin(angles) ** 2
    p_a, p_c = _shares(p_b, r0)
    power = np.arange(m + 1)[:, None]
    found = (p_a**power)[tables.a]
    found *= (p_b**power)[tables.b]
    found *= (p_c**power)[tables.c]
    found *= np.exp(_log_ways(m, tables))[:, None]
    return np.asarray(found)


def _chances(tables: _Tables, r0: float, probabilities: Floats) -> Floats:
    """Return the E step: the chance of each table's z or more at its own p_b, from every second p_b of the grid."""
    tails = np.cumsum(probabilities[:, ::2], axis=0)
    last = np.searchsorted(-tables.z, TIE_Z - tables.z, side="right") - 1
    angle = np.arcsin(np.sqrt(np.minimum(tables.p_b * (1 + r0) / r0, 1.0)))
    place = angle / (np.pi / 2) * (tails.shape[1] - 1)
    left = np.minimum(place.astype(np.int64), tails.shape[1] - 2)
    share = place - left
    return np.asarray(tails[last, left] * (1 - share) + tails[last, left + 1] * share)


def _rank(z: Floats, tables: _Tables, chances: Floats) -> Floats:
    """Return the order of all tables by b and c, the most extreme lowest.

    It is the logarithm of the E step's chance, raised where needed so that it never rises with b and never falls with
    c. Tables whose ratio is at most r0 come last, at infinity; those that never occur first, unless that raises them.
    """
    rank = np.where(z <= 0, np.inf, -np.inf)
    rank[tables.b, tables.c] = np.round(np.log(np.maximum(chances, NEVER**2)), TIE_LOG)
    rank = np.maximum.accumulate(rank, axis=1)
    return np.asarray(np.maximum.accumulate(rank[::-1], axis=0)[::-1])


def _peaks(tails: Floats) -> Floats:
    """Return the highest value of each row, on the parabola through its highest point and the two beside it."""
    places = np.argmax(tails, axis=1)
    rows = np.arange(places.size)
    middle = np.clip(places, 1, tails.shape[1] - 2)
    before, at, after = (tails[rows, middle + step] for step in (-1, 0, 1))
    slope, bend = (after - before) / 2, before - 2 * at + after
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (bend < 0) & (np.abs(slope) <= -bend)
        peak = np.where(inside, at - slope**2 / (2 * bend), 0.0)
    return np.asarray(np.maximum(tails[rows, places], peak))
