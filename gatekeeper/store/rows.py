"""Rows in bulk: from dictionaries into a table, and back.

The column types come from the table itself, so the schema is written down once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from gatekeeper.store import incoming
from gatekeeper.store.incoming import MONEY_STEP, Columns, Row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["MONEY_STEP", "Row", "from_json", "insert_rows", "select"]

_ROWS_AT_ONCE = 10_000


def insert_rows(
    connection: DuckDBPyConnection,
    table: str,
    rows: Iterable[Row],
    *,
    good: Callable[[Row], bool] | None = None,
    good_sql: str | None = None,
    replace: bool = False,
    update: Sequence[str] | None = None,
) -> int:
    """Insert `rows` into `table` and return how many were inserted or replaced; few at once are held in memory.

    A row whose primary key is taken is left out. With `good` and `good_sql` (the same condition in Python and in SQL,
    over the name ``old``) a stored row that is not good gives way to a good one. With `replace` the newest row wins.
    `update` names the columns that a better row changes; all but the key by default.

    Raises:
        StoreError: a value does not fit its column (NaN, wrong type); the message names table, column and key.
    """
    columns = _columns(connection, table)
    keys = [name for name, (_, is_key) in columns.items() if is_key]
    names = ", ".join(map(_quoted, columns))
    into = f"INSERT INTO {table} AS old ({names})"
    conflict = _conflict(columns, keys, good_sql, replace, update)
    done = seen = 0
    left = iter(rows)
    while part := list(islice(left, _ROWS_AT_ONCE)):
        kept = _one_per_key(part, keys, good, replace)
        many = seen >= incoming.MANY_ROWS and len(part) == _ROWS_AT_ONCE
        done += incoming.insert(connection, (table, into, conflict), columns, kept, many=many)
        seen += len(part)
    return done


def _conflict(
    columns: Columns, keys: Sequence[str], good_sql: str | None, replace: bool, update: Sequence[str] | None
) -> str:
    target = ", ".join(map(_quoted, keys))
    others = [name for name in columns if name not in keys] if update is None else list(update)
    if not ((replace or good_sql) and others):
        return f"ON CONFLICT ({target}) DO NOTHING"
    updates = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in others)
    better = f" WHERE NOT ({good_sql}) AND ({good_sql.replace('old.', 'excluded.')})" if good_sql else ""
    return f"ON CONFLICT ({target}) DO UPDATE SET {updates}{better}"


def select(
    connection: DuckDBPyConnection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> list[dict[str, Any]]:
    """Run a query and return its rows as dictionaries."""
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def from_json(text: str | None) -> Any:
    """Return what a JSON column holds."""
    return None if text is None else json.loads(text)


def _quoted(name: str) -> str:
    return f'"{name}"'  # some names, "at" for one, are words of SQL


def _columns(connection: DuckDBPyConnection, table: str) -> Columns:
    found = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
    return {name: (kind, bool(is_key)) for _, name, kind, _, _, is_key in found}


def _one_per_key(
    rows: Iterable[Row], keys: Sequence[str], good: Callable[[Row], bool] | None, replace: bool
) -> list[Row]:
    # One statement may touch a row only once, so the rule for taken keys is applied among the new rows first.
    kept: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        old = kept.get(key)
        if old is None or replace or (good is not None and not good(old) and good(row)):
            kept[key] = row
    return list(kept.values())
