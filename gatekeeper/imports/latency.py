"""Percentiles of a list of numbers, without numpy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gatekeeper.records import Record


class Percentiles(Record):
    """Latency of the answers that a log times, in seconds."""

    p50: float
    p95: float
    p99: float
    n: int


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return the q-quantile of values in ascending order, linear between neighbours (numpy's default)."""
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def percentiles(values: Iterable[float]) -> Percentiles | None:
    """Return the percentiles; None where there are no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    p50, p95, p99 = (quantile(ordered, q) for q in (0.50, 0.95, 0.99))
    return Percentiles(p50=p50, p95=p95, p99=p99, n=len(ordered))
