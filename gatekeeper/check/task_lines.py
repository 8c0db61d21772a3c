"""Does the task suit a student: how many labels, told by which words, and what of inputs beside it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from gatekeeper.check.curve import Forecast, forecast
from gatekeeper.check.distil_plan import DistilLine, Speaks, line_of, span
from gatekeeper.check.narrow import CrossValidated, LabelShape, cross_validate
from gatekeeper.cost.money import format_usd
from gatekeeper.errors import InputError
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.suite.suite import Suite

MOST_LABELS = 151
LEAST_ROWS = 50
"""Labelled rows below which nothing is learned from them."""
OUT_OF_SCOPE = frozenset({"oos", "out_of_scope", "out-of-scope", "other", "none", "unknown", "none_of_the_above"})
_FEWER = "fewer labels, or a hierarchy of tasks; a run measures what a student keeps"


@dataclass(frozen=True)
class Labelled:
    """Rows with labels that a student could learn from; gate rows are never among them.

    Attributes:
        of_teacher: the labels are the teacher's stored answers, else right answers.
        total: rows that there are; `texts` may be a sample of them.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    of_teacher: bool
    total: int

    @property
    def named(self) -> str:
        """What the labels are, in words."""
        return "the teacher's stored answers" if self.of_teacher else "right answers"


@dataclass(frozen=True)
class Learned:
    """What a bag-of-words model makes of the labelled rows; `reason` says why there is nothing."""

    found: CrossValidated | None
    curve: Forecast | None
    reason: str


def learn(rows: Labelled, planned: int, n_labels: int, rng: np.random.Generator) -> Learned:
    """Cross-validate on the labelled rows and follow the learning curve to `planned` rows."""
    if len(rows.texts) < LEAST_ROWS:
        return Learned(None, None, f"{len(rows.texts)} labelled rows are fewer than {LEAST_ROWS}")
    try:
        found = cross_validate(rows.texts, rows.labels, rows.groups, rng)
    except InputError as error:
        return Learned(None, None, error.message)
    curve = forecast(found, max(planned, found.sizes[0]), n_labels, rng)
    return Learned(found, None, curve) if isinstance(curve, str) else Learned(found, curve, "")


def narrow_line(shape: LabelShape | None, n_labels: int, required: float, rows: Labelled) -> DistilLine:
    """Return how many labels there are and how they are spread; against a student where one answer is enough."""
    key, question = "narrow", "Is the task narrow, and more than one answer?"
    source = f"{MOST_LABELS} labels: CLINC150 with out of scope, the widest set on which small students are published"
    numbers: dict[str, float | None] = {"labels": n_labels}
    if shape is None:
        outcome: Speaks = "for" if n_labels <= MOST_LABELS else "open"
        sentence = f"{n_labels} labels; how they are spread is not known, since no row outside the gate has one."
        return line_of(key, question, outcome, n_labels, MOST_LABELS, "labels", source, sentence, _FEWER, numbers)
    numbers |= {
        "entropy_bits": shape.entropy_bits,
        "entropy_normalised": shape.normalised,
        "majority_share": shape.majority_share,
        "required_score": required,
        "labels_seen": shape.seen,
    }
    spread = (
        f"{n_labels} labels, {shape.seen} of them seen in {shape.n:,} rows with {rows.named}: entropy "
        f"{shape.entropy_bits:.2f} bits, {shape.normalised:.0%} of the most that is possible; the commonest, "
        f"{shape.majority!r}, has {shape.majority_share:.1%}."
    )
    if shape.majority_share >= required:
        sentence = f"{spread} Always giving it reaches the {required:.1%} that is required: no student is needed."
        change = "a stricter gates.quality.retention, or a scorer that weighs the rare labels"
        source = "gates.quality.retention x the teacher's score (assumed or measured, see basis)"
        return line_of(
            key, question, "against", shape.majority_share, required, "share", source, sentence, change, numbers
        )
    outcome = "for" if n_labels <= MOST_LABELS else "open"
    return line_of(key, question, outcome, n_labels, MOST_LABELS, "labels", source, spread, _FEWER, numbers)


def learnable_line(learned: Learned, shape: LabelShape | None, rows: Labelled, usd_per_row: Decimal) -> DistilLine:
    """Return whether plain words tell the labels: a bag-of-words model against the commonest label."""
    key, question = "learnable", "Can the labels be learned from the words?"
    source = "the share of the commonest label: what no learning reaches"
    if learned.found is None or shape is None:
        price = format_usd(usd_per_row * LEAST_ROWS)
        sentence = f"Not known: {learned.reason or 'no labelled rows'}."
        change = f"{LEAST_ROWS} answers of the teacher, for about {price}, or right answers in the data"
        return line_of(key, question, "open", None, None, "share", source, sentence, change, {})
    right = learned.found.right[-1]
    accuracy = estimate_mean(right, right.size, 0)
    outcome: Speaks = "for" if (accuracy.lower or 0.0) > shape.majority_share else "open"
    sentence = (
        f"A bag-of-words model that learned from {learned.found.sizes[-1]:,} of {right.size:,} rows with {rows.named} "
        f"is right on {span(accuracy)} of the others (cross-validated); the commonest label has "
        f"{shape.majority_share:.1%}."
    )
    change = "a student that knows word order and meaning may learn what words alone do not show; a run measures it"
    numbers = {
        "accuracy": accuracy.value,
        "accuracy_lower": accuracy.lower,
        "accuracy_upper": accuracy.upper,
        "rows": float(right.size),
    }
    return line_of(
        key, question, outcome, accuracy.value, shape.majority_share, "share", source, sentence, change, numbers
    )


def scope_line(suite: Suite, gate_rows: Mapping[str, int]) -> DistilLine:
    """Return whether anything shows what a student does with inputs that the task is not about."""
    rows = {one.name: gate_rows.get(one.name, 0) for one in suite.others if one.spec.role == "ood"}
    label = next((one for one in suite.eval.labels if one.strip().lower().replace(" ", "_") in OUT_OF_SCOPE), None)
    total = sum(rows.values())
    main = gate_rows.get(suite.eval.name, 0)
    share = total / (total + main) if total else 0.0
    found = f"{total:,} rows of {', '.join(rows)}, {share:.0%} of all gate rows" if total else ""
    said = " and ".join(one for one in (found, f"the label {label!r}" if label else "") if one)
    sentence = (
        f"Inputs beside the task are looked at: {said}."
        if said
        else "No eval of `role: ood` and no label for other inputs: nobody will see what a student does with them."
    )
    return line_of(
        "scope",
        "Are inputs beside the task looked at?",
        "for" if said else "open",
        float(total),
        1.0,
        "rows",
        "good classifiers still miss inputs beside their task (Larson et al. 2019, CLINC150); any rows show some of it",
        sentence,
        "an eval of `role: ood` with inputs that the task is not about, and a rule under gates.ood",
        {"ood_rows": float(total), "ood_share": share},
    )
