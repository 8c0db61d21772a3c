"""The schema's history: a plain list of steps, each applied in one transaction together with its record.

The number of a step is its place in the list, starting at 1, and is the schema version after it. Steps are only ever
added at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import StoreError
from gatekeeper.store.tables import TABLES
from gatekeeper.store.views import VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Migration = Callable[["DuckDBPyConnection"], None]


def create_tables(connection: DuckDBPyConnection) -> None:
    """Version 1: all tables."""
    for statement in TABLES.values():
        connection.execute(statement)


def create_views(connection: DuckDBPyConnection) -> None:
    """Version 2: the views for people."""
    for statement in VIEWS.values():
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (create_tables, create_views)
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
