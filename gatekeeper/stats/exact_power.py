"""Power of one look as a sum over all tables, for `gatekeeper.stats.power`.

What passes is what `gatekeeper.stats.paired.paired_p_array` lets pass: the exact test where few items were got right by
anybody, the score test beyond, so one number of rows may take both. Tables in the outer 1e-8 of a margin are left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, ndtri, xlog1py, xlogy

from gatekeeper.stats.exact import EXACT_MOST, exact_limits
from gatekeeper.stats.ratio_score import ratio_score_z_array

if TYPE_CHECKING:
    from gatekeeper.stats.power import Cells


def exact_power(cells: Cells, n: int, r0: float, alpha: float) -> float:
    """Return the probability that a look on `n` rows passes at `alpha` when items fall into `cells`."""
    most = EXACT_MOST if r0 < 1 else 0
    few = sum_given_right(cells, n, r0, alpha) if most else 0.0
    return min(1.0, few + sum_of_score_test(cells, n, r0, alpha, most))


def sum_given_right(cells: Cells, n: int, r0: float, alpha: float) -> float:
    """Return the part of the power in which at most `EXACT_MOST` items are got right by anybody: the exact test's.

    Given their number m, b is binomial, and given b so is c; what passes for each b are the c up to a limit.
    """
    right = 1 - cells.neither
    total = 0.0
    for m in likely(n, right):
        if 1 <= m <= EXACT_MOST:
            limits = exact_limits(int(m), r0, alpha)
            b = np.flatnonzero(limits >= 0)
            share = cells.student_only / right
            c_share = min(1.0, cells.teacher_only / (right - cells.student_only)) if share < 1 else 0.0
            passed = bdtr(limits[b].astype(np.float64), m - b, c_share)
            total += float(binomial(n, m, right)) * float(np.sum(binomial(m, b, share) * passed))
    return total


def sum_of_score_test(cells: Cells, n: int, r0: float, alpha: float, most: int) -> float:
    """Return the part of the power in which more than `most` items are got right by anybody: the score test's.

    The sum is over b and c; given these, a is binomial and the tables that pass are those from some a on. z rises in a
    for r0 <= 1 and falls for r0 > 1, where the items that nobody got right are counted up instead (`most` is 0 then).
    """
    if n <= most:
        return 0.0
    critical = -float(ndtri(alpha))
    p_b, p_c = cells.student_only, cells.teacher_only
    b, c = likely(n, p_b)[:, None], likely(n, p_c)[None, :]
    rest = np.maximum(n - b - c, 0)
    rises = r0 <= 1
    low, high = np.zeros(rest.shape, dtype=np.int64), rest + 1  # the first step that passes lies in [low, high]
    while bool(np.any(low < high)):
        middle = (low + high) // 2
        a = np.minimum(middle, rest) if rises else np.maximum(rest - middle, 0)
        passed = ratio_score_z_array(a, b, c, r0) > critical
        if r0 < 1:  # the binomial bound of `paired_p_array`
            passed &= (b > 0) | (bdtr(c.astype(np.float64), a + c, 1 - r0) < alpha)
        passed |= middle > rest
        low, high = np.where(passed, low, np.minimum(middle + 1, high)), np.where(passed, middle, high)
    if most:
        low = np.maximum(low, most + 1 - b - c)
    remaining = cells.both + cells.neither
    share = min(1.0, (cells.both if rises else cells.neither) / remaining) if remaining > 0 else 0.0
    beyond = np.where(low > rest, 0.0, np.where(low > 0, 1.0 - bdtr(np.maximum(low - 1, 0), rest, share), 1.0))
    return float(np.sum(pair_weights(n, b, c, p_b, p_c) * beyond))


def likely(n: int, share: float) -> NDArray[np.int64]:
    """Return the counts that Binomial(n, share) takes but for some 1e-8."""
    width = 6.0 * math.sqrt(n * share * (1 - share)) + 8.0
    return np.arange(max(0, math.floor(n * share - width)), min(n, math.ceil(n * share + width)) + 1, dtype=np.int64)


def pair_weights(n: int, b: NDArray[np.int64], c: NDArray[np.int64], p_b: float, p_c: float) -> NDArray[np.float64]:
    """Return the trinomial probabilities of b and c, 0 where they exceed n together."""
    rest = np.maximum(n - b - c, 0)
    log = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(rest + 1)
    log = log + xlogy(b, p_b) + xlogy(c, p_c) + xlog1py(rest, -min(1.0, p_b + p_c))
    return np.asarray(np.where(b + c <= n, np.exp(log), 0.0), dtype=np.float64)


def binomial(n: int, count: NDArray[np.int64] | int, share: float) -> NDArray[np.float64]:
    """Return the binomial probabilities of `count`."""
    return pair_weights(n, np.asarray(count, dtype=np.int64), np.asarray(0), share, 0.0)
