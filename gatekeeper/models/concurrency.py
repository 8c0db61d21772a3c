"""How many requests are in flight at one endpoint: grown while nothing fails, halved when the endpoint says enough.

Growth and halving are those of TCP: slow start, then additive growth, and one halving for each round trip (Jacobson
1988; the "recover" point of NewReno, RFC 6582). Local servers seldom refuse, they queue. There the limit stops where
more requests in flight bring no more answers per second, as in the hill climbing of .NET's thread pool (Hellerstein,
Morrison & Eilebrecht 2009). Limits on the gradient of the latency (Netflix concurrency-limits, Gradient2) do not fit: a
client that always has another request makes the queue itself, and the long-term mean follows it up to any limit; and a
server that answers in batches slows down long before it is full.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.errors import InputError

START = 8
"""Requests in flight at the beginning; slow start doubles them with every round trip."""
WORTH = 0.25
"""Twice as many requests in flight are worth it when they bring at least this share more answers per second."""
QUEUED = 1.5
"""A limit is tried up to this multiple of the last one that was worth it."""
LONG_ROUND = 8
"""Round trips that a limit is judged over after slow start: few answers make a rate that is mostly chance."""
FORGETTING = 0.3
"""Weight of a round in the rate that others are compared with, so that a server may become slower or faster."""
RECOVERY_ROUNDS = 5
"""Round trips in which a halved limit grows back; one more request for each would take hundreds at high limits."""


@dataclass(frozen=True, slots=True)
class ConcurrencyPolicy:
    """Bounds of the requests in flight.

    Args:
        most: never more than these.
        fixed: always `most`; nothing adapts.
        by_rate: stop growing where more in flight brings no more answers per second, too; for servers that queue
            instead of refusing.

    Raises:
        InputError: `most` is below 1.
    """

    most: int = 16
    fixed: bool = False
    by_rate: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InputError(f"{self.most} requests cannot be in flight", hint="set concurrency to 1 or more")


class Limit:
    """The limit of one run at one endpoint. Each try has a number, from 1 in the order of sending."""

    def __init__(self, policy: ConcurrencyPolicy) -> None:
        self._policy = policy
        self._limit = float(policy.most if policy.fixed else min(START, policy.most))
        self._slow_start = True
        self._step = 1.0
        self._halved_at = 0
        self._good_rate = self._good_limit = 0.0
        self._round_began = self._round_limit = 0.0
        self._round_count = 0

    @property
    def value(self) -> int:
        """Requests that may be in flight now, at least 1."""
        return int(self._limit)

    def answered(self, in_flight: int, now: float) -> None:
        """Take note of an answer that came at `now` (seconds) while `in_flight` requests were out, itself included."""
        if self._policy.fixed:
            return
        if in_flight * 2 < self._limit:  # a limit that is not used tells nothing about a higher one
            self._round_count = 0
            return
        grown = 1.0 if self._slow_start else self._step / self._limit
        self._limit = min(self._policy.most, self._limit + grown)
        if self._policy.by_rate:
            self._watch(now)

    def congested(self, number: int, sent: int, needed: float = 1.0) -> bool:
        """Halve the limit because try `number` was refused or timed out, when `sent` tries had been sent in all.

        Args:
            number: of the try.
            sent: tries that have been sent until now.
            needed: the limit does not fall below this number: what the rate that is kept to needs in flight.

        Returns:
            Whether it is news. It is not when the try was sent before the last halving: one burst of refusals within a
            round trip is one message.
        """
        if number <= self._halved_at:
            return False
        self._halved_at = sent
        if not self._policy.fixed:
            self._step = max(1.0, self._limit / 2 / RECOVERY_ROUNDS)
            self._limit = max(1.0, self._limit / 2, min(self._limit, needed))
            self._slow_start = False
        return True

    def _watch(self, now: float) -> None:
        """Count an answer; at the end of a round see whether more requests in flight have brought more answers."""
        if self._round_count == 0:
            self._round_began, self._round_limit = now, self._limit
        self._round_count += 1
        elapsed = now - self._round_began
        if self._round_count <= self._round_limit * (1 if self._slow_start else LONG_ROUND) or elapsed <= 0:
            return
        rate = (self._round_count - 1) / elapsed
        self._round_count = 0
        if self._good_limit == 0:
            self._good_rate, self._good_limit = rate, self._round_limit
            return
        more = self._round_limit / self._good_limit
        if more > 1 and rate >= self._good_rate * (1 + WORTH * (more - 1)):
            self._good_rate, self._good_limit = rate, self._round_limit
            return
        self._good_rate += FORGETTING * (rate - self._good_rate)
        if more > QUEUED:
            self._slow_start = False
            self._limit = max(1.0, QUEUED * self._good_limit)
