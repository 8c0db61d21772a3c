"""Intervals of one rate, mean or quantile."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from gatekeeper.errors import InputError
from gatekeeper.stats.intervals import estimate_mean, quantile_interval, t_interval, wilson


def test_wilson_vector():
    lower, upper = wilson(46, 50)
    assert (round(lower, 6), round(upper, 6)) == (0.811618, 0.968450)


@settings(deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_that_of_statsmodels(counts, confidence):
    expected = proportion_confint(*counts, alpha=1 - confidence, method="wilson")
    assert wilson(*counts, confidence) == pytest.approx(expected, abs=1e-12)


def test_wilson_edges():
    assert wilson(0, 0) == (None, None)
    assert wilson(0, 10)[0] == 0.0 and wilson(10, 10)[1] == 1.0
    for bad in [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 95), (1.5, 2, 0.95), (math.nan, 2, 0.95)]:
        with pytest.raises(InputError):
            wilson(*bad)


def test_t_interval_is_that_of_statsmodels():
    values = np.random.default_rng(3).normal(5, 2, size=17)
    assert t_interval(values, 0.9) == pytest.approx(DescrStatsW(values).tconfint_mean(alpha=0.1), rel=1e-12)


def test_t_interval_without_spread_is_unknown():
    assert t_interval([]) == (None, None)
    assert t_interval([4.0]) == (None, None)
    assert t_interval([0.1 + 0.2, 0.3, 0.3]) == (None, None)
    with pytest.raises(InputError):
        t_interval([1.0, math.nan])


def test_estimate_of_a_rate_and_of_a_mean():
    rate = estimate_mean([1.0] * 46 + [0.0] * 4, n_expected=53, n_failed=3)
    assert rate.value == 0.92 and (rate.lower, rate.upper) == wilson(46, 50) and rate.method == "wilson"
    assert (rate.n_expected, rate.n_scored, rate.n_failed) == (53, 50, 3)
    mean = estimate_mean([0.2, 0.4, 0.9], 3, 0, confidence=0.9)
    assert (mean.lower, mean.upper) == t_interval([0.2, 0.4, 0.9], 0.9) and mean.confidence == 0.9


def test_estimate_without_values_is_undefined():
    nothing = estimate_mean([], n_expected=4, n_failed=4)
    assert (nothing.value, nothing.lower, nothing.upper) == (None, None, None)
    assert (nothing.n_expected, nothing.n_scored, nothing.n_failed) == (4, 0, 4)
    one = estimate_mean([0.7], n_expected=1, n_failed=0)
    assert one.value == 0.7 and one.lower is None and one.upper is None


@pytest.mark.parametrize(
    ("values", "expected", "failed"),
    [([0.5], 0, 0), ([0.5], 1, 1), ([math.nan], 1, 0), ([0.5], 2, -1), ([[0.5]], 1, 0)],
)
def test_estimate_refuses_what_does_not_add_up(values, expected, failed):
    with pytest.raises(InputError):
        estimate_mean(values, expected, failed)


@pytest.mark.parametrize("n", [20, 72, 150, 1000])
@pytest.mark.parametrize("q", [0.5, 0.95])
def test_quantile_interval_covers_by_the_binomial(n, q):
    """The ends are order statistics l and u, and l <= Binomial(n, q) < u has at least the confidence asked for."""
    lower, upper = quantile_interval(np.arange(1.0, n + 1), q, 0.95)
    below = 0.0 if lower is None else binom.cdf(lower - 1, n, q)
    above = 0.0 if upper is None else binom.sf(upper - 1, n, q)
    assert below <= 0.025 and above <= 0.025
    if lower is not None:
        assert binom.cdf(lower, n, q) > 0.025  # the next value would be too high
    if upper is not None:
        assert binom.sf(upper - 2, n, q) > 0.025


def test_quantile_interval_edges():
    assert quantile_interval([], 0.95) == (None, None)
    assert quantile_interval([3.0], 0.5) == (None, None)
    assert quantile_interval(np.arange(71.0), 0.95)[1] is None
    assert quantile_interval(np.arange(72.0), 0.95)[1] == 71.0
    shuffled = np.random.default_rng(1).permutation(200.0 * np.ones(5).cumsum())
    assert quantile_interval(shuffled, 0.5, 0.9) == quantile_interval(np.sort(shuffled), 0.5, 0.9)
    for values, q in [([1.0, math.nan], 0.5), ([1.0, 2.0], 1.0), ([1.0, 2.0], math.nan)]:
        with pytest.raises(InputError):
            quantile_interval(values, q)
