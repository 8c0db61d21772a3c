"""The rule on quality: the student keeps its share of the teacher's score, shown at one look at the gate split.

A rule passes only when its *bound*, the unfavourable end of its interval, meets the requirement. It fails only when the
favourable end misses it, so that a failure is shown. Everything else, and everything that is missing, is inconclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from gatekeeper.gate.forecast import rows_to_settle
from gatekeeper.gate.retention import PairedScores, RetentionTest, judge_retention
from gatekeeper.gate.threshold import open_rule
from gatekeeper.gate.wording import dollars, percent
from gatekeeper.records import Estimate, Outcome, RuleResult
from gatekeeper.stats.paired import smallest_passable_n

RULE = "gates.quality.retention"
UNIT = "share of the teacher's score"


@dataclass(frozen=True)
class QualityRequirement:
    """What the suite demands: retention above `retention`, with error `alpha` over all `looks` looks together."""

    retention: float
    alpha: float
    looks: int
    max_failed: float = 0.01


@dataclass(frozen=True)
class Stakes:
    """What more evidence costs and what the answer is worth.

    Attributes:
        usd_per_row: US dollars for one more gate row: the teacher's answer, and a person's where there is gold.
        usd_per_month: US dollars that the student would save each month, None where unknown.
    """

    usd_per_row: Decimal
    usd_per_month: Decimal | None


@dataclass(frozen=True)
class LookEvidence:
    """Paired scores of one look at the gate split.

    Attributes:
        scores: of the rows that this look has read.
        look: which look this is, from 1.
        alpha: the error probability that was granted to it; at an interim stop, to this stop.
        n_planned: rows that the look may read in all; None when it has read them all.
        who: what is judged, in words.
    """

    scores: PairedScores
    look: int
    alpha: float
    n_planned: int | None = None
    who: str = "the student"


def quality_of_look(
    evidence: LookEvidence, requirement: QualityRequirement, stakes: Stakes | None = None
) -> RuleResult:
    """Judge retention on one look, at the look's share of alpha (see `gate.retention.judge_retention`).

    Raises:
        InputError: the two have different numbers of scores, or more than there are gate rows.
    """
    scores = evidence.scores
    if scores.n_expected < 1 or scores.missing > 0:
        return open_rule(
            RULE,
            requirement.retention,
            unit=UNIT,
            sentence=f"{scores.missing} of {scores.n_expected} gate rows have no score of the student.",
            settle="Run the loop again so that every gate row is scored.",
        )
    if scores.failed > requirement.max_failed * scores.n_expected:
        return open_rule(
            RULE,
            requirement.retention,
            unit=UNIT,
            sentence=f"The teacher failed on {scores.failed} of {scores.n_expected} gate rows; at most "
            f"{requirement.max_failed:.1%} may be missing.",
            settle="Ask the teacher for these rows again.",
        )
    # Refusal and shown failure use the whole alpha: they never promote, so they spend nothing.
    test = judge_retention(scores, requirement.retention, evidence.alpha, requirement.alpha)
    sentence = _sentence(evidence, requirement, test.estimate)
    if test.passed:
        return _rule("pass", requirement, test.estimate, sentence)
    if test.below:
        return _rule("fail", requirement, test.estimate, sentence + " It is shown to keep less than that.")
    return _rule("inconclusive", requirement, test.estimate, sentence, _settle(evidence, requirement, test, stakes))


def _sentence(evidence: LookEvidence, requirement: QualityRequirement, estimate: Estimate) -> str:
    scores = evidence.scores
    kept = "agreement with the teacher" if scores.fidelity else "the teacher's quality"
    rows = f"{scores.n_expected:,} gate rows"
    if evidence.n_planned is not None and evidence.n_planned > scores.n_expected:
        rows = f"the first {scores.n_expected:,} of {evidence.n_planned:,} gate rows"
    if scores.human is not None:
        labelled = int((np.isfinite(scores.human.student) & np.isfinite(scores.human.teacher)).sum())
        rows += f", {labelled:,} of them judged by people as well"
    return (
        f"On {rows} {evidence.who} keeps {percent(estimate.value)} of {kept}; "
        f"it is shown to keep at least {percent(estimate.lower)}, required is {requirement.retention:.1%} "
        f"(look {evidence.look} of {requirement.looks}, error share {evidence.alpha:.4f})."
    )


def _settle(evidence: LookEvidence, requirement: QualityRequirement, test: RetentionTest, stakes: Stakes | None) -> str:
    """Return what would settle the rule: the smallest split that can pass, or the rows for 80 % power."""
    mean = float(test.teacher.mean())
    if mean == 0:
        return "The teacher got no gate row right, so there is nothing to keep: check its prompt, labels and targets."
    if test.units < test.least_rows:
        return f"This test needs at least {test.least_rows} independent groups of gate rows; there are {test.units}."
    have = evidence.scores.n_expected
    smallest = smallest_passable_n(requirement.retention, evidence.alpha, mean)
    if smallest is not None and have < smallest:
        return (
            f"With {have} gate rows even a student identical to the teacher cannot pass; "
            f"the gate split needs at least {smallest:,} rows.{price_of_rows(smallest - have, stakes)}"
        )
    needed = rows_to_settle(evidence.scores, test.teacher, requirement.retention, requirement.alpha)
    if needed is None:
        return "At its point estimate the student does not keep enough; train a better one before adding gate rows."
    return (
        f"If the student is as good as it looks here, a fresh gate split of about {needed:,} rows "
        f"would show it with 80 % probability.{price_of_rows(needed, stakes)}"
    )


def price_of_rows(rows: int, stakes: Stakes | None) -> str:
    """Return what more gate rows cost and what the answer is worth, as a sentence; empty where nobody knows."""
    if stakes is None or rows <= 0:
        return ""
    text = f" These rows cost about {dollars(stakes.usd_per_row * rows)}"
    if stakes.usd_per_month is None or stakes.usd_per_month <= 0:
        return f"{text}."
    return f"{text}; a student that passes saves {dollars(stakes.usd_per_month)} a month."


def quality_unlooked(dev: Estimate, requirement: QualityRequirement, *, reason: str, settle: str) -> RuleResult:
    """Judge retention when no look at the gate split was spent on the candidate.

    It never passes. It fails when the development split alone shows that the student keeps too little, which costs no
    error budget, because a rejection promotes nothing.
    """
    shown = dev.upper is not None and dev.upper < requirement.retention
    sentence = (
        f"{reason} On {dev.n_scored:,} development rows the student keeps {percent(dev.value)} "
        f"(between {percent(dev.lower)} and {percent(dev.upper)}); required is {requirement.retention:.1%}."
    )
    rule = _rule("fail" if shown else "inconclusive", requirement, dev, sentence, None if shown else settle)
    # A development bound is no gate bound: it may reject, but it must never read as a proof.
    return rule.model_copy(update={"bound": None, "margin": None})


def _rule(
    outcome: Outcome, requirement: QualityRequirement, estimate: Estimate, sentence: str, settle: str | None = None
) -> RuleResult:
    bound = estimate.lower
    return RuleResult(
        rule=RULE,
        outcome=outcome,
        value=estimate.value,
        bound=bound,
        requirement=requirement.retention,
        margin=None if bound is None else bound - requirement.retention,
        unit=UNIT,
        sentence=sentence,
        settle=settle,
    )
