"""The schema's history: a plain list of steps, each applied in one transaction together with its record.

The number of a step is its place in the list, starting at 1, and is the schema version after it. Steps are only ever
added at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import StoreError
from gatekeeper.store import tables, views
from gatekeeper.store.gate_rows import insert_gate_rows, row_keys

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Migration = Callable[["DuckDBPyConnection"], None]


def create_tables(connection: DuckDBPyConnection) -> None:
    """Version 1: all tables."""
    for statement in tables.VERSION_1.values():
        connection.execute(statement)


def create_views(connection: DuckDBPyConnection) -> None:
    """Version 2: the views for people."""
    for statement in views.VERSION_2.values():
        connection.execute(statement)


def error_budget(connection: DuckDBPyConnection) -> None:
    """Version 3: which rows each look has read, sealed rules, who read gate details, signatures.

    The rows of earlier looks come from the items, so that they count against splits that share rows with them.
    """
    for statement in (*tables.ERROR_BUDGET.values(), *tables.LOOK_COLUMNS, *views.ERROR_BUDGET.values()):
        connection.execute(statement)
    looked = connection.execute(
        """SELECT DISTINCT gate_digest, first(fingerprint) FROM suites
           WHERE gate_digest IN (SELECT gate_digest FROM looks) GROUP BY gate_digest ORDER BY gate_digest"""
    ).fetchall()
    for gate_digest, suite in looked:
        texts = connection.execute("SELECT text FROM items WHERE suite = ? AND split = 'gate'", [suite]).fetchall()
        insert_gate_rows(connection, gate_digest, row_keys(text for (text,) in texts))


def samples(connection: DuckDBPyConnection) -> None:
    """Version 4: several answers of one model to one item, and promotions for a part of the traffic."""
    for statement in tables.SAMPLES:
        connection.execute(statement)


def cache_writes(connection: DuckDBPyConnection) -> None:
    """Version 5: how much of a request's input was written to a prompt cache."""
    for statement in tables.CACHE_WRITES:
        connection.execute(statement)


def batches(connection: DuckDBPyConnection) -> None:
    """Version 6: batches at providers, so that a restart picks up what it has paid for."""
    for statement in tables.BATCHES.values():
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (create_tables, create_views, error_budget, samples, cache_writes, batches)
SCHEMA_VERSION = len(MIGRATIONS)


def version_of(connection: DuckDBPyConnection, path: Path) -> int:
    """Return the schema version of an open store, 0 for an empty file.

    Raises:
        StoreError: the DuckDB file holds tables of something else.
    """
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
        ).fetchall()
    }
    if "migrations" in tables:
        return int(connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchall()[0][0])
    if tables:
        raise StoreError(
            f"{path} is a DuckDB file of something else: it holds the table {min(tables)!r} and no gatekeeper schema",
            hint="name another file with --store; this one was left as it is",
        )
    return 0


def apply_migration(connection: DuckDBPyConnection, number: int, step: Migration) -> None:
    """Apply step `number` and record it; the caller's transaction holds both."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, "
        "applied_at TIMESTAMPTZ NOT NULL)"
    )
    step(connection)
    connection.execute("INSERT INTO migrations VALUES (?, ?, now())", [number, step.__name__])
