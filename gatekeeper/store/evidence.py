"""Evidence: one digest for each row that a verdict rests on, so that a changed row can be named later.

The digests are plain SQL over the tables; anyone can run the same queries in a DuckDB shell. They show that rows are
not what they were. They do not show who changed them: whoever can write the file can write both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.hashing import content_hash
from gatekeeper.store.rows import insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Each query gives (key, row) for one kind of evidence; $run and $suite are bound where they occur.
_OF_SUITE = {
    "items": "SELECT item_id, to_json(t) FROM items t WHERE suite = $suite AND split IN ('dev', 'gate')",
    "predictions": """SELECT model || ' ' || item_id, to_json(t) FROM predictions t
                      WHERE suite = $suite AND model IN models""",
    "scores": """SELECT concat_ws(' ', model, item_id, scorer, version), to_json(t) FROM scores t
                 WHERE suite = $suite AND model IN models""",
    "suites": """SELECT fingerprint, to_json(t) FROM (SELECT * EXCLUDE (registered_at) FROM suites) t
                 WHERE fingerprint = $suite""",
}
_OF_RUN = {
    "examples": "SELECT example_id, to_json(t) FROM examples t WHERE run = $run",
    "training_runs": "SELECT round || ' ' || student, to_json(t) FROM training_runs t WHERE run = $run",
    "measurements": "SELECT model, to_json(t) FROM measurements t WHERE run = $run",
    "results": "SELECT concat_ws(' ', round, student, split, metric), to_json(t) FROM results t WHERE run = $run",
    "looks": "SELECT CAST(look AS VARCHAR), to_json(t) FROM looks t WHERE run = $run",
    "costs": "SELECT name, to_json(t) FROM costs t WHERE run = $run",
    "spend": "SELECT purpose || ' ' || key, to_json(t) FROM spend t WHERE run = $run",
    "events": """SELECT CAST(seq AS VARCHAR), to_json(t) FROM events t
                 WHERE run = $run AND kind IN ('suite', 'teacher', 'teacher_cost')""",
}
"""What belongs to a run or to its suite. Later runs on the same suite add rows of other models only."""

_MODELS = """WITH models AS (
    SELECT model FROM training_runs WHERE run = $run
    UNION SELECT detail ->> '$.fingerprint' FROM events WHERE run = $run AND kind = 'teacher')
"""


def digests(connection: DuckDBPyConnection, run: str) -> dict[tuple[str, str], str]:
    """Return the digest of each row that the verdict of `run` rests on, by (table, key)."""
    suites = connection.execute("SELECT suite FROM runs WHERE run = ?", [run]).fetchall()
    if not suites:
        return {}
    found: dict[tuple[str, str], str] = {}
    for table, query in (_OF_SUITE | _OF_RUN).items():
        named = {"run": run, "suite": suites[0][0]}
        prefix = _MODELS if "IN models" in query else ""
        text = prefix + query.replace("IN models", "IN (SELECT model FROM models)")
        bound = {name: value for name, value in named.items() if f"${name}" in text}
        rows = connection.execute(f"SELECT key, sha256(CAST(row AS VARCHAR)) FROM ({text}) AS e(key, row)", bound)
        found |= {(table, str(key)): digest for key, digest in rows.fetchall()}
    return found


def seal(connection: DuckDBPyConnection, run: str) -> str:
    """Write down the digests of `run`'s evidence, once, and return their joint digest."""
    rows = digests(connection, run)
    insert_rows(
        connection,
        "evidence",
        ({"run": run, "source": source, "key": key, "digest": digest} for (source, key), digest in rows.items()),
    )
    return joint_digest(rows)


def sealed(connection: DuckDBPyConnection, run: str) -> dict[tuple[str, str], str]:
    """Return the digests that were written down when the verdict of `run` was made."""
    rows = connection.execute("SELECT source, key, digest FROM evidence WHERE run = ?", [run]).fetchall()
    return {(source, key): digest for source, key, digest in rows}


def joint_digest(rows: dict[tuple[str, str], str]) -> str:
    """Return one digest of all evidence, independent of its order."""
    return content_hash([[table, key, digest] for (table, key), digest in sorted(rows.items())])
