"""Numbers as text: pure functions, the same in every renderer.

A number that is undefined, NaN or infinite is shown as a dash, never as 0. Bounds are rounded away from what they claim
("at least" rounds down, "at most" rounds up), so that rounding never makes a claim stronger than its evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Literal

from gatekeeper.cost.money import format_usd
from gatekeeper.records import Estimate

MISSING = "–"  # noqa: RUF001 - an en dash is what an empty table cell shows
NBSP = "\u00a0"
TIMES = "x"

Rounding = Literal["nearest", "down", "up"]
Number = float | int | Decimal

_MODES = {"nearest": ROUND_HALF_UP, "down": ROUND_FLOOR, "up": ROUND_CEILING}
_MOST_DIGITS = 6


def rounded(value: Number, digits: int, rounding: Rounding = "nearest") -> Decimal:
    """Return `value` with `digits` decimals; half goes up, a float is read at its shortest decimal form."""
    result = _decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=_MODES[rounding])
    return abs(result) if result == 0 else result


def plain(value: Number | None, digits: int = 1, rounding: Rounding = "nearest") -> str:
    """Return a number with thousands separators and `digits` decimals."""
    return MISSING if value is None or not math.isfinite(value) else f"{rounded(value, digits, rounding):,}"


def percent(share: Number | None, digits: int = 1, rounding: Rounding = "nearest", *, fixed: bool = False) -> str:
    """Return a share in [0, 1] as a percentage: 0.971 is "97.1 %".

    A fraction of zeros is left out ("95 %") unless `fixed` keeps it, for columns whose decimals stand below each other.
    """
    if share is None or not math.isfinite(share):
        return MISSING
    text = f"{rounded(_decimal(share) * 100, digits, rounding):,}"
    return f"{text if fixed else _trim(text)}{NBSP}%"


def cell(share: Number | None, digits: int = 1, rounding: Rounding = "nearest") -> str:
    """Return `percent` with fixed decimals."""
    return percent(share, digits, rounding, fixed=True)


def points(share: Number | None, digits: int = 1) -> str:
    """Return a difference of two shares in signed percentage points: 0.021 is "+2.1 points"."""
    if share is None or not math.isfinite(share):
        return MISSING
    number = rounded(_decimal(share) * 100, digits, "down")
    return f"{number:+,}{NBSP}points"


def percent_against(bound: Number | None, requirement: Number | None, rounding: Rounding = "down") -> str:
    """Return `bound` with as many digits as are needed to tell it from `requirement` (95.004 % is not "95 %")."""
    if bound is None or not math.isfinite(bound):
        return MISSING
    for digits in range(1, _MOST_DIGITS + 1):
        text = percent(bound, digits, rounding)
        if requirement is None or bound == requirement or text != percent(requirement, digits):
            return text
    return text


def interval(
    lower: Number | None, upper: Number | None, show: Callable[[Number | None], str] = percent, *, ends: str = "to"
) -> str:
    """Return "lower to upper"; an end that is undefined is left open ("at least", "at most")."""
    if lower is None and upper is None:
        return MISSING
    if upper is None:
        return f"at least {show(lower)}"
    if lower is None:
        return f"at most {show(upper)}"
    return f"{show(lower)} {ends} {show(upper)}"


def share_interval(estimate: Estimate | None) -> str:
    """Return the interval of a share, its ends rounded outwards: "96.4 % to 98.9 %"."""
    if estimate is None or (estimate.lower is None and estimate.upper is None):
        return MISSING
    if estimate.lower is None or estimate.upper is None:
        return interval(estimate.lower, estimate.upper)
    return f"{cell(estimate.lower, rounding='down')} to {cell(estimate.upper, rounding='up')}"


def count(value: int | Number | None) -> str:
    """Return a whole number with thousands separators."""
    return plain(value, 0)


def counted(value: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: "1 look", "3 looks"."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def times(value: int) -> str:
    """Return how often: "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(value, f"{count(value)} times")


def ratio(value: Number | None) -> str:
    """Return a factor: "38x" from ten up, "2.4x" below, "5x" for a whole number."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{_trim(plain(value, 0 if value >= 10 else 1))}{TIMES}"


def duration(seconds: Number | None) -> str:
    """Return a time span in the two largest units that matter: "850 ms", "4.2 s", "1 min 12 s", "2 h 5 min"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 1:
        return f"{plain(seconds * 1000, 0)}{NBSP}ms"
    if seconds < 59.95:
        return f"{plain(seconds, 1)}{NBSP}s"
    whole = int(rounded(seconds, 0))
    if whole < 3600:
        return f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"
    minutes = (whole + 30) // 60
    return f"{minutes // 60:,}{NBSP}h {minutes % 60}{NBSP}min"


def milliseconds(value: Number | None) -> str:
    """Return milliseconds: one decimal below 100, none from there on, two below 1."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{plain(value, 0 if value >= 100 else 1 if value >= 1 else 2)}{NBSP}ms"


def months(value: Number | None, *, pays_back: bool | None = True) -> str:
    """Return a payback time; `pays_back` False means that the saving never covers the one-time cost."""
    if value is None or not math.isfinite(value):
        return "never" if pays_back is False else MISSING
    text = _trim(plain(value, 1))
    return f"{'under 0.1' if text == '0' and value > 0 else text}{NBSP}month{'' if text == '1' else 's'}"


def per_second(value: Number | None) -> str:
    """Return a rate of requests: "8,120 /s"."""
    return MISSING if value is None or not math.isfinite(value) else f"{plain(value, 0 if value >= 10 else 1)}{NBSP}/s"


def usd(value: Number | None) -> str:
    """Return US dollars: whole dollars from $100 on, cents below, three significant digits below $1."""
    if value is None or not math.isfinite(value):
        return MISSING
    amount = _decimal(value)
    if abs(amount) < 100:
        return format_usd(amount)
    return f"{'-' if amount < 0 else ''}${abs(rounded(amount, 0)):,}"


def _decimal(value: Number) -> Decimal:
    # A float is read at its shortest decimal form, so that 0.15 is 0.15; float() turns numpy's floats into Python's.
    return value if isinstance(value, Decimal) else Decimal(repr(float(value)))


def _trim(text: str) -> str:
    """Drop a fraction of zeros only."""
    whole, _, fraction = text.partition(".")
    return whole if not fraction.strip("0") else text
