"""What the numbers of a `Ceiling` mean for who relies on the student, where they stand out. Pure.

Each warning names its consequence. The thresholds say when a sentence is worth a reader's time; no rule uses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatekeeper.records import Estimate

if TYPE_CHECKING:
    from gatekeeper.gate.ceiling import Ceiling

LOW_TEACHER = 0.8
"""A teacher that is right less often than this is wrong on more than every fifth row, and its student more often."""

MAJORITY_KEEPS = 0.8
"""Share of the teacher's score that always giving one answer may keep. Above it, most of what retention measures is how
common that answer is."""

MODERATE_KAPPA = 0.6
"""Agreement beyond chance up to here is called moderate at best (Landis & Koch 1977)."""

CHANCE_GAP = 0.1
"""How much lower the student's share of the teacher's kappa may be than its share of the teacher's score."""

SELF_AGREEMENT = 0.95
"""A teacher that agrees with itself less often gives two answers to more than every twentieth row."""


def warnings_of(ceiling: Ceiling) -> tuple[str, ...]:
    """Return the sentences that `ceiling` gives rise to, the most far-reaching first."""
    found = (_fidelity, _accuracy, _majority, _chance, _repeats)
    return tuple(sentence for sentences in found for sentence in sentences(ceiling))


def _fidelity(ceiling: Ceiling) -> Iterator[str]:
    if ceiling.fidelity:
        yield (
            "without right answers this is fidelity: a student that repeats the teacher's mistakes is scored as right, "
            "and how often the teacher is right is unknown"
        )


def _accuracy(ceiling: Ceiling) -> Iterator[str]:
    teacher, required = _value(ceiling.teacher), ceiling.required_score
    if teacher == 0:
        yield "the teacher got no row right, so there is nothing to keep: check its prompt, labels and targets"
    elif teacher is not None and required is not None and teacher < LOW_TEACHER:
        yield (
            f"{share(ceiling.retention)} of a teacher that is right {share(teacher)} of the time is right "
            f"{share(required)} of the time"
        )


def _majority(ceiling: Ceiling) -> Iterator[str]:
    majority, teacher = _value(ceiling.majority), _value(ceiling.teacher)
    if majority is None or ceiling.majority_label is None:
        return
    if ceiling.fidelity:
        if majority >= MAJORITY_KEEPS:
            yield f"always answering {ceiling.majority_label!r} would agree with the teacher on {share(majority)}"
    elif teacher and majority >= MAJORITY_KEEPS * teacher:
        yield (
            f"always answering {ceiling.majority_label!r} would be right on {share(majority)}, which keeps "
            f"{share(majority / teacher)} of the teacher's score"
        )


def _chance(ceiling: Ceiling) -> Iterator[str]:
    teacher, student = _value(ceiling.teacher_kappa), _value(ceiling.student_kappa)
    if teacher is None:
        return
    if 0 < teacher < MODERATE_KAPPA:
        yield (
            f"of the way from what label frequencies give by chance to all answers right, the teacher gets "
            f"{share(teacher)} (Cohen's kappa)"
        )
    elif teacher <= 0:
        yield "the teacher is right no more often than the frequencies of the labels give by chance"
    score, full = _value(ceiling.student), _value(ceiling.teacher)
    if student is None or score is None or not full or teacher <= 0:
        return
    if student / teacher < score / full - CHANCE_GAP:
        beyond = share(max(0.0, student / teacher))
        yield f"the student keeps {share(score / full)} of the teacher's score, but only {beyond} of it above chance"


def _repeats(ceiling: Ceiling) -> Iterator[str]:
    agreement = _value(ceiling.self_agreement)
    if agreement is None or agreement >= SELF_AGREEMENT:
        return
    if ceiling.fidelity:
        yield (
            f"the teacher agrees with itself on {share(agreement)} only: a student that copies it perfectly would be "
            f"scored {agreement:.2f}"
        )
        return
    again = ceiling.self_retention
    yield f"the teacher agrees with itself on {share(agreement)} only{_copy_clause(again)}{_noise_clause(ceiling)}"


def _copy_clause(again: Estimate | None) -> str:
    if again is None or again.lower is None or again.upper is None:
        return ""
    return (
        f": on so many rows a perfect copy of it may show a retention between {again.lower:.2f} and {again.upper:.2f}"
    )


def _noise_clause(ceiling: Ceiling) -> str:
    if ceiling.noise_share is None:
        return ""
    return (
        f"; {share(ceiling.noise_share)} of the variance of its scores is its own sampling, which more answers shrink"
    )


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def share(value: float) -> str:
    """Return a share in per cent, whole where it is: "98 %", "53.9 %"."""
    return f"{100 * value:.1f}".removesuffix(".0") + " %"
