"""The rows of the evals that do not decide: inputs that the task is not about, and guards. All are gate rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

from gatekeeper.hashing import normalize_text
from gatekeeper.records import Item
from gatekeeper.suite.rows import Faults, read_rows, source_name
from gatekeeper.suite.rows_to_items import Draft, Reader
from gatekeeper.suite.suite import Eval, Suite


def other_items(suite: Suite, faults: Faults, duplicates: Counter[str]) -> list[Item]:
    """Return the rows of all evals of the roles ood and guard, by eval and id.

    An id begins with the eval's name, so that two evals may use the same one. A text counts once in each eval.
    """
    return [item for evaluation in suite.others for item in _items(evaluation, faults, duplicates)]


def _items(evaluation: Eval, faults: Faults, duplicates: Counter[str]) -> list[Item]:
    data = evaluation.spec.data
    assert data.source is not None  # the schema demands it of these roles
    reader = Reader(data, frozenset(evaluation.labels), faults)
    before = faults.count
    drafts = [draft for row in read_rows(data.source, evaluation.folder, faults) if (draft := reader.draft(row))]
    if not drafts and faults.count == before:
        faults.add(source_name(data.source, evaluation.folder), None, "", "holds no rows")
    drafts.sort(key=lambda draft: (draft.id, draft.target or "", draft.file, draft.line))
    _check_drafts(evaluation, drafts, faults)
    kept: dict[str, Draft] = {}
    for draft in drafts:
        kept.setdefault(normalize_text(draft.text), draft)
    duplicates[f"within_{evaluation.name}"] += len(drafts) - len(kept)
    return [_item(evaluation, draft) for draft in sorted(kept.values(), key=lambda draft: draft.id)]


def _check_drafts(evaluation: Eval, drafts: list[Draft], faults: Faults) -> None:
    """Ids that the user gave are unique, and where right answers count they are known."""
    data = evaluation.spec.data
    for draft, following in pairwise(drafts):
        if data.id is not None and draft.id == following.id:
            message = f"the id is that of {draft.place} as well"
            faults.add(following.file, following.line, data.id, message, draft.id, "give each row an id of its own")
    unlabelled = [draft for draft in drafts if draft.target is None]
    if data.target is not None and unlabelled:
        message = f"{len(unlabelled)} rows have no right answer, for example {unlabelled[0].id}"
        faults.add(str(evaluation.file), None, "data.target", message, hint="fill the column, or leave `target` out")


def _item(evaluation: Eval, draft: Draft) -> Item:
    named = replace(draft, id=f"{evaluation.name}/{draft.id}", cluster=f"{evaluation.name}/{draft.cluster}")
    return Item(
        id=named.id,
        eval=evaluation.name,
        split="gate",
        cluster=named.cluster,
        text=named.text,
        messages=named.messages,
        target=named.target,
        slices=named.slices,
    )
