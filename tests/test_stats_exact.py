"""The exact test of counts: its definition, the error rate it guarantees, and what it never does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, xlogy

from gatekeeper.errors import InputError
from gatekeeper.stats.exact import EXACT_MOST, exact_p_values
from gatekeeper.stats.paired import (
    PairedCounts,
    paired_lower,
    paired_p,
    paired_p_array,
    passes,
    ratio_score_p,
    ratio_score_z,
    retention_binary,
    smallest_passable_n,
)
from gatekeeper.stats.power import Cells, cell_probabilities, power_of_cells

GRID = 1.003
"""What the grid over the open share may miss of the highest chance."""

Array = NDArray[np.float64]


def tables_of(n: int) -> tuple[NDArray[np.int64], ...]:
    """All tables of n items: a, b, c, d."""
    a, b, c = (x.ravel() for x in np.indices((n + 1, n + 1, n + 1)))
    keep = a + b + c <= n
    return a[keep], b[keep], c[keep], n - (a + b + c)[keep]


def chance_to_pass(n: int, cells: Cells, r0: float, alphas: tuple[float, ...]) -> Array:
    """The sum of the probabilities of all tables that pass, table by table."""
    counts = tables_of(n)
    log = gammaln(n + 1) + sum(xlogy(k, max(0.0, p)) - gammaln(k + 1) for k, p in zip(counts, cells, strict=True))
    p = paired_p_array(*counts[:3], r0)
    return np.array([np.exp(log)[p < alpha].sum() for alpha in alphas])


# The error rate


@pytest.mark.parametrize(
    ("r0", "teacher", "n", "correlation"),
    [(0.98, 0.92, 50, 0.7), (0.8, 0.92, 11, 0.7), (0.95, 1.0, 60, 0.0), (0.98, 0.92, 50, 0.99), (0.9, 0.9, 40, 1.0)],
)
def test_size_where_the_score_test_erred(r0, teacher, n, correlation):
    """The score test promotes in the first two at 0.0584 and 0.064 instead of 0.05."""
    alphas = (0.05, 0.01)
    sizes = chance_to_pass(n, cell_probabilities(r0, teacher, correlation), r0, alphas)
    assert (sizes <= np.array(alphas) * GRID).all()


@pytest.mark.slow
def test_size_over_many_settings():
    rng = np.random.default_rng(41)
    alphas = (0.1, 0.05, 0.0167, 0.0033, 0.001)
    sizes = []
    for _ in range(150):
        r0, teacher = float(rng.choice([0.5, 0.7, 0.8, 0.9, 0.95, 0.98])), float(rng.uniform(0.3, 1.0))
        n, correlation = int(rng.integers(3, 56)), float(rng.uniform(-0.9, 1.0))
        true = r0 * float(rng.choice([1.0, 1.0, 1.0, 0.97, 0.9]))  # the hypothesis holds below r0 as well
        size = chance_to_pass(n, cell_probabilities(true, teacher, correlation), r0, alphas)
        assert (size <= np.array(alphas) * GRID).all(), (r0, teacher, n, correlation, true)
        sizes.append(size / alphas)
    assert np.max(sizes) > 0.9, "some settings must come close to alpha"


@pytest.mark.parametrize(("m", "r0"), [(20, 0.5), (60, 0.9), (100, 0.95), (200, 0.98), (200, 0.8)])
def test_size_given_the_items_right_at_every_share(m, r0):
    """On a grid 12 times as fine as the one that p is computed on."""
    p = exact_p_values(m, r0)
    b, c = np.nonzero(p < 0.1)
    log_ways = gammaln(m + 1) - gammaln(m - b - c + 1) - gammaln(b + 1) - gammaln(c + 1)
    highest = np.zeros(4)
    alphas = np.array([0.1, 0.05, 0.0167, 0.0033])
    passed = p[b, c][:, None] < alphas
    for p_b in r0 / (1 + r0) * np.sin(np.linspace(0, np.pi / 2, 1201)) ** 2:
        p_c = 1 - r0 * (1 - p_b)
        log = log_ways + xlogy(b, p_b) + xlogy(c, p_c) + xlogy(m - b - c, max(0.0, 1 - p_b - p_c))
        highest = np.maximum(highest, np.exp(log) @ passed)
    assert (highest <= alphas * GRID).all()
    assert (highest > 0.8 * alphas).all()


@pytest.mark.parametrize(("r0", "n"), [(0.99, 268), (0.99, 299), (0.98, 230), (0.95, 1000)])
def test_a_student_that_is_right_only_where_the_teacher_is_has_an_exact_test_with_any_rows(r0, n):
    """So it is in agreement with the teacher. The score test promotes at 0.0676 in the first case."""
    losses = np.arange(n + 1)
    for alpha in (0.05, 0.0033):
        passed = losses[paired_p_array(n - losses, 0, losses, r0) < alpha]
        assert passed.size == 0 or bdtr(float(passed[-1]), n, 1 - r0) < alpha


# Its definition


def by_definition(m: int, r0: float) -> dict[tuple[int, int], float]:
    """E+M by loops: shares by brute force, no interpolation, no likely or unlikely tables."""
    tables = [(m - b - c, b, c) for b in range(m + 1) for c in range(m + 1 - b)]
    z = [ratio_score_z(PairedCounts(*table, 0), r0) for table in tables]
    grid = r0 / (1 + r0) * np.linspace(0, 1, 3001) ** 2
    ways = np.array([math.factorial(m) / math.prod(math.factorial(k) for k in table) for table in tables])
    p_c = 1 - r0 * (1 - grid)
    shares = np.stack([np.maximum(1 - grid - p_c, 0), grid, p_c])
    chance = ways[:, None] * np.prod(shares[None, :, :] ** np.array(tables)[:, :, None], axis=1)
    fitted = np.argmax(chance, axis=1)
    e = {
        table[1:]: chance[np.array(z) >= one - 1e-9, best].sum() if one > 0 else math.inf
        for table, one, best in zip(tables, z, fitted, strict=True)
    }
    # No table is more extreme than one with fewer losses (c) and more gains (b).
    order = np.array([max(e[b, c] for b, c in e if b >= table[1] and c <= table[2]) for table in tables])
    return {
        table[1:]: float(chance[order <= own * (1 + 1e-5)].sum(axis=0).max()) if own < math.inf else 1.0
        for table, own in zip(tables, order, strict=True)
    }


@pytest.mark.parametrize("r0", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("m", [1, 3, 5, 7])
def test_few_items_by_the_definition(m, r0):
    p = exact_p_values(m, r0)
    expected = by_definition(m, r0)
    assert len(expected) == np.isfinite(p).sum()
    for place, value in expected.items():
        assert p[place] == pytest.approx(value, rel=1e-3), place


def test_without_disagreement_p_is_the_chance_of_no_loss_or_a_little_more():
    for r0 in (0.5, 0.8, 0.95):
        for m in (1, 4, 20, 60):
            assert r0**m * (1 - 1e-9) <= exact_p_values(m, r0)[0, 0] <= 1.1 * r0**m + 1e-10


def test_with_many_items_it_comes_near_the_score_test():
    p = exact_p_values(EXACT_MOST, 0.95)
    b, c = np.nonzero((p > 0.005) & (p < 0.3))
    by_score = [ratio_score_p(PairedCounts(EXACT_MOST - x - y, x, y, 0), 0.95) for x, y in zip(b, c, strict=True)]
    ratio = p[b, c] / np.array(by_score)
    seldom = b + c < 20  # disagreement is so rare that the normal distribution is a poor guide
    assert abs(np.median(ratio) - 1) < 0.03
    assert 0.6 < ratio.min() < 0.8 < ratio[~seldom].min() and ratio[~seldom].max() < 1.25


# What it never does


@pytest.mark.parametrize("r0", [0.6, 0.9, 0.98])
def test_one_more_right_answer_never_raises_p(r0):
    """On an item that the teacher got right (c falls), or that nobody did (b rises, and m)."""
    for m in (*range(1, 41), 90):
        p, more = exact_p_values(m, r0), exact_p_values(m + 1, r0)
        falls, rises = np.diff(p, axis=1), np.diff(p, axis=0)
        assert (falls[np.isfinite(falls)] >= 0).all()
        assert (rises[np.isfinite(rises)] <= 0).all()
        known = np.isfinite(p)
        assert (more[1:, :-1][known] <= p[known] * (1 + 1e-9) + 1e-10).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 70), st.integers(0, 6), st.integers(0, 8), st.floats(0.5, 1.1), st.floats(0.002, 0.3))
def test_the_lower_end_agrees_with_the_decision(a, b, c, r0, alpha):
    counts = PairedCounts(a, b, c, 3)
    p, lower = paired_p(counts, r0), paired_lower(counts, alpha, r0)
    if p is None:
        return
    assert passes(p, alpha) == (r0 < lower)
    assert lower <= (counts.student_right / counts.teacher_right if a + c else math.inf)
    if lower != 1.0 and lower > 1e-4 and abs(lower - r0) > 1e-5:
        assert passes(paired_p(counts, lower - 1e-5), alpha)
        assert not passes(paired_p(counts, lower + 1e-5), alpha)


def test_the_lower_end_where_p_dips():
    """(20, 5, 2) passes at 0.927 and not at 0.924: the end stays on the side of the decision."""
    counts = PairedCounts(20, 5, 2, 0)
    for r0 in np.arange(0.92, 0.93, 0.0005):
        assert passes(paired_p(counts, float(r0)), 0.05) == (r0 < paired_lower(counts, 0.05, float(r0)))
    assert 0.92 < paired_lower(counts, 0.05) < 0.93


def test_the_lower_end_beyond_one_and_without_evidence():
    better = PairedCounts(100, 60, 20, 0)
    assert paired_lower(better, 0.05) > 1.1
    assert paired_lower(PairedCounts(0, 0, 4, 2), 0.05) == 0.0
    assert paired_lower(PairedCounts(0, 0, 0, 2), 0.05) is None
    assert paired_p(PairedCounts(0, 0, 0, 2), 0.9) is None
    assert paired_lower(PairedCounts(300, 0, 0, 0), 0.05) == pytest.approx(0.05 ** (1 / 300), abs=2e-6)


def test_the_method_says_which_test_it_is():
    few = retention_binary([True] * EXACT_MOST + [False], [True] * EXACT_MOST + [False], alpha=0.05)
    many = retention_binary([True] * (EXACT_MOST + 1), [True] * (EXACT_MOST + 1), alpha=0.05)
    assert (few.method, many.method) == ("exact conditional E+M", "paired ratio score")


# What follows from it


@pytest.mark.parametrize(("r0", "alpha"), [(0.9, 0.05), (0.9, 0.05 / 3), (0.8, 0.0033), (0.95, 0.05), (0.98, 0.05)])
@pytest.mark.parametrize("accuracy", [1.0, 0.92, 0.6])
def test_no_smaller_number_of_rows_lets_an_identical_student_pass(r0, alpha, accuracy):
    def passed(n: int) -> bool:
        right = math.floor(n * accuracy + 0.5)
        return passes(paired_p(PairedCounts(right, 0, 0, n - right), r0), alpha)

    smallest = smallest_passable_n(r0, alpha, accuracy)
    assert passed(smallest)
    assert not any(passed(n) for n in range(1, smallest))


def test_a_student_that_beats_the_teacher_may_pass_with_fewer_rows():
    n = smallest_passable_n(0.9, 0.05, 0.8) - 1
    right = math.floor(0.8 * n + 0.5)
    assert not passes(paired_p(PairedCounts(right, 0, 0, n - right), 0.9), 0.05)
    better = PairedCounts(right, n - right, 0, 0)
    assert passes(paired_p(better, 0.9), 0.05)
    assert better.student_right > better.teacher_right


@pytest.mark.parametrize(
    ("n", "cells", "r0"),
    [(4, Cells(0.3, 0.5, 0.05, 0.15), 0.6), (40, cell_probabilities(1.0, 0.9, 0.6), 0.9), (40, Cells(1, 0, 0, 0), 0.9)],
)
def test_power_is_the_sum_over_all_tables(n, cells, r0):
    for alpha, expected in zip((0.2, 0.0167), chance_to_pass(n, cells, r0, (0.2, 0.0167)), strict=True):
        assert power_of_cells(cells, n, r0, alpha) == pytest.approx(expected, abs=1e-7)


def test_power_where_both_tests_take_part():
    """With 210 rows some 200 are right for anybody: simulated with the test that decides."""
    cells, r0, alpha = cell_probabilities(1.0, 0.92, 0.7), 0.95, 0.0167
    tables = np.random.default_rng(8).multinomial(210, cells, size=100_000)
    passed = paired_p_array(tables[:, 0], tables[:, 1], tables[:, 2], r0) < alpha
    few = tables[:, :3].sum(axis=1) <= EXACT_MOST
    assert 0.2 < few.mean() < 0.8
    assert power_of_cells(cells, 210, r0, alpha) == pytest.approx(passed.mean(), abs=0.006)


def test_it_finds_what_the_score_test_misses_at_small_levels():
    """The first of five looks: 100 rows, a student as good as the teacher."""
    cells, alpha = cell_probabilities(1.0, 0.92, 0.7), 0.05 / 15
    tables = np.random.default_rng(9).multinomial(100, cells, size=50_000)
    by_score = [ratio_score_p(PairedCounts(*map(int, table)), 0.95) for table in tables[:5000]]
    assert np.mean(np.array(by_score) < alpha) < 0.07
    assert power_of_cells(cells, 100, 0.95, alpha) > 0.08


@pytest.mark.parametrize(("m", "r0"), [(0, 0.9), (EXACT_MOST + 1, 0.9), (5, 1.0), (5, 0.0), (5, math.nan), (2.5, 0.9)])
def test_what_it_does_not_cover_is_refused(m, r0):
    with pytest.raises(InputError):
        exact_p_values(m, r0)
