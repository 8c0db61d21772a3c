"""Who has read details of a gate split: the leak that no code stops, so it is written down and shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.records import Record
from gatekeeper.store.rows import insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class GateRead(Record):
    """One time that a person was shown rows of a gate split."""

    gate_digest: str
    seq: int = Field(description="its number on this gate split, starting at 1")
    at: datetime
    who: str
    run: str | None = Field(default=None, description="the run whose details were shown")
    what: str = Field(description="what was shown, e.g. the rows that the student got wrong")
    n_rows: int = Field(description="how many gate rows were shown")


def insert_gate_read(
    connection: DuckDBPyConnection,
    gate_digest: str,
    *,
    who: str,
    what: str,
    n_rows: int,
    run: str | None = None,
    at: datetime | None = None,
) -> GateRead:
    """Write down that gate rows are shown; call it before they are. Each call is a read of its own."""
    last = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM gate_reads WHERE gate_digest = ?", [gate_digest]
    ).fetchall()
    read = GateRead(
        gate_digest=gate_digest,
        seq=last[0][0] + 1,
        at=at or datetime.now(UTC),
        who=who,
        run=run,
        what=what,
        n_rows=n_rows,
    )
    insert_rows(connection, "gate_reads", [dict(read)])
    return read


def gate_reads_of(connection: DuckDBPyConnection, gate_digest: str) -> list[GateRead]:
    """Return who has read details of a gate split, in order, over all runs and suites of the store."""
    rows = select(connection, "SELECT * FROM gate_reads WHERE gate_digest = ? ORDER BY seq", [gate_digest])
    return [GateRead(**row) for row in rows]
