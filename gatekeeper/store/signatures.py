"""Signatures under statements about a run, such as its dossier. Making and checking them is `gatekeeper.signing`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gatekeeper.records import Record
from gatekeeper.store.rows import from_json, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Signature(Record):
    """One signature: who has put their key under which statement."""

    run: str
    key_id: str = Field(description="content hash of the public key")
    public_key: str = Field(description="PEM; it says what was signed with, not whom to trust")
    statement: dict[str, Any] = Field(description="what is signed: its canonical JSON")
    signature: str = Field(description="base64")
    signed_at: datetime
    who: str


def insert_signature(
    connection: DuckDBPyConnection,
    run: str,
    *,
    key_id: str,
    public_key: str,
    statement: dict[str, Any],
    signature: str,
    who: str,
    at: datetime | None = None,
) -> Signature:
    """Keep a signature; the same one again changes nothing. No signature replaces another one."""
    row = Signature(
        run=run,
        key_id=key_id,
        public_key=public_key,
        statement=statement,
        signature=signature,
        signed_at=at or datetime.now(UTC),
        who=who,
    )
    insert_rows(connection, "signatures", [dict(row)])
    return next(one for one in signatures_of(connection, run) if (one.key_id, one.signature) == (key_id, signature))


def signatures_of(connection: DuckDBPyConnection, run: str) -> list[Signature]:
    """Return the signatures under statements about a run, oldest first."""
    rows = select(connection, "SELECT * FROM signatures WHERE run = ? ORDER BY signed_at, key_id, signature", [run])
    return [Signature(**{**row, "statement": from_json(row["statement"])}) for row in rows]
