"""Values out of JSON that others wrote: a count, a time or a number is read strictly or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

MOST_TOKENS = 10**12
"""A count above it is no count of tokens, and would not fit the table that holds them."""
_EARLIEST, _LATEST = 1_420_070_400.0, 7_258_118_400.0
"""2015 and 2200 as seconds since 1970: other times are zeros, durations or mistakes of units."""


class Unreadable(Exception):
    """Why one line or span is left out."""


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return the value where it is a text that is not empty."""
    return value if isinstance(value, str) and value else None


def first(source: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """Return the first value under one of the keys that is there and not null."""
    return next((source[key] for key in keys if source.get(key) is not None), None)


def sequence(value: Any) -> list[Any]:
    """Return the value where it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    return as_float if math.isfinite(as_float) else None


def count(value: Any, name: str) -> int | None:
    """Return a whole number of 0 or more; None where the value is null. Digits in a text count: OTLP writes them so.

    Raises:
        Unreadable: there is a value, and it is no count.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        value = int(value)
    found = number(value)
    if found is None or found < 0 or found > MOST_TOKENS or found != int(found):
        raise Unreadable(f"{name} is {value!r}, not a whole number of 0 or more")
    return int(found)


def moment(value: Any) -> float | None:
    """Return a time as seconds since 1970 (UTC), or None where there is none.

    A number is read as seconds, milliseconds, microseconds or nanoseconds by its size; a text as ISO 8601 (UTC where
    it names no zone) or as such a number; a pair as seconds and nanoseconds (JavaScript's OpenTelemetry).
    """
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2:
        seconds, nanos = number(value[0]), number(value[1])
        return None if seconds is None or nanos is None else _sane(seconds + nanos / 1e9)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _iso(value)
    found = number(value)
    if found is None:
        return None
    for limit, unit in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6)):
        if found < limit:
            return _sane(found / unit)
    return _sane(found / 1e9)


def above_zero(value: Any) -> float | None:
    """Return a number above 0, else None: tools write 0 for a speed or latency that they did not measure.

    A time to the first token of 0 is what GuideLLM and vLLM write for answers that were not streamed.
    """
    found = number(value)
    return found if found is not None and found > 0 else None


def whole(value: Any) -> int | None:
    """Return a count of 0 or more, else None."""
    found = number(value)
    return int(found) if found is not None and found >= 0 else None


def first_moment(source: Mapping[str, Any], keys: Iterable[str]) -> float | None:
    """Return the time under the first of the keys that has one."""
    return next((when for key in keys if (when := moment(source.get(key))) is not None), None)


def _iso(value: str) -> float | None:
    try:
        when = datetime.fromisoformat(value)
        return _sane((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def _sane(seconds: float) -> float | None:
    return seconds if _EARLIEST < seconds < _LATEST else None
