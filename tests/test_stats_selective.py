"""The threshold of a blend: the curve, the choice and the error rate that it promises; calibration of confidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gatekeeper.errors import InputError
from gatekeeper.stats.calibration import calibration_error, cross_calibrated, fit_isotonic
from gatekeeper.stats.coverage import accepted, blend_scores, risk_coverage, thresholds_at
from gatekeeper.stats.paired import fieller, paired_counts, paired_p, passes, smallest_passable_n
from gatekeeper.stats.selective import choose_threshold, retention_test

SURENESS = np.array([np.nan, 0.2, 0.4, 0.5, 0.9, 1.0])


@st.composite
def dev_rows(draw, least=1):
    """Scores of both models, right or wrong, and confidences with many ties and some missing."""
    n = draw(st.integers(least, 40))
    student, teacher = (draw(arrays(np.bool_, n)).astype(float) for _ in range(2))
    return student, teacher, SURENESS[draw(arrays(np.int64, n, elements=st.integers(0, len(SURENESS) - 1)))]


# The curve


@settings(deadline=None)
@given(dev_rows())
def test_the_curve_is_what_each_threshold_does(rows):
    student, teacher, confidence = rows
    curve = risk_coverage(student, teacher, confidence)
    levels = sorted({x for x in confidence if not math.isnan(x)}, reverse=True)
    assert [point.threshold for point in curve.points] == levels
    for point in curve.points:
        blend = blend_scores(student, teacher, confidence, point.threshold)
        mask = accepted(confidence, point.threshold)
        assert point.coverage == mask.mean()
        assert (point.accuracy, point.teacher_accuracy) == (student[mask].mean(), teacher[mask].mean())
        if teacher.any():
            assert point.retention == pytest.approx(blend.mean() / teacher.mean())
        else:
            assert point.retention is None
    risks = [1 - student[accepted(confidence, x)].mean() for x in confidence if not math.isnan(x)]
    assert curve.aurc == (pytest.approx(np.mean(risks)) if risks else None)


def test_aurc_without_ties_is_the_mean_over_ranks():
    curve = risk_coverage([1, 0, 1, 1], [1, 1, 1, 1], [0.9, 0.8, 0.7, 0.6])
    assert curve.aurc == pytest.approx(np.mean([0, 1 / 2, 1 / 3, 1 / 4]))
    assert [point.retention for point in curve.points] == [1, 0.75, 0.75, 0.75]


@settings(deadline=None)
@given(dev_rows(), st.lists(st.integers(1, 20), min_size=1, unique=True))
def test_thresholds_cover_at_least_what_was_asked_and_split_no_tie(rows, twentieths):
    confidence = rows[2]
    shares = [k / 20 for k in sorted(twentieths)]
    found = thresholds_at(confidence, shares)
    known = confidence[np.isfinite(confidence)]
    assert list(found) == sorted(set(found), reverse=True)
    assert set(found) <= set(known)
    for share in shares if known.size else ():
        wanted = min(math.ceil(round(share * confidence.size, 6)), known.size)
        smallest = max(x for x in known if (known >= x).sum() >= wanted)
        assert smallest in found


def test_a_row_without_a_confidence_stays_with_the_teacher():
    assert accepted([0.3, np.nan, 0.9], 0.0).tolist() == [True, False, True]
    blend = blend_scores([0, 0, np.nan], [1, 1, 1], [0.9, np.nan, 0.9], 0.5)
    assert blend[:2].tolist() == [0, 1]
    assert math.isnan(blend[2]), "a student's score that is missing is not replaced"
    assert math.isnan(blend_scores([1], [np.nan], [0.1], 0.5)[0]), "nor is a teacher's"


# The choice


@settings(deadline=None)
@given(dev_rows(least=30), st.floats(0.3, 0.99), st.floats(0.01, 0.49))
def test_the_path_is_a_fixed_sequence_of_paired_tests(rows, r0, delta):
    student, teacher, confidence = rows
    choice = choose_threshold(student, teacher, confidence, r0=r0, delta=delta)
    thresholds = thresholds_at(confidence)
    assert tuple(step.threshold for step in choice.path) == thresholds[: len(choice.path)]
    for step in choice.path:
        blend = blend_scores(student, teacher, confidence, step.threshold)
        assert step.p == paired_p(paired_counts(blend, teacher), r0)
        assert step.p == retention_test(blend, teacher, r0=r0, alpha=delta)[1]
        assert step.passed == passes(step.p, delta)
        assert step.coverage == (confidence >= step.threshold).mean()
    assert all(step.passed for step in choice.path[:-1])
    assert not choice.path or not choice.path[-1].passed or len(choice.path) == len(thresholds)
    assert choice.certified == tuple(step for step in choice.path if step.passed)
    assert (choice.chosen is None) == (choice.reason is not None)


def test_it_stops_at_the_first_threshold_that_does_not_pass():
    confidence = np.linspace(1, 0, 400)
    student, teacher = np.ones(400), np.ones(400)
    student[:40] = 0  # wrong on the 10 % where it is surest,
    teacher[200:] = 0  # and far better than the teacher on the rest
    choice = choose_threshold(student, teacher, confidence, r0=0.85, delta=0.05)
    assert [(step.coverage, step.retention, step.passed) for step in choice.path] == [
        (0.05, pytest.approx(0.9), True),
        (0.1, pytest.approx(0.8), False),
    ]
    assert choice.chosen == choice.path[0]
    assert retention_test(student, teacher, r0=0.85, alpha=0.05)[1] < 1e-9, "the boldest would have passed"
    assert choose_threshold(student, teacher, confidence, r0=0.7, delta=0.05).chosen.coverage == 1.0


@pytest.mark.parametrize(("r0", "delta", "accuracy"), [(0.95, 0.05, 1.0), (0.95, 0.1, 0.8), (0.9, 0.2, 0.92)])
def test_too_few_rows_are_refused_with_the_rows_needed(r0, delta, accuracy):
    least = smallest_passable_n(r0, delta, accuracy)
    for n in (least - 1, least):
        teacher = (np.arange(n) < round(accuracy * n)).astype(float)
        choice = choose_threshold(teacher, teacher, np.linspace(0, 1, n), r0=r0, delta=delta)
        if n == least:
            assert choice.chosen is not None and choice.chosen.coverage == 1.0
        else:
            assert choice.chosen is None
            assert f"With {n} rows not even the teacher itself" in choice.reason
            assert f"{least} rows are the fewest" in choice.reason


def test_what_cannot_be_chosen_says_why():
    ones = np.ones(200)
    for confidence, teacher, words in (
        (np.full(200, np.nan), ones, "does the student's confidence reach"),
        (np.linspace(0, 1, 200), 0 * ones, "nothing to keep"),
        (np.linspace(0, 1, 200), np.arange(200) % 2, "200 rows|surest"),
    ):
        choice = choose_threshold(0 * ones, teacher, confidence, r0=0.95, delta=0.05)
        assert choice.chosen is None
        assert any(word in choice.reason for word in words.split("|"))


def test_a_threshold_that_no_row_reaches_is_left_out():
    ones = np.ones(100)
    choice = choose_threshold(ones, ones, np.linspace(0, 0.9, 100), r0=0.9, delta=0.05, grid=[0.95, 0.5])
    assert [step.threshold for step in choice.path] == [0.5]
    assert choice.chosen.coverage == pytest.approx(0.45, abs=0.01)


def test_rows_in_clusters_count_as_their_clusters():
    rng = np.random.default_rng(5)
    confidence = rng.permutation(120) / 120
    teacher = (rng.random(120) < 0.9).astype(float)
    student = np.where(rng.random(120) < 0.75 + 0.25 * confidence, teacher, 0.0)
    copies = {
        "student": np.repeat(student, 5),
        "teacher": np.repeat(teacher, 5),
        "confidence": np.repeat(confidence, 5),
    }
    clustered = choose_threshold(**copies, r0=0.9, delta=0.1, clusters=np.repeat(np.arange(120), 5))
    blind = choose_threshold(**copies, r0=0.9, delta=0.1)
    for step in clustered.path:
        blend = blend_scores(student, teacher, confidence, step.threshold)
        assert step.p == pytest.approx(fieller(blend, teacher, r0=0.9, alpha=0.1).p)
    assert 0 < len(clustered.certified) < len(blind.certified)
    alone = choose_threshold(student, teacher, confidence, r0=0.9, delta=0.1, clusters=np.arange(120))
    assert alone == choose_threshold(student, teacher, confidence, r0=0.9, delta=0.1)


@pytest.mark.parametrize(("clusters", "certified"), [(49, False), (58, False), (59, True)])
def test_agreement_without_any_spread_needs_enough_clusters(clusters, certified):
    # Nobody erred: under R <= 0.95 that happens with probability 0.95^clusters, which 59 bring below 0.05.
    ones, groups = np.ones(2 * clusters), np.repeat(np.arange(clusters), 2)
    choice = choose_threshold(ones, ones, np.linspace(0, 1, ones.size), r0=0.95, delta=0.05, clusters=groups)
    assert (choice.chosen is not None) == certified
    assert (choice.path[0].p is None) == (clusters < 50)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"student": [1, 0]}, "student has 2 items"),
        ({"student": [1, np.nan, 0]}, r"student\[1\]"),
        ({"confidence": [0.1, 0.2]}, "confidence has 2 rows"),
        ({"confidence": [0.1, np.inf, 0.2]}, r"confidence\[1\] is inf"),
        ({"clusters": ["a"]}, "clusters has shape"),
        ({"grid": [0.2, 0.5]}, "does not fall"),
        ({"grid": []}, "grid is empty"),
        ({"delta": 0.5}, "delta is 0.5"),
        ({"r0": 0.0}, "r0 is 0.0"),
    ],
)
def test_bad_input_is_named(changes, message):
    good = {"student": [1, 0, 1], "teacher": [1, 1, 0], "confidence": [0.1, 0.2, 0.3], "r0": 0.9, "delta": 0.1}
    with pytest.raises(InputError, match=message):
        choose_threshold(**{**good, **changes})


@pytest.mark.parametrize("coverages", [[], [0.0, 0.5], [0.5, 0.4], [0.5, 1.1]])
def test_coverages_must_rise_within_bounds(coverages):
    with pytest.raises(InputError, match="coverages"):
        thresholds_at([0.5], coverages)


# The error rate: confidence is uniform, the teacher is right on 92 % whatever the confidence, the student on
# 62 % + 37 % times the confidence. So R(share) = 1 - share + share (0.99 - 0.185 share) / 0.92, which is 0.95 at 72 %.

TEACHER = 0.92


def _true_retention(threshold):
    share = 1 - threshold
    return 1 - share + share * (0.99 - 0.185 * share) / TEACHER


def _draw(rng, n):
    """Correlated answers: both models are right together more often than by chance."""
    confidence, luck = rng.random(n), rng.random(n)
    own = np.where(rng.random(n) < 0.5, luck, rng.random(n))
    return (own < 0.62 + 0.37 * confidence).astype(float), (luck < TEACHER).astype(float), confidence


@pytest.mark.parametrize("n", [500, 2000])
def test_a_point_estimate_misses_its_promise_about_half_of_the_time_and_the_choice_at_most_delta(n):
    rng, delta, reps = np.random.default_rng(20110), 0.1, 300
    missed = missed_by_estimate = 0
    coverages = []
    for _ in range(reps):
        student, teacher, confidence = _draw(rng, n)
        grid = thresholds_at(confidence, [k / 100 for k in range(50, 101)])
        blends = np.where(confidence >= np.array(grid)[:, None], student, teacher)
        boldest = np.flatnonzero(blends.sum(axis=1) >= 0.95 * teacher.sum()).max()
        missed_by_estimate += _true_retention(grid[boldest]) < 0.95
        step = choose_threshold(student, teacher, confidence, r0=0.95, delta=delta, grid=grid).chosen
        missed += step is not None and _true_retention(step.threshold) <= 0.95
        coverages.append(step.coverage if step else 0.0)
    error = 3 * math.sqrt(delta * (1 - delta) / reps)
    assert 0.4 < missed_by_estimate / reps < 0.7
    assert missed / reps <= delta + error
    assert missed > 0, "a rate of 0 would say that coverage is given away"
    assert np.mean(coverages) > (0.6 if n == 500 else 0.66)  # of the 72 % that keep 0.95


# Calibration


@settings(deadline=None)
@given(dev_rows())
def test_isotonic_is_the_least_squares_fit_that_rises(rows):
    right, _, confidence = rows
    known = np.isfinite(confidence)
    if not known.any():
        return
    x, y = confidence[known], right[known]
    fitted = fit_isotonic(x, y)
    levels = np.unique(x)
    # The min-max formula of Robertson, Wright & Dykstra (1988).
    expected = [
        max(
            min(y[(x >= low) & (x <= high)].mean() for high in levels if high >= level)
            for low in levels
            if low <= level
        )
        for level in levels
    ]
    assert fitted.apply(levels) == pytest.approx(expected)
    between = fitted.apply(np.linspace(-0.5, 1.5, 101))
    assert (np.diff(between) >= -1e-12).all()
    assert between.min() >= 0 and between.max() <= 1


def test_knots_are_only_the_corners_and_nan_stays():
    fitted = fit_isotonic([0.1, 0.2, 0.3, 0.4, 0.9], [0, 0, 0, 1, 1])
    assert fitted.confidence == (0.1, 0.3, 0.4, 0.9)
    assert fitted.probability == (0, 0, 1, 1)
    assert fitted.apply([0.35, 0.0, 2.0])[:3] == pytest.approx([0.5, 0, 1])
    assert math.isnan(fitted.apply(np.nan))


def test_a_calibrated_confidence_has_no_squared_error_on_average_but_a_plain_one():
    rng = np.random.default_rng(3)
    plain, squared, shifted = [], [], []
    for _ in range(300):
        truth = rng.uniform(0.4, 1.0, 300)
        right = rng.random(300) < truth
        error = calibration_error(truth, right, bins=15)
        plain.append(error.ece)
        squared.append(error.squared)
        shifted.append(calibration_error(truth - 0.2, right, bins=15).squared)
    assert np.mean(plain) > 0.05
    assert abs(np.mean(squared)) < 4 * np.std(squared) / math.sqrt(300) < 0.001
    assert np.mean(shifted) == pytest.approx(0.04, abs=4 * np.std(shifted) / math.sqrt(300))


def test_calibration_error_by_hand():
    # Bins {0.2, 0.4} with mean score 0.5 and {0.8, 0.8, 0.8} with mean score 1/3; equal confidences share a bin.
    error = calibration_error([0.2, 0.4, 0.8, 0.8, 0.8], [0, 1, 1, 0, 0], bins=2)
    assert [(one.rows, one.confidence, one.accuracy) for one in error.bins] == [
        (2, pytest.approx(0.3), 0.5),
        (3, pytest.approx(0.8), pytest.approx(1 / 3)),
    ]
    assert error.ece == pytest.approx((2 * 0.2 + 3 * (0.8 - 1 / 3)) / 5)
    first, second = 0.2**2 - 0.4**2 * 2 / 2, (0.8 - 1 / 3) ** 2 - (2 / 3) / 6
    assert error.squared == pytest.approx((2 * first + 3 * second) / 5)
    assert calibration_error([0.5], [1]).squared is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 59), st.integers(0, 1000))
def test_no_row_is_calibrated_with_its_own_cluster(row, seed):
    rng = np.random.default_rng(seed)
    confidence, clusters = rng.random(60), np.arange(60) // 3
    right = (rng.random(60) < confidence).astype(float)
    own = clusters == clusters[row]
    before = cross_calibrated(confidence, right, np.random.default_rng(1), clusters=clusters)
    after = cross_calibrated(confidence, np.where(own, 1 - right, right), np.random.default_rng(1), clusters=clusters)
    assert (before[own] == after[own]).all()
    assert (before != after).any()


def test_cross_calibration_mends_an_overconfident_student():
    rng = np.random.default_rng(8)
    truth = rng.uniform(0.3, 0.9, 2000)
    right, confidence = rng.random(2000) < truth, truth**0.3
    mended = cross_calibrated(confidence, right, rng)
    assert calibration_error(confidence, right).squared > 0.03
    assert calibration_error(mended, right).squared < 0.002


@pytest.mark.parametrize(
    "call",
    [
        lambda: fit_isotonic([], []),
        lambda: fit_isotonic([0.1], [0, 1]),
        lambda: fit_isotonic([np.nan], [1]),
        lambda: calibration_error([0.1], [2]),
        lambda: calibration_error([0.1], [1], bins=0),
        lambda: cross_calibrated([0.1, 0.2], [1, 0], np.random.default_rng(0), folds=3),
        lambda: cross_calibrated([0.1, 0.2], [1, 0], np.random.default_rng(0), folds=2, clusters=[1]),
    ],
)
def test_bad_input_of_calibration_is_refused(call):
    with pytest.raises(InputError):
        call()
