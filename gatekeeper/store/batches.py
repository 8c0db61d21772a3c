"""Batches at providers: what was handed over, under which id, and what is still to be read.

A batch is written down before it is created at the provider and again when its id is known, so that whatever moment a
process is killed at, the next one knows that there may be one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gatekeeper.records import Record
from gatekeeper.store.rows import from_json, insert_rows, select
from gatekeeper.store.spend import Purpose

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Batch(Record):
    """One batch."""

    batch: str = Field(description="id of its own; the provider is given it where it takes one")
    run: str
    model: str = Field(description="fingerprint of the model that is asked")
    purpose: Purpose
    provider_id: str | None = Field(default=None, description="None: it may exist at the provider or not")
    state: Literal["intended", "open", "read", "dropped"] = Field(
        default="intended",
        description="intended: about to be created; open: the provider has it; read: every request in it has its "
        "answer or its failure; dropped: the provider has never had it, or has failed it as a whole",
    )
    requests: tuple[str, ...] = Field(description="keys of the requests whose answers are still to be read from it")
    made_at: datetime = Field(description="when it was intended; its reservations are not older")
    deadline: datetime = Field(description="what it has not answered by then is asked live")
    at: datetime


def insert_batches(connection: DuckDBPyConnection, rows: Iterable[Batch]) -> int:
    """Insert batches; the newest word on one wins. Returns the number of rows."""
    unpacked = ({**vars(one), "requests": list(one.requests)} for one in rows)
    return insert_rows(connection, "batches", unpacked, replace=True)


def open_batches(connection: DuckDBPyConnection, model: str) -> list[Batch]:
    """Return the batches of a model that have answers to read, or may have, of all runs, the oldest first."""
    sql = "SELECT * FROM batches WHERE model = ? AND state IN ('intended', 'open') ORDER BY made_at, batch"
    rows = select(connection, sql, [model])
    return [Batch(**{**row, "requests": tuple(from_json(row["requests"]))}) for row in rows]


def provider_ids(connection: DuckDBPyConnection) -> frozenset[str]:
    """Return the providers' ids of all batches that are known."""
    rows = connection.execute("SELECT provider_id FROM batches WHERE provider_id IS NOT NULL").fetchall()
    return frozenset(name for (name,) in rows)
