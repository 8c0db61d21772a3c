"""The bootstrap of column sums, fast enough for twenty thousand resamples of thousands of rows.

Resampling n rows with replacement gives each row a count; the counts are multinomial(n, 1/n). Three ways to draw a sum,
the first that fits:

    few distinct rows    counts of the distinct rows; exact
    few rows             indices of rows; exact
    otherwise            counts of the rows farthest from the mean, and of all others together; the sum of those others
                         is drawn from a normal of their mean and covariance

The last is no plain normal approximation: what makes the mean of costs skewed is a few extreme requests, and those are
counted. The others are many and close to each other, so that their sum is normal by the central limit theorem.
Source: Efron 1979 (bootstrap).
"""

from __future__ import annotations

import numpy as np

from gatekeeper.cost.uncertainty.draws import Floats
from gatekeeper.errors import InputError

MOST_DISTINCT = 64
"""Distinct rows whose counts are drawn. Twenty thousand times 64 counts take 0.15 s."""
MOST_CELLS = 20_000_000
"""Resamples times rows up to which indices are drawn, 0.2 s."""
_CHUNK = 200_000
"""Indices drawn at a time: they stay in the processor's cache."""


def bootstrap_totals(rows: Floats, n_draws: int, rng: np.random.Generator) -> tuple[Floats, str]:
    """Return the column sums of resamples of `rows`, and how they were drawn.

    Args:
        rows: shape (n, d), n rows or clusters that are independent of each other; at least 2.
        n_draws: number of resamples.
        rng: where the random numbers come from.

    Returns:
        Sums of shape (n_draws, d), and "exact" or "normal but for the 63 extreme rows".

    Raises:
        InputError: fewer than two rows, or a number that is not finite.
    """
    if rows.ndim != 2 or len(rows) < 2:
        raise InputError(f"{len(rows)} row to resample: one row shows no spread", hint="2 rows or clusters, or more")
    if not np.isfinite(rows).all():
        place = np.argwhere(~np.isfinite(rows))[0]
        raise InputError(f"row {place[0]} to resample has the value {rows[tuple(place)]}", hint="finite numbers")
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    if len(distinct) <= MOST_DISTINCT:
        return rng.multinomial(len(rows), counts / len(rows), size=n_draws) @ distinct, "exact"
    if len(rows) * n_draws <= MOST_CELLS:
        return _by_index(rows, n_draws, rng), "exact"
    return _by_extremes(rows, n_draws, rng), f"normal but for the {MOST_DISTINCT - 1} extreme rows"


def _by_index(rows: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    columns = [np.ascontiguousarray(column) for column in rows.T]
    totals = np.empty((n_draws, len(columns)))
    step = max(1, _CHUNK // len(rows))
    for start in range(0, n_draws, step):
        stop = min(n_draws, start + step)
        index = rng.integers(0, len(rows), size=(stop - start, len(rows)))
        for place, column in enumerate(columns):
            totals[start:stop, place] = column.take(index).sum(axis=1)
    return totals


def _by_extremes(rows: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return the sums with the extreme rows counted and the sum of all others normal."""
    spread = rows.std(axis=0)
    # A column without spread has no extreme rows.
    distance = (((rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)) ** 2).sum(axis=1)
    extreme = np.zeros(len(rows), dtype=bool)
    extreme[np.argsort(distance, kind="stable")[len(rows) - MOST_DISTINCT + 1 :]] = True
    others = rows[~extreme]
    chances = np.full(MOST_DISTINCT, 1 / len(rows))
    chances[-1] = len(others) / len(rows)
    counts = rng.multinomial(len(rows), chances, size=n_draws)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(others, rowvar=False, bias=True)))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    noise = rng.standard_normal((n_draws, rows.shape[1])) @ root.T
    drawn = counts[:, -1:].astype(np.float64)
    totals: Floats = counts[:, :-1] @ rows[extreme] + drawn * others.mean(axis=0) + np.sqrt(drawn) * noise
    return totals
