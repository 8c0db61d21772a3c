"""Batches in a run: half the price, no row lost, none paid twice, whenever the process is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic_server
import openai_server
import pytest
import yaml
from anthropic_server import AnthropicServer
from local_api import Asked, LocalApi, Response, as_json, serving
from openai_batch_server import OpenAIBatchServer, Row, text_of
from tiny_suite import PRICE, call, rows_of, start, teacher_says, write_suite

from gatekeeper.errors import BudgetExceededError, ModelError
from gatekeeper.models.openai_batch import OpenAIBatches
from gatekeeper.run.opening import open_session
from gatekeeper.stages.evaluate import evaluate_teacher
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

ROWS = {"pool": 80, "dev": 30, "gate": 20}
BATCH_USD = (11 * Decimal("2.5") + 3 * Decimal("12.5")) / 1_000_000
"""US dollars of one answer in a batch: 11 tokens in and 3 out."""
LIVE_USD = 2 * BATCH_USD
KEYS = {"TEST_OPENAI_KEY": openai_server.KEY, "TEST_ANTHROPIC_KEY": anthropic_server.KEY}
PRICES = [
    {
        **{"model": PRICE, "input_per_m": 5, "output_per_m": 25, "batch_input_per_m": 2.5, "batch_output_per_m": 12.5},
        **{"as_of": "2026-11-01", "source": "test"},
    }
]
Server = OpenAIBatchServer | AnthropicServer
VERDICTS = (0, 10, 11)


def an_openai() -> OpenAIBatchServer:
    server = OpenAIBatchServer(teacher_says)
    server.usage["cached"] = 0
    return server


def an_anthropic() -> AnthropicServer:
    return AnthropicServer(teacher_says)


SERVERS: dict[str, Callable[[], Server]] = {"openai": an_openai, "anthropic": an_anthropic}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, key in KEYS.items():
        monkeypatch.setenv(variable, key)


@contextmanager
def served(name: str) -> Iterator[Any]:
    with serving(SERVERS[name]()) as api:
        yield api


def write_prices(folder: Path, prices: Sequence[Mapping[str, Any]]) -> None:
    (folder / "prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")


def write(folder: Path, api: LocalApi, *, budget_usd: float = 10, **changes: Any) -> Path:
    """A suite whose teacher prefers batches."""
    at = {"model": "anthropic/claude-test", "base_url": api.url, "api_key_env": "TEST_ANTHROPIC_KEY"}
    if isinstance(api, OpenAIBatchServer):
        at = {"model": "openai/gpt-test", "base_url": f"{api.url}/v1", "api_key_env": "TEST_OPENAI_KEY"}
    folder.mkdir(parents=True, exist_ok=True)
    write_prices(folder, PRICES)
    teacher = {"answers": None, **at, "priced_as": PRICE, "prefer": "batch", **changes}
    loop = {"rounds": 1, "examples_per_round": 60, "budget_usd": budget_usd}
    return write_suite(folder, {"teacher": teacher, "prices": "./prices.yaml", "loop": loop}, rows=ROWS)


def dev_answers(suite: Path, store: Path, budget: Decimal | None = None) -> dict[str, str | None]:
    """Ask about the dev rows, and return the error class of each by its text."""
    loaded = load_suite(suite)
    if budget is not None:
        changed = loaded.spec.model_copy(update={"loop": loaded.spec.loop.model_copy(update={"budget_usd": budget})})
        loaded = type(loaded)(**{**vars(loaded), "spec": changed})
    with open_session(loaded, Store(store)) as session:
        evaluate_teacher(session, session.split("dev"), "asking")
    return dict(rows_of(store, "SELECT text, error_class FROM items JOIN completions USING (suite, item_id)"))


def spent(store: Path) -> Decimal:
    """What was paid for answers; nothing is open."""
    assert rows_of(store, "SELECT count(*) FROM spend WHERE state <> 'settled'") == [(0,)]
    return Decimal(rows_of(store, "SELECT sum(settled) FROM spend WHERE purpose IN ('generate', 'evaluate')")[0][0])


def states(store: Path) -> list[tuple[str, int]]:
    sql = "SELECT state, json_array_length(requests) FROM batches ORDER BY made_at"
    return [(state, count) for state, count in rows_of(store, sql)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_a_loop_in_batches_pays_half_and_asks_nothing_live(name: str, tmp_path: Path) -> None:
    with served(name) as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        done = call("loop", suite, "--store", store, "--json")
        assert done.code in VERDICTS, done.said
        assert set(api.billed.values()) == {1}
        assert not [asked for asked in api.asked if asked.path.endswith(("/completions", "/messages"))]
        assert spent(store) == len(api.billed) * BATCH_USD
        assert {state for state, _ in states(store)} == {"read"} and len(states(store)) >= 3
        asked = len(api.asked)
        assert call("loop", suite, "--store", store, "--json").code == done.code
        assert len(api.asked) == asked
    verified = call("verify", "--store", store)
    assert verified.code == 0, verified.said


@pytest.mark.slow
def test_whether_answers_come_in_batches_changes_neither_the_run_nor_what_is_asked(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        dev_answers(suite, store)
        assert len(api.billed) == ROWS["dev"]
        live = write(tmp_path / "suite", api, prefer="live")
        dev_answers(live, store)
        assert set(api.billed.values()) == {1} and len(rows_of(store, "SELECT run FROM runs")) == 1


def hold(api: LocalApi, exchange: str) -> tuple[threading.Event, threading.Event]:
    """Let the first such exchange reach the provider, and never answer it; returns (it came, let go)."""
    came, go = threading.Event(), threading.Event()

    def fault(asked: Asked) -> Response | None:
        if came.is_set() or not is_exchange(exchange, asked):
            return None
        answer = api.answer(asked)
        came.set()
        go.wait(60)
        return answer

    api.fault = fault
    return came, go


def kill_in(api: LocalApi, exchange: str, suite: Path, store: Path) -> None:
    """Start a loop, and kill it when the first such exchange has reached the provider."""
    came, go = hold(api, exchange)
    process = start("loop", suite, "--store", store)
    assert came.wait(60), process.communicate()
    process.kill()
    process.communicate()
    go.set()


def is_exchange(exchange: str, asked: Asked) -> bool:
    path = asked.path.partition("?")[0]
    found = {
        "upload": asked.method == "POST" and path.endswith("/files"),
        "create": asked.method == "POST" and path.endswith("/batches"),
        "poll": asked.method == "GET" and "/batches/" in path and not path.endswith("/results"),
        "results": path.endswith(("/content", "/results")),
    }
    return found[exchange]


@pytest.mark.parametrize(
    ("name", "exchange"),
    [
        ("openai", "create"),
        pytest.param("openai", "upload", marks=pytest.mark.slow),
        pytest.param("openai", "poll", marks=pytest.mark.slow),
        pytest.param("openai", "results", marks=pytest.mark.slow),
        pytest.param("anthropic", "create", marks=pytest.mark.slow),
        pytest.param("anthropic", "poll", marks=pytest.mark.slow),
        pytest.param("anthropic", "results", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_picks_its_batch_up_and_pays_no_row_twice(
    name: str, exchange: str, tmp_path: Path
) -> None:
    with served(name) as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        kill_in(api, exchange, suite, store)
        assert len(api.batches) == (0 if exchange == "upload" else 1)
        assert set(dev_answers(suite, store).values()) == {None}
        assert len(api.batches) == 1 and set(api.billed.values()) == {1}
        assert spent(store) == ROWS["dev"] * BATCH_USD, "what was reserved before the kill is settled"
    assert states(store) == ([("dropped", 0)] if exchange == "upload" else []) + [("read", 0)]


@pytest.mark.slow
def test_a_batch_of_somebody_else_with_as_many_rows_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Anthropic's batches have no names: the results tell."""
    with served("anthropic") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        kill_in(api, "create", suite, store)
        (ours,) = api.batches.values()
        renamed = [{**row, "custom_id": f"b2_{number}"} for number, row in enumerate(ours)]
        api.batches = {"msgbatch_other": renamed}
        api.made_at["msgbatch_other"] = api.made_at["msgbatch_01"]
        dev_answers(suite, store)
        assert spent(store) == ROWS["dev"] * BATCH_USD
        assert states(store) == [("dropped", 0), ("read", 0)] and len(api.batches) == 2


@pytest.mark.parametrize("name", SERVERS)
def test_the_reply_to_a_creation_is_lost_and_the_batch_is_not_created_twice(name: str, tmp_path: Path) -> None:
    with served(name) as api:
        lost: list[Asked] = []

        def fault(asked: Asked) -> Response | None:
            if lost or not is_exchange("create", asked):
                return None
            api.answer(asked)
            lost.append(asked)
            return Response(reset=True)

        api.fault = fault
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        assert set(dev_answers(suite, store).values()) == {None}
        assert lost and len(api.batches) == 1 and set(api.billed.values()) == {1}
        assert spent(store) == ROWS["dev"] * BATCH_USD


def test_exactly_the_rows_that_failed_are_handed_over_again(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        first = [f"dev{number}" for number in range(7)]

        def row(asked: Row) -> Row | None:
            words = text_of(asked).split()
            if len(api.batches) == 1 and set(words) & set(first):
                return None if "dev0" in words else api.late(asked)
            return dict(api.good(asked))

        api.row = row
        assert set(dev_answers(suite, store).values()) == {None}
        again = {text_of(one) for one in api.rows_of("batch1")}
        assert len(again) == 7 and all(set(text.split()) & set(first) for text in again)
        assert len(api.batches) == 2 and set(api.billed.values()) == {1}
        assert spent(store) == ROWS["dev"] * BATCH_USD


def test_a_row_that_no_other_try_would_mend_is_not_handed_over_again(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        refused = {"response": {"status_code": 400, "body": {"error": {"message": "too long"}}}, "error": {"code": "x"}}
        api.row = lambda row: refused if "dev3" in text_of(row).split() else api.good(row)
        kinds = dev_answers(suite, store)
        assert [kind for kind in kinds.values() if kind is not None] == ["bad_request"] and len(api.batches) == 1


@pytest.mark.slow
def test_rows_that_three_batches_did_not_answer_are_asked_live(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        api.row = lambda row: api.late(row) if "dev3" in text_of(row).split() else api.good(row)
        assert set(dev_answers(suite, store).values()) == {None}
        assert [len(api.rows_of(name)) for name in api.batches] == [ROWS["dev"], 1, 1]
        assert spent(store) == (ROWS["dev"] - 1) * BATCH_USD + LIVE_USD


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_after_the_deadline_a_batch_is_cancelled_and_the_rest_is_asked_live(name: str, tmp_path: Path) -> None:
    with served(name) as api:
        api.looks = 1000
        if isinstance(api, OpenAIBatchServer):
            api.row = lambda row: api.good(row) if "dev3" in text_of(row).split() else api.late(row)
        suite, store = write(tmp_path / "suite", api, deadline_hours=0.0005), tmp_path / "g.duckdb"
        began = time.monotonic()
        assert set(dev_answers(suite, store).values()) == {None}
        assert time.monotonic() - began > 1.8, "it waits until then"
        in_batch = 1 if name == "openai" else 0
        assert set(api.billed.values()) == {1} and len(api.batches) == 1
        assert spent(store) == in_batch * BATCH_USD + (ROWS["dev"] - in_batch) * LIVE_USD


@pytest.mark.slow
def test_ctrl_c_leaves_the_batch_at_the_provider_and_the_same_command_reads_it(tmp_path: Path) -> None:
    with served("openai") as api:
        api.looks = 4
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        process = start("loop", suite, "--store", store)
        while not any(is_exchange("poll", asked) for asked in api.asked):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 130, said
        assert "the same command reads them" in said and not api.billed
        assert states(store) == [("open", ROWS["dev"])]
        assert set(dev_answers(suite, store).values()) == {None}
        assert len(api.batches) == 1 and spent(store) == ROWS["dev"] * BATCH_USD


@pytest.mark.slow
def test_who_prefers_live_again_cancels_what_is_open_and_keeps_what_it_has_answered(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        kill_in(api, "poll", suite, store)
        api.looks = 1000
        api.row = lambda row: api.good(row) if "dev3" in text_of(row).split() else api.late(row)
        dev_answers(write(tmp_path / "suite", api, prefer="live"), store)
        assert set(api.billed.values()) == {1} and api.batches["batch0"]["status"] == "cancelled"
        assert spent(store) == ROWS["dev"] * LIVE_USD, "without a batch price that is known, the full one is paid"


@pytest.mark.slow
def test_a_large_ask_is_split_by_the_limits_of_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenAIBatches, "most_requests", 13)
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        assert set(dev_answers(suite, store).values()) == {None}
        assert [len(api.rows_of(name)) for name in api.batches] == [13, 13, 4]
    monkeypatch.setattr(OpenAIBatches, "most_bytes", 2000)
    with served("openai") as api:
        suite, store = write(tmp_path / "other", api), tmp_path / "h.duckdb"
        assert set(dev_answers(suite, store).values()) == {None}
        assert len(api.batches) > 3 and max(map(len, api.files.values())) <= 2000 * 3
        sent = [content for name, content in api.files.items() if name.startswith("file")]
        assert max(map(len, sent)) <= 2000


@pytest.mark.slow
def test_a_small_budget_hands_over_what_fits_and_uses_what_is_given_back(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        with pytest.raises(BudgetExceededError):
            dev_answers(suite, store, budget=Decimal("0.002"))
        assert len(api.batches) >= 2, "answers cost less than their bounds, so there is room for more"
        billed = len(api.billed)
        assert spent(store) == billed * BATCH_USD and billed * BATCH_USD <= Decimal("0.002")
        assert set(dev_answers(suite, store).values()) == {None}
        assert set(api.billed.values()) == {1} and spent(store) == ROWS["dev"] * BATCH_USD


@pytest.mark.slow
def test_a_batch_that_is_picked_up_is_read_before_the_budget_ends_the_run(tmp_path: Path) -> None:
    with served("openai") as api:
        suite, store = write(tmp_path / "suite", api, budget_usd=0.002), tmp_path / "g.duckdb"
        kill_in(api, "poll", suite, store)
        first = len(api.rows_of("batch0"))
        assert first < ROWS["dev"]
        with pytest.raises(BudgetExceededError):
            dev_answers(suite, store)
        assert len(api.billed) > first and set(api.billed.values()) == {1}
        assert spent(store) == len(api.billed) * BATCH_USD


@pytest.mark.slow
@pytest.mark.parametrize(("code", "again"), [("token_limit_exceeded", True), ("invalid_json_line", False)])
def test_a_batch_that_failed_as_a_whole_costs_nothing(code: str, again: bool, tmp_path: Path) -> None:
    with served("openai") as api:
        api.status, api.errors = "failed", [{"code": code, "message": "no", "line": None}]
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        if again:
            assert set(dev_answers(suite, store).values()) == {None}
            assert len(api.batches) == 3 and spent(store) == ROWS["dev"] * LIVE_USD
            return
        with pytest.raises(ModelError, match="failed: line None: no"):
            dev_answers(suite, store)
        assert spent(store) == 0 and states(store) == [("dropped", 0)]


@pytest.mark.slow
def test_a_provider_that_refuses_the_batch_ends_the_run_and_nothing_is_reserved(tmp_path: Path) -> None:
    with served("openai") as api:
        api.fault = lambda asked: as_json({"error": {"message": "Not Found"}}, 404) if asked.method == "POST" else None
        suite, store = write(tmp_path / "suite", api), tmp_path / "g.duckdb"
        with pytest.raises(ModelError) as caught:
            dev_answers(suite, store)
        assert "prefer: live" in str(caught.value.hint)
        assert spent(store) == 0 and states(store) == [("dropped", 0)]


def test_without_a_batch_price_nothing_is_sent(tmp_path: Path) -> None:
    with served("openai") as api:
        suite = write(tmp_path / "suite", api)
        one: Mapping[str, Any] = {key: value for key, value in PRICES[0].items() if not key.startswith("batch")}
        write_prices(tmp_path / "suite", [{**one, "model": "acme/one"}])
        text = suite.read_text(encoding="utf-8").replace(PRICE, "acme/one")
        suite.write_text(text, encoding="utf-8")
        for arguments in (("loop", suite), ("loop", suite, "--dry-run")):
            done = call(*arguments, "--store", tmp_path / "g.duckdb")
            assert done.code == 13 and "no batch price for 'acme/one'" in done.said, done.said
            assert "prefer: live" in done.said
        assert not api.asked
