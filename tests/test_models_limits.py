"""Concurrency, pace and rate limits as arithmetic: no clock, no network."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import InputError
from gatekeeper.models.concurrency import START, ConcurrencyPolicy, Limit
from gatekeeper.models.limits import RateHints, RateLimits, TokenBucket, read_rate_hints
from gatekeeper.models.pacing import SHRINK, Pacer


def full_rounds(limit: Limit, rounds: int) -> list[int]:
    """Answer `rounds` times as many requests as the limit allows; return the limits after each round."""
    seen = []
    for number in range(rounds):
        for _ in range(limit.value):
            limit.answered(limit.value, float(number))
        seen.append(limit.value)
    return seen


def test_the_limit_doubles_until_the_first_refusal_and_then_grows_back_in_a_few_round_trips() -> None:
    limit = Limit(ConcurrencyPolicy(most=1000))
    assert full_rounds(limit, 4) == [START * 2, START * 4, START * 8, START * 16]
    assert limit.congested(number=100, sent=200) and limit.value == START * 8
    grown = full_rounds(limit, 5)
    assert START * 8 < grown[0] < START * 10 and START * 14 < grown[-1] <= START * 17


def test_refusals_of_one_round_trip_halve_once() -> None:
    limit = Limit(ConcurrencyPolicy(most=64))
    full_rounds(limit, 3)
    assert limit.value == 64
    assert [limit.congested(number, sent=50) for number in (10, 11, 12, 50)] == [True, False, False, False]
    assert limit.value == 32
    assert limit.congested(51, sent=80) and limit.value == 16
    assert limit.congested(81, sent=90, needed=12.0) and limit.value == 12


@given(st.integers(1, 200), st.lists(st.booleans(), max_size=300))
def test_the_limit_stays_within_its_bounds(most: int, refusals: list[bool]) -> None:
    limit = Limit(ConcurrencyPolicy(most=most, by_rate=True))
    for number, refused in enumerate(refusals, 1):
        if refused:
            limit.congested(number, number)
        else:
            limit.answered(limit.value, 0.01 * number**0.5)
        assert 1 <= limit.value <= most


def test_a_fixed_limit_and_one_that_is_not_used_do_not_change() -> None:
    fixed = Limit(ConcurrencyPolicy(most=20, fixed=True))
    fixed.congested(1, 1)
    assert full_rounds(fixed, 1) == [20]
    idle = Limit(ConcurrencyPolicy(most=1000))
    for _ in range(100):
        idle.answered(1, 0.1 * START)
    assert idle.value == START
    with pytest.raises(InputError):
        ConcurrencyPolicy(most=0)


def settled(by_rate: bool, slows_from: int, full_at: int, noise: float = 0.0) -> int:
    """Keep a server busy that answers each request in 0.1 s; return the limit in the end.

    From `slows_from` requests in flight on it answers more slowly, though more of them per second; from `full_at` on it
    answers no more of them per second.
    """
    limit, now = Limit(ConcurrencyPolicy(most=500, by_rate=by_rate)), 0.0
    dice = random.Random(1)
    for _ in range(20_000):
        busy = min(limit.value, full_at)
        rate = busy / 0.1 if busy <= slows_from else (slows_from + (busy - slows_from) / 2) / 0.1
        now += dice.lognormvariate(0, noise) / rate
        limit.answered(limit.value, now)
    return limit.value


def test_more_in_flight_that_bring_no_more_answers_bound_the_limit_where_that_is_asked_for() -> None:
    assert settled(by_rate=False, slows_from=20, full_at=20) == 500
    assert 20 <= settled(by_rate=True, slows_from=20, full_at=20) <= 60
    assert 20 <= settled(by_rate=True, slows_from=20, full_at=20, noise=0.5) <= 100


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_server_that_slows_down_while_it_answers_more_gets_more(noise: float) -> None:
    assert settled(by_rate=True, slows_from=20, full_at=200, noise=noise) >= 150


@given(
    st.floats(1, 10_000),
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 50)), min_size=1, max_size=50),
)
def test_a_bucket_never_gives_more_than_what_flows_in(
    per_minute: float, burst: float, draws: list[tuple[float, float]]
) -> None:
    bucket = TokenBucket(per_minute, 0.0, burst)
    now = taken = largest = 0.0
    for gap, amount in draws:
        now += gap
        now += bucket.shortage_s(amount, now)
        bucket.draw(amount, now)
        taken += amount
        largest = max(largest, amount)
        assert taken <= (burst + largest + now * per_minute / 60) * (1 + 1e-9)


def test_a_request_above_the_bucket_waits_for_a_full_one_only() -> None:
    bucket = TokenBucket(60, 0.0, burst=5)
    assert bucket.shortage_s(100, 0.0) == 0
    bucket.draw(100, 0.0)
    assert bucket.shortage_s(1, 0.0) == pytest.approx(96)
    with pytest.raises(InputError):
        TokenBucket(0, 0.0)


def sent_by(pacer: Pacer, start: float, seconds: float) -> int:
    """Return how many requests a sender that always has one gets off."""
    now, count = start, 0
    while now < start + seconds:
        pause = pacer.pause(now, 0)
        if pause <= 0:
            pacer.take(now, 0)
            count += 1
        now += max(pause, 1e-4)
    return count


def test_after_a_refusal_the_rate_is_just_below_what_was_answered_and_grows_past_it() -> None:
    pacer = Pacer(RateLimits(), 0.0)
    for number in range(100):
        pacer.answered(number / 50)
    assert pacer.refused_rate is None
    pacer.refused(2.0)
    assert pacer.refused_rate == pytest.approx(50, rel=0.05)
    rates = [sent_by(pacer, 2.0 + half, 0.5) * 2 for half in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)]
    assert 50 * SHRINK < rates[0] < 50 * SHRINK + 10, "the late sender may catch up a little"
    assert rates[2] == pytest.approx(50, rel=0.05)
    assert rates[6] > 55
    sent_by(pacer, 60.0, 0.01)
    assert pacer.refused_rate is None, "what was refused long ago is forgotten"


def test_a_known_cap_is_hit_less_and_less_often_and_used_almost_in_full() -> None:
    """An endpoint that answers 100 requests in a second, and refuses the others."""
    pacer, bucket = Pacer(RateLimits(), 0.0), TokenBucket(6000, 0.0, burst=10)
    now, answers, refusals = 0.0, 0, []
    while now < 60:
        now += max(pacer.pause(now, 0), 1e-3)
        pacer.take(now, 0)
        if bucket.shortage_s(1, now) > 0:
            refusals.append(now)
            pacer.refused(now)
        else:
            bucket.draw(1, now)
            pacer.answered(now)
            answers += 1
    assert answers >= 0.95 * 6000
    late = [at for at in refusals if at > 30]
    assert len(late) < 0.01 * 3000


def test_a_refusal_before_any_answer_says_nothing_about_a_rate() -> None:
    pacer = Pacer(RateLimits(), 0.0)
    pacer.refused(0.1)
    assert pacer.refused_rate is None and pacer.pause(0.1, 0) == 0


def test_all_wait_until_the_time_that_the_endpoint_named() -> None:
    pacer = Pacer(RateLimits(), 0.0)
    pacer.pause_all(7.0)
    pacer.pause_all(3.0)
    assert pacer.pause(1.0, 0) == 6.0 and pacer.pause(7.5, 0) == 0


def test_the_limits_of_the_suite_are_kept_for_requests_and_tokens() -> None:
    by_request = Pacer(RateLimits(requests_per_minute=600), 0.0)
    assert 10 <= sent_by(by_request, 0.0, 1e-3) <= 11
    assert sent_by(by_request, 1e-3, 5.0) == pytest.approx(50, abs=2)
    by_token = Pacer(RateLimits(tokens_per_minute=6000), 0.0)
    by_token.take(0.0, 100)
    assert by_token.pause(0.0, 50) == pytest.approx(0.5)


def test_little_that_is_left_is_spread_until_the_reset() -> None:
    pacer = Pacer(RateLimits(), 0.0)
    pacer.hinted(RateHints(requests_limit=1000, requests_left=500, requests_reset_s=10), 0.0, 0)
    assert sent_by(pacer, 0.0, 0.01) > 50
    pacer.hinted(RateHints(requests_limit=1000, requests_left=50, requests_reset_s=10), 1.0, 0)
    assert sent_by(pacer, 1.0, 9.0) == pytest.approx(45, abs=2)
    assert sent_by(pacer, 11.5, 0.01) > 50, "after the reset nothing is spared"
    pacer.hinted(RateHints(tokens_limit=10_000, tokens_left=900, tokens_reset_s=10), 20.0, tokens_each=30)
    assert sent_by(pacer, 20.0, 9.0) == pytest.approx(27, abs=2)


def test_rate_limit_headers_of_two_kinds_are_read() -> None:
    openai = {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "8.64s",
        "x-ratelimit-limit-tokens": "200000",
        "x-ratelimit-remaining-tokens": "199000",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert read_rate_hints(openai) == RateHints(10000, 9999, 8.64, 200000, 199000, 360.0)
    anthropic = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:07Z",
        "anthropic-ratelimit-tokens-remaining": "many",
    }
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_rate_hints(anthropic, now) == RateHints(50, 0, 7.0)
    assert read_rate_hints({"content-type": "application/json"}) is None
    assert read_rate_hints({"x-ratelimit-reset-requests": "120ms"}) == RateHints(requests_reset_s=pytest.approx(0.12))
