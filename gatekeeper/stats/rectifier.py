"""The numbers behind `gatekeeper.stats.judged`: the judge's weights, the rectified means, their standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from gatekeeper.stats.checks import NO_SPREAD, ROUNDING
from gatekeeper.stats.intervals import Interval

FAR_OUT = 1e6
"""Beyond every quantile; the statistic of a mean that is not 0 and shows no spread."""


@dataclass(frozen=True)
class Rows:
    """Scores by people (s, t) and by the judge (js, jt) of the labelled rows; by the judge of the others (us, ut)."""

    s: NDArray[np.float64]
    t: NDArray[np.float64]
    js: NDArray[np.float64]
    jt: NDArray[np.float64]
    us: NDArray[np.float64]
    ut: NDArray[np.float64]

    @property
    def total(self) -> int:
        """Number of rows."""
        return self.s.size + self.us.size


@dataclass(frozen=True)
class Rectified:
    """What the test of any direction a s - b t needs, at fixed weights.

    es, et: labelled scores less the weighted judge's. mean_s, mean_t: the prediction-powered means. second, third:
    central moments of the weighted judge's scores on the other rows, by the power of the teacher's score in them.
    """

    weight: float
    es: NDArray[np.float64]
    et: NDArray[np.float64]
    mean_s: float
    mean_t: float
    second: tuple[float, float, float]
    third: tuple[float, float, float, float]
    others: int


def cross_fitted_weights(rows: Rows, r0: float) -> NDArray[np.float64]:
    """Return the judge's weight for each labelled row, tuned at r0 on the other labelled rows, within [0, 1].

    cov(people, judge) / ((1 + m / N) var(judge)) for m labelled and N other rows; the variance is that over all rows.
    """
    m, others = rows.s.size, rows.us.size
    people, judge = rows.s - r0 * rows.t, rows.js - r0 * rows.jt
    spread = float(np.var(np.concatenate([judge, rows.us - r0 * rows.ut]))) if rows.total else 0.0
    if m < 3 or others < 2 or spread <= NO_SPREAD**2:
        return np.zeros(m)
    x, y = people - people.mean(), judge - judge.mean()
    # Leaving row i out takes m / (m - 1) x_i y_i from the sum of products around the means.
    covariance = (float(x @ y) - x * y * m / (m - 1)) / (m - 2)
    return np.asarray(np.clip(covariance / (spread * (1 + m / others)), 0.0, 1.0), dtype=np.float64)


def rectified(rows: Rows, weights: NDArray[np.float64]) -> Rectified:
    """Return people's scores with the judge's taken off and added again from the other rows, by `weights`."""
    weight = float(weights.mean()) if weights.size else 0.0
    if rows.us.size < 2:
        weights, weight = np.zeros(weights.size), 0.0
    es, et = rows.s - weights * rows.js, rows.t - weights * rows.jt
    us, ut = weight * rows.us, weight * rows.ut
    if weight == 0.0:  # the other rows do not count, and there may be none
        us = ut = np.zeros(2)
    mean_us, mean_ut = float(us.mean()), float(ut.mean())
    x, y, scale = us - mean_us, ut - mean_ut, 1 / max(us.size - 1, 1)
    xx, yy = x * x, y * y
    return Rectified(
        weight=weight,
        es=es,
        et=et,
        mean_s=mean_us + (math.fsum(es) / es.size if es.size else 0.0),
        mean_t=mean_ut + (math.fsum(et) / et.size if et.size else 0.0),
        second=(float(xx.sum()) * scale, float(x @ y) * scale, float(yy.sum()) * scale),
        third=(float(xx @ x) * scale, float(xx @ y) * scale, float(x @ yy) * scale, float(yy @ y) * scale),
        others=us.size,
    )


def statistic(sums: Rectified, a: float, b: float) -> float | None:
    """Return mean / standard error of a s - b t at the edge of the hypothesis; None when its spread is only rounding.

    It is zero at a mean of 0, and large values speak for a E[s] > b E[t].
    """
    m = sums.es.size
    residual = a * sums.es - b * sums.et
    scale = a * np.abs(sums.es) + b * np.abs(sums.et)
    residual[np.abs(residual) <= ROUNDING * (scale + a + b)] = 0.0
    centred = residual - residual.mean()
    ss, st, tt = sums.second
    sss, sst, stt, ttt = sums.third
    judged_variance = max(0.0, a * a * ss - 2 * a * b * st + b * b * tt)
    judged_third = a**3 * sss - 3 * a * a * b * sst + 3 * a * b * b * stt - b**3 * ttt
    variance = float(centred @ centred) / (m - 1) / m + judged_variance / sums.others
    third = float((centred * centred) @ centred) / (m - 1) / m**2 + judged_third / sums.others**2
    size = a + b
    if math.sqrt(variance) <= NO_SPREAD * size:
        return None
    mean = a * sums.mean_s - b * sums.mean_t
    if abs(mean) <= ROUNDING * size:
        return 0.0
    # Moving the mean to 0 moves the variance by third / variance for each unit (tilted distribution, first order).
    return mean / math.sqrt(max(variance, variance - mean * third / variance))


def ends(sums: Rectified, quantile: float, r0: float) -> Interval:
    """Return the R at which the statistic is at +- quantile, each on the side of `r0` on which the test at r0 puts it.

    Directions are angles: R = tan(angle), so that a quarter turn reaches every R from 0 to infinity.
    """

    def at(angle: float) -> float:
        a, b = math.cos(angle), math.sin(angle)
        found = statistic(sums, a, b)
        if found is not None:
            return found
        # A teacher that is always right shows no spread at R = infinity, and excludes it nevertheless. Two models that
        # are right on the same rows show none at R = 1, where the mean is 0 but for rounding.
        mean = a * sums.mean_s - b * sums.mean_t
        return FAR_OUT * float(np.sign(mean)) if abs(mean) > ROUNDING * (a + b) else 0.0

    def root(level: float, low: float, high: float) -> float:
        return math.tan(float(brentq(lambda angle: at(angle) - level, low, high, xtol=1e-14)))

    if sums.mean_t <= 0 or at(math.pi / 2) >= -quantile:
        return None, None
    estimate, decided = math.atan2(max(0.0, sums.mean_s), sums.mean_t), math.atan(r0)
    at_r0 = at(decided)
    least, inner = (decided, estimate) if at_r0 > quantile else (0.0, min(decided, estimate))
    lower = root(quantile, least, inner) if at(least) > quantile else 0.0
    inner, most = (estimate, decided) if at_r0 < -quantile else (max(decided, estimate), math.pi / 2)
    upper = root(-quantile, inner, most) if at(inner) > -quantile else 0.0
    return lower, upper
