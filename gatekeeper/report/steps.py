"""What to do after a verdict, most important first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatekeeper.gate import form, latency, quality, slices
from gatekeeper.records import RuleResult
from gatekeeper.report.baselines import held_against, held_name
from gatekeeper.report.data import Dossier
from gatekeeper.report.headline import slice_name, weak_slices
from gatekeeper.report.rules import eval_of
from gatekeeper.report.text import one_line


@dataclass(frozen=True)
class Step:
    """One thing to do, with the command that does it where there is one."""

    text: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.command}".strip()


def next_steps(dossier: Dossier) -> tuple[Step, ...]:
    """Return what to do now, most important first."""
    make = {"promote": _after_promote, "reject": _after_reject, "inconclusive": _after_inconclusive}
    return tuple(dict.fromkeys(make[dossier.verdict.decision](dossier)))


def _after_promote(dossier: Dossier) -> list[Step]:
    suite, threshold = one_line(dossier.suite), dossier.verdict.threshold
    if threshold is None:
        text = f"Deploy the artifact that promoted/{suite}.json names; keep the teacher reachable as the way back."
    else:
        text = (
            f"Deploy the artifact that promoted/{suite}.json names, and send a request on to the teacher where the "
            f"student's confidence is below `threshold` in that file ({threshold:.4g}). Without this the verdict does "
            "not hold."
        )
    steps = [Step(text)]
    if dossier.assumed:
        steps.append(Step("Where you can, replace what was assumed by measured values, and run the loop again."))
    return [
        *steps,
        Step("Keep a random share of traffic on the teacher, so that drift is seen; the loop does not watch it."),
    ]


def _stronger(dossier: Dossier, rule: RuleResult) -> Step:
    text = (
        "Keep the teacher. Train a stronger student (another recipe, soft labels, more examples); "
        "the mistakes listed in this dossier say where it is weak."
    )
    if dossier.part is None:
        text += (
            " Or add `partial: {}` to the suite, so that the loop also tries the student only where it is sure; this "
            "changes the rules, so it takes fresh gate rows, or a reason that is kept."
        )
    return Step(text)


def _slices(dossier: Dossier, rule: RuleResult) -> Step:
    weak = [slice_name(row) for row in weak_slices(dossier)]
    named = f"{', '.join(weak[:3])}{f' and {len(weak) - 3} more' if len(weak) > 3 else ''}" if weak else "weak slices"
    return Step(
        f"Keep the teacher for {named}. Look at the same requests on the development split, add training rows of that "
        "kind, and train again."
    )


def _cost(dossier: Dossier, rule: RuleResult) -> Step:
    if held_against(dossier.baselines) is not None:
        return Step(
            f"Use {held_name(dossier.baselines)} as it is: it keeps enough, and a student saves too little against it. "
            "Only its quality on this task was tested: try its speed, and your other evals, before you change over."
        )
    return Step("Keep the teacher, unless traffic, price or serving cost changes; the money table says when it pays.")


def _latency(dossier: Dossier, rule: RuleResult) -> Step:
    return Step("Take a smaller student or a faster machine, or relax the rule if the product allows it.")


def _unsure(dossier: Dossier, rule: RuleResult) -> Step:
    return Step(
        f"Its confidence does not give requests like those of {one_line(eval_of(rule.rule), 60)} away: keep them from "
        "the student by a filter of your own, or try another recipe."
    )


def _foreign(dossier: Dossier, rule: RuleResult) -> Step:
    return Step(
        f"Add training rows like those of {one_line(eval_of(rule.rule), 60)}, or leave such requests to the teacher."
    )


def _guard(dossier: Dossier, rule: RuleResult) -> Step:
    return Step(
        f"Keep the teacher: on {one_line(eval_of(rule.rule), 60)} the student is worse. Add training rows of that kind "
        "to the pool, and train again."
    )


def _form(dossier: Dossier, rule: RuleResult) -> Step:
    return Step("Keep the teacher. Make the student answer with one of the labels and nothing else, then train again.")


_AFTER_FAILURE: tuple[tuple[str, str, Callable[[Dossier, RuleResult], Step]], ...] = (
    (quality.RULE, "", _stronger),
    (slices.RULE, "", _slices),
    ("gates.cost.", "", _cost),
    (latency.RULE, "", _latency),
    ("gates.ood.", ".auroc", _unsure),
    ("gates.ood.", ".retention", _foreign),
    ("gates.guards.", "", _guard),
    (form.RULE, "", _form),
)
"""Start and end of a failed rule's key, and what to do then."""


def _after_reject(dossier: Dossier) -> list[Step]:
    steps = []
    for rule in dossier.verdict.rules:
        if rule.outcome == "fail":
            key = rule.rule
            known = (make for start, end, make in _AFTER_FAILURE if key.startswith(start) and key.endswith(end))
            make = next(known, None)
            steps.append(Step(f"See to the failed rule {one_line(key)}.") if make is None else make(dossier, rule))
    last = "Do not tune against the gate split. A new student needs a look that is still left, or fresh gate rows."
    return [*steps, Step(last)]


def _after_inconclusive(dossier: Dossier) -> list[Step]:
    open_rules = [rule for rule in dossier.verdict.rules if rule.outcome == "inconclusive"]
    steps = [Step(one_line(rule.settle, 600)) for rule in open_rules if rule.settle]
    return [*steps, Step("Until then the teacher stays: open is not good enough to promote.")]
