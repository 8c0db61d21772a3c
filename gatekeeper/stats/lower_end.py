"""The lower end of R that agrees with a test of R <= r0 whose p value is no closed form of r0."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from scipy.optimize import brentq

BELOW_ONE = 1 - 1e-9
"""The highest r that is looked at."""

PRECISION = 1e-6
"""The end is solved for to this much."""

LEAST_P = 1e-300


def lower_end(p_value: Callable[[float], float], alpha: float, start: float, guess: float) -> float | None:
    """Return the r in (0, 1) at which the p value of R <= r reaches `alpha`.

    Some four to eight p values are computed, and a few more where p jumps.

    Args:
        p_value: p of R <= r, which is below `alpha` for small r.
        alpha: one-sided error, in (0, 0.5).
        start: r in (0, 1) whose side of the end must be right.
        guess: where the end is about.

    Returns:
        An end above `start` if p is below `alpha` there and else not, also where p dips as r rises. None where p stays
        below `alpha` from `start` to `BELOW_ONE`.
    """

    @cache
    def gap(r: float) -> float:
        """Above 0 where p is below alpha."""
        return math.log(alpha) - math.log(max(p_value(r), LEAST_P))

    passed = gap(start) > 0
    bottom, top = (start, BELOW_ONE) if passed else (0.0, start)
    low = high = min(max(guess, bottom), top)
    width = max((1 - low) / 16, 0.002)
    if gap(low) > 0:
        while gap(high) > 0:
            if high == BELOW_ONE:
                return None
            low, high, width = high, min(high + width, top), 2 * width
    else:
        while gap(low) <= 0:
            low, high, width = max(low - width, low / 2, bottom), low, 2 * width
    root = float(brentq(gap, low, high, xtol=PRECISION))
    return max(root, math.nextafter(start, 1.0)) if passed else min(root, start)
