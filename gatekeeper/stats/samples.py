"""Several samples of one item: their mean is the item's score, and the item stays the unit of every test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.errors import InputError
from gatekeeper.stats.checks import check_count


def item_means(values: ArrayLike, item_index: ArrayLike, n_items: int) -> NDArray[np.float64]:
    """Return the mean score of each item over its samples.

    However often an item was sampled, it is one row of what follows: repeats that are all equal change nothing, so
    they can never pass for more items. Items with more samples do not count more.

    Args:
        values: shape (rows,), one score per sample; NaN marks a sample without a score.
        item_index: shape (rows,), the place of the sample's item, 0 to n_items - 1, in any order.
        n_items: number of items that should be there.

    Returns:
        Shape (n_items,). A sample that is NaN is left out of its item's mean; an item without any score is NaN. The
        tests refuse NaN, so the caller has to count such items as failed, or score them 0.

    Raises:
        InputError: shapes that differ, an infinite score, an index that is no whole number or no item.
    """
    n_items = check_count("n_items", n_items)
    try:
        scores = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"values is not an array of numbers: {error}", hint="give one score per sample") from error
    places = np.asarray(item_index)
    if scores.ndim != 1 or places.shape != scores.shape:
        raise InputError(
            f"values has shape {scores.shape} and item_index {places.shape}", hint="give each sample one score and item"
        )
    if places.size and places.dtype.kind not in "iu":
        raise InputError(f"item_index is of type {places.dtype}", hint="give whole numbers")
    outside = np.flatnonzero((places < 0) | (places >= n_items))
    if outside.size:
        raise InputError(
            f"item_index[{outside[0]}] is {places[outside[0]]}", hint=f"give places from 0 to {n_items - 1}"
        )
    infinite = np.flatnonzero(np.isinf(scores))
    if infinite.size:
        raise InputError(f"values[{infinite[0]}] is {scores[infinite[0]]}", hint="mark a missing score as NaN")
    scored = ~np.isnan(scores)
    index = places[scored].astype(np.intp)
    sums = np.bincount(index, weights=scores[scored], minlength=n_items)
    counts = np.bincount(index, minlength=n_items)
    means = np.full(n_items, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means
