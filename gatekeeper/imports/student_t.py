"""The quantile of Student's t for whole degrees of freedom, without scipy."""

from __future__ import annotations

import math


def t_quantile(confidence: float, degrees: int) -> float:
    """Return t such that Student's t stays within [-t, t] with this chance.

    With theta = atan(t / sqrt(degrees)) the chance is a finite sum; theta is found by bisection.
    Source: Abramowitz and Stegun, 26.7.3 (odd degrees) and 26.7.4 (even).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        theta = (low + high) / 2
        low, high = (theta, high) if _within(theta, degrees) < confidence else (low, theta)
    return math.tan((low + high) / 2) * math.sqrt(degrees)


def _within(theta: float, degrees: int) -> float:
    odd = degrees % 2
    term = math.cos(theta) if odd else 1.0
    total = term if degrees > 1 or not odd else 0.0
    for k in range(2 + odd, degrees, 2):
        term *= math.cos(theta) ** 2 * (k - 1) / k
        total += term
    return 2 / math.pi * (theta + math.sin(theta) * total) if odd else math.sin(theta) * total
