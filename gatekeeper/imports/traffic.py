"""How requests are spread over time, from the time of each: volume, peak and profile. All hours are UTC.

V     = (n - 1) / (last - first) x 730 h       n requests have n - 1 gaps between the first and the last
kappa = busiest hour / average hour
w_h   = requests in hour h of the day / how long that hour was observed
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from gatekeeper.cost.serving import HOURS_PER_MONTH

_HOUR = 3600
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY


@dataclass
class Traffic:
    """Counts per hour: what is kept of the times of any number of requests."""

    hours: Counter[int] = field(default_factory=Counter)
    """By hour since 1970."""
    n_untimed: int = 0
    start: float | None = None
    end: float | None = None

    def add(self, moment: float | None) -> None:
        """Count one request that was sent at `moment` (seconds since 1970); None: nobody says when."""
        if moment is None:
            self.n_untimed += 1
            return
        self.hours[int(moment // _HOUR)] += 1
        self.start = moment if self.start is None else min(self.start, moment)
        self.end = moment if self.end is None else max(self.end, moment)

    def too_little(self) -> str | None:
        """Return why no volume can be told, or None where it can."""
        timed = self.hours.total()
        if self.n_untimed:
            return f"{self.n_untimed} of {timed + self.n_untimed} requests have no time"
        if timed < 2 or self._span() < _DAY:
            return f"the log spans {float(self._span()) / _HOUR:.1f} hours, and at least a day is needed"
        return None

    def per_month(self) -> Decimal | None:
        """Return requests per month of 730 hours."""
        if self.too_little() is not None:
            return None
        return _decimal((self.hours.total() - 1) / self._span() * _HOUR * Fraction(HOURS_PER_MONTH))

    def peak_to_average(self) -> Decimal | None:
        """Return the requests of the busiest clock hour over those of the average hour; never below 1."""
        if self.too_little() is not None:
            return None
        average = self.hours.total() / self._span() * _HOUR
        return _decimal(max(Fraction(1), max(self.hours.values()) / average))

    def hourly_weights(self) -> tuple[Decimal, ...]:
        """Return the mean requests per hour of each hour of the day, 0 to 23; nothing below a week."""
        if self.too_little() is not None or self._span() < _WEEK or self.start is None or self.end is None:
            return ()
        requests, seconds = [0] * 24, [Fraction(0)] * 24
        for hour in range(int(self.start // _HOUR), int(self.end // _HOUR) + 1):
            begin, end = Fraction(hour * _HOUR), Fraction((hour + 1) * _HOUR)
            seconds[hour % 24] += min(Fraction(self.end), end) - max(Fraction(self.start), begin)
            requests[hour % 24] += self.hours.get(hour, 0)
        return tuple(_decimal(requests[hour] * _HOUR / seconds[hour]) for hour in range(24))

    def _span(self) -> Fraction:
        return Fraction(0) if self.start is None or self.end is None else Fraction(self.end) - Fraction(self.start)


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
