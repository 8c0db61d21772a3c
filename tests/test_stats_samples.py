"""Several samples of one item."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import InputError
from gatekeeper.stats.samples import item_means
from gatekeeper.stats.scored import fieller

rows = st.lists(st.tuples(st.integers(0, 7), st.one_of(st.floats(0, 1), st.just(math.nan))), max_size=40)


@settings(deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_means_of_the_samples_that_have_a_score(samples, random):
    random.shuffle(samples)
    values, places = [value for _, value in samples], [place for place, _ in samples]
    means = item_means(values, np.array(places, dtype=np.int32), 9)
    assert means.shape == (9,)
    for item in range(9):
        scored = [value for place, value in samples if place == item and not math.isnan(value)]
        if scored:
            assert means[item] == pytest.approx(math.fsum(scored) / len(scored), abs=1e-12)
        else:
            assert math.isnan(means[item])


def test_repeats_that_are_all_equal_add_nothing():
    rng = np.random.default_rng(2)
    student, teacher = rng.random(80), rng.random(80)
    places = np.repeat(np.arange(80), 6)
    again = item_means(np.repeat(student, 6), places, 80)
    assert again == pytest.approx(student, rel=1e-15)
    plain = fieller(student, teacher, r0=0.9, alpha=0.05)
    assert fieller(again, teacher, r0=0.9, alpha=0.05).t == pytest.approx(plain.t, rel=1e-9)
    # What it guards against: repeats that pass for items.
    assert abs(fieller(np.repeat(student, 6), np.repeat(teacher, 6), r0=0.9, alpha=0.05).t) > 2 * abs(plain.t)


def test_an_item_without_a_score_cannot_slip_through():
    means = item_means([0.5, math.nan], [0, 1], 3)
    assert means[0] == 0.5 and np.isnan(means[1:]).all()
    with pytest.raises(InputError):
        fieller(means, [0.5, 0.5, 0.5], r0=0.9, alpha=0.05)
    assert item_means([], [], 0).shape == (0,)


@pytest.mark.parametrize(
    ("values", "places", "n"),
    [
        ([0.5], [1], 1),
        ([0.5], [-1], 1),
        ([0.5], [0.0], 1),
        ([0.5, 0.6], [0], 1),
        ([[0.5]], [[0]], 1),
        ([math.inf], [0], 1),
        (["a"], [0], 1),
        ([0.5], [0], -1),
    ],
)
def test_what_does_not_fit_is_refused(values, places, n):
    with pytest.raises(InputError):
        item_means(values, places, n)
