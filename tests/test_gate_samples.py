"""A teacher that does not always answer the same: several answers to a row, from YAML to the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from gate_suite import ROWS, run_gate, write_gate_suite
from tiny_suite import LABELS, rows_of, write_jsonl

from gatekeeper.verify.run import verify_run

SAMPLES = 3


def write_sampled(folder: Path, *, gold: bool, wobbly: int) -> Path:
    """A suite whose teacher answers each dev and gate row three times; each `wobbly`-th row gets one other answer."""
    suite = write_gate_suite(folder, {"quality": {"retention": 0.85, "looks": 2, "look_when": 0.0}})
    answers = {}
    for line in (folder / "answers.jsonl").read_text().splitlines():
        one = json.loads(line)
        answers[one["item_id"]] = one
    lines = []
    for split in ROWS:
        for place, line in enumerate((folder / f"{split}.jsonl").read_text().splitlines()):
            row = json.loads(line)
            answer = {**answers[row["id"]], "input": row["text"]}
            other = {**answer, "output": next(label for label in LABELS if label != answer["output"])}
            again = 1 if split == "pool" else SAMPLES
            lines += [other if place % wobbly == 0 and sample == 1 else answer for sample in range(again)]
    write_jsonl(folder / "answers.jsonl", lines)
    content = yaml.safe_load(suite.read_text())
    content["evals"][0]["samples"] = {"teacher": SAMPLES}
    if not gold:
        del content["evals"][0]["data"]["target"]
    suite.write_text(yaml.safe_dump(content, sort_keys=False))
    return suite


@pytest.mark.slow
def test_samples_are_averaged_within_the_row(tmp_path: Path) -> None:
    run = run_gate(write_sampled(tmp_path / "suite", gold=True, wobbly=4), tmp_path / "g.duckdb")
    assert run.verdict.decision == "promote", run.verdict.sentence
    gate = f"FROM scores JOIN items USING (suite, item_id) JOIN models ON model = fingerprint AND kind = 'replay' {''}"
    ((answers, items, mean),) = rows_of(
        run.store.path, f"SELECT count(*), count(DISTINCT item_id), avg(value) {gate} WHERE split = 'gate'"
    )
    assert (answers, items) == (SAMPLES * 240, 240)
    assert mean == pytest.approx(1 - 1 / (4 * SAMPLES))
    quality = run.rule("gates.quality.retention")
    assert "On 240 gate rows" in quality.sentence, "three answers to a row are one row"
    assert quality.value is not None and quality.value > 1.0, "the student is right where the teacher sometimes is not"
    assert verify_run(run.store, run.run).problems == ()


@pytest.mark.slow
def test_without_gold_a_teacher_that_contradicts_itself_is_not_perfect(tmp_path: Path) -> None:
    run = run_gate(write_sampled(tmp_path / "suite", gold=False, wobbly=4), tmp_path / "g.duckdb")
    ((teacher,),) = rows_of(
        run.store.path,
        """SELECT avg(value) FROM scores JOIN items USING (suite, item_id) JOIN models ON model = fingerprint
           WHERE split = 'gate' AND kind = 'replay'""",
    )
    # In each fourth row two answers agree with one of two others, and the third with none.
    assert teacher == pytest.approx(1 - (1 / 4) * (2 / 3))
    quality = run.rule("gates.quality.retention")
    assert "agreement with the teacher" in quality.sentence
    assert quality.value is not None and quality.value > 1.0, "a copy of the teacher is measured against its own noise"
    assert verify_run(run.store, run.run).problems == ()
