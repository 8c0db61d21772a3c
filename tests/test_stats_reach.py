"""What rows can show, against simulation, closed forms and published tables; the tetrachoric correlation and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from gatekeeper.errors import InputError
from gatekeeper.stats.auroc import auroc
from gatekeeper.stats.difference import difference_score_p, difference_score_z_array
from gatekeeper.stats.paired import PairedCounts, passes, ratio_score_z, ratio_score_z_array
from gatekeeper.stats.power import EXACT_ROWS, Cells, cell_probabilities, power_of_cells
from gatekeeper.stats.reach import (
    detectable_auroc,
    detectable_below,
    difference_power,
    power_below,
    power_with_stops,
    rows_for_difference,
    smallest_passable_auroc,
    smallest_passable_difference,
    smallest_showing_below,
)
from gatekeeper.stats.sequential import interim_levels
from gatekeeper.stats.slices import slice_tests
from gatekeeper.stats.tetrachoric import tetrachoric

# Tetrachoric correlation


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        ((61661, 1610, 85, 20), 0.35),
        ((44268, 193, 14, 0), 0.24),
        ((62503, 105, 768, 0), -0.10),
        ((24875, 265, 47, 0), 0),
    ],
)
def test_tetrachoric_of_published_tables(counts, published):
    """Tables of the R package psych, with what Mplus reports for them to two digits; three have an empty cell."""
    assert tetrachoric(PairedCounts(*counts)) == pytest.approx(published, abs=0.005)


@pytest.mark.parametrize(
    ("margin", "both", "published"),
    [(0.5, 1 / 3, 0.5), (0.5, 0.1150267, -0.75), (0.5, 0.397584, 0.8), (0.158655254, 0.145003, 0.99)],
)
def test_tetrachoric_of_kirks_probabilities(margin, both, published):
    """Kirk, Psychometrika 1973."""
    n = 10**9
    a, one = round(both * n), round(margin * n)
    assert tetrachoric(PairedCounts(a, one - a, one - a, n - 2 * one + a)) == pytest.approx(published, abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.3, 1.0), st.floats(0.3, 0.98), st.floats(-0.9, 0.97))
def test_tetrachoric_inverts_cell_probabilities(r, teacher, correlation):
    cells = cell_probabilities(r, teacher, correlation)
    assume(min(cells) > 1e-4)
    n = 10**10
    counts = PairedCounts(*(round(n * share) for share in cells))
    assert tetrachoric(counts) == pytest.approx(correlation, abs=1e-4)


@settings(deadline=None, max_examples=100)
@given(st.tuples(*[st.integers(0, 30)] * 4))
def test_tetrachoric_of_any_table(cells):
    counts = PairedCounts(*cells)
    value = tetrachoric(counts)
    undefined = counts.student_right in (0, counts.n) or counts.teacher_right in (0, counts.n)
    assert (value is None) == undefined
    if value is not None:
        assert -1.0 <= value <= 1.0
        assert tetrachoric(PairedCounts(counts.a, counts.c, counts.b, counts.d)) == pytest.approx(value, abs=1e-6)
        mirrored = tetrachoric(PairedCounts(counts.b, counts.a, counts.d, counts.c))  # the teacher's answers turned
        assert mirrored == pytest.approx(-value, abs=1e-6)
        if min(cells) > 0 and counts.a * counts.d != counts.b * counts.c:
            assert (value > 0) == (counts.a * counts.d > counts.b * counts.c)


# Retention below


@pytest.mark.parametrize(
    ("n", "r", "minimum", "alpha"), [(80, 0.7, 0.85, 0.01), (30, 0.4, 0.9, 0.05), (400, 0.8, 0.85, 0.01)]
)
def test_power_below_is_that_of_the_rule_on_slices(n, r, minimum, alpha):
    cells = cell_probabilities(r, 0.92, 0.5)
    tables = np.random.default_rng(3).multinomial(n, cells, size=100_000)
    z = ratio_score_z_array(tables[:, 0], tables[:, 1], tables[:, 2], minimum)
    assert power_below(cells, n, minimum, alpha) == pytest.approx(float(np.mean(z < ndtri(alpha))), abs=0.006)


def test_detectable_below_is_where_the_power_crosses():
    for n in (10, 40, 200):
        r = detectable_below(n, 0.85, 0.92, 0.7, 0.01)
        assert r is not None and 0 < r < 0.85
        assert power_below(cell_probabilities(r - 0.01, 0.92, 0.7), n, 0.85, 0.01) > 0.8
        assert power_below(cell_probabilities(r + 0.01, 0.92, 0.7), n, 0.85, 0.01) < 0.8
    assert detectable_below(5, 0.85, 0.92, 0.7, 0.01) is None


@pytest.mark.parametrize(("minimum", "alpha"), [(0.85, 0.01), (0.9, 0.05), (0.5, 0.001)])
def test_the_smallest_slice_that_can_be_shown_below(minimum, alpha):
    n = smallest_showing_below(minimum, alpha, 1.0)
    for rows, shown in ((n, True), (n - 1, False)):
        report = slice_tests(np.zeros(rows), np.ones(rows), np.ones((1, rows), bool), minimum=minimum, alpha=alpha)
        assert bool(report.shown_below(alpha)) == shown
    z = ratio_score_z(PairedCounts(0, 0, n, 0), minimum)
    assert z == pytest.approx(-math.sqrt(n * minimum))


# Difference


@pytest.mark.parametrize(
    ("r", "n", "margin", "alpha"),
    [(1.0, 200, 0.02, 0.05), (0.99, 2500, 0.03, 0.05), (1.0, EXACT_ROWS + 500, 0.02, 0.01)],
)
def test_difference_power_is_that_of_simulation(r, n, margin, alpha):
    cells = cell_probabilities(r, 0.92, 0.7)
    tables = np.random.default_rng(5).multinomial(n, cells, size=100_000)
    z = difference_score_z_array(tables[:, 1], tables[:, 2], n, margin)
    assert difference_power(cells, n, margin, alpha) == pytest.approx(float(np.mean(z > -ndtri(alpha))), abs=0.006)


def test_rows_for_a_difference_reach_the_target_and_one_less_does_not():
    cells = cell_probabilities(1.0, 0.95, 0.8)
    rows = rows_for_difference(cells, 0.05, 0.05)
    assert difference_power(cells, rows, 0.05, 0.05) >= 0.8 > difference_power(cells, rows - 1, 0.05, 0.05)
    assert rows_for_difference(cell_probabilities(0.9, 0.95, 0.8), 0.05, 0.05) is None  # worse by more than the margin
    large = rows_for_difference(cells, 0.005, 0.05)
    assert large > EXACT_ROWS
    assert difference_power(cells, large, 0.005, 0.05) == pytest.approx(0.8, abs=0.002)


@pytest.mark.parametrize(("margin", "alpha"), [(0.02, 0.05), (0.1, 0.003), (0.5, 0.2)])
def test_the_smallest_guard_that_can_be_passed(margin, alpha):
    n = smallest_passable_difference(margin, alpha)
    assert passes(difference_score_p(PairedCounts(n, 0, 0, 0), margin), alpha)
    assert not passes(difference_score_p(PairedCounts(n - 1, 0, 0, 0), margin), alpha)
    assert difference_power(Cells(1.0, 0.0, 0.0, 0.0), n, margin, alpha) == 1.0
    assert difference_power(Cells(1.0, 0.0, 0.0, 0.0), n - 1, margin, alpha) == 0.0


# Area under the ROC curve


def test_the_smallest_number_of_rows_for_an_area():
    for required, alpha in ((0.9, 0.001), (0.95, 0.01), (0.97, 0.05)):
        n = smallest_passable_auroc(required, alpha)
        assert n > 50
        apart = [auroc(np.ones(k) + np.arange(k), -np.arange(k), confidence=1 - 2 * alpha).lower for k in (n, n - 1)]
        assert apart[0] >= required > apart[1]
    assert smallest_passable_auroc(0.6, 0.05) == 50
    assert detectable_auroc(0.6, 1000, 49, 0.05) is None
    with pytest.raises(InputError):
        smallest_passable_auroc(0.4, 0.05)


@pytest.mark.parametrize(("required", "inside", "outside", "alpha"), [(0.8, 400, 60, 0.05), (0.9, 200, 200, 0.0167)])
def test_detectable_auroc_against_simulation(required, inside, outside, alpha):
    area = detectable_auroc(required, inside, outside, alpha)
    shift = float(ndtri(area)) * math.sqrt(2)
    rng = np.random.default_rng(11)
    bounds = [
        auroc(rng.normal(shift, 1, inside), rng.normal(0, 1, outside), confidence=1 - 2 * alpha).lower
        for _ in range(1500)
    ]
    assert 0.78 < np.mean(np.array(bounds) >= required) < 0.90


# Stops


@pytest.mark.parametrize("r", [0.95, 0.99, 1.0])
def test_a_look_with_stops_against_simulation(r):
    cells, fractions, n, alpha = cell_probabilities(r, 0.92, 0.7), [0.2, 0.4, 0.6, 0.8, 1.0], 600, 0.0167
    found = power_with_stops(cells, n, 0.95, alpha, fractions)
    levels = np.array(interim_levels(alpha, fractions))
    counts = np.random.default_rng(2).multinomial(n // 5, cells, size=(40_000, 5)).cumsum(axis=1)
    hit = ratio_score_z_array(counts[..., 0], counts[..., 1], counts[..., 2], 0.95) > -ndtri(levels)
    stop = np.where(hit.any(axis=1), hit.argmax(axis=1), 4)
    assert found.power == pytest.approx(float(hit.any(axis=1).mean()), abs=0.008)
    assert found.expected_share == pytest.approx(float(np.mean((stop + 1) / 5)), abs=0.035)


def test_a_look_without_stops_reads_all_rows():
    cells = cell_probabilities(0.99, 0.92, 0.7)
    found = power_with_stops(cells, 400, 0.95, 0.05, [1.0])
    assert (found.power, found.expected_share) == (power_of_cells(cells, 400, 0.95, 0.05), 1.0)
    nothing = power_with_stops(Cells(1.0, 0.0, 0.0, 0.0), 20, 0.95, 0.05, [0.5, 1.0])
    assert (nothing.power, nothing.expected_share) == (0.0, 1.0)  # 20 rows are too few for any table
    certain = power_with_stops(Cells(1.0, 0.0, 0.0, 0.0), 2000, 0.95, 0.05, [0.25, 0.5, 0.75, 1.0])
    assert certain.power == pytest.approx(1.0) and certain.expected_share < 0.5
