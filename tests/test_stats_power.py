"""What a gate split can show, checked against simulation and against published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from gatekeeper.errors import InputError
from gatekeeper.stats.paired import (
    EXACT_MOST,
    PairedCounts,
    paired_p,
    paired_p_array,
    passes,
    smallest_passable_n,
)
from gatekeeper.stats.power import (
    EXACT_ROWS,
    Cells,
    cell_probabilities,
    power,
    power_curve,
    power_of_cells,
    probability_of_pass,
    rows_for_power,
    rows_needed,
)

R0, TEACHER, ALPHA = 0.95, 0.92, 0.05
TEXTBOOK = {
    0.7: {0.97: 1801, 0.98: 763, 0.99: 409, 1.0: 249},
    0.3: {0.97: 2602, 0.98: 1106, 0.99: 594, 1.0: 361},
    0.9: {0.97: 1106, 0.98: 460, 0.99: 243, 1.0: 147},
}
CASES = [(correlation, r) for correlation, row in TEXTBOOK.items() for r in row]


def simulated(cells: Cells, n: int, r0: float, alpha: float, repeats: int = 200_000) -> float:
    tables = np.random.default_rng(7).multinomial(n, cells, size=repeats)
    return float(np.mean(paired_p_array(tables[:, 0], tables[:, 1], tables[:, 2], r0) < alpha))


# Cells


def test_cells_have_the_margins_and_the_correlation_asked_for():
    cells = cell_probabilities(0.97, TEACHER, 0.7)
    assert sum(cells) == pytest.approx(1.0)
    assert cells.both + cells.teacher_only == pytest.approx(TEACHER)
    assert cells.both + cells.student_only == pytest.approx(0.97 * TEACHER)
    rng = np.random.default_rng(2)
    latent = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=400_000)
    student, teacher = latent[:, 0] < ndtri(0.97 * TEACHER), latent[:, 1] < ndtri(TEACHER)
    assert np.mean(student & teacher) == pytest.approx(cells.both, abs=0.002)


def test_median_split_has_the_closed_form():
    cells = cell_probabilities(1.0, 0.5, 0.6)
    assert cells.both == pytest.approx(0.25 + math.asin(0.6) / (2 * math.pi), abs=1e-9)


def test_cells_at_the_ends_of_the_correlation():
    assert cell_probabilities(0.9, 0.8, 1.0) == pytest.approx((0.72, 0.0, 0.08, 0.2))
    assert cell_probabilities(0.9, 0.8, -1.0) == pytest.approx((0.52, 0.2, 0.28, 0.0))
    assert cell_probabilities(0.9, 0.8, 0.0) == pytest.approx((0.576, 0.144, 0.224, 0.056), abs=1e-9)
    for correlation in (0.999999, 1 - 1e-10, math.nextafter(1, 0)):
        almost = cell_probabilities(0.9, 0.8, correlation)
        assert almost == pytest.approx(cell_probabilities(0.9, 0.8, 1.0), abs=1e-6)
        same = cell_probabilities(1.0, 0.8, correlation)
        gap = 1 - correlation  # equal cuts: both right falls short by density * sqrt(gap / pi), to first order
        assert same.teacher_only == pytest.approx(0.27996 * math.sqrt(gap / math.pi), rel=1e-3, abs=1e-8)
    assert cell_probabilities(0.9, 1.0, 0.5) == pytest.approx((0.9, 0.0, 0.1, 0.0))
    assert cell_probabilities(1 / 0.92, 0.92, 0.5) == pytest.approx((0.92, 0.08, 0.0, 0.0))


@pytest.mark.parametrize(
    "bad", [(1.1, 0.95, 0.5), (0.9, 0.0, 0.5), (0.9, 1.1, 0.5), (0.9, 0.9, 1.5), (math.nan, 0.9, 0)]
)
def test_impossible_cells_are_refused(bad):
    with pytest.raises(InputError):
        cell_probabilities(*bad)


# Power


@pytest.mark.parametrize(
    ("n", "r", "teacher", "correlation", "r0", "alpha"),
    [
        (64, 1.0, 0.92, 0.9, 0.95, 0.05),
        (120, 0.99, 0.92, 0.3, 0.95, 0.05),
        (400, 0.97, 0.8, 0.5, 0.9, 0.01),
        (300, 1.03, 0.8, 0.5, 1.0, 0.05),
        (300, 1.05, 0.8, 0.5, 1.02, 0.05),
        (2500, 0.96, 0.92, 0.7, 0.95, 0.02),
    ],
)
def test_exact_power_is_that_of_simulation(n, r, teacher, correlation, r0, alpha):
    cells = cell_probabilities(r, teacher, correlation)
    assert power(n, r, r0, teacher, correlation, alpha) == pytest.approx(simulated(cells, n, r0, alpha), abs=0.004)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_exact_power_of_a_few_rows_is_the_sum_over_all_tables(n):
    cells, alpha, r0 = Cells(0.3, 0.5, 0.05, 0.15), 0.2, 0.6
    total = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            for c in range(n + 1 - a - b):
                d = n - a - b - c
                ways = math.factorial(n) / math.prod(math.factorial(k) for k in (a, b, c, d))
                if passes(paired_p(PairedCounts(a, b, c, d), r0), alpha):
                    total += ways * math.prod(p**k for p, k in zip(cells, (a, b, c, d), strict=True))
    assert total > 0
    assert power_of_cells(cells, n, r0, alpha) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize(("n", "published"), [(200, 0.0485), (500, 0.0484), (2000, 0.0491)])
def test_false_promotion_at_the_threshold(n, published):
    """The published rates are simulated; theirs must lie within simulation error of the exact ones."""
    exact = power(n, R0, R0, TEACHER, 0.7, ALPHA)
    assert exact <= ALPHA
    assert exact == pytest.approx(published, abs=0.0015)


@pytest.mark.parametrize("correlation", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("r", [0.94, 0.95, 0.96, 0.97, 1.0])
def test_approximation_joins_the_exact_power(correlation, r):
    below = power(EXACT_ROWS, r, R0, TEACHER, correlation, ALPHA)
    above = power(EXACT_ROWS + 1, r, R0, TEACHER, correlation, ALPHA)
    assert above == pytest.approx(below, abs=0.0035)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 400), st.floats(0.8, 1.0), st.floats(-0.5, 1.0))
def test_power_is_a_probability_and_below_alpha_under_the_null(n, r, correlation):
    value = power(n, r, R0, TEACHER, correlation, ALPHA)
    assert 0.0 <= value <= 1.0
    if n < smallest_passable_n(R0, ALPHA, 1.0) and correlation == 1.0:
        assert value == 0.0
    if r <= R0:
        # Exact up to here; beyond, the score test's size may be a little above alpha.
        assert value <= (ALPHA * 1.003 if n <= EXACT_MOST else 0.056)


def test_power_rises_with_rows_and_retention():
    by_rows = [power(n, 0.99, R0, TEACHER, 0.7, ALPHA) for n in (0, 50, 200, 800, 3200, 12800)]
    by_retention = [power(500, r, R0, TEACHER, 0.7, ALPHA) for r in (0.93, 0.95, 0.97, 0.99, 1.01)]
    assert by_rows == sorted(by_rows) and by_rows[0] == 0.0 and by_rows[-1] > 0.999
    assert by_retention == sorted(by_retention)


# Rows


def textbook_rows(cells: Cells, r0: float, alpha: float, target: float) -> int:
    """The usual count: the alternative's standard deviation stands for the null's as well."""
    excess = cells.both + cells.student_only - r0 * (cells.both + cells.teacher_only)
    variance = cells.both * (1 - r0) ** 2 + cells.student_only + r0**2 * cells.teacher_only - excess**2
    return math.ceil((ndtri(1 - alpha) + ndtri(target)) ** 2 * variance / excess**2)


@pytest.mark.parametrize(("correlation", "r"), CASES)
def test_published_rows_are_the_textbook_formula_and_too_few_for_the_score_test(correlation, r):
    cells = cell_probabilities(r, TEACHER, correlation)
    published = TEXTBOOK[correlation][r]
    assert textbook_rows(cells, R0, ALPHA, 0.8) == published
    rows = rows_for_power(r, R0, TEACHER, correlation, ALPHA)
    assert published < rows < 1.25 * published
    assert simulated(cells, published, R0, ALPHA, repeats=40_000) < 0.8
    assert simulated(cells, rows, R0, ALPHA, repeats=40_000) == pytest.approx(0.8, abs=0.008)


def test_rows_reach_the_target_and_one_less_does_not():
    for target in (0.5, 0.8, 0.95):
        rows = rows_for_power(0.99, R0, TEACHER, 0.7, ALPHA, target)
        assert power(rows, 0.99, R0, TEACHER, 0.7, ALPHA) >= target
        assert power(rows - 1, 0.99, R0, TEACHER, 0.7, ALPHA) < target


def test_no_number_of_rows_shows_what_is_not_so():
    assert rows_for_power(0.95, R0, TEACHER, 0.7, ALPHA) is None
    assert rows_for_power(0.9, R0, TEACHER, 0.7, ALPHA) is None
    assert rows_for_power(0.95 + 1e-7, R0, TEACHER, 0.7, ALPHA) is None
    assert rows_for_power(0.96, R0, TEACHER, 0.7, ALPHA) > EXACT_ROWS
    for alpha, target in [(0.5, 0.8), (0.0, 0.8), (0.05, 1.0), (0.05, 0.0), (math.nan, 0.8)]:
        with pytest.raises(InputError):
            rows_for_power(0.99, R0, TEACHER, 0.7, alpha, target)


def test_curve_is_power_and_rows_side_by_side():
    (low, high) = power_curve(
        500, [0.95, 1.0], r0=R0, teacher_accuracy=TEACHER, correlation=0.7, alphas=[0.01, 0.05], target=0.9
    )
    assert low.rows == (None, None)
    assert high.powers == tuple(power(500, 1.0, R0, TEACHER, 0.7, alpha) for alpha in (0.01, 0.05))
    assert high.rows == tuple(rows_for_power(1.0, R0, TEACHER, 0.7, alpha, 0.9) for alpha in (0.01, 0.05))


def test_rows_needed_from_dev_counts():
    assert rows_needed(PairedCounts(50, 0, 0, 0), R0, ALPHA) == 59  # identical and always right: 0.95^59 < 0.05
    counts = PairedCounts(300, 3, 6, 20)
    rows = rows_needed(counts, R0, ALPHA)
    cells = Cells(*(k / counts.n for k in (counts.a, counts.b, counts.c, counts.d)))
    assert simulated(cells, rows, R0, ALPHA) == pytest.approx(0.8, abs=0.006)
    assert rows_needed(PairedCounts(950, 0, 50, 0), R0, ALPHA) is None  # exactly at the requirement
    assert rows_needed(PairedCounts(0, 5, 0, 5), R0, ALPHA) is None
    assert rows_needed(PairedCounts(0, 0, 0, 0), R0, ALPHA) is None
    assert rows_needed(PairedCounts(0, 0, 5, 5), R0, ALPHA) is None


# Predictive probability


def test_probability_of_pass_with_much_dev_data_is_power():
    cells = cell_probabilities(0.99, TEACHER, 0.7)
    counts = PairedCounts(*(round(1e7 * p) for p in cells))
    expected = power(400, 0.99, R0, TEACHER, 0.7, ALPHA)
    assert probability_of_pass(counts, 400, R0, ALPHA, 3) == pytest.approx(expected, abs=0.012)


def test_probability_of_pass_is_honest_about_little_dev_data():
    """The same shares from fewer dev items are less sure either way."""
    good = [probability_of_pass(PairedCounts(93 * k, 2 * k, 2 * k, 3 * k), 1000, R0, ALPHA, 1) for k in (1, 10, 100)]
    poor = [probability_of_pass(PairedCounts(84 * k, 2 * k, 8 * k, 6 * k), 1000, R0, ALPHA, 1) for k in (1, 10, 100)]
    assert good == sorted(good) and good[0] < 0.95 and good[-1] > 0.999
    assert poor == sorted(poor, reverse=True) and poor[0] > 0.02 and poor[-1] < 0.005


def test_probability_of_pass_by_hand():
    """One row that the student alone got right has p = r0 / (1 + r0) at 0.2, the two others have more than 0.19."""
    counts = PairedCounts(2, 3, 1, 4)
    passing = [paired_p(PairedCounts(*cell, 0), 0.2) < 0.19 for cell in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert passing == [False, True, False]
    assert probability_of_pass(counts, 1, 0.2, 0.19, 5) == pytest.approx((3 + 0.5) / (10 + 2), abs=0.011)


def test_probability_of_pass_is_seeded():
    counts = PairedCounts(276, 5, 9, 10)
    assert probability_of_pass(counts, 300, R0, ALPHA, 4) == probability_of_pass(
        counts, 300, R0, ALPHA, np.random.default_rng(4)
    )
    assert probability_of_pass(counts, 300, R0, ALPHA) != probability_of_pass(counts, 300, R0, ALPHA, 4)


def test_probability_of_pass_edges():
    assert probability_of_pass(PairedCounts(90, 1, 1, 8), 0, R0, ALPHA) == 0.0
    assert probability_of_pass(PairedCounts(1, 0, 0, 0), 1, R0, ALPHA) == 0.0
    with pytest.raises(InputError):
        probability_of_pass(PairedCounts(0, 0, 0, 0), 100, R0, ALPHA)
    with pytest.raises(InputError):
        probability_of_pass(PairedCounts(1, 0, 0, 0), -1, R0, ALPHA)
    with pytest.raises(InputError):
        probability_of_pass(PairedCounts(1, 0, 0, 0), 10, math.nan, ALPHA)
