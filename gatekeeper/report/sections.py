"""Sentences on what surrounds the test: the teacher, a part of the traffic, the error budget, copies, other evals."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.report import numbers
from gatekeeper.report.data import Dossier
from gatekeeper.report.data_gate import PartPoint, SealFacts
from gatekeeper.report.headline import quality_noun
from gatekeeper.report.text import one_line

ROLES = {"ood": "another kind of request", "guard": "must not get worse"}
_COPIED = ("pool", "dev", "teacher")


def teacher_parts(dossier: Dossier) -> tuple[str, str, str] | None:
    """Return how good the teacher itself is and what a share of it is worth, as (before the number, it, after it)."""
    teacher, required = dossier.teacher.accuracy, dossier.gate.requirement
    if teacher is None or teacher.value is None:
        return None
    value = numbers.percent(teacher.value)
    by = "" if dossier.gate.labelled is None else ", as people judge it"
    where = f" of the {dossier.teacher.accuracy_split} split{by} ({numbers.share_interval(teacher)})."
    if not dossier.data.gold:
        return "Nobody knows the right answers here. The teacher agrees with itself on ", value, where
    consequence = ""
    if required is not None:
        consequence = (
            f" A student that keeps the required {numbers.percent(required)} of that is right on "
            f"{numbers.percent(required * teacher.value)}."
        )
    return "The teacher itself is right on ", value, f"{where}{consequence}"


def ceiling_warnings(dossier: Dossier) -> list[str]:
    """Return what stands out about the teacher, as sentences."""
    warnings = () if dossier.ceiling is None else dossier.ceiling.warnings
    return [f"{one[0].upper()}{one[1:]}." for one in (one_line(text, 600) for text in warnings) if one]


def ceiling_facts(dossier: Dossier) -> list[tuple[str, str]]:
    """Return what the teacher's quality can be held against, on the development split, as (name, text)."""
    ceiling = dossier.ceiling
    if ceiling is None:
        return []
    facts: list[tuple[str, str]] = []
    right = "agrees with the teacher on" if ceiling.fidelity else "is right on"
    if ceiling.majority is not None and ceiling.majority.value is not None:
        name = f"Always answering \u201c{one_line(ceiling.majority_label, 40)}\u201d"
        facts.append((name, f"{right} {numbers.percent(ceiling.majority.value)}"))
    pairs = (
        (
            f"Better than that guess: {numbers.percent(0)} is no better, {numbers.percent(1)} is never wrong",
            "teacher_over_majority",
            "student_over_majority",
        ),
        ("Right beyond chance, on the same scale (Cohen's kappa)", "teacher_kappa", "student_kappa"),
    )
    for name, of_teacher, of_student in pairs:
        both = [("teacher", getattr(ceiling, of_teacher)), ("student", getattr(ceiling, of_student))]
        known = [
            f"{who} {numbers.percent(one.value)}" for who, one in both if one is not None and one.value is not None
        ]
        if known:
            facts.append((name, ", ".join(known)))
    if ceiling.self_agreement is not None:
        text = f"on {numbers.percent(ceiling.self_agreement.value)} of pairs of its {ceiling.samples} answers to a row"
        facts.append(("The teacher agrees with itself", text))
    if ceiling.self_retention is not None and ceiling.self_retention.lower is not None:
        facts.append(("A perfect copy of the teacher may seem to keep", numbers.share_interval(ceiling.self_retention)))
    if ceiling.judge is not None:
        rates = (("accept", ceiling.judge.sensitivity), ("refuse", ceiling.judge.specificity))
        texts = [f"{numbers.percent(one.value)} of what they {verb}" for verb, one in rates if one.value is not None]
        if texts:
            facts.append(("The judge decides as people do on", ", ".join(texts)))
    return facts


def part_sentences(dossier: Dossier) -> list[str]:
    """Return what a part of the traffic means for who runs it; empty where nobody asked for one."""
    part = dossier.part
    if part is None:
        return []
    sure = numbers.percent(part.threshold)
    if not part.decides:
        return [f"{_not_a_part(dossier, sure)} The verdict is about all of the traffic."]
    share = None if part.teacher_share is None else part.teacher_share.value
    own = "a part" if share is None else f"about {numbers.percent(1 - share, 0)}"
    rest = "the rest" if share is None else f"the other {numbers.percent(share, 0)}"
    first = (
        f"The student answers {own} of the requests: those on which its own confidence is at least {sure}. It hands "
        f"{rest} on to the teacher, whose answer is used as it is today."
    )
    second = (
        "So the teacher stays in service and on the bill for its share, and a request that is handed on waits for "
        "both. The bill and the rule on latency count that."
    )
    return [first, second, *_alone(dossier)]


def _not_a_part(dossier: Dossier, sure: str) -> str:
    """Return why the verdict is not about a part of the traffic."""
    part = dossier.part
    assert part is not None
    asked = "The suite also allows this student a part of the traffic, with the teacher for the rest."
    if part.threshold is not None:
        return f"{asked} It was judged with the limit at {sure}, and did not pass."
    if dossier.verdict.decision == "promote":
        return f"{asked} Nobody had to ask: it passed on all of it."
    if part.together is not None:
        return f"{asked} A limit was found on the development split, but no look was spent on it."
    return (
        f"{asked} No limit was found on the development split that keeps enough and leaves the teacher little enough."
    )


def _alone(dossier: Dossier) -> list[str]:
    part = dossier.part
    if part is None or part.alone is None or part.alone.value is None:
        return []
    together = "" if part.together is None else f", with its fallback {numbers.percent(part.together.value)}"
    return [
        f"On the development split it keeps {numbers.percent(part.alone.value)} of {quality_noun(dossier)} when it "
        f"answers everything{together}."
    ]


def part_point(dossier: Dossier) -> PartPoint | None:
    """Return what the chosen limit does on the development split."""
    part = dossier.part
    return None if part is None else next((one for one in part.curve if one.threshold == part.threshold), None)


def calibration_sentence(dossier: Dossier) -> str | None:
    """Return how far the student's confidence is from how often it is right; None where unknown."""
    part = dossier.part
    if part is None or part.calibration_error is None:
        return None
    text = (
        "A stated confidence is not how often the student is right: on the development split the two are "
        f"{numbers.points(part.calibration_error).lstrip('+')} apart on average"
    )
    if part.calibration_error_mapped is not None:
        text += (
            f", and {numbers.points(part.calibration_error_mapped).lstrip('+')} after a correction that was learnt on "
            "other rows (isotonic)"
        )
    return f"{text}. The limit does not rest on that: it was chosen by the quality that is kept."


def cautions(dossier: Dossier) -> list[str]:
    """Return what weakens the verdict although no rule sees it: looser rules, people who have read gate rows."""
    found = []
    looser = [
        one for one in dossier.budget.amendments if not one.after_verdict and any(c.loosening for c in one.changes)
    ]
    if looser:
        found.append(
            f"After these gate rows were first looked at, the rules were {numbers.times(len(looser))} made looser or "
            f"changed in a way that cannot be compared, last by {one_line(looser[-1].who, 60)} on "
            f"{looser[-1].at:%Y-%m-%d} (\u201c{one_line(looser[-1].reason, 200)}\u201d)."
        )
    reads = [one for one in dossier.budget.reads if not one.after_verdict]
    if reads:
        found.append(
            f"Single gate rows were shown to people {numbers.times(len(reads))} before this verdict, last to "
            f"{one_line(reads[-1].who, 60)} on {reads[-1].at:%Y-%m-%d}. What they changed after that was not blind."
        )
    return found


def budget_sentence(dossier: Dossier) -> str:
    """Return what an error budget is."""
    return (
        "A look can be wrong: by luck it may pass a student that is not good enough. All looks together may do so with "
        f"a probability of at most {numbers.percent(dossier.gate.alpha)}; that is the error budget of these rows. A "
        "look spends its share for good, whoever takes it and however it ends."
    )


def seal_sentence(seal: SealFacts) -> str:
    """Return who sealed the rules, and when."""
    shared = (
        "" if seal.shared_rows is None else f" of another split, which shares {numbers.count(seal.shared_rows)} rows,"
    )
    return (
        f"The rules{shared} were sealed on {seal.at:%Y-%m-%d %H:%M} UTC by {one_line(seal.who, 60)} with run "
        f"{one_line(seal.run, 60)}, before the first gate row was read."
    )


def unsealed_sentence(dossier: Dossier) -> str:
    """Return why no rules are sealed."""
    if dossier.gate.looks:
        return "Looks were spent before rules were sealed: this store began with an earlier version."
    return "No look was spent, so no rules are sealed yet."


@dataclass(frozen=True)
class Copies:
    """Rows of one split that were left out since they repeat gate rows."""

    split: str
    exact: int
    near: int


def copies(dossier: Dossier) -> list[Copies]:
    """Return the splits that had copies of gate rows."""
    counts = dossier.data.duplicates
    found = [Copies(name, counts.get(f"{name}_in_gate", 0), counts.get(f"near_{name}_in_gate", 0)) for name in _COPIED]
    return [one for one in found if one.exact or one.near]


def copies_sentence(dossier: Dossier) -> str:
    """Return what copies of gate rows there were, and what follows."""
    if not copies(dossier):
        return (
            "No row of another split was a copy of a gate row. Copies in quite other words are found by no such search."
        )
    return (
        "These rows were copies of gate rows. They were left out before anything was paid, so no student has learnt "
        "from them; one that has seen gate rows looks better than it is. Copies in quite other words are found by no "
        "such search."
    )


def dropped_rows(dossier: Dossier) -> list[tuple[str, str, int]]:
    """Return the other rows that were left out, as (kind, what it is in words, rows)."""
    shown = {f"{near}{name}_in_gate" for name in _COPIED for near in ("", "near_")}
    return [(kind, _dropped(kind), n) for kind, n in dossier.data.duplicates.items() if kind not in shown]


def _dropped(kind: str) -> str:
    if kind == "conflicting_labels":
        return "Of these and of copies, rows whose right answer was another than that of the row that was kept"
    if kind.startswith("within_"):
        return f"Repeated within {one_line(kind.removeprefix('within_'), 60)}"
    how, rest = "also in", kind
    if kind.startswith("cluster_"):
        how, rest = "of a group that is also in", kind.removeprefix("cluster_")
    split, _, other = rest.partition("_in_")
    return f"Left out of {one_line(split, 60)}, {how} {one_line(other, 60)}" if other else one_line(kind, 60)
