"""The sentences of a dossier's sections, for a reader without statistics.

Every sentence is made here from the record's numbers, so that all renderers say the same.
"""

from __future__ import annotations

from gatekeeper.report import numbers
from gatekeeper.report.data import Dossier
from gatekeeper.report.data_gate import SliceRow
from gatekeeper.report.headline import who

OUTCOMES = {"pass": "passed", "fail": "failed", "inconclusive": "open"}
TOLD = {"below": "shown below", "above": "shown above", "unclear": "cannot be told"}


def gate_sentence(dossier: Dossier) -> str:
    """Return how the retention interval is to be read."""
    gate = dossier.gate
    if gate.retention is None:
        if gate.n_read is not None:
            return "The look has no result, since answers are missing; see the rules."
        return (
            "No look at the gate split was spent on this student, so nothing about it is proven. "
            "Only the development split speaks about it."
        )
    text = (
        f"Both models answered the same {numbers.count(gate.retention.n_scored)} requests, new to the student. "
        "The interval says where the true value lies; the decision uses its lower end."
    )
    if gate.look_alpha is None:
        return text
    text = f"{text} This look may err with probability {numbers.percent(gate.look_alpha, 2)}"
    if gate.looks_planned == 1:
        return f"{text}; it is the only one that was planned."
    return f"{text}; all {gate.looks_planned} planned looks together with at most {numbers.percent(gate.alpha)}."


def test_notes(dossier: Dossier) -> list[str]:
    """Return what else is to be known of the test: an early stop, a fallback, groups, samples, failures."""
    gate, notes = dossier.gate, []
    if dossier.verdict.threshold is not None:
        notes.append(
            "What was judged is what users would get: the student's answer where it is sure enough, the teacher's own "
            "answer elsewhere."
        )
    if gate.n_read is not None and gate.n_planned is not None and gate.n_read < gate.n_planned:
        notes.append(
            f"The look stopped after {numbers.count(gate.n_read)} of {numbers.count(gate.n_planned)} rows, since it "
            "had passed by then. That was planned: early stops have stricter limits, so the error stays what it was."
        )
    if gate.labelled is not None:
        notes.append(
            f"A model judged the answers; people judged {numbers.counted(gate.labelled, 'row')} as well. What is shown "
            "rests on both, so that errors of the judge do not count for or against the student."
        )
    if gate.groups is not None:
        notes.append(
            f"The rows come in {numbers.count(gate.groups)} groups, such as conversations. Rows of one group tell less "
            "than independent ones, and the interval takes that into account."
        )
    if gate.samples > 1:
        notes.append(
            f"The teacher answered each row {gate.samples} times. A row counts once, with the mean of its scores."
        )
    if gate.teacher_failed:
        notes.append(
            f"The teacher gave no answer to {numbers.counted(gate.teacher_failed, 'row')}. They were counted both "
            "ways, as right and as wrong; what is shown is the way that is worse for the student."
        )
    return notes


def scores_sentence(dossier: Dossier) -> str | None:
    """Return both mean scores where answers are not simply right or wrong; None where the table of four has them."""
    gate = dossier.gate
    if gate.counts is not None or gate.labelled is not None or gate.student_score is None or gate.teacher_score is None:
        return None
    return (
        f"The mean score of {who(dossier)} is {numbers.plain(gate.student_score, 3)}, that of the teacher "
        f"{numbers.plain(gate.teacher_score, 3)}, on a scale from 0 to 1."
    )


def looks_sentence(dossier: Dossier) -> str:
    """Return how much of the gate split's error budget is used, and by how many runs."""
    gate = dossier.gate
    if not gate.looks:
        return f"This gate split has had no look; {numbers.counted(gate.looks_planned, 'look')} planned."
    runs = len({look.run for look in gate.looks})
    left = 0 if dossier.budget.next_alpha is None else max(0, gate.looks_planned - len(gate.looks))
    return (
        f"This gate split has had {numbers.counted(len(gate.looks), 'look')} of {numbers.count(gate.looks_planned)}, "
        f"by {numbers.counted(runs, 'run')}; {numbers.count(left)} left. "
        f"Each look is one bit, passed or not, that the loop learnt from this split.{_elsewhere(dossier)}"
    )


def _elsewhere(dossier: Dossier) -> str:
    budget = dossier.budget
    if not budget.looks_elsewhere:
        return ""
    return (
        f" Before that, {numbers.counted(budget.looks_elsewhere, 'look')} at other splits read "
        f"{numbers.count(budget.rows_used)} of its {numbers.count(budget.rows)} rows."
    )


def slices_sentence(dossier: Dossier) -> str:
    """Return how the table of slices is to be read."""
    gate, ruled = dossier.gate, [row for row in dossier.slices if row.in_rule]
    level = next((row.retention.confidence for row in dossier.slices if row.retention is not None), None)
    least = gate.slice_minimum if gate.slice_minimum is not None else gate.requirement
    text = (
        f"Each slice is compared with {numbers.percent(least)}. It is shown to be below or above only where chance can "
        "hardly explain it; a small slice mostly cannot be told."
    )
    if level is not None:
        text += f" Each interval holds the true value with {numbers.percent(level)} confidence, for its slice alone."
    if len(ruled) > 1:
        text += (
            f" Among {len(ruled)} slices one looks bad by luck now and then, so what counts as shown below is stricter "
            "the more slices there are (Holm's method)."
        )
    if gate.labelled is not None:
        text += " Only rows that people have judged count here."
    if not ruled:
        text += " The suite has no rule on slices, so nothing here decides."
    return text


def told(row: SliceRow) -> str:
    """Return what a slice is shown to be, in words."""
    return TOLD[row.told]


def power_sentence(dossier: Dossier) -> str | None:
    """Return what the gate split can show at all."""
    power = dossier.power
    if power.smallest_passable_n is None:
        return None
    text = (
        f"The gate split has {numbers.count(power.n_gate)} rows; below {numbers.count(power.smallest_passable_n)} "
        "even a perfect copy of the teacher could not pass."
    )
    if dossier.verdict.decision == "inconclusive" and power.rows_needed is not None:
        text += (
            f" If the student is as good as it looks, {numbers.count(power.rows_needed)} rows "
            f"would show it four times out of five."
        )
    return text


def power_basis(dossier: Dossier) -> str | None:
    """Return what the power chart was computed from; None without one."""
    power = dossier.power
    if not power.curves or power.alpha is None:
        return None
    look = "the first look at a fresh split" if power.look is None else f"look {power.look}"
    text = (
        f"Computed for {look}, which may err with probability {numbers.percent(power.alpha, 2)}, and from what was "
        f"measured on the {power.measured_on} split: the teacher is right on {numbers.percent(power.teacher_accuracy)}"
    )
    if power.correlation is None:
        return f"{text}."
    return (
        f"{text}; how far both models are right on the same requests is {numbers.plain(power.correlation, 2)} "
        "(tetrachoric correlation: 0 is unrelated, 1 is always together)."
    )
