"""The loop through the command line: each verdict with its exit code, and that nothing is asked or paid twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tiny_suite import (
    ROUND,
    ROWS,
    Teacher,
    call,
    contents,
    copy_store,
    everything,
    http_server,
    http_teacher,
    loop,
    make_rows,
    merged,
    promoted,
    rows_of,
    teacher_says,
    write_jsonl,
    write_suite,
)

from gatekeeper.models import load_classifier
from gatekeeper.store.artifacts import open_artifact
from gatekeeper.store.connection import Store

FEW = {"pool": 60, "dev": 40, "gate": 20}
CENT_PER_ANSWER = 0.00025  # 40 tokens in and 2 out at $5 and $25 a million


@pytest.fixture
def server() -> Iterator[Teacher]:
    """A teacher behind HTTP."""
    with http_server() as teacher:
        yield teacher


def test_a_good_student_is_promoted() -> None:
    run = promoted()
    assert run.finished.code == 0, run.finished.said
    assert run.verdict["decision"] == "promote"
    assert [rule["outcome"] for rule in run.verdict["rules"]] == ["pass"] * 4
    pointer = json.loads((run.store.parent / "promoted" / "tiny.json").read_text())
    assert rows_of(run.store, "SELECT model, decision FROM verdicts") == [(pointer["artifact"], "promote")]
    assert rows_of(run.store, "SELECT state, finished_at IS NOT NULL FROM runs") == [("promoted", True)]
    folder = run.store.parent / "reports" / "tiny"
    assert {path.name for path in folder.iterdir()} == {"report.html", "report.md", "report.json"}
    assert json.loads((folder / "report.json").read_text())["verdict"]["decision"] == "promote"
    assert (folder / "report.md").read_text().startswith("# Promote")


def test_a_student_that_was_trained_again_never_gets_the_answers_of_its_predecessor() -> None:
    store = promoted().store
    models = [model for (model,) in rows_of(store, "SELECT model FROM training_runs ORDER BY round")]
    dev = rows_of(store, "SELECT item_id, text FROM items WHERE split = 'dev' ORDER BY item_id")
    answers = []
    for model in models:
        classifier = load_classifier(open_artifact(Store(store), model))
        made = classifier.predict([text for _, text in dev])
        stored = rows_of(
            store,
            f"""SELECT output, confidence FROM predictions JOIN items USING (suite, item_id)
                WHERE model = '{model}' AND split = 'dev' ORDER BY item_id""",
        )
        assert [output for output, _ in stored] == [classifier.labels[place] for place in made.argmax(axis=1)]
        assert [confidence for _, confidence in stored] == pytest.approx(made.max(axis=1).tolist())
        answers.append(stored)
    assert len(models) == len(set(models)) == 2 and answers[0] != answers[1], "they can be told apart"


def test_the_shared_run_took_two_looks_and_mined_in_its_second_round() -> None:
    # Other tests copy this run and rest on this shape.
    store = promoted().store
    assert rows_of(store, "SELECT look, round, passed FROM looks ORDER BY look") == [(1, 1, False), (2, 2, True)]
    sources = rows_of(store, "SELECT round, source, count(*) FROM examples GROUP BY ALL ORDER BY ALL")
    assert sources == [(1, "random", ROUND), (2, "mined", ROUND // 2), (2, "random", ROUND // 2)]


def test_verify_says_that_it_verifies() -> None:
    done = call("verify", "--store", promoted().store)
    assert done.code == 0, done.said
    assert "verifies: promote" in done.out


def test_the_same_command_again_asks_nobody_and_says_the_same(tmp_path: Path) -> None:
    run = promoted()
    store = copy_store(run.store, tmp_path / "copy")
    before = everything(store)
    again = loop(run.suite, store)
    assert again.finished.code == 0
    assert again.verdict == run.verdict
    assert "this run has its verdict already" in again.finished.err
    assert everything(store) == before


def test_a_run_killed_between_verdict_and_promotion_still_promotes(tmp_path: Path) -> None:
    run = promoted()
    store = copy_store(run.store, tmp_path / "copy")
    pointer = store.parent / "promoted" / "tiny.json"
    wanted = json.loads(pointer.read_text())
    pointer.unlink()
    with duckdb.connect(str(store)) as connection:
        connection.execute("DELETE FROM promotions")
        connection.execute("UPDATE runs SET state = 'running', finished_at = NULL")
    assert loop(run.suite, store).finished.code == 0
    assert contents(store) == contents(run.store)
    assert json.loads(pointer.read_text())["artifact"] == wanted["artifact"]


@pytest.mark.slow
def test_a_rerun_of_an_old_run_does_not_undo_a_later_promotion(tmp_path: Path) -> None:
    run = promoted()
    store = copy_store(run.store, tmp_path / "copy")
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            """INSERT INTO promotions SELECT * REPLACE ('later' AS id, 'other run' AS run, 'other' AS artifact,
               promoted_at + INTERVAL 1 HOUR AS promoted_at) FROM promotions"""
        )
        connection.execute("UPDATE runs SET state = 'running', finished_at = NULL")
    assert loop(run.suite, store).finished.code == 0
    assert json.loads((store.parent / "promoted" / "tiny.json").read_text())["artifact"] == "other"


@pytest.mark.slow
def test_a_student_that_cannot_learn_is_rejected(tmp_path: Path) -> None:
    changes = {"loop": {"rounds": 1}, "gates": {"quality": {"look_when": 0.5}}}
    run = loop(write_suite(tmp_path, changes, learnable=False), tmp_path / "g.duckdb")
    assert run.finished.code == 10, run.finished.said
    assert run.verdict["decision"] == "reject"
    quality = run.verdict["rules"][0]
    assert (quality["outcome"], quality["bound"]) == ("fail", None)
    assert rows_of(run.store, "SELECT count(*) FROM looks") == [(0,)]
    assert rows_of(run.store, "SELECT state FROM runs") == [("rejected",)]
    assert not (tmp_path / "promoted").exists()
    assert (tmp_path / "reports" / "tiny" / "report.html").is_file()
    assert call("verify", "--store", run.store).code == 0


def test_a_student_that_saves_nothing_is_rejected_without_a_look(tmp_path: Path) -> None:
    changes = {"traffic": {"requests_per_month": 10}, "loop": {"rounds": 1}}
    run = loop(write_suite(tmp_path, changes), tmp_path / "g.duckdb")
    assert run.finished.code == 10, run.finished.said
    outcomes = {rule["rule"]: rule["outcome"] for rule in run.verdict["rules"]}
    assert outcomes["gates.cost.reduction"] == outcomes["gates.cost.payback_months"] == "fail"
    assert rows_of(run.store, "SELECT count(*) FROM looks") == [(0,)]


@pytest.mark.slow
def test_too_few_gate_rows_are_inconclusive_and_the_rows_needed_are_named(tmp_path: Path) -> None:
    changes = {"loop": {"rounds": 1}, "gates": {"quality": {"look_when": 0.5}}}
    run = loop(write_suite(tmp_path, changes, rows=FEW), tmp_path / "g.duckdb")
    assert run.finished.code == 11, run.finished.said
    quality = run.verdict["rules"][0]
    assert quality["outcome"] == "inconclusive"
    assert "With 20 gate rows even a student identical to the teacher cannot pass" in quality["sentence"]
    assert "Give the gate split at least" in quality["settle"]
    assert rows_of(run.store, "SELECT count(*) FROM looks") == [(0,)]
    gate_answers = "SELECT count(*) FROM predictions JOIN items USING (suite, item_id) WHERE split = 'gate'"
    assert rows_of(run.store, gate_answers) == [(0,)]
    assert call("verify", "--store", run.store).code == 0


@pytest.mark.slow
def test_the_budget_stops_a_run_and_a_second_start_gets_no_second_budget(tmp_path: Path, server: Teacher) -> None:
    cap = 0.03
    limits = {"loop": {"budget_usd": cap, "rounds": 1}, "gates": {"quality": {"looks": 1}}}
    changes = merged(http_teacher(server.url), limits)
    suite, store = write_suite(tmp_path, changes), tmp_path / "g.duckdb"
    first = call("loop", suite, "--store", store)
    assert first.code == 12, first.said
    assert f"of ${cap}" in first.said and "fix: raise loop.budget_usd" in first.said
    asked = len(server.log)
    assert ROWS["dev"] < asked <= cap / CENT_PER_ANSWER
    assert rows_of(store, "SELECT count(*) FROM completions WHERE output IS NOT NULL") == [(asked,)]
    assert rows_of(store, "SELECT state FROM runs") == [("budget",)]

    second = call("loop", suite, "--store", store)
    assert second.code == 12, second.said
    assert len(server.log) * CENT_PER_ANSWER <= cap
    assert max(server.counts.values()) == 1
    assert float(rows_of(store, "SELECT sum(coalesce(settled, reserved)) FROM spend")[0][0]) <= cap

    third = loop(write_suite(tmp_path, merged(changes, {"loop": {"budget_usd": 10}})), store)
    assert third.finished.code == 0, third.finished.said
    assert max(server.counts.values()) == 1  # what was done so far was kept
    assert rows_of(store, "SELECT count(*) FROM runs") == [(1,)]


def test_a_teacher_without_a_price_ends_with_13(tmp_path: Path) -> None:
    done = call("loop", write_suite(tmp_path, {"teacher": {"priced_as": None}}), "--store", tmp_path / "g.duckdb")
    assert done.code == 13
    assert "the replay teacher has no price" in done.err and "priced_as" in done.err


@pytest.mark.slow
def test_without_gold_the_loop_measures_agreement_and_bears_a_failed_answer(tmp_path: Path) -> None:
    rows = ROWS | {"pool": 300, "gate": 200}
    changes = {"gates": {"quality": {"retention": 0.8}}, "loop": {"rounds": 1, "examples_per_round": 300}}
    suite = write_suite(tmp_path, changes, rows=rows)
    text = suite.read_text()
    assert "target: label" in text
    suite.write_text(text.replace("    target: label\n", ""))
    answers = [
        {"item_id": row["id"], "output": teacher_says(row["text"]), "usage": {"input_tokens": 40, "output_tokens": 2}}
        for split, count in rows.items()
        for row in make_rows(split, count)
        if row["id"] not in ("gate-0007", "dev-0003", "pool-0005")
    ]
    write_jsonl(tmp_path / "answers.jsonl", answers)
    run = loop(suite, tmp_path / "g.duckdb")
    assert run.finished.code == 0, run.finished.said
    quality = run.verdict["rules"][0]
    assert "of agreement with the teacher" in quality["sentence"]
    assert "On 200 gate rows" in quality["sentence"]
    assert call("verify", "--store", run.store).code == 0
    assert rows_of(run.store, "SELECT item_id, reason FROM dropped") == [("pool-0005", "failed: not_recorded")]
