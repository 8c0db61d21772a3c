"""Texts of like length together, so that a batch is padded little."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def by_length(lengths: Sequence[int], kinds: Sequence[Hashable], size: int, most_tokens: int) -> list[list[int]]:
    """Return the places of a window's texts in batches: each of one kind, the longest texts first.

    The longest come first so that a batch that does not fit the memory is the first one.

    Args:
        lengths: tokens of each text.
        kinds: what may stand in one batch, of each text; None: it stands alone.
        size: most texts in a batch, at least 1.
        most_tokens: most tokens in a batch, padding included; a single text may have more.
    """
    batches: list[list[int]] = []
    open_batch: dict[Hashable, list[int]] = {}
    for place in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        kind = kinds[place]
        batch = None if kind is None else open_batch.get(kind)
        widest = 0 if batch is None else lengths[batch[0]]
        if batch is None or len(batch) >= size or widest * (len(batch) + 1) > most_tokens:
            batch = []
            batches.append(batch)
            open_batch[kind] = batch
        batch.append(place)
    return batches
