"""Slices against a minimum, in both directions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from gatekeeper.errors import InputError
from gatekeeper.stats.paired import (
    PairedCounts,
    paired_counts,
    paired_lower,
    paired_p,
    ratio_interval,
    ratio_score_p,
)
from gatekeeper.stats.power import cell_probabilities
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, fieller
from gatekeeper.stats.slices import SliceReport, slice_tests


def answers(seed: int, n: int, slices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    teacher = rng.random(n) < 0.9
    student = np.where(rng.random(n) < 0.85, teacher, rng.random(n) < 0.8)
    return student.astype(float), teacher.astype(float), rng.integers(-1, slices, n)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 120), st.floats(0.5, 1.1))
def test_binary_slices_are_the_paired_test_of_each(seed, n, minimum):
    student, teacher, codes = answers(seed, n, 4)
    report = slice_tests(student, teacher, codes, minimum=minimum, alpha=0.05, n_slices=4)
    assert len(report.slices) == 4
    for k, found in enumerate(report.slices):
        counts = paired_counts(student[codes == k], teacher[codes == k])
        assert found.n == found.estimate.n_scored == counts.n
        if counts.teacher_right == 0:
            assert (found.estimate.value, found.p_below, found.p_above) == (None, None, None)
            continue
        assert found.estimate.value == counts.student_right / counts.teacher_right
        assert found.estimate.lower == paired_lower(counts, 0.05, minimum)
        assert found.estimate.upper == ratio_interval(counts, 0.90)[1]
        assert found.p_above == paired_p(counts, minimum)
        # The other direction is the test of teacher over student against 1 / minimum.
        mirrored = ratio_score_p(PairedCounts(counts.a, counts.c, counts.b, counts.d), 1 / minimum)
        if mirrored is not None and found.p_below is not None:
            assert found.p_below == pytest.approx(mirrored, abs=1e-7)


def test_scored_and_clustered_slices_are_fiellers_t_of_each():
    rng = np.random.default_rng(3)
    n = 400
    teacher = rng.uniform(0.3, 1, n)
    student, codes, clusters = (
        np.clip(teacher - 0.02 + rng.normal(0, 0.1, n), 0, 1),
        np.arange(n) % 3,
        np.arange(n) // 2,
    )
    for groups in (None, clusters):
        report = slice_tests(student, teacher, codes, minimum=0.95, alpha=0.05, clusters=groups)
        for k, found in enumerate(report.slices):
            rows = codes == k
            expected = fieller(
                student[rows], teacher[rows], r0=0.95, alpha=0.05, clusters=None if groups is None else groups[rows]
            )
            assert (found.estimate, found.p_above) == (expected.estimate, expected.p)
            assert found.p_below == pytest.approx(1 - expected.p, rel=1e-9)


def test_right_or_wrong_answers_in_clusters_get_the_t_test():
    student, teacher, codes = answers(4, 600, 2)
    alone = slice_tests(student, teacher, codes, minimum=0.9, alpha=0.05, clusters=np.arange(600)[::-1])
    assert alone == slice_tests(student, teacher, codes, minimum=0.9, alpha=0.05)
    paired = slice_tests(student, teacher, codes, minimum=0.9, alpha=0.05, clusters=np.arange(600) // 2)
    assert [one.estimate.method for one in paired.slices] == ["fieller t, cluster-robust"] * 2


def test_masks_may_overlap_and_agree_with_numbers():
    student, teacher, codes = answers(5, 500, 3)
    masks = codes[None, :] == np.arange(3)[:, None]
    by_number = slice_tests(student, teacher, codes, minimum=0.9, alpha=0.05, n_slices=3)
    assert slice_tests(student, teacher, masks, minimum=0.9, alpha=0.05) == by_number
    whole = np.vstack([masks, np.ones(500, bool)])
    assert slice_tests(student, teacher, whole, minimum=0.9, alpha=0.05).slices[3].n == 500


def test_holm_over_the_slices_that_can_be_tested():
    student, teacher, codes = answers(6, 300, 5)
    codes = np.where(codes == 2, 1, codes)  # slice 2 has no items
    report = slice_tests(student, teacher, codes, minimum=0.97, alpha=0.05, n_slices=5)
    assert (report.slices[2].n, report.slices[2].adjusted_below, report.tested) == (0, None, 4)
    tested = [one for one in report.slices if one.p_below is not None]
    expected = multipletests([one.p_below for one in tested], method="holm")[1]
    assert [one.adjusted_below for one in tested] == pytest.approx(list(expected), rel=1e-9)


def test_prove_takes_the_largest_p_and_an_unknown_slice_proves_nothing():
    student, teacher, codes = answers(7, 900, 3)
    codes = np.abs(codes)
    report = slice_tests(student, teacher, codes, minimum=0.5, alpha=0.05)
    assert report.joint_p == max(one.p_above for one in report.slices)
    assert report.proven(0.05) and report.shown_below(0.05) == ()
    for broken in (
        slice_tests(student, teacher, codes, minimum=0.5, alpha=0.05, n_slices=4),
        slice_tests(student, np.where(codes == 1, 0.0, teacher), codes, minimum=0.5, alpha=0.05),
        slice_tests([], [], [], minimum=0.5, alpha=0.05),
        SliceReport((), None, 0),
    ):
        assert broken.joint_p is None and not broken.proven(0.05)


def test_a_teacher_that_got_nothing_right_is_undefined_in_either_direction():
    report = slice_tests(np.ones(80), np.zeros(80), np.zeros(80, int), minimum=0.9, alpha=0.05)
    only = report.slices[0]
    assert (only.n, only.estimate.value, only.p_below, only.adjusted_below, only.p_above) == (
        80,
        None,
        None,
        None,
        None,
    )
    assert not report.proven(0.05) and report.shown_below(0.05) == () and report.tested == 0


def test_few_scored_items_are_not_tested():
    rng = np.random.default_rng(8)
    teacher = rng.uniform(0.5, 1.0, 100)
    codes = np.where(np.arange(100) < FIELLER_LEAST_ITEMS - 1, 0, 1)
    report = slice_tests(np.clip(teacher + 0.05, 0, 1), teacher, codes, minimum=0.8, alpha=0.05)
    assert (report.slices[0].p_above, report.slices[0].p_below) == (None, None)
    assert report.slices[0].estimate.value is not None and report.slices[1].p_above < 1e-6
    assert not report.proven(0.05)


def test_a_slice_shown_to_be_below():
    teacher, codes = np.ones(400), np.repeat([0, 1], 200)
    student = np.where((codes == 1) & (np.arange(400) % 2 == 0), 0.0, 1.0)
    report = slice_tests(student, teacher, codes, minimum=0.85, alpha=0.05)
    assert report.shown_below(0.05) == (1,) and not report.proven(0.05)
    assert report.slices[1].adjusted_below == pytest.approx(2 * report.slices[1].p_below)


def test_order_of_items_changes_nothing():
    student, teacher, codes = answers(9, 300, 4)
    order = np.random.default_rng(1).permutation(300)
    first = slice_tests(student, teacher, codes, minimum=0.9, alpha=0.05)
    assert slice_tests(student[order], teacher[order], codes[order], minimum=0.9, alpha=0.05) == first


@pytest.mark.parametrize(
    "slices",
    [[0.0, 1.0], [0], [[0, 1]], [0, 2], ["a", "b"], [[True]], np.zeros((2, 2, 2), bool)],
)
def test_bad_slices_are_refused(slices):
    with pytest.raises(InputError):
        slice_tests([1.0, 0.0], [1.0, 1.0], slices, minimum=0.9, alpha=0.05, n_slices=2)


def test_bad_arguments_are_refused():
    good = {"student": [1.0, 0.0], "teacher": [1.0, 1.0], "slices": [0, 0], "minimum": 0.9, "alpha": 0.05}
    for bad in (
        {"student": [1.0, math.nan]},
        {"student": [1.0]},
        {"teacher": [1.0, 2.0]},
        {"minimum": 0.0},
        {"minimum": math.nan},
        {"alpha": 0.5},
        {"n_slices": -1},
        {"clusters": [1]},
    ):
        arguments = good | bad
        with pytest.raises(InputError):
            slice_tests(arguments.pop("student"), arguments.pop("teacher"), arguments.pop("slices"), **arguments)


@pytest.mark.slow
def test_the_two_rules_on_five_slices_of_220_items():
    """A student of retention 0.99 everywhere passes both; one slice at 0.80 against 0.85 seldom passes."""
    rng, repeats = np.random.default_rng(10), 60
    codes = np.repeat(np.arange(5), 220)
    cells = {r: cell_probabilities(r, 0.92, 0.7) for r in (0.80, 0.99)}
    passed = {"default": [0, 0], "prove": [0, 0]}
    for _ in range(repeats):
        for place, worst in enumerate((0.99, 0.80)):
            kind = np.concatenate([rng.choice(4, 220, p=cells[r]) for r in (0.99, 0.99, 0.99, 0.99, worst)])
            student, teacher = (kind <= 1).astype(float), ((kind == 0) | (kind == 2)).astype(float)
            report = slice_tests(student, teacher, codes, minimum=0.85, alpha=0.05)
            passed["default"][place] += not report.shown_below(0.05)
            passed["prove"][place] += report.proven(0.05)
    assert min(passed["default"][0], passed["prove"][0]) > 0.94 * repeats
    assert passed["prove"][1] <= 0.03 * repeats < passed["default"][1] < passed["prove"][0]
