"""All prices of a model: the book, litellm's list and the user's file together, and what looks wrong about them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.cost.api import ApiUse, api_cost
from gatekeeper.cost.findings import Finding
from gatekeeper.cost.prices import snapshot_date
from gatekeeper.cost.prices.book import all_prices, api_prices, how_to_get, known_prices
from gatekeeper.cost.prices.entry import PriceEntry, disagreements_of
from gatekeeper.cost.prices.file import parse_price_entries, parse_prices
from gatekeeper.cost.prices.lint import lint_prices
from gatekeeper.cost.prices.litellm import list_entry
from gatekeeper.cost.prices.litellm_list import LIST_FILE, PriceList, price_list, read_list
from gatekeeper.cost.prices.names import list_names
from gatekeeper.cost.prices.records import Price
from gatekeeper.cost.tokens import RequestTokens, token_cost
from gatekeeper.errors import ExitCode, InputError, PriceError

D = Decimal
AT = snapshot_date()
DAY = date(2026, 11, 2)


def installed() -> PriceList:
    found = price_list()
    assert found is not None, "the tests need the extra `teachers`"
    return found


@pytest.fixture
def without_litellm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "litellm", None)
    price_list.cache_clear()
    yield
    monkeypatch.undo()
    price_list.cache_clear()


def small_list(**models: dict[str, object]) -> PriceList:
    """Return a list as it is read from JSON, with the keys of `models` after provider `acme`."""
    text = json.dumps({f"acme/{name}": {"mode": "chat", **entry} for name, entry in models.items()})
    return PriceList(json.loads(text, parse_float=Decimal), "litellm 9", DAY)


def entry(source: str = "a", *, own: bool = False, batch: tuple[str, str] | None = None, **given: object) -> PriceEntry:
    about = {"model": "acme/m", "source": source, "as_of": AT}
    rates = {"input_per_m": "2", "output_per_m": "8"} | {key: given.pop(key) for key in list(given) if "put_" in key}
    prices = {"standard": Price.model_validate({**about, **rates})}
    if batch is not None:
        prices["batch"] = Price.model_validate({**about, "input_per_m": batch[0], "output_per_m": batch[1]})
    return PriceEntry.model_validate({**about, "own": own, **prices, **given})


def findings(*entries: PriceEntry, at: date = AT, needed_until: date | None = None) -> tuple[Finding, ...]:
    """Return the findings about a model that only `entries` list. The first is the user's own."""
    prices = known_prices("acme/m", at=at, own={"acme/m": entries[0]})
    merged = prices.model_copy(update={"entries": entries, "disagreements": disagreements_of(entries)})
    return lint_prices(merged, at=at, needed_until=needed_until)


def test_each_value_comes_from_the_first_source_that_has_it() -> None:
    prices = all_prices("google/gemini-2.5-flash", at=AT)
    assert prices.standard is not None and prices.batch is not None and prices.flex is not None
    assert prices.standard.source.startswith("genai-prices") and prices.standard.as_of == AT
    assert prices.batch.source.startswith("genai-prices")
    assert (prices.flex.source, prices.flex.as_of) == (installed().source, installed().as_of)
    assert (prices.batch.input_per_m, prices.flex.output_per_m) == (D("0.15"), D("1.25"))
    retirement = prices.entry_of("retires")
    assert prices.retires == date(2026, 12, 1) and retirement is not None and retirement.source == installed().source
    assert [item.source for item in prices.entries] == [prices.standard.source, installed().source]
    assert prices.entry_of("training_per_m") is None


def test_a_fine_tuned_model_is_priced_as_such_and_not_as_its_base() -> None:
    base = all_prices("openai/gpt-4o-2024-08-06", at=AT)
    for name in ("ft:gpt-4o-2024-08-06", "ft:gpt-4o-2024-08-06:org:suffix:id"):
        tuned = all_prices(f"openai/{name}", at=AT)
        assert tuned.standard is not None and base.standard is not None and tuned.batch is not None
        assert (tuned.standard.input_per_m, base.standard.input_per_m) == (D("3.75"), D("2.5"))
        assert tuned.batch.listed_as == "ft:gpt-4o-2024-08-06"
        assert tuned.retires == date(2027, 1, 14)
    assert all_prices("openai/ft:gpt-4o-mini", at=AT).standard is not None


def test_a_model_that_only_the_second_list_has_is_priced_by_it() -> None:
    prices = all_prices("dashscope/qwen-flash", at=installed().as_of)
    assert prices.standard is not None and prices.standard.source == installed().source
    assert prices.standard.rates(D(256_000)).input_per_m == D("0.05")
    assert prices.standard.rates(D(256_001)).input_per_m == D("0.25")


def test_another_list_is_no_way_around_an_unusable_price_of_the_book() -> None:
    with pytest.raises(PriceError, match="hour of the day"):
        all_prices("deepseek/deepseek-chat", at=AT)
    known = known_prices("deepseek/deepseek-chat", at=AT)
    assert known.standard is None and known.retires is not None
    with pytest.raises(PriceError, match="no price"):
        api_prices(known)


@pytest.mark.parametrize("model", ["openai/claude-sonnet-4-5", "openai/gpt-4o-nope", "google/claude-nope", "gpt-4o"])
def test_names_are_never_matched_by_likeness(model: str) -> None:
    assert list_entry(model, installed()) is None
    with pytest.raises(PriceError) as caught:
        all_prices(model, at=AT)
    assert caught.value.exit_code == ExitCode.MISSING
    assert known_prices(model, at=AT).entries == ()


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("google/gemini-2.5-flash", "gemini/gemini-2.5-flash"),
        ("vertex_ai/gemini-2.5-flash", "gemini-2.5-flash"),
        ("x-ai/grok-4.5", "xai/grok-4.5"),
        ("aws/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("groq/openai/gpt-oss-120b", ""),
    ],
)
def test_the_names_of_the_list_are_known_by_provider(model: str, key: str) -> None:
    found = list_entry(model, installed())
    assert found is not None and found.listed_as == key
    assert (key or model) in [name.key for name in list_names(model)]


def test_every_entry_of_the_installed_list_can_be_read() -> None:
    prices = installed()
    read = [list_entry(key, prices._replace(models={key: raw})) for key, raw in prices.models.items() if "/" in key]
    found = [item for item in read if item is not None]
    assert len(found) > 1000
    assert sum(item.retires is not None for item in found) > 100
    for item in found:
        assert (item.standard is None) == (item.problem is not None), item
        for price in (item.standard, item.batch, item.flex):
            assert price is None or (price.input_per_m >= 0 and price.input_per_m + price.output_per_m > 0), item


def test_amounts_of_the_list_are_exact_and_per_million() -> None:
    base = {"input_cost_per_token": 1.5e-07, "output_cost_per_token": 1e-05, "cache_creation_input_token_cost": 0.0}
    raw = base | {"input_cost_per_token_above_200k_tokens": 3e-07, "cache_read_input_token_cost": 7.5e-08}
    found = list_entry("acme/m", small_list(m=raw))
    assert found is not None and found.standard is not None
    assert [str(found.standard.input_per_m), str(found.standard.output_per_m)] == ["0.15", "10"]
    assert found.standard.cache_write_per_m is None, "$0 for a write says that it costs nothing extra"
    tier = found.standard.tiers[0]
    assert (tier.above_input_tokens, tier.input_per_m, tier.output_per_m) == (200_000, D("0.3"), 10)
    assert tier.cached_input_per_m == D("0.075")
    assert found.batch is None and found.retires is None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}, "at \\$0"),
        ({"input_cost_per_token": 1e-6}, "no price"),
        ({"mode": "image_generation", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}, "image_generation"),
        ({"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "off_peak_pricing": {}}, "hour"),
        (
            {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "output_cost_per_reasoning_token": 2e-6},
            "reasons",
        ),
    ],
)
def test_what_no_bill_can_rest_on_has_a_reason(
    raw: dict[str, object], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatekeeper.cost.prices.book.price_list", lambda: small_list(m=raw))
    with pytest.raises(PriceError, match=problem):
        all_prices("acme/m", at=DAY)


def test_an_alias_of_the_list_is_followed() -> None:
    rates = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    prices = small_list(old=rates, latest={"alias_of": "acme/old"}, lost={"alias_of": "acme/none"})
    found = list_entry("acme/latest", prices)
    assert found is not None and found.listed_as == "acme/old" and found.standard is not None
    assert list_entry("acme/lost", prices) is None


def test_a_long_request_in_a_batch_pays_the_standard_price_where_no_discount_is_listed() -> None:
    raw = {f"{kind}_cost_per_token{suffix}": 2e-6 for kind in ("input", "output") for suffix in ("", "_batches")}
    raw["input_cost_per_token_batches"] = 1e-6
    found = list_entry("acme/m", small_list(m=raw | {"input_cost_per_token_above_128k_tokens": 4e-6}))
    assert found is not None and found.batch is not None
    costs = [token_cost(RequestTokens(input_tokens=D(n)), found.batch) / n * 1_000_000 for n in (128_000, 128_001)]
    assert costs == [1, 4]


def test_a_batch_reads_the_cache_at_the_standard_price_unless_a_price_is_listed() -> None:
    requests = [RequestTokens(input_tokens=D(2_000_000), cached_input_tokens=D(1_000_000))]
    use = ApiUse(batch_share=D(1))
    rates = "input_per_m: 2, output_per_m: 8, cached_input_per_m: 0.5, batch_input_per_m: 1, batch_output_per_m: 4"
    for listed, expected in (("", D("1.5")), (", batch_cached_input_per_m: 0.25", D("1.25"))):
        text = f"- {{model: a/b, as_of: {AT}, source: s, {rates}{listed}}}"
        prices = all_prices("a/b", at=AT, own=parse_price_entries(text, file="p.yaml"))
        assert api_cost(requests, api_prices(prices), use).usd == expected


def test_the_list_is_read_without_importing_it_or_anything_heavy() -> None:
    code = (
        "import sys\nfrom datetime import date\nfrom gatekeeper.cost.prices.book import known_prices\n"
        "assert known_prices('openai/gpt-4o', at=date(2026, 11, 9)).retires\n"
        "heavy = {'litellm', 'openai', 'anthropic', 'torch', 'pandas', 'scipy', 'duckdb', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_without_the_list_its_fields_are_unknown_and_the_message_says_how_to_get_them(without_litellm: None) -> None:
    prices = all_prices("google/gemini-2.5-flash", at=AT)
    assert (prices.flex, prices.retires) == (None, None)
    assert prices.consulted == ("genai-prices",)
    assert "gatekeeper-distill[teachers]" in how_to_get(prices, "flex")
    assert "flex_input_per_m" in how_to_get(prices, "flex")
    (unknown,) = lint_prices(prices, at=AT)
    assert unknown.severity == "warning" and "teachers" in unknown.fix


def write_list(folder: Path, names: list[str], posts: object = None) -> Path:
    (folder / LIST_FILE).write_text(json.dumps({name: {"mode": "chat"} for name in names}))
    if posts is not None:
        (folder / "blog_posts.json").write_text(json.dumps(posts))
    return folder


def test_the_date_of_the_list_is_the_youngest_past_day_that_the_package_names(tmp_path: Path) -> None:
    names = ["gpt-4o-2024-11-20", "claude-x-20250929", "a-20261399", "b-120260101", "c-2027"]
    assert read_list(write_list(tmp_path, names), version="1").as_of == date(2025, 9, 29)
    posts = {"posts": [{"date": "2026-11-02"}, {"date": "2026-10-01"}]}
    read = read_list(write_list(tmp_path, names, posts), version="1")
    assert (read.as_of, read.source) == (DAY, "litellm 1")
    assert read_list(write_list(tmp_path, names, ["another form"]), version="1").as_of == date(2025, 9, 29)


def test_a_list_that_is_damaged_or_has_no_date_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="no day"):
        read_list(write_list(tmp_path, ["gpt-4o"]), version="1")
    for text in ('{"gpt-4o": ', "[1]"):
        (tmp_path / LIST_FILE).write_text(text)
        with pytest.raises(PriceError, match=LIST_FILE) as caught:
            read_list(tmp_path, version="1")
        assert "teachers" in (caught.value.hint or "")


def test_a_stale_standard_price_is_refused_and_a_stale_discount_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    old = installed()._replace(as_of=AT - timedelta(days=60))
    monkeypatch.setattr("gatekeeper.cost.prices.book.price_list", lambda: old)
    prices = all_prices("google/gemini-2.5-flash", at=AT)
    assert prices.batch is not None and prices.flex is None
    assert any(reason.startswith("flex: ") and "stale" in reason for reason in prices.withheld)
    assert "stale" in how_to_get(prices, "flex")
    assert prices.retires is not None, "what was announced does not grow old"
    assert known_prices("google/gemini-2.5-flash", at=AT).flex is not None
    stale = [
        item for item in lint_prices(known_prices("google/gemini-2.5-flash", at=AT), at=AT) if "stale" in str(item)
    ]
    assert [item.severity for item in stale] == ["warning"] and "upgrade litellm" in stale[0].fix
    with pytest.raises(PriceError, match="stale") as caught:
        all_prices("dashscope/qwen-flash", at=AT)
    assert caught.value.exit_code == ExitCode.MISSING and "upgrade litellm" in (caught.value.hint or "")
    assert all_prices("dashscope/qwen-flash", at=AT, max_age_days=60).standard is not None


OWN = """
- {model: acme/large, input_per_m: 2.50, output_per_m: 0.10, as_of: 2026-11-01, source: contract 17}
- model: openai/gpt-4o
  input_per_m: 1.20
  output_per_m: 4
  batch_input_per_m: 0.60
  batch_output_per_m: 2
  batch_cached_input_per_m: 0.30
  flex_input_per_m: 0.7
  flex_output_per_m: 3
  training_per_m: 25
  hosting_usd_per_hour: 1.70
  retires: 2027-06-01
  per_request: 0.001
  tiers:
    - {above_input_tokens: 200_000, input_per_m: 9, output_per_m: 9, cached_input_per_m: 1}
    - {above_input_tokens: 128_000, input_per_m: 5, output_per_m: 6}
  as_of: 2026-11-02
  source: discount
"""


def test_all_that_an_own_file_says_wins() -> None:
    own = parse_price_entries(OWN, file="prices.yaml")
    prices = all_prices("openai/gpt-4o", at=AT, own=own)
    assert prices.standard is not None and prices.batch is not None and prices.flex is not None
    assert str(prices.standard.input_per_m) == "1.20" and prices.standard.source == "discount"
    assert (prices.batch.output_per_m, prices.batch.cached_input_per_m) == (2, D("0.30"))
    assert (prices.flex.input_per_m, prices.flex.per_request) == (D("0.7"), D("0.001"))
    assert (prices.training_per_m, prices.hosting_usd_per_hour, prices.retires) == (25, D("1.70"), date(2027, 6, 1))
    assert [tier.above_input_tokens for tier in prices.standard.tiers] == [128_000, 200_000]
    assert prices.batch.rates(D(128_001)).input_per_m == 5, "no discount is listed for long requests"
    assert prices.priority is not None and prices.priority.source.startswith("genai-prices")
    assert prices.consulted[0] == "own price file" and prices.entries[0].own
    difference = next(item for item in prices.disagreements if item.field == "standard.output_per_m")
    assert (difference.first, difference.second, difference.percent, difference.own) == (4, 10, 150, True)
    assert parse_prices(OWN, file="prices.yaml")["openai/gpt-4o"] == prices.standard


def test_an_own_price_has_only_what_it_says() -> None:
    plain = parse_price_entries(OWN, file="prices.yaml")["acme/large"]
    assert (plain.batch, plain.flex, plain.retires, plain.training_per_m) == (None, None, None, None)


def test_all_mistakes_of_the_optional_keys_are_named_at_once() -> None:
    head = "- model: a/b\n  input_per_m: 1\n  output_per_m: 2\n  as_of: 2026-11-01\n  source: x\n"
    text = head + (
        "  batch_input_per_m: 1\n  flex_cached_input_per_m: 1\n  training_per_m: -3\n  hosting_usd_per_hour: dear\n"
        "  retires: soon\n  per_request: [1]\n  discount: 3\n"
        "  tiers:\n    - {above_input_tokens: 1.5, input_per_m: 1, output_per_m: 1}\n"
        "    - {above_input_tokens: 9, input_per_m: 1}\n    - 7\n"
        "    - {above_input_tokens: 8, input_per_m: 1, output_per_m: 1}\n"
        "    - {above_input_tokens: 8, input_per_m: 2, output_per_m: 1, until: 9}\n"
    )
    with pytest.raises(InputError) as caught:
        parse_price_entries(text, file="prices.yaml")
    message = str(caught.value)
    for expected in (
        "prices.yaml:1: [0].batch_output_per_m: is missing, and batch_input_per_m is given",
        "prices.yaml:1: [0].flex_input_per_m: is missing, and flex_cached_input_per_m is given",
        "prices.yaml:8: [0].training_per_m: must be a number of USD, zero or more (got -3)",
        "prices.yaml:9: [0].hosting_usd_per_hour: must be a number of USD, zero or more (got dear)\n      fix: USD",
        "prices.yaml:10: [0].retires: must be a date (got soon)",
        "prices.yaml:11: [0].per_request: must be one value",
        "prices.yaml:12: [0].discount: is no key of a price\n      fix: one of as_of, batch_cache_write_per_m",
        "prices.yaml:14: [0].tiers[0].above_input_tokens: must be a whole number above 0 (got 1.5)",
        "prices.yaml:15: [0].tiers[1].output_per_m: is missing",
        "prices.yaml:16: [0].tiers[2]: is not a mapping",
        "prices.yaml:18: [0].tiers[4].until: is no key",
        "prices.yaml:18: [0].tiers[4].above_input_tokens: is given twice (got 8)",
    ):
        assert expected in message
    with pytest.raises(InputError, match="must be a list"):
        parse_price_entries(head + "  tiers: 5\n", file="prices.yaml")


rates = st.decimals(min_value="0.001", max_value="1000", places=3)


@given(rates, rates, rates, rates)
def test_a_disagreement_does_not_depend_on_the_order_of_the_sources(a: D, b: D, c: D, d: D) -> None:
    first, second = entry("a", input_per_m=a, output_per_m=b), entry("b", input_per_m=c, output_per_m=d)
    there = {item.field: item.percent for item in disagreements_of((first, second))}
    back = {item.field: item.percent for item in disagreements_of((second, first))}
    assert there == back
    assert set(there) == {f"standard.{name}_per_m" for name, x, y in (("input", a, c), ("output", b, d)) if x != y}
    assert all(percent is not None and percent > 0 for percent in there.values())


def test_a_tier_that_only_one_source_knows_is_a_disagreement_about_long_requests() -> None:
    prices = known_prices("anthropic/claude-sonnet-4-5", at=AT)
    long = {item.field: item for item in prices.disagreements if item.above_input_tokens == 200_000}
    assert (long["standard.input_per_m"].first, long["standard.input_per_m"].second) == (6, 3)
    assert not [item for item in prices.disagreements if item.above_input_tokens == 0]


def test_prices_that_are_right_have_no_findings() -> None:
    good = entry("a", own=True, batch=("1", "4"), retires=date(2028, 1, 1))
    assert findings(good, entry("b", input_per_m="2.1", output_per_m="8")) == ()
    assert findings(good, at=date(2026, 11, 3), needed_until=date(2028, 1, 1)) == ()


@pytest.mark.parametrize(
    ("entries", "severity", "words"),
    [
        ((entry(own=True, input_per_m="9", output_per_m="8"),), "warning", ["output costs $8 and input $9"]),
        ((entry(own=True, batch=("1", "5")),), "warning", ["batch output costs $5", "ratio 0.625", "0.5, 0.8, 1"]),
        ((entry("a", own=True), entry("b", output_per_m="0.008")), "error", ["8 against 0.008", "per thousand tokens"]),
        ((entry("a", input_per_m="0.000002", own=True), entry("b")), "error", ["0.000002 against 2", "USD per token"]),
        ((entry("a", own=True), entry("b", output_per_m="9")), "warning", ["8 against 9, 12 % apart", "limit 5 %"]),
        ((entry("a", own=True), entry("b", output_per_m="0")), "warning", ["output_per_m 8 against 0"]),
        ((entry(own=True, retires=AT),), "error", ["stopped on", str(AT)]),
        (
            (entry(own=True, retires=AT + timedelta(days=30)),),
            "warning",
            ["needed until", str(AT + timedelta(days=99))],
        ),
    ],
)
def test_each_finding_says_what_the_numbers_are_and_what_to_do(
    entries: tuple[PriceEntry, ...], severity: str, words: list[str]
) -> None:
    until = AT + timedelta(days=99)
    # A day of retirement that lies far enough ahead, where the case is about something else.
    if entries[0].retires is None:
        entries = (entries[0].model_copy(update={"retires": until}), *entries[1:])
    (finding,) = findings(*entries, needed_until=until)
    assert finding.severity == severity and finding.place.startswith("acme/m: ") and finding.fix
    assert all(word in str(finding) for word in words), str(finding)


def test_unpriced_and_stale_are_errors_and_come_first() -> None:
    late = AT + timedelta(days=46)
    own = entry(own=True, input_per_m="9", output_per_m="8", retires=late + timedelta(days=1))
    found = findings(own, at=late)
    assert [item.severity for item in found] == ["error", "warning"]
    assert "46 days before" in found[0].message and "set its as_of" in found[0].fix
    unpriced = lint_prices(known_prices("acme/none", at=AT), at=AT)
    assert unpriced[0].severity == "error" and "no source lists it" in unpriced[0].message


def test_the_list_itself_holds_prices_that_the_lint_finds() -> None:
    tuned = lint_prices(known_prices("openai/ft:gpt-4o-2024-08-06", at=AT), at=AT)
    assert any("batch input costs $2.225" in item.message and "ratio 0.593" in item.message for item in tuned)
