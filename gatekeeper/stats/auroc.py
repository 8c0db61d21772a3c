"""Area under the ROC curve with DeLong's standard error: how well a score separates positives from negatives."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri

from gatekeeper.records import Estimate
from gatekeeper.stats.checks import NO_SPREAD, check_count, check_share, check_values
from gatekeeper.stats.intervals import Interval

AUROC_LEAST_EACH = 50
"""Positives, and negatives, below which the bound must not promote. Simulated error of the one-sided 95 % bound: 0.04
to 0.07 from here on up to a true area of 0.95; at a true area of 0.99 it is 0.10 with 50 positives, 0.07 with 200."""


def auroc(positives: ArrayLike, negatives: ArrayLike, *, confidence: float = 0.90, n_failed: int = 0) -> Estimate:
    """Return the share of (positive, negative) pairs in which the positive scores higher; ties count half.

    The interval is DeLong's on the scale of the logit, which keeps it within [0, 1] and its one-sided error near the
    nominal one (on the plain scale the error of a 95 % lower bound at a true area of 0.95 is 0.08 with 200 of each).
    Its lower end at confidence 1 - 2 alpha is the one-sided lower bound at alpha.

    Args:
        positives, negatives: shapes (m,) and (n,), finite scores; higher should mean positive.
        confidence: of the two-sided interval, in (0, 1).
        n_failed: items without a score; they are only counted.

    Returns:
        An Estimate; value is None without positives or without negatives. Complete separation has no standard error:
        its bound is then the exact one from min(m, n) disjoint pairs, alpha^(1 / min(m, n)). lower and upper are None
        where there is one positive or one negative, and where no score differs.

    Raises:
        InputError: a score is NaN or infinite.
    """
    alpha = (1 - check_share("confidence", confidence)) / 2
    p, n = check_values("positives", positives), check_values("negatives", negatives)
    value, error = delong(p, n)
    lower, upper = _ends(value, error, min(p.size, n.size), alpha)
    return Estimate(
        value=value,
        lower=lower,
        upper=upper,
        confidence=confidence,
        method="delong logit",
        n_expected=p.size + n.size + check_count("n_failed", n_failed),
        n_scored=p.size + n.size,
        n_failed=n_failed,
    )


def delong(positives: ArrayLike, negatives: ArrayLike) -> tuple[float | None, float | None]:
    """Return the area and its standard error (DeLong, DeLong & Clarke-Pearson 1988; by ranks, Sun & Xu 2014).

    The area is None without positives or negatives; the standard error also when there is one of either.
    """
    p, n = check_values("positives", positives), check_values("negatives", negatives)
    if p.size == 0 or n.size == 0:
        return None, None
    # Of each positive the share of negatives below it, of each negative the share of positives above it.
    above, below = _share_below(p, n), 1 - _share_below(n, p)
    value = float(above.mean())
    if p.size == 1 or n.size == 1:
        return value, None
    return value, math.sqrt(float(above.var(ddof=1)) / p.size + float(below.var(ddof=1)) / n.size)


def _share_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each value the share of the others below it; equal ones count half."""
    ordered = np.sort(others)
    left, right = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((left + right) / (2 * others.size), dtype=np.float64)


def _ends(value: float | None, error: float | None, pairs: int, alpha: float) -> Interval:
    if value is None or error is None:
        return None, None
    if error <= NO_SPREAD:
        if value == 1.0:
            return alpha ** (1 / pairs), 1.0
        return (0.0, 1 - alpha ** (1 / pairs)) if value == 0.0 else (None, None)
    half = -float(ndtri(alpha)) * error / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))
