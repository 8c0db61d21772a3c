"""Prediction-powered retention: another implementation, the definition, invariants, and the error rate it promises."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from gatekeeper.errors import InputError
from gatekeeper.stats.judged import JUDGED_LEAST_LABELLED, JudgedTest, judged, least_labelled
from gatekeeper.stats.paired import PairedCounts, passes, ratio_score_z
from gatekeeper.stats.power import cell_probabilities
from gatekeeper.stats.rectifier import Rows, cross_fitted_weights, rectified, statistic
from gatekeeper.stats.scored import fieller, t_test

LABELLED = np.arange(1000) < 250


def example() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    u = np.random.default_rng(2311).random((4, 1000))
    teacher = (u[0] < 0.9).astype(float)
    student = np.where(u[1] < 0.85, teacher, u[2] < 0.8).astype(float)
    judge_teacher = np.where(u[3] < 0.9, teacher, 1 - teacher)
    judge_student = np.where(u[3][::-1] < 0.85, student, 1.0)
    return student[:250], teacher[:250], judge_student, judge_teacher


@functools.cache
def cuts(r: float, correlation: float) -> np.ndarray:
    return np.cumsum(cell_probabilities(r, 0.92, correlation))[:3]


def drawn(
    rng: np.random.Generator, r: float, m: int, n: int, correlation: float, right: float, wrong: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw rows of true retention `r`, and a judge that is right on right answers and on wrong ones that often."""
    kind = np.searchsorted(cuts(r, correlation), rng.random(n), side="right")
    truth = np.stack([kind <= 1, (kind == 0) | (kind == 2)]).astype(float)
    verdict = np.where(rng.random((2, n)) < np.where(truth == 1, right, wrong), truth, 1 - truth)
    return truth[0, :m], truth[1, :m], verdict[0], verdict[1], np.arange(n) < m


# Other implementations


@pytest.mark.parametrize(
    ("weight", "student_mean", "teacher_mean"), [(0.0, 0.904, 0.92), (0.5, 2.696 / 3, 0.896), (1.0, 2.68 / 3, 0.872)]
)
def test_means_are_those_of_ppi_python(weight, student_mean, teacher_mean):
    """ppi_python 0.2.3, on `example()` and for s, t = its scores by people, js, jt = those of the judge:
    ppi_mean_pointestimate(s, js[:250], js[250:], lam=weight), and the same of t and jt.
    """
    result = judged(*example(), LABELLED, r0=0.95, alpha=0.05, weight=weight)
    assert result.estimate.value == pytest.approx(student_mean / teacher_mean, rel=1e-12)


def test_the_tuned_weight_is_near_that_of_ppi_python():
    """ppi_python 0.2.3, with y = s - 0.95 t by people and f the same by the judge: its power-tuned weight is
    0.180548784791 (_calc_lam_glm of y, f[:250] and f[250:], each less ppi_mean_pointestimate(y, f[:250], f[250:],
    lam=1)); cross-fitting moves it a little.
    """
    result = judged(*example(), LABELLED, r0=0.95, alpha=0.05)
    assert result.weight == pytest.approx(0.180548784791, abs=0.003)


@pytest.mark.parametrize(("weight", "lower"), [(0.0, 0.009561411269), (0.5, 0.025220284853), (1.0, 0.027275553940)])
def test_it_is_never_surer_than_ppi_python(weight, lower):
    """The lower ends of ppi_python 0.2.3: ppi_mean_ci(y, f[:250], f[250:], alpha=0.1, lam=weight); z, divisor m."""
    people, human_teacher, judge, judge_teacher = example()
    plain = {0.0: 0.030000000000, 0.5: 0.047466666667, 1.0: 0.064933333333}[weight]
    z = plain / ((plain - lower) / 1.6448536269514722)
    t = judged(people, human_teacher, judge, judge_teacher, LABELLED, r0=0.95, alpha=0.05, weight=weight).t
    assert 0.8 * z < t < z


def test_it_is_the_definition_written_out():
    student, teacher, judge_student, judge_teacher = example()
    y, judge = student - 0.95 * teacher, judge_student - 0.95 * judge_teacher
    f, u = judge[:250], judge[250:]
    weights = []
    for i in range(250):
        rest = np.arange(250) != i
        covariance = np.cov(y[rest], f[rest])[0, 1]
        weights.append(min(1.0, max(0.0, covariance / ((1 + 250 / 750) * np.var(np.concatenate([f, u]))))))
    weight = float(np.mean(weights))
    residual = y - np.array(weights) * f
    mean = weight * u.mean() + residual.mean()
    variance = residual.var(ddof=1) / 250 + weight**2 * u.var(ddof=1) / 750
    third = ((residual - residual.mean()) ** 3).sum() / 249 / 250**2
    third += weight**3 * ((u - u.mean()) ** 3).sum() / 749 / 750**2
    t = mean / math.sqrt(max(variance, variance - mean * third / variance))
    result = judged(*example(), LABELLED, r0=0.95, alpha=0.05)
    assert result.weight == pytest.approx(weight, rel=1e-10)
    assert (result.t, result.df) == (pytest.approx(t, rel=1e-10), 249)
    assert result.p == pytest.approx(float(stdtr(249, -t)), rel=1e-9)
    assert third < 0  # so this example does use the larger variance


def test_without_a_judge_it_comes_close_to_the_paired_score_test():
    for a, b, c, d in [(440, 12, 28, 20), (180, 3, 10, 7), (190, 0, 3, 7), (194, 0, 1, 5), (860, 20, 40, 80)]:
        sizes = [a, b, c, d]
        student, teacher = np.repeat([1.0, 1, 0, 0], sizes), np.repeat([1.0, 0, 1, 0], sizes)
        n = student.size
        t = judged(student, teacher, student, teacher, np.ones(n, bool), r0=0.95, alpha=0.05).t
        assert t == pytest.approx(ratio_score_z(PairedCounts(a, b, c, d), 0.95), rel=0.05)
        # What it guards against: the plain t grows beyond all bounds when few failures are seen.
        assert t < t_test(student, teacher, 0.95, np.arange(n))[0]
        assert t == pytest.approx(fieller(student, teacher, r0=0.95, alpha=0.05).t, rel=1e-9)


# Edges


def test_a_useless_judge_gets_no_weight_and_no_other_rows_are_needed():
    student, teacher, _, _ = example()
    alone = judged(student, teacher, student, teacher, np.ones(250, bool), r0=0.95, alpha=0.05)
    constant = judged(student, teacher, np.full(1000, 0.5), np.full(1000, 0.5), LABELLED, r0=0.95, alpha=0.05)
    assert alone.weight == constant.weight == 0.0
    assert alone.t == constant.t
    assert alone.estimate.value == pytest.approx(student.mean() / teacher.mean(), rel=1e-12)
    assert (alone.estimate.n_scored, constant.estimate.n_scored) == (250, 1000)
    upside_down = judged(student, teacher, 1 - example()[2], 1 - example()[3], LABELLED, r0=0.95, alpha=0.05)
    assert upside_down.weight == 0.0


def test_a_perfect_judge_leaves_only_the_noise_of_the_rows():
    rng = np.random.default_rng(3)
    student, teacher, judge_student, judge_teacher, labelled = drawn(rng, 0.97, 300, 6000, 0.7, 1.0, 1.0)
    result = judged(student, teacher, judge_student, judge_teacher, labelled, r0=0.95, alpha=0.05)
    everything = fieller(judge_student, judge_teacher, r0=0.95, alpha=0.05).estimate
    assert result.weight > 0.9
    assert result.estimate.value == pytest.approx(everything.value, abs=0.003)
    alone = judged(student, teacher, judge_student, judge_teacher, labelled, r0=0.95, alpha=0.05, weight=0)
    assert result.estimate.upper - result.estimate.lower < 0.4 * (alone.estimate.upper - alone.estimate.lower)


def undefined(result: JudgedTest) -> bool:
    ends = (result.t, result.p, result.df, result.estimate.lower, result.estimate.upper)
    return ends == (None,) * 5 and not passes(result.p, 0.5)


def test_nothing_undefined_passes():
    for m in (0, 1, 2):
        labelled = np.arange(20) < m
        assert undefined(judged([1.0] * m, [1.0] * m, [1.0] * 20, [0.0] * 20, labelled, r0=0.95, alpha=0.05))
    assert undefined(judged([], [], [], [], [], r0=0.95, alpha=0.05, n_failed=4))
    ones, zeros, all_rows = np.ones(300), np.zeros(300), np.ones(300, bool)
    assert undefined(judged(ones, zeros, ones, zeros, all_rows, r0=0.95, alpha=0.05))
    assert undefined(judged(zeros, zeros, zeros, zeros, all_rows, r0=0.95, alpha=0.05))
    same = np.random.default_rng(1).uniform(0.2, 1.0, 300)
    assert judged(0.95 * same, same, 0.95 * same, same, all_rows, r0=0.95, alpha=0.05).p is None


def test_a_mean_that_reaches_the_requirement_only_by_rounding_has_t_zero():
    teacher = np.ones(200)
    student = np.tile([0.95 + 0.03, 0.95 - 0.03], 100)
    result = judged(student, teacher, student, teacher, np.ones(200, bool), r0=0.95, alpha=0.05)
    assert (result.t, result.p) == (0.0, 0.5)


def test_a_teacher_that_is_always_right_leaves_an_interval():
    student = np.repeat([1.0, 0.0], [285, 15])
    ones, all_rows = np.ones(300), np.ones(300, bool)
    estimate = judged(student, ones, student, ones, all_rows, r0=0.9, alpha=0.05).estimate
    assert 0.91 < estimate.lower < estimate.value < estimate.upper < 1.0
    perfect = judged(ones, np.repeat([1.0, 0.0], [285, 15]), ones, student, all_rows, r0=0.9, alpha=0.05).estimate
    assert 1.0 < perfect.lower < perfect.value < perfect.upper


def test_a_student_that_people_find_always_wrong():
    zeros, teacher = np.zeros(300), np.repeat([1.0, 0.0], [270, 30])
    result = judged(zeros, teacher, teacher, teacher, np.ones(300, bool), r0=0.9, alpha=0.05)
    assert (result.estimate.value, result.estimate.lower) == (0.0, 0.0) and result.p > 0.999


def test_least_labelled_rows():
    assert [least_labelled(r0) for r0 in (0.5, 0.95, 0.98, 0.99, 0.995, 1.0, 1.1)] == [
        200,
        200,
        500,
        1000,
        2000,
        200,
        200,
    ]
    assert judged(*example(), LABELLED, r0=0.98, alpha=0.05).least_labelled == 500
    assert JUDGED_LEAST_LABELLED == 200
    with pytest.raises(InputError):
        least_labelled(math.nan)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("bad", [math.nan, 1.5, -0.1, math.inf])
def test_bad_scores_are_refused(place, bad):
    scores = [array.copy() for array in example()]
    scores[place][7] = bad
    with pytest.raises(InputError):
        judged(*scores, LABELLED, r0=0.95, alpha=0.05)


@pytest.mark.parametrize(
    "labelled", [LABELLED[:-1], np.arange(1000) < 249, np.arange(1000), LABELLED.astype(float), [[True, False]]]
)
def test_bad_labels_are_refused(labelled):
    with pytest.raises(InputError):
        judged(*example(), labelled, r0=0.95, alpha=0.05)


def test_bad_arguments_are_refused():
    for bad in ({"r0": 0.0}, {"r0": math.nan}, {"alpha": 0.5}, {"alpha": math.nan}, {"weight": 1.1}, {"n_failed": -1}):
        with pytest.raises(InputError):
            judged(*example(), LABELLED, **({"r0": 0.95, "alpha": 0.05} | bad))


# Invariants


def test_order_of_rows_changes_nothing():
    student, teacher, judge_student, judge_teacher = example()
    order = np.random.default_rng(6).permutation(1000)
    people = np.full((2, 1000), np.nan)
    people[:, LABELLED] = student, teacher
    mask, people = LABELLED[order], people[:, order]
    first = judged(*example(), LABELLED, r0=0.95, alpha=0.05)
    again = judged(
        people[0][mask], people[1][mask], judge_student[order], judge_teacher[order], mask, r0=0.95, alpha=0.05
    )
    ends = (again.t, again.weight, again.estimate.lower, again.estimate.upper)
    assert ends == pytest.approx((first.t, first.weight, first.estimate.lower, first.estimate.upper), rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.7, 1.1), st.sampled_from([0.01, 0.05, 0.2]), st.booleans())
def test_bound_and_p_agree(seed, r0, alpha, scored):
    rng = np.random.default_rng(seed)
    rows = list(drawn(rng, 0.95, 60, 300, 0.7, 0.9, 0.8))
    if scored:
        rows[:4] = [np.clip(array * 0.8 + 0.2 * rng.random(array.size), 0, 1) for array in rows[:4]]
    result = judged(*rows, r0=r0, alpha=alpha)
    lower, upper = result.estimate.lower, result.estimate.upper
    if result.t is None:  # both models right on the same rows, and r0 = 1
        assert (lower, upper) == (None, None)
        return
    assert lower < result.estimate.value < upper
    if min(abs(result.p - alpha), abs(result.p - 1 + alpha)) > 1e-9:
        assert passes(result.p, alpha) == (lower > r0)
        assert (result.p > 1 - alpha) == (upper < r0)


def test_people_who_find_one_more_answer_right_raise_estimate_and_bound():
    """Not a theorem, since weights and variance move too; here it holds 100 times out of 100."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        student, *rest = drawn(rng, 0.97, 200, 1000, 0.7, 0.9, 0.8)
        better = student.copy()
        better[rng.choice(np.flatnonzero(student == 0))] = 1
        before = judged(student, *rest, r0=0.95, alpha=0.05).estimate
        after = judged(better, *rest, r0=0.95, alpha=0.05).estimate
        assert after.value > before.value and after.lower > before.lower


# The error rate


@pytest.mark.parametrize(("right", "wrong"), [(0.9, 0.8), (0.98, 0.95), (0.99, 0.3)])
def test_false_promotion_at_the_threshold_with_200_labelled_rows(right, wrong):
    """Correlation 0.9, the hardest case: plain PPI++ promotes 0.07 to 0.08 of these students."""
    repeats, m, r0, alpha = 2500, 200, 0.95, 0.05
    rng = np.random.default_rng(31)
    t, naive = np.zeros(repeats), np.zeros(repeats)
    for k in range(repeats):
        student, teacher, judge_student, judge_teacher, _ = drawn(rng, r0, m, 1000, 0.9, right, wrong)
        rows = Rows(student, teacher, judge_student[:m], judge_teacher[:m], judge_student[m:], judge_teacher[m:])
        t[k] = statistic(rectified(rows, cross_fitted_weights(rows, r0)), 1.0, r0)
        word = judge_student - r0 * judge_teacher
        naive[k] = word.mean() / word.std() * math.sqrt(word.size)
    critical = stdtrit(m - 1, 1 - alpha)
    assert 0.035 < np.mean(t > critical) <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / repeats)
    assert np.mean(naive > critical) > 0.07  # what it guards against: taking the judge's word


def test_the_simulated_statistic_is_that_of_the_test():
    student, teacher, judge_student, judge_teacher = example()
    rows = Rows(student, teacher, judge_student[:250], judge_teacher[:250], judge_student[250:], judge_teacher[250:])
    t = statistic(rectified(rows, cross_fitted_weights(rows, 0.95)), 1.0, 0.95)
    assert judged(*example(), LABELLED, r0=0.95, alpha=0.05).t == t


def test_the_judge_adds_power():
    with_judge = without = 0
    rng = np.random.default_rng(5)
    for _ in range(150):
        rows = drawn(rng, 0.99, 200, 2000, 0.5, 0.98, 0.95)
        with_judge += passes(judged(*rows, r0=0.95, alpha=0.05).p, 0.05)
        without += passes(judged(*rows, r0=0.95, alpha=0.05, weight=0).p, 0.05)
    assert with_judge > 1.4 * without
