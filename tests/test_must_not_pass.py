"""What other gates have let through. Each of these must not promote here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from gate_suite import run_gate, write_gate_suite
from tiny_suite import call, change, http_server, http_teacher, make_rows, rows_of, write_jsonl, write_suite

from gatekeeper.decide.derive import derive_verdict
from gatekeeper.errors import DataError, ModelError
from gatekeeper.gate.guards import guard_rule
from gatekeeper.gate.quality import LookEvidence, QualityRequirement, quality_of_look
from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.verdict import judge
from gatekeeper.records import Outcome
from gatekeeper.stats.samples import item_means
from gatekeeper.suite.data import load_items
from gatekeeper.suite.load import load_suite

NEEDED = QualityRequirement(retention=0.9, alpha=0.05, looks=1)


def outcome(student: np.ndarray, teacher: np.ndarray, n_expected: int | None = None) -> Outcome:
    """The quality rule at one look over the whole alpha."""
    scores = PairedScores(np.asarray(student, float), np.asarray(teacher, float), n_expected or len(student))
    return quality_of_look(LookEvidence(scores, 1, 0.05), NEEDED).outcome


def test_no_discordant_pair_at_one_row() -> None:
    assert outcome(np.ones(1), np.ones(1)) == "inconclusive"


def test_one_gold_row_five_hundred_times(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    row = make_rows("gate", 1)[0]
    write_jsonl(suite.parent / "gate.jsonl", [{**row, "id": f"copy-{place}"} for place in range(500)])
    items = load_items(load_suite(suite))
    assert items.counts["gate"] == 1 and items.duplicates["within_gate"] == 499
    assert outcome(np.ones(1), np.ones(1)) == "inconclusive"


def test_duplicate_ids(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    rows = make_rows("gate", 40)
    write_jsonl(suite.parent / "gate.jsonl", [{**row, "id": "same"} for row in rows])
    with pytest.raises(DataError, match="same"):
        load_items(load_suite(suite))


def test_a_third_of_the_scores_absent() -> None:
    student = np.ones(100)
    student[:32] = np.nan
    assert outcome(student, np.ones(100)) == "inconclusive"
    assert outcome(np.ones(68), np.ones(68), n_expected=100) == "inconclusive", "left out of the arrays altogether"


@pytest.mark.slow
def test_scores_that_are_gone_from_the_store(tmp_path: Path) -> None:
    run = run_gate(write_gate_suite(tmp_path / "suite", {}), tmp_path / "g.duckdb")
    assert run.verdict.decision == "promote"
    model = rows_of(run.store.path, "SELECT model FROM looks WHERE passed")[0][0]
    gate = "SELECT item_id FROM items WHERE split = 'gate' ORDER BY item_id LIMIT 32"
    change(run.store.path, f"DELETE FROM scores WHERE model = '{model}' AND item_id IN ({gate})")
    with run.store.read() as connection:
        again = derive_verdict(connection, run.run).verdict
    assert again.decision == "inconclusive"
    assert again.rules[0].sentence.startswith("32 of 240 gate rows have no score of the student")


@pytest.mark.parametrize("baseline", [np.nan, 0.0])
def test_a_baseline_that_is_nan_or_nothing(baseline: float) -> None:
    assert outcome(np.ones(400), np.full(400, baseline)) == "inconclusive"


def test_no_baseline(tmp_path: Path) -> None:
    with http_server(lambda _teacher, _text: (400, "application/json", b'{"error": {"message": "no"}}')) as server:
        suite = write_suite(tmp_path / "suite", http_teacher(server.url))
        with pytest.raises(ModelError, match="the teacher answered none of the"):
            run_gate(suite, tmp_path / "g.duckdb")
    assert rows_of(tmp_path / "g.duckdb", "SELECT count(*) FROM verdicts") == [(0,)]


def test_an_empty_rule_set() -> None:
    assert judge("small", [], looks_spent=0, looks_planned=1, alpha=0.05).decision == "inconclusive"


def test_identical_repeats_are_one_row() -> None:
    # 25 rows, each asked ten times, are 25 rows: too few for a perfect student.
    values, rows = np.ones(250), np.repeat(np.arange(25), 10)
    means = item_means(values, rows, 25)
    assert means.size == 25
    assert outcome(means, means) == "inconclusive"
    assert outcome(values, values) == "pass", "as rows of their own they would have passed"


def test_a_bound_that_touches_the_requirement_only_by_rounding() -> None:
    # A teacher at 0.92, a student at 0.90, a margin of 0.02: in floats 0.92 - 0.02 is above 0.90.
    teacher = np.repeat([1.0, 0.0], [92, 8])
    student = np.repeat([1.0, 0.0], [90, 10])
    for copies in (1, 100, 1000):
        scores = PairedScores(np.tile(student, copies), np.tile(teacher, copies), 100 * copies)
        assert guard_rule("g", scores, 0.02, 0.4999, 0.4999).outcome != "pass"
    touching = quality_of_look(
        LookEvidence(PairedScores(np.repeat([1.0, 0.0], [9, 1]), np.ones(10), 10), 1, 0.4999), NEEDED
    )
    assert touching.outcome != "pass"


@pytest.mark.slow
def test_answers_that_do_not_parse_stay_in_the_denominator(tmp_path: Path) -> None:
    suite = write_gate_suite(tmp_path / "suite", {}, evals=("safety",))
    answers = [json.loads(line) for line in (suite.parent / "answers.jsonl").read_text().splitlines()]
    noisy = [{**one, "output": "I would say: it depends"} if one["item_id"].endswith("7") else one for one in answers]
    write_jsonl(suite.parent / "answers.jsonl", noisy)
    run = run_gate(suite, tmp_path / "g.duckdb")
    teacher = """SELECT count(*), count(value), avg(value) FROM scores JOIN models ON model = fingerprint
                 JOIN items USING (suite, item_id) WHERE items.split = 'gate' AND items.eval = 'tiny'
                 AND models.kind = 'replay'"""
    ((rows, scored, mean),) = rows_of(run.store.path, teacher)
    assert rows == scored == 240, "an answer that is no label is a wrong answer, not a missing row"
    assert mean == pytest.approx(0.9)


@pytest.mark.slow
def test_reruns_until_green(tmp_path: Path) -> None:
    gates = {"quality": {"retention": 0.97, "looks": 2, "look_when": 0.0}}
    suite, store = write_gate_suite(tmp_path / "suite", gates, hard=0.02), tmp_path / "g.duckdb"
    content = yaml.safe_load(suite.read_text())
    content["loop"]["rounds"] = 1
    decisions = []
    for seed in range(6):
        content["loop"]["seed"] = seed
        suite.write_text(yaml.safe_dump(content, sort_keys=False))
        decisions.append(run_gate(suite, store).verdict.decision)
    looks = rows_of(store, "SELECT alpha FROM looks")
    assert len(looks) <= 2 and sum(alpha for (alpha,) in looks) <= 0.05 + 1e-12
    assert "promote" not in decisions[len(looks) :], "once the looks are spent no rerun can promote"


def test_an_unpriced_teacher_is_not_free(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite", {"teacher": {"priced_as": None}})
    done = call("loop", suite, "--store", tmp_path / "g.duckdb")
    assert done.code == 13, done.said
    assert "price" in done.said
