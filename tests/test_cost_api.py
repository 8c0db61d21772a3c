"""Requests to an API: ways of sending, caches, fees and retries; cascades, routers and the price of wrong answers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.cost import (
    Alternative,
    ApiCost,
    ApiPrices,
    ApiUse,
    Price,
    PriceTier,
    RequestTokens,
    api_cost,
    audit_cost,
    break_even_error_cost,
    cascade_cost,
    cost_per_success,
    find_price,
    hosting_cost,
    month_bill,
    most_escalation,
    operations_cost,
    parse_prices,
    quality_adjusted_cost,
    request_cost,
    round_cents,
    round_parts,
    router_cost,
    token_cost,
    token_parts,
)
from gatekeeper.cost.prices import snapshot_date
from gatekeeper.errors import InputError, PriceError
from gatekeeper.records import Usage

D = Decimal
PARTS = ("fresh_input_usd", "cached_input_usd", "cache_write_usd", "output_usd", "fees_usd", "retries_usd")


def price(pin: Decimal | str = "2", pout: Decimal | str = "10", **more: Any) -> Price:
    return Price.model_validate(
        {"model": "a/b", "input_per_m": pin, "output_per_m": pout, "source": "x", "as_of": date(2026, 11, 1), **more}
    )


def tokens(fresh: int, read: int = 0, written: int = 0, out: int = 0) -> RequestTokens:
    return RequestTokens(
        input_tokens=D(fresh + read + written),
        cached_input_tokens=D(read),
        cache_write_tokens=D(written),
        output_tokens=D(out),
    )


counts = st.builds(
    tokens, st.integers(1, 400_000), st.integers(0, 99_999), st.integers(0, 99_999), st.integers(0, 9_999)
)
rates = st.decimals(min_value=0, max_value=100, places=4)
shares = st.decimals(min_value=0, max_value=1, places=3)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    tier = PriceTier(above_input_tokens=200_000, input_per_m=draw(rates), output_per_m=draw(rates))
    return price(
        draw(rates),
        draw(rates),
        cached_input_per_m=draw(st.none() | rates),
        cache_write_per_m=draw(st.none() | rates),
        per_request=draw(rates) / 10_000,
        tiers=(tier,) if draw(st.booleans()) else (),
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(counts, min_size=1, max_size=5), prices(), prices(), prices(), shares, shares, shares, rates)
def test_the_parts_of_an_api_bill_add_up_to_it(
    requests: list[RequestTokens],
    standard: Price,
    batch: Price,
    flex: Price,
    one: Decimal,
    two: Decimal,
    retries: Decimal,
    least: Decimal,
) -> None:
    use = ApiUse(batch_share=one, flex_share=(1 - one) * two, retry_rate=retries)
    every = ApiPrices(standard=standard, batch=batch, flex=flex, minimum_per_request=least / 1000)
    cost = api_cost(requests, every, use)
    assert abs(sum((getattr(cost, part) for part in PARTS), D(0)) - cost.usd) < D("1e-20")
    month = [1_000_000 * getattr(cost, part) for part in PARTS]
    assert sum(round_parts(month), D(0)) == round_cents(sum(month, D(0)))
    # The formula of the design, written out.
    weights = ((1 - one - use.flex_share, standard), (one, batch), (use.flex_share, flex))
    expected = sum(
        (
            share * max(every.minimum_per_request, token_cost(each, way, standard=standard))
            for each in requests
            for share, way in weights
        ),
        D(0),
    )
    assert abs(cost.usd - (1 + retries) * expected / len(requests)) < D("1e-20")


@settings(max_examples=200, deadline=None)
@given(counts, prices(), st.integers(2, 1000))
def test_k_times_the_tokens_at_one_kth_of_the_price_cost_the_same(one: RequestTokens, each: Price, k: int) -> None:
    def cheaper(rate: Decimal | None) -> Decimal | None:
        return None if rate is None else rate / k

    fields = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m")
    scaled = each.model_copy(
        update={
            **{name: cheaper(getattr(each, name)) for name in fields},
            "tiers": tuple(
                tier.model_copy(
                    update={
                        "above_input_tokens": tier.above_input_tokens * k,
                        **{name: cheaper(getattr(tier, name)) for name in fields},
                    }
                )
                for tier in each.tiers
            ),
        }
    )
    larger = RequestTokens.model_validate({name: value * k for name, value in one})
    assert abs(token_cost(larger, scaled) - token_cost(one, each)) < D("1e-20")
    assert abs(sum(token_parts(one, each), D(0)) - token_cost(one, each)) < D("1e-20")


@settings(max_examples=100, deadline=None)
@given(counts, prices(), rates, st.integers(1, 10**9), st.integers(0, 10**9))
def test_more_requests_never_cost_more_each(
    one: RequestTokens, each: Price, hourly: Decimal, volume: int, more: int
) -> None:
    usd = api_cost([one], ApiPrices(standard=each)).usd
    served = Alternative(name="tuned", usd_per_request=usd, fixed_usd_per_month=hosting_cost(hourly))
    few, many = (month_bill(served, D(count)).usd / count for count in (volume, volume + more))
    assert many <= few + D("1e-20")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 300_000), st.integers(0, 9_999), st.integers(0, 9_999), prices())
def test_reported_usage_costs_what_its_tokens_cost(fresh: int, read: int, out: int, each: Price) -> None:
    usage = Usage(input_tokens=fresh + read, cached_input_tokens=read, output_tokens=out + 1)
    assert request_cost(usage, each) == token_cost(tokens(fresh, read, 0, out + 1), each)


def test_a_discount_is_looked_up_and_never_assumed() -> None:
    standard = price("2", "10", cached_input_per_m="0.5", cache_write_per_m="2.5")
    one = [tokens(1_000, 8_000, 1_000, 500)]
    with pytest.raises(PriceError, match="no batch price"):
        api_cost(one, ApiPrices(standard=standard), ApiUse(batch_share=D("0.1")))
    with pytest.raises(PriceError, match="no flex price"):
        api_cost(one, ApiPrices(standard=standard), ApiUse(flex_share=D("0.1")))
    batch = api_cost(one, ApiPrices(standard=standard, batch=price("1", "5")), ApiUse(batch_share=D(1)))
    assert [batch.fresh_input_usd, batch.output_usd] == [D("0.001"), D("0.0025")]
    assert [batch.cached_input_usd, batch.cache_write_usd] == [D("0.004"), D("0.0025")], "at the standard price"
    own = price("1", "5", cached_input_per_m="0.25", cache_write_per_m="1.25")
    stacked = api_cost(one, ApiPrices(standard=standard, batch=own), ApiUse(batch_share=D(1)))
    assert [stacked.cached_input_usd, stacked.cache_write_usd] == [D("0.002"), D("0.00125")]


def test_without_any_price_for_a_cache_its_tokens_cost_the_input_price() -> None:
    assert token_cost(tokens(10, 20, 30), price("2", "10")) == token_cost(tokens(60), price("2", "10"))
    assert token_cost(tokens(10, 20, 30), price("1", "5"), standard=price("2", "10")) == D("0.00006")


def test_a_minimum_and_a_fee_are_per_request() -> None:
    each = price("1", "1", per_request="0.001")
    small, large = tokens(1_000), tokens(1_000_000)
    cost = api_cost([small, large], ApiPrices(standard=each, minimum_per_request=D("0.01")))
    assert cost.usd == (D("0.01") + D("1.001")) / 2, "not the minimum of the mean"
    assert cost.fees_usd == (D("0.009") + D("0.001")) / 2


def test_retries_are_paid_for_like_requests() -> None:
    plain, again = (
        api_cost([tokens(1_000, out=100)], ApiPrices(standard=price()), ApiUse(retry_rate=D(rho)))
        for rho in ("0", "0.25")
    )
    assert again.usd == plain.usd * D("1.25")
    assert again.retries_usd == plain.usd / 4
    assert plain == api_cost([tokens(1_000, out=100)], ApiPrices(standard=price()))


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (ApiUse(batch_share=D("0.7"), flex_share=D("0.4")), "more than 1"),
        (ApiUse(batch_share=D("-0.1")), "batch_share"),
        (ApiUse(flex_share=D("-1")), "flex_share"),
        (ApiUse(retry_rate=D("-0.1")), "retry_rate"),
    ],
)
def test_shares_out_of_range_are_named(use: ApiUse, named: str) -> None:
    every = ApiPrices(standard=price(), batch=price(), flex=price())
    with pytest.raises(InputError, match=named):
        api_cost([tokens(10)], every, use)


def test_no_requests_and_impossible_tokens_are_errors() -> None:
    with pytest.raises(InputError, match="no requests"):
        api_cost([], ApiPrices(standard=price()))
    for wrong in (
        RequestTokens(input_tokens=D(5), cached_input_tokens=D(3), cache_write_tokens=D(3)),
        RequestTokens(input_tokens=D(-1), output_tokens=D(1)),
        RequestTokens(input_tokens=D(0)),
    ):
        with pytest.raises(InputError, match="token counts"):
            token_cost(wrong, price())


def test_the_price_book_and_a_users_file_know_what_writing_to_a_cache_costs() -> None:
    assert find_price("anthropic/claude-sonnet-4-5", at=snapshot_date()).cache_write_per_m == D("3.75")
    assert find_price("openai/gpt-4o", at=snapshot_date()).cache_write_per_m is None
    text = (
        "- {model: a/b, input_per_m: 1, output_per_m: 2, cache_write_per_m: 1.25, per_request: 0.001, "
        "cached_input_per_m: 0, as_of: 2026-11-01, source: x}\n"
    )
    own = parse_prices(text, file="prices.yaml")["a/b"]
    assert (own.cache_write_per_m, own.per_request, own.cached_input_per_m) == (D("1.25"), D("0.001"), 0)
    with pytest.raises(InputError, match="USD per request"):
        parse_prices(text.replace("0.001", "-1"), file="prices.yaml")


def test_an_api_cost_survives_json() -> None:
    cost = api_cost([tokens(1_000, 10, 10, 100)], ApiPrices(standard=price()))
    assert ApiCost.model_validate_json(cost.model_dump_json()) == cost


money = st.decimals(min_value=0, max_value=10, places=5)


@given(money, money, shares, money)
def test_a_router_splits_and_a_cascade_adds(student: Decimal, teacher: Decimal, share: Decimal, extra: Decimal) -> None:
    routed = router_cost(student, teacher, share, router_usd=extra)
    cascade = cascade_cost(student, teacher, share, verifier_usd=extra)
    assert min(student, teacher) + extra <= routed <= max(student, teacher) + extra
    assert cascade - routed == share * student, "the student answers the escalated requests as well"


@given(st.decimals(min_value="0.001", max_value=10, places=4), money, money, st.integers(1, 20))
def test_most_escalation_is_where_the_reduction_is_reached(
    teacher: Decimal, student: Decimal, verifier: Decimal, factor: int
) -> None:
    share = most_escalation(student, teacher, verifier_usd=verifier, reduction=D(factor))
    if share is None:
        assert student + verifier > teacher / factor
    elif share <= 1:
        cost = cascade_cost(student, teacher, share, verifier_usd=verifier)
        assert abs(cost * factor - teacher) < D("1e-20")


@given(money, money, shares, shares)
def test_at_the_break_even_price_of_errors_both_cost_the_same(
    teacher: Decimal, student: Decimal, good: Decimal, other: Decimal
) -> None:
    level = break_even_error_cost(teacher, student, teacher_quality=good, student_quality=other)
    assert (level is None) == (good <= other)
    if level is not None and level >= 0:
        both = [quality_adjusted_cost(usd, quality, level) for usd, quality in ((teacher, good), (student, other))]
        assert abs(both[0] - both[1]) < D("1e-18")
        dearer = [quality_adjusted_cost(usd, q, level + 1) for usd, q in ((teacher, good), (student, other))]
        assert dearer[0] < dearer[1], "above it the better teacher is cheaper"


def test_no_good_answer_has_no_price() -> None:
    assert cost_per_success(D("0.006"), D(0)) is None
    assert cost_per_success(D("0.006"), D("0.5")) == D("0.012")


def test_operations_and_audits() -> None:
    assert operations_cost(D(5), D(100)) == 500
    assert audit_cost(D("0.006"), judge_usd=D("0.004")) == D("0.0001"), "one answer in a hundred"
    assert audit_cost(D("0.006"), share=D(0)) == 0


@pytest.mark.parametrize("share", [D("1.01"), D("-0.01")])
def test_shares_are_shares(share: Decimal) -> None:
    for call in (
        lambda: cascade_cost(D(1), D(1), share),
        lambda: router_cost(D(1), D(1), share),
        lambda: quality_adjusted_cost(D(1), share, D(1)),
        lambda: cost_per_success(D(1), share),
        lambda: audit_cost(D(1), share=share),
    ):
        with pytest.raises(InputError, match="0 to 1"):
            call()
