"""Fieller's t from 50 items or clusters on: the variance at the edge, its worth, and when it must not promote."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from gatekeeper.gate.quality import LookEvidence, QualityRequirement, quality_of_look
from gatekeeper.gate.retention import PairedScores, judge_retention
from gatekeeper.stats.paired import passes
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, fieller, least_clusters, t_test


def agreement(rng: np.random.Generator, clusters: int, size: int, r: float, within: float) -> np.ndarray:
    """Whether a student agrees with its teacher, on `size` items of each cluster with correlation `within`."""
    shared, own = rng.standard_normal((clusters, 1)), rng.standard_normal((clusters, size))
    return (math.sqrt(within) * shared + math.sqrt(1 - within) * own < ndtri(r)).astype(float).ravel()


def by_hand(s: np.ndarray, t: np.ndarray, r0: float, groups: np.ndarray) -> float:
    """Mean over standard error, with the variance at the edge where it is larger."""
    d = s - r0 * t
    count = groups.max() + 1
    sums = np.array([(d[groups == g] - d.mean()).sum() for g in range(count)]) * count / d.size
    variance = (sums**2).sum() / (count - 1) / count
    third = (sums**3).sum() / (count - 1) / count**2
    return d.mean() / math.sqrt(max(variance, variance - d.mean() * third / variance))


@pytest.mark.parametrize("seed", range(6))
def test_t_by_hand(seed):
    rng = np.random.default_rng(seed)
    groups = np.sort(np.r_[np.arange(60), rng.integers(0, 60, 140)])
    teacher = (rng.random(200) < 0.95).astype(float)
    student = np.where(rng.random(200) < 0.96, teacher, 1 - teacher)
    result = fieller(student, teacher, r0=0.9, alpha=0.05, clusters=groups)
    assert result.t == pytest.approx(by_hand(student, teacher, 0.9, groups), rel=1e-10)
    assert result.df == 59
    plain = t_test(student, teacher, 0.9, groups)[0]
    assert 0 < result.t <= plain * (1 + 1e-12)


def test_below_fifty_the_variance_is_the_plain_one():
    rng = np.random.default_rng(1)
    student = (rng.random(98) < 0.97).astype(float)
    groups = np.arange(98) // 2
    result = fieller(student, np.ones(98), r0=0.9, alpha=0.05, clusters=groups)
    assert result.df == FIELLER_LEAST_ITEMS - 2
    assert (result.t, result.p) == t_test(student, np.ones(98), 0.9, groups)[:2]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.7, 1.1), st.sampled_from([0.0033, 0.05, 0.2]), st.booleans())
def test_bound_and_p_agree(seed, r0, alpha, binary):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 60, 150)
    teacher = (rng.random(150) < rng.uniform(0.4, 1.0)).astype(float)
    student = np.where(rng.random(150) < rng.uniform(0.7, 1.0), teacher, rng.random(150) < 0.5)
    if not binary:
        student, teacher = 0.6 * student + 0.4 * rng.random(150), 0.6 * teacher + 0.4 * rng.random(150)
    result = fieller(student, teacher, r0=r0, alpha=alpha, clusters=groups)
    lower, upper = result.estimate.lower, result.estimate.upper
    if result.p is None or lower is None or upper is None:
        return
    assert lower - 1e-12 <= result.estimate.value <= upper + 1e-12
    if min(abs(result.p - alpha), abs(result.p - 1 + alpha)) > 1e-9:
        assert passes(result.p, alpha) == (lower > r0)
        assert (result.p > 1 - alpha) == (upper < r0)


@pytest.mark.parametrize(
    ("r0", "clusters", "size", "within"), [(0.95, 100, 2, 0.3), (0.9, 60, 5, 0.5), (0.95, 150, 5, 0.8)]
)
def test_false_promotion_at_the_edge_with_clusters(r0, clusters, size, within):
    """Agreement with the teacher, with just as many clusters as may promote or some more."""
    rng, repeats, alpha = np.random.default_rng(77), 1500, 0.05
    groups, teacher = np.repeat(np.arange(clusters), size), np.ones(clusters * size)
    wrong = plain = 0
    for _ in range(repeats):
        student = agreement(rng, clusters, size, r0, within)
        assert clusters >= least_clusters(student, teacher, r0, clusters)
        wrong += passes(fieller(student, teacher, r0=r0, alpha=alpha, clusters=groups).p, alpha)
        plain += passes(t_test(student, teacher, r0, groups)[1], alpha)
    error = 3 * math.sqrt(alpha * (1 - alpha) / repeats)
    assert wrong / repeats <= alpha + error
    assert plain / repeats > alpha + error, "what the variance at the edge guards against"


@pytest.mark.parametrize(
    ("r0", "teacher", "items", "clusters", "least"),
    [
        (0.95, 1.0, 400, 200, 100),
        (0.99, 1.0, 400, 200, 500),
        (0.95, 1.0, 220, 200, 182),  # 1.1 items a cluster: ten of the items must be expected to be lost
        (0.9, 0.8, 1000, 100, 63),
        (0.5, 1.0, 400, 200, FIELLER_LEAST_ITEMS),
        (1.0, 1.0, 400, 200, FIELLER_LEAST_ITEMS),
        (0.95, 0.0, 400, 200, FIELLER_LEAST_ITEMS),
    ],
)
def test_least_clusters(r0, teacher, items, clusters, least):
    t = (np.arange(items) < teacher * items).astype(float)
    assert least_clusters(t, t, r0, clusters) == least
    assert least_clusters(t * 0.9, t, r0, clusters) == FIELLER_LEAST_ITEMS, "scores between 0 and 1 show their spread"


@pytest.mark.parametrize(("clusters", "outcome"), [(99, "inconclusive"), (100, "pass")])
def test_too_few_clusters_for_the_losses_never_promote(clusters, outcome):
    student = np.ones(3 * clusters)
    student[0] = 0.0
    scores = PairedScores(student, np.ones(student.size), student.size, clusters=np.repeat(np.arange(clusters), 3))
    test = judge_retention(scores, 0.95, 0.05, 0.05)
    assert (test.least_rows, test.units) == (100, clusters)
    requirement = QualityRequirement(retention=0.95, alpha=0.05, looks=1)
    found = quality_of_look(LookEvidence(scores, 1, 0.05), requirement)
    assert found.outcome == outcome
    assert (found.settle is None) == (outcome == "pass")
    if found.settle is not None:
        assert "at least 100 independent groups" in found.settle
