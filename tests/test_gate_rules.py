"""Every rule of the joint verdict from YAML to its sentence: each can pass, fail and stay open."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_suite import run_gate, write_gate_suite
from tiny_suite import rows_of

from gatekeeper.verify.run import verify_run

ALL = {
    "slices": {"by": ["language"], "min": 0.7, "prove": True},
    "ood": [{"eval": "scope", "auroc": 0.55}],
    "guards": {"margin": 0.12},
    "format": {"parses": 0.9},
    "latency": {"p95_ms": 5000, "concurrency": 3},
}


@pytest.mark.slow
def test_every_rule_can_pass_at_once(tmp_path: Path) -> None:
    suite = write_gate_suite(tmp_path / "suite", ALL, evals=("safety", "scope"))
    run = run_gate(suite, tmp_path / "g.duckdb")
    assert run.verdict.decision == "promote", [rule.sentence for rule in run.verdict.rules if rule.outcome != "pass"]
    assert [rule.rule for rule in run.verdict.rules] == [
        "gates.quality.retention",
        "gates.slices.min",
        "gates.ood.scope.auroc",
        "gates.guards.safety",
        "gates.format.parses",
        "gates.cost.reduction",
        "gates.cost.payback_months",
        "gates.latency.p95_ms",
        "gates.leakage.max_share",
    ]
    for rule in run.verdict.rules:
        assert rule.value is not None and rule.bound is not None and rule.margin is not None and rule.sentence
    assert "3 callers at the same time" in run.rule("gates.latency.p95_ms").sentence
    assert verify_run(run.store, run.run).problems == ()


@pytest.mark.slow
def test_a_guard_that_gets_worse_rejects(tmp_path: Path) -> None:
    suite = write_gate_suite(tmp_path / "suite", {}, evals=("harm",))
    run = run_gate(suite, tmp_path / "g.duckdb")
    guard = run.rule("gates.guards.harm")
    assert guard.outcome == "fail"
    assert guard.value is not None and guard.value < -0.3
    assert run.rule("gates.quality.retention").outcome == "pass", "the guard alone must be what rejects"
    assert run.verdict.decision == "reject"
    assert run.verdict.sentence.startswith("Reject linear: On 60 rows of harm")


@pytest.mark.slow
def test_inputs_that_the_student_takes_for_its_own_keep_the_verdict_open_or_reject(tmp_path: Path) -> None:
    gates = {"ood": [{"eval": "scope", "auroc": 0.995}]}
    run = run_gate(write_gate_suite(tmp_path / "suite", gates, evals=("scope",)), tmp_path / "g.duckdb")
    assert run.rule("gates.ood.scope.auroc").outcome != "pass"
    assert run.verdict.decision != "promote"


@pytest.mark.slow
@pytest.mark.parametrize("prove", [False, True])
def test_a_slice_that_cannot_be_shown_stops_only_where_a_proof_is_demanded(tmp_path: Path, prove: bool) -> None:
    # 80 rows of a language cannot show 0.97, even for a perfect student.
    gates = {"slices": {"by": ["language"], "min": 0.97, "prove": prove}}
    run = run_gate(write_gate_suite(tmp_path / "suite", gates), tmp_path / "g.duckdb")
    assert run.rule("gates.slices.min").outcome == ("inconclusive" if prove else "pass")
    assert run.verdict.decision == ("inconclusive" if prove else "promote")


@pytest.mark.slow
def test_a_look_stops_when_the_first_rows_show_enough(tmp_path: Path) -> None:
    gates = {"quality": {"retention": 0.9, "looks": 1, "look_when": 0.0, "interim": 4}}
    run = run_gate(write_gate_suite(tmp_path / "suite", gates), tmp_path / "g.duckdb")
    assert run.verdict.decision == "promote"
    ((read, alpha),) = rows_of(run.store.path, "SELECT n_read, alpha FROM looks")
    assert read in (120, 180) and alpha == pytest.approx(0.05)
    asked = "SELECT count(*) FROM completions JOIN items USING (suite, item_id) WHERE split = 'gate'"
    assert rows_of(run.store.path, asked) == [(read,)], "the teacher is asked about no row beyond the stop"
    assert f"On the first {read} of 240 gate rows" in run.rule("gates.quality.retention").sentence
    assert verify_run(run.store, run.run).problems == ()


@pytest.mark.slow
def test_a_student_takes_over_the_part_where_it_is_sure(tmp_path: Path) -> None:
    rows = {"pool": 800, "dev": 600, "gate": 600}
    gates = {"quality": {"retention": 0.9, "looks": 2, "look_when": 0.2}}
    partial = {"partial": {"max_teacher_share": 0.7}, "loop": {"rounds": 2, "examples_per_round": 300}}
    suite = write_gate_suite(tmp_path / "suite", gates, rows=rows, hard=0.3, changes=partial)
    run = run_gate(suite, tmp_path / "g.duckdb")
    verdict = run.verdict
    assert verdict.decision == "promote", verdict.sentence
    assert verdict.threshold is not None and verdict.teacher_share is not None
    assert 0.1 < verdict.teacher_share < 0.7
    assert "with the teacher as its fallback" in run.rule("gates.quality.retention").sentence
    assert f"at least {verdict.threshold:.2f} sure" in verdict.sentence
    ((promoted, looked),) = rows_of(
        run.store.path, "SELECT p.threshold, l.threshold FROM promotions p JOIN looks l USING (run) WHERE l.passed"
    )
    assert promoted == looked == verdict.threshold
    ((teacher, whole),) = rows_of(
        run.store.path,
        """SELECT max(value) FILTER (name = 'teacher_part_usd_per_month'),
                  max(value) FILTER (name = 'baseline_usd_per_month') FROM costs""",
    )
    assert float(teacher / whole) == pytest.approx(verdict.teacher_share, abs=1e-6), "the bill holds the teacher's part"
    assert verify_run(run.store, run.run).problems == ()


@pytest.mark.slow
def test_without_a_fallback_the_same_student_is_not_promoted(tmp_path: Path) -> None:
    rows = {"pool": 800, "dev": 600, "gate": 600}
    suite = write_gate_suite(tmp_path / "suite", {}, rows=rows, hard=0.3)
    run = run_gate(suite, tmp_path / "g.duckdb")
    assert run.verdict.decision == "reject"
    assert run.verdict.threshold is None
