"""The mean of a result given one of its inputs, from draws of both: a regression whose size the data choose.

E[y | x] is fitted by ordinary least squares on several bases, from a constant up to a natural cubic spline with twelve
knots, and the fit of the lowest BIC is taken. A choice is needed: a large basis also fits noise, and an input that
does not matter would seem worth knowing.

Sources: Strong, Oakley & Brennan 2014, Medical Decision Making (regression for EVPPI); Hastie, Tibshirani & Friedman,
Elements of Statistical Learning, 5.2.1 (natural cubic splines); Schwarz 1978 (BIC).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np

from gatekeeper.cost.uncertainty.draws import Floats
from gatekeeper.errors import InputError

MOST_LEVELS = 12
"""Distinct values of an input up to which each has its own mean, as for prices of a few lists."""
KNOTS = (3, 5, 8, 12)
DEGREES = (1, 2, 3, 4)
"""Of the polynomials in several inputs that are learned together."""

_EXACT = 1e-24
"""Share of the variation below which a fit counts as perfect; float64 leaves about that much."""


def conditional_mean(y: Floats, x: Floats) -> Floats:
    """Return the fitted E[y | x] of each draw, shape (n,).

    Args:
        y: the result, shape (n,).
        x: the input, shape (n,), or (n, k) for k inputs that are learned together.

    Raises:
        InputError: shapes that do not fit, fewer than two draws, or a number that is not finite.
    """
    if y.ndim != 1 or len(y) < 2 or x.ndim not in (1, 2) or len(x) != len(y):
        raise InputError(f"the result has shape {y.shape} and the input {x.shape}", hint="n draws of both, 2 or more")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise InputError("a draw of the result or the input is not finite", hint="leave such inputs out")
    columns = _standardised(x.reshape(len(x), -1))
    centred = y - y.mean()
    variation = float(centred @ centred)
    best, lowest = np.zeros_like(y), _bic(variation, variation, len(y), 1)
    for basis in _bases(columns):
        fitted = _fit(basis, centred)
        missed = centred - fitted
        score = _bic(float(missed @ missed), variation, len(y), 1 + basis.shape[1])
        if score < lowest:
            best, lowest = fitted, score
    return np.asarray(y.mean() + best)


def _standardised(columns: Floats) -> Floats:
    """Return the columns that vary, with mean 0 and spread 1."""
    spread = columns.std(axis=0)
    varies = spread > 1e-12 * np.abs(columns).max(axis=0)
    return np.asarray((columns[:, varies] - columns[:, varies].mean(axis=0)) / spread[varies])


def _fit(basis: Floats, centred: Floats) -> Floats:
    """Return the least-squares fit with a constant, without the mean."""
    orthogonal = np.linalg.qr(basis - basis.mean(axis=0)).Q
    return np.asarray(orthogonal @ (orthogonal.T @ centred))


def _bic(missed: float, variation: float, n: int, parameters: int) -> float:
    return n * math.log(max(missed, _EXACT * variation, math.ulp(0.0))) + parameters * math.log(n)


def _bases(columns: Floats) -> Iterator[Floats]:
    k = columns.shape[1]
    if k == 0:
        return
    if k > 1:
        for degree in DEGREES:
            yield _polynomial(columns, degree)
        return
    x = columns[:, 0]
    levels = np.unique(x)
    if len(levels) <= MOST_LEVELS:
        yield (x[:, np.newaxis] == levels[1:]).astype(np.float64)
        return
    yield columns
    for count in KNOTS:
        knots = np.unique(np.quantile(x, np.linspace(0.01, 0.99, count)))
        if len(knots) >= 3:
            yield _natural_spline(x, knots)


def _polynomial(columns: Floats, degree: int) -> Floats:
    """Return all products of the columns up to this degree."""
    powers = [
        places
        for size in range(1, degree + 1)
        for places in combinations_with_replacement(range(columns.shape[1]), size)
    ]
    return np.column_stack([columns[:, list(places)].prod(axis=1) for places in powers])


def _natural_spline(x: Floats, knots: Floats) -> Floats:
    """Return x and the K - 2 further functions of a cubic spline that is linear beyond its K knots."""
    last = knots[-1]
    tail = np.maximum(x - last, 0.0) ** 3
    scaled = [(np.maximum(x - knot, 0.0) ** 3 - tail) / (last - knot) for knot in knots[:-1]]
    return np.column_stack([x, *(one - scaled[-1] for one in scaled[:-1])])
