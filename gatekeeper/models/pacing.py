"""When the next request may be sent: the suite's rate limits, Retry-After, rate-limit headers, and refusals."""

from __future__ import annotations

from collections import deque

from gatekeeper.models.limits import RateHints, RateLimits, TokenBucket

SHRINK = 0.9
"""After a refusal the rate is this share of what the endpoint did answer."""
REGAIN_S = (1.0, 8.0)
"""Seconds until the rate is back at what the endpoint did answer; then it stays near it for as long, then probes.

Twice as long after each refusal that confirms the rate: a rate that was measured too low is left soon, and a cap that
is known is seldom hit."""
CONFIRMED = 0.15
"""Rates that differ by less confirm each other."""
FORGOTTEN = 10.0
"""At this multiple of the rate that was refused nothing is paced any more."""
SPAN_S, SPAN_ANSWERS = 0.25, 20
"""The endpoint's rate is measured over spans of at least this time and so many answers."""
RECENT_S = 1.0
"""The fastest span of this time counts, as in BBR (Cardwell et al. 2016): slow ones show a halt, or a slow start."""
LATE_S = 0.05
"""How far sending may lag behind its rate and still catch up; timers are not exact."""
SPARING = 0.1
"""Below this share of a limit, what is left is spread evenly until the reset."""
PROBE_PER_S = 1.0
"""Sparing never goes below this rate: a refusal says more than a header."""


class Pacer:
    """The sending rate of one run at one endpoint. Times are seconds of one monotonic clock, given by the caller.

    Refusals that name no rate (a bare 429) are met as in CUBIC (Ha, Rhee & Xu 2008; RFC 9438), with the rate W at which
    the endpoint did answer in the place of the window: W(t) = W * (1 + (1 - 0.9) * (t / K - 1)^3). The curve is flat
    near W, so that a hard cap is used almost in full and seldom hit.
    """

    def __init__(self, limits: RateLimits, now: float) -> None:
        self._requests = None if limits.requests_per_minute is None else TokenBucket(limits.requests_per_minute, now)
        self._tokens = None if limits.tokens_per_minute is None else TokenBucket(limits.tokens_per_minute, now)
        self._not_before = now
        self._spans: deque[tuple[float, float]] = deque(maxlen=16)
        self._span_began: float | None = None
        self._span_answers = 0
        self._refused_rate: float | None = None
        self._refused_at = now
        self._regain_s = REGAIN_S[0]
        self._next_slot = now
        self._spared: float | None = None
        self._spared_until = now

    @property
    def refused_rate(self) -> float | None:
        """Requests per second that the endpoint gave when it last refused; None: it has not, or long ago."""
        return self._refused_rate

    def pause(self, now: float, tokens: int) -> float:
        """Return the seconds until a request of `tokens` tokens (input and the most output) may be sent; 0: now."""
        pause = self._not_before - now
        if self._requests is not None:
            pause = max(pause, self._requests.shortage_s(1, now))
        if self._tokens is not None:
            pause = max(pause, self._tokens.shortage_s(tokens, now))
        if self._rate(now) is not None:
            pause = max(pause, self._next_slot - now)
        return max(0.0, pause)

    def take(self, now: float, tokens: int) -> None:
        """Count a request that is sent now."""
        if self._requests is not None:
            self._requests.draw(1, now)
        if self._tokens is not None:
            self._tokens.draw(tokens, now)
        rate = self._rate(now)
        if rate is not None:
            self._next_slot = max(self._next_slot, now - LATE_S) + 1 / rate

    def pause_all(self, until: float) -> None:
        """Let nobody send before `until`: the endpoint has asked for it."""
        self._not_before = max(self._not_before, until)

    def answered(self, now: float) -> None:
        """Take note of a request that the endpoint did not refuse."""
        if self._span_began is None:
            self._span_began = now
            return
        self._span_answers += 1
        elapsed = now - self._span_began
        if self._span_answers >= SPAN_ANSWERS and elapsed >= SPAN_S:
            self._spans.append((now, self._span_answers / elapsed))
            self._span_began, self._span_answers = now, 0

    def refused(self, now: float) -> None:
        """Take note of a refusal that is news, see `Limit.congested`."""
        measured = self._measured(now)
        if measured is None:
            return
        if self._refused_rate is None or abs(measured / self._refused_rate - 1) > CONFIRMED:
            self._regain_s = REGAIN_S[0]
        elif now - self._refused_at > self._regain_s / 2:
            self._regain_s = min(2 * self._regain_s, REGAIN_S[1])
        self._refused_rate, self._refused_at = measured, now

    def hinted(self, hints: RateHints, now: float, tokens_each: float) -> None:
        """Take note of rate-limit headers: little that is left must last until the reset.

        That is right for a window that ends then, and for a bucket that is full then: more flows into it than is taken,
        and sparing ends by itself.

        Args:
            hints: of the newest answer.
            now: the time.
            tokens_each: tokens of a usual request.
        """
        requests = _spared_rate(hints.requests_left, hints.requests_limit, hints.requests_reset_s, 1.0)
        tokens = _spared_rate(hints.tokens_left, hints.tokens_limit, hints.tokens_reset_s, max(1.0, tokens_each))
        known = [rate for rate in (requests, tokens) if rate is not None]
        self._spared = max(PROBE_PER_S, min(known)) if known else None
        self._spared_until = now + max(hints.requests_reset_s or 0.0, hints.tokens_reset_s or 0.0)

    def _measured(self, now: float) -> float | None:
        """Return the answers per second that the endpoint has given of late, None: too few to say."""
        recent = [rate for end, rate in self._spans if end >= now - RECENT_S]
        if recent:
            return max(recent)
        return self._spans[-1][1] if self._spans else None

    def _rate(self, now: float) -> float | None:
        """Return the requests per second that are kept to now, None: any number."""
        rate = None
        if self._refused_rate is not None:
            grown = 1 + (1 - SHRINK) * ((now - self._refused_at) / self._regain_s - 1) ** 3
            if grown > FORGOTTEN:
                self._refused_rate = None
            else:
                rate = self._refused_rate * grown
        if self._spared is not None and now < self._spared_until:
            rate = self._spared if rate is None else min(rate, self._spared)
        return rate


def _spared_rate(left: int | None, limit: int | None, reset_s: float | None, each: float) -> float | None:
    if left is None or not limit or not reset_s or left >= SPARING * limit:
        return None
    return left / each / reset_s
