"""Suites, their items, the runs on them, and the models that took part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from gatekeeper.errors import StoreError
from gatekeeper.records import Item, Message, Record, Split
from gatekeeper.store.rows import from_json, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from gatekeeper.store.connection import Store

RunState = Literal["running", "promoted", "rejected", "inconclusive", "budget", "interrupted"]


class StoredSuite(Record):
    """A suite as it was registered."""

    fingerprint: str
    name: str
    spec: Any = Field(description="the suite file as read, JSON-like")
    gate_digest: str = Field(description="content hash of the gate split; the key of the look ledger")
    split_counts: dict[str, int] = Field(default_factory=dict)
    duplicates: Any = None
    assumed: Any = None
    registered_at: datetime


class Run(Record):
    """One run of the loop on one suite."""

    run: str
    suite: str = Field(description="fingerprint of the suite")
    seed: int
    started_at: datetime
    finished_at: datetime | None = None
    state: RunState = "running"
    machine: str | None = None


class StoredModel(Record):
    """Who a model is, and by which price its answers are paid."""

    fingerprint: str
    name: str
    kind: str
    place: Literal["api", "local"]
    price_id: str | None = None
    price_assumed: bool = False
    detail: Any = None


def insert_suite(connection: DuckDBPyConnection, suite: StoredSuite) -> int:
    """Register a suite; one that is registered already stays as it is. Returns the number of new rows."""
    return insert_rows(connection, "suites", [dict(suite)])


def suite_of(connection: DuckDBPyConnection, fingerprint: str) -> StoredSuite | None:
    """Return the registered suite with this fingerprint."""
    found = select(connection, "SELECT * FROM suites WHERE fingerprint = ?", [fingerprint])
    return _suite(found[0]) if found else None


def suites_of(connection: DuckDBPyConnection, name: str | None = None) -> list[StoredSuite]:
    """Return the registered suites (of one name), oldest first."""
    sql = "SELECT * FROM suites WHERE $name IS NULL OR name = $name ORDER BY registered_at, fingerprint"
    return [_suite(row) for row in select(connection, sql, {"name": name})]


def insert_items(connection: DuckDBPyConnection, suite: str, items: Iterable[Item]) -> int:
    """Insert the items of the suite with fingerprint `suite`; returns the number of new rows."""
    return insert_rows(connection, "items", (_item_row(suite, item) for item in items))


def items_of(connection: DuckDBPyConnection, suite: str, split: Split | None = None) -> list[Item]:
    """Return the items of a suite (of one split), gate items included, by item id.

    Only the gate and the report may call this; the other stages read through `firewall.OpenItems`.
    """
    sql = "SELECT * FROM items WHERE suite = $suite AND ($split IS NULL OR split = $split) ORDER BY item_id"
    return [item_from_row(row) for row in select(connection, sql, {"suite": suite, "split": split})]


def insert_run(connection: DuckDBPyConnection, run: Run) -> int:
    """Register a run; one that is registered already stays as it is. Returns the number of new rows."""
    return insert_rows(connection, "runs", [dict(run)])


def set_run_state(
    connection: DuckDBPyConnection, run: str, state: RunState, finished_at: datetime | None = None
) -> None:
    """Set where a run stands; `finished_at` stays None while it is running.

    Raises:
        StoreError: there is no such run.
    """
    if run_of(connection, run) is None:
        raise StoreError(f"there is no run {run!r} in the store", hint="register it with insert_run first")
    connection.execute("UPDATE runs SET state = ?, finished_at = ? WHERE run = ?", [state, finished_at, run])


def run_of(connection: DuckDBPyConnection, run: str) -> Run | None:
    """Return one run."""
    found = select(connection, "SELECT * FROM runs WHERE run = ?", [run])
    return Run(**found[0]) if found else None


def runs_of(connection: DuckDBPyConnection, suite: str | None = None) -> list[Run]:
    """Return the runs (on the suite with this fingerprint), the newest first."""
    sql = "SELECT * FROM runs WHERE $suite IS NULL OR suite = $suite ORDER BY started_at DESC, run"
    return [Run(**row) for row in select(connection, sql, {"suite": suite})]


def insert_models(connection: DuckDBPyConnection, models: Iterable[StoredModel]) -> int:
    """Insert models; returns the number of new rows."""
    return insert_rows(connection, "models", (dict(model) for model in models))


def models_of(connection: DuckDBPyConnection, fingerprints: Sequence[str] | None = None) -> dict[str, StoredModel]:
    """Return models by fingerprint; all of them when `fingerprints` is None."""
    sql = "SELECT * FROM models WHERE $wanted IS NULL OR list_contains($wanted::VARCHAR[], fingerprint) ORDER BY name"
    wanted = None if fingerprints is None else list(fingerprints)
    rows = select(connection, sql, {"wanted": wanted})
    return {row["fingerprint"]: StoredModel(**{**row, "detail": from_json(row["detail"])}) for row in rows}


def item_from_row(row: dict[str, Any]) -> Item:
    """Return the item of one row of the table `items`."""
    return Item(
        id=row["item_id"],
        eval=row["eval"],
        split=row["split"],
        cluster=row["cluster_id"],
        text=row["text"],
        messages=tuple(Message(role=role, content=content) for role, content in from_json(row["messages"])),
        target=row["target"],
        slices=row["slices"] or {},
    )


def _item_row(suite: str, item: Item) -> dict[str, Any]:
    return {
        "suite": suite,
        "item_id": item.id,
        "eval": item.eval,
        "split": item.split,
        "cluster_id": item.cluster,
        "text": item.text,
        "messages": [[message.role, message.content] for message in item.messages],
        "target": item.target,
        "slices": item.slices,
    }


def _suite(row: dict[str, Any]) -> StoredSuite:
    parts = {name: from_json(row[name]) for name in ("spec", "duplicates", "assumed")}
    counts = from_json(row["split_counts"]) or {}
    return StoredSuite(**{**row, **parts, "split_counts": counts})


def latest_run(store: Store) -> str:
    """Return the id of the run that started last.

    Raises:
        StoreError: the store has no run.
    """
    with store.read() as connection:
        runs = runs_of(connection)
    if not runs:
        raise StoreError(f"the store {store.path} has no run yet", hint="run `gatekeeper loop SUITE` first")
    return runs[0].run
