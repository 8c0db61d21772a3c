"""What it is worth to know more before deciding, from draws of the net present value.

    EVPI     = E[max(0, NPV)] - max(0, E[NPV])                 all inputs known
    EVPPI(x) = E[max(0, E[NPV | x])] - max(0, E[NPV])          one input known
    EVSI(n)  = sigma_pre (phi(z) - z Phi(-z))                  n further rows of the eval, Gaussian
    ENBS(n)  = EVSI(n) - n cost per row

The decision is to promote one of d alternatives or to keep the baseline, whose NPV is 0; with several the maximum runs
over them too. Sources: cost design 4.4; Strong, Oakley & Brennan 2014; the R package voi.
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from gatekeeper.cost.checks import require_zero_or_more
from gatekeeper.cost.information import value_of_samples
from gatekeeper.cost.uncertainty.conditional_mean import conditional_mean
from gatekeeper.cost.uncertainty.draws import Floats
from gatekeeper.errors import InputError
from gatekeeper.records import Record


class PerfectInformation(Record):
    """EVPI from draws."""

    usd: Decimal
    standard_error_usd: Decimal
    """Of the simulation; more draws make it smaller."""


class RowsValue(Record):
    """What further rows of the eval are worth."""

    rows: int
    evsi_usd: Decimal
    cost_usd: Decimal
    enbs_usd: Decimal
    """EVSI less the cost: the rows are worth their price where it is above 0."""


def perfect_information(npv_usd: Floats) -> PerfectInformation:
    """Return EVPI, 0 or more.

    Args:
        npv_usd: shape (n,), or (n, d) for d alternatives to the baseline; at least two draws.

    Raises:
        InputError: fewer than two draws, or one that is not finite.
    """
    npv = _columns(npv_usd)
    regret = npv.max(axis=1) - npv[:, int(npv.mean(axis=0).argmax())]
    return PerfectInformation(
        usd=_decimal(regret.mean()), standard_error_usd=_decimal(regret.std(ddof=1) / math.sqrt(len(regret)))
    )


def partial_information(npv_usd: Floats, x: Floats) -> Decimal:
    """Return EVPPI of an input in USD: what it is worth at most to learn `x` before deciding, 0 or more.

    Args:
        npv_usd: shape (n,), or (n, d) for d alternatives.
        x: draws of the input, shape (n,), or (n, k) for inputs that are learned together.

    Raises:
        InputError: see `perfect_information` and `conditional_mean`.
    """
    npv = _columns(npv_usd)
    given = np.column_stack([npv[:, 0], *(conditional_mean(one, x) for one in npv[:, 1:].T)])
    regret = given.max(axis=1) - given[:, int(given.mean(axis=0).argmax())]
    return _decimal(regret.mean())


def rows_value(
    npv_usd: Floats, difference: Floats, *, rows_measured: int, rows: int, usd_per_row: Decimal = Decimal(0)
) -> RowsValue:
    """Return what `rows` further rows of the eval are worth before deciding, and what remains after their price.

    The NPV is taken as linear in the difference of quality, student - teacher, with the slope b of its regression on
    it; further rows narrow that difference alone. Then `value_of_samples` holds with the mean of the NPV, the spread
    |b| sigma that the difference gives to it, and |b| s for one row, where s = sigma sqrt(rows measured): with clusters
    this s has their design effect in it. Only the price of bad answers makes quality matter here: what the rows may do
    to the quality gate is not in it.

    Args:
        npv_usd: draws of the net present value, shape (n,).
        difference: draws of the mean difference of quality, shape (n,), from `rows_measured` rows.
        rows_measured: rows of the eval so far.
        rows: rows that could be added.
        usd_per_row: price of a further row.

    Raises:
        InputError: counts below 1, a price below 0, shapes that differ or numbers that are not finite.
    """
    if rows_measured < 1 or rows < 1:
        raise InputError(f"rows_measured is {rows_measured} and rows {rows}", hint="1 or more")
    npv = _columns(npv_usd)[:, 1]
    if npv_usd.ndim != 1 or difference.shape != npv.shape or not np.isfinite(difference).all():
        raise InputError(
            f"the NPV has shape {npv_usd.shape} and the difference {difference.shape}", hint="finite draws of both"
        )
    spread = _explained_spread(npv, difference)
    value = Decimal(0)
    if spread > 0:
        value = value_of_samples(
            _decimal(npv.mean()),
            _decimal(spread),
            sample_sd_usd=_decimal(spread * math.sqrt(rows_measured)),
            samples=rows,
        )
    cost = rows * require_zero_or_more(usd_per_row, "usd_per_row")
    return RowsValue(rows=rows, evsi_usd=value, cost_usd=cost, enbs_usd=value - cost)


def _explained_spread(npv: Floats, difference: Floats) -> float:
    """Return |b| sigma, the spread of the NPV that the difference gives to it; 0 where BIC finds no slope.

    Without that choice the noise of the draws would give a value to rows that change nothing.
    """
    if np.ptp(difference) == 0 or np.ptp(npv) == 0:
        return 0.0
    n, r = len(npv), float(np.corrcoef(difference, npv)[0, 1])
    return abs(r) * float(npv.std()) if r * r > 1 - n ** (-1 / n) else 0.0


def _columns(npv_usd: Floats) -> Floats:
    """Return the NPV of all choices, shape (n, 1 + d): the first keeps the baseline."""
    if npv_usd.ndim not in (1, 2) or len(npv_usd) < 2 or not np.isfinite(npv_usd).all():
        raise InputError(f"the NPV has shape {npv_usd.shape}", hint="finite, shape (n,) or (n, d), two draws or more")
    return np.column_stack([np.zeros(len(npv_usd)), npv_usd])


def _decimal(number: float) -> Decimal:
    return Decimal(repr(float(number)))
