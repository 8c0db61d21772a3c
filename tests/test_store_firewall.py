"""Planted gate rows come out of no method of `OpenItems`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from store_samples import NOON, SUITE, completion, item

from gatekeeper.errors import InputError
from gatekeeper.records import Prediction, Score
from gatekeeper.store import OpenItems, Store, firewall
from gatekeeper.store.completions import insert_completions
from gatekeeper.store.predictions import insert_predictions, insert_scores
from gatekeeper.store.suites import insert_items

OTHER = "b2:0the2"
PLANTED = "planted gate text"


@pytest.fixture
def open_items(tmp_path: Path) -> OpenItems:
    """A suite with one planted gate item among open ones, and another suite that knows the same text."""
    store = Store(tmp_path / "g.duckdb")
    here = [item("t1", "teacher"), item("p1", "pool"), item("d1", "dev"), item("g1", "gate", PLANTED)]
    there = [item("x1", "pool", PLANTED), item("x2", "gate", "text of p1"), item("g1", "pool", "harmless")]
    with store.write() as connection:
        insert_items(connection, SUITE, here)
        insert_items(connection, OTHER, there)
        for suite, items in ((SUITE, here), (OTHER, there)):
            ids = [one.id for one in items]
            insert_completions(connection, suite, [(completion(f"{suite}/{one}", one), NOON) for one in ids])
            insert_predictions(connection, suite, [Prediction(item_id=one, model="m", output="x") for one in ids])
            score = Score(item_id="", model="m", scorer="route", version="1", value=1.0)
            insert_scores(connection, suite, [score.model_copy(update={"item_id": one}) for one in ids])
        insert_completions(connection, "b2:unknown", [(completion("orphan", "p1"), NOON)])
    return OpenItems(store, SUITE)


def test_open_rows_come_out(open_items: OpenItems) -> None:
    assert [one.id for one in open_items.items()] == ["d1", "p1", "t1"]
    assert [one.id for one in open_items.items("pool")] == ["p1"]
    assert open_items.items("pool") == [item("p1", "pool")]
    assert open_items.counts() == {"dev": 1, "pool": 1, "teacher": 1}
    assert [one.item_id for one in open_items.predictions("m")] == ["d1", "p1", "t1"]
    assert [one.item_id for one in open_items.predictions("m", "dev")] == ["d1"]
    assert [one.item_id for one in open_items.scores("m", "route")] == ["d1", "p1", "t1"]
    assert [one.item_id for one in open_items.scores("m", split="pool")] == ["p1"]


def test_completions_of_gate_items_stay_closed_whoever_asked_first(open_items: OpenItems) -> None:
    keys = [f"{SUITE}/{one}" for one in ("t1", "p1", "d1", "g1")] + [f"{OTHER}/{one}" for one in ("x1", "x2", "g1")]
    found = open_items.completions([*keys, "orphan", "nowhere"])
    # x1 has the text of the gate item here; x2 was a gate item there and is an open text here; the other g1 is harmless
    assert sorted(found) == sorted([f"{SUITE}/t1", f"{SUITE}/p1", f"{SUITE}/d1", f"{OTHER}/x2", f"{OTHER}/g1"])


def test_the_gate_cannot_be_asked_for(open_items: OpenItems) -> None:
    calls: list[Any] = [
        lambda split: open_items.items(split),
        lambda split: open_items.predictions("m", split),
        lambda split: open_items.scores("m", split=split),
    ]
    for call in calls:
        for split in ("gate", "GATE", "' OR 1=1 --", ""):
            with pytest.raises(InputError, match="closed"):
                call(split)


def test_no_method_shows_the_planted_item(open_items: OpenItems) -> None:
    keys = [f"{SUITE}/g1", f"{OTHER}/x1"]
    arguments: dict[str, list[Any]] = {"completions": [keys], "predictions": ["m"], "scores": ["m"]}
    methods = [name for name, _ in inspect.getmembers(OpenItems, inspect.isfunction) if not name.startswith("_")]
    assert len(methods) >= 5
    for name in methods:
        answer = repr(getattr(open_items, name)(*arguments.get(name, [])))
        assert PLANTED not in answer and "'g1'" not in answer and "gate" not in answer, name


def test_queries_name_only_open_tables() -> None:
    source = inspect.getsource(firewall.OpenItems)
    tables = re.findall(r"(?:FROM|JOIN)\s+(\w+)", source)
    assert len(tables) >= 5
    assert {table for table in tables if not table.startswith("open_")} <= {"unnest"}
