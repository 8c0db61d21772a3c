"""The paired tests: published vectors, edges, invariants, and the error rate they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtri

from gatekeeper.errors import InputError
from gatekeeper.stats.paired import (
    FIELLER_LEAST_ITEMS,
    PairedCounts,
    fieller,
    paired_counts,
    paired_p,
    passes,
    ratio_interval,
    ratio_score_p,
    ratio_score_z,
    ratio_score_z_array,
    retention_binary,
    smallest_passable_n,
)
from gatekeeper.stats.power import cell_probabilities
from gatekeeper.stats.spending import look_alphas

STUDENT = [0.77, 0, 0.29, 0.16, 0.3, 0.71, 0.86, 0.28, 0.57, 0.94, 0.63, 0.32]
TEACHER = [0.68, 0.05, 0.22, 0.18, 0.18, 0.81, 0.92, 0.28, 0.82, 0.89, 0.51, 0.24]

tables = st.builds(PairedCounts, *(st.integers(0, 60) for _ in range(4)))
answers = st.integers(0, 40).flatmap(lambda n: st.tuples(arrays(np.bool_, n), arrays(np.bool_, n)))
requirements = st.floats(0.5, 1.2)


def answers_of(counts: PairedCounts) -> tuple[np.ndarray, np.ndarray]:
    sizes = [counts.a, counts.b, counts.c, counts.d]
    return np.repeat([True, True, False, False], sizes), np.repeat([True, False, True, False], sizes)


# Published vectors


@pytest.mark.parametrize(
    ("counts", "confidence", "lower", "upper", "digits"),
    [
        ((1, 1, 7, 12), 0.95, 0.065, 0.907, 3),
        ((446, 5, 16, 690), 0.90, 0.958, 0.992, 3),
        ((43, 0, 1, 0), 0.90, 0.904, 1.039, 3),
        ((59, 6, 16, 80), 0.95, 0.7476, 0.9876, 4),
        ((860, 20, 40, 80), 0.90, 0.96315, 0.99169, 5),
        ((440, 12, 28, 20), 0.90, 0.94262, 0.98749, 5),
        ((180, 3, 10, 7), 0.90, 0.9277, 0.99362, 5),
    ],
)
def test_interval_vectors(counts, confidence, lower, upper, digits):
    low, high = ratio_interval(PairedCounts(*counts), confidence)
    # The lower end of the last vector is given to four digits.
    assert round(low, 4 if lower == 0.9277 else digits) == lower
    assert round(high, digits) == upper


@pytest.mark.parametrize(
    ("counts", "z", "z_digits", "p"),
    [
        ((860, 20, 40, 80), 2.9646, 4, 0.001515),
        ((440, 12, 28, 20), 1.14624, 5, 0.125847),
        ((180, 3, 10, 7), 0.67112, 5, 0.251073),
    ],
)
def test_score_vectors(counts, z, z_digits, p):
    table = PairedCounts(*counts)
    assert round(ratio_score_z(table, 0.95), z_digits) == z
    assert round(ratio_score_p(table, 0.95), 6) == p


def test_fieller_vector():
    result = fieller(STUDENT, TEACHER, r0=0.95, alpha=0.05)
    assert result.t == pytest.approx(0.9466349961517, abs=1e-12)
    assert result.p == pytest.approx(0.18207811302706634, abs=1e-14)
    assert result.estimate.value == pytest.approx(1.008650519, abs=1e-9)
    assert result.estimate.lower == pytest.approx(0.900322286515, abs=1e-11)
    assert (result.df, result.estimate.confidence, result.estimate.n_scored) == (11, 0.90, 12)


@pytest.mark.parametrize(("r0", "right"), [(0.9, 29), (0.95, 59), (0.98, 149), (0.99, 299)])
def test_smallest_passable_vectors(r0, right):
    """Of so many items none may be lost: r0^59 is 0.0485 for 0.95."""
    assert smallest_passable_n(r0, 0.05, 1.0) == right
    assert r0**right < 0.05 < r0 ** (right - 1)
    assert smallest_passable_n(r0, 0.05, 0.92) == math.ceil((right - 0.5) / 0.92)


# The score test against what its definition says


def constrained_fit(a: float, b: float, c: float, r: float) -> float:
    """Maximise the likelihood under R = r by brute force; return z from the variance of s - r t itself."""
    n = a + b + c
    q = np.linspace(max(0.0, 1 - r), 1 / (r + 1), 2_000_001)[1:-1]
    both, student_only = (1 - (r + 1) * q) / r, ((r - 1) + q) / r
    best = int(np.argmax(a * np.log(both) + b * np.log(student_only) + c * np.log(q)))
    variance = both[best] * (1 - r) ** 2 + student_only[best] + r * r * q[best]
    return float(((a + b) - r * (a + c)) / math.sqrt(n * variance))


@pytest.mark.parametrize("r", [0.6, 0.95, 1.0, 1.3])
@pytest.mark.parametrize("counts", [(86, 2, 4), (10, 7, 3), (1, 1, 7), (3, 20, 1)])
def test_z_is_that_of_the_constrained_likelihood(counts, r):
    assert float(ratio_score_z_array(*counts, r)) == pytest.approx(constrained_fit(*counts, r), abs=2e-5)


@settings(deadline=None)
@given(tables, st.floats(0.2, 4.0))
def test_exchanging_the_models_inverts_the_ratio(counts, r0):
    z = ratio_score_z(counts, r0)
    mirrored = ratio_score_z(PairedCounts(counts.a, counts.c, counts.b, counts.d), 1 / r0)
    assert (z is None) == (mirrored is None) or counts.b == counts.c == 0
    if z is not None and mirrored is not None:
        assert z == pytest.approx(-mirrored, rel=1e-7, abs=1e-7)


def test_array_form_broadcasts_and_marks_the_undefined():
    z = ratio_score_z_array([[860], [0]], [20, 0], [40, 0], 0.95)
    assert z.shape == (2, 2)
    assert z[0, 0] == ratio_score_z(PairedCounts(860, 20, 40, 0), 0.95)
    assert math.isnan(z[1, 1])
    assert not z[1, 1] > -math.inf


@settings(deadline=None)
@given(tables, requirements)
def test_items_that_nobody_got_right_say_nothing(counts, r0):
    more = PairedCounts(counts.a, counts.b, counts.c, counts.d + 17)
    assert ratio_score_z(counts, r0) == ratio_score_z(more, r0)
    assert ratio_interval(counts) == ratio_interval(more)


# Edges


def test_edges_of_the_interval():
    quantile = -float(ndtri(0.05))
    assert ratio_interval(PairedCounts(0, 0, 0, 5)) == (None, None)
    assert ratio_interval(PairedCounts(0, 0, 0, 0)) == (None, None)
    lower, upper = ratio_interval(PairedCounts(0, 0, 3, 1))
    assert lower == 0.0 and upper == pytest.approx(quantile**2 / 3)
    lower, upper = ratio_interval(PairedCounts(0, 3, 0, 1))
    assert lower == pytest.approx(3 / quantile**2) and upper == math.inf
    lower, upper = ratio_interval(PairedCounts(50, 0, 0, 2))
    assert lower == pytest.approx(50 / (50 + quantile**2)) and upper == pytest.approx(1 + quantile**2 / 50)


@pytest.mark.parametrize("counts", [(0, 4, 5, 1), (30, 0, 4, 1), (30, 4, 0, 1), (1, 0, 0, 0), (10**7, 3, 9, 2)])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.999])
def test_ends_of_the_interval_solve_the_test(counts, confidence):
    table = PairedCounts(*counts)
    quantile = -float(ndtri((1 - confidence) / 2))
    lower, upper = ratio_interval(table, confidence)
    assert ratio_score_z(table, lower) == pytest.approx(quantile, rel=1e-6)
    assert ratio_score_z(table, upper) == pytest.approx(-quantile, rel=1e-6)


def test_retention_is_undefined_where_the_teacher_got_nothing_right():
    estimate = retention_binary([True, False], [False, False], alpha=0.05)
    assert (estimate.value, estimate.lower, estimate.upper) == (None, None, None)
    assert (estimate.n_expected, estimate.n_scored, estimate.n_failed) == (2, 2, 0)


def test_retention_of_nothing_and_of_one_item():
    empty = retention_binary([], [], alpha=0.05, n_failed=3)
    assert (empty.value, empty.lower, empty.upper) == (None, None, None)
    assert (empty.n_expected, empty.n_scored, empty.n_failed) == (3, 0, 3)
    assert paired_p(paired_counts([], []), 0.95) is ratio_score_p(paired_counts([], []), 0.95) is None
    one = retention_binary([True], [True], alpha=0.05)
    assert one.value == 1.0 and one.lower < 0.95 < one.upper
    assert paired_p(paired_counts([True], [True]), 0.95) == 0.95


def test_retention_of_a_student_that_is_always_wrong():
    estimate = retention_binary([False] * 30, [True] * 30, alpha=0.05)
    assert estimate.value == 0.0 and estimate.lower == 0.0 and 0 < estimate.upper < 0.2


@pytest.mark.parametrize(
    "bad", [[True, float("nan")], [0.5, 1.0], [True], ["yes", "no"], [[True, False]], [None, True]]
)
def test_bad_answers_are_refused(bad):
    with pytest.raises(InputError):
        paired_counts(bad, [True, False])
    with pytest.raises(InputError):
        retention_binary([True, False], bad, alpha=0.05)


def test_bad_arguments_are_refused():
    counts = PairedCounts(8, 1, 1, 0)
    for r0 in (0.0, -1.0, math.nan, math.inf):
        for test in (ratio_score_p, paired_p):
            with pytest.raises(InputError):
                test(counts, r0)
    for confidence in (0.0, 1.0, 90.0, math.nan):
        with pytest.raises(InputError):
            ratio_interval(counts, confidence)
    for alpha in (0.0, 0.5, 5.0, math.nan):
        with pytest.raises(InputError):
            retention_binary([True], [True], alpha=alpha)
    for bad in (-1, 1.5, math.nan):
        with pytest.raises(InputError):
            PairedCounts(bad, 0, 0, 0)
    with pytest.raises(InputError):
        smallest_passable_n(0.95, 0.05, 0.0)


def test_smallest_passable_is_the_edge():
    for r0, alpha, accuracy in [(0.95, 0.05, 0.92), (0.9, 0.01, 0.5), (0.99, 0.003, 1.0), (0.5, 0.2, 0.07)]:
        n = smallest_passable_n(r0, alpha, accuracy)
        right = math.floor(n * accuracy + 0.5)
        assert passes(paired_p(PairedCounts(right, 0, 0, n - right), r0), alpha)
        right = math.floor((n - 1) * accuracy + 0.5)
        assert not passes(paired_p(PairedCounts(right, 0, 0, n - 1 - right), r0), alpha)
    assert smallest_passable_n(1.0, 0.05, 0.92) is None


# Ties do not pass


def test_nothing_undefined_passes():
    assert not passes(None, 0.05)
    assert not passes(math.nan, 0.05)
    assert not passes(0.05, 0.05)
    assert not passes(math.nextafter(0.05, 0), 0.05)
    assert passes(0.0499, 0.05)


def test_a_ratio_equal_to_the_requirement_is_a_tie_whatever_the_floats_say():
    ties = 0
    for hundredths in range(50, 100):
        for teacher_right in range(100, 1001, 100):
            student_right = hundredths * teacher_right // 100
            r0 = hundredths / 100
            counts = PairedCounts(student_right - 20, 20, teacher_right - student_right + 20, 7)
            ties += student_right - r0 * teacher_right != 0  # the trap: not 0 in floats
            assert ratio_score_z(counts, r0) == 0.0
            assert ratio_score_p(counts, r0) == 0.5
    assert ties > 10


def test_scores_that_differ_from_the_requirement_only_by_rounding_do_not_pass():
    rng = np.random.default_rng(5)
    teacher = rng.uniform(0.2, 1.0, size=500)
    result = fieller(0.95 * teacher, teacher, r0=0.95, alpha=0.05)
    assert (result.t, result.p, result.df) == (None, None, None)
    # The same with constants: 0.90 against 0.92 at a requirement of exactly 0.90 / 0.92.
    assert fieller(np.full(400, 0.90), np.full(400, 0.92), r0=0.90 / 0.92, alpha=0.05).p is None


def test_a_mean_that_reaches_the_requirement_only_by_rounding_has_t_zero():
    # Pairs of equal excess and shortfall: the mean of s - r0 t is 0, its float sum is not.
    teacher = np.tile([1.0, 1.0], 100)
    student = np.tile([0.95 + 0.03, 0.95 - 0.03], 100)
    result = fieller(student, teacher, r0=0.95, alpha=0.05)
    assert result.t == 0.0 and result.p == 0.5


# Invariants


@settings(deadline=None)
@given(answers, st.randoms(use_true_random=False))
def test_order_of_items_changes_nothing(pair, random):
    student, teacher = pair
    order = list(range(student.size))
    random.shuffle(order)
    first = retention_binary(student, teacher, alpha=0.05)
    assert first == retention_binary(student[order], teacher[order], alpha=0.05)


@settings(deadline=None)
@given(answers.filter(lambda pair: pair[0].size > 0), st.data())
def test_a_wrong_answer_turned_right_never_raises_p_nor_lowers_the_score_bound(pair, data):
    student, teacher = pair
    wrong = np.flatnonzero(~student)
    if wrong.size == 0:
        return
    better = student.copy()
    better[data.draw(st.sampled_from(list(wrong)))] = True
    before, after = paired_counts(student, teacher), paired_counts(better, teacher)
    for r0 in (0.8, 0.95, 1.02):
        p = paired_p(before, r0)
        assert p is None or paired_p(after, r0) <= p + 1e-10
    for alpha in (0.003, 0.05):
        ends = ratio_interval(before, 1 - 2 * alpha), ratio_interval(after, 1 - 2 * alpha)
        if ends[0] != (None, None):
            assert all(new >= old - 1e-12 for old, new in zip(*ends, strict=True))


@settings(deadline=None)
@given(tables, requirements, st.floats(0.001, 0.4))
def test_bound_and_p_agree(counts, r0, alpha):
    p = ratio_score_p(counts, r0)
    lower, upper = ratio_interval(counts, 1 - 2 * alpha)
    if p is None or abs(p - alpha) < 1e-9 or abs(p - 1 + alpha) < 1e-9:
        return
    assert passes(p, alpha) == (lower > r0)
    assert (p > 1 - alpha) == (upper < r0)


@settings(deadline=None)
@given(tables)
def test_the_interval_holds_the_estimate(counts):
    lower, upper = ratio_interval(counts)
    if counts.teacher_right:
        assert lower <= counts.student_right / counts.teacher_right <= upper


@settings(deadline=None)
@given(tables)
def test_counts_come_back_from_answers(counts):
    assert paired_counts(*answers_of(counts)) == counts


# Fieller


scores = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(0, 1)), arrays(np.float64, n, elements=st.floats(0, 1))
    )
)


@settings(deadline=None)
@given(scores, st.floats(0.5, 1.2))
def test_fieller_bound_and_p_agree(pair, r0):
    result = fieller(*pair, r0=r0, alpha=0.05)
    if result.estimate.lower is None or result.p is None or abs(result.p - 0.05) < 1e-6:
        return
    if abs(result.estimate.lower - r0) > 1e-6:
        assert passes(result.p, 0.05) == (result.estimate.lower > r0)


def test_fieller_without_clusters_is_a_one_sample_t_test():
    from scipy.stats import ttest_1samp

    difference = np.array(STUDENT) - 0.9 * np.array(TEACHER)
    expected = ttest_1samp(difference, 0.0, alternative="greater")
    result = fieller(STUDENT, TEACHER, r0=0.9, alpha=0.05)
    assert result.t == pytest.approx(expected.statistic, rel=1e-12)
    assert result.p == pytest.approx(expected.pvalue, rel=1e-12)


def test_fieller_with_clusters_is_a_cluster_robust_regression_on_a_constant():
    import statsmodels.api as sm

    rng = np.random.default_rng(11)
    clusters = rng.integers(0, 40, size=300)
    shift = rng.normal(0, 0.1, size=40)[clusters]
    teacher = np.clip(0.8 + shift + rng.normal(0, 0.1, 300), 0, 1)
    student = np.clip(0.79 + shift + rng.normal(0, 0.1, 300), 0, 1)
    fit = sm.OLS(student - 0.95 * teacher, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    result = fieller(student, teacher, r0=0.95, alpha=0.05, clusters=[f"thread {c}" for c in clusters])
    assert result.df == 39
    # With one regressor statsmodels' factor (n - 1) / (n - k) is 1, so only C / (C - 1) is left.
    assert result.t == pytest.approx(float(fit.tvalues[0]), rel=1e-10)
    assert result.p == pytest.approx(float(fit.pvalues[0]) / 2, rel=1e-10)
    # Each end of the interval is the r0 at which the test is at its edge.
    at_lower = fieller(student, teacher, r0=result.estimate.lower, alpha=0.05, clusters=clusters)
    at_upper = fieller(student, teacher, r0=result.estimate.upper, alpha=0.05, clusters=clusters)
    assert at_lower.p == pytest.approx(0.05, rel=1e-8) and at_upper.p == pytest.approx(0.95, rel=1e-8)


def test_one_cluster_per_item_changes_nothing():
    plain = fieller(STUDENT, TEACHER, r0=0.95, alpha=0.05)
    grouped = fieller(STUDENT, TEACHER, r0=0.95, alpha=0.05, clusters=np.arange(12)[::-1])
    assert grouped.t == pytest.approx(plain.t, rel=1e-12)
    assert grouped.estimate.lower == pytest.approx(plain.estimate.lower, rel=1e-12)


def test_items_repeated_within_clusters_add_no_evidence():
    plain = fieller(STUDENT, TEACHER, r0=0.95, alpha=0.05)
    repeated = fieller(
        np.repeat(STUDENT, 5), np.repeat(TEACHER, 5), r0=0.95, alpha=0.05, clusters=np.repeat(np.arange(12), 5)
    )
    assert repeated.t == pytest.approx(plain.t, rel=1e-10) and repeated.df == plain.df


def test_fieller_edges():
    for n in (0, 1):
        result = fieller([0.9] * n, [0.8] * n, r0=0.95, alpha=0.05, n_failed=2)
        assert (result.t, result.p, result.estimate.lower, result.estimate.upper) == (None, None, None, None)
        assert (result.estimate.n_expected, result.estimate.n_scored, result.estimate.n_failed) == (n + 2, n, 2)
    assert fieller([0.5, 0.5, 0.1], [0.5, 0.4, 0.1], r0=0.9, alpha=0.05, clusters=["x"] * 3).p is None
    silent = fieller([0.5, 0.6], [0.0, 0.0], r0=0.95, alpha=0.05)
    assert (silent.estimate.value, silent.estimate.lower) == (None, None)
    # A teacher whose mean is not clearly above 0 leaves R without bounds.
    faint = fieller([0.1, 0.5, 0.2], [0.0, 0.0, 0.1], r0=0.95, alpha=0.05)
    assert faint.estimate.value is not None and faint.estimate.lower is None and faint.estimate.upper is None
    assert FIELLER_LEAST_ITEMS == 50


@pytest.mark.parametrize("bad", [[0.5, math.nan], [0.5, 1.01], [-0.1, 0.5], [0.5], [math.inf, 0.0], [None, 0.5]])
def test_fieller_refuses_bad_scores(bad):
    with pytest.raises(InputError):
        fieller(bad, [0.5, 0.5], r0=0.95, alpha=0.05)
    with pytest.raises(InputError):
        fieller([0.5, 0.5], bad, r0=0.95, alpha=0.05)


@pytest.mark.parametrize("clusters", [["x"], [[1, 2]], [1.0, math.nan]])
def test_fieller_refuses_bad_clusters(clusters):
    with pytest.raises(InputError):
        fieller([0.5, 0.4], [0.5, 0.5], r0=0.95, alpha=0.05, clusters=clusters)


# The error rate


def test_false_promotion_of_one_look_and_of_five_looks():
    """At the threshold one look promotes at most alpha, and so do five looks at one gate split together."""
    n, repeats, alpha, r0 = 500, 20_000, 0.05, 0.95
    cells = cell_probabilities(r0, 0.92, 0.7)
    rng = np.random.default_rng(20240601)
    teacher_right = rng.binomial(n, 0.92, size=(repeats, 1))
    # Five students that are independent given the teacher's answers on the one gate split.
    a = rng.binomial(teacher_right, cells.both / 0.92, size=(repeats, 5))
    b = rng.binomial(n - teacher_right, cells.student_only / 0.08, size=(repeats, 5))
    z = ratio_score_z_array(a, b, teacher_right - a, r0)
    error = 3 * math.sqrt(alpha * (1 - alpha) / repeats)
    one_look = float(np.mean(z[:, 0] > -ndtri(alpha)))
    assert 0.04 < one_look <= alpha + error
    critical = -ndtri(np.array(look_alphas(alpha, 5)))
    five_looks = float(np.mean((z > critical).any(axis=1)))
    assert 0.02 < five_looks <= alpha
    # What the shares guard against: five looks that spend the whole alpha each.
    assert np.mean((z > -ndtri(alpha)).any(axis=1)) > 2 * alpha
