"""Several answers of one teacher to one item: asked once, paid once, kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tiny_suite import LABELS, Teacher, good_answer, http_server, http_teacher, rows_of, write_jsonl, write_suite

from gatekeeper.errors import BudgetExceededError, InputError
from gatekeeper.records import Completion, Message, Request
from gatekeeper.run.asking import ask, ask_samples, request_of
from gatekeeper.run.opening import open_session
from gatekeeper.run.session import Session
from gatekeeper.store.connection import Store
from gatekeeper.store.spend import spend_of
from gatekeeper.suite.load import load_suite

ROWS = {"pool": 60, "dev": 12, "gate": 20}
BILL = Decimal("0.00025")  # 40 tokens in and 2 out at $5 and $25 a million


def fickle(teacher: Teacher, text: str) -> tuple[int, str, bytes]:
    """Answer the n-th question about a text with the n-th label."""
    answer = json.loads(good_answer(text))
    answer["choices"][0]["message"]["content"] = LABELS[(teacher.counts[text] - 1) % len(LABELS)]
    return 200, "application/json", json.dumps(answer).encode()


@contextmanager
def session_on(store: Path, suite: Path) -> Iterator[Session]:
    with open_session(load_suite(suite), Store(store)) as session:
        yield session


def outputs(found: dict[str, list[Completion]]) -> dict[str, list[str | None]]:
    return {item_id: [one.output for one in samples] for item_id, samples in found.items()}


def http_suite(folder: Path, teacher: Teacher, **loop: Any) -> Path:
    return write_suite(folder, {**http_teacher(teacher.url), "loop": loop}, rows=ROWS)


def test_more_samples_ask_exactly_the_new_ones(tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    with http_server(fickle) as teacher:
        suite = http_suite(tmp_path, teacher)
        with session_on(store, suite) as session:
            items = session.split("dev")
            first = ask(session, items, "evaluate", "one")
            assert set(teacher.counts.values()) == {1} and len(teacher.log) == len(items)
            three = ask_samples(session, [*items, items[0]], "evaluate", "three", 3)
            assert set(teacher.counts.values()) == {3} and len(teacher.log) == 3 * len(items)
            assert {item_id: samples[0] for item_id, samples in three.items()} == first
            assert all(sorted(map(str, said)) == sorted(LABELS) for said in outputs(three).values())
            for samples in three.values():
                assert [one.sample_index for one in samples] == [0, 1, 2]
        with session_on(store, suite) as session:  # another process would find the same
            assert outputs(ask_samples(session, items, "evaluate", "again", 3)) == outputs(three)
            two = ask_samples(session, items, "evaluate", "fewer", 2)
            assert outputs(two) == {item_id: said[:2] for item_id, said in outputs(three).items()}
            assert len(teacher.log) == 3 * len(items)
            four = ask_samples(session, items[:5], "evaluate", "one more", 4)
            assert len(teacher.log) == 3 * len(items) + 5
            with session.store.read() as connection:
                paid = spend_of(connection, session.run)
            assert [row.settled for row in paid] == [BILL] * len(teacher.log)
            assert session.budget.spent == BILL * len(teacher.log)
    kept = rows_of(store, "SELECT item_id, sample_index FROM completions ORDER BY ALL")
    assert len(set(kept)) == len(kept) == len(teacher.log)
    assert {one.request_key for samples in four.values() for one in samples} <= {
        key for (key,) in rows_of(store, "SELECT request_key FROM completions")
    }


def test_all_items_are_asked_once_before_any_is_asked_again_and_the_budget_ends_it(tmp_path: Path) -> None:
    with http_server(fickle) as teacher:
        suite = http_suite(tmp_path, teacher, budget_usd=0.01)
        with session_on(tmp_path / "g.duckdb", suite) as session:
            items = session.split("dev")
            with pytest.raises(BudgetExceededError):
                ask_samples(session, items, "evaluate", "many", 50)
            asked = len(teacher.log)
            assert len(items) < asked < 50 * len(items) and session.budget.spent <= Decimal("0.01")
            assert max(teacher.counts.values()) - min(teacher.counts.values()) <= 1 and len(teacher.counts) == 12
            once = ask(session, items, "evaluate", "from the store")
            assert len(teacher.log) == asked and all(one.ok for one in once.values())


def test_a_failed_sample_keeps_its_place_and_alone_is_asked_again(tmp_path: Path) -> None:
    broken = True

    def reply(teacher: Teacher, text: str) -> tuple[int, str, bytes]:
        if broken and teacher.counts[text] == 2:
            return 400, "application/json", b'{"error": {"message": "no"}}'
        return fickle(teacher, text)

    with http_server(reply) as teacher:
        suite = write_suite(tmp_path, http_teacher(teacher.url, concurrency=1), rows=ROWS)
        with session_on(tmp_path / "g.duckdb", suite) as session:
            items = session.split("dev")[:3]
            found = ask_samples(session, items, "evaluate", "three", 3)
            assert [[one.ok for one in samples] for samples in found.values()] == [[True, False, True]] * 3
            broken = False
            mended = ask_samples(session, items, "evaluate", "three", 3)
            assert Counter(teacher.counts.values()) == {4: 3}
            for item in items:
                assert all(one.ok for one in mended[item.id])
                assert [mended[item.id][place] for place in (0, 2)] == [found[item.id][place] for place in (0, 2)]


def test_recorded_answers_give_the_samples_that_were_recorded(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, rows=ROWS)
    with session_on(tmp_path / "a.duckdb", suite) as session:
        items = session.split("dev")[:2]
    log = [{"input": items[0].text, "output": label} for label in ("billing", "billing", "account")]
    write_jsonl(tmp_path / "answers.jsonl", [*log, {"input": items[1].text, "output": "shipping"}])
    with session_on(tmp_path / "b.duckdb", suite) as session:
        found = outputs(ask_samples(session, items, "evaluate", "replay", 3))
        assert found[items[0].id] == ["billing", "billing", "account"]
        assert found[items[1].id] == ["shipping", None, None]


def test_sample_0_is_the_question_that_was_always_asked(tmp_path: Path) -> None:
    with session_on(tmp_path / "g.duckdb", write_suite(tmp_path, rows=ROWS)) as session:
        item = session.split("dev")[0]
        keys = {request_of(session.suite, item, number).key("b2:m") for number in range(3)}
        assert len(keys) == 3 and request_of(session.suite, item).key("b2:m") in keys
        assert request_of(session.suite, item) == request_of(session.suite, item, 0)
        with pytest.raises(InputError, match="0 samples"):
            ask_samples(session, [item], "evaluate", "none", 0)
        assert ask_samples(session, [], "evaluate", "nothing", 2) == {}


def test_request_keys_stay_what_they_are() -> None:
    """Answers that people paid for are found by these keys: a key that changes asks, and bills, all of them again."""
    text = "Où est ma carte? \U0001f4b3"
    request = Request(
        item_id="not part of the key",
        text=text,
        messages=(Message(role="system", content="Answer with one label."), Message(role="user", content=text)),
        params={"temperature": 0.0, "max_tokens": 16, "stop": ["\n"], "logprobs": True},
        sample_index=2,
    )
    assert request.key("b2:7eac") == "b2:2f662aa79544e9eb9fc3c7547af8687e"
