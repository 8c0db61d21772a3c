"""Values of information from draws against closed forms. Seeds are fixed, so a passing test keeps passing."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from gatekeeper.cost import value_of_perfect_information, value_of_samples
from gatekeeper.cost.uncertainty.conditional_mean import conditional_mean
from gatekeeper.cost.uncertainty.information import partial_information, perfect_information, rows_value
from gatekeeper.errors import InputError

D = Decimal
N = 20_000


def normals(columns: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((columns, N))


def closed(mean: float, sd: float) -> float:
    return float(value_of_perfect_information(D(repr(mean)), D(repr(sd))))


def test_perfect_information_of_golden_case_eighteen() -> None:
    found = perfect_information(2_000 + 10_000 * normals(1)[0])
    assert closed(2_000, 10_000) == pytest.approx(3_068.95, abs=0.005)
    assert float(found.usd) == pytest.approx(3_068.95, abs=3 * float(found.standard_error_usd))
    assert 0 < found.standard_error_usd < 50


def test_perfect_information_of_several_alternatives() -> None:
    # Exactly one of two is worth 1 in each draw; the better one is worth 0.7, and what is known never matters more.
    first = np.repeat([1.0, 0.0], [700, 300])
    found = perfect_information(np.column_stack([first, 1 - first]))
    assert float(found.usd) == pytest.approx(0.3)
    # All lose: to keep the baseline is an alternative too.
    assert perfect_information(np.column_stack([first - 2, first - 3])).usd == 0


@pytest.mark.parametrize(("mean", "slope"), [(500.0, 3_000.0), (-2_000.0, 6_000.0), (20_000.0, 3_000.0)])
def test_partial_information_of_a_linear_result(mean: float, slope: float) -> None:
    x, rest, noise = normals(3)
    npv = mean + slope * x + 5_000 * rest
    # The closed form for this sample: its own mean and slope, so that only the regression is tested.
    own = closed(float(npv.mean()), abs(float(np.polyfit(x, npv, 1)[0])) * float(x.std()))
    assert float(partial_information(npv, x)) == pytest.approx(own, abs=0.01 * slope)
    assert float(partial_information(npv, x)) == pytest.approx(closed(mean, slope), abs=0.05 * slope)
    assert float(partial_information(npv, np.exp(x))) == pytest.approx(own, abs=0.03 * slope)
    assert partial_information(npv, noise) == 0
    assert partial_information(npv, np.full(N, 0.3)) == 0


def test_inputs_that_are_learned_together_are_worth_what_both_say() -> None:
    # As with qualities: neither alone, but their difference.
    common, one, other, rest = normals(4)
    teacher, student = common + one, common + other
    npv = 300 + 1_000 * (student - teacher) + 2_000 * rest
    together = float(partial_information(npv, np.column_stack([teacher, student])))
    assert together == pytest.approx(closed(300, 1_000 * math.sqrt(2)), abs=60)
    assert float(partial_information(npv, student)) < 0.6 * together


def test_partial_information_of_curves_and_steps() -> None:
    x, rest = normals(2)
    # E max(0, x^2 - 1) = 2 phi(1), and the mean is 0.
    assert float(partial_information(x**2 - 1 + 2 * rest, x)) == pytest.approx(2 * stats.norm.pdf(1), abs=0.04)
    option = np.digitize(x, [-0.5, 0.5]).astype(float)
    chances = np.bincount(option.astype(int)) / N
    npv = np.array([-3.0, 1.0, -2.0])[option.astype(int)] + rest
    assert float(partial_information(npv, option)) == pytest.approx(chances[1], abs=0.03)


def test_partial_information_chooses_between_alternatives() -> None:
    x, rest = normals(2)
    npv = np.column_stack([5 + x + rest, 5 - x - rest])
    # E max(x, -x) = sqrt(2 / pi), on top of the 5 that both bring.
    assert float(partial_information(npv, x)) == pytest.approx(math.sqrt(2 / math.pi), abs=0.03)


def test_a_mean_that_is_exact_is_fitted_exactly() -> None:
    x = normals(1)[0]
    assert conditional_mean(2 * x + 1, x) == pytest.approx(2 * x + 1)
    assert conditional_mean(np.ones(N), x) == pytest.approx(np.ones(N))


def test_further_rows_by_the_gaussian_formula() -> None:
    gap, rest = normals(2)
    difference = -0.02 + 0.01 * gap  # from 400 rows, so one row has the spread 0.2
    npv = 2_000 + 1e6 * (difference + 0.02) + 9_000 * rest
    found = rows_value(npv, difference, rows_measured=400, rows=100, usd_per_row=D("0.0065"))
    slope = float(np.polyfit(difference, npv, 1)[0])
    expected = value_of_samples(
        D(repr(float(npv.mean()))),
        D(repr(slope * float(difference.std()))),
        sample_sd_usd=D(repr(slope * float(difference.std()) * 20)),
        samples=100,
    )
    assert float(found.evsi_usd) == pytest.approx(float(expected), rel=1e-9)
    assert found.cost_usd == D("0.65") and found.enbs_usd == found.evsi_usd - D("0.65")
    # By simulation: the mean of the difference after 100 more rows is normal with variance sigma^2 100 / (400 + 100).
    after = 2_000 + 1e6 * 0.01 * math.sqrt(0.2) * np.random.default_rng(8).standard_normal(N)
    assert float(found.evsi_usd) == pytest.approx(np.maximum(after, 0).mean() - 2_000, abs=150)
    for nothing in (np.full(N, 0.1), np.random.default_rng(9).normal(0, 0.01, N)):
        assert rows_value(npv, nothing, rows_measured=400, rows=100).evsi_usd == 0


def test_impossible_draws_are_refused() -> None:
    x = np.arange(5.0)
    for wrong in (np.array([1.0]), np.array([1.0, math.nan]), np.ones((2, 2, 2))):
        with pytest.raises(InputError, match="NPV has shape"):
            perfect_information(wrong)
    with pytest.raises(InputError, match="the input"):
        partial_information(x, x[:4])
    with pytest.raises(InputError, match="not finite"):
        partial_information(x, np.full(5, math.inf))
    with pytest.raises(InputError, match="rows_measured is 0"):
        rows_value(x, x, rows_measured=0, rows=1)
    with pytest.raises(InputError, match="the difference"):
        rows_value(x, x[:3], rows_measured=1, rows=1)
