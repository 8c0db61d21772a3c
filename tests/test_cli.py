"""The verbs that a finished store answers: check, evaluate, history, report, schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_suite import ROUND, Run, call, copy_store, promoted, write_suite

from gatekeeper.cli.main import VERBS


@pytest.fixture
def finished(tmp_path: Path) -> Run:
    run = promoted()
    return Run(run.suite, copy_store(run.store, tmp_path / "copy"), run.finished)


def test_every_verb_has_a_help_with_an_example_of_its_argument() -> None:
    for verb in VERBS:
        said = call(verb, "--help")
        assert said.code == 0
        assert "--json" in said.out, verb


def test_an_unknown_verb_is_the_users_mistake() -> None:
    assert call("promote-it").code == 2


def test_check_spends_nothing_and_plans_the_loop(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    said = call("check", suite, "--store", tmp_path / "none.duckdb", "--json")
    assert said.code == 0
    plan = json.loads(said.out)
    counts = plan["counts"]
    assert plan["teacher_calls"] == min(3 * ROUND, counts["pool"]) + counts["dev"] + counts["gate"]
    assert float(plan["usd_per_request"]) > 0
    assert [row["retention"] for row in plan["power"]] == [0.91, 0.92, 0.94, 1.0]
    chances = [row["last_look"] for row in plan["power"]]
    assert chances == sorted(chances)
    assert list(tmp_path.iterdir()) == [suite.parent], "check writes nothing"


def test_check_warns_when_the_gate_split_cannot_show_it(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite", {"gates": {"quality": {"retention": 0.999}}})
    said = call("check", suite, "--store", tmp_path / "none.duckdb")
    assert said.code == 0
    assert "even a student identical to the teacher cannot pass" in said.said


def test_evaluate_shows_teacher_and_students_without_a_look(finished: Run) -> None:
    said = call("evaluate", finished.suite, "--store", finished.store, "--json")
    assert said.code == 0
    rows = json.loads(said.out)
    assert rows[0]["round"] is None
    assert rows[0]["retention"] is None
    assert {row["name"] for row in rows[1:]} == {"linear"}
    assert all(row["retention"]["n_scored"] > 0 for row in rows[1:])


def test_evaluate_names_the_students_that_there_are(finished: Run) -> None:
    said = call("evaluate", finished.suite, "nobody", "--store", finished.store)
    assert said.code == 2
    assert "trained: linear" in said.said


def test_history_lists_the_run_and_its_promotion(finished: Run) -> None:
    said = call("history", "--store", finished.store, "--json")
    rows = json.loads(said.out)
    assert [row["state"] for row in rows] == ["promoted"]
    assert rows[0]["promoted"].startswith("b2:")


def test_report_writes_three_files_and_ends_with_what_to_do_next(finished: Run, tmp_path: Path) -> None:
    said = call("report", "--store", finished.store, "--out", tmp_path / "out")
    assert said.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "report.md", "report.json"}
    assert "gatekeeper verify" in said.out.splitlines()[-1]


def test_schema_writes_all_schemas(tmp_path: Path) -> None:
    said = call("schema", "--out", tmp_path / "schemas", "--json")
    assert said.code == 0
    names = {"eval.schema.json", "suite.schema.json", "usage.schema.json"}
    assert {Path(name).name for name in json.loads(said.out)["written"]} == names
