"""Gate rows are planted with a word of their own: no student learns from it and no choice of the loop sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tiny_suite import (
    ROUND,
    ROWS,
    TOKEN,
    Teacher,
    call,
    copy_store,
    http_server,
    http_teacher,
    loop,
    make_rows,
    promoted,
    rows_of,
    write_jsonl,
    write_suite,
)

from gatekeeper.errors import InputError
from gatekeeper.run.opening import open_session
from gatekeeper.stages.curate import curate
from gatekeeper.stages.generate import generate
from gatekeeper.stages.mine import pick_items
from gatekeeper.stages.train import train
from gatekeeper.store.connection import Store
from gatekeeper.store.firewall import OpenItems
from gatekeeper.suite.load import load_suite


@pytest.fixture
def server() -> Iterator[Teacher]:
    """A teacher behind HTTP."""
    with http_server() as teacher:
        yield teacher


@pytest.fixture
def open_items() -> OpenItems:
    """What the stages of the shared run could see."""
    store = promoted().store
    return OpenItems(Store(store, create=False), rows_of(store, "SELECT suite FROM runs")[0][0])


def test_the_planted_word_is_in_every_gate_row_and_was_asked() -> None:
    # Without this, the other tests could not fail.
    store = promoted().store
    planted = f"FROM items WHERE contains(text, '{TOKEN}')"
    assert rows_of(store, f"SELECT split, count(*) {planted} GROUP BY split") == [("gate", ROWS["gate"])]
    answered = f"SELECT count(*) FROM completions WHERE item_id IN (SELECT item_id {planted})"
    assert rows_of(store, answered) == [(ROWS["gate"],)]


@pytest.mark.parametrize("table", ["examples", "dropped"])
def test_no_row_that_was_learned_or_left_out_is_a_gate_row(table: str) -> None:
    store = promoted().store
    assert rows_of(store, f"SELECT count(*) FROM {table} JOIN items USING (item_id) WHERE split <> 'pool'") == [(0,)]
    planted = f"FROM {table} t WHERE contains(CAST(to_json(t) AS VARCHAR), '{TOKEN}')"
    assert rows_of(store, f"SELECT count(*) {planted}") == [(0,)]


def test_mined_texts_are_there_and_none_is_a_gate_row() -> None:
    mined = [text for (text,) in rows_of(promoted().store, "SELECT text FROM examples WHERE source = 'mined'")]
    assert len(mined) == ROUND // 2
    assert not [text for text in mined if TOKEN in text]


def test_the_weights_do_not_know_the_word() -> None:
    store = promoted().store
    files = [path for path in store.with_name(store.name + ".artifacts").rglob("*") if path.is_file()]
    assert any(b"invoice" in path.read_bytes() for path in files)  # the vocabulary is in there to be read
    assert not [path for path in files if TOKEN[:4].encode() in path.read_bytes()]


def test_open_items_give_no_gate_row(open_items: OpenItems) -> None:
    store = promoted().store
    models = [model for (model,) in rows_of(store, "SELECT DISTINCT model FROM predictions")]
    keys = [key for (key,) in rows_of(store, "SELECT request_key FROM completions")]
    items = open_items.items()
    predictions = [row for model in models for row in open_items.predictions(model)]
    scores = [row for model in models for row in open_items.scores(model)]
    completions = list(open_items.completions(keys).values())
    assert (len(items), len(predictions), len(scores)) == (ROWS["pool"] + ROWS["dev"], 3 * ROWS["dev"], 3 * ROWS["dev"])
    assert len(completions) == ROWS["dev"] + 2 * ROUND
    assert "gate" not in open_items.counts()
    seen = [*items, *predictions, *scores, *completions]
    assert not [one for one in seen if TOKEN in one.model_dump_json() or "gate-" in one.model_dump_json()]


def test_open_items_refuse_the_gate_by_name(open_items: OpenItems) -> None:
    with pytest.raises(InputError, match="'gate' is closed here"):
        open_items.items("gate")  # type: ignore[arg-type]


def test_mining_everything_there_is_finds_no_gate_row(tmp_path: Path) -> None:
    store = copy_store(promoted().store, tmp_path / "copy")
    with open_session(load_suite(promoted().suite), Store(store)) as session:
        picks = pick_items(
            OpenItems(session.store, session.fingerprint),
            set(),
            None,
            teacher=session.teacher.info.fingerprint,
            count=10**6,
            share=1.0,
            rng=session.rng("everything"),
        )
    assert {item.split for item, _ in picks} == {"pool"} and len(picks) == ROWS["pool"]


class Recorded:
    """A DuckDB connection that writes down every statement, its parameters and all rows that come out of it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seen: list[str]) -> None:
        self._connection = connection
        self._seen = seen

    def execute(self, sql: str, parameters: Any = ()) -> Recorded:
        self._seen.append(f"{sql} {parameters!r}")
        self._connection.execute(sql, parameters)
        return self

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._connection, name)
        if not name.startswith(("fetch", "arrow", "df", "pl", "to_arrow")):
            return value

        def fetched(*arguments: Any) -> Any:
            rows = value(*arguments)
            self._seen.append(repr(rows.to_pylist() if hasattr(rows, "to_pylist") else rows))
            return rows

        return fetched


def test_no_query_of_mine_generate_curate_and_train_touches_a_gate_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(copy_store(promoted().store, tmp_path / "copy"))
    seen: list[str] = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *where, **how: Recorded(connect(*where, **how), seen))
    with open_session(load_suite(promoted().suite), store) as session:
        spec, open_items = session.suite.students[0], OpenItems(store, session.fingerprint)
        looked = train(session, 2, spec, [])  # it was trained before: loaded, with gate predictions in the store
        with store.read() as connection:
            connection.execute("SELECT text, item_id FROM items JOIN predictions USING (item_id)").fetchall()
        assert TOKEN in seen[-1] and "gate-" in seen[-1]  # what the recorder would catch
        seen.clear()
        # The session holds gate rows in memory as well; these stages do without.
        session.by_split = {"pool": session.split("pool")}
        session.items = replace(session.items, items=session.split("pool"))
        picks = pick_items(
            open_items,
            {item.id for item in session.split("pool")[:400]},
            looked,
            teacher=session.teacher.info.fingerprint,
            count=120,
            share=0.5,
            rng=session.rng("walk"),
        )
        items = [item for item, _ in picks]
        answers = generate(session, items, 3)
        curated = curate(
            items, answers, session.suite.eval.labels, sources=dict.fromkeys(answers, "random"), round_number=3
        )
        trained = train(session, 3, spec, curated.examples)
    assert len(curated.examples) == 120 and trained.n_examples == 120
    for table in ("open_items", "open_predictions", "completions", "training_runs"):
        assert any(f"FROM {table}" in one for one in seen), table
    assert "pool-" in "".join(seen)
    assert not [one for one in seen if TOKEN in one or "gate-" in one]


def test_copies_of_gate_rows_reach_no_stage(tmp_path: Path) -> None:
    path = write_suite(tmp_path / "suite")
    gate, pool = make_rows("gate", ROWS["gate"]), make_rows("pool", ROWS["pool"])
    changed = [f"Please&nbsp;{row['text'].upper()}!" if n % 2 else f"{row['text']}." for n, row in enumerate(gate)]
    copies = [{"id": f"copy-{n}", "text": text, "label": gate[n]["label"]} for n, text in enumerate(changed)]
    write_jsonl(path.with_name("pool.jsonl"), [*pool, *copies])
    store = Store(tmp_path / "g.duckdb")
    with open_session(load_suite(path), store) as session:
        found = session.items.near
        pool_texts = [item.text for item in OpenItems(store, session.fingerprint).items("pool")]
    assert len(pool_texts) == ROWS["pool"] and not [text for text in pool_texts if TOKEN in text.casefold()]
    assert TOKEN not in "".join(one.model_dump_json() for one in found)
    stored = rows_of(
        store.path, "SELECT duplicates, (SELECT count(*) FROM items WHERE item_id LIKE 'copy-%') FROM suites"
    )
    assert [(json.loads(kinds), left) for kinds, left in stored] == [({"near_pool_in_gate": ROWS["gate"]}, 0)]


@pytest.mark.parametrize("split", ["gate", "dev"])
def test_generate_refuses_what_is_not_of_the_pool(tmp_path: Path, server: Teacher, split: str) -> None:
    suite = load_suite(write_suite(tmp_path, http_teacher(server.url)))
    with open_session(suite, Store(tmp_path / "g.duckdb")) as session:
        outsider = session.split(split)[0]  # type: ignore[arg-type]
        with pytest.raises(InputError, match=f"'{outsider.id}' is of split '{split}'"):
            generate(session, [*session.split("pool")[:3], outsider], 1)
    assert server.log == []  # nothing was asked, the pool's own rows neither
    assert rows_of(tmp_path / "g.duckdb", "SELECT count(*) FROM spend") == [(0,)]


@pytest.mark.slow
def test_a_second_run_on_the_same_gate_rows_goes_on_in_the_same_ledger(tmp_path: Path) -> None:
    store = tmp_path / "store" / "g.duckdb"
    first = loop(write_suite(tmp_path / "a", {"loop": {"rounds": 1}}, name="first"), store)
    assert first.finished.code == 11, first.finished.said
    assert rows_of(store, "SELECT look, passed FROM looks") == [(1, False)]
    second = loop(write_suite(tmp_path / "b", {"loop": {"rounds": 1, "examples_per_round": 150}}, name="second"), store)
    assert second.finished.code == 0, second.finished.said
    assert (second.verdict["looks_spent"], second.verdict["looks_planned"]) == (2, 2)
    looks = rows_of(store, "SELECT look, round(alpha, 4), passed, split_part(run, '-', 1) FROM looks ORDER BY look")
    assert looks == [(1, 0.0167, False, "first"), (2, 0.0333, True, "second")]
    assert rows_of(store, "SELECT count(DISTINCT gate_digest) FROM looks") == [(1,)]
    for run in rows_of(store, "SELECT run FROM runs"):
        done = call("verify", "--store", store, "--run", run[0])
        assert done.code == 0, done.said


@pytest.mark.slow
@pytest.mark.parametrize("looks", [2, 3])
def test_a_gate_split_that_is_used_up_stays_so_under_any_plan(tmp_path: Path, looks: int) -> None:
    store = copy_store(promoted().store, tmp_path / "copy")
    before = rows_of(store, "SELECT * FROM looks ORDER BY look")
    changes = {"gates": {"quality": {"looks": looks}}, "loop": {"rounds": 1, "examples_per_round": 150}}
    run = loop(write_suite(tmp_path / "again", changes, name="again"), store)
    assert run.finished.code == 11, run.finished.said
    assert rows_of(store, "SELECT * FROM looks ORDER BY look") == before
    quality = run.verdict["rules"][0]
    used_up = "This gate split is used up: 2 looks spent 0.0500 of its error budget of 0.05."
    assert quality["sentence"].startswith(used_up)
    assert "fresh rows" in quality["settle"]
    scored = """SELECT count(*) FROM scores JOIN items USING (suite, item_id)
                WHERE split = 'gate' AND model IN (SELECT model FROM verdicts WHERE decision = 'inconclusive')"""
    assert rows_of(store, scored) == [(0,)]  # the gate was never looked at for it
