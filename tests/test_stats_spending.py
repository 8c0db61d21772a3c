"""How an error budget is shared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm
from statsmodels.stats.multitest import multipletests

from gatekeeper.errors import InputError
from gatekeeper.stats.spending import holm, lan_demets_obf, look_alphas, pocock

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_look_alphas_grow_and_sum_to_alpha():
    for looks in range(1, 13):
        shares = look_alphas(0.05, looks)
        assert len(shares) == looks and list(shares) == sorted(shares)
        assert math.fsum(shares) == pytest.approx(0.05, rel=1e-14)
    assert look_alphas(0.05, 5) == pytest.approx((0.05 / 15, 0.1 / 15, 0.15 / 15, 0.2 / 15, 0.25 / 15))
    for alpha, looks in [(0.0, 5), (1.0, 5), (math.nan, 5), (0.05, 0), (0.05, 2.5)]:
        with pytest.raises(InputError):
            look_alphas(alpha, looks)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.025, (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)), (0.05, (4.2292, 2.8881, 2.2981, 1.9618, 1.7397))],
)
def test_lan_demets_vectors(alpha, expected):
    # 3.3570119 is published as 3.3569: the published programs stop at 1e-6 in probability, not in z.
    assert lan_demets_obf(alpha, FIVE) == pytest.approx(expected, abs=1.2e-4)
    exact = [i for i, z in enumerate(lan_demets_obf(alpha, FIVE)) if round(z, 4) == expected[i]]
    assert exact == ([0, 2, 3, 4] if alpha == 0.025 else [0, 1, 2, 3, 4])


def test_pocock_vector():
    expected = (2.4380, 2.4268, 2.4101, 2.3966, 2.3859)
    # The third and fifth are 2.410194 and 2.386000; the crossing probabilities below tell which is right.
    assert pocock(0.025, FIVE) == pytest.approx(expected, abs=1.2e-4)
    assert [i for i, z in enumerate(pocock(0.025, FIVE)) if round(z, 4) == expected[i]] == [0, 1, 3]


def crossing(bounds: tuple[float, ...], fractions: tuple[float, ...]) -> float:
    times = np.array(fractions)
    covariance = np.minimum.outer(times, times) / np.sqrt(np.outer(times, times))
    # One and two dimensions are integrated by rule, three by seeded lattice points.
    return 1.0 - float(
        multivariate_normal.cdf(
            np.array(bounds), cov=covariance, abseps=1e-9, maxpts=2_000_000, rng=np.random.default_rng(1)
        )
    )


@pytest.mark.parametrize("fractions", [(0.5, 1.0), (0.2, 0.4, 0.6), (0.3, 0.9, 1.0), (0.1, 0.15, 0.7)])
def test_crossing_probabilities_are_those_spent(fractions):
    """An independent integral of the normal distribution over the same looks gives back what the function spends."""
    spent = 0.025 * math.log1p((math.e - 1) * fractions[-1])
    assert crossing(pocock(0.025, fractions), fractions) == pytest.approx(spent, abs=1e-7)
    half = norm.isf(0.0125)
    spent = 2 * norm.sf(half / math.sqrt(fractions[-1]))
    assert crossing(lan_demets_obf(0.025, fractions), fractions) == pytest.approx(spent, abs=1e-7)


def test_published_boundaries_overspend_where_they_differ():
    wrong = crossing((2.4380, 2.4268, 2.4101), FIVE[:3]) - 0.025 * math.log1p((math.e - 1) * 0.6)
    assert 1e-6 < wrong < 2e-6


def test_one_look_is_the_plain_test():
    for spend in (lan_demets_obf, pocock):
        assert spend(0.05, [1.0]) == pytest.approx((norm.isf(0.05),), abs=1e-9)


def test_boundaries_hold_in_a_simulation():
    rng = np.random.default_rng(9)
    steps = rng.normal(size=(100_000, 5)).cumsum(axis=1) / np.sqrt(np.arange(1, 6))
    for spend in (lan_demets_obf, pocock):
        rate = np.mean((steps > np.array(spend(0.05, FIVE))).any(axis=1))
        assert rate == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 100_000))


def test_a_look_with_nothing_to_spend_cannot_be_passed():
    first, *later = lan_demets_obf(0.025, [0.002, 0.5, 1.0])
    assert first == math.inf
    assert later == pytest.approx(lan_demets_obf(0.025, [0.5, 1.0]), abs=1e-8)


@pytest.mark.parametrize(
    "fractions", [(), (0.0, 1.0), (0.5, 0.5), (0.6, 0.4), (0.5, 1.1), (math.nan, 1.0), (0.5, 0.5001)]
)
def test_bad_fractions_are_refused(fractions):
    for spend in (lan_demets_obf, pocock):
        with pytest.raises(InputError):
            spend(0.05, fractions)


def test_holm_vector():
    assert holm([0.001, 0.012, 0.03, 0.04]) == pytest.approx((0.004, 0.036, 0.06, 0.06), rel=1e-12)


@pytest.mark.slow
@settings(deadline=None, max_examples=12)  # statsmodels takes a tenth of a second a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], rel=1e-12)


def test_holm_edges():
    assert holm([]) == ()
    assert holm([0.2]) == (0.2,)
    for bad in ([0.1, math.nan], [0.1, None], [-0.1], [1.1]):
        with pytest.raises(InputError):
            holm(bad)
