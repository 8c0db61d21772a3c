"""Sealed rules: written once, changed only with a name and a reason, and every loosening is seen as one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from store_samples import NOON

from gatekeeper.errors import InputError, StoreError
from gatekeeper.hashing import content_hash
from gatekeeper.store import Store, reserve_look, row_keys
from gatekeeper.store.gate_reads import gate_reads_of, insert_gate_read
from gatekeeper.store.rule_changes import TIGHTER
from gatekeeper.store.seals import (
    Change,
    amend_rules,
    amendments_of,
    changes_between,
    rules_in_force,
    seal_of,
    seal_rules,
    seals_touching,
)

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "golden" / "rule_changes_golden_cases.yaml").read_text(encoding="utf-8")
)
RULES: dict[str, Any] = {
    "gates": {
        "quality": {"retention": 0.95, "confidence": 0.95, "looks": 5, "look_when": 0.5, "max_failed": 0.01},
        "cost": {"reduction": 2.0, "payback_months": 6.0},
        "latency": {"p95_ms": 100.0, "concurrency": 4},
        "slices": {"by": ["language"], "min": 0.85, "prove": False},
        "ood": [{"eval": "chat", "retention": 0.9, "auroc": 0.8}],
        "guards": {"margin": 0.02},
        "format": {"parses": 0.95},
        "leakage": {"max_share": 0.05},
    },
    "scorers": {"route": "1"},
    "primary": "route",
    "prompt": [None, "{{ input }}"],
    "labels": ["a", "b"],
    "evals": {"support": {"role": "main"}, "chat": {"role": "ood"}},
    "split_digest": "b2:9a7e",
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "g.duckdb")


def _with(**values: Any) -> dict[str, Any]:
    """Return the rules with some values of gates.quality changed."""
    rules = copy.deepcopy(RULES)
    rules["gates"]["quality"].update(values)
    return rules


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['was']} to {case['now']}")
def test_changes_and_their_direction(case: dict[str, Any]) -> None:
    found = changes_between(case["was"], case["now"])
    assert [[one.key, one.loosening] for one in found] == case["changes"]
    if "sentence" in case:
        assert [one.sentence for one in found] == [case["sentence"]]


def test_every_direction_is_in_the_worked_cases() -> None:
    moved = {(key.split(".")[1], key.split(".")[-1]) for case in CASES for key, _ in case["changes"] if "." in key}
    assert set(TIGHTER) <= moved


PLACES = sorted(TIGHTER)


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.booleans()), min_size=1, max_size=8, unique_by=lambda one: one[0])
)
def test_a_step_one_way_is_a_loosening_and_the_step_back_is_none(steps: list[tuple[tuple[str, str], bool]]) -> None:
    other = copy.deepcopy(RULES)
    wanted = {}
    for (section, name), tighter in steps:
        holder = other["gates"][section][0] if section == "ood" else other["gates"][section]
        if name == "prove":
            tighter = holder[name] = True
        else:
            up = (TIGHTER[section, name] == "up") == tighter
            holder[name] = holder[name] * 1.01 if up else holder[name] * 0.99
        wanted[f"gates.{section}{'.chat' if section == 'ood' else ''}.{name}"] = not tighter
    assert {one.key: one.loosening for one in changes_between(RULES, other)} == wanted
    assert {one.key: one.loosening for one in changes_between(other, RULES)} == {k: not v for k, v in wanted.items()}
    assert changes_between(other, copy.deepcopy(other)) == []


def test_the_digest_of_the_split_can_be_left_out_for_another_split() -> None:
    other = {**RULES, "split_digest": "b2:0"}
    assert [one.key for one in changes_between(RULES, other)] == ["split_digest"]
    assert changes_between(RULES, other, ignore=("split_digest",)) == []


def test_rules_are_sealed_once(store: Store) -> None:
    with store.write() as connection:
        assert seal_of(connection, "g") is None and rules_in_force(connection, "g") is None
        seal = seal_rules(connection, "g", RULES, run="r1", who="ann", at=NOON)
        assert seal_rules(connection, "g", _with(retention=0.5), run="r2", who="bob") == seal
    with store.read() as connection:
        assert seal_of(connection, "g") == seal
        rules = rules_in_force(connection, "g")
    assert (seal.run, seal.who, seal.sealed_at, seal.digest) == ("r1", "ann", NOON, content_hash(RULES))
    assert rules is not None and rules.content == RULES and rules.amendments == ()
    with store.write() as connection, pytest.raises(ValueError, match="JSON"):
        seal_rules(connection, "other", {"gates": {"quality": {"retention": float("nan")}}}, run="r", who="ann")


def test_amendments_are_kept_in_order_with_what_they_changed(store: Store) -> None:
    weaker, back = _with(retention=0.9, looks=3), _with(retention=0.97, looks=3)
    with store.write() as connection:
        seal_rules(connection, "g", RULES, run="r1", who="ann", at=NOON)
        assert amend_rules(connection, "g", copy.deepcopy(RULES), who="ann", reason="nothing") is None
        first = amend_rules(connection, "g", weaker, who="bob", reason="0.9 is enough", run="r2", at=NOON)
        second = amend_rules(connection, "g", back, who="ann", reason="it is not", at=NOON)
    with store.read() as connection:
        rules = rules_in_force(connection, "g")
        assert amendments_of(connection, "g") == [first, second]
    assert first is not None and second is not None and rules is not None
    assert (rules.content, rules.seal.content, rules.amendments) == (back, RULES, (first, second))
    assert (first.seq, first.who, first.reason, first.run, second.seq) == (1, "bob", "0.9 is enough", "r2", 2)
    assert first.changes == (
        Change(key="gates.quality.looks", was=5, now=3, loosening=False),
        Change(key="gates.quality.retention", was=0.95, now=0.9, loosening=True),
    )
    assert [one.loosening for one in second.changes] == [False], "it is compared with what was in force, not the seal"
    assert second.digest == content_hash(back)


def test_an_amendment_needs_a_seal_a_name_and_a_reason(store: Store) -> None:
    with store.write() as connection:
        with pytest.raises(StoreError, match="no sealed rules"):
            amend_rules(connection, "g", RULES, who="ann", reason="why")
        seal_rules(connection, "g", RULES, run="r1", who="ann")
        for who, reason, missing in [(" ", "why", "who"), ("ann", "", "reason")]:
            with pytest.raises(InputError, match=f"`{missing}`"):
                amend_rules(connection, "g", _with(looks=9), who=who, reason=reason)
        assert amendments_of(connection, "g") == []
        for looks in (9, 8):
            amend_rules(connection, "g", _with(looks=looks), who="ann", reason="why")
        connection.execute("DELETE FROM amendments WHERE seq = 1")
        with pytest.raises(StoreError, match="an earlier one does not"):
            amend_rules(connection, "g", _with(looks=7), who="ann", reason="why")


def test_seals_hold_for_every_split_that_shares_a_row(store: Store) -> None:
    first, second, third = row_keys(["a", "b", "c"]), row_keys(["c", "d"]), row_keys(["e"])
    with store.write() as connection:
        for digest, keys, content in [("1", first, RULES), ("2", second, _with(looks=9)), ("3", third, RULES)]:
            assert reserve_look(connection, digest, keys, 0.05, 5, run="r", round=1, student="s", model="m") is not None
            seal_rules(connection, digest, content, run="r", who="ann")
        amend_rules(connection, "2", _with(looks=1), who="ann", reason="enough")
    with store.read() as connection:
        renamed = seals_touching(connection, "1 with other ids", row_keys(["A", "b ", "c"]))
        own = seals_touching(connection, "2", second)
        assert seals_touching(connection, "new", row_keys(["f"])) == []
        with pytest.raises(StoreError, match="no rows"):
            seals_touching(connection, "new", [])
    assert [(one.seal.gate_digest, one.shared_rows) for one in renamed] == [("1", 3), ("2", 1)]
    assert [one.content["gates"]["quality"]["looks"] for one in renamed] == [5, 1]
    assert [(one.seal.gate_digest, one.shared_rows) for one in own] == [("2", None), ("1", 1)]


def test_each_read_of_gate_details_is_written_down(store: Store) -> None:
    with store.write() as connection:
        reads = [
            insert_gate_read(connection, "g", who="ann", what="wrong rows", n_rows=12, run="r1", at=NOON),
            insert_gate_read(connection, "g", who="ann", what="wrong rows", n_rows=12, run="r1", at=NOON),
            insert_gate_read(connection, "other", who="bob", what="all rows", n_rows=300, at=NOON),
        ]
    with store.read() as connection:
        assert gate_reads_of(connection, "g") == reads[:2]
        assert gate_reads_of(connection, "other") == reads[2:]
    assert [(one.seq, one.who, one.what, one.n_rows, one.run) for one in reads] == [
        (1, "ann", "wrong rows", 12, "r1"),
        (2, "ann", "wrong rows", 12, "r1"),
        (1, "bob", "all rows", 300, None),
    ]
