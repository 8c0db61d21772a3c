"""Input that is written to a prompt cache: counted, kept, priced, and shown wherever tokens are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from anthropic_server import CACHE_PRICE
from store_samples import completion
from test_cost_scenario import _rows, _scenario
from tiny_suite import write_jsonl, write_suite

from gatekeeper.cost.prices.entry import ModelPrices
from gatekeeper.cost.scenario import compare
from gatekeeper.cost.usage import price_requests
from gatekeeper.models.answers import read_usage
from gatekeeper.models.replay import ReplayModel
from gatekeeper.records import Completion, Message, Request, Usage
from gatekeeper.store import Store
from gatekeeper.store.completions import completion_from_row, completions_by_key, insert_completions
from gatekeeper.suite.load import load_suite
from gatekeeper.whatif.sources.teacher_ways import ways_of

USAGE = Usage(input_tokens=2011, output_tokens=3, cache_write_tokens=2000)


def test_openai_s_counts_are_parts_of_the_input() -> None:
    details = {"cached_tokens": 600, "cache_write_tokens": 500}
    usage = read_usage({"prompt_tokens": 1000, "completion_tokens": 2, "prompt_tokens_details": details})
    assert usage is not None
    assert (usage.cached_input_tokens, usage.cache_write_tokens) == (600, 400), "never more than the whole"


def test_lines_and_rows_from_before_have_none() -> None:
    old = completion("k", "i").model_dump(mode="json")
    del old["usage"]["cache_write_tokens"]
    assert Completion.model_validate(old).usage.cache_write_tokens == 0
    row = {
        **completion("k", "i").model_dump(exclude={"usage", "distribution"}),
        "distribution": None,
        "input_tokens": 2011,
        "output_tokens": 3,
        "cached_input_tokens": 0,
        "usage_reported": True,
        "arrived_at": datetime.now(UTC),
    }
    assert completion_from_row(row).usage.cache_write_tokens == 0
    assert completion_from_row({**row, "cache_write_tokens": None}).usage.cache_write_tokens == 0
    assert completion_from_row({**row, "cache_write_tokens": 2000}).usage == USAGE


def test_a_recorded_answer_carries_them(tmp_path: Path) -> None:
    usage = {"input_tokens": 2011, "output_tokens": 3, "cache_write_tokens": 2000}
    file = write_jsonl(tmp_path / "a.jsonl", [{"item_id": "i", "output": "yes", "usage": usage}])
    request = Request(item_id="i", text="q", messages=(Message(role="user", content="q"),))
    model = ReplayModel(file, price_id="a/c")
    (answer,) = model.complete([request])
    assert answer.usage == USAGE == model.upper_bound(request)
    assert json.loads(answer.model_dump_json())["usage"]["cache_write_tokens"] == 2000


def test_the_bill_shows_them_only_where_there_are_some() -> None:
    plain = USAGE.model_copy(update={"cache_write_tokens": 0})
    written = _rows(compare(_scenario(teacher=price_requests([USAGE, plain], CACHE_PRICE))))
    without = _rows(compare(_scenario(teacher=price_requests([plain], CACHE_PRICE))))
    assert written["teacher_cache_write_tokens"].value == 1000
    assert written["teacher_cache_write_usd_per_m"].value == 5
    assert written["teacher_usd_per_request"].value == Decimal("0.009104")  # (0.010104 + 0.008104) / 2
    assert not [name for name in without if "cache_write" in name]


def test_with_caching_in_full_nothing_is_written(tmp_path: Path) -> None:
    spec = load_suite(write_suite(tmp_path)).spec
    prices = ModelPrices(model="anthropic/x", standard=CACHE_PRICE.model_copy(update={"model": "anthropic/x"}))

    def inputs(writes: bool) -> dict[str, Decimal | None]:
        ways = ways_of(spec, prices, repeated=5000, mean_input=Decimal(6000), known="here", writes=writes)
        return {one.name: one.value for one in ways.inputs}

    assert inputs(False) == {"caching.cached_input_tokens": 5000}
    assert inputs(True) == {"caching.cached_input_tokens": 5000, "caching.cache_write_tokens": 0}


def test_the_store_keeps_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    answer = completion("k", "i").model_copy(update={"usage": USAGE})
    with store.write() as connection:
        insert_completions(
            connection, "suite", [(answer, datetime.now(UTC)), (completion("old", "i"), datetime.now(UTC))]
        )
        connection.execute("UPDATE completions SET cache_write_tokens = NULL WHERE request_key = 'old'")
    with store.read() as connection:
        found = completions_by_key(connection, ["k", "old"])
        shown = connection.execute("SELECT sum(cache_write_tokens) FROM completions").fetchall()
    assert found["k"].usage == USAGE and found["old"].usage.cache_write_tokens == 0
    assert shown == [(2000,)]
