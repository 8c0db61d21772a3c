"""Agreement, separation and sampling noise: published vectors, other implementations, edges, known truths."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from gatekeeper.errors import InputError
from gatekeeper.stats.agreement import chance_corrected, judge_rates, kappa, self_agreement
from gatekeeper.stats.auroc import auroc, delong
from gatekeeper.stats.noise import difference_variance, noise_split

label_pairs = st.integers(2, 60).flatmap(
    lambda n: st.tuples(*(st.lists(st.sampled_from(["yes", "no", "maybe"]), min_size=n, max_size=n) for _ in range(2)))
)


# Cohen's kappa


def test_kappa_vector():
    """SAS PROC FREQ, quoted in the tests of statsmodels."""
    table = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
    first = [i for i in range(3) for j in range(3) for _ in range(table[i][j])]
    second = [j for i in range(3) for j in range(3) for _ in range(table[i][j])]
    result = kappa(first, second)
    assert [round(x, 4) for x in (result.value, result.lower, result.upper)] == [0.4842, 0.2137, 0.7547]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning:statsmodels")
@settings(deadline=None, max_examples=60)
@given(label_pairs)
def test_kappa_is_that_of_statsmodels_and_scikit_learn(pair):
    labels = sorted({*pair[0], *pair[1]})
    table = np.array([[sum(x == (a, b) for x in zip(*pair, strict=True)) for b in labels] for a in labels])
    result = kappa(*pair, confidence=0.9)
    if len(labels) == 1:
        assert (result.value, result.lower, result.upper) == (None, None, None)
        return
    expected = cohens_kappa(table)
    assert result.value == pytest.approx(expected.kappa, abs=1e-12)
    assert result.value == pytest.approx(cohen_kappa_score(*pair), abs=1e-12)
    error = math.sqrt(max(0.0, expected.var_kappa))
    if error > 1e-6:
        assert result.lower == pytest.approx(max(-1.0, expected.kappa + ndtri(0.05) * error), abs=1e-9)
        assert result.upper == pytest.approx(min(1.0, expected.kappa - ndtri(0.05) * error), abs=1e-9)


def test_kappa_edges():
    assert kappa([], []).value is None
    perfect = kappa(["a", "b", "a"], ["a", "b", "a"])
    assert (perfect.value, perfect.lower, perfect.upper) == (1.0, None, None)
    for first, second in [
        (["a"], ["a", "b"]),
        (["a", None], ["a", "b"]),
        ([1.0, math.nan], [1.0, 2.0]),
        ([["a"]], ["a"]),
    ]:
        with pytest.raises(InputError):
            kappa(first, second)
    with pytest.raises(InputError):
        kappa(["a"], ["b"], confidence=95)


# A judge against people


def test_judge_rates():
    judge, people = np.repeat([1, 1, 0, 0], [46, 3, 4, 17]), np.repeat([1, 0, 1, 0], [46, 3, 4, 17])
    rates = judge_rates(judge, people)
    assert (rates.sensitivity.value, rates.sensitivity.n_scored) == (0.92, 50)
    assert (round(rates.sensitivity.lower, 6), round(rates.sensitivity.upper, 6)) == (0.811618, 0.968450)
    assert (rates.specificity.value, rates.specificity.n_scored) == (0.85, 20)
    expected = proportion_confint(17, 20, method="wilson")
    assert (rates.specificity.lower, rates.specificity.upper) == pytest.approx(expected)


def test_judge_rates_without_one_kind():
    rates = judge_rates([True, False], [True, True])
    assert rates.sensitivity.value == 0.5
    assert (rates.specificity.value, rates.specificity.lower, rates.specificity.n_scored) == (None, None, 0)
    for bad in ([True], [True, math.nan], [True, 0.5]):
        with pytest.raises(InputError):
            judge_rates(bad, [True, False])


def test_chance_corrected():
    result = chance_corrected(46, 50, chance=0.25)
    assert result.value == pytest.approx((0.92 - 0.25) / 0.75)
    assert result.lower == pytest.approx((0.811618 - 0.25) / 0.75, abs=1e-6)
    assert result.upper == pytest.approx((0.968450 - 0.25) / 0.75, abs=1e-6)
    assert chance_corrected(1, 4, chance=0.25).value == 0.0
    assert chance_corrected(0, 4, chance=0.5).value == -1.0
    assert chance_corrected(0, 0, chance=0.5).value is None
    for chance in (1.0, -0.1, math.nan):
        with pytest.raises(InputError):
            chance_corrected(1, 4, chance=chance)


# Samples of one model


def test_self_agreement_is_the_share_of_agreeing_pairs():
    samples = np.random.default_rng(1).integers(0, 3, size=(40, 5)).astype(str)
    shares = [np.mean([a == b for a, b in combinations(row, 2)]) for row in samples]
    result = self_agreement(samples)
    assert result.value == pytest.approx(np.mean(shares), rel=1e-12)
    half = 2.022690920 * np.std(shares, ddof=1) / math.sqrt(40)  # Student's t, 39 degrees of freedom
    assert (result.lower, result.upper) == pytest.approx((result.value - half, result.value + half), rel=1e-8)
    assert (result.n_expected, result.n_scored) == (40, 40)


def test_self_agreement_edges():
    twice = self_agreement([["a", "a"]] * 46 + [["a", "b"]] * 4)
    assert (round(twice.lower, 6), round(twice.upper, 6), twice.method) == (0.811618, 0.968450, "wilson")
    few = self_agreement([["a", "a", "b"], ["c", "c", "c"]])
    assert (few.lower, few.upper) == (0.0, 1.0)
    assert self_agreement(np.empty((0, 3))).value is None
    for bad in ([["a"], ["b"]], ["a", "b"], [["a", None]], [[1.0, math.nan]]):
        with pytest.raises(InputError):
            self_agreement(bad)


# AUROC

HEALTHY = np.repeat([1, 2, 3, 4, 5], [33, 6, 6, 11, 2])
ILL = np.repeat([1, 2, 3, 4, 5], [3, 2, 2, 11, 33])


def test_delong_vector():
    """Ratings of CT images of Hanley & McNeil 1982; Stata's manual (roctab): 0.8932, 0.0307, 0.83295 to 0.95339."""
    value, error = delong(ILL, HEALTHY)
    assert (round(value, 4), round(error, 4)) == (0.8932, 0.0307)
    quantile = float(ndtri(0.975))
    assert (round(value - quantile * error, 5), round(value + quantile * error, 5)) == (0.83295, 0.95339)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=25),
    st.lists(st.integers(0, 6), min_size=2, max_size=25),
)
def test_delong_is_its_definition(positives, negatives):
    p, n = np.array(positives, float), np.array(negatives, float)
    psi = (p[:, None] > n[None, :]) + 0.5 * (p[:, None] == n[None, :])
    value, error = delong(p, n)
    assert value == pytest.approx(psi.mean(), abs=1e-12)
    truth = np.r_[np.ones(p.size), np.zeros(n.size)]
    assert value == pytest.approx(roc_auc_score(truth, np.r_[p, n]), abs=1e-12)
    variance = psi.mean(axis=1).var(ddof=1) / p.size + psi.mean(axis=0).var(ddof=1) / n.size
    assert error == pytest.approx(math.sqrt(variance), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-3, 3), max_size=20), st.lists(st.floats(-3, 3), max_size=20))
def test_auroc_interval(positives, negatives):
    result, mirrored = auroc(positives, negatives), auroc(negatives, positives)
    assert (result.value is None) == (not positives or not negatives)
    if result.lower is not None:
        assert 0 <= result.lower <= result.value <= result.upper <= 1
        assert (mirrored.lower, mirrored.upper) == pytest.approx((1 - result.upper, 1 - result.lower), abs=1e-9)


def test_auroc_edges():
    for positives, negatives in ([], [0.1]), ([0.1], []), ([], []):
        result = auroc(positives, negatives, n_failed=1)
        assert (result.value, result.lower, result.upper) == (None, None, None)
        assert result.n_expected == len(positives) + len(negatives) + 1
    assert auroc([0.9], [0.1, 0.2]).value == 1.0 and auroc([0.9], [0.1, 0.2]).lower is None
    assert (auroc([0.5] * 9, [0.5] * 9).value, auroc([0.5] * 9, [0.5] * 9).lower) == (0.5, None)
    for bad in ([math.nan, 0.5], [math.inf, 0.5], [[0.5]], [None]):
        with pytest.raises(InputError):
            auroc(bad, [0.1, 0.2])


def test_complete_separation_has_an_exact_bound():
    result = auroc(np.arange(10.0, 70.0), np.arange(-90.0, 0.0), confidence=0.90)
    assert (result.value, result.upper) == (1.0, 1.0)
    # 60 disjoint pairs that are all in order have this probability at the bound.
    assert result.lower**60 == pytest.approx(0.05)
    assert auroc(np.arange(5.0), np.arange(10.0, 15.0)).lower == 0.0


@pytest.mark.parametrize("area", [0.8, 0.95])
def test_one_sided_error_of_the_auroc_bound(area):
    repeats, shift = 2000, -float(ndtri(1 - area)) * math.sqrt(2)
    rng = np.random.default_rng(12)
    above = plain = 0
    for _ in range(repeats):
        positives, negatives = rng.normal(shift, 1, 100), rng.normal(0, 1, 100)
        above += auroc(positives, negatives).lower > area
        value, error = delong(positives, negatives)
        plain += value + float(ndtri(0.05)) * error > area
    assert 0.03 < above / repeats < 0.065
    assert plain > above  # what the logit is for


# Sampling noise


def test_noise_split_is_an_analysis_of_variance():
    import pandas as pd
    from statsmodels.formula.api import ols

    rng = np.random.default_rng(17)
    own = rng.uniform(0.3, 0.8, size=(30, 1))
    teacher, student = own + rng.uniform(-0.2, 0.2, (30, 4)), own + rng.uniform(-0.1, 0.1, (30, 3))
    split = noise_split(teacher, student)
    for scores, found in ((teacher, split.teacher), (student, split.student)):
        k = scores.shape[1]
        data = pd.DataFrame({"score": scores.ravel(), "item": [f"i{i}" for i in np.repeat(np.arange(30), k)]})
        table = anova_lm(ols("score ~ C(item)", data).fit())
        between, within = table["mean_sq"].iloc[0], table["mean_sq"].iloc[1]
        assert found.noise == pytest.approx(within, rel=1e-9)
        assert found.items == pytest.approx((between - within) / k, rel=1e-9)
        assert found.samples == k


def test_noise_split_finds_the_truth():
    rng = np.random.default_rng(18)
    chance = rng.beta(4, 1, size=(100_000, 1))  # variance 4 / 150
    teacher = (rng.random((100_000, 4)) < chance).astype(float)
    student = (rng.random((100_000, 2)) < 0.9 * chance).astype(float)
    split = noise_split(teacher, student)
    assert split.teacher.items == pytest.approx(4 / 150, rel=0.05)
    assert split.student.items == pytest.approx(0.81 * 4 / 150, rel=0.05)
    assert split.covariance == pytest.approx(0.9 * 4 / 150, rel=0.05)
    # Mean of p (1 - p) over Beta(4, 1).
    assert split.teacher.noise == pytest.approx(4 / 5 - 4 / 6, rel=0.05)
    again = split.teacher_again
    assert again.lower < 1.0 < again.upper and again.upper - again.lower < 0.02
    for s_samples, t_samples in ((1, 1), (2, 4)):
        items, noise = difference_variance(split, 0.95, student_samples=s_samples, teacher_samples=t_samples)
        d = student[:, :s_samples].mean(axis=1) - 0.95 * teacher[:, :t_samples].mean(axis=1)
        assert items + noise == pytest.approx(d.var(ddof=1), rel=0.03)
        assert items < 0.02 * noise  # so here nearly all of it is noise, and more samples pay


def test_a_teacher_without_noise():
    scores = np.repeat(np.random.default_rng(4).random((60, 1)), 4, axis=1)
    split = noise_split(scores, scores[:, :2])
    assert split.teacher.noise == pytest.approx(0.0, abs=1e-30)
    assert split.teacher.items == pytest.approx(scores[:, 0].var(ddof=1), rel=1e-12)
    assert split.teacher_again.value == pytest.approx(1.0, rel=1e-12)


def test_noise_split_edges():
    single = noise_split([[0.5], [0.7]], [[0.4, 0.5], [0.6, 0.9]])
    assert (single.teacher.items, single.teacher.noise, single.teacher_again.value) == (None, None, None)
    assert single.student.noise is not None and single.covariance is not None
    assert difference_variance(single, 0.95, student_samples=1, teacher_samples=1) is None
    for n in (0, 1):
        few = noise_split(np.full((n, 2), 0.5), np.full((n, 2), 0.5))
        assert (few.teacher.noise, few.covariance, few.teacher_again.lower) == (None, None, None)
    opposed = noise_split([[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]])
    assert opposed.teacher.items == 0.0
    for bad in ([[0.5, math.nan]], [[0.5, 1.5]], [0.5, 0.5], [["a", "b"]], np.empty((1, 0))):
        with pytest.raises(InputError):
            noise_split(bad, [[0.5, 0.5]])
    with pytest.raises(InputError):
        noise_split([[0.5, 0.5]], [[0.5, 0.5], [0.1, 0.2]])
