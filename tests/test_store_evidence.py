"""Evidence: every kind of row that a verdict rests on is named when it changes, and what others add is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from store_samples import GATE, NOON, SUITE, completion, fill, item

from gatekeeper.hashing import content_hash
from gatekeeper.store import Store
from gatekeeper.store.completions import insert_completions
from gatekeeper.store.events import Event, insert_events
from gatekeeper.store.evidence import Difference, differences, seal, sealed_count, sealed_digest
from gatekeeper.store.migrations import MIGRATIONS
from gatekeeper.store.suites import insert_items

TEACHER = "b2:7eac"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run whose verdict is sealed; some of the teacher's answers were first asked for another suite."""
    path = tmp_path_factory.mktemp("sealed") / "g.duckdb"
    made = Store(path)
    fill(made)
    with made.write() as connection:
        connection.execute("DELETE FROM evidence")
        insert_events(connection, [Event(run="run-1", seq=2, kind="teacher", detail={"fingerprint": TEACHER}, at=NOON)])
        insert_items(connection, "earlier suite", [item("x1", "gate", "text of g1"), item("x2", "gate", "elsewhere")])
        answers = [completion("dev", "d1"), completion("failed", "d1", None), completion("pool", "p1")]
        insert_completions(connection, SUITE, [(one, NOON) for one in answers])
        insert_completions(
            connection, "earlier suite", [(completion("gate", "x1"), NOON), (completion("other", "x2"), NOON)]
        )
        connection.execute("UPDATE models SET price_id = 'a/b'")
        seal(connection, "run-1")
    return path


@pytest.fixture
def store(sealed: Path, tmp_path: Path) -> Store:
    """A copy of it."""
    return Store(Path(shutil.copy(sealed, tmp_path / "g.duckdb")))


def _change(store: Store, statement: str) -> list[Difference]:
    with store.write() as connection:
        assert differences(connection, "run-1") == []
        connection.execute(statement)
        return differences(connection, "run-1")


def test_what_is_sealed(store: Store) -> None:
    with store.read() as connection:
        rows = connection.execute("SELECT source, key, digest FROM evidence ORDER BY source, key").fetchall()
        joint = sealed_digest(connection, "run-1")
        assert sealed_count(connection, "run-1") == len(rows) > 20
        assert sealed_digest(connection, "no such run") == content_hash([])
    assert joint == content_hash([list(row) for row in rows])
    keys = {source: [key for table, key, _ in rows if table == source] for source, _, _ in rows}
    assert keys["completions"] == ["dev", "gate"], "good answers to dev and gate texts, whichever suite asked first"
    assert (keys["models"], keys["prices"]) == ([TEACHER], ["a/b book 2026-02-01"])
    assert (keys["seals"], keys["gate_rows"], keys["amendments"], keys["gate_reads"]) == ([GATE], [GATE], ["1"], ["1"])


def test_a_second_seal_changes_nothing(store: Store) -> None:
    with store.write() as connection:
        before = sealed_digest(connection, "run-1")
        connection.execute("UPDATE results SET value = 0.5")
        assert seal(connection, "run-1") == before
        assert {one.table for one in differences(connection, "run-1")} == {"results"}


CHANGES = {
    "UPDATE completions SET raw = 'x' WHERE request_key = 'dev'": [("completions", "dev", "changed")],
    "DELETE FROM completions WHERE request_key = 'gate'": [("completions", "gate", "missing")],
    "UPDATE completions SET output = NULL WHERE request_key = 'dev'": [("completions", "dev", "missing")],
    "UPDATE models SET price_assumed = true": [("models", TEACHER, "changed")],
    "UPDATE prices SET input_per_m = 9": [("prices", "a/b book 2026-02-01", "changed")],
    "UPDATE seals SET content = '{}'": [("seals", GATE, "changed")],
    "UPDATE amendments SET reason = 'another'": [("amendments", "1", "changed")],
    "DELETE FROM gate_reads": [("gate_reads", "1", "missing")],
    "UPDATE gate_rows SET row_key = 'x'": [("gate_rows", GATE, "changed")],
    "INSERT INTO gate_rows SELECT gate_digest, 'x' FROM gate_rows": [("gate_rows", GATE, "changed")],
    "UPDATE looks SET threshold = 0.5": [("looks", "1", "changed")],
    "UPDATE looks SET inherited = 0.5": [("looks", "1", "changed")],
    "INSERT INTO examples SELECT * REPLACE ('new' AS example_id) FROM examples": [("examples", "new", "added")],
    "UPDATE results SET value = NULL WHERE metric = 'accuracy'": [
        ("results", "1 linear dev accuracy", "changed"),
    ],
}


@pytest.mark.parametrize("statement", CHANGES)
def test_a_changed_row_is_named(store: Store, statement: str) -> None:
    assert _change(store, statement) == CHANGES[statement]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO completions SELECT * REPLACE ('new' AS request_key) FROM completions WHERE request_key = 'dev'",
        "UPDATE completions SET output = 'y', error_class = NULL WHERE request_key = 'failed'",
        "INSERT INTO prices SELECT * REPLACE ('later' AS source) FROM prices",
        "INSERT INTO amendments SELECT * REPLACE (2 AS seq) FROM amendments",
        "INSERT INTO gate_reads SELECT * REPLACE (2 AS seq) FROM gate_reads",
        "INSERT INTO scores SELECT * REPLACE ('2' AS version) FROM scores",
        "UPDATE completions SET raw = 'x' WHERE request_key IN ('pool', 'other')",
        "UPDATE suites SET registered_at = now()",
    ],
)
def test_what_others_may_do_is_no_difference(store: Store, statement: str) -> None:
    assert _change(store, statement) == []


def test_evidence_of_version_2_still_holds(tmp_path: Path) -> None:
    path = tmp_path / "g.duckdb"
    old = Store(path, migrations=MIGRATIONS[:2])
    with old.write() as connection:
        connection.execute("INSERT INTO runs VALUES ('run-1', ?, 1, ?, NULL, 'rejected', NULL)", [SUITE, NOON])
        connection.execute("INSERT INTO looks VALUES ('g', 1, 0.03, 'run-1', 1, 's', 'm', ?, false, 0.9, NULL)", [NOON])
        connection.execute("INSERT INTO models VALUES ('m', 'name', 'linear', 'local', NULL, false, NULL)")
        connection.execute("INSERT INTO training_runs VALUES ('run-1', 1, 's', 'd', '{}', 1, 'm', NULL, 10, NULL)")
        connection.execute("INSERT INTO predictions VALUES (?, 'm', 'g1', 'x', 0.5, NULL)", [SUITE])
        connection.execute("INSERT INTO scores VALUES (?, 'm', 'g1', 'route', '1', 1.0, NULL)", [SUITE])
        for table, key in {
            "looks": "CAST(look AS VARCHAR)",
            "training_runs": "round || ' ' || student",
            "predictions": "model || ' ' || item_id",
            "scores": "concat_ws(' ', model, item_id, scorer, version)",
        }.items():
            digest = "sha256(CAST(to_json(t) AS VARCHAR))"
            connection.execute(f"INSERT INTO evidence SELECT 'run-1', '{table}', {key}, {digest} FROM {table} t")
        before = connection.execute("SELECT source, key, digest FROM evidence ORDER BY ALL").fetchall()
    with Store(path).write() as connection:
        assert differences(connection, "run-1") == []
        assert sealed_digest(connection, "run-1") == content_hash([list(row) for row in before])
        connection.execute("UPDATE looks SET alpha = 0.04")
        connection.execute("UPDATE scores SET value = 0")
        connection.execute("DELETE FROM predictions")
        assert differences(connection, "run-1") == [
            ("looks", "1", "changed"),
            ("predictions", "m g1", "missing"),
            ("scores", "m g1 route 1", "changed"),
        ]


def test_evidence_of_version_4_does_not_know_cache_writes(tmp_path: Path) -> None:
    path = tmp_path / "g.duckdb"
    old = Store(path, migrations=MIGRATIONS[:4])
    with old.write() as connection:
        connection.execute("INSERT INTO runs VALUES ('run-1', ?, 1, ?, NULL, 'rejected', NULL)", [SUITE, NOON])
        insert_events(connection, [Event(run="run-1", seq=1, kind="teacher", detail={"fingerprint": TEACHER}, at=NOON)])
        connection.execute("INSERT INTO models VALUES (?, 'name', 'replay', 'local', NULL, false, NULL)", [TEACHER])
        insert_items(connection, SUITE, [item("g1", "gate", "text of g1")])
        insert_completions(connection, SUITE, [(completion(key, "g1"), NOON) for key in ("one", "two")])
        digest = "sha256(CAST(to_json(t) AS VARCHAR))"
        for table, key in {"completions": "request_key", "models": "fingerprint"}.items():
            connection.execute(f"INSERT INTO evidence SELECT 'run-1', '{table}', {key}, {digest} FROM {table} t")
    with Store(path).write() as connection:
        before = [one for one in differences(connection, "run-1") if one.table in ("completions", "models")]
        connection.execute("UPDATE completions SET cache_write_tokens = 7 WHERE request_key = 'two'")
        after = [one for one in differences(connection, "run-1") if one.table in ("completions", "models")]
    assert before == [] and after == [("completions", "two", "changed")]
