"""Mine: which texts of the pool the teacher is asked about next.

Half of the mined share goes to texts that the student is unsure of (smallest margin between its two best labels,
Scheffer et al. 2001), half to texts that look like those it got wrong on the development split. Both are drawn at
random from a list a few times as long, so that a round does not fill up with near copies. The rest of a round is drawn
at random, which keeps the examples representative. Gate rows are out of reach here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gatekeeper.records import Item
from gatekeeper.run.candidate import Candidate
from gatekeeper.store.firewall import OpenItems

Source = Literal["random", "mined"]
SPREAD = 3
"""Mined texts are drawn from a list this many times as long as needed."""


@dataclass(frozen=True)
class Pick:
    """One text of the pool that is chosen: its index in the pool, and why."""

    index: int
    source: Source


def choose(
    texts: Sequence[str],
    probabilities: NDArray[np.floating[Any]] | None,
    failures: Sequence[str],
    *,
    count: int,
    share: float,
    rng: np.random.Generator,
) -> list[Pick]:
    """Choose at most `count` of `texts`.

    Args:
        texts: the pool's texts that have no answer yet.
        probabilities: the student's, shape (len(texts), labels); None before there is a student.
        failures: development texts that the student got wrong.
        count: how many to choose.
        share: the mined share of `count`, in [0, 1].
        rng: draws everything that is random.

    Returns:
        picks with distinct indices, mined ones first.
    """
    count = min(count, len(texts))
    chosen: list[int] = []
    if probabilities is not None:
        wanted = round(share * count)
        near = _near_failures(texts, failures) if failures else np.empty(0, dtype=np.intp)
        half = wanted // 2 if near.size else 0
        chosen += _draw(near, half, exclude=chosen, rng=rng)
        chosen += _draw(np.argsort(_margins(probabilities), kind="stable"), wanted - half, exclude=chosen, rng=rng)
    mined = len(chosen)
    rest = np.setdiff1d(np.arange(len(texts)), np.asarray(chosen, dtype=np.intp))
    chosen += rng.permutation(rest)[: count - mined].tolist()
    return [Pick(index, "mined" if place < mined else "random") for place, index in enumerate(chosen)]


def _draw(ranked: NDArray[np.intp], count: int, *, exclude: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Draw `count` indices at random from the head of `ranked`."""
    free = ranked[~np.isin(ranked, np.asarray(exclude, dtype=np.intp))]
    head = free[: SPREAD * count]
    drawn: list[int] = rng.permutation(head)[:count].tolist()
    return drawn


def _margins(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the distance between the two largest probabilities of each row."""
    best = np.partition(probabilities, -2, axis=1)[:, -2:]
    margins: NDArray[np.floating[Any]] = best[:, 1] - best[:, 0]
    return margins


def _near_failures(texts: Sequence[str], failures: Sequence[str]) -> NDArray[np.intp]:
    """Rank `texts` by their largest cosine similarity to one of `failures` over character n-grams."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 4), n_features=2**18, alternate_sign=False)
    similar = vectorizer.transform(texts) @ vectorizer.transform(failures).T
    ranked: NDArray[np.intp] = np.argsort(-similar.max(axis=1).toarray().ravel(), kind="stable")
    return ranked


def pick_items(
    open_items: OpenItems,
    asked: Collection[str],
    candidate: Candidate | None,
    *,
    teacher: str,
    count: int,
    share: float,
    rng: np.random.Generator,
) -> list[tuple[Item, Source]]:
    """Return the pool items that the teacher is asked about next, with why each was chosen.

    Args:
        open_items: the suite's items without the gate's.
        asked: ids of pool items that had their turn.
        candidate: the best student so far; None before there is one, and then the choice is random.
        teacher: fingerprint of the teacher; what the student got wrong is where it differs from the teacher on dev.
    """
    pool = [item for item in open_items.items("pool") if item.id not in asked]
    texts = [item.text for item in pool]
    probabilities = candidate.classifier.predict(texts) if candidate is not None and texts else None
    failures = dev_failures(open_items, candidate.model, teacher) if candidate is not None else []
    picks = choose(texts, probabilities, [item.text for item in failures], count=count, share=share, rng=rng)
    return [(pool[pick.index], pick.source) for pick in picks]


def dev_failures(open_items: OpenItems, student: str, teacher: str) -> list[Item]:
    """Return the development items on which the student's answer is not the teacher's."""
    answers = {row.item_id: row.output for row in open_items.predictions(teacher, "dev")}
    wrong = {row.item_id for row in open_items.predictions(student, "dev") if row.output != answers.get(row.item_id)}
    return [item for item in open_items.items("dev") if item.id in wrong]
