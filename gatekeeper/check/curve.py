"""A learning curve, and what it says about more rows than there are: error(n) = a n^-b + c.

Errors of learned models often follow such a power law over wide ranges (Hestness et al. 2017, Deep Learning Scaling is
Predictable, Empirically); not always, and no model fits all curves (Viering & Loog 2021, The Shape of Learning Curves:
a Review). So a forecast has an interval, and where the curve has no such shape, there is none. The interval spans fits
to all sizes, to the last six and to the last four: where the curve still bends, they differ, and resampling alone would
not show it. With few rows per label a curve has not reached its power law yet (the small data region of Hestness et
al.); then nothing is forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.check.narrow import CrossValidated

EXPONENTS = np.linspace(0.02, 1.5, 75)
"""b. Published exponents of classifiers lie between about 0.07 and 0.5 (Hestness et al. 2017)."""
LEAST_SIZES = 4
"""Three numbers are fitted, so fewer sizes say nothing about the fit."""
LEAST_PER_LABEL = 10
"""Rows per label at the largest size. With 8 of each of 77 labels (BANKING77) forecasts were 9 to 14 points too low."""
WINDOWS = (6, None, LEAST_SIZES)
"""How many of the last sizes are fitted, None for all; the first gives the value."""
MOST_FORECAST = 1e9
DRAWS = 200
CONFIDENCE = 0.9


@dataclass(frozen=True)
class Forecast:
    """Accuracy at `n` rows by the fitted curve.

    Attributes:
        lower, upper: the middle 90 % of fits to resampled rows, and the widest of them over `WINDOWS`.
        a, b, c: of error(n) = a n^-b + c.
    """

    n: int
    value: float
    lower: float
    upper: float
    a: float
    b: float
    c: float

    def rows_for(self, accuracy: float) -> float | None:
        """Return the rows at which the curve reaches an accuracy; None: it never does, or beyond a billion."""
        room = 1.0 - accuracy - self.c
        if room <= 0:
            return None
        rows = (self.a / room) ** (1 / self.b)
        return rows if rows <= MOST_FORECAST else None


def fit_power_law(sizes: Sequence[int], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the best (a, b, c) of error(n) = a n^-b + c with c >= 0 for each of d curves, shape (d, 3).

    For each b the best a and c are those of least squares, so that a search along b finds the minimum. Larger sizes
    weigh more, since they lie nearer to what is forecast: the weight is n. NaN where no b gives an a above 0: such
    errors do not fall as a power law.

    Args:
        sizes: s sizes, at least two, ascending.
        errors: shares of wrong answers, shape (d, s).
    """
    n = np.asarray(sizes, dtype=np.float64)
    w = n / n.sum()
    x = n[None, :] ** -EXPONENTS[:, None]  # (exponents, sizes)
    x_mean, y_mean = x @ w, errors @ w
    x_off = x - x_mean[:, None]
    slope = (errors - y_mean[:, None]) @ (w * x_off).T / (x_off**2 @ w)
    level = y_mean[:, None] - slope * x_mean
    through_zero = errors @ (w * x).T / (x**2 @ w)
    slope, level = np.where(level < 0, through_zero, slope), np.maximum(level, 0.0)
    left = slope[:, :, None] * x + level[:, :, None] - errors[:, None, :]
    loss = np.where(slope > 0, (left**2) @ w, np.inf)
    best, rows = loss.argmin(axis=1), np.arange(len(errors))
    fitted = np.column_stack([slope[rows, best], EXPONENTS[best], level[rows, best]])
    return np.where(np.isfinite(loss[rows, best])[:, None], fitted, np.nan)


def forecast(found: CrossValidated, n: int, n_labels: int, rng: np.random.Generator) -> Forecast | str:
    """Return the accuracy to expect at `n` rows, or why it cannot be told.

    Args:
        found: cross-validated answers.
        n: rows to learn from.
        n_labels: labels of the task.
        rng: resamples the rows for the interval.
    """
    errors, rows = 1.0 - found.accuracy, found.right.shape[1]
    reason = _unfit(found.sizes, errors, rows, n_labels)
    if reason:
        return reason
    again = np.stack([1.0 - found.right[:, rng.integers(rows, size=rows)].mean(axis=1) for _ in range(DRAWS)])
    fits, bounds = [], []
    for window in WINDOWS:
        part = slice(None if window is None else -window, None)
        (fitted,) = fit_power_law(found.sizes[part], errors[None, part])
        drawn = _errors(fit_power_law(found.sizes[part], again[:, part]), n)
        # A draw whose errors do not fall says that more rows bring nothing.
        drawn = np.where(np.isnan(drawn), again[:, -1], drawn)
        bounds.append(np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
        fits.append(fitted)
    if np.isnan(fits[0]).any():
        return "the last errors do not fall as a power law"
    value = float(_errors(fits[0][None, :], n)[0])
    low, high = float(np.min(bounds)), float(np.max(bounds))
    a, b, c = (float(one) for one in fits[0])
    return Forecast(n, 1.0 - value, min(1.0 - high, 1.0 - value), max(1.0 - low, 1.0 - value), a, b, c)


def _unfit(sizes: Sequence[int], errors: NDArray[np.float64], rows: int, n_labels: int) -> str:
    """Return why a curve cannot be followed further; empty where it can."""
    if len(sizes) < LEAST_SIZES:
        return f"{len(sizes)} sizes were measured, and a curve takes {LEAST_SIZES}"
    if errors[-1] <= 0:
        return "no answer was wrong at the largest size, so there is no error left to follow"
    if errors[0] - errors[-1] <= np.sqrt(errors[0] * (1 - errors[0]) / rows):
        ends = f"{errors[0]:.1%} at {sizes[0]:,} rows, {errors[-1]:.1%} at {sizes[-1]:,}"
        return f"errors do not fall with more rows ({ends})"
    if sizes[-1] < LEAST_PER_LABEL * n_labels:
        return (
            f"{sizes[-1]:,} rows for {n_labels} labels are fewer than {LEAST_PER_LABEL} of each, where curves do not "
            "follow a power law yet"
        )
    return ""


def _errors(curves: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return error(n) of each curve (a, b, c), shape (d,)."""
    return np.asarray(np.clip(curves[:, 0] * n ** -curves[:, 1] + curves[:, 2], 0.0, 1.0), dtype=np.float64)
