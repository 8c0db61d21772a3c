"""Rows in bulk: from dictionaries through Arrow into a table, and back.

The column types come from the table itself, so the schema is written down once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import StoreError
from gatekeeper.hashing import canonical_json

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

Row = Mapping[str, Any]

_ROWS_AT_ONCE = 10_000
_MONEY_CONTEXT = Context(prec=38)

MONEY_STEP = Decimal("0.000000000001")
"""The smallest amount that the store keeps, in US dollars."""


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
    statement = _insertion(table, columns, keys, good_sql, replace, update)
    done = 0
    left = iter(rows)
    while part := list(islice(left, _ROWS_AT_ONCE)):
        kept = _one_per_key(part, keys, good, replace)
        done += _run_on(connection, statement, _arrow_table(table, columns, keys, kept))
    return done


def _insertion(
    table: str,
    columns: Mapping[str, Any],
    keys: Sequence[str],
    good_sql: str | None,
    replace: bool,
    update: Sequence[str] | None,
) -> str:
    names = ", ".join(map(_quoted, columns))
    target = ", ".join(map(_quoted, keys))
    conflict = f"ON CONFLICT ({target}) DO NOTHING"
    others = [name for name in columns if name not in keys] if update is None else list(update)
    if (replace or good_sql) and others:
        updates = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in others)
        conflict = f"ON CONFLICT ({target}) DO UPDATE SET {updates}"
        if good_sql:
            conflict += f" WHERE NOT ({good_sql}) AND ({good_sql.replace('old.', 'excluded.')})"
    return f"INSERT INTO {table} AS old ({names}) SELECT {names} FROM incoming_rows {conflict}"


def _run_on(connection: DuckDBPyConnection, statement: str, incoming: pa.Table) -> int:
    connection.register("incoming_rows", incoming)
    try:
        # not fetchone: an unfinished result would be in the way of the next registration
        done = connection.execute(statement).fetchall()
    finally:
        connection.unregister("incoming_rows")
    return int(done[0][0])


def select(
    connection: DuckDBPyConnection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> list[dict[str, Any]]:
    """Run a query and return its rows as dictionaries."""
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def as_json(value: Any) -> str | None:
    """Return `value` as the text of a JSON column; None stays NULL."""
    return None if value is None else canonical_json(value)


def from_json(text: str | None) -> Any:
    """Return what a JSON column holds."""
    return None if text is None else json.loads(text)


def _quoted(name: str) -> str:
    return f'"{name}"'  # some names, "at" for one, are words of SQL


def _columns(connection: DuckDBPyConnection, table: str) -> dict[str, tuple[str, bool]]:
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


def _arrow_table(
    table: str, columns: Mapping[str, tuple[str, bool]], keys: Sequence[str], rows: Sequence[Row]
) -> pa.Table:
    import pyarrow as pa

    arrays = []
    for name, (kind, _) in columns.items():
        convert = _CONVERT.get(kind)
        values = [row[name] for row in rows]
        try:
            if convert is not None:
                values = [None if value is None else convert(value) for value in values]
            arrays.append(_array(values, kind))
        except (pa.ArrowException, ValueError, TypeError, ArithmeticError) as error:
            raise _misfit(table, name, kind, keys, rows, error) from error
    return pa.table(arrays, names=list(columns))


def _array(values: list[Any], kind: str) -> pa.Array:
    import pyarrow as pa

    arrow_type = _arrow_type(kind)
    try:
        return pa.array(values, arrow_type)
    except UnicodeEncodeError:  # a lone surrogate out of somebody's JSON: no database can hold it
        return pa.array([_clean(value) for value in values], arrow_type)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [(_clean(name), _clean(part)) for name, part in value]
    return value


def _arrow_type(kind: str) -> pa.DataType:
    import pyarrow as pa

    types: dict[str, pa.DataType] = {
        "VARCHAR": pa.string(),
        "JSON": pa.string(),
        "BOOLEAN": pa.bool_(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "DATE": pa.date32(),
        "DECIMAL(38,12)": pa.decimal128(38, 12),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
        "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    }
    return types[kind]


def _number(value: Any) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError("NaN: an undefined number is None")
    return number


def _money(value: Any) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount")
    return amount.quantize(MONEY_STEP, rounding=ROUND_HALF_EVEN, context=_MONEY_CONTEXT)


def _moment(value: Any) -> Any:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "DOUBLE": _number,
    "DECIMAL(38,12)": _money,
    "JSON": as_json,
    "MAP(VARCHAR, VARCHAR)": lambda value: list(value.items()),
    "TIMESTAMP WITH TIME ZONE": _moment,
}


def _misfit(
    table: str, column: str, kind: str, keys: Sequence[str], rows: Sequence[Row], error: Exception
) -> StoreError:
    for row in rows:
        value = row[column]
        try:
            convert = _CONVERT.get(kind)
            _array([value if value is None or convert is None else convert(value)], kind)
        except Exception:  # the same conversion as before; which row it is, is all that is asked here
            key = ", ".join(f"{name}={row[name]}" for name in keys)
            return StoreError(f"table {table}, column {column}, row {key}: {value!r} does not fit {kind} ({error})")
    return StoreError(f"table {table}, column {column}: a value does not fit {kind} ({error})")
