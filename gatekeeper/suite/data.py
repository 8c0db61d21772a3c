"""The rows of a suite's eval, divided into splits, without duplicates or copies of gate rows, and with digests.

Items come sorted by split and id, so nothing that follows depends on the order of rows in a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from gatekeeper.hashing import content_hash_of_list, hash_fraction, normalize_text
from gatekeeper.records import Item, Split
from gatekeeper.scorers import Judge
from gatekeeper.suite.leaks import NearCopy, Placed, without_near_copies
from gatekeeper.suite.other_evals import other_items
from gatekeeper.suite.rows import Faults, read_rows, source_name
from gatekeeper.suite.rows_to_items import Draft, Reader
from gatekeeper.suite.spec import SplitsSpec
from gatekeeper.suite.suite import Suite

PRECEDENCE: tuple[Split, ...] = ("gate", "dev", "teacher", "pool")
"""A text that is in two splits stays in the one that stands first here."""


@dataclass(frozen=True)
class ItemSet:
    """The items of a suite and what was left out.

    `counts` and `digests` are of the eval that decides; rows of other evals are gate items too.

    `duplicates` counts dropped rows by kind: `within_<split>`, `<split>_in_<other>` (dropped from `split`, since the
    text is in `other`), `cluster_<split>_in_<other>` (another row of its cluster is in `other`; only where splits have
    files of their own), `near_<split>_in_gate` (dropped from `split`, since it is a copy of a gate row but for spelling
    or a few words; `near` holds the most similar ones, by id). `conflicting_labels` counts those dropped duplicates
    whose target is not that of the row that was kept; they are part of the other counts.
    """

    items: tuple[Item, ...]
    counts: dict[str, int]
    digests: dict[str, str]
    digest: str
    duplicates: dict[str, int]
    rows_read: int
    eval: str
    near: tuple[NearCopy, ...] = ()

    @property
    def gate_digest(self) -> str:
        """Content hash of the gate split: the key of the look ledger."""
        return self.digests["gate"]

    def split(self, name: Split) -> tuple[Item, ...]:
        """Return the items of one split of the eval that decides, sorted by id."""
        return tuple(item for item in self.items if item.split == name and item.eval == self.eval)


def load_items(suite: Suite) -> ItemSet:
    """Read, check, divide and de-duplicate the rows of the suite's eval.

    Raises:
        DataError: with the first 20 problems of all rows and the number of the rest, or naming two rows with one id,
            or an empty split.
    """
    faults = Faults()
    placed, rows_read = _read(suite, faults)
    _check_ids(placed, suite, faults)
    faults.raise_if_any()
    placed.sort(key=lambda pair: (pair[1].id, pair[1].target or "", pair[1].file, pair[1].line))
    duplicates: Counter[str] = Counter()
    if suite.eval.spec.data.cluster is not None:
        placed = _whole_clusters(placed, duplicates)
    others = other_items(suite, faults, duplicates)
    kept = _without_duplicates(placed, frozenset(normalize_text(item.text) for item in others), duplicates)
    kept, near = without_near_copies(kept, others, duplicates)
    items = sorted((_item(suite, split, draft) for split, draft in kept), key=lambda item: (item.split, item.id))
    del placed, kept  # of many rows, the drafts are as large as the items
    counts = Counter(item.split for item in items)
    _check_splits(suite, items, duplicates, faults)
    faults.raise_if_any()
    return ItemSet(
        items=(*items, *others),
        counts={name: counts[name] for name in PRECEDENCE},
        digests={name: split_digest(item for item in items if item.split == name) for name in PRECEDENCE},
        digest=_digest_of_all([*items, *others]),
        duplicates={kind: count for kind, count in sorted(duplicates.items()) if count},
        rows_read=rows_read,
        eval=suite.eval.name,
        near=near,
    )


def assign_split(splits: SplitsSpec, cluster: str) -> Split:
    """Return the split of a cluster among those that are shares of `data.source`.

    It rests on seed and cluster alone, so other rows cannot move it. The gate comes first on the unit interval, so
    changing the shares of teacher and pool leaves gate and dev as they are.
    """
    fraction = hash_fraction(splits.seed, cluster)
    shares = splits.shares
    edge = 0.0
    inhabited = [name for name in PRECEDENCE if shares.get(name)]
    for name in inhabited:
        edge += shares[name]
        if fraction < edge:
            return name
    return inhabited[-1]  # the sum of the shares may end a rounding error below 1


def split_digest(items: Iterable[Item]) -> str:
    """Return a content hash over (id, text, target, cluster) of each item; the order does not matter."""
    return content_hash_of_list(sorted((item.id, item.text, item.target or "", item.cluster) for item in items))


def _digest_of_all(items: Sequence[Item]) -> str:
    return content_hash_of_list(
        [i.split, i.id, i.text, i.target or "", i.cluster, [[m.role, m.content] for m in i.messages], i.slices]
        for i in items
    )


def _read(suite: Suite, faults: Faults) -> tuple[list[Placed], int]:
    data, folder = suite.eval.spec.data, suite.eval.folder
    reader = Reader(data, frozenset(suite.eval.labels), faults)
    sources = [(None, data.source), *data.splits.sources.items()]
    placed: list[Placed] = []
    rows_read = 0
    for split, source in sources:
        if source is None:
            continue
        before, rows_before = faults.count, rows_read
        for row in read_rows(source, folder, faults):
            rows_read += 1
            draft = reader.draft(row)
            if draft is not None:
                placed.append((cast(Split, split) if split else assign_split(data.splits, draft.cluster), draft))
        if rows_read == rows_before and faults.count == before:
            hint = f"run `{data.get}`" if data.get else None
            faults.add(source_name(source, folder), None, "", "holds no rows", hint=hint)
    return placed, rows_read


def _check_ids(placed: Sequence[Placed], suite: Suite, faults: Faults) -> None:
    """Ids that the user gave are unique; ids that are content hashes repeat for repeated rows, which are duplicates."""
    column = suite.eval.spec.data.id
    if column is None:
        return
    first: dict[str, str] = {}
    for _, draft in placed:
        if draft.id in first:
            message = f"the id is given twice, first at {first[draft.id]}"
            hint = "make ids unique, or leave `id` out to use a content hash"
            faults.add(draft.file, draft.line, column, message, draft.id, hint)
        else:
            first[draft.id] = draft.place


def _whole_clusters(placed: list[Placed], duplicates: Counter[str]) -> list[Placed]:
    """Drop rows whose cluster is also in a split that takes precedence: only files per split can do that."""
    home: dict[str, Split] = {}
    for name in PRECEDENCE:
        for split, draft in placed:
            if split == name:
                home.setdefault(draft.cluster, name)
    kept = []
    for split, draft in placed:
        if home[draft.cluster] != split:
            duplicates[f"cluster_{split}_in_{home[draft.cluster]}"] += 1
        else:
            kept.append((split, draft))
    return kept


def _without_duplicates(placed: Sequence[Placed], closed: Collection[str], duplicates: Counter[str]) -> list[Placed]:
    """Keep each normalised text once: in the first split of PRECEDENCE, and there the row with the first id.

    Texts of other evals, `closed`, are gate texts too: no split that is learned from or steers has them.

    `placed` is sorted by id, so which row is kept does not depend on the order of rows in a file.
    """
    seen: dict[str, Placed] = {}
    kept: list[Placed] = []
    for name in PRECEDENCE:
        for split, draft in placed:
            if split != name:
                continue
            text = normalize_text(draft.text)
            if split != "gate" and text in closed:
                duplicates[f"{split}_in_gate"] += 1
                continue
            if text not in seen:
                seen[text] = (split, draft)
                kept.append((split, draft))
                continue
            other, first = seen[text]
            duplicates[f"within_{split}" if other == split else f"{split}_in_{other}"] += 1
            if draft.target is not None and first.target is not None and draft.target != first.target:
                duplicates["conflicting_labels"] += 1
    return kept


def _item(suite: Suite, split: Split, draft: Draft) -> Item:
    return Item(
        id=draft.id,
        eval=suite.eval.name,
        split=split,
        cluster=draft.cluster,
        text=draft.text,
        messages=draft.messages,
        target=draft.target,
        slices=draft.slices,
    )


def _check_splits(suite: Suite, items: Sequence[Item], duplicates: Counter[str], faults: Faults) -> None:
    """Every split that is asked for has rows; where right answers count, they are known and not all the same.

    Where a judge decides, rows of dev and gate may do without: those that have a right answer correct the judge.
    """
    data = suite.eval.spec.data
    needed = {name for name in PRECEDENCE if data.splits.shares.get(name) or name in data.splits.sources}
    file = str(suite.eval.file)
    for name in PRECEDENCE:
        if name in needed and not any(item.split == name for item in items):
            copies = sum(count for kind, count in duplicates.items() if kind.endswith(f"{name}_in_gate"))
            left_out = f"{copies} rows were left out because gate rows repeat them: " if copies else ""
            hint = f"{left_out}add rows, or raise its share"
            faults.add(file, None, f"data.splits.{name}", f"the split {name} has no rows", hint=hint)
    if data.target is None:
        return
    # A judge scores every row, and people's answers to some of them correct it.
    judged = isinstance(suite.eval.scorer, Judge)
    labelled: tuple[Split, ...] = ("teacher",) if judged else ("gate", "dev", "teacher")
    for name in labelled:
        unlabelled = [item for item in items if item.split == name and item.target is None]
        if unlabelled:
            message = f"{len(unlabelled)} rows of the split {name} have no right answer, for example {unlabelled[0].id}"
            without = "the pool, and dev and gate where a judge decides," if judged else "the pool"
            faults.add(file, None, "data.target", message, hint=f"fill the column; only {without} may do without")
    known = {item.target for item in items if item.target is not None}
    if len(known) == 1:
        message = f"all rows have one label, {known.pop()!r}, so nothing is to be decided"
        faults.add(file, None, "data.target", message)
