"""Is a cheaper model good enough already? The same test as for a student, and what it means for distilling one. Pure.

A baseline is named before the first row is read and never trained here, so one test at the suite's whole alpha holds
for it, on development and on gate rows alike; it spends nothing of the error budget, since it promotes nothing. A false
pass is at most as likely as alpha, and makes the rule on cost harder for a student, never the rule on quality easier.
What is open or failed is no alternative, and the verdict says so. See docs/decisions/0015-baselines.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from gatekeeper.cost.money import format_usd
from gatekeeper.cost.scenario import CostComparison
from gatekeeper.gate.quality import QualityRequirement
from gatekeeper.gate.retention import PairedScores, judge_retention
from gatekeeper.gate.wording import percent
from gatekeeper.records import Estimate, Outcome
from gatekeeper.suite.spec import CostGate

_SPLITS = {"dev": "development", "gate": "gate"}


@dataclass(frozen=True)
class BaselineResult:
    """How a baseline does on quality.

    Attributes:
        outcome: pass: it is shown to keep enough; fail: it is shown not to; else inconclusive.
        retention: of the teacher's quality, with its interval at 1 - 2 alpha; None where it cannot be judged.
        split: whose rows decided.
        n: how many rows there were.
        sentence: what was found, to be read after its name.
    """

    name: str
    outcome: Outcome
    retention: Estimate | None
    split: Literal["dev", "gate"]
    n: int
    sentence: str


def judge_baseline(
    name: str, scores: PairedScores, requirement: QualityRequirement, split: Literal["dev", "gate"]
) -> BaselineResult:
    """Judge retention at the whole alpha, one-sided either way (see `gate.retention.judge_retention`).

    A row that the baseline failed on counts as wrong, as long as these and the teacher's failures are few
    (`max_failed`); with more it stays open.

    Args:
        scores: the baseline's in the place of the student's.
    """
    rows, limit = scores.n_expected, requirement.max_failed * scores.n_expected
    where = f"{rows:,} {_SPLITS[split]} rows"
    failures = (("it", scores.missing), ("the teacher", scores.failed))
    for who, failed in failures:
        if failed > limit or rows < 1:
            return BaselineResult(
                name, "inconclusive", None, split, rows, f"cannot be judged: {who} failed on {failed:,} of {where}"
            )
    test = judge_retention(scores, requirement.retention, requirement.alpha, requirement.alpha)
    outcome: Outcome = "pass" if test.passed else "fail" if test.below else "inconclusive"
    kept = "agreement with the teacher" if scores.fidelity else "the teacher's quality"
    estimate = test.estimate
    sentence = (
        f"keeps {percent(estimate.value)} of {kept} on {where}, between {percent(estimate.lower)} and "
        f"{percent(estimate.upper)}; required is {requirement.retention:.1%}"
    )
    return BaselineResult(name, outcome, estimate, split, rows, sentence)


def uncounted(cost: CostGate, results: Sequence[BaselineResult]) -> str:
    """Return which baselines a student is not held against, and why, as a sentence; empty where there is none."""
    if not results:
        return ""
    if cost.vs == "teacher":
        return " Baselines do not count here, since the suite says `vs: teacher`."
    words = {"fail": "fails on quality", "inconclusive": "is not shown to keep enough"}
    left = [f"{one.name} ({words[one.outcome]})" for one in results if one.outcome != "pass"]
    return f" Not counted as an alternative: {', '.join(left)}." if left else ""


def meets_alone(cost: CostGate, month_usd: Decimal, teacher_month_usd: Decimal) -> bool:
    """Return whether a model at this price a month meets the requirement on cost without any student."""
    return teacher_month_usd >= Decimal(str(cost.reduction)) * month_usd


def do_not_distil(cost: CostGate, results: Sequence[BaselineResult], comparison: CostComparison) -> str | None:
    """Return why no student is needed, when a model that passes already meets the requirement on cost by itself.

    Changing to it takes no training and no machines, so nothing has to be earned back.
    """
    case = comparison.expected
    held = next((one for one in results if one.name == case.baseline and one.outcome == "pass"), None)
    if held is None or cost.vs == "teacher":
        return None
    if not meets_alone(cost, case.baseline_usd, case.teacher_month_usd):
        return None
    factor = case.teacher_month_usd / case.baseline_usd if case.baseline_usd else None
    times = "" if factor is None else f", a factor of {float(factor):.3g} less than the teacher"
    assumed = " (an assumed price)" if comparison.baseline_price_assumed else ""
    return (
        f"Do not distil: {held.name} already passes and costs {format_usd(case.baseline_usd)} a month{assumed}{times} "
        f"({format_usd(case.teacher_month_usd)}); required is a factor of {cost.reduction:g}. It {held.sentence}."
    )
