"""Items: rows of a split with the answers of teacher and candidate, for a person to read."""

from __future__ import annotations

from typing import Literal

from gatekeeper.decide.facts import facts_of
from gatekeeper.errors import StoreError
from gatekeeper.records import Record
from gatekeeper.run.sealing import who_runs
from gatekeeper.store.connection import Store
from gatekeeper.store.gate_reads import insert_gate_read
from gatekeeper.store.rows import select
from gatekeeper.store.verdicts import verdict_of

LONGEST = 300

_ROWS = """
SELECT i.item_id, i.text, i.target, t.output AS teacher, s.output AS student, s.confidence, score.value AS score
FROM items i
LEFT JOIN predictions t ON (t.suite, t.item_id, t.sample_index) = (i.suite, i.item_id, 0) AND t.model = $teacher
JOIN predictions s ON (s.suite, s.item_id, s.sample_index) = (i.suite, i.item_id, 0) AND s.model = $student
LEFT JOIN (SELECT suite, item_id, avg(value) AS value FROM scores WHERE model = $student AND scorer = $scorer
           GROUP BY suite, item_id) score ON (score.suite, score.item_id) = (i.suite, i.item_id)
WHERE i.suite = $suite AND i.split = $split AND i.eval = $eval AND ($all OR coalesce(score.value, 0) < 1)
ORDER BY score, s.confidence DESC, i.item_id LIMIT $limit"""


class ItemRow(Record):
    """One row with both answers; `score` is the student's, in [0, 1]."""

    item_id: str
    text: str
    target: str | None
    teacher: str | None
    student: str | None
    confidence: float | None
    score: float | None


def read_items(
    store: Store, run: str, split: Literal["dev", "gate"] | str, *, wrong_only: bool = True, limit: int = 20
) -> list[ItemRow]:
    """Return rows of the candidate of a run that has its verdict, the worst and then the surest first.

    A read of the gate split is written down before anything is returned.

    Raises:
        StoreError: the run does not exist or has no verdict yet.
    """
    with store.read() as connection:
        facts, verdict = facts_of(connection, run), verdict_of(connection, run)
        if verdict is None:
            raise StoreError(f"the run {run!r} has no verdict yet", hint="run the same loop again to continue it")
        named = {
            "suite": facts.suite.fingerprint,
            "eval": facts.eval_spec.eval,
            "teacher": facts.teacher.fingerprint,
            "student": verdict.model,
            "scorer": facts.scorer,
            "split": split,
            "all": not wrong_only,
            "limit": limit,
        }
        rows = [ItemRow(**{**row, "text": _line(row["text"])}) for row in select(connection, _ROWS, named)]
    if split == "gate" and rows:
        what = "rows that the student got wrong" if wrong_only else "rows with both answers"
        with store.write() as connection:
            insert_gate_read(connection, facts.suite.gate_digest, who=who_runs(), what=what, n_rows=len(rows), run=run)
    return rows


def _line(text: str) -> str:
    # Text of the data goes to a terminal: whatever could steer it is left out.
    shown = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
