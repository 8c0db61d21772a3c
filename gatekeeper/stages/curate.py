"""Curate: from the teacher's answers to examples that a student may learn from. Pure.

An answer that failed, was cut off, or is none of the labels is left out with its reason, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gatekeeper.hashing import content_hash, normalize_text
from gatekeeper.records import Completion, Example, Item
from gatekeeper.scorers.exact import Exact


@dataclass(frozen=True)
class Curated:
    """Examples, and why the other items did not become one (item id to reason)."""

    examples: tuple[Example, ...]
    dropped: dict[str, str]


def curate(
    items: Sequence[Item],
    completions: Mapping[str, Completion],
    labels: Sequence[str],
    *,
    sources: Mapping[str, Literal["random", "mined"]],
    round_number: int,
) -> Curated:
    """Return the examples of one round.

    Args:
        items: the pool items that the teacher was asked about.
        completions: its answers, by item id.
        labels: what an answer may be; spaces around it and its case do not matter.
        sources: how each item was chosen, by item id.
        round_number: recorded in each example.
    """
    reader = Exact("label")
    known = {reader.normalize(label): label for label in labels}
    examples: dict[str, Example] = {}
    dropped: dict[str, str] = {}
    for item in items:
        completion = completions.get(item.id)
        reason = _fault(completion)
        label = known.get(reader.normalize(completion.output)) if completion and completion.output else None
        if reason is None and label is None:
            reason = "not a label"
        identity = content_hash(normalize_text(item.text))
        if reason is None and identity in examples:
            reason = "duplicate text"
        if reason is not None or label is None or completion is None:
            dropped[item.id] = reason or "not a label"
            continue
        examples[identity] = Example(
            id=identity,
            text=item.text,
            label=label,
            distribution=completion.distribution,
            source=sources[item.id],
            round=round_number,
            item_id=item.id,
        )
    return Curated(tuple(examples.values()), dropped)


def _fault(completion: Completion | None) -> str | None:
    if completion is None:
        return "no answer"
    if completion.error_class is not None:
        return f"failed: {completion.error_class}"
    if completion.finish_reason == "length":
        return "cut off"
    return None
