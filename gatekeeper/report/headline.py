"""The first sentences of a dossier: the decision, the rule that made it, and the money."""

from __future__ import annotations

from gatekeeper.gate.leakage import RULE as LEAKAGE
from gatekeeper.gate.quality import RULE as QUALITY
from gatekeeper.gate.slices import RULE as SLICES
from gatekeeper.records import RuleResult
from gatekeeper.report import numbers
from gatekeeper.report.baselines import held_against, held_name, instead_sentence
from gatekeeper.report.data import Dossier
from gatekeeper.report.data_gate import SliceRow
from gatekeeper.report.rules import rule_title
from gatekeeper.report.text import one_line

WORDS = {"promote": "Promote", "reject": "Reject", "inconclusive": "Inconclusive"}


def headline(dossier: Dossier) -> str:
    """Return the verdict in a few sentences: decision, evidence, money."""
    decision = dossier.verdict.decision
    rule = deciding_rule(dossier)
    if decision == "promote":
        body = _part_clause(dossier) + _kept(dossier) + _bill_clause(dossier)
    elif rule is None:
        body = one_line(dossier.verdict.sentence)
    elif rule.rule == QUALITY:
        body = _short_of(dossier, rule) + _also(dossier, rule)
    else:
        body = _reason(dossier, rule) + _also(dossier, rule) + _not_quality(dossier)
    if decision != "promote" and rule is not None:  # without a rule it is the verdict's own sentence, which has it
        body = instead_sentence(dossier.baselines) + body
    word = decision_word(dossier)
    return f"{word}. {body}" if dossier.verdict.threshold is None or decision != "promote" else body


def decision_word(dossier: Dossier) -> str:
    """Return the decision as its badge says it."""
    word = WORDS[dossier.verdict.decision]
    part = dossier.verdict.decision == "promote" and dossier.verdict.threshold is not None
    return f"{word} for a part of the traffic" if part else word


def deciding_rule(dossier: Dossier) -> RuleResult | None:
    """Return the rule that made the verdict: the first failed one of a reject, the first open one else."""
    found = _rules_of_verdict(dossier)
    return found[0] if found else None


def who(dossier: Dossier) -> str:
    """Return what was judged: the student, or the student with its fallback."""
    return "the student" if dossier.verdict.threshold is None else "the student with the teacher as its fallback"


def requests(dossier: Dossier) -> str:
    """Return the requests that the look has read; fresh ones were in no split that was looked at before."""
    read = 0 if dossier.gate.retention is None else dossier.gate.retention.n_scored
    return f"{numbers.count(read)} {'gate' if dossier.budget.rows_used else 'fresh'} requests"


def quality_noun(dossier: Dossier) -> str:
    """Return what is kept: quality where right answers are known, agreement where they are not."""
    return "the teacher's quality" if dossier.data.gold else "agreement with the teacher"


def confidence(dossier: Dossier) -> str:
    """Return the confidence of the whole gate, all planned looks together: "95 %"."""
    return numbers.percent(1.0 - dossier.gate.alpha)


def weak_slices(dossier: Dossier) -> list[SliceRow]:
    """Return the slices of the rule that are shown to be below its minimum, the weakest first."""
    below = [row for row in dossier.slices if row.in_rule and row.told == "below"]
    return sorted(below, key=lambda row: -1.0 if row.retention is None else row.retention.value or 0.0)


def slice_name(row: SliceRow) -> str:
    """Return a slice as a person names it: "language = German"."""
    return f"{one_line(row.slice, 40)} = {one_line(row.value, 60)}"


def _rules_of_verdict(dossier: Dossier) -> list[RuleResult]:
    wanted = {"promote": "pass", "reject": "fail", "inconclusive": "inconclusive"}[dossier.verdict.decision]
    return [rule for rule in dossier.verdict.rules if rule.outcome == wanted]


def _part_clause(dossier: Dossier) -> str:
    verdict = dossier.verdict
    if verdict.threshold is None:
        return ""
    share = "a part" if verdict.teacher_share is None else f"about {numbers.percent(1 - verdict.teacher_share, 0)}"
    return (
        f"Promote for {share} of requests, those on which {one_line(verdict.candidate, 60)} is at least "
        f"{numbers.percent(verdict.threshold)} sure; the rest stays with the teacher. "
    )


def _kept(dossier: Dossier) -> str:
    gate = dossier.gate
    if gate.retention is None or gate.retention.lower is None:
        return one_line(dossier.verdict.sentence)
    lower = numbers.percent_against(gate.retention.lower, gate.requirement)
    subject = "the student keeps" if dossier.verdict.threshold is None else "both together keep"
    return (
        f"On {requests(dossier)} {subject} at least {lower} of "
        f"{quality_noun(dossier)} ({confidence(dossier)} confidence; required {numbers.percent(gate.requirement)})"
    )


def _bill_clause(dossier: Dossier) -> str:
    money = dossier.money
    if money.baseline_monthly is None or money.candidate_monthly is None:
        return "."
    factor = "" if money.reduction is None else f" ({numbers.ratio(money.reduction)})"
    if held_against(dossier.baselines) is not None:
        other = f"{held_name(dossier.baselines)}, the cheapest other model that passes,"
        return (
            f", and cost{'s' if dossier.verdict.threshold is None else ''} {numbers.usd(money.candidate_monthly)} a "
            f"month where {other} costs {numbers.usd(money.baseline_monthly)}{factor}."
        )
    verb = "cut" if money.candidate_monthly < money.baseline_monthly else "change"
    ending = "s" if dossier.verdict.threshold is None else ""
    return (
        f", and {verb}{ending} the monthly bill from {numbers.usd(money.baseline_monthly)} "
        f"to {numbers.usd(money.candidate_monthly)}{factor}."
    )


def _short_of(dossier: Dossier, rule: RuleResult) -> str:
    gate, decision = dossier.gate, dossier.verdict.decision
    required = numbers.percent(gate.requirement)
    if gate.retention is None or gate.retention.lower is None or gate.retention.upper is None:
        return one_line(rule.sentence)
    head = f"On {requests(dossier)} {who(dossier)} keeps"
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


def _reason(dossier: Dossier, rule: RuleResult) -> str:
    """Return why a rule other than quality failed or is open."""
    if rule.rule == SLICES and rule.outcome == "fail" and weak_slices(dossier):
        return _weak(dossier, rule)
    if rule.rule == LEAKAGE and rule.value is not None:
        return (
            f"{numbers.percent(rule.value)} of the rows that students learn from were copies of gate rows; at most "
            f"{numbers.percent(rule.requirement)} may be. The copies were left out, but where so many are, copies in "
            "other words are likely to be left, and then the student has seen the exam."
        )
    return one_line(rule.sentence)


def _weak(dossier: Dossier, rule: RuleResult) -> str:
    weak = weak_slices(dossier)
    first = weak[0]
    value = None if first.retention is None else first.retention.value
    more = f" So are {numbers.counted(len(weak) - 1, 'slice')} more." if len(weak) > 1 else ""
    return (
        f"On requests with {slice_name(first)} {who(dossier)} keeps {numbers.percent(value)} of "
        f"{quality_noun(dossier)}, shown to be less than the {numbers.percent(rule.requirement)} that every slice "
        f"needs.{more}"
    )


def _also(dossier: Dossier, rule: RuleResult) -> str:
    others = [one_line(rule_title(one.rule), 60) for one in _rules_of_verdict(dossier) if one.rule != rule.rule]
    if not others:
        return ""
    verb = "also failed" if rule.outcome == "fail" else "also open"
    return f" {verb.capitalize()}: {'; '.join(others[:3])}{f' and {len(others) - 3} more' if len(others) > 3 else ''}."


def _not_quality(dossier: Dossier) -> str:
    retention = dossier.gate.retention
    held = any(one.rule == QUALITY and one.outcome == "pass" for one in dossier.verdict.rules)
    if not held or retention is None or retention.lower is None:
        return ""
    lower = numbers.percent_against(retention.lower, dossier.gate.requirement)
    return (
        f" Quality over all requests is not the reason: {who(dossier)} keeps at least {lower} of "
        f"{quality_noun(dossier)}."
    )
