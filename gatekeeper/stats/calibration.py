"""Whether a confidence is the probability of being right, and a map that makes it one.

A map that only rises does not change which rows are surer than others, so it moves no decision of a threshold. It says
what a threshold means: of the answers with this confidence, so many are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from gatekeeper.errors import InputError
from gatekeeper.stats.checks import check_count, check_values

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class IsotonicMap:
    """A rising map from confidence to the probability of being right: straight lines between knots, flat beyond.

    Attributes:
        confidence: of each knot, rising.
        probability: at each knot, never falling, in [0, 1].
    """

    confidence: tuple[float, ...]
    probability: tuple[float, ...]

    def apply(self, confidence: ArrayLike) -> Floats:
        """Return the probability of being right at each confidence, any shape; NaN stays NaN."""
        values = np.asarray(confidence, dtype=np.float64)
        return np.asarray(np.interp(values, self.confidence, self.probability), dtype=np.float64)


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar confidence: their number, mean confidence and mean score."""

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CalibrationError:
    """How far confidence is from the share that is right, over bins of equal numbers of rows.

    Attributes:
        ece: expected calibration error, the mean over rows of |mean confidence - mean score| of the row's bin. It is
            above 0 by noise alone, more so with more bins.
        squared: mean of the squared difference, without the bias that noise adds: an unbiased estimate, which may be
            below 0. None where some bin has a single row.
        bins: from the least to the greatest confidence.
    """

    ece: float
    squared: float | None
    bins: tuple[ReliabilityBin, ...]


def fit_isotonic(confidence: ArrayLike, right: ArrayLike) -> IsotonicMap:
    """Fit the rising map from confidence to the probability of being right, by least squares (scipy's).

    Args:
        confidence: shape (n,), n at least 1, finite. Rows of equal confidence count as one with their mean.
        right: shape (n,), scores in [0, 1].

    Raises:
        InputError: no row, different lengths, a value that is not finite or a score outside [0, 1].

    Source: Zadrozny & Elkan 2002; pool-adjacent-violators.
    """
    values, scores = _pairs(confidence, right)
    x, place, weight = np.unique(values, return_inverse=True, return_counts=True)
    y = isotonic_regression(np.bincount(place, weights=scores) / weight, weights=weight).x
    # A flat stretch needs its two ends only.
    inner = np.zeros(x.size, dtype=np.bool_)
    inner[1:-1] = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])
    return IsotonicMap(tuple(map(float, x[~inner])), tuple(float(p) for p in np.clip(y[~inner], 0.0, 1.0)))


def cross_calibrated(
    confidence: ArrayLike,
    right: ArrayLike,
    rng: np.random.Generator,
    *,
    folds: int = 5,
    clusters: ArrayLike | None = None,
) -> Floats:
    """Return for each row the probability by a map that was fitted without it, so that the error can be judged.

    A map judged on the rows that it was fitted to has next to no error by construction.

    Args:
        confidence, right: as in `fit_isotonic`, with at least `folds` rows.
        rng: deals the rows, or whole clusters, into folds.
        folds: at least 2.
        clusters: shape (n,), which rows belong together; None when each stands alone.

    Returns:
        Probabilities, shape (n,).
    """
    values, scores = _pairs(confidence, right)
    check_count("folds", folds, least=2)
    labels = np.arange(values.size) if clusters is None else np.asarray(clusters)
    if labels.shape != values.shape:
        raise InputError(f"clusters has shape {labels.shape}, not {values.shape}", hint="give one cluster per row")
    groups = np.unique(labels, return_inverse=True)[1]
    count = int(groups.max()) + 1
    if count < folds:
        raise InputError(f"{count} rows or clusters for {folds} folds", hint="give more rows, or fewer folds")
    fold = (rng.permutation(count) % folds)[groups]
    result = np.empty(values.size)
    for one in range(folds):
        held = fold == one
        result[held] = fit_isotonic(values[~held], scores[~held]).apply(values[held])
    return result


def calibration_error(confidence: ArrayLike, right: ArrayLike, *, bins: int = 15) -> CalibrationError:
    """Return how far confidence is from accuracy, over bins of (nearly) equal numbers of rows.

    Rows of equal confidence stay in one bin, so there can be fewer bins than asked for. With e = score - confidence,
    the squared error of a bin is estimated without bias by mean(e)^2 - var(e) / rows, given the bins; this is the
    debiasing of Brocker (2012), Ferro & Fricker (2012) and Kumar, Liang & Ma (arXiv 1909.10155) for confidences that
    vary within the bin. How coarse the bins are still hides error within them.

    Args:
        confidence: shape (n,), n at least 1, finite.
        right: shape (n,), scores in [0, 1].
        bins: at least 1.
    """
    values, scores = _pairs(confidence, right)
    check_count("bins", bins, least=1)
    starts = np.sort(values)[np.arange(1, bins) * values.size // bins]
    place = np.unique(np.searchsorted(np.unique(starts), values, side="right"), return_inverse=True)[1]
    rows = np.bincount(place)
    gap = np.bincount(place, weights=scores - values) / rows
    spread = np.bincount(place, weights=(scores - values - gap[place]) ** 2)
    squared = None
    if (rows > 1).all():
        squared = float(rows @ (gap**2 - spread / ((rows - 1) * rows)) / values.size)
    means = zip(rows, np.bincount(place, weights=values) / rows, np.bincount(place, weights=scores) / rows, strict=True)
    return CalibrationError(
        ece=float(rows @ np.abs(gap) / values.size),
        squared=squared,
        bins=tuple(ReliabilityBin(int(n), float(x), float(y)) for n, x, y in means),
    )


def _pairs(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    values, scores = check_values("confidence", confidence), check_values("right", right)
    if values.size == 0 or values.size != scores.size:
        raise InputError(
            f"there are {values.size} confidences and {scores.size} scores",
            hint="give both of each row, for one or more",
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise InputError("right has a value outside [0, 1]", hint="scale the scores to [0, 1]")
    return values, scores
