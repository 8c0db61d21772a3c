"""Rate limits of an endpoint: what its headers say, and a token bucket that keeps to them beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gatekeeper.errors import InputError

_UNITS = ("requests", "tokens")
_FIELDS = ("limit", "remaining", "reset")
_OPENAI = {unit: tuple(f"x-ratelimit-{field}-{unit}" for field in _FIELDS) for unit in _UNITS}
_ANTHROPIC = {unit: tuple(f"anthropic-ratelimit-{unit}-{field}" for field in _FIELDS) for unit in _UNITS}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True)
class RateHints:
    """What rate-limit headers say; None where they say nothing. Resets are in seconds from now."""

    requests_limit: int | None = None
    requests_left: int | None = None
    requests_reset_s: float | None = None
    tokens_limit: int | None = None
    tokens_left: int | None = None
    tokens_reset_s: float | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Limits that a suite gives; None: no limit is known."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


def read_rate_hints(headers: Mapping[str, str], now: datetime | None = None) -> RateHints | None:
    """Return the rate-limit headers in OpenAI's form (``x-ratelimit-remaining-requests``) or Anthropic's, else None.

    Args:
        headers: names in lower case, or a case-insensitive mapping.
        now: for resets that are given as a time; None: the clock.
    """
    for names in (_OPENAI, _ANTHROPIC):
        if any(name in headers for unit in _UNITS for name in names[unit]):
            requests, tokens = ([headers.get(name) for name in names[unit]] for unit in _UNITS)
            return RateHints(
                _whole(requests[0]),
                _whole(requests[1]),
                _seconds(requests[2], now),
                _whole(tokens[0]),
                _whole(tokens[1]),
                _seconds(tokens[2], now),
            )
    return None


class TokenBucket:
    """A bucket of tokens that fills at a steady rate. Times are seconds of one monotonic clock, given by the caller.

    A draw above what is in it leaves a debt, so that a request that is larger than the bucket is sent all the same,
    once the bucket is full.

    Args:
        per_minute: tokens that flow in each minute.
        now: the time; the bucket is full then.
        burst: the most tokens in it; None: what flows in one second, at least 1.

    Raises:
        InputError: the rate is not above 0.
    """

    def __init__(self, per_minute: float, now: float, burst: float | None = None) -> None:
        if not per_minute > 0:
            raise InputError(f"a rate limit of {per_minute} in a minute lets nothing through", hint="give more than 0")
        self._rate = per_minute / 60
        self._burst = max(1.0, self._rate) if burst is None else burst
        self._level = self._burst
        self._at = now

    def shortage_s(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` tokens (at most a full bucket) are there; 0: they are."""
        return max(0.0, (min(amount, self._burst) - self._level_at(now)) / self._rate)

    def draw(self, amount: float, now: float) -> None:
        """Take `amount` tokens."""
        self._level = self._level_at(now) - amount
        self._at = now

    def _level_at(self, now: float) -> float:
        return min(self._burst, self._level + (now - self._at) * self._rate)


def _whole(value: str | None) -> int | None:
    try:
        return None if value is None else int(float(value))
    except (ValueError, OverflowError):
        return None


def _seconds(value: str | None, now: datetime | None) -> float | None:
    """Read `6m0s`, `12ms`, `3.5` (seconds) or an ISO time."""
    if value is None:
        return None
    parts = _DURATION.findall(value)
    if parts and "".join(number + unit for number, unit in parts) == value:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
