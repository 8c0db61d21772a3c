"""From rows in Python to an INSERT: checked value by value, and handed to DuckDB as lists or, when many, by Arrow.

Arrow is several times faster per row. Its first conversion imports pandas where that is installed, which takes more
time than tens of thousands of rows do, and memory that is never given back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import StoreError
from gatekeeper.hashing import canonical_json

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

Row = Mapping[str, Any]
Columns = Mapping[str, tuple[str, bool]]
"""SQL type of each column, and whether it is a part of the primary key, by name."""

MANY_ROWS = 100_000
"""Rows of one insertion after which Arrow is used for more of them."""
MONEY_STEP = Decimal("0.000000000001")
"""The smallest amount that the store keeps, in US dollars."""
_MONEY_CONTEXT = Context(prec=38)
_MOST_MONEY = Decimal(10) ** 26
_MAP = "MAP(VARCHAR, VARCHAR)"


def insert(
    connection: DuckDBPyConnection,
    statement: tuple[str, str, str],
    columns: Columns,
    rows: Sequence[Row],
    *,
    many: bool = False,
) -> int:
    """Insert rows of which no two have the same key; return how many were inserted or updated.

    Args:
        connection: an open one.
        statement: the table, what stands before the SELECT, and what after it.
        columns: of the table; each row has a value for each.
        rows: one or more.
        many: they go by Arrow.

    Raises:
        StoreError: a value does not fit its column; the message names table, column and key.
    """
    table, into, conflict = statement
    lists = {name: _checked(table, columns, name, rows) for name in columns}
    if many:
        return _by_arrow(connection, (into, conflict), columns, lists)
    parts = ", ".join(_unnested(kind) for kind, _ in columns.values())
    done = connection.execute(f"{into} SELECT {parts} {conflict}", list(lists.values())).fetchall()
    return int(done[0][0])


def _unnested(kind: str) -> str:
    if kind == _MAP:
        return f"""from_json(unnest(?::VARCHAR[]), '"{_MAP}"')"""
    return f"unnest(?::{kind}[])"


def _by_arrow(
    connection: DuckDBPyConnection, statement: tuple[str, str], columns: Columns, lists: Mapping[str, list[Any]]
) -> int:
    import pyarrow as pa

    into, conflict = statement
    arrays = [pa.array(lists[name], _arrow_type(kind)) for name, (kind, _) in columns.items()]
    kept = ", ".join(
        f'from_json("{name}", \'"{_MAP}"\')' if kind == _MAP else f'"{name}"' for name, (kind, _) in columns.items()
    )
    connection.register("incoming_rows", pa.table(arrays, names=list(columns)))
    try:
        # not fetchone: an unfinished result would be in the way of the next registration
        done = connection.execute(f"{into} SELECT {kept} FROM incoming_rows {conflict}").fetchall()
    finally:
        connection.unregister("incoming_rows")
    return int(done[0][0])


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
        _MAP: pa.string(),
    }
    return types[kind]


def _checked(table: str, columns: Columns, name: str, rows: Sequence[Row]) -> list[Any]:
    """Return the values of one column, as DuckDB and Arrow take them without changing any."""
    kind = columns[name][0]
    check, values = _CHECK[kind], [row[name] for row in rows]
    try:
        return [None if value is None else check(value) for value in values]
    except (ValueError, TypeError, ArithmeticError):
        keys = [one for one, (_, is_key) in columns.items() if is_key]
        raise _misfit(table, name, kind, keys, rows) from None


def _misfit(table: str, column: str, kind: str, keys: Sequence[str], rows: Sequence[Row]) -> StoreError:
    for row in rows:
        value = row[column]
        try:
            None if value is None else _CHECK[kind](value)
        except (ValueError, TypeError, ArithmeticError) as error:
            key = ", ".join(f"{name}={row[name]}" for name in keys)
            return StoreError(f"table {table}, column {column}, row {key}: {value!r} does not fit {kind} ({error})")
    raise AssertionError("one of the values did not fit")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no text")
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate out of somebody's JSON: no database can hold it
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _whole(bits: int) -> Callable[[Any], int]:
    most = 2 ** (bits - 1)

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{type(value).__name__} is no whole number")
        if not -most <= value < most:
            raise ValueError(f"it has more than {bits} bits")
        return value

    return check


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} is not true or false")
    return value


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no date")
    return value


def _number(value: Any) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError("NaN: an undefined number is None")
    return number


def _money(value: Any) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount) >= _MOST_MONEY:
        raise ValueError(f"{amount} is not an amount")
    return amount.quantize(MONEY_STEP, rounding=ROUND_HALF_EVEN, context=_MONEY_CONTEXT)


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


def _names(value: Any) -> str:
    return json.dumps({_text(name): _text(part) for name, part in value.items()}, ensure_ascii=False)


_CHECK: Mapping[str, Callable[[Any], Any]] = {
    "VARCHAR": _text,
    "JSON": lambda value: _text(canonical_json(value)),
    "BOOLEAN": _truth,
    "INTEGER": _whole(32),
    "BIGINT": _whole(64),
    "DOUBLE": _number,
    "DATE": _day,
    "DECIMAL(38,12)": _money,
    "TIMESTAMP WITH TIME ZONE": _moment,
    _MAP: _names,
}
