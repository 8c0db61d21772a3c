"""Rescoring: another scorer or reader is a matter of seconds and no money, and a verdict stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_suite import (
    Teacher,
    call,
    change,
    copy_store,
    everything,
    good_answer,
    http_server,
    http_teacher,
    promoted,
    rows_of,
    teacher_says,
    write_suite,
)

from gatekeeper.records import Completion
from gatekeeper.run.opening import open_session
from gatekeeper.stages.evaluate import evaluate_teacher
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

ROWS = {"pool": 40, "dev": 24, "gate": 20}


def loud(teacher: Teacher, text: str) -> tuple[int, str, bytes]:
    """The right answer in capitals, which only a scorer that does not look at case takes for right."""
    answer = json.loads(good_answer(text))
    answer["choices"][0]["message"]["content"] = teacher_says(text).upper()
    return 200, "application/json", json.dumps(answer).encode()


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with http_server(loud) as server:
        yield server


def suite_of(folder: Path, teacher: Teacher, *steps: str, rows: Mapping[str, int] = ROWS, **more: Any) -> Path:
    """The suite whose scorer compares answers after these steps."""
    suite = write_suite(folder, http_teacher(teacher.url) | more, rows=rows)
    document = yaml.safe_load(suite.read_text())
    document["evals"][0]["scorers"] = {"exact": {"exact": {"normalize": list(steps)}}}
    suite.write_text(json.dumps(document))
    return suite


def ask_on_dev(suite: Path, store: Path) -> list[Completion]:
    with open_session(load_suite(suite), Store(store)) as session:
        return evaluate_teacher(session, session.split("dev"), "teacher on dev")


def rescored(suite: Path, store: Path) -> dict[str, Any]:
    done = call("rescore", suite, "--store", store, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def of_teacher(found: Mapping[str, Any], split: str) -> dict[str, Any]:
    rows = [row for row in found["rows"] if (row["model"], row["split"]) == ("teacher", split)]
    assert len(rows) == 1
    row: dict[str, Any] = rows[0]
    return row


def test_another_scorer_costs_no_call_and_leaves_the_old_scores(teacher: Teacher, tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    ask_on_dev(suite_of(tmp_path, teacher, "strip"), store)
    asked = len(teacher.log)
    assert asked == ROWS["dev"] and rows_of(store, "SELECT sum(value) FROM scores") == [(0.0,)]
    suite = suite_of(tmp_path, teacher, "strip", "casefold")
    found = rescored(suite, store)
    row = of_teacher(found, "dev")
    assert (found["calls"], found["written"], len(teacher.log)) == (0, True, asked)
    assert (row["answers"], row["missing"], row["reread"], row["changed"]) == (asked, 0, 0, asked)
    assert (row["before"]["value"], row["after"]["value"]) == (0.0, 1.0)
    assert rows_of(store, "SELECT version, sum(value), count(*) FROM scores GROUP BY version ORDER BY version") == [
        ("exact/1:strip", 0.0, asked),
        ("exact/1:strip,casefold", float(asked), asked),
    ]
    again = rescored(suite, store)
    assert of_teacher(again, "dev")["changed"] == 0
    ask_on_dev(suite, store)
    assert len(teacher.log) == asked, "the loop finds the answers by what was asked"


def test_of_gate_rows_answers_are_counted_and_nothing_else(teacher: Teacher, tmp_path: Path) -> None:
    suite, store = suite_of(tmp_path, teacher, "strip"), tmp_path / "g.duckdb"
    with open_session(load_suite(suite), Store(store)) as session:
        evaluate_teacher(session, session.gate_rows()[:7], "teacher on gate")
    found = rescored(suite_of(tmp_path, teacher, "casefold"), store)
    row = of_teacher(found, "gate")
    assert (row["answers"], row["missing"]) == (7, ROWS["gate"] - 7)
    assert [row[name] for name in ("before", "after", "changed", "compared_with")] == [None] * 4
    assert rows_of(store, "SELECT count(*) FROM scores WHERE version = 'exact/1:casefold'") == [(0,)]


def test_another_reading_of_the_same_body_is_found(teacher: Teacher, tmp_path: Path) -> None:
    suite, store = suite_of(tmp_path, teacher, "strip", "casefold"), tmp_path / "g.duckdb"
    first = ask_on_dev(suite, store)
    change(store, "UPDATE completions SET output = 'read wrongly' WHERE hash(item_id) % 2 = 0")
    change(store, "DELETE FROM scores")
    change(store, "DELETE FROM predictions")
    wrong = rows_of(store, "SELECT count(*) FROM completions WHERE output = 'read wrongly'")[0][0]
    row = of_teacher(rescored(suite, store), "dev")
    assert 0 < wrong < ROWS["dev"] and row["reread"] == wrong and row["after"]["value"] == 1.0
    assert [one.output for one in ask_on_dev(suite, store)] == [one.output for one in first]
    assert len(teacher.log) == ROWS["dev"]


def test_more_rows_make_as_many_calls_and_another_prompt_makes_all(teacher: Teacher, tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    ask_on_dev(suite_of(tmp_path, teacher, "strip"), store)
    ask_on_dev(suite_of(tmp_path, teacher, "strip", rows=ROWS | {"dev": ROWS["dev"] + 5}), store)
    assert len(teacher.log) == ROWS["dev"] + 5
    suite = suite_of(tmp_path, teacher, "strip")
    document = json.loads(suite.read_text())
    document["prompt"] = {"system": "Answer with one label."}
    suite.write_text(json.dumps(document))
    row = of_teacher(rescored(suite, store), "dev")
    assert (row["answers"], row["missing"]) == (0, ROWS["dev"]), "answers to another prompt answer other questions"
    ask_on_dev(suite, store)
    assert len(teacher.log) == 2 * ROWS["dev"] + 5


def test_what_a_verdict_rests_on_stays(tmp_path: Path) -> None:
    run = promoted()
    store = copy_store(run.store, tmp_path / "copy")
    before = everything(store)
    found = rescored(run.suite, store)
    assert not found["written"] and "has its verdict" in found["kept_because"]
    assert everything(store) == before
    said = call("rescore", run.suite, "--store", store)
    assert "Nothing was written" in said.out and "0 calls, $0." in said.out
