"""Rows that would leak the gate split: near copies of gate rows are left out of every other split.

What is kept of a copy is which row was left out for which gate row. No text of the gate goes with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import Field

from gatekeeper.records import Item, Record, Split
from gatekeeper.suite.near import Copy, How, find_copies
from gatekeeper.suite.rows_to_items import Draft

Placed = tuple[Split, Draft]
EXAMPLES = 20


class NearCopy(Record):
    """A row that was left out because its text is a copy of a gate row's."""

    item_id: str
    gate_id: str
    split: Split = Field(description="the split that the row was left out of")
    similarity: float = Field(description="weight of the shared words over the mean weight of both texts, in [0, 1]")
    how: How = Field(description="exact: the same words in the same order; near: nearly the same words")


def without_near_copies(
    placed: Sequence[Placed], others: Sequence[Item], duplicates: Counter[str]
) -> tuple[list[Placed], tuple[NearCopy, ...]]:
    """Return the rows that are no copies of gate rows, and the `EXAMPLES` most similar ones that are.

    Dropped rows are counted in `duplicates` as `near_<split>_in_gate`. The answer does not depend on the order of rows
    in a file as long as `placed` does not.

    Args:
        placed: the rows of the eval that decides, with their splits.
        others: the gate rows of other evals.
    """
    open_rows = [(split, draft) for split, draft in placed if split != "gate"]
    gate = {"": [(draft.id, draft.text) for split, draft in placed if split == "gate"]}
    for item in others:
        gate.setdefault(item.eval, []).append((item.id, item.text))
    copies = _most_similar(gate.values(), [draft.text for _, draft in open_rows])
    near = []
    for index, (gate_id, copy) in copies.items():
        split, draft = open_rows[index]
        duplicates[f"near_{split}_in_gate"] += 1
        near.append(NearCopy(item_id=draft.id, gate_id=gate_id, split=split, similarity=copy.similarity, how=copy.how))
    kept = [one for one in placed if one[0] == "gate"]
    kept += [one for index, one in enumerate(open_rows) if index not in copies]
    near.sort(key=lambda one: (-one.similarity, one.split, one.item_id))
    return kept, tuple(near[:EXAMPLES])


def _most_similar(gate: Iterable[Sequence[tuple[str, str]]], texts: Sequence[str]) -> dict[int, tuple[str, Copy]]:
    """Return the copies among `texts` by index, each with the id of the gate row most like it.

    The gate rows of each eval are searched by themselves: what is alike by nature is a matter of one eval, and rows of
    another one may well be reworded rows of the first.
    """
    found: dict[int, tuple[str, Copy]] = {}
    for rows in gate:
        for copy in find_copies([text for _, text in rows], texts):
            if copy.index not in found or copy.similarity > found[copy.index][1].similarity:
                found[copy.index] = (rows[copy.gate_index][0], copy)
    return found
