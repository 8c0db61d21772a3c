"""The rules on inputs that the task is not about: how much of the teacher is kept there, and whether the student knows.

A classifier that is as sure of such an input as of one of its own cannot be told when to hand over. The area under the
ROC curve is the chance that it is surer of a row of the main eval than of one of this eval (Hanley & McNeil 1982).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatekeeper.gate.retention import PairedScores, judge_retention
from gatekeeper.gate.threshold import BoundedValue, open_rule, threshold_rule
from gatekeeper.gate.wording import percent
from gatekeeper.records import Outcome, RuleResult
from gatekeeper.stats.auroc import AUROC_LEAST_EACH, auroc

RETENTION_UNIT = "share of the teacher's score"
AUROC_UNIT = "area under the ROC curve"
_MORE_ROWS = "Add rows to this eval."


def retention_name(eval_name: str) -> str:
    """Return the key of the rule on retention of one eval."""
    return f"gates.ood.{eval_name}.retention"


def auroc_name(eval_name: str) -> str:
    """Return the key of the rule on telling one eval apart from the main one."""
    return f"gates.ood.{eval_name}.auroc"


def ood_retention_rule(
    eval_name: str, scores: PairedScores, required: float, alpha: float, alpha_below: float
) -> RuleResult:
    """Judge retention on one eval of `role: ood`, as the rule on quality does on the main one."""
    rule = retention_name(eval_name)
    if scores.n_expected < 1 or scores.missing > 0:
        return open_rule(
            rule,
            required,
            unit=RETENTION_UNIT,
            sentence=f"{scores.missing} of {scores.n_expected} rows of {eval_name} have no score of the student.",
            settle="Run the loop again so that every row is scored.",
        )
    test = judge_retention(scores, required, alpha, alpha_below)
    estimate = test.estimate
    bound = estimate.lower
    outcome: Outcome = "pass" if test.passed else "fail" if test.below else "inconclusive"
    return RuleResult(
        rule=rule,
        outcome=outcome,
        value=estimate.value,
        bound=bound,
        requirement=required,
        margin=None if bound is None else bound - required,
        unit=RETENTION_UNIT,
        sentence=(
            f"On {scores.n_expected:,} rows of {eval_name} the student keeps {percent(estimate.value)} of the "
            f"teacher's quality; it is shown to keep at least {percent(bound)}, required is {required:.1%}."
        ),
        settle=_MORE_ROWS if outcome == "inconclusive" else None,
    )


def auroc_rule(
    eval_name: str,
    inside: NDArray[np.float64],
    outside: NDArray[np.float64],
    required: float,
    alpha: float,
) -> RuleResult:
    """Judge whether the student's confidence tells rows of one eval from rows of the main one.

    Args:
        inside: confidence on the main eval's gate rows, shape (n,), NaN where unknown.
        outside: the same on the rows of `eval_name`.
    """
    unknown = int(np.isnan(inside).sum() + np.isnan(outside).sum())
    measured, settle = BoundedValue(None, None, None), _MORE_ROWS
    if min(inside.size, outside.size) < AUROC_LEAST_EACH:
        settle = f"This rule needs at least {AUROC_LEAST_EACH} rows of each eval."
    elif unknown > 0:
        settle = f"{unknown} answers have no confidence; use a student that gives one."
    else:
        area = auroc(inside, outside, confidence=1 - 2 * alpha)
        measured = BoundedValue(area.value, area.lower, area.upper)
    return threshold_rule(
        auroc_name(eval_name),
        measured,
        required,
        better="higher",
        unit=AUROC_UNIT,
        sentence=(
            f"The student is surer of a row of the main eval than of one of {eval_name} in {percent(measured.value)} "
            f"of pairs, shown to be at least {percent(measured.unfavourable)}; required is {required:.1%}."
        ),
        settle=settle,
    )
