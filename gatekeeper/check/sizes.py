"""How much of a teacher small students have kept elsewhere, and how fast they were: ranges to expect, no promise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What is known of one kind of student.

    Attributes:
        size: parameters, in words.
        lower, upper: kept share of the teacher's score: the lowest lower end (95 %), the highest value.
        rps: requests per second on two shared cores, short texts in batches.
    """

    size: str
    lower: float
    upper: float
    rps: int


SOURCE = "BANKING77 with the teacher's answers out of fold, 9,772 examples (benchmarks/README.md, 2026-11-24)"
"""Where all of `RECIPES` were measured."""

RECIPES: dict[str, Known] = {
    "linear": Known("one weight for each term and label, a few million", 0.954, 0.983, 10_869),
    "static": Known("about 8 million: 30,522 tokens x 256", 0.978, 0.985, 2_756),
    "encoder": Known("those of its encoder, 22 million for a six-layer MiniLM", 0.983, 0.988, 66),
}
"""By the recipe of a student."""

ELSEWHERE = (
    "Published: DistilBERT keeps 96.9 % of BERT on GLUE at 60 % of its size, TinyBERT-4 96.8 % at 9.4 times the speed, "
    "MiniLM-L6 98.6 % on MNLI at 5.3 times."
)
