"""Draws have the distributions that they are said to have. Seeds are fixed, so a passing test keeps passing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gatekeeper.cost.uncertainty import resample
from gatekeeper.cost.uncertainty.resample import bootstrap_totals
from gatekeeper.cost.uncertainty.samplers import (
    choice,
    lognormal,
    mean_costs,
    paired_quality,
    pert,
    throughput,
    triangular,
)
from gatekeeper.errors import InputError

N = 20_000


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def fits(draws: np.ndarray, cdf: Callable[[Any], Any]) -> bool:
    return bool(stats.kstest(draws, cdf).pvalue > 0.01)


def test_continuous_draws_have_their_distribution() -> None:
    z90 = 1.2815515655446004
    sigma = math.log(9) / (2 * z90)
    assert fits(lognormal(1e5, 9e5, N, rng()), stats.lognorm(sigma, scale=3e5).cdf)
    assert stats.lognorm(sigma, scale=3e5).ppf([0.1, 0.9]) == pytest.approx([1e5, 9e5])
    assert fits(triangular(0.0, 0.5, 0.9, N, rng()), stats.triang(0.5 / 0.9, scale=0.9).cdf)
    hours = pert(40, 80, 160, N, rng())
    assert fits(hours, stats.beta(1 + 4 / 3, 1 + 8 / 3, loc=40, scale=120).cdf)
    assert hours.mean() == pytest.approx((40 + 4 * 80 + 160) / 6, abs=4 * hours.std() / math.sqrt(N))
    assert set(triangular(0.5, 0.5, 0.5, 9, rng())) == set(pert(0.5, 0.5, 0.5, 9, rng())) == {0.5}


def test_a_speed_is_student_t_of_its_mean_above_zero() -> None:
    for speeds in ([8.8, 8.9, 9.0, 8.7, 9.1], [0.2, 1.0, 0.1, 2.5, 0.3]):  # the second is often drawn below 0
        drawn = throughput(speeds, N, rng())
        error = np.std(speeds, ddof=1) / math.sqrt(5)
        t = stats.t(4, loc=np.mean(speeds), scale=error)
        below = t.cdf(0)
        assert drawn.min() > 0
        assert fits(drawn, lambda x, t=t, below=below: (t.cdf(x) - below) / (1 - below))
    assert below > 0.04
    assert set(throughput([3.0] * 5, 10, rng())) == {3.0}


def test_a_choice_follows_its_weights() -> None:
    drawn = choice([1.0, 2.0, 4.0], N, rng(), weights=[1, 0, 3])
    assert set(drawn) == {1.0, 4.0}
    assert np.mean(drawn == 4.0) == pytest.approx(0.75, abs=0.015)
    assert np.mean(choice([1.0, 2.0], N, rng()) == 2.0) == pytest.approx(0.5, abs=0.015)


def bootstrap_agrees(draws: np.ndarray, rows: np.ndarray) -> None:
    """The mean of resampled means is the mean of the rows, their covariance that of the rows over n."""
    covariance = np.cov(rows, rowvar=False, bias=True) / len(rows)
    spread = np.sqrt(np.diag(covariance))
    assert np.abs(draws.mean(axis=0) - rows.mean(axis=0)).max() < 4 * spread.max() / math.sqrt(N)
    found = np.cov(draws, rowvar=False)
    assert found / np.outer(spread, spread) == pytest.approx(covariance / np.outer(spread, spread), abs=0.05)


@pytest.mark.parametrize(("rows", "levels", "way"), [(4_000, 2, "exact"), (300, 0, "exact"), (4_000, 0, "normal but")])
def test_pairs_stay_pairs_in_every_way_of_resampling(rows: int, levels: int, way: str) -> None:
    random = rng(1)
    teacher = random.beta(6, 1, rows)
    student = np.clip(teacher + random.normal(0, 0.1, rows), 0, 1)
    if levels:
        teacher, student = (teacher > 0.7).astype(float), (student > 0.7).astype(float)
    draws, method = paired_quality(teacher, student, N, rng())
    assert method.startswith(way)
    assert draws.shape == (N, 2)
    bootstrap_agrees(draws, np.column_stack([teacher, student]))


def test_few_values_give_the_exact_binomial() -> None:
    scores = np.repeat([1.0, 0.0], [18, 2])
    draws, _ = paired_quality(scores, scores, N, rng())
    right = np.rint(draws[:, 0] * 20).astype(int)
    expected = stats.binom(20, 0.9).pmf(np.arange(21)) * N
    counts = np.bincount(right, minlength=21)
    seen = expected > 5
    assert stats.chisquare(counts[seen], expected[seen] * counts[seen].sum() / expected[seen].sum()).pvalue > 0.01
    assert (draws[:, 0] == draws[:, 1]).all()


def test_rows_of_one_cluster_are_drawn_together() -> None:
    random = rng(2)
    sizes = random.integers(1, 30, 60)
    clusters = np.repeat(np.arange(60), sizes)
    teacher = (random.random(60) < 0.8)[clusters].astype(float)
    student = np.where(random.random(len(clusters)) < 0.9, teacher, 1 - teacher)
    draws, method = paired_quality(teacher, student, N, rng(), clusters=[f"c{c}" for c in clusters])
    assert method == "exact"
    # The same by hand, cluster by cluster.
    index = rng(9).integers(0, 60, size=(N, 60))
    rights = np.bincount(clusters, weights=teacher)
    by_hand = rights[index].sum(axis=1) / sizes[index].sum(axis=1)
    assert draws[:, 0].std() == pytest.approx(by_hand.std(), rel=0.03)
    assert draws[:, 0].mean() == pytest.approx(by_hand.mean(), abs=4 * by_hand.std() / math.sqrt(N))
    alone, _ = paired_quality(teacher, student, N, rng())
    assert draws[:, 0].std() > 2 * alone[:, 0].std()


def test_skewed_costs_keep_their_skew_where_indices_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = rng(4).lognormal(-6, 1.5, 2_000)
    fast, method = mean_costs(costs, N, rng())
    assert method == "normal but for the 63 extreme rows"
    monkeypatch.setattr(resample, "MOST_CELLS", N * len(costs))
    exact, method = mean_costs(costs, N, rng(5))
    assert method == "exact"
    spread = costs.std() / math.sqrt(len(costs))
    levels = [0.01, 0.1, 0.5, 0.9, 0.99]
    gaps = (np.quantile(fast, levels) - np.quantile(exact, levels)) / spread
    assert np.abs(gaps).max() < 0.08
    skew = stats.skew(costs) / math.sqrt(len(costs))
    assert stats.skew(exact) == pytest.approx(skew, abs=0.06)
    assert stats.skew(fast) == pytest.approx(skew, abs=0.06)
    assert skew > 0.15, "a plain normal would fail"


def test_costs_of_the_same_requests_move_together() -> None:
    costs = rng(6).lognormal(-6, 1, 200)
    means, _ = mean_costs(np.column_stack([costs, costs / 4]), 1_000, rng())
    assert means[:, 1] == pytest.approx(means[:, 0] / 4)


IMPOSSIBLE: list[tuple[Callable[[], Any], str]] = [
    (lambda: lognormal(2.0, 1.0, 5, rng()), "P10 is 2.0"),
    (lambda: lognormal(0.0, 1.0, 5, rng()), "P10 is 0.0"),
    (lambda: triangular(0, 2, 1, 5, rng()), "mode 2"),
    (lambda: pert(math.nan, 2, 3, 5, rng()), "low is nan"),
    (lambda: choice([], 5, rng()), "0 options"),
    (lambda: choice([1.0, 2.0], 5, rng(), weights=[0, 0]), "2 options and 2 weights"),
    (lambda: choice([1.0, -2.0], 5, rng()), r"options\[1\] is -2"),
    (lambda: throughput([1.0, 2.0, 3.0], 5, rng()), "3 measurements"),
    (lambda: throughput([1.0, 2.0, 3.0, 0.0, 1.0], 5, rng()), "the lowest 0.0"),
    (lambda: mean_costs([0.1], 5, rng()), "1 row to resample"),
    (lambda: mean_costs([0.1, math.inf], 5, rng()), r"request costs\[1\] is inf"),
    (lambda: mean_costs(["a", "b"], 5, rng()), "not numbers"),
    (lambda: paired_quality([1.0, 0.0], [1.0], 5, rng()), "a pair per row"),
    (lambda: paired_quality([1.0, 0.0], [1.0, 1.5], 5, rng()), "a score is 1.5"),
    (lambda: paired_quality([1.0, 0.0], [1.0, 1.0], 5, rng(), clusters=["a"]), "clusters has shape"),
    (lambda: paired_quality([1.0, 0.0], [1.0, 1.0], 5, rng(), clusters=["a", "a"]), "1 row to resample"),
    (lambda: bootstrap_totals(np.array([[1.0], [math.nan]]), 5, rng()), "row 1"),
]


@pytest.mark.parametrize(("draw", "message"), IMPOSSIBLE)
def test_impossible_arguments_are_refused(draw: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw()
