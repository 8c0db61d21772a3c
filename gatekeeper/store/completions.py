"""Completions: what models answered, by request key, so that an answer is never paid twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gatekeeper.records import Completion, Usage
from gatekeeper.store.rows import Row, from_json, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GOOD_SQL = "(old.error_class IS NULL AND old.output IS NOT NULL)"
_SAME = sorted(set(Completion.model_fields) - {"usage", "distribution"})


def insert_completions(
    connection: DuckDBPyConnection, suite: str, completions: Iterable[tuple[Completion, datetime]]
) -> int:
    """Insert completions with their time of arrival; returns the number of rows that are new or better.

    A failed completion gives way to a later good one; a good one is never replaced.
    """
    rows = (_row(suite, completion, arrived_at) for completion, arrived_at in completions)
    return insert_rows(connection, "completions", rows, good=_is_good, good_sql=_GOOD_SQL)


def completions_by_key(connection: DuckDBPyConnection, keys: Sequence[str]) -> dict[str, Completion]:
    """Return the stored completions among these request keys, failed ones included (see `Completion.ok`).

    Gate items' answers are among them: only the gate and the report may call this.
    """
    sql = "SELECT * FROM completions WHERE request_key IN (SELECT unnest($keys::VARCHAR[]))"
    return {row["request_key"]: completion_from_row(row) for row in select(connection, sql, {"keys": list(keys)})}


def completions_of(connection: DuckDBPyConnection, suite: str, model: str) -> list[Completion]:
    """Return the completions of one model that were first asked for this suite, by item id; gate items included."""
    sql = "SELECT * FROM completions WHERE suite = ? AND model = ? ORDER BY item_id, sample_index, request_key"
    return [completion_from_row(row) for row in select(connection, sql, [suite, model])]


def latencies_left_to(
    connection: DuckDBPyConnection, suite: str, teacher: str, student: str, threshold: float
) -> list[float | None]:
    """Return the seconds of the teacher's answers on rows where the student is less than `threshold` sure.

    None for an answer that came in a batch: nobody knows how long it alone took. What a teacher says as the judge of
    answers is left out.
    """
    sql = """SELECT latency_s FROM completions JOIN predictions p USING (suite, item_id)
             WHERE suite = $suite AND completions.model = $teacher AND completions.error_class IS NULL
               AND request_key NOT IN (SELECT split_part(key, '#', 1) FROM spend WHERE purpose = 'judge')
               AND p.model = $student AND coalesce(p.confidence < $threshold, true) ORDER BY request_key"""
    named = {"suite": suite, "teacher": teacher, "student": student, "threshold": threshold}
    return [row["latency_s"] for row in select(connection, sql, named)]


def completion_from_row(row: dict[str, Any]) -> Completion:
    """Return the completion of one row of the table `completions`."""
    usage = Usage(
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cached_input_tokens=row["cached_input_tokens"],
        cache_write_tokens=row.get("cache_write_tokens") or 0,  # rows from before the column have none
        reported=row["usage_reported"],
    )
    return Completion(usage=usage, distribution=from_json(row["distribution"]), **{name: row[name] for name in _SAME})


def _is_good(row: Row) -> bool:
    return row["error_class"] is None and row["output"] is not None


def _row(suite: str, completion: Completion, arrived_at: datetime) -> dict[str, Any]:
    usage = completion.usage
    return {
        **vars(completion),
        "suite": suite,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "usage_reported": usage.reported,
        "arrived_at": arrived_at,
    }
