"""The gate: from evidence and rules to one joint verdict. Pure: no file, no network, no clock, no model.

A rule passes only when its *bound*, the unfavourable end of its interval, meets the requirement. It fails only when the
favourable end misses it, so that a failure is shown. Everything else, and everything that is missing, is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import InputError
from gatekeeper.records import Decision, Estimate, Outcome, RuleResult, Verdict
from gatekeeper.stats.paired import (
    FIELLER_LEAST_ITEMS,
    fieller,
    paired_counts,
    passes,
    ratio_score_p,
    retention_binary,
    smallest_passable_n,
)
from gatekeeper.stats.power import rows_needed


@dataclass(frozen=True)
class QualityRequirement:
    """What the suite demands: retention above `retention`, with error `alpha` over all `looks` looks together."""

    retention: float
    alpha: float
    looks: int
    max_failed: float = 0.01


@dataclass(frozen=True)
class LookEvidence:
    """Paired scores of one look at the gate split.

    Attributes:
        student: shape (n,), 0 or 1; an answer that failed or does not parse is 0; NaN where no score exists.
        teacher: shape (n,), 0 or 1; NaN where the teacher failed.
        n_expected: rows of the gate split.
        look: which look this is, from 1.
        alpha: the error probability that the ledger granted to this look.
        fidelity: True when there are no gold answers and a score is agreement with the teacher.
        clusters: shape (n,), which items belong together; None when each stands alone.
    """

    student: NDArray[np.float64]
    teacher: NDArray[np.float64]
    n_expected: int
    look: int
    alpha: float
    fidelity: bool = False
    clusters: Sequence[str] | None = None


def judge(
    candidate: str,
    quality: RuleResult,
    others: Sequence[RuleResult],
    *,
    looks_spent: int,
    requirement: QualityRequirement,
) -> Verdict:
    """Join all rules: promote when every rule passes, reject when one is shown to fail, else inconclusive."""
    rules = (quality, *others)
    decision = _decide([rule.outcome for rule in rules])
    return Verdict(
        decision=decision,
        candidate=candidate,
        sentence=_sentence(decision, candidate, rules),
        rules=rules,
        looks_spent=looks_spent,
        looks_planned=requirement.looks,
        alpha=requirement.alpha,
    )


def _decide(outcomes: Sequence[Outcome]) -> Decision:
    if any(outcome == "fail" for outcome in outcomes):
        return "reject"
    if outcomes and all(outcome == "pass" for outcome in outcomes):
        return "promote"
    return "inconclusive"


def quality_of_look(evidence: LookEvidence, requirement: QualityRequirement) -> RuleResult:
    """Judge retention on one look, at the look's share of alpha: by the paired ratio score test, or, where items come
    in clusters, by Fieller's t with cluster-robust variance.

    Items on which the teacher failed are counted both ways, as right and as wrong; the way that is worse for the
    student decides. Source: Tang, Tang & Chan, Statistics in Medicine 2003.

    Raises:
        InputError: the two have different numbers of scores, or more than there are gate rows.
    """
    _check_shapes(evidence)
    # Without gold answers nobody knows whether the student agrees with a teacher that failed; such rows count below.
    scored = np.isfinite(evidence.student) | (evidence.fidelity & ~np.isfinite(evidence.teacher))
    missing = evidence.n_expected - int(scored.sum())
    if evidence.n_expected < 1 or missing > 0:
        return _unproven(
            requirement,
            None,
            f"{missing} of {evidence.n_expected} gate rows have no score of the student.",
            "Score every row of the gate split; a mean over the rows that are there proves nothing.",
        )
    failed = evidence.n_expected - int(np.isfinite(evidence.teacher).sum())
    if failed > requirement.max_failed * evidence.n_expected:
        return _unproven(
            requirement,
            None,
            f"The teacher failed on {failed} of {evidence.n_expected} gate rows; at most "
            f"{requirement.max_failed:.1%} may be missing.",
            "Ask the teacher for these rows again.",
        )
    return _quality_outcome(evidence, requirement)


def _check_shapes(evidence: LookEvidence) -> None:
    student, teacher = len(evidence.student), len(evidence.teacher)
    if student != teacher or student > evidence.n_expected:
        raise InputError(
            f"{student} scores of the student and {teacher} of the teacher for {evidence.n_expected} gate rows",
            hint="give one score of each for every row, NaN where there is none",
        )


def _teachers(evidence: LookEvidence) -> list[NDArray[np.bool_]]:
    """Return the teacher's scores with its failures counted as wrong and, where there are any, as right."""
    unknown = ~np.isfinite(evidence.teacher)
    fills = (0.0, 1.0) if unknown.any() else (0.0,)
    return [np.where(unknown, fill, evidence.teacher) > 0.5 for fill in fills]


def _quality_outcome(evidence: LookEvidence, requirement: QualityRequirement) -> RuleResult:
    student = evidence.student > 0.5
    teachers = _teachers(evidence)
    tests = [_test(evidence, requirement, teacher, evidence.alpha) for teacher in teachers]
    worst = min(range(len(tests)), key=lambda index: _lower(tests[index][0]))
    estimate, teacher = tests[worst][0], teachers[worst]
    kept = "agreement with the teacher" if evidence.fidelity else "the teacher's quality"
    head = (
        f"On {evidence.n_expected:,} gate rows the student keeps {_percent(estimate.value)} of {kept}; "
        f"it is shown to keep at least {_percent(estimate.lower)}, required is {requirement.retention:.1%} "
        f"(look {evidence.look} of {requirement.looks}, error share {evidence.alpha:.4f})."
    )
    if estimate.value is not None and all(passes(p_value, evidence.alpha) for _, p_value in tests):
        return _quality_rule("pass", requirement, estimate, head)
    # Refusal and shown failure use the whole alpha: they never promote, so they spend nothing.
    uppers = [_test(evidence, requirement, one, requirement.alpha)[0].upper for one in teachers]
    if all(upper is not None and upper < requirement.retention for upper in uppers):
        return _quality_rule("fail", requirement, estimate, head + " It is shown to keep less than that.")
    return _quality_rule("inconclusive", requirement, estimate, head, _settle(evidence, requirement, student, teacher))


def _test(
    evidence: LookEvidence, requirement: QualityRequirement, teacher: NDArray[np.bool_], alpha: float
) -> tuple[Estimate, float | None]:
    """Return retention with its interval at 1 - 2 alpha, and the one-sided p-value; None where no test holds."""
    student = evidence.student > 0.5
    names = None if evidence.clusters is None else np.unique(np.asarray(evidence.clusters), return_inverse=True)[1]
    if names is None or len(names) == 0 or int(names.max()) + 1 == len(names):
        estimate = retention_binary(student, teacher, alpha=alpha)
        return estimate, ratio_score_p(paired_counts(student, teacher), requirement.retention)
    r0 = requirement.retention
    result = fieller(student.astype(float), teacher.astype(float), r0=r0, alpha=alpha, clusters=names)
    return result.estimate, result.p if int(names.max()) + 1 >= FIELLER_LEAST_ITEMS else None


def _lower(estimate: Estimate) -> float:
    return -math.inf if estimate.lower is None else estimate.lower


def _settle(
    evidence: LookEvidence, requirement: QualityRequirement, student: NDArray[np.bool_], teacher: NDArray[np.bool_]
) -> str:
    accuracy = float(teacher.mean())
    if accuracy == 0:
        return "The teacher got no gate row right, so there is nothing to keep: check its prompt, labels and targets."
    smallest = smallest_passable_n(requirement.retention, evidence.alpha, accuracy)
    if smallest is not None and evidence.n_expected < smallest:
        return (
            f"With {evidence.n_expected} gate rows even a student identical to the teacher cannot pass; "
            f"the gate split needs at least {smallest:,} rows."
        )
    needed = rows_needed(paired_counts(student, teacher), requirement.retention, requirement.alpha)
    if needed is None:
        return "At its point estimate the student does not keep enough; train a better one before adding gate rows."
    return (
        f"If the student is as good as it looks here, a fresh gate split of about {needed:,} rows "
        "would show it with 80 % probability."
    )


def quality_unlooked(dev: Estimate, requirement: QualityRequirement, *, reason: str, settle: str) -> RuleResult:
    """Judge retention when no look at the gate split was spent on the candidate.

    It never passes. It fails when the development split alone shows that the student keeps too little, which costs no
    error budget, because a rejection promotes nothing.
    """
    shown = dev.upper is not None and dev.upper < requirement.retention
    sentence = (
        f"{reason} On {dev.n_scored:,} development rows the student keeps {_percent(dev.value)} "
        f"(between {_percent(dev.lower)} and {_percent(dev.upper)}); required is {requirement.retention:.1%}."
    )
    rule = _quality_rule("fail" if shown else "inconclusive", requirement, dev, sentence, None if shown else settle)
    # A development bound is no gate bound: it may reject, but it must never read as a proof.
    return rule.model_copy(update={"bound": None, "margin": None})


def _quality_rule(
    outcome: Outcome, requirement: QualityRequirement, estimate: Estimate, sentence: str, settle: str | None = None
) -> RuleResult:
    bound = estimate.lower
    return RuleResult(
        rule="gates.quality.retention",
        outcome=outcome,
        value=estimate.value,
        bound=bound,
        requirement=requirement.retention,
        margin=None if bound is None else bound - requirement.retention,
        unit="share of the teacher's score",
        sentence=sentence,
        settle=settle,
    )


def _unproven(requirement: QualityRequirement, value: float | None, sentence: str, settle: str) -> RuleResult:
    return RuleResult(
        rule="gates.quality.retention",
        outcome="inconclusive",
        value=value,
        bound=None,
        requirement=requirement.retention,
        margin=None,
        unit="share of the teacher's score",
        sentence=sentence,
        settle=settle,
    )


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


def _percent(value: float | None) -> str:
    return "an unknown share" if value is None or not math.isfinite(value) else f"{value:.1%}"
