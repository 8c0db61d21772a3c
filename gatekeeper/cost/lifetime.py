"""How long a candidate can be used: until the first of student, baseline or host is retired.

    T = min(months asked for, whole months until each retirement)

Savings after a retirement do not exist: the baseline would have had to change as well. Source: cost design 4.1, T.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gatekeeper.errors import InputError
from gatekeeper.records import Record

MOST_MONTHS = 600
"""Fifty years: nobody plans models for longer, and every month is computed."""


class Horizon(Record):
    """Months that count, and what ends them."""

    months: int
    limited_by: str | None
    """Which retirement ends the horizon; None where the months asked for do."""


def months_between(start: date, end: date) -> int:
    """Return the whole calendar months from `start` to `end`; 0 where `end` is not after `start`."""
    months = (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
    return max(0, months)


def horizon(start: date, months: int, retirements: Mapping[str, date | None]) -> Horizon:
    """Return the months from `start` that savings may be counted for.

    Args:
        start: when the candidate goes into service.
        months: asked for, above 0.
        retirements: by name (student, baseline, host), the day that each stops; None where no day is announced.
    """
    if not 1 <= months <= MOST_MONTHS:
        raise InputError(f"horizon_months is {months}", hint=f"from 1 to {MOST_MONTHS}")
    ends = {name: months_between(start, day) for name, day in retirements.items() if day is not None}
    first = min(ends, key=lambda name: ends[name], default=None)
    if first is None or ends[first] >= months:
        return Horizon(months=months, limited_by=None)
    return Horizon(months=ends[first], limited_by=first)
