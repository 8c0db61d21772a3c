"""One joint verdict from all rules: promote when every rule passes, reject when one is shown to fail."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.records import Decision, Outcome, RuleResult, Verdict


def judge(
    candidate: str,
    rules: Sequence[RuleResult],
    *,
    looks_spent: int,
    looks_planned: int,
    alpha: float,
    threshold: float | None = None,
    teacher_share: float | None = None,
    instead: str | None = None,
) -> Verdict:
    """Join all rules: promote when every rule passes, reject when one is shown to fail, else inconclusive.

    No rule at all is inconclusive: nothing was shown.

    Args:
        candidate: name of the student in the suite.
        rules: quality first.
        looks_spent: at the gate split so far.
        looks_planned: by the suite.
        alpha: error probability over all planned looks.
        threshold: of confidence, where only a part of the traffic is to go to the student.
        teacher_share: of requests that stay with the teacher then, in [0, 1].
        instead: what makes a student needless; it goes before the reason why the candidate is not promoted.
    """
    decision = _decide([rule.outcome for rule in rules])
    sentence = _sentence(decision, _who(candidate, threshold, teacher_share), rules)
    return Verdict(
        decision=decision,
        candidate=candidate,
        sentence=sentence if instead is None or decision == "promote" else f"{instead} {sentence}",
        rules=tuple(rules),
        looks_spent=looks_spent,
        looks_planned=looks_planned,
        alpha=alpha,
        threshold=threshold,
        teacher_share=teacher_share,
    )


def _who(candidate: str, threshold: float | None, teacher_share: float | None) -> str:
    if threshold is None:
        return candidate
    part = "part of the requests" if teacher_share is None else f"about {1 - teacher_share:.0%} of requests"
    return f"{candidate} for {part}, those on which it is at least {threshold:.2f} sure"


def _decide(outcomes: Sequence[Outcome]) -> Decision:
    if any(outcome == "fail" for outcome in outcomes):
        return "reject"
    if outcomes and all(outcome == "pass" for outcome in outcomes):
        return "promote"
    return "inconclusive"


def _sentence(decision: Decision, candidate: str, rules: Sequence[RuleResult]) -> str:
    if decision == "promote":
        return f"Promote {candidate}: every rule passed. {rules[0].sentence}"
    if decision == "reject":
        failed = next(rule for rule in rules if rule.outcome == "fail")
        return f"Reject {candidate}: {failed.sentence}"
    open_rule = next((rule for rule in rules if rule.outcome == "inconclusive"), None)
    if open_rule is None:
        return f"Inconclusive for {candidate}: the suite has no rules."
    return f"Inconclusive for {candidate}: {open_rule.sentence} {open_rule.settle or ''}".rstrip()
