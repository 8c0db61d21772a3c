"""Write answers and scores that were made again, where no run rests on those that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gatekeeper.records import Prediction, Score
from gatekeeper.store.rows import insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_RESTING = """SELECT run, v.run IS NOT NULL AS decided FROM runs LEFT JOIN verdicts v USING (run)
              WHERE suite = $suite AND (v.run IS NOT NULL OR run IN (SELECT run FROM looks))
              ORDER BY decided DESC, started_at DESC, run LIMIT 1"""
_STALE = """DELETE FROM scores USING unnest($items::VARCHAR[]) AS answered(item)
            WHERE suite = $suite AND model = $model AND item_id = answered.item"""


def kept_because(connection: DuckDBPyConnection, suite: str) -> str | None:
    """Return why the predictions and scores under a suite's fingerprint stay as they are; None: they may be replaced.

    A verdict rests on them, or a look was spent on gate rows that were scored like them. A suite that differs in what
    it scores, by what or how, has another fingerprint and rows of its own.
    """
    rows = select(connection, _RESTING, {"suite": suite})
    if not rows:
        return None
    what = "has its verdict, which rests on" if rows[0]["decided"] else "has looked at its gate by"
    return f"the run {rows[0]['run']} of this very suite {what} the stored answers and scores"


def write_again(
    connection: DuckDBPyConnection, suite: str, predictions: Sequence[Prediction], scores: Sequence[Score]
) -> None:
    """Replace the predictions and all scores of these answers' items, in the transaction of the caller.

    Scores that are not made again are removed: they were given to other answers.

    Args:
        connection: to the store, in a transaction.
        suite: fingerprint of the suite.
        predictions: of the answers, of one or several models.
        scores: of the same answers.
    """
    answered: dict[str, set[str]] = {}
    for one in predictions:
        answered.setdefault(one.model, set()).add(one.item_id)
    for model, items in answered.items():
        connection.execute(_STALE, {"suite": suite, "model": model, "items": sorted(items)})
    insert_rows(connection, "predictions", ({**dict(one), "suite": suite} for one in predictions), replace=True)
    insert_rows(connection, "scores", ({**dict(one), "suite": suite} for one in scores), replace=True)
