"""The error budget of gate rows: what is shared is inherited, in any order, and two processes cannot spend it twice."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import NOON, SUITE, SUITE_ROW, item, start, wait_for

from gatekeeper.errors import InputError, StoreError
from gatekeeper.store import (
    Look,
    Store,
    budget_of,
    inherited_alpha,
    looks_of,
    next_alpha_of,
    reserve_look,
    row_keys,
)
from gatekeeper.store.gate_rows import insert_gate_rows
from gatekeeper.store.migrations import MIGRATIONS
from gatekeeper.store.rows import insert_rows
from gatekeeper.store.suites import insert_items, insert_suite

ALPHA = 0.05
CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "golden" / "budget_golden_cases.yaml").read_text(encoding="utf-8")
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "g.duckdb")


def _rows(first: int, last: int) -> frozenset[str]:
    return row_keys(f"row {number}" for number in range(first, last + 1))


def _put(connection: duckdb.DuckDBPyConnection, digest: str, split: dict[str, Any]) -> frozenset[str]:
    """Write a history down as it is, whatever the rules say of it."""
    keys = frozenset[str]().union(*(_rows(*edges) for edges in split["rows"]))
    if split["spent"]:
        insert_gate_rows(connection, digest, keys)
    for number, alpha in enumerate(split["spent"], start=1):
        look = Look(gate_digest=digest, look=number, alpha=alpha, run="r", round=1, student="s", model=str(number),
                    reserved_at=NOON)  # fmt: skip
        insert_rows(connection, "looks", [dict(look)])
    return keys


def _look(
    connection: duckdb.DuckDBPyConnection, digest: str, keys: frozenset[str], looks: int = 1, model: str = "m"
) -> Look | None:
    return reserve_look(connection, digest, keys, ALPHA, looks, run="r", round=1, student="s", model=model, at=NOON)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_worked_cases(store: Store, case: dict[str, Any]) -> None:
    with store.write() as connection:
        keys = _put(connection, "here", case["here"])
        for number, split in enumerate(case.get("earlier", [])):
            _put(connection, f"earlier {number}", split)
    with store.read() as connection:
        found = budget_of(connection, "here", keys, case["alpha"], case["looks"])
        assert inherited_alpha(connection, "here", keys) == found.inherited
        assert next_alpha_of(connection, "here", keys, case["alpha"], case["looks"]) == found.next_alpha
    assert found.inherited == pytest.approx(case["inherited"], abs=1e-15)
    assert found.left == pytest.approx(case["left"], abs=1e-15)
    assert found.next_alpha == (None if case["next"] is None else pytest.approx(case["next"], rel=1e-12))
    assert (found.rows, found.rows_fresh, found.rows_used) == (len(keys), case["fresh"], len(keys) - case["fresh"])
    assert (found.looks_spent, found.looks_planned) == (len(case["here"]["spent"]), case["looks"])
    assert found.looks_elsewhere == sum(
        len(split["spent"]) for split in case.get("earlier", []) if keys & _union(split["rows"])
    )
    assert found.spent == pytest.approx(sum(case["here"]["spent"]))


def _union(ranges: list[list[int]]) -> frozenset[str]:
    return frozenset[str]().union(*(_rows(*edges) for edges in ranges))


def test_another_name_label_or_spelling_makes_no_fresh_row() -> None:
    assert row_keys(["Where is  my card?", "where is my CARD?", "\uff37here is my card?\n"]) == row_keys(
        ["where is my card?"]
    )
    assert len(row_keys(["where is my card?", "where is my card"])) == 2


SPLITS = st.lists(
    st.tuples(st.frozensets(st.integers(0, 9), min_size=1), st.integers(0, 1), st.integers(1, 3)),
    min_size=1,
    max_size=14,
)
_example = iter(range(10**9))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SPLITS)
def test_right_after_a_look_its_rows_are_charged_alpha_at_most_as_a_mean(
    store: Store, attempts: list[tuple[frozenset[int], int, int]]
) -> None:
    """The books are kept a second time here, by row. `name` gives the same rows a second digest."""
    place = next(_example)  # so that examples share no rows
    charged: dict[int, float] = defaultdict(float)
    spent: dict[str, list[float]] = defaultdict(list)
    size = max(len(rows) for rows, _, _ in attempts)
    with store.write() as connection:
        for number, (rows, name, looks) in enumerate(attempts):
            digest = f"{place} {sorted(rows)} {name}"
            mean = math.fsum(charged[row] for row in rows) / len(rows)
            keys = row_keys(f"{place} {row}" for row in rows)
            before = budget_of(connection, digest, keys, ALPHA, looks)
            assert before.spent + before.inherited == pytest.approx(mean, abs=1e-12)
            look = _look(connection, digest, keys, looks, model=str(number))
            if look is None:
                assert len(spent[digest]) >= looks or mean >= ALPHA - 1e-11, "a look was refused that fits"
                continue
            assert look.inherited == before.inherited and look.look == len(spent[digest]) + 1
            assert 0 < look.alpha <= ALPHA - mean + 1e-12
            spent[digest].append(look.alpha)
            for row in rows:
                charged[row] += look.alpha
            assert math.fsum(charged[row] for row in rows) / len(rows) <= ALPHA + 1e-12
        view = connection.execute(
            "SELECT gate_digest, spent, charged FROM gate_budget WHERE gate_digest LIKE ?", [f"{place} %"]
        ).fetchall()
    assert max(charged.values()) <= ALPHA * size + 1e-12
    assert {digest for digest, _, _ in view} == {digest for digest, alphas in spent.items() if alphas}
    for digest, own, all_of_it in view:
        rows = next(rows for rows, name, _ in attempts if f"{place} {sorted(rows)} {name}" == digest)
        assert own == pytest.approx(math.fsum(spent[digest]))
        assert all_of_it == pytest.approx(math.fsum(charged[row] for row in rows) / len(rows))


def test_rows_that_are_carried_on_stay_below_alpha_over_one_minus_the_fresh_share(store: Store) -> None:
    fresh, kept, charge = 5, _rows(1, 15), Fraction(0)
    share = Fraction(fresh, fresh + len(kept))
    with store.write() as connection:
        for generation in range(8):
            rows = kept | _rows(1000 + fresh * generation, 999 + fresh * (generation + 1))
            look = _look(connection, f"generation {generation}", rows)
            assert look is not None
            charge = Fraction(1, 20) + share * charge
            assert look.alpha + look.inherited == pytest.approx(ALPHA)
        total = connection.execute("SELECT sum(alpha) FROM looks").fetchall()[0][0]
        assert _look(connection, "kept alone", kept) is None
    assert total == pytest.approx(float(charge))
    assert ALPHA < total < ALPHA / (1 - float(share))


def test_rows_added_one_by_one_bring_no_more_than_their_share(store: Store) -> None:
    with store.write() as connection:
        assert _look(connection, "whole", _rows(1, 50)) is not None
        alphas = []
        for last in range(51, 61):
            look = _look(connection, f"up to {last}", _rows(1, last))
            assert look is not None
            alphas.append(look.alpha)
    assert alphas == pytest.approx([ALPHA / last for last in range(51, 61)])


def test_a_budget_can_be_seen_as_it_was(store: Store) -> None:
    with store.write() as connection:
        for hour, digest in enumerate(["first", "second"]):
            reserve_look(connection, digest, _rows(1, 10 + hour), ALPHA, 2, run="r", round=1, student="s", model="m",
                         at=NOON + timedelta(hours=hour))  # fmt: skip
    with store.read() as connection:
        then = budget_of(connection, "third", _rows(1, 20), ALPHA, 2, as_of=NOON)
        now = budget_of(connection, "third", _rows(1, 20), ALPHA, 2)
        own = budget_of(connection, "second", _rows(1, 11), ALPHA, 2, as_of=NOON)
    assert (then.looks_elsewhere, then.rows_used, now.looks_elsewhere, now.rows_used) == (1, 10, 2, 11)
    assert then.inherited < now.inherited
    assert own.spent == 0 and own.inherited == pytest.approx(ALPHA / 3 * 10 / 11)


def test_input_that_cannot_be_a_budget(store: Store) -> None:
    with store.write() as connection:
        with pytest.raises(StoreError, match="has no rows"):
            budget_of(connection, "g", [], ALPHA, 5)
        for alpha, looks in [(0.0, 5), (1.0, 5), (math.nan, 5), (ALPHA, 0)]:
            with pytest.raises(InputError):
                _ = reserve_look(connection, "g", _rows(1, 2), alpha, looks, run="r", round=1, student="s", model="m")
        assert looks_of(connection, "g") == []
        assert _look(connection, "g", _rows(1, 3), looks=3) is not None
        for rows in (_rows(1, 2), _rows(1, 4), _rows(2, 4)):
            with pytest.raises(StoreError, match="known with 3 rows"):
                _look(connection, "g", rows, looks=3, model="other")


def test_a_look_that_is_not_committed_charges_nothing(store: Store) -> None:
    with pytest.raises(KeyError), store.write() as connection:
        assert _look(connection, "g", _rows(1, 5)) is not None
        raise KeyError("stop")
    with store.read() as connection:
        assert budget_of(connection, "g", _rows(1, 5), ALPHA, 1).left == ALPHA
        assert connection.execute("SELECT count(*) FROM gate_rows").fetchall() == [(0,)]


def test_a_look_that_was_removed_is_missed(store: Store) -> None:
    with store.write() as connection:
        for model in ("a", "b"):
            assert _look(connection, "g", _rows(1, 5), 5, model) is not None
        connection.execute("DELETE FROM looks WHERE look = 1")
        with pytest.raises(StoreError, match="an earlier one does not"):
            _look(connection, "g", _rows(1, 5), 5, "c")


_RACES = """
import sys
from gatekeeper.store import Store, reserve_look, row_keys
path, digest, name = sys.argv[1:]
store = Store(path, wait_s=120)
keys = row_keys(f"row {number}" for number in range(50))
print("ready", flush=True)
sys.stdin.readline()
for number in range(12):
    with store.write() as connection:
        reserve_look(connection, digest, keys, 0.05, 8, run=name, round=1, student="s", model=str(number))
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("digests", [("same", "same"), ("one name", "another name")])
def test_two_processes_that_race_share_one_budget(store: Store, digests: tuple[str, str]) -> None:
    children = [start(_RACES, store.path, digest, f"run {place}") for place, digest in enumerate(digests)]
    for child in children:
        wait_for(child, "ready")
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        wait_for(child, "done")
        child.communicate()
    with store.read() as connection:
        by_split = [looks_of(connection, digest) for digest in sorted(set(digests))]
    total = math.fsum(look.alpha for looks in by_split for look in looks)
    assert all([look.look for look in looks] == list(range(1, len(looks) + 1)) for looks in by_split)
    assert total <= ALPHA + 1e-12
    # whoever comes when, the twelve tries of each end because nothing is left or because all planned looks are taken
    assert total == pytest.approx(ALPHA) or [len(looks) for looks in by_split] == [8] * len(by_split)


def test_looks_of_version_2_charge_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "g.duckdb"
    old = Store(path, migrations=MIGRATIONS[:2])
    texts = [f"Row {number}" for number in range(1, 11)]
    items = [item(str(place), "gate", text) for place, text in enumerate(texts)] + [item("p", "pool", "row 11")]
    with old.write() as connection:
        for fingerprint, gate in ((SUITE, "old"), ("b2:twin", "old"), ("b2:idle", "never looked at")):
            insert_suite(connection, SUITE_ROW.model_copy(update={"fingerprint": fingerprint, "gate_digest": gate}))
            insert_items(connection, fingerprint, items)
        connection.execute("INSERT INTO looks VALUES ('old', 1, 0.03, 'r', 1, 's', 'm', ?, false, 0.9, 0.8)", [NOON])
    with Store(path).read() as connection:
        assert connection.execute("SELECT DISTINCT gate_digest FROM gate_rows").fetchall() == [("old",)]
        look = Look(gate_digest="old", look=1, alpha=0.03, run="r", round=1, student="s", model="m", reserved_at=NOON,
                    passed=False, statistic=0.9, bound=0.8)  # fmt: skip
        assert looks_of(connection, "old") == [look]
        assert inherited_alpha(connection, "new", _rows(1, 10)) == pytest.approx(0.03)
        assert inherited_alpha(connection, "new", _rows(6, 15)) == pytest.approx(0.015)
    with Store(path).write() as connection:
        assert _look(connection, "old", _rows(1, 10), looks=5, model="next") is not None
