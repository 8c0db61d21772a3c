"""Events: what happened in a run, in order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gatekeeper.records import Record
from gatekeeper.store.rows import from_json, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Event(Record):
    """One thing that happened."""

    run: str
    seq: int = Field(description="place in the run, starting at 1; it orders events even when the clock goes backwards")
    kind: str
    detail: dict[str, Any] = Field(default_factory=dict)
    at: datetime


def insert_events(connection: DuckDBPyConnection, events: Iterable[Event]) -> int:
    """Insert events; returns the number of new rows."""
    return insert_rows(connection, "events", (dict(event) for event in events))


def events_of(connection: DuckDBPyConnection, run: str, kind: str | None = None) -> list[Event]:
    """Return the events of a run (of one kind) in their order."""
    sql = "SELECT * FROM events WHERE run = $run AND ($kind IS NULL OR kind = $kind) ORDER BY seq"
    rows = select(connection, sql, {"run": run, "kind": kind})
    return [Event(**{**row, "detail": from_json(row["detail"])}) for row in rows]


def next_seq(connection: DuckDBPyConnection, run: str) -> int:
    """Return the place of the next event of a run."""
    rows = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM events WHERE run = ?", [run]).fetchall()
    return int(rows[0][0])
