"""Evidence: one digest for each row that a verdict rests on, so that a changed row can be named later.

The digests are plain SQL over the tables; anyone can run the same queries in a DuckDB shell. They show that rows are
not what they were. They do not show who changed them: whoever can write the file can write both. A signature under the
joint digest (`gatekeeper.signing`) closes that gap.

Rows are hashed, written and compared inside of the database, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from gatekeeper.hashing import canonical_json, hash_chunks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE = ", nullif(sample_index, 0)"
"""Ends the key of a further answer of one model to one item."""

# Each query gives (key, row) for one table. It may bind $run and $suite, and name what _NAMED defines.
_SINCE_VERSION_2 = {
    "items": "SELECT item_id, to_json(t) FROM items t WHERE suite = $suite AND split IN ('dev', 'gate')",
    "predictions": f"""SELECT concat_ws(' ', model, item_id{_SAMPLE}), to_json(t) FROM predictions t
                      WHERE suite = $suite AND model IN (FROM taking_part)""",
    "scores": f"""SELECT concat_ws(' ', model, item_id, scorer, version{_SAMPLE}), to_json(t) FROM scores t
                 WHERE suite = $suite AND model IN (FROM taking_part)""",
    "suites": """SELECT fingerprint, to_json(t) FROM (SELECT * EXCLUDE (registered_at) FROM suites) t
                 WHERE fingerprint = $suite""",
    "examples": "SELECT example_id, to_json(t) FROM examples t WHERE run = $run",
    "training_runs": "SELECT round || ' ' || student, to_json(t) FROM training_runs t WHERE run = $run",
    "measurements": "SELECT model, to_json(t) FROM measurements t WHERE run = $run",
    "results": "SELECT concat_ws(' ', round, student, split, metric), to_json(t) FROM results t WHERE run = $run",
    "looks": "SELECT CAST(look AS VARCHAR), to_json(t) FROM looks t WHERE run = $run",
    "costs": "SELECT name, to_json(t) FROM costs t WHERE run = $run",
    "spend": "SELECT purpose || ' ' || key, to_json(t) FROM spend t WHERE run = $run",
    "events": """SELECT CAST(seq AS VARCHAR), to_json(t) FROM events t
                 WHERE run = $run AND kind IN ('suite', 'teacher', 'judge', 'baseline', 'teacher_cost', 'inputs')""",
}
"""The tables that verdicts rest on since version 2."""

_GATE = "(SELECT gate_digest FROM suites WHERE fingerprint = $suite)"

_QUERIES = _SINCE_VERSION_2 | {
    # A failed answer may give way to a good one later, a good one to none. Evidence of version 4 does not know cache
    # writes; a count of 0, which is all that its rows can have, is left out so that they stay what they were.
    "completions": """SELECT request_key, CASE WHEN cache_write_tokens > 0 THEN to_json(t)
                             ELSE json_merge_patch(to_json(t), '{"cache_write_tokens": null}') END FROM completions t
                      WHERE model IN (FROM the_asked) AND error_class IS NULL AND output IS NOT NULL
                      AND (suite, item_id) IN (SELECT (suite, item_id) FROM items WHERE text IN (FROM split_texts))""",
    "models": """SELECT fingerprint, to_json(t) FROM models t
                 WHERE fingerprint IN (FROM taking_part UNION FROM the_asked)""",
    "prices": """SELECT concat_ws(' ', model_id, source, as_of), to_json(t) FROM prices t
                 WHERE model_id IN (SELECT price_id FROM models WHERE fingerprint IN
                                    (FROM taking_part UNION FROM the_asked))""",
    "gate_rows": f"""SELECT gate_digest, string_agg(row_key, ' ' ORDER BY row_key) FROM gate_rows
                     WHERE gate_digest = {_GATE} GROUP BY gate_digest""",
    "seals": f"SELECT gate_digest, to_json(t) FROM seals t WHERE gate_digest = {_GATE}",
    "amendments": f"SELECT CAST(seq AS VARCHAR), to_json(t) FROM amendments t WHERE gate_digest = {_GATE}",
    "gate_reads": f"SELECT CAST(seq AS VARCHAR), to_json(t) FROM gate_reads t WHERE gate_digest = {_GATE}",
}

_ADDED_COLUMNS = {
    "looks": "threshold, inherited, n_read",
    "predictions": "sample_index",
    "scores": "sample_index",
}
"""Columns that came after version 2: evidence of that version does not know them."""

_VERSION_2 = {
    table: query.replace(
        f"FROM {table} t", f"FROM (SELECT * EXCLUDE ({_ADDED_COLUMNS[table]}) FROM {table}) t"
    ).replace(_SAMPLE, "")
    if table in _ADDED_COLUMNS
    else query
    for table, query in _SINCE_VERSION_2.items()
}
"""What a verdict rested on in stores of version 2."""

_NAMED = {
    "the_teacher": "SELECT detail ->> '$.fingerprint' FROM events WHERE run = $run AND kind = 'teacher'",
    "the_baselines": "SELECT detail ->> '$.fingerprint' FROM events WHERE run = $run AND kind = 'baseline'",
    "the_asked": """SELECT detail ->> '$.fingerprint' FROM events
                    WHERE run = $run AND kind IN ('teacher', 'judge', 'baseline')""",
    "taking_part": """SELECT model FROM training_runs WHERE run = $run
                      UNION FROM the_teacher UNION FROM the_baselines""",
    "split_texts": "SELECT text FROM items WHERE suite = $suite AND split IN ('dev', 'gate')",
}

SHARED = frozenset(
    {"items", "predictions", "scores", "suites", "completions", "models", "prices", "gate_rows", "seals", "amendments"}
    | {"gate_reads"}
)
"""Tables where later runs and people add rows of their own, which is no change of this run's evidence."""

_BATCH = 10_000


class Difference(NamedTuple):
    """One row that is not as it was when the verdict was made."""

    table: str
    key: str
    what: Literal["missing", "changed", "added"]


def seal(connection: DuckDBPyConnection, run: str) -> str:
    """Write down the digests of `run`'s evidence, once, and return their joint digest."""
    for table, query, bound in _current(connection, run):
        connection.execute(
            f"INSERT INTO evidence SELECT $run, '{table}', key, digest FROM ({query}) ON CONFLICT DO NOTHING",
            bound | {"run": run},
        ).fetchall()
    return sealed_digest(connection, run)


def sealed_digest(connection: DuckDBPyConnection, run: str) -> str:
    """Return the joint digest of the evidence as it was written down; it is the one of the verdict, or was changed."""
    return _joint(_rows(connection, "SELECT source, key, digest FROM evidence WHERE run = ? ORDER BY ALL", run))


def sealed_count(connection: DuckDBPyConnection, run: str) -> int:
    """Return how many rows the verdict of `run` rests on."""
    rows = connection.execute("SELECT count(*) FROM evidence WHERE run = ?", [run]).fetchall()
    return int(rows[0][0])


def differences(connection: DuckDBPyConnection, run: str) -> list[Difference]:
    """Return the rows that are missing, changed or added since the verdict of `run`, by table and key.

    Rows that others add to the tables of `SHARED` are left out.
    """
    found: list[Difference] = []
    for table, query, bound in _current(connection, run):
        rows = connection.execute(
            f"""WITH sealed AS (SELECT key, digest FROM evidence WHERE run = $run AND source = '{table}'),
                present AS ({query})
                SELECT coalesce(sealed.key, present.key), CASE WHEN present.key IS NULL THEN 'missing'
                       WHEN sealed.key IS NULL THEN 'added' ELSE 'changed' END AS what
                FROM sealed FULL JOIN present ON sealed.key = present.key
                WHERE sealed.digest IS DISTINCT FROM present.digest""",
            bound | {"run": run},
        ).fetchall()
        found += [Difference(table, key, what) for key, what in rows if what != "added" or table not in SHARED]
    return sorted(found)


def _current(connection: DuckDBPyConnection, run: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield, for each table, its name, the query for (key, digest) of its rows now, and what that query binds."""
    suites = connection.execute("SELECT suite FROM runs WHERE run = ?", [run]).fetchall()
    sources = connection.execute("SELECT DISTINCT source FROM evidence WHERE run = ?", [run]).fetchall()
    # Every run has a teacher, so evidence without a model is that of a verdict of version 2.
    queries = _VERSION_2 if sources and ("models",) not in sources else _QUERIES
    for table, query in queries.items() if suites else ():
        named = ", ".join(f"{name}(value) AS ({text})" for name, text in _NAMED.items())
        text = f"WITH {named} SELECT key, sha256(CAST(row AS VARCHAR)) AS digest FROM ({query}) AS e(key, row)"
        yield table, text, {"run": run, "suite": suites[0][0]}


def _rows(connection: DuckDBPyConnection, query: str, run: str) -> Iterator[tuple[str, str, str]]:
    cursor = connection.execute(query, [run])
    while batch := cursor.fetchmany(_BATCH):
        yield from batch


def _joint(rows: Iterable[tuple[str, str, str]]) -> str:
    """Return the content hash of the list of all rows, which are sorted, without holding them all."""

    def pieces() -> Iterator[bytes]:
        separator = "["
        for row in rows:
            yield (separator + canonical_json(list(row))).encode()
            separator = ","
        yield b"[]" if separator == "[" else b"]"

    return hash_chunks(pieces())
