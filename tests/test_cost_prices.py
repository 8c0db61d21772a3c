"""Prices and usage: the price book, a user's own prices, and one request priced at a time."""

from __future__ import annotations

import socket
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from gatekeeper.cost import (
    DEFAULT_MAX_AGE_DAYS,
    Price,
    PriceTier,
    find_price,
    mean_request_cost,
    parse_prices,
    price_requests,
    request_cost,
    round_cents,
)
from gatekeeper.cost.prices import snapshot_date, youngest_change
from gatekeeper.errors import ExitCode, InputError, PriceError
from gatekeeper.records import Usage

AT = snapshot_date()
GOLDEN = {
    case["id"].split("_")[0]: case
    for case in yaml.safe_load((Path(__file__).parent / "golden" / "cost_golden_cases.yaml").read_text())
}
PLAIN = Price(model="a/b", input_per_m=Decimal(2), output_per_m=Decimal(10), source="test", as_of=AT)


def test_a_known_model_has_decimal_prices_with_source_and_date() -> None:
    price = find_price("openai/gpt-4o", at=AT)
    assert (price.input_per_m, price.output_per_m) == (Decimal("2.5"), Decimal("10"))
    assert price.cached_input_per_m == Decimal("1.25")
    assert price.source.startswith("genai-prices 0.")
    assert price.as_of == AT
    assert price.model == "openai/gpt-4o"
    assert price.listed_as == ""


def test_a_dated_model_name_tells_which_entry_it_matched() -> None:
    price = find_price("anthropic/claude-opus-5-20260901", at=AT)
    assert price.listed_as == "anthropic/claude-opus-5"


def test_finding_a_price_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the price book must not use the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert find_price("anthropic/claude-opus-5", at=AT).output_per_m == 25


@pytest.mark.parametrize(
    ("model", "nearest"),
    [
        ("openai/gpt-4p", "openai/gpt-4o"),
        ("openai/gpt-4o-nope", "openai/gpt-4o"),
        ("opnai/gpt-4o", "openai/gpt-4o"),
        ("gpt-4o", "gpt-4o"),
    ],
)
def test_an_unknown_model_is_an_error_that_names_the_nearest(model: str, nearest: str) -> None:
    with pytest.raises(PriceError) as caught:
        find_price(model, at=AT)
    assert repr(model) in caught.value.message
    assert nearest in caught.value.message.partition("nearest:")[2]
    assert "own price file" in (caught.value.hint or "")
    assert caught.value.exit_code == ExitCode.MISSING


def test_a_model_that_is_listed_without_token_prices_is_unpriced() -> None:
    from genai_prices.data import providers

    bare = next(
        f"{provider.id}/{model.id}"
        for provider in providers
        for model in provider.models
        if not isinstance(model.prices, list) and not model.prices.__dict__ and provider.id == "openrouter"
    )
    with pytest.raises(PriceError, match="without a price"):
        find_price(bare, at=AT)


def test_a_price_by_the_hour_needs_the_hour() -> None:
    with pytest.raises(PriceError, match="hour of the day"):
        find_price("deepseek/deepseek-chat", at=AT)
    cheap = find_price("deepseek/deepseek-chat", at=datetime(2026, 11, 9, 20, tzinfo=UTC))
    dear = find_price("deepseek/deepseek-chat", at=datetime(2026, 11, 9, 10, tzinfo=UTC))
    assert cheap.input_per_m < dear.input_per_m
    with pytest.raises(InputError, match="time zone"):
        find_price("openai/gpt-4o", at=datetime(2026, 11, 9, 20))  # noqa: DTZ001


def test_a_stale_price_is_refused_at_the_limit() -> None:
    last_day = date.fromordinal(AT.toordinal() + DEFAULT_MAX_AGE_DAYS)
    next_day = date.fromordinal(last_day.toordinal() + 1)
    assert find_price("openai/gpt-4o", at=last_day).as_of == AT
    with pytest.raises(PriceError, match="stale") as caught:
        find_price("openai/gpt-4o", at=next_day)
    assert f"limit {DEFAULT_MAX_AGE_DAYS}" in caught.value.message
    assert find_price("openai/gpt-4o", at=next_day, max_age_days=DEFAULT_MAX_AGE_DAYS + 1).as_of == AT


def test_the_date_of_the_book_leaves_announced_changes_out() -> None:
    happened = {date(2026, 10, 20), date(2026, 10, 29), date(2026, 11, 6), date(2026, 11, 9)}
    assert youngest_change(happened | {date(2026, 12, 1), date(2027, 1, 1)}) == date(2026, 11, 9)
    with pytest.raises(PriceError, match="no date"):
        youngest_change({date(2026, 1, 1), date(2026, 6, 1)})


def test_tiers_hold_for_all_tokens_of_a_long_request() -> None:
    price = find_price("anthropic/claude-sonnet-4-5", at=AT)
    assert [tier.above_input_tokens for tier in price.tiers] == [200_000]
    at_limit = request_cost(Usage(input_tokens=200_000), price)
    above = request_cost(Usage(input_tokens=200_001), price)
    assert at_limit == Decimal("0.6")
    assert above == 200_001 * Decimal("0.000006")


def test_golden_tier_trap_each_request_is_priced_before_the_sum() -> None:
    case = GOLDEN["G05"]
    price = find_price(case["in"]["model"], at=AT)
    usage = Usage(input_tokens=case["in"]["tin"], output_tokens=case["in"]["tout"])
    n = case["in"]["requests"]
    assert round_cents(mean_request_cost([usage] * n, price) * n) == Decimal(case["out"]["per_request_then_sum"])
    summed = Usage(input_tokens=usage.input_tokens * n, output_tokens=usage.output_tokens * n)
    assert round_cents(request_cost(summed, price)) == Decimal(case["out"]["WRONG_price_of_sum"])


def test_our_price_of_a_request_is_that_of_the_price_book() -> None:
    import genai_prices

    for name, usage in [
        ("anthropic/claude-sonnet-4-5", Usage(input_tokens=250_000, cached_input_tokens=100_000, output_tokens=500)),
        ("google/gemini-2.5-pro", Usage(input_tokens=200_001, cached_input_tokens=7, output_tokens=9)),
        ("openai/gpt-4o", Usage(input_tokens=1_200, cached_input_tokens=1_024, output_tokens=300)),
        ("perplexity/sonar-pro", Usage(input_tokens=100, output_tokens=50)),
    ]:
        provider, _, model = name.partition("/")
        theirs = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input_tokens,
                cache_read_tokens=usage.cached_input_tokens,
                output_tokens=usage.output_tokens,
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=datetime(AT.year, AT.month, AT.day, 12, tzinfo=UTC),
        )
        assert request_cost(usage, find_price(name, at=AT)) == theirs.total_price, name


def test_cached_tokens_cost_the_full_price_where_no_cached_price_is_known() -> None:
    usage = Usage(input_tokens=1_000, cached_input_tokens=600, output_tokens=100)
    assert request_cost(usage, PLAIN) == Decimal("0.003")
    cached = PLAIN.model_copy(update={"cached_input_per_m": Decimal("0.5")})
    assert request_cost(usage, cached) == Decimal("0.0021")


def test_the_highest_tier_that_is_crossed_counts() -> None:
    tiers = tuple(
        PriceTier(above_input_tokens=start, input_per_m=Decimal(rate), output_per_m=Decimal(0))
        for start, rate in ((200, 9), (100, 5))
    )
    price = PLAIN.model_copy(update={"tiers": tiers})
    rates = [request_cost(Usage(input_tokens=n), price) * 1_000_000 / n for n in (100, 101, 200, 201)]
    assert rates == [2, 5, 5, 9]


def test_the_mean_of_no_requests_is_an_error() -> None:
    with pytest.raises(InputError, match="no requests"):
        mean_request_cost([], PLAIN)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input_tokens=-1, output_tokens=5),
        Usage(input_tokens=5, output_tokens=-1),
        Usage(input_tokens=5, cached_input_tokens=6),
    ],
)
def test_unknown_or_impossible_token_counts_are_never_free(usage: Usage) -> None:
    good = Usage(input_tokens=10, output_tokens=10)
    with pytest.raises(InputError, match="token counts"):
        mean_request_cost([good, usage], PLAIN)


def test_priced_requests_say_what_they_rest_on() -> None:
    usages = [
        Usage(input_tokens=100, cached_input_tokens=50, output_tokens=10),
        Usage(input_tokens=300, output_tokens=30, reported=False),
    ]
    cost = price_requests(usages, PLAIN)
    assert cost.usd == Decimal("0.0006")
    assert (cost.n_requests, cost.n_reported) == (2, 1)
    assert [cost.mean_input_tokens, cost.mean_cached_input_tokens, cost.mean_output_tokens] == [200, 25, 20]


OWN = """
- {model: acme/large, input_per_m: 2.50, output_per_m: 0.10, as_of: 2026-11-01, source: contract 17}
- model: openai/gpt-4o
  input_per_m: 1
  output_per_m: 4
  cached_input_per_m: 0.5
  as_of: "2026-11-02"
  source: discount
"""


def test_own_prices_win_over_the_book_and_are_exact() -> None:
    own = parse_prices(OWN, file="prices.yaml")
    assert find_price("acme/large", at=AT, own=own).output_per_m == Decimal("0.10")
    ours = find_price("openai/gpt-4o", at=AT, own=own)
    assert [ours.input_per_m, ours.cached_input_per_m] == [1, Decimal("0.5")]
    assert ours.source == "discount"
    assert find_price("openai/gpt-4o-mini", at=AT, own=own).source.startswith("genai-prices")


def test_own_prices_grow_stale_too() -> None:
    own = parse_prices(OWN, file="prices.yaml")
    with pytest.raises(PriceError, match="contract 17 is as of 2026-11-01"):
        find_price("acme/large", at=date(2027, 3, 1), own=own)


def test_all_mistakes_of_a_price_file_are_named_at_once() -> None:
    text = """- {model: a/b, input_per_m: -1, output_per_m: lots, as_of: yesterday, source: x}
- {model: c/d, input_per_m: 1, as_of: 2026-11-01, source: x, discount: 3}
- just text
- {model: e/f, input_per_m: nan, output_per_m: [1], as_of: 2026-11-01, source: x}
"""
    with pytest.raises(InputError) as caught:
        parse_prices(text, file="prices.yaml")
    message = str(caught.value)
    for expected in (
        "prices.yaml:1: [0].input_per_m: must be a number of USD, zero or more (got -1)",
        "prices.yaml:1: [0].output_per_m",
        "prices.yaml:1: [0].as_of: must be a date (got yesterday)",
        "prices.yaml:2: [1].output_per_m: is missing",
        "prices.yaml:2: [1].discount: is no key of a price",
        "prices.yaml:3: [2]: is not a mapping",
        "prices.yaml:4: [3].input_per_m: must be a number of USD, zero or more (got nan)",
        "prices.yaml:4: [3].output_per_m: must be one value",
    ):
        assert expected in message


@pytest.mark.parametrize("text", ["", "{}", "a: 1", "[]", "- [", "- {model: a, model: b}"])
def test_a_file_that_is_no_list_of_prices_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=r"prices\.yaml"):
        parse_prices(text, file="prices.yaml")


def test_a_model_priced_twice_is_an_error() -> None:
    line = "- {model: a/b, input_per_m: 1, output_per_m: 1, as_of: 2026-11-01, source: x}\n"
    with pytest.raises(InputError, match="priced twice"):
        parse_prices(line * 2, file="prices.yaml")
