"""The paired difference: published vectors, other implementations, ties, invariants, and the error rate it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import ttest_1samp
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import ttost_paired

from gatekeeper.errors import InputError
from gatekeeper.stats.difference import (
    difference_binary,
    difference_interval,
    difference_score_p,
    difference_score_z,
    difference_score_z_array,
    difference_scored,
    mcnemar_exact_p,
)
from gatekeeper.stats.paired import PairedCounts, passes
from gatekeeper.stats.power import cell_probabilities

tables = st.builds(PairedCounts, *(st.integers(0, 60) for _ in range(4)))
margins = st.floats(-0.3, 0.5)


# Published vectors and other implementations


@pytest.mark.parametrize(
    ("counts", "confidence", "lower", "upper", "digits"),
    [
        # Tango 1998, Agresti & Min 2005, Fagerland, Lydersen & Laake 2014, Chang 2024, Tang, Ling & Tian 2010: all
        # also in the tests of R's ratesci (pairbinci) and contingencytables.
        ((4, 9, 3, 16), 0.95, -0.027, 0.390, 3),
        ((43, 0, 1, 0), 0.90, -0.096, 0.037, 3),
        ((53, 16, 8, 9), 0.95, -0.020, 0.207, 3),
        ((1, 1, 7, 12), 0.95, -0.517, -0.026, 3),
        ((59, 6, 16, 80), 0.95, -0.1240, -0.0054, 4),
        ((7, 25, 2, 68), 0.95, 0.139, 0.321, 3),
        ((8, 3, 1, 2), 0.95, -0.1670, 0.4327, 4),
    ],
)
def test_interval_vectors(counts, confidence, lower, upper, digits):
    low, high = difference_interval(PairedCounts(*counts), confidence)
    assert (round(low, digits), round(high, digits)) == (lower, upper)


@pytest.mark.parametrize(
    ("counts", "p"),
    [((860, 20, 40, 80), 0.013489), ((59, 6, 16, 80), 0.052479)],  # the second from R's contingencytables
)
def test_mcnemar_vectors(counts, p):
    assert round(mcnemar_exact_p(PairedCounts(*counts)), 6) == p


@settings(deadline=None, max_examples=50)
@given(tables.filter(lambda counts: counts.n > 0))
def test_mcnemar_is_that_of_statsmodels(counts):
    expected = mcnemar([[counts.a, counts.b], [counts.c, counts.d]], exact=True).pvalue
    assert mcnemar_exact_p(counts) == pytest.approx(min(1.0, expected), rel=1e-9)


def constrained_fit(a: int, b: int, c: int, d: int, margin: float) -> float:
    """Maximise the likelihood under difference = -margin by brute force; return z from the variance of s - t itself."""
    n = a + b + c + d
    teacher_only = np.linspace(max(0.0, margin), (1 + margin) / 2, 2_000_001)[1:-1]
    student_only = teacher_only - margin
    likelihood = b * np.log(student_only) + c * np.log(teacher_only)
    likelihood += (a + d) * np.log1p(-student_only - teacher_only)
    best = int(np.argmax(likelihood))
    variance = student_only[best] + teacher_only[best] - margin**2
    return float((b - c + n * margin) / math.sqrt(n * variance))


@pytest.mark.parametrize("margin", [-0.1, 0.01, 0.05, 0.4])
@pytest.mark.parametrize("counts", [(86, 2, 4, 8), (10, 7, 3, 0), (1, 1, 7, 12), (3, 20, 1, 5)])
def test_z_is_that_of_the_constrained_likelihood(counts, margin):
    assert difference_score_z(PairedCounts(*counts), margin) == pytest.approx(
        constrained_fit(*counts, margin), abs=2e-5
    )


@settings(deadline=None)
@given(tables.filter(lambda counts: counts.b + counts.c > 0))
def test_at_margin_zero_it_is_mcnemars_statistic(counts):
    """Without a margin Tango's z is (b - c) / sqrt(b + c)."""
    expected = (counts.b - counts.c) / math.sqrt(counts.b + counts.c)
    assert difference_score_z(counts, 0.0) == pytest.approx(expected, rel=1e-12)


def test_scored_is_one_side_of_an_equivalence_test():
    rng = np.random.default_rng(4)
    teacher = rng.uniform(0.3, 1.0, 80)
    student = np.clip(teacher - 0.01 + rng.normal(0, 0.1, 80), 0, 1)
    result = difference_scored(student, teacher, margin=0.05, alpha=0.05)
    _, lower_side, _ = ttost_paired(student, teacher, -0.05, 0.05)
    assert (result.t, result.p, result.df) == pytest.approx((lower_side[0], lower_side[1], 79), rel=1e-9)
    expected = ttest_1samp(student - teacher, 0.0).confidence_interval(0.90)
    assert (result.estimate.lower, result.estimate.upper) == pytest.approx(tuple(expected), rel=1e-9)


def test_scored_with_clusters_is_a_cluster_robust_regression_on_a_constant():
    import statsmodels.api as sm

    rng = np.random.default_rng(11)
    clusters = rng.integers(0, 60, size=300)
    shift = rng.normal(0, 0.1, size=60)[clusters]
    teacher = np.clip(0.7 + rng.normal(0, 0.1, 300), 0, 1)
    student = np.clip(0.69 + shift + rng.normal(0, 0.1, 300), 0, 1)
    fit = sm.OLS(student - teacher + 0.05, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    result = difference_scored(student, teacher, margin=0.05, alpha=0.05, clusters=[f"thread {c}" for c in clusters])
    assert result.df == 59
    assert result.t == pytest.approx(float(fit.tvalues[0]), rel=1e-9)
    assert result.p == pytest.approx(float(fit.pvalues[0]) / 2, rel=1e-9)


# Edges and ties


def test_edges_of_the_interval():
    assert difference_interval(PairedCounts(0, 0, 0, 0)) == (None, None)
    assert difference_interval(PairedCounts(0, 0, 5, 0))[0] == -1.0
    assert difference_interval(PairedCounts(0, 5, 0, 0))[1] == 1.0
    lower, upper = difference_interval(PairedCounts(50, 0, 0, 2))
    square = float(ndtri(0.05)) ** 2
    assert lower == pytest.approx(-square / (52 + square)) and upper == -lower
    assert mcnemar_exact_p(PairedCounts(0, 0, 0, 0)) is None
    assert mcnemar_exact_p(PairedCounts(9, 0, 0, 1)) == 1.0


def test_nothing_undefined_passes():
    for counts in (PairedCounts(0, 0, 0, 0), PairedCounts(40, 0, 0, 3)):
        assert difference_score_p(counts, 0.0) is None
    assert not passes(difference_score_p(PairedCounts(0, 0, 0, 0), 0.05), 0.5)
    z = difference_score_z_array([[0], [3]], [0, 2], 10, 0.0)
    assert z.shape == (2, 2) and math.isnan(z[0, 0]) and not z[0, 0] > -math.inf
    empty = difference_binary([], [], alpha=0.05, n_failed=3)
    assert (empty.value, empty.lower, empty.upper, empty.n_expected) == (None, None, None, 3)
    for n in (0, 1):
        result = difference_scored([0.9] * n, [0.8] * n, margin=0.05, alpha=0.05, n_failed=2)
        assert (result.t, result.p, result.df, result.estimate.lower) == (None, None, None, None)
        assert (result.estimate.n_expected, result.estimate.n_scored, result.estimate.n_failed) == (n + 2, n, 2)
    assert difference_scored([0.5, 0.4], [0.5, 0.6], margin=0.3, alpha=0.05, clusters=["x", "x"]).p is None


def test_a_difference_equal_to_the_margin_is_a_tie_whatever_the_floats_say():
    ties = 0
    for hundredths in range(1, 30):
        for n in range(100, 1001, 100):
            lost = hundredths * n // 100
            for margin in (hundredths / 100, 0.92 - (92 - hundredths) / 100):
                ties += n * margin - lost != 0  # the trap: not 0 in floats
                assert difference_score_z(PairedCounts(n // 2, 2, lost + 2, n // 2 - lost - 4), margin) == 0.0
    assert ties > 100


def test_092_to_090_at_a_margin_of_002_does_not_pass():
    binary = PairedCounts(860, 40, 60, 40)
    assert (binary.teacher_right, binary.student_right) == (920, 900)
    for margin in (0.02, 0.92 - 0.90):
        assert difference_score_p(binary, margin) == 0.5
        assert difference_scored(np.full(400, 0.90), np.full(400, 0.92), margin=margin, alpha=0.05).p is None
        spread = np.tile([0.03, -0.03], 200)
        result = difference_scored(0.90 + spread, np.full(400, 0.92), margin=margin, alpha=0.05)
        assert (result.t, result.p) == (0.0, 0.5)


def test_a_student_that_copies_every_score_shows_no_spread():
    scores = np.random.default_rng(2).random(200)
    copied = difference_scored(scores, scores, margin=0.05, alpha=0.05)
    assert (copied.p, copied.estimate.value, copied.estimate.lower) == (None, 0.0, None)
    # With right or wrong answers the score test does know a variance at the margin.
    assert passes(difference_score_p(PairedCounts(184, 0, 0, 16), 0.05), 0.05)


@pytest.mark.parametrize("margin", [-1.0, 1.0, math.nan, math.inf])
def test_bad_margins_are_refused(margin):
    with pytest.raises(InputError):
        difference_score_p(PairedCounts(8, 1, 1, 0), margin)
    with pytest.raises(InputError):
        difference_scored([0.5, 0.4], [0.5, 0.5], margin=margin, alpha=0.05)


@pytest.mark.parametrize("bad", [[0.5, math.nan], [0.5, 1.01], [0.5], [None, 0.5]])
def test_bad_scores_are_refused(bad):
    with pytest.raises(InputError):
        difference_scored(bad, [0.5, 0.5], margin=0.05, alpha=0.05)
    with pytest.raises(InputError):
        difference_binary(bad, [True, False], alpha=0.05)


# Invariants


@settings(deadline=None)
@given(tables, margins)
def test_exchanging_the_models_turns_the_sign(counts, margin):
    mirrored = PairedCounts(counts.a, counts.c, counts.b, counts.d)
    z, back = difference_score_z(counts, margin), difference_score_z(mirrored, -margin)
    if z is not None and back is not None:
        assert z == pytest.approx(-back, rel=1e-7, abs=1e-7)
    lower, upper = difference_interval(counts)
    if lower is not None:
        assert difference_interval(mirrored) == pytest.approx((-upper, -lower))


@settings(deadline=None)
@given(tables, margins, st.floats(0.001, 0.4))
def test_bound_and_p_agree(counts, margin, alpha):
    p = difference_score_p(counts, margin)
    lower, upper = difference_interval(counts, 1 - 2 * alpha)
    if p is None or abs(p - alpha) < 1e-9 or abs(p - 1 + alpha) < 1e-9:
        return
    assert -1 <= lower <= (counts.b - counts.c) / counts.n <= upper <= 1
    assert passes(p, alpha) == (lower > -margin)
    assert (p > 1 - alpha) == (upper < -margin)


def test_a_wrong_answer_turned_right_never_lowers_z():
    """All tables of up to 30 items: one more for b from neither, or one less for c, whatever the margin."""
    compared = 0
    for n in (1, 2, 5, 12, 30):
        b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        for margin in (-0.3, -0.01, 0.0, 0.01, 0.05, 0.3, 0.9):
            z = np.where(b + c <= n, difference_score_z_array(b, c, n, margin), np.nan)
            for gain in (z[1:, :] - z[:-1, :], z[:, :-1] - z[:, 1:]):
                defined = np.isfinite(gain)
                compared += int(defined.sum())
                assert (gain[defined] >= -1e-9).all()
    assert compared > 7_000


def test_order_of_items_changes_nothing():
    rng = np.random.default_rng(8)
    student, teacher, clusters = rng.random(90), rng.random(90), rng.integers(0, 60, 90)
    order = rng.permutation(90)
    first = difference_scored(student, teacher, margin=0.1, alpha=0.05, clusters=clusters)
    second = difference_scored(student[order], teacher[order], margin=0.1, alpha=0.05, clusters=clusters[order])
    assert second.t == pytest.approx(first.t, rel=1e-12)
    right = difference_binary(student > 0.3, teacher > 0.2, alpha=0.05)
    assert difference_binary((student > 0.3)[order], (teacher > 0.2)[order], alpha=0.05) == right


def test_items_repeated_within_clusters_add_no_evidence():
    rng = np.random.default_rng(9)
    student, teacher = rng.random(60), rng.random(60)
    plain = difference_scored(student, teacher, margin=0.1, alpha=0.05)
    five = [np.repeat(x, 5) for x in (student, teacher, np.arange(60))]
    seen = difference_scored(five[0], five[1], margin=0.1, alpha=0.05, clusters=five[2])
    assert (seen.t, seen.df) == pytest.approx((plain.t, plain.df), rel=1e-10)
    blind = difference_scored(five[0], five[1], margin=0.1, alpha=0.05)
    assert abs(blind.t) > 2 * abs(plain.t)


# The error rate


@pytest.mark.parametrize("correlation", [0.3, 0.9])
def test_false_pass_at_the_margin(correlation):
    """A student that is worse by exactly the margin passes at most alpha of the time, and not much less."""
    n, repeats, alpha, margin = 500, 40_000, 0.05, 0.03
    cells = cell_probabilities((0.92 - margin) / 0.92, 0.92, correlation)
    counts = np.random.default_rng(98).multinomial(n, cells, size=repeats)
    z = difference_score_z_array(counts[:, 1], counts[:, 2], n, margin)
    rate = float(np.mean(z > -ndtri(alpha)))
    assert 0.04 < rate <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / repeats)
