"""What a gate split remembers over runs and suites: its rules, its looks, who has read it, and who has signed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from gate_suite import run_gate, write_gate_suite
from tiny_suite import call, change, make_rows, rows_of, write_jsonl

from gatekeeper.errors import InputError
from gatekeeper.verify.run import verify_run

QUALITY = {"retention": 0.95, "looks": 2, "look_when": 0.0}
CAREFUL = {"quality": QUALITY, "format": {"parses": 0.5}}


def with_gates(suite: Path, **gates: object) -> Path:
    """Write the gates of a suite anew; None removes one."""
    content = yaml.safe_load(suite.read_text(encoding="utf-8"))
    content["gates"].update(gates)
    content["gates"] = {key: value for key, value in content["gates"].items() if value is not None}
    suite.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return suite


@pytest.mark.slow
def test_looser_rules_on_sealed_rows_need_a_reason(tmp_path: Path) -> None:
    suite, store = write_gate_suite(tmp_path / "suite", CAREFUL, hard=0.2), tmp_path / "g.duckdb"
    first = run_gate(suite, store)
    spent = first.verdict.looks_spent
    assert first.verdict.decision != "promote" and spent >= 1
    before = rows_of(store, "SELECT count(*) FROM completions"), rows_of(store, "SELECT * FROM looks")
    looser = with_gates(suite, quality=QUALITY | {"retention": 0.6}, format=None)
    with pytest.raises(InputError) as refused:
        run_gate(looser, store)
    assert "gates.quality.retention was 0.95 and is 0.6" in refused.value.message
    assert "gates.format is gone" in refused.value.message
    assert "--reason" in str(refused.value.hint)
    assert (rows_of(store, "SELECT count(*) FROM completions"), rows_of(store, "SELECT * FROM looks")) == before
    for empty in ("", "   "):
        with pytest.raises(InputError):
            run_gate(looser, store, reason=empty)
    second = run_gate(looser, store, reason="the product accepts more errors")
    assert second.verdict.looks_spent >= spent, "the same rows have the same ledger"
    ((reason, changes, who),) = rows_of(store, "SELECT reason, changes, who FROM amendments")
    assert reason == "the product accepts more errors" and who
    assert {one["key"]: one["loosening"] for one in json.loads(changes)} == {
        "gates.quality.retention": True,
        "gates.format": True,
    }
    assert verify_run(second.store, second.run).problems == ()


@pytest.mark.slow
def test_a_look_that_is_interrupted_before_any_row_has_its_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, store = write_gate_suite(tmp_path / "suite", CAREFUL), tmp_path / "g.duckdb"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gatekeeper.loop._read_gate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_gate(suite, store)
    assert rows_of(store, "SELECT count(*), count(s.digest) FROM looks LEFT JOIN seals s USING (gate_digest)") == [
        (1, 1)
    ]


@pytest.mark.slow
def test_stricter_rules_need_no_reason(tmp_path: Path) -> None:
    suite, store = write_gate_suite(tmp_path / "suite", CAREFUL, hard=0.2), tmp_path / "g.duckdb"
    run_gate(suite, store)
    run_gate(with_gates(suite, quality=QUALITY | {"retention": 0.96}), store)
    assert rows_of(store, "SELECT count(*), bool_or(contains(changes, '\"loosening\":true')) FROM amendments") == [
        (1, False)
    ]


@pytest.mark.slow
def test_fresh_rows_bring_budget_for_themselves_only(tmp_path: Path) -> None:
    gates = {"quality": QUALITY | {"looks": 1}}
    suite, store = write_gate_suite(tmp_path / "suite", gates, hard=0.2), tmp_path / "g.duckdb"
    run_gate(suite, store)
    rows = [json.loads(line) for line in (suite.parent / "gate.jsonl").read_text().splitlines()]
    fresh = [{**row, "language": "en"} for row in make_rows("fresh", 80)]
    renamed = [{**row, "id": f"renamed-{row['id']}"} for row in rows]
    write_jsonl(suite.parent / "gate.jsonl", [*renamed, *fresh])
    answers = [json.loads(line) for line in (suite.parent / "answers.jsonl").read_text().splitlines()]
    write_jsonl(
        suite.parent / "answers.jsonl",
        [*answers, *({**answers[0], "item_id": row["id"], "output": row["label"]} for row in [*renamed, *fresh])],
    )
    run_gate(suite, store)
    looks = rows_of(store, "SELECT alpha, inherited FROM looks ORDER BY reserved_at")
    assert looks[0] == (0.05, 0.0)
    assert looks[1][1] == pytest.approx(0.05 * 240 / 320), "the old rows are used up, under whatever id"
    assert looks[1][0] == pytest.approx(0.05 * 80 / 320), "80 of 320 rows are fresh"


@pytest.mark.slow
def test_a_used_up_split_says_how_many_fresh_rows_it_takes(tmp_path: Path) -> None:
    gates = {"quality": QUALITY | {"looks": 1}}
    suite, store = write_gate_suite(tmp_path / "suite", gates, hard=0.05), tmp_path / "g.duckdb"
    content = yaml.safe_load(suite.read_text())
    run_gate(suite, store)
    content["loop"]["seed"] = 11
    suite.write_text(yaml.safe_dump(content))
    quality = run_gate(suite, store).rule("gates.quality.retention")
    assert quality.outcome == "inconclusive"
    assert "This gate split is used up" in quality.sentence
    assert quality.settle is not None and "fresh rows" in quality.settle


@pytest.mark.slow
def test_who_reads_gate_rows_is_written_down(tmp_path: Path) -> None:
    suite, store = write_gate_suite(tmp_path / "suite", {"quality": QUALITY}, hard=0.2), tmp_path / "g.duckdb"
    run_gate(suite, store)
    dev = call("items", "--store", store, "--split", "dev")
    assert dev.code == 0 and "teacher:" in dev.out
    assert rows_of(store, "SELECT count(*) FROM gate_reads") == [(0,)]
    gate = call("items", "--store", store, "--split", "gate", "--limit", "3")
    assert gate.code == 0 and gate.out.count("teacher:") == 3
    assert "written down" in gate.err
    ((what, rows, who),) = rows_of(store, "SELECT what, n_rows, who FROM gate_reads")
    assert (what, rows) == ("rows that the student got wrong", 3) and who


@pytest.mark.slow
def test_a_signed_verdict_is_checked_without_a_network(tmp_path: Path) -> None:
    suite, store = write_gate_suite(tmp_path / "suite", {}), tmp_path / "g.duckdb"
    run = run_gate(suite, store)
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        assert call("sign", "--new-key", folder).code == 0
    public = mine / "gatekeeper-key.pub.pem"
    unsigned = call("verify", "--store", store, "--public-key", public)
    assert unsigned.code == 1 and "no signature by the key" in unsigned.said
    assert call("sign", "--store", store, "--key", mine / "gatekeeper-key.pem").code == 0
    good = call("verify", "--store", store, "--public-key", public, "--inputs", suite.parent)
    assert good.code == 0, good.said
    assert "the signature holds" in good.out and "input files are those" in good.out
    strange = call("verify", "--store", store, "--public-key", other / "gatekeeper-key.pub.pem")
    assert strange.code == 1 and "no signature by the key" in strange.said
    data = suite.parent / "gate.jsonl"
    data.write_text(data.read_text().replace("gate-0001", "gate-9001"))
    moved = call("verify", "--store", store, "--inputs", suite.parent)
    assert moved.code == 1 and "gate.jsonl: is not what the run has read" in moved.said
    change(store, f"UPDATE verdicts SET decided_at = decided_at + INTERVAL 1 DAY WHERE run = '{run.run}'")
    late = call("verify", "--store", store, "--public-key", public)
    assert late.code == 1 and "the store says something else now about decided_at" in late.said
