"""Simulated answers and scores of a teacher and a student on very many gate rows, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["right or wrong", "in clusters", "in [0, 1]"]
KINDS: tuple[Kind, ...] = ("right or wrong", "in clusters", "in [0, 1]")

LABELS = ("billing", "delivery", "returns", "account", "other")
NO_LABEL = "I cannot say."
"""An answer that is none of the labels."""

SLICES = 20
TEACHER_RIGHT = 0.92
KEPT, GAINED = 0.965, 0.25
"""Chance that the student is right where the teacher is right, and where it is wrong."""
REGION_SPREAD = 0.01
"""The chance to be right is this much better in the best region than on average, and as much worse in the worst."""
UNPARSED, FAILED = 0.001, 0.002
"""Share of the student's answers that are no label, and of rows on which the teacher failed."""
PER_CLUSTER = 5
SHARED = 0.3
"""Share of the rows of a cluster that fare alike."""


@dataclass(frozen=True)
class Rows:
    """What both models said to each row, and how that was scored.

    Attributes:
        student, teacher: scores, shape (n,), in [0, 1]; NaN where the teacher failed.
        said, teacher_said: place of the answer in LABELS, -1 for an answer that is none of them; a teacher that failed
            has one, which does not count.
        target: place of the right answer in LABELS.
        confidence: of the student's answer, in [0, 1].
        region: slice of each row, 0 to SLICES - 1.
        cluster: number of each row's cluster; rows with one number belong together.
    """

    student: NDArray[np.float64]
    teacher: NDArray[np.float64]
    said: NDArray[np.int64]
    teacher_said: NDArray[np.int64]
    target: NDArray[np.int64]
    confidence: NDArray[np.float64]
    region: NDArray[np.int64]
    cluster: NDArray[np.int64]


def draw_rows(kind: Kind, n: int, rng: np.random.Generator) -> Rows:
    """Return `n` simulated rows.

    Args:
        kind: "right or wrong" scores 0 and 1, "in clusters" the same where rows of a cluster tend to fare alike, "in
            [0, 1]" scores of any size.
    """
    region = rng.integers(0, SLICES, n)
    cluster = rng.integers(0, max(1, n // PER_CLUSTER), n) if kind == "in clusters" else np.arange(n)
    lift = REGION_SPREAD * np.linspace(-1, 1, SLICES)[region]
    if kind == "in [0, 1]":
        teacher = rng.beta(8.0, 1.0, n)
        student = np.clip(teacher * (KEPT + GAINED / 10 + lift) + rng.normal(0, 0.05, n), 0, 1)
    else:
        teacher = (_luck(cluster, rng) < TEACHER_RIGHT).astype(np.float64)
        chance = np.where(teacher == 1, KEPT, GAINED) + lift
        student = (_luck(cluster, rng) < chance).astype(np.float64)
    target = rng.integers(0, len(LABELS), n)
    said = _answers(student >= 0.5, target, rng)
    unparsed = rng.random(n) < UNPARSED
    return Rows(
        student=np.where(unparsed, 0.0, student),
        teacher=np.where(rng.random(n) < FAILED, np.nan, teacher),
        said=np.where(unparsed, -1, said),
        teacher_said=_answers(teacher >= 0.5, target, rng),
        target=target,
        confidence=rng.random(n),
        region=region,
        cluster=cluster,
    )


def _luck(cluster: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a uniform number for each row; some rows take the one of their cluster."""
    own, shared = rng.random(cluster.size), rng.random(int(cluster.max(initial=0)) + 1)
    return np.where(rng.random(cluster.size) < SHARED, shared[cluster], own)


def _answers(right: NDArray[np.bool_], target: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the target where the answer is right, another label elsewhere."""
    other = (target + rng.integers(1, len(LABELS), target.size)) % len(LABELS)
    return np.where(right, target, other)
