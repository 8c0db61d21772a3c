"""Which rows a gate split has, so that a look charges the rows that it read and not only the split's digest.

A row is known by its normalised text. Renaming its id, changing its label or its capital letters makes no fresh row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gatekeeper.errors import StoreError
from gatekeeper.hashing import content_hash, normalize_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def row_keys(texts: Iterable[str]) -> frozenset[str]:
    """Return the identity of each gate row, from its text (`Item.text`): the content hash of the normalised text."""
    return frozenset(content_hash(normalize_text(text)) for text in texts)


def insert_gate_rows(connection: DuckDBPyConnection, gate_digest: str, keys: Iterable[str]) -> int:
    """Write down the rows of a gate split, once. Returns the number of new rows: all of them, or 0.

    Raises:
        StoreError: the split is known with other rows, so one of the two is not what its digest says.
    """
    with wanted_rows(connection, keys) as count:
        known = connection.execute("SELECT count(*) FROM gate_rows WHERE gate_digest = ?", [gate_digest]).fetchall()
        if known[0][0] == 0:
            # in order, since the index of the table is then built faster
            connection.execute(
                "INSERT INTO gate_rows SELECT ?, row_key FROM wanted_rows ORDER BY row_key", [gate_digest]
            ).fetchall()
            return count
        same = connection.execute(
            "SELECT count(*) FROM gate_rows SEMI JOIN wanted_rows USING (row_key) WHERE gate_digest = ?", [gate_digest]
        ).fetchall()
    if not known[0][0] == same[0][0] == count:
        raise StoreError(
            f"the gate split {gate_digest} is known with {known[0][0]:,} rows, {same[0][0]:,} of them among the "
            f"{count:,} that are given now",
            hint="the digest of a split must change with its rows",
        )
    return 0


def splits_sharing(connection: DuckDBPyConnection, gate_digest: str, keys: Iterable[str]) -> dict[str, int]:
    """Return how many of these rows are in each other gate split that was looked at, by its digest; 0 is left out."""
    with wanted_rows(connection, keys):
        rows = connection.execute(
            """SELECT gate_digest, count(*) FROM gate_rows SEMI JOIN wanted_rows USING (row_key)
               WHERE gate_digest <> ? GROUP BY gate_digest ORDER BY gate_digest""",
            [gate_digest],
        ).fetchall()
    return {digest: int(count) for digest, count in rows}


@contextmanager
def wanted_rows(connection: DuckDBPyConnection, keys: Iterable[str]) -> Iterator[int]:
    """Let SQL see the distinct row keys as the table `wanted_rows`; yields how many they are.

    Raises:
        StoreError: there are none; a gate split without rows can decide nothing.
    """
    import pyarrow as pa

    distinct = list(frozenset(keys))
    if not distinct:
        raise StoreError("the gate split has no rows", hint="give it rows, or raise its share")
    connection.register("wanted_rows", pa.table({"row_key": pa.array(distinct, pa.string())}))
    try:
        yield len(distinct)
    finally:
        connection.unregister("wanted_rows")
