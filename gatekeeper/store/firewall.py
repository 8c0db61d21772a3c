"""The only way in which mining, generation, curation and training see a suite's items: without the gate's.

Every query here starts with the same prefix, which defines tables that hold no gate row, and names nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from gatekeeper.errors import InputError
from gatekeeper.records import Completion, Item, Prediction, Score
from gatekeeper.store.completions import completion_from_row
from gatekeeper.store.connection import Store
from gatekeeper.store.predictions import prediction_from_row, score_from_row
from gatekeeper.store.rows import select
from gatekeeper.store.suites import item_from_row

OpenSplit = Literal["teacher", "pool", "dev"]
OPEN_SPLITS: tuple[OpenSplit, ...] = ("teacher", "pool", "dev")

# An answer that was first asked for another suite (an earlier version of the file, say) is open when its own item's
# text is not the text of a gate item here. One whose item nobody knows stays closed.
_OPEN = """
WITH open_items AS (
    SELECT * FROM items WHERE suite = $suite AND split <> 'gate'),
closed_texts AS (
    SELECT DISTINCT text FROM items WHERE suite = $suite AND split = 'gate'),
open_predictions AS (
    SELECT predictions.*, open_items.split FROM predictions JOIN open_items USING (suite, item_id)),
open_scores AS (
    SELECT scores.*, open_items.split FROM scores JOIN open_items USING (suite, item_id)),
open_completions AS (
    SELECT completions.* FROM completions JOIN items USING (suite, item_id)
    WHERE CASE WHEN suite = $suite THEN split <> 'gate' ELSE text NOT IN (SELECT text FROM closed_texts) END)
"""


class OpenItems:
    """A suite's items outside the gate split, with their completions, predictions and scores.

    Args:
        store: the store.
        suite: fingerprint of a registered suite.
    """

    def __init__(self, store: Store, suite: str) -> None:
        self._store = store
        self.suite = suite

    def items(self, split: OpenSplit | None = None) -> list[Item]:
        """Return the items of one split, or of all open splits, by item id.

        Raises:
            InputError: `split` is the gate, or no split.
        """
        sql = "SELECT * FROM open_items WHERE $split IS NULL OR split = $split ORDER BY item_id"
        return [item_from_row(row) for row in self._select(sql, split=_checked(split))]

    def counts(self) -> dict[str, int]:
        """Return the number of items of each open split."""
        rows = self._select("SELECT split, count(*) AS n FROM open_items GROUP BY split ORDER BY split")
        return {row["split"]: row["n"] for row in rows}

    def completions(self, keys: Sequence[str]) -> dict[str, Completion]:
        """Return stored completions by request key, failed ones included; a gate item's is never among them."""
        sql = "SELECT * FROM open_completions WHERE request_key IN (SELECT unnest($keys::VARCHAR[]))"
        return {row["request_key"]: completion_from_row(row) for row in self._select(sql, keys=list(keys))}

    def predictions(self, model: str, split: OpenSplit | None = None) -> list[Prediction]:
        """Return a model's predictions on open items (of one split), by item id.

        Raises:
            InputError: `split` is the gate, or no split.
        """
        sql = """SELECT * FROM open_predictions WHERE model = $model AND ($split IS NULL OR split = $split)
                 ORDER BY item_id"""
        rows = self._select(sql, model=model, split=_checked(split))
        return [prediction_from_row(row) for row in rows]

    def scores(self, model: str, scorer: str | None = None, split: OpenSplit | None = None) -> list[Score]:
        """Return a model's scores on open items (by one scorer, of one split), by item id, scorer and version.

        Raises:
            InputError: `split` is the gate, or no split.
        """
        sql = """SELECT * FROM open_scores WHERE model = $model AND ($scorer IS NULL OR scorer = $scorer)
                 AND ($split IS NULL OR split = $split) ORDER BY item_id, scorer, version"""
        rows = self._select(sql, model=model, scorer=scorer, split=_checked(split))
        return [score_from_row(row) for row in rows]

    def _select(self, sql: str, **named: Any) -> list[dict[str, Any]]:
        with self._store.read() as connection:
            return select(connection, _OPEN + sql, {"suite": self.suite, **named})


def _checked(split: str | None) -> str | None:
    if split is not None and split not in OPEN_SPLITS:
        raise InputError(
            f"the split {split!r} is closed here", hint=f"only the gate reads it; open are {', '.join(OPEN_SPLITS)}"
        )
    return split
