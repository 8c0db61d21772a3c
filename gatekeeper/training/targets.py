"""What a student learns from: one row of label probabilities per text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import InputError

Target = str | Mapping[str, float]
"""A label, or a teacher's distribution over labels."""
Targets = Sequence[Target] | NDArray[np.floating[Any]]


def target_matrix(targets: Targets, label_names: Sequence[str], *, soft: bool, n_texts: int) -> NDArray[np.float64]:
    """Return target probabilities, shape (n_texts, len(label_names)), rows summing to 1.

    Args:
        targets: labels, distributions, or both mixed; or a ready matrix with a column per label.
        label_names: the labels, in the order of the columns.
        soft: False turns each distribution into its most probable label. A plain label is one-hot either way.
        n_texts: how many texts there are.

    Raises:
        InputError: lengths differ, an unknown label, a negative or empty distribution, or no text at all.
    """
    if n_texts == 0 or len(targets) != n_texts:
        raise InputError(f"{n_texts} texts with {len(targets)} labels: nothing can be learnt from that")
    matrix: NDArray[np.float64]
    if isinstance(targets, np.ndarray):
        matrix = targets.astype(np.float64)
    else:
        matrix = _fill(targets, {name: column for column, name in enumerate(label_names)})
    if matrix.shape != (n_texts, len(label_names)):
        raise InputError(f"targets have shape {matrix.shape}, expected {(n_texts, len(label_names))}")
    sums = matrix.sum(axis=1)
    wrong = np.flatnonzero(~np.isfinite(sums) | (sums <= 0) | (matrix < 0).any(axis=1))
    if len(wrong):
        raise InputError(f"the distribution of row {wrong[0]} is negative, empty or not finite: {matrix[wrong[0]]}")
    if not soft:
        matrix = np.eye(len(label_names))[matrix.argmax(axis=1)]
        return matrix
    matrix = matrix / sums[:, None]
    return matrix


def _fill(targets: Sequence[Target], columns: Mapping[str, int]) -> NDArray[np.float64]:
    matrix = np.zeros((len(targets), len(columns)))
    for row, target in enumerate(targets):
        pairs = {target: 1.0} if isinstance(target, str) else target
        for label, probability in pairs.items():
            if label not in columns:
                raise InputError(
                    f"row {row}: {label!r} is not one of the labels",
                    hint=f"the labels are: {', '.join(list(columns)[:10])}",
                )
            matrix[row, columns[label]] = probability
    return matrix
