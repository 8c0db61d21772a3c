"""A blend of student and teacher: its choice, its bill and how long its answers take."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.cost import Price, RequestCost, Scenario, Serving, compare, price_requests
from gatekeeper.errors import InputError
from gatekeeper.gate.blend import Blend, blend_scores, blended_p95, choose_blend, teacher_share
from gatekeeper.records import Estimate, Usage
from gatekeeper.stats.intervals import quantile_interval, wilson
from gatekeeper.stats.paired import paired_counts
from gatekeeper.stats.power import probability_of_pass
from gatekeeper.stats.selective import choose_threshold


def _dev(n: int = 2000, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A student that keeps 0.87 of the teacher's quality on everything, and nearly all of it where it is sure."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(n)
    return (
        (rng.random(n) < 0.62 + 0.37 * confidence).astype(float),
        (rng.random(n) < 0.92).astype(float),
        confidence,
    )


def _estimate(value: float | None, lower: float | None, upper: float | None, confidence: float = 0.95) -> Estimate:
    return Estimate(value=value, lower=lower, upper=upper, confidence=confidence, n_expected=1, n_scored=1, n_failed=0)


# The choice


def test_the_boldest_certified_blend_is_chosen_where_nobody_asks_for_a_chance() -> None:
    student, teacher, confidence = _dev()
    choice = choose_blend(student, teacher, confidence, r0=0.95, delta=0.1)
    certified = choose_threshold(student, teacher, confidence, r0=0.95, delta=0.1)
    assert choice.steps == certified.path
    assert choice.blend is not None and certified.chosen is not None
    blend = choice.blend
    assert (blend.threshold, blend.coverage) == (certified.chosen.threshold, certified.chosen.coverage)
    scores = blend_scores(student, teacher, confidence, blend.threshold)
    assert blend.retention.value == pytest.approx(scores.mean() / teacher.mean())
    assert blend.retention.lower is not None and blend.retention.lower > 0.95
    assert blend.retention.confidence == pytest.approx(0.8)
    assert blend.teacher_share.value == pytest.approx(1 - blend.coverage)
    assert blend.chance is None
    assert len(blend.curve) < 70
    assert blend.threshold in [point.threshold for point in blend.curve]
    assert blend.curve[-1].coverage == 1.0
    assert Blend.model_validate_json(blend.model_dump_json()) == blend


def test_a_more_cautious_threshold_is_taken_for_a_better_chance() -> None:
    student, teacher, confidence = _dev()

    def chance(scores: np.ndarray) -> float:
        return probability_of_pass(paired_counts(scores, teacher), 2000, 0.95, 0.01, 7)

    bold = choose_blend(student, teacher, confidence, r0=0.95, delta=0.1).blend
    likely = choose_blend(student, teacher, confidence, r0=0.95, delta=0.1, chance=chance, least_chance=0.8).blend
    assert bold is not None and likely is not None and likely.chance is not None
    assert chance(blend_scores(student, teacher, confidence, bold.threshold)) < 0.5
    assert likely.chance >= 0.8
    assert 0.4 < likely.coverage < bold.coverage
    thresholds = [step.threshold for step in choose_threshold(student, teacher, confidence, r0=0.95, delta=0.1).path]
    bolder = thresholds[thresholds.index(likely.threshold) + 1]
    assert chance(blend_scores(student, teacher, confidence, bolder)) < 0.8, "the next bolder one is not likely enough"
    none = choose_blend(student, teacher, confidence, r0=0.95, delta=0.1, chance=lambda _: 0.3, least_chance=0.5)
    assert none.blend is None
    assert none.reason is not None and "the best has 30%" in none.reason


def test_thresholds_that_leave_too_much_to_the_teacher_are_not_tried() -> None:
    student, teacher, confidence = _dev(500)
    choice = choose_blend(student, teacher, confidence, r0=0.95, delta=0.1, max_teacher_share=0.5)
    # With 500 rows the upper end of a share of 45 % is 49.4 %, of 50 % it is 54.4 %.
    assert choice.steps[0].coverage == pytest.approx(0.55)
    assert choice.blend is not None
    assert choice.blend.teacher_share.upper is not None and choice.blend.teacher_share.upper <= 0.5
    hard = choose_blend(student, teacher, confidence, r0=0.99, delta=0.1, max_teacher_share=0.2)
    assert hard.blend is None and len(hard.steps) == 1
    assert hard.reason is not None and "it is not shown that more than 99.0%" in hard.reason
    never = choose_blend(student, teacher, np.full(500, np.nan), r0=0.95, delta=0.1, max_teacher_share=0.5)
    assert never.blend is None and never.steps == ()
    assert never.reason is not None and "at most 50.0% of the traffic" in never.reason


@pytest.mark.parametrize(
    "changes", [{"max_teacher_share": 1.5}, {"least_chance": -0.1}, {"max_teacher_share": math.nan}]
)
def test_bad_shares_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match="numbers from 0 to 1"):
        choose_blend([1, 0], [1, 1], [0.1, 0.9], r0=0.9, delta=0.1, **changes)


def test_the_share_of_the_teacher_and_its_interval() -> None:
    confidence = np.array([0.1] * 46 + [0.9] * 3 + [np.nan])
    share = teacher_share(confidence, 0.5)
    assert share.value == 0.94
    assert (share.lower, share.upper) == wilson(47, 50)
    empty = teacher_share([], 0.5)
    assert (empty.value, empty.lower, empty.upper) == (None, None, None)


def test_the_share_counts_clusters_not_rows() -> None:
    confidence = np.repeat(np.linspace(0, 1, 40), 5)
    share = teacher_share(confidence, 0.5, clusters=np.repeat(np.arange(40), 5))
    assert share.value == 0.5
    assert (share.lower, share.upper) == wilson(20, 40)
    alone = teacher_share(confidence, 0.5, clusters=np.arange(200))
    assert (alone.lower, alone.upper) == wilson(100, 200)
    one_large = teacher_share(confidence, 0.5, clusters=[0] * 161 + list(range(1, 40)))
    assert one_large.upper is not None and share.upper is not None and one_large.upper > share.upper
    with pytest.raises(InputError, match="clusters has 3 rows, not 200"):
        teacher_share(confidence, 0.5, clusters=[1, 2, 3])


# The bill


def _cost(usd_per_million: str) -> RequestCost:
    price = Price(
        model="acme/model",
        input_per_m=Decimal(usd_per_million),
        output_per_m=Decimal(0),
        source="price file",
        as_of=date(2026, 11, 1),
    )
    return price_requests([Usage(input_tokens=1000)], price)


def _scenario(**changes: Any) -> Scenario:
    fields: dict[str, Any] = {
        "requests_per_month": 1_000_000,
        "peak_to_average": Decimal(4),
        "teacher": _cost("6"),
        "student_api": _cost("0.5"),
        "operations_hours_per_month": Decimal(0),
        "usd_per_hour": Decimal(100),
        "engineering_hours": Decimal(80),
        "loop_spend_usd": Decimal(0),
    }
    return Scenario(**{**fields, **changes})


@pytest.mark.parametrize(("share", "usd"), [(0.05, 800), (0.25, 2000), (0.6, 4100), (0.92, 6020)])
def test_the_bill_of_a_cascade_that_was_worked_out_by_hand(share: float, usd: int) -> None:
    case = compare(_scenario(teacher_share=_estimate(share, share, share))).expected
    assert case.baseline_usd == 6000
    assert case.teacher_usd == Decimal(str(share)) * 6000
    assert case.candidate_usd == usd
    assert case.saving_usd == 6000 - usd
    assert (case.payback_months is None) == (share == 0.92)


def test_the_ends_of_the_share_are_the_ends_of_the_bill() -> None:
    serving = Serving(usd_per_hour=Decimal("0.2"), target_utilisation=Decimal("0.6"), min_replicas=2, redundancy=1)
    machines: dict[str, Any] = {"serving": serving, "student_api": None, "throughput": _estimate(80, 70, 90)}
    result = compare(_scenario(**machines, teacher_share=_estimate(0.3, 0.25, 0.36)))
    alone = compare(_scenario(**machines))
    assert result.pessimistic is not None and result.optimistic is not None
    assert [case.teacher_usd for case in (result.expected, result.pessimistic, result.optimistic)] == [1800, 2160, 1500]
    # The student serves all requests, those that it leaves to the teacher too.
    assert result.expected.serving == alone.expected.serving
    assert result.expected.candidate_usd == alone.expected.candidate_usd + 1800
    edge = result.expected.break_even
    assert edge.first_from == pytest.approx(alone.expected.candidate_usd / (Decimal("0.006") * Decimal("0.7")))


def test_a_scenario_without_a_share_is_as_before() -> None:
    case = compare(_scenario()).expected
    assert case.teacher_usd == 0
    assert case.model_dump() == compare(_scenario(teacher_share=_estimate(0.0, 0.0, 0.0))).expected.model_dump()


def test_a_share_without_an_end_lacks_the_bill_of_that_end() -> None:
    no_upper = compare(_scenario(teacher_share=_estimate(0.3, 0.2, None)))
    assert no_upper.expected.teacher_usd == 1800
    assert no_upper.pessimistic is None and no_upper.optimistic is None
    assert "upper bound of teacher_share" in (no_upper.pessimistic_reason or "")
    no_lower = compare(_scenario(teacher_share=_estimate(0.3, None, 0.4)))
    assert no_lower.pessimistic is not None and no_lower.pessimistic.teacher_usd == 2400
    assert no_lower.optimistic is None
    assert "lower bound of teacher_share" in (no_lower.pessimistic_reason or "")


@pytest.mark.parametrize("value", [None, 1.2, -0.1])
def test_a_share_that_is_none_is_an_error_and_not_free(value: float | None) -> None:
    with pytest.raises(InputError, match="teacher_share"):
        compare(_scenario(teacher_share=_estimate(value, 0.1, 0.2)))


# Latency


def _quantile(values: np.ndarray, q: float) -> Estimate:
    return _estimate(float(np.quantile(values, q)), *quantile_interval(values, q))


def _world(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Student milliseconds, its doubt, greater for slow requests, and teacher seconds, longer for the same requests."""
    slow = rng.random(n)
    student = 2 + 10 * slow**4 + rng.exponential(1, n)
    return student, slow + 0.3 * rng.standard_normal(n), rng.lognormal(0, 0.5, n) * (0.5 + slow)


@pytest.mark.parametrize("share", [0.02, 0.045, 0.1, 0.4])
def test_the_interval_holds_the_true_percentile_though_nothing_is_independent(share: float) -> None:
    rng = np.random.default_rng(12)
    student, doubt, teacher = _world(rng, 500_000)
    most_doubt = np.quantile(doubt, 1 - share)
    truth = float(np.quantile(student + np.where(doubt > most_doubt, 1000 * teacher, 0), 0.95))
    held, reps = 0, 100
    for _ in range(reps):
        mine, doubt, theirs = _world(rng, 1500)
        bound = blended_p95(
            _quantile(mine, 0.95),
            _quantile(mine, 0.99),
            list(theirs[doubt > most_doubt]),
            teacher_share(-doubt, -most_doubt),
        )
        assert bound.lower is not None and bound.value is not None
        if share == 0.02:
            assert bound.upper is not None, "so small a share needs no time of the teacher"
        held += bound.lower <= truth and (bound.upper is None or truth <= bound.upper)
    assert held / reps >= 0.95  # each of three intervals holds at 0.95, so all three at 0.85


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(0, 300), st.integers(0, 5))
def test_the_bounds_are_in_order(share: float, answers: int, unknown: int) -> None:
    seconds: list[float | None] = [0.5 + 0.01 * row for row in range(answers)]
    seconds += [None] * unknown
    bound = blended_p95(
        _estimate(5.0, 4.0, 6.0),
        _estimate(8.0, 7.0, 9.0),
        seconds,
        _estimate(share, max(0.0, share - 0.05), min(1.0, share + 0.05)),
    )
    known = [x for x in (bound.lower, bound.value, bound.upper) if x is not None]
    assert known == sorted(known)
    assert (bound.n_expected, bound.n_scored) == (answers + unknown, answers)
    assert bound.confidence == pytest.approx(0.85)


def test_by_hand_with_many_answers_of_the_teacher() -> None:
    # A quarter of the requests goes to a teacher that takes 0 to 10 seconds, evenly spread.
    seconds = list(np.linspace(0, 10, 100_001))
    bound = blended_p95(_estimate(5.0, 4.0, 6.0), _estimate(8.0, 7.0, 9.0), seconds, _estimate(0.25, 0.2, 0.4))
    assert bound.value == pytest.approx(5 + 8000, abs=1)  # slower than 1 - 0.05 / 0.25 = 80 % of its answers
    assert bound.lower == pytest.approx(7500, abs=40)  # 1 - 0.05 / 0.2
    assert bound.upper == pytest.approx(9 + 9000, abs=40)  # 1 - 0.04 / 0.4


def test_what_is_not_known_bounds_nothing() -> None:
    p95, high, third = _estimate(5.0, 4.0, 6.0), _estimate(8.0, 7.0, 9.0), _estimate(0.3, 0.25, 0.35)
    unknown = blended_p95(p95, high, [None] * 500, third)
    assert (unknown.lower, unknown.value, unknown.upper) == (4.0, None, None)
    assert blended_p95(p95, high, [], third).upper is None
    assert blended_p95(p95, high, [1.0] * 20, third).upper is None, "20 answers do not bound an 88th percentile"
    assert blended_p95(p95, None, [1.0] * 500, third).upper is None, "the 95th percentile alone leaves no rest"
    assert blended_p95(_estimate(None, None, None), high, [1.0] * 500, third).value is None
    small = blended_p95(p95, high, [], _estimate(0.02, 0.01, 0.04))
    assert (small.lower, small.value, small.upper) == (4.0, 5.0, 9.0)
    with pytest.raises(InputError, match="high_level"):
        blended_p95(p95, high, [1.0], third, high_level=0.95)
