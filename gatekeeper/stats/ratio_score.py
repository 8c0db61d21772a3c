"""The score test of R = E[student right] / E[teacher right] from counts of right and wrong answers.

Its p value rests on the normal distribution, so it is approximate. `gatekeeper.stats.exact` has the exact one for few
items, and `gatekeeper.stats.paired` says which of the two decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from gatekeeper.stats.checks import ROUNDING, check_count, check_retention, check_share
from gatekeeper.stats.intervals import Interval


@dataclass(frozen=True)
class PairedCounts:
    """Items by who was right: a both, b the student only, c the teacher only, d neither."""

    a: int
    b: int
    c: int
    d: int

    def __post_init__(self) -> None:
        for name in ("a", "b", "c", "d"):
            object.__setattr__(self, name, check_count(f"count {name}", getattr(self, name)))

    @property
    def n(self) -> int:
        """Number of items."""
        return self.a + self.b + self.c + self.d

    @property
    def student_right(self) -> int:
        """Number of items that the student got right."""
        return self.a + self.b

    @property
    def teacher_right(self) -> int:
        """Number of items that the teacher got right."""
        return self.a + self.c


def ratio_score_z_array(a: ArrayLike, b: ArrayLike, c: ArrayLike, r0: ArrayLike) -> NDArray[np.float64]:
    """Return the score statistic z of R <= r0 for many tables at once; large z speaks for R > r0.

    With s - r0 t as the quantity of one item, z = sum / sqrt(n * variance), where the variance r0 (p10 + p01) uses the
    maximum-likelihood cell probabilities under R = r0 (Nam & Blackwelder 2002; Tang, Tang & Chan 2003). For fixed r0
    their likelihood splits into the share of items that anybody got right, which cancels, and u, the share of these
    that only the teacher got right; u is the larger root of a quadratic.

    Args:
        a, b, c: counts as in `PairedCounts`, any shapes that broadcast; fractions are allowed (expected counts). The
            items that nobody got right carry no information on R.
        r0: retention at the edge of the hypothesis, above 0.

    Returns:
        z in the broadcast shape; NaN where it is undefined (no item right, or a = n and r0 = 1). NaN is never above a
        critical value. Numerators within rounding of 0 give 0.
    """
    a, b, c, r = (np.asarray(x, dtype=np.float64) for x in (a, b, c, r0))
    with np.errstate(divide="ignore", invalid="ignore"):
        u = teacher_only_share(a, b, c, r)
        variance = (a + b + c) * np.maximum((r + 1) * u - (1 - r), 0.0)
        right, needed = a + b, r * (a + c)
        excess = right - needed
        excess = np.where(np.abs(excess) <= ROUNDING * (right + needed), 0.0, excess)
        return np.asarray(excess / np.sqrt(variance), dtype=np.float64)


def teacher_only_share(a: ArrayLike, b: ArrayLike, c: ArrayLike, r0: ArrayLike) -> NDArray[np.float64]:
    """Return the most likely share of items that only the teacher got right, among those that anybody did, if R = r0.

    It lies in [max(0, 1 - r0), 1 / (1 + r0)]. Arguments as in `ratio_score_z_array`; NaN where no item is right.
    """
    a, b, c, r = (np.asarray(x, dtype=np.float64) for x in (a, b, c, r0))
    linear = a * (r * r - 1) - b - c * (2 - r * r)
    square, constant = (r + 1) * (a + b + c), c * (1 - r)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(linear * linear - 4 * square * constant, 0.0))
        # Of the two forms of the larger root take the one that does not subtract nearly equal numbers.
        stable = np.where(linear > 0, linear + root, root - linear) / 2
        u = np.where(linear > 0, -constant / stable, stable / square)
    return np.asarray(np.clip(u, np.maximum(0.0, 1 - r), 1 / (r + 1)), dtype=np.float64)


def ratio_score_z(counts: PairedCounts, r0: float) -> float | None:
    """Return the score statistic of R <= r0 (see `ratio_score_z_array`), or None where it is undefined."""
    z = float(ratio_score_z_array(counts.a, counts.b, counts.c, check_retention("r0", r0)))
    return None if math.isnan(z) else z


def ratio_score_p(counts: PairedCounts, r0: float) -> float | None:
    """Return the one-sided p value of R <= r0 against R > r0, or None where the test is undefined.

    Decide with `passes(p, alpha)`, not by comparing the bound of the interval with r0.
    """
    z = ratio_score_z(counts, r0)
    return None if z is None else float(ndtr(-z))


def ratio_interval(counts: PairedCounts, confidence: float = 0.90) -> Interval:
    """Return the interval of R by inversion of the score test.

    Its lower end at confidence 1 - 2 alpha is the one-sided lower bound at alpha. It depends on a, b and c only.

    Returns:
        (lower, upper). Where one model got nothing right the interval is one-sided but still real: (0, z^2 / c) when
        the student got nothing right (R = 0), (b / z^2, inf) when the teacher got nothing right (R has no upper
        bound). (None, None) when nobody got anything right, and when there is no item.
    """
    quantile = -float(ndtri((1 - check_share("confidence", confidence)) / 2))
    if counts.a + counts.b + counts.c == 0:
        return None, None
    # Exchanging the models turns R into 1 / R and z into -z.
    inverse = ratio_lower_end(counts.a, counts.c, counts.b, quantile)
    return ratio_lower_end(counts.a, counts.b, counts.c, quantile), (1 / inverse if inverse > 0 else math.inf)


def ratio_lower_end(a: int, b: int, c: int, quantile: float) -> float:
    """Return the r at which z falls to `quantile`, 0 when the student got nothing right; z falls strictly in r.

    Args:
        a, b, c: as in `PairedCounts`, not all 0.
        quantile: at least 0, and above it where the teacher got nothing right.
    """
    if a + b == 0:
        return 0.0
    if a + c == 0:
        return b / quantile**2  # z is sqrt(b / r) here

    def gap(log_r: float) -> float:
        # z is 0/0 at r = 1 without disagreement; it tends to 0 there from both sides.
        return float(np.nan_to_num(ratio_score_z_array(a, b, c, math.exp(log_r)), nan=0.0)) - quantile

    high = math.log((a + b) / (a + c))  # z is 0 at the estimate
    low = high - 1.0
    while gap(low) < 0:  # ends, since z grows like 1 / sqrt(r) towards 0
        low -= 2.0
    return math.exp(float(brentq(gap, low, high, xtol=1e-14)))
