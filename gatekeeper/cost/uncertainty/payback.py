"""Payback of many cash flows at once, by the rules of `gatekeeper.cost.returns`. Infinite is never."""

from __future__ import annotations

import numpy as np

from gatekeeper.cost.uncertainty.draws import Floats

TIE = 1e-12
"""Share of the one-time cost that may be missing when it counts as repaid, and by which months may differ that count
as equal: the rounding of a sum of float64."""


def payback_within(one_time_usd: Floats, savings_usd: Floats) -> Floats:
    """Return the months until the savings have repaid the one-time cost, linear within the month.

    Args:
        one_time_usd: I, shape (n,), 0 or more.
        savings_usd: S_m, shape (months, n).

    Returns:
        Shape (n,); infinite where it is not repaid within these months.
    """
    found = np.full(one_time_usd.shape, np.inf)
    missing = one_time_usd.copy()
    for month, saving in enumerate(savings_usd):
        repaid = np.isinf(found) & (saving > 0) & (saving >= missing - TIE * one_time_usd)
        found[repaid] = month + missing[repaid] / saving[repaid]
        missing -= saving
    return found


def payback_of(one_time_usd: Floats, savings_usd: Floats) -> Floats:
    """Return I / S where all months save the same S, else `payback_within`; shapes as there.

    A constant saving is taken to last, so its payback may lie beyond the months that are given.
    """
    first = savings_usd[0]
    constant = np.all(np.abs(savings_usd - first) <= TIE * np.abs(first), axis=0)
    lasting = np.full(one_time_usd.shape, np.inf)
    np.divide(one_time_usd, first, out=lasting, where=first > 0)
    return np.where(constant, lasting, payback_within(one_time_usd, savings_usd))
