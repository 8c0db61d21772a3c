"""The rule on evals of `role: guard`: the student must not be worse there than the teacher, within a margin.

A margin is needed: that two models are exactly as good can be shown by no number of rows. The test is Tango's score
test of a paired difference for right or wrong answers, Student's t else.
"""

from __future__ import annotations

import numpy as np

from gatekeeper.gate.retention import PairedScores, groups_of, is_binary
from gatekeeper.gate.threshold import open_rule
from gatekeeper.records import Estimate, RuleResult
from gatekeeper.stats.difference import (
    MARGIN_LEAST_ITEMS,
    difference_binary,
    difference_score_p,
    difference_scored,
)
from gatekeeper.stats.paired import paired_counts, passes

UNIT = "difference of mean scores"


def name_of(eval_name: str) -> str:
    """Return the key of the rule on one guard."""
    return f"gates.guards.{eval_name}"


def guard_rule(eval_name: str, scores: PairedScores, margin: float, alpha: float, alpha_below: float) -> RuleResult:
    """Judge that E[student - teacher] > -margin, at `alpha`; a failure is shown at `alpha_below`.

    Rows on which the teacher failed count as right for it: that is the worse way for the student.
    """
    rule = name_of(eval_name)
    if scores.n_expected < 1 or scores.missing > 0:
        return open_rule(
            rule,
            -margin,
            unit=UNIT,
            sentence=f"{scores.missing} of {scores.n_expected} rows of {eval_name} have no score of the student.",
            settle="Run the loop again so that every row is scored.",
        )
    (estimate, p), (wide, _) = (_test(scores, margin, level) for level in (alpha, alpha_below))
    shown = wide.upper is not None and wide.upper < -margin
    passed = passes(p, alpha)
    bound = estimate.lower
    return RuleResult(
        rule=rule,
        outcome="pass" if passed else "fail" if shown else "inconclusive",
        value=estimate.value,
        bound=bound,
        requirement=-margin,
        margin=None if bound is None else bound + margin,
        unit=UNIT,
        sentence=_sentence(eval_name, scores.n_expected, estimate, margin),
        settle=None if passed or shown else f"Add rows to {eval_name}, or allow a wider margin.",
    )


def _test(scores: PairedScores, margin: float, alpha: float) -> tuple[Estimate, float | None]:
    """Return the difference with its interval at 1 - 2 alpha, and the one-sided p-value; None where no test holds."""
    teacher = np.where(np.isfinite(scores.teacher), scores.teacher, 1.0)
    student = np.where(np.isfinite(scores.student), scores.student, 0.0)
    groups = groups_of(scores.clusters)
    if groups is None and is_binary(student) and is_binary(teacher):
        p = difference_score_p(paired_counts(student, teacher), margin)
        return difference_binary(student, teacher, alpha=alpha), p
    test = difference_scored(student, teacher, margin=margin, alpha=alpha, clusters=groups)
    units = student.size if groups is None else int(groups.max()) + 1
    return test.estimate, test.p if units >= MARGIN_LEAST_ITEMS else None


def _sentence(eval_name: str, rows: int, estimate: Estimate, margin: float) -> str:
    return (
        f"On {rows:,} rows of {eval_name} the student's mean score differs from the teacher's by "
        f"{_points(estimate.value)}; it is shown to be at most {_points(estimate.lower)} away, "
        f"allowed are {-100 * margin:+.1f} points."
    )


def _points(value: float | None) -> str:
    return "an unknown amount" if value is None else f"{100 * value:+.1f} points"
