"""The sentences of a dossier: what was decided, why, and what to do next, for a reader without statistics.

Every sentence is made here from the record's numbers, so that all renderers say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.records import RuleResult
from gatekeeper.report import numbers
from gatekeeper.report.data import Dossier
from gatekeeper.report.text import one_line

WORDS = {"promote": "Promote", "reject": "Reject", "inconclusive": "Inconclusive"}
OUTCOMES = {"pass": "passed", "fail": "failed", "inconclusive": "open"}
QUALITY = "gates.quality.retention"


def headline(dossier: Dossier) -> str:
    """Return the verdict in one or two sentences: decision, evidence, money."""
    decision = dossier.verdict.decision
    rule = deciding_rule(dossier)
    if decision == "promote":
        body = _kept(dossier) + _bill_clause(dossier)
    elif rule is None:
        body = one_line(dossier.verdict.sentence)
    elif rule.rule == QUALITY:
        body = _short_of(dossier, rule)
    else:
        body = _other_rule(dossier, rule)
    return f"{WORDS[decision]}. {body}"


def deciding_rule(dossier: Dossier) -> RuleResult | None:
    """Return the rule that made the verdict: the first failed one of a reject, the first open one else."""
    wanted = {"promote": "pass", "reject": "fail", "inconclusive": "inconclusive"}[dossier.verdict.decision]
    return next((rule for rule in dossier.verdict.rules if rule.outcome == wanted), None)


def quality_noun(dossier: Dossier) -> str:
    """Return what is kept: quality where right answers are known, agreement where they are not."""
    return "the teacher's quality" if dossier.data.gold else "agreement with the teacher"


def confidence(dossier: Dossier) -> str:
    """Return the confidence of the whole gate, all planned looks together: "95 %"."""
    return numbers.percent(1.0 - dossier.gate.alpha)


def gate_sentence(dossier: Dossier) -> str:
    """Return how the retention interval is to be read."""
    gate = dossier.gate
    if gate.retention is None:
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
    planned = numbers.counted(gate.looks_planned, "planned look")
    return (
        f"{text} This look may err with probability {numbers.percent(gate.look_alpha, 2)}; "
        f"all {planned} together with at most {numbers.percent(gate.alpha)}."
    )


def looks_sentence(dossier: Dossier) -> str:
    """Return how much of the gate split's error budget is used, and by how many runs."""
    gate = dossier.gate
    if not gate.looks:
        return f"This gate split has had no look; {numbers.counted(gate.looks_planned, 'look')} planned."
    runs = len({look.run for look in gate.looks})
    left = max(0, gate.looks_planned - len(gate.looks))
    return (
        f"This gate split has had {numbers.counted(len(gate.looks), 'look')} of {numbers.count(gate.looks_planned)}, "
        f"by {numbers.counted(runs, 'run')}; {numbers.count(left)} left. "
        "Each look is one bit, passed or not, that the loop learnt from this split."
    )


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


def _kept(dossier: Dossier) -> str:
    gate = dossier.gate
    if gate.retention is None or gate.retention.lower is None:
        return one_line(dossier.verdict.sentence)
    lower = numbers.percent_against(gate.retention.lower, gate.requirement)
    return (
        f"On {numbers.count(gate.retention.n_scored)} fresh requests the student keeps at least {lower} of "
        f"{quality_noun(dossier)} ({confidence(dossier)} confidence; required {numbers.percent(gate.requirement)})"
    )


def _bill_clause(dossier: Dossier) -> str:
    money = dossier.money
    if money.baseline_monthly is None or money.candidate_monthly is None:
        return "."
    verb = "cuts" if money.candidate_monthly < money.baseline_monthly else "changes"
    factor = "" if money.reduction is None else f" ({numbers.ratio(money.reduction)})"
    return (
        f", and {verb} the monthly bill from {numbers.usd(money.baseline_monthly)} "
        f"to {numbers.usd(money.candidate_monthly)}{factor}."
    )


def _short_of(dossier: Dossier, rule: RuleResult) -> str:
    gate, decision = dossier.gate, dossier.verdict.decision
    required = numbers.percent(gate.requirement)
    if gate.retention is None or gate.retention.lower is None or gate.retention.upper is None:
        return one_line(rule.sentence)
    head = f"On {numbers.count(gate.retention.n_scored)} fresh requests the student keeps"
    if decision == "reject":
        upper = numbers.percent_against(gate.upper or gate.retention.upper, gate.requirement, "up")
        return (
            f"{head} at most {upper} of {quality_noun(dossier)} "
            f"({confidence(dossier)} confidence; required {required})."
        )
    lower = numbers.percent_against(gate.retention.lower, gate.requirement)
    upper = numbers.percent(gate.retention.upper, rounding="up")
    return (
        f"{head} between {lower} and {upper} of {quality_noun(dossier)} ({confidence(dossier)} confidence). "
        f"Required is {required}, so these requests are too few to tell."
    )


def _other_rule(dossier: Dossier, rule: RuleResult) -> str:
    retention = dossier.gate.retention
    held = any(one.rule == QUALITY and one.outcome == "pass" for one in dossier.verdict.rules)
    text = one_line(rule.sentence)
    if held and retention is not None and retention.lower is not None:
        lower = numbers.percent_against(retention.lower, dossier.gate.requirement)
        return f"{text} Quality is not the reason: the student keeps at least {lower} of {quality_noun(dossier)}."
    return text


def _after_promote(dossier: Dossier) -> list[Step]:
    suite = one_line(dossier.suite)
    steps = [Step(f"Deploy the artifact that promoted/{suite}.json names; keep the teacher reachable as the way back.")]
    if dossier.assumed:
        steps.append(Step("Where you can, replace what was assumed by measured values, and run the loop again."))
    return [
        *steps,
        Step("Keep a random share of traffic on the teacher, so that drift is seen; the loop does not watch it."),
    ]


_AFTER_FAILURE = (
    (
        QUALITY,
        Step(
            "Keep the teacher. Train a stronger student (another recipe, soft labels, more examples); "
            "the mistakes listed in this dossier say where it is weak."
        ),
    ),
    (
        "gates.cost",
        Step("Keep the teacher, unless traffic, price or serving cost changes; the money table says when it pays."),
    ),
    ("gates.latency", Step("Take a smaller student or a faster machine, or relax the rule if the product allows it.")),
)


def _after_reject(dossier: Dossier) -> list[Step]:
    steps = []
    for rule in dossier.verdict.rules:
        if rule.outcome == "fail":
            known = next((step for start, step in _AFTER_FAILURE if rule.rule.startswith(start)), None)
            steps.append(known or Step(f"See to the failed rule {one_line(rule.rule)}."))
    last = "Do not tune against the gate split. A new student needs a look that is still left, or fresh gate rows."
    return [*steps, Step(last)]


def _after_inconclusive(dossier: Dossier) -> list[Step]:
    open_rules = [rule for rule in dossier.verdict.rules if rule.outcome == "inconclusive"]
    steps = [Step(one_line(rule.settle, 600)) for rule in open_rules if rule.settle]
    needed, have = dossier.power.rows_needed, dossier.power.n_gate
    if needed is not None and needed > have:
        steps.append(
            Step(
                f"Add at least {numbers.count(needed - have)} fresh rows to the gate split "
                f"(it has {numbers.count(have)}), then run the loop again."
            )
        )
    return [*steps, Step("Until then the teacher stays: open is not good enough to promote.")]
