"""Stopping early: published levels, exact behaviour against simulation, and the error rate of real interim tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from gatekeeper.errors import InputError
from gatekeeper.stats.paired import ratio_score_z_array
from gatekeeper.stats.power import cell_probabilities
from gatekeeper.stats.sequential import interim_levels, stopping

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_levels_are_those_of_the_published_boundaries():
    published = (4.2292, 2.8881, 2.2981, 1.9618, 1.7397)
    assert interim_levels(0.05, FIVE) == pytest.approx(norm.sf(published), rel=5e-4)
    assert interim_levels(0.05, [1.0]) == pytest.approx((0.05,), rel=1e-9)
    assert interim_levels(0.025, [0.002, 1.0])[0] == 0.0
    with pytest.raises(InputError):
        interim_levels(0.05, [0.5, 0.4])


def test_the_whole_plan_spends_alpha():
    for alpha in (0.0033, 0.05):
        for fractions in (FIVE, (1.0,), (0.3, 0.9, 1.0)):
            plan = stopping(interim_levels(alpha, fractions), fractions, 0.0)
            assert plan.power == pytest.approx(alpha, rel=1e-6)
            assert math.fsum(plan.pass_at) == pytest.approx(plan.power)


@pytest.mark.parametrize("drift", [-1.0, 0.0, 2.5, 6.0])
def test_stopping_is_that_of_simulated_walks(drift):
    levels = interim_levels(0.05, FIVE)
    rng = np.random.default_rng(21)
    steps = rng.normal(drift / 5, math.sqrt(1 / 5), size=(100_000, 5)).cumsum(axis=1) / np.sqrt(FIVE)
    passed = steps > norm.isf(levels)
    first = np.where(passed.any(axis=1), passed.argmax(axis=1), 5)
    plan = stopping(levels, FIVE, drift)
    for k in range(5):
        assert plan.pass_at[k] == pytest.approx(np.mean(first == k), abs=0.006)
    assert plan.expected_share == pytest.approx(np.mean(np.array([*FIVE, 1.0])[first]), abs=0.006)


def test_one_test_is_the_plain_test():
    plan = stopping([0.05], [1.0], norm.isf(0.05) + norm.isf(0.2))
    assert (plan.power, plan.expected_share) == pytest.approx((0.8, 1.0))


def test_extreme_drifts():
    levels = interim_levels(0.05, FIVE)
    assert stopping(levels, FIVE, 60.0).expected_share == pytest.approx(0.2)
    assert stopping(levels, FIVE, -60.0).power == pytest.approx(0.0, abs=1e-12)
    assert stopping((0.0, 0.05), (0.5, 1.0), 3.0).pass_at[0] == 0.0


def test_bad_plans_are_refused():
    for levels, fractions, drift in [
        ((0.05,), (0.5, 1.0), 0.0),
        ((0.05, 1.0), (0.5, 1.0), 0.0),
        ((0.05, math.nan), (0.5, 1.0), 0.0),
        ((0.05, 0.05), (0.5, 0.5), 0.0),
        ((0.05, 0.05), (0.5, 1.0), math.nan),
    ]:
        with pytest.raises(InputError):
            stopping(levels, fractions, drift)


@pytest.mark.parametrize(("r", "least", "most"), [(0.95, 0.035, 0.0535), (1.0, 0.90, 0.97)])
def test_interim_score_tests_of_500_items(r, least, most):
    """At the threshold all five tests together pass alpha; a student as good as its teacher stops after 340 of 500."""
    cells = cell_probabilities(r, 0.92, 0.7)
    rng = np.random.default_rng(22)
    counts = rng.multinomial(100, cells, size=(20_000, 5)).cumsum(axis=1)
    z = ratio_score_z_array(counts[..., 0], counts[..., 1], counts[..., 2], 0.95)
    passed = z > norm.isf(interim_levels(0.05, FIVE))
    assert least < np.mean(passed.any(axis=1)) < most
    items = np.where(passed.any(axis=1), 100 * (1 + passed.argmax(axis=1)), 500)
    if r == 1.0:
        assert np.mean(items) == pytest.approx(340, abs=8)
