"""Verify: one row or byte changed behind its back is named, whatever it is; and it needs no model to say so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_suite import ROWS, call, change, copy_store, environment, loop, promoted, rows_of

OWN = "run = (SELECT run FROM verdicts)"
LAST = f"(SELECT model FROM looks WHERE {OWN} ORDER BY look DESC LIMIT 1)"
ONE_GATE_ROW = "(SELECT item_id FROM items WHERE split = 'gate' ORDER BY item_id LIMIT 1)"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of a finished store, to be changed."""
    return copy_store(promoted().store, tmp_path / "copy")


def test_an_unchanged_store_verifies(store: Path) -> None:
    done = call("verify", "--store", store)
    assert done.code == 0, done.said
    answer = json.loads(call("verify", "--store", store, "--json").out)
    assert answer["problems"] == []
    assert answer["n_scores"] == 3 * (ROWS["dev"] + ROWS["gate"])  # the teacher and the students of two rounds
    assert answer["n_rows"] > 2 * answer["n_scores"] and answer["n_files"] > 2


CHANGES = {
    "a score": (
        f"UPDATE scores SET value = 1 - value WHERE model = {LAST} AND item_id = {ONE_GATE_ROW}",
        ["table scores", "gate-0000"],
    ),
    "a score that is gone": (
        f"DELETE FROM scores WHERE model = {LAST} AND item_id = {ONE_GATE_ROW}",
        ["table scores", "gate-0000", "is missing", "verdict"],
    ),
    "a prediction": (
        f"UPDATE predictions SET output = 'something else' WHERE model = {LAST} AND item_id = {ONE_GATE_ROW}",
        ["table predictions", "gate-0000", "is not what it was"],
    ),
    "a gate item's target": (
        "UPDATE items SET target = CASE target WHEN 'billing' THEN 'account' ELSE 'billing' END "
        f"WHERE item_id = {ONE_GATE_ROW}",
        ["table items", "gate-0000", "table scores, item gate-0000"],
    ),
    "a gate item's text": (f"UPDATE items SET text = 'x' WHERE item_id = {ONE_GATE_ROW}", ["table items", "gate-0000"]),
    "a gate item that is new": (
        f"INSERT INTO items SELECT * REPLACE ('new' AS item_id) FROM items WHERE item_id = {ONE_GATE_ROW}",
        ["table verdicts"],
    ),
    "a look's alpha": (
        "UPDATE looks SET alpha = 0.049 WHERE look = 2",
        ["table looks, row 2", "gates.quality.retention"],
    ),
    "a look that is gone": ("DELETE FROM looks WHERE look = 1", ["table looks, row 1: is missing", "looks_spent"]),
    "a cost": ("UPDATE costs SET value = value + 1 WHERE name = (SELECT min(name) FROM costs)", ["table costs"]),
    "a payment": (
        "UPDATE spend SET settled = settled + 100 WHERE key = (SELECT min(key) FROM spend)",
        ["table spend", "gates.cost.payback_months"],
    ),
    "a rule's bound": (
        "UPDATE rules SET bound = 0.99 WHERE rule = 'gates.quality.retention'",
        ["rule gates.quality.retention: its numbers are not what the stored rows give"],
    ),
    "a rule's sentence": (
        "UPDATE rules SET sentence = 'Fine.' WHERE rule = 'gates.cost.reduction'",
        ["gates.cost.reduction"],
    ),
    "the teacher's cost": (
        """UPDATE events SET detail = json_merge_patch(detail, '{"usd": "1.5"}') WHERE kind = 'teacher_cost'""",
        ["table events", "gates.cost.reduction"],
    ),
    "an event that makes no sense": (
        "UPDATE events SET detail = '{}' WHERE kind = 'teacher_cost'",
        ["table events", "cannot be derived from the stored rows"],
    ),
    "the teacher": ("DELETE FROM models WHERE kind = 'replay'", ["cannot be derived from the stored rows"]),
    "a measurement that is gone": ("DELETE FROM measurements", ["table measurements", "is missing", "not measured"]),
    "a verdict that makes no sense": ("UPDATE verdicts SET verdict = '{}'", ["table verdicts", "cannot be read"]),
    "the requirement": (
        """UPDATE events SET detail = json_merge_patch(detail, '{"suite": {"gates": {"quality": {"retention": 0.5}}}}')
           WHERE kind = 'suite'""",
        ["table events", "gates.quality.retention"],
    ),
    "the verdict's decision": (
        "UPDATE verdicts SET decision = 'reject'",
        ["table verdicts, decision: is 'reject', the stored rows give 'promote'"],
    ),
    "the verdict's sentence": ("UPDATE verdicts SET sentence = 'It is perfect.'", ["table verdicts, sentence"]),
    "the verdict's model": ("UPDATE verdicts SET model = 'other'", ["table verdicts, model"]),
    "the decision inside of the verdict": (
        """UPDATE verdicts SET verdict = json_merge_patch(verdict, '{"decision": "inconclusive"}')""",
        ["table verdicts, verdict.decision: is 'inconclusive'"],
    ),
    "the looks inside of the verdict": (
        """UPDATE verdicts SET verdict = json_merge_patch(verdict, '{"looks_spent": 1}')""",
        ["table verdicts, verdict.looks_spent: is 1"],
    ),
    "the promoted artifact": ("UPDATE promotions SET artifact = 'other'", ["table promotions", "promotes other"]),
    "an example that is gone": (
        "DELETE FROM examples WHERE example_id = (SELECT min(example_id) FROM examples)",
        ["table examples", "is missing"],
    ),
    "an example's label": (
        "UPDATE examples SET label = 'other' WHERE example_id = (SELECT min(example_id) FROM examples)",
        ["table examples", "is not what it was"],
    ),
    "an example that is new": (
        "INSERT INTO examples SELECT * REPLACE ('new' AS example_id) FROM examples LIMIT 1",
        ["table examples, row new: was added after the verdict"],
    ),
    "a measurement": (
        """UPDATE measurements SET payload = json_merge_patch(payload, '{"throughput_rps": {"lower": 1e-6}}')""",
        ["table measurements", "gates.cost.reduction"],
    ),
    "a development result": ("UPDATE results SET value = 0.5 WHERE metric = 'retention'", ["table results"]),
    "the evidence": ("UPDATE evidence SET digest = 'x' WHERE source = 'looks' AND key = '1'", ["table evidence"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_row_is_named(store: Path, what: str) -> None:
    statement, named = CHANGES[what]
    before = rows_of(store, "SELECT count(*) FROM verdicts")
    change(store, statement)
    done = call("verify", "--store", store)
    assert before == [(1,)]
    assert done.code == 1, done.said
    for text in named:
        assert text in done.said, done.said


def test_a_changed_byte_of_a_weight_file_is_named(store: Path) -> None:
    digest = rows_of(store, "SELECT artifact FROM promotions")[0][0]
    folder = store.with_name(store.name + ".artifacts") / digest.replace(":", "-")
    weights = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    done = call("verify", "--store", store)
    assert done.code == 1
    assert str(weights) in done.err and "does not have the bytes of its manifest" in done.said
    assert json.loads(call("verify", "--store", store, "--json").out)["problems"]


def test_weights_that_are_gone_are_named(store: Path) -> None:
    folder = store.with_name(store.name + ".artifacts")
    folder.rename(folder.with_name("elsewhere"))
    done = call("verify", "--store", store)
    assert done.code == 1
    assert "there is no artifact" in done.err


def test_another_version_may_use_other_words_but_no_other_numbers(store: Path) -> None:
    change(
        store,
        """UPDATE events SET detail = json_merge_patch(detail, '{"gatekeeper": "0.0.1"}') WHERE kind = 'versions';
           UPDATE rules SET sentence = replace(sentence, 'A month costs', 'Each month costs');
           UPDATE verdicts SET verdict = replace(CAST(verdict AS VARCHAR), 'A month costs', 'Each month costs')""",
    )
    done = call("verify", "--store", store)
    assert done.code == 0, done.said
    change(store, "UPDATE rules SET sentence = 'Fine.' WHERE rule = 'gates.cost.reduction'")
    assert "gates.cost.reduction" in call("verify", "--store", store).err
    change(store, "UPDATE rules SET sentence = replace(sentence, 'Fine.', 'x'), value = value + 1")
    assert "gates.cost.payback_months" in call("verify", "--store", store).err


def test_a_run_without_a_verdict_says_what_to_do(store: Path) -> None:
    change(store, "DELETE FROM verdicts")
    done = call("verify", "--store", store)
    assert done.code == 1
    assert "has no verdict yet" in done.err and "fix: run the same loop again" in done.err


def test_an_unknown_run_and_an_unknown_store_are_named(store: Path, tmp_path: Path) -> None:
    done = call("verify", "--store", store, "--run", "nobody")
    assert done.code != 0 and "'nobody'" in done.err
    missing = call("verify", "--store", tmp_path / "missing.duckdb")
    assert missing.code == 1 and "there is no store at" in missing.err
    assert not (tmp_path / "missing.duckdb").exists()


@pytest.mark.slow
def test_a_second_run_on_the_same_suite_does_not_break_the_first(store: Path) -> None:
    run = rows_of(store, "SELECT run FROM runs")[0][0]
    suite = promoted().suite
    other = suite.with_name("other_seed.yaml")
    text = suite.read_text()
    assert "  rounds: 3\n" in text
    other.write_text(text.replace("  rounds: 3\n", "  rounds: 1\n  seed: 8\n"))
    assert loop(other, store).finished.code == 11  # both looks are spent
    done = call("verify", "--store", store, "--run", run)
    assert done.code == 0, done.said


def test_it_loads_no_training_library(store: Path) -> None:
    code = """
import sys
from gatekeeper.cli.main import main
try:
    main(["verify", "--store", sys.argv[1]])
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {"torch", "sklearn", "transformers", "openai", "datasets", "matplotlib", "pandas"} & set(sys.modules)
print("loaded:", *sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(store)], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("loaded:\n"), done.stdout
