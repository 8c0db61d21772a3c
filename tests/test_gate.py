"""The gate and its rules as pure functions: what must never pass, and that each verdict can be reached."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gatekeeper.errors import InputError
from gatekeeper.gate.quality import LookEvidence, QualityRequirement, quality_of_look, quality_unlooked
from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.threshold import BoundedValue, never_rule, threshold_rule
from gatekeeper.gate.verdict import judge
from gatekeeper.records import Estimate, Outcome, RuleResult
from gatekeeper.stats.paired import paired_counts, paired_p, retention_binary

NEEDED = QualityRequirement(retention=0.9, alpha=0.05, looks=1)


def evidence(a: int, b: int, c: int, d: int, *, alpha: float = 0.05, fidelity: bool = False) -> LookEvidence:
    """One look with so many rows both right, student only, teacher only, both wrong."""
    student = np.repeat([1.0, 1.0, 0.0, 0.0], [a, b, c, d])
    teacher = np.repeat([1.0, 0.0, 1.0, 0.0], [a, b, c, d])
    return LookEvidence(PairedScores(student, teacher, a + b + c + d, fidelity=fidelity), look=1, alpha=alpha)


def rule(name: str, outcome: Outcome) -> RuleResult:
    """A rule with this outcome."""
    settle = "Settle it." if outcome == "inconclusive" else None
    return RuleResult(
        rule=name,
        outcome=outcome,
        value=1.0,
        bound=1.0,
        requirement=1.0,
        margin=0.0,
        sentence=f"{name} says {outcome}.",
        settle=settle,
    )


# --- what must never pass ---


def test_one_row_without_discordance_does_not_pass() -> None:
    result = quality_of_look(evidence(1, 0, 0, 0), NEEDED)
    assert result.outcome == "inconclusive"
    assert result.value == 1.0 and result.bound is not None and result.bound < NEEDED.retention
    assert result.settle is not None
    assert "With 1 gate rows even a student identical to the teacher cannot pass" in result.settle
    assert "at least 29 rows" in result.settle  # 0.9^29 is 0.047, 0.9^28 is 0.052


@pytest.mark.parametrize("n", [28, 29])
def test_the_named_number_of_rows_is_the_first_that_can_pass(n: int) -> None:
    outcome = quality_of_look(evidence(n, 0, 0, 0), NEEDED).outcome
    assert outcome == ("pass" if n == 29 else "inconclusive")


def test_missing_student_scores_do_not_pass() -> None:
    student, teacher = np.ones(100), np.ones(100)
    student[:32] = np.nan
    result = quality_of_look(LookEvidence(PairedScores(student, teacher, 100), 1, 0.05), NEEDED)
    assert result.outcome == "inconclusive"
    assert (result.value, result.bound, result.margin) == (None, None, None)
    assert result.sentence.startswith("32 of 100 gate rows have no score of the student")


def test_rows_that_are_left_out_of_the_arrays_are_missing() -> None:
    result = quality_of_look(LookEvidence(PairedScores(np.ones(68), np.ones(68), 100), 1, 0.05), NEEDED)
    assert result.outcome == "inconclusive"
    assert "32 of 100" in result.sentence


def test_more_scores_than_rows_are_refused() -> None:
    with pytest.raises(InputError, match="200 scores of the student and 200 of the teacher for 100 gate rows"):
        quality_of_look(LookEvidence(PairedScores(np.ones(200), np.ones(200), 100), 1, 0.05), NEEDED)
    with pytest.raises(InputError, match="100 scores of the student and 90 of the teacher"):
        quality_of_look(LookEvidence(PairedScores(np.ones(100), np.ones(90), 100), 1, 0.05), NEEDED)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_teacher_that_failed_too_often_does_not_pass(broken: float) -> None:
    teacher = np.ones(200)
    teacher[:3] = broken  # 1.5 %, 1 % is allowed
    result = quality_of_look(LookEvidence(PairedScores(np.ones(200), teacher, 200), 1, 0.05), NEEDED)
    assert result.outcome == "inconclusive"
    assert "failed on 3 of 200 gate rows; at most 1.0%" in result.sentence
    assert result.settle == "Ask the teacher for these rows again."


def test_a_teacher_that_failed_everywhere_does_not_pass() -> None:
    result = quality_of_look(LookEvidence(PairedScores(np.ones(200), np.full(200, np.nan), 200), 1, 0.05), NEEDED)
    assert result.outcome == "inconclusive"


def test_a_few_teacher_failures_count_both_ways_and_the_worse_one_decides() -> None:
    requirement = QualityRequirement(retention=0.9, alpha=0.05, looks=1, max_failed=0.05)
    whole = evidence(180, 0, 10, 10)
    unknown = whole.scores.teacher.copy()
    lost = np.flatnonzero((whole.scores.student == 0) & (whole.scores.teacher == 0))[:6]
    unknown[lost] = np.nan  # wrong rows of the student: were the teacher right there, retention would be lower
    result = quality_of_look(LookEvidence(PairedScores(whole.scores.student, unknown, 200), 1, 0.05), requirement)
    as_right = unknown.copy()
    as_right[lost] = 1.0
    worse = quality_of_look(LookEvidence(PairedScores(whole.scores.student, as_right, 200), 1, 0.05), requirement)
    better = quality_of_look(whole, requirement)
    assert better.outcome == "pass"
    assert worse.outcome == "inconclusive"
    assert (result.outcome, result.value, result.bound) == (worse.outcome, worse.value, worse.bound)


def test_a_shown_failure_must_hold_both_ways() -> None:
    requirement = QualityRequirement(retention=0.9, alpha=0.05, looks=1, max_failed=0.2)
    student, teacher = np.ones(100), np.ones(100)
    student[:16] = 0.0
    sure = quality_of_look(LookEvidence(PairedScores(student, teacher, 100), 1, 0.05), requirement)
    assert sure.outcome == "fail"
    teacher[:16] = np.nan  # had the teacher been wrong there, the student would keep everything
    open_case = quality_of_look(LookEvidence(PairedScores(student, teacher, 100), 1, 0.05), requirement)
    assert open_case.outcome == "inconclusive"


def test_an_empty_rule_set_promotes_nothing() -> None:
    assert judge("small", [], looks_spent=0, looks_planned=1, alpha=0.05).decision == "inconclusive"


@pytest.mark.parametrize("factor", [1.0, 1.0 + 1e-15, 1.0 + 1e-12])
def test_a_p_value_that_touches_alpha_by_rounding_does_not_pass(factor: float) -> None:
    look = evidence(200, 0, 3, 0)
    p_value = paired_p(paired_counts(look.scores.student, look.scores.teacher), NEEDED.retention)
    assert p_value is not None
    touching = evidence(200, 0, 3, 0, alpha=p_value * factor)
    assert quality_of_look(touching, NEEDED).outcome == "inconclusive"
    clear = evidence(200, 0, 3, 0, alpha=p_value * 1.001)
    assert quality_of_look(clear, NEEDED).outcome == "pass"


@pytest.mark.slow
def test_decision_and_bound_never_contradict_each_other() -> None:
    tables = [(a, b, c, d) for a in range(1, 200, 18) for b in (0, 2) for c in (0, 1, 6) for d in (0, 7)]
    outcomes = set()
    for table in tables:
        result = quality_of_look(evidence(*table), NEEDED)
        assert result.margin is not None
        assert (result.outcome == "pass") == (result.margin > 0), table
        outcomes.add(result.outcome)
    assert outcomes == {"pass", "fail", "inconclusive"}


@pytest.mark.parametrize("b", [0, 3])
def test_a_teacher_that_is_never_right_passes_nobody(b: int) -> None:
    result = quality_of_look(evidence(0, b, 0, 100 - b), NEEDED)
    assert result.outcome == "inconclusive"
    assert (result.value, result.bound, result.margin) == (None, None, None)
    assert "an unknown share" in result.sentence
    assert result.settle is not None and "The teacher got no gate row right" in result.settle


def test_no_rows_pass_nothing() -> None:
    result = quality_of_look(LookEvidence(PairedScores(np.empty(0), np.empty(0), 0), 1, 0.05), NEEDED)
    assert result.outcome == "inconclusive"
    assert "0 of 0 gate rows" in result.sentence


# --- each outcome of a look ---


def test_a_good_student_passes_and_the_sentence_has_its_numbers() -> None:
    result = quality_of_look(evidence(190, 2, 3, 5), NEEDED)
    assert result.outcome == "pass"
    assert result.settle is None
    assert result.margin is not None and result.margin > 0
    assert "On 200 gate rows the student keeps 99.5% of the teacher's quality" in result.sentence
    assert "(look 1 of 1, error share 0.0500)" in result.sentence


def test_a_bad_student_is_shown_to_fail() -> None:
    result = quality_of_look(evidence(120, 2, 70, 8), NEEDED)
    assert result.outcome == "fail"
    assert result.sentence.endswith("It is shown to keep less than that.")


def test_an_unclear_student_hears_how_many_rows_would_settle_it() -> None:
    result = quality_of_look(evidence(40, 1, 3, 2), NEEDED)
    assert result.outcome == "inconclusive"
    assert result.settle is not None and "a fresh gate split of about" in result.settle


def test_a_student_below_the_requirement_hears_that_more_rows_will_not_help() -> None:
    result = quality_of_look(evidence(80, 0, 12, 8), NEEDED)
    assert result.outcome == "inconclusive"
    assert result.settle is not None and "train a better one" in result.settle


def test_a_smaller_share_of_alpha_asks_for_more() -> None:
    assert quality_of_look(evidence(30, 0, 0, 0, alpha=0.05), NEEDED).outcome == "pass"
    assert quality_of_look(evidence(30, 0, 0, 0, alpha=0.01), NEEDED).outcome == "inconclusive"


def test_without_gold_the_sentence_speaks_of_agreement() -> None:
    with_gold = quality_of_look(evidence(190, 2, 3, 5), NEEDED).sentence
    without = quality_of_look(evidence(190, 0, 10, 0, fidelity=True), NEEDED).sentence
    assert "of the teacher's quality" in with_gold and "agreement" not in with_gold
    assert "of agreement with the teacher" in without and "quality" not in without


# --- without a look ---


def dev(right: int, n: int) -> Estimate:
    """Retention on the development split against a teacher that is always right."""
    return retention_binary(np.arange(n) < right, np.ones(n, dtype=bool), alpha=0.05)


def test_development_rows_never_pass() -> None:
    result = quality_unlooked(dev(1000, 1000), NEEDED, reason="No look was spent.", settle="Add rows.")
    assert result.outcome == "inconclusive"
    assert (result.bound, result.margin, result.settle) == (None, None, "Add rows.")
    assert result.sentence.startswith("No look was spent. On 1,000 development rows the student keeps 100.0%")


def test_development_rows_can_show_a_failure() -> None:
    result = quality_unlooked(dev(50, 100), NEEDED, reason="No look was spent.", settle="Add rows.")
    assert (result.outcome, result.settle) == ("fail", None)


def test_undefined_development_results_are_inconclusive() -> None:
    nothing = retention_binary(np.zeros(9, dtype=bool), np.zeros(9, dtype=bool), alpha=0.05)
    assert quality_unlooked(nothing, NEEDED, reason="No.", settle="Add rows.").outcome == "inconclusive"
    empty = retention_binary(np.empty(0, dtype=bool), np.empty(0, dtype=bool), alpha=0.05, n_failed=9)
    assert quality_unlooked(empty, NEEDED, reason="No.", settle="Add rows.").outcome == "inconclusive"


# --- the joint verdict ---


@pytest.mark.parametrize(
    ("outcomes", "decision"),
    [
        (["pass"], "promote"),
        (["pass", "pass", "pass"], "promote"),
        (["pass", "inconclusive", "pass"], "inconclusive"),
        (["inconclusive", "inconclusive"], "inconclusive"),
        (["fail", "pass"], "reject"),
        (["pass", "inconclusive", "fail"], "reject"),
        (["inconclusive", "fail", "pass"], "reject"),
    ],
)
def test_verdicts_join(outcomes: list[Outcome], decision: str) -> None:
    rules = [rule(f"rule {number}", outcome) for number, outcome in enumerate(outcomes)]
    verdict = judge("small", rules, looks_spent=1, looks_planned=1, alpha=0.05)
    assert verdict.decision == decision
    assert verdict.rules == tuple(rules)
    assert (verdict.candidate, verdict.looks_spent, verdict.looks_planned, verdict.alpha) == ("small", 1, 1, 0.05)
    deciding = {"promote": "pass", "reject": "fail", "inconclusive": "inconclusive"}[decision]
    first = next(one for one in rules if one.outcome == deciding)
    assert first.sentence in verdict.sentence
    assert ("Settle it." in verdict.sentence) == (decision == "inconclusive")


# --- rules on one number ---


def threshold(value: BoundedValue, requirement: float, better: str) -> RuleResult:
    """One rule with a sentence."""
    return threshold_rule(
        "some.rule",
        value,
        requirement,
        better=better,
        unit="x",
        sentence="It is so.",
        settle="Measure.",  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("hole", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["value", "unfavourable", "favourable"])
def test_a_hole_in_a_number_never_passes_or_fails(better: str, hole: float | None, place: str) -> None:
    for good in (1000.0, 0.001):  # far on either side of the requirement
        ends = {"value": good, "unfavourable": good, "favourable": good} | {place: hole}
        result = threshold(BoundedValue(**ends), 1.0, better)  # type: ignore[arg-type]
        assert result.outcome == "inconclusive"
        assert (result.value, result.bound, result.margin, result.settle) == (None, None, None, "Measure.")


@pytest.mark.parametrize(
    ("better", "ends", "outcome"),
    [
        ("higher", (3.0, 2.0, 4.0), "pass"),
        ("higher", (3.0, 1.9, 4.0), "inconclusive"),
        ("higher", (1.5, 1.0, 1.9), "fail"),
        ("higher", (1.5, 1.0, 2.0), "inconclusive"),
        ("lower", (1.5, 2.0, 1.0), "pass"),
        ("lower", (1.5, 2.1, 1.0), "inconclusive"),
        ("lower", (3.0, 4.0, 2.1), "fail"),
        ("lower", (3.0, 4.0, 2.0), "inconclusive"),
    ],
)
def test_the_unfavourable_end_decides_in_both_directions(
    better: str, ends: tuple[float, float, float], outcome: str
) -> None:
    result = threshold(BoundedValue(*ends), 2.0, better)
    assert result.outcome == outcome
    assert result.margin == pytest.approx(ends[1] - 2.0 if better == "higher" else 2.0 - ends[1])
    assert (result.settle is not None) == (outcome == "inconclusive")


def test_a_bound_one_rounding_step_short_does_not_pass() -> None:
    short = math.nextafter(2.0, 0.0)
    assert threshold(BoundedValue(2.5, short, 3.0), 2.0, "higher").outcome == "inconclusive"
    assert threshold(BoundedValue(0.2, 0.1 + 0.2, 0.1), 0.3, "lower").outcome == "inconclusive"


def test_what_never_happens_fails() -> None:
    result = never_rule("payback", 6.0, unit="months", sentence="It is never earned back.")
    assert (result.outcome, result.value, result.margin) == ("fail", None, None)
