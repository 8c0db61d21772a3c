"""The simulation of false promotions: its rules are what they are called, its draws and its gate are the real ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from benchmarks.false_promotion import rules
from benchmarks.false_promotion.designs import DESIGNS, Design, Setting, exact_bound, promotion_rates
from benchmarks.false_promotion.draws import CRASHES, Tables
from benchmarks.false_promotion.figure import PATH, draw
from benchmarks.false_promotion.main import Effort, cell, jobs
from benchmarks.false_promotion.outcomes import Outcomes
from benchmarks.false_promotion.pages import END, NAME, START, with_table
from benchmarks.results import read_result
from gatekeeper.gate import quality
from gatekeeper.gate.quality import LookEvidence, QualityRequirement
from gatekeeper.gate.retention import PairedScores

ALPHA = 0.05
BY_KEY = {design.key: design for design in DESIGNS}
RULES = {rule.key: rule.promotes for rule in rules.RULES}
RESULT = read_result(NAME)


def tables_of(*kinds: tuple[int, int, int, int], crashed: int = 0) -> Tables:
    """One simulation of one look per table; all with the same number of rows."""
    a, b, c, d = (np.array(column)[:, None] for column in zip(*kinds, strict=True))
    return Tables((a + b + c + d)[0], a, b, c, d, np.full(a.shape, crashed))


def scores_of(a: int, b: int, c: int, d: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of student and teacher, row by row."""
    return np.repeat([1.0, 1.0, 0.0, 0.0], [a, b, c, d]), np.repeat([1.0, 0.0, 1.0, 0.0], [a, b, c, d])


def drawn(n: int, simulations: int, seed: int, *, correlation: float = 0.5, r: float = 0.97) -> list[tuple[int, ...]]:
    """Random tables of `n` rows."""
    cells = Setting(0.95, 0.9, n, correlation).cells(r)
    return [tuple(map(int, row)) for row in np.random.default_rng(seed).multinomial(n, cells, size=simulations)]


# --- the gate in the simulation is the gate of the package ---


@pytest.mark.slow
@pytest.mark.parametrize("each", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_the_gate_decides_every_table_as_the_simulation_does(each: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # How many rows would settle an open case is part of the sentence, not of the decision, and takes long.
    monkeypatch.setattr(quality, "rows_to_settle", lambda *_: None)
    rng = np.random.default_rng(each)
    decided = []
    for r0, n, alpha in itertools.product((0.9, 0.95), (3, 20, 59, 1000), (0.05, 0.05 / 15)):
        requirement = QualityRequirement(retention=r0, alpha=ALPHA, looks=5)
        shares = rng.dirichlet((30, 1, 1.5, 2), size=each)
        found = [tuple(map(int, rng.multinomial(n, share))) for share in shares] + [
            (n, 0, 0, 0),
            (0, n, 0, 0),
            (0, 0, 0, n),
        ]
        expected = rules.gate_passes(tables_of(*found), r0, alpha)[:, 0]
        for kinds, passes in zip(found, expected, strict=True):
            scores = PairedScores(*scores_of(*kinds), n_expected=n)
            outcome = quality.quality_of_look(LookEvidence(scores=scores, look=1, alpha=alpha), requirement).outcome
            assert (outcome == "pass") == passes, (r0, n, alpha, kinds)
            decided.append(passes)
    assert 0.1 < np.mean(decided) < 0.9, "both decisions must occur"


# --- the rules of others are what they are called ---


def by_scipy_paired_t(kinds: tuple[int, ...], r0: float) -> bool:
    student, teacher = scores_of(*kinds)
    return bool(stats.ttest_1samp(student - r0 * teacher, 0, alternative="greater").pvalue < ALPHA)


def by_statsmodels_tost(kinds: tuple[int, ...], r0: float) -> bool:
    student, teacher = scores_of(*kinds)
    margin = (1 - r0) * teacher.mean()
    return bool(ttost_paired(student, teacher, -margin, margin)[0] < ALPHA)


def by_statsmodels_mcnemar(kinds: tuple[int, ...], r0: float) -> bool:
    a, b, c, d = kinds
    return not (c > b and mcnemar([[a, b], [c, d]], exact=True).pvalue < ALPHA)


def by_statsmodels_wilson(repeats: int) -> Callable[[tuple[int, ...], float], bool]:
    def decide(kinds: tuple[int, ...], r0: float) -> bool:
        a, b, c, d = kinds
        n = a + b + c + d
        lower = proportion_confint(repeats * (a + b), repeats * n, alpha=2 * ALPHA, method="wilson")[0]
        return bool(lower >= r0 * (a + c) / n)

    return decide


ORACLES = {
    "paired_t": by_scipy_paired_t,
    "tost": by_statsmodels_tost,
    "mcnemar": by_statsmodels_mcnemar,
    "wilson": by_statsmodels_wilson(1),
    "wilson_repeats": by_statsmodels_wilson(10),
}


@pytest.mark.parametrize("rule", sorted(ORACLES))
def test_a_rule_decides_as_its_namesake_in_scipy_or_statsmodels(rule: str) -> None:
    decided = []
    for n, r0 in itertools.product((40, 300), (0.9, 0.95)):
        found = drawn(n, 60, n)
        passes = RULES[rule](tables_of(*found), r0, ALPHA)[:, 0]
        assert passes.tolist() == [ORACLES[rule](kinds, r0) for kinds in found], (n, r0)
        decided += passes.tolist()
    assert 0 < sum(decided) < len(decided)


def test_means_count_as_they_say() -> None:
    tables = tables_of((85, 1, 5, 9), (84, 1, 6, 9), (80, 5, 4, 11), (50, 0, 50, 0))  # s / t: .956, .944, 1.012, .5
    assert RULES["mean"](tables, 0.95, ALPHA)[:, 0].tolist() == [True, False, True, False]
    assert RULES["mean_margin"](tables, 0.95, ALPHA)[:, 0].tolist() == [False, False, True, False]
    assert RULES["wins_ties"](tables, 0.95, ALPHA)[:, 0].tolist() == [True, False, True, False]  # 5, 6, 4, 50 lost
    crashed = tables_of((85, 1, 5, 9), (84, 1, 6, 9), (80, 5, 4, 11), (50, 0, 50, 0), crashed=5)
    assert RULES["mean_no_crashes"](crashed, 0.95, ALPHA)[:, 0].tolist() == [True, True, True, False]


def test_a_mean_exactly_at_the_threshold_passes_the_rule_on_means_and_not_the_gate() -> None:
    tables = tables_of((760, 0, 40, 200))  # 0.76 = 0.95 * 0.8
    assert RULES["mean"](tables, 0.95, ALPHA).all()
    assert not rules.gate_passes(tables, 0.95, ALPHA).any()


def test_unpaired_z_has_the_variance_of_two_samples() -> None:
    tables = tables_of((880, 40, 20, 60))
    z = (0.92 - 0.95 * 0.9) / math.sqrt((0.92 * 0.08 + 0.95**2 * 0.9 * 0.1) / 1000)
    assert RULES["unpaired_z"](tables, 0.95, stats.norm.sf(z) * 1.001).all()
    assert not RULES["unpaired_z"](tables, 0.95, stats.norm.sf(z) * 0.999).any()


def test_the_bootstrap_resamples_and_skips_only_what_it_need_not_ask() -> None:
    found = drawn(60, 60, 3) + drawn(60, 60, 4, r=1.05)
    passes = rules.paired_bootstrap(tables_of(*found), 0.95, ALPHA, np.random.default_rng(1))[:, 0]
    rng = np.random.default_rng(2)
    for kinds, passed in zip(found, passes, strict=True):
        student, teacher = scores_of(*kinds)
        means = (student - 0.95 * teacher)[rng.integers(0, 60, size=(2000, 60))].mean(axis=1)
        share = float(np.mean(means <= 1e-9))
        if abs(share - ALPHA) > 0.03:  # nearer, two bootstraps of the same table may differ
            assert passed == (share < ALPHA), kinds
    assert 0 < passes.sum() < len(passes)


# --- the draws ---


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.key)
def test_every_look_sees_the_true_shares(design: Design) -> None:
    setting = Setting(0.95, 0.92, 200, 0.7)
    cells = setting.cells(0.97)
    tables = design.draw(cells, setting.n, design.looks, 20_000, np.random.default_rng(4))
    assert ((tables.a + tables.b + tables.c + tables.d) == tables.n).all()
    assert tables.n[-1] == setting.n
    crashes = CRASHES
    for counts, share in zip((tables.a, tables.b, tables.c, tables.d, tables.crashed), (*cells, crashes), strict=True):
        error = np.sqrt(share * (1 - share) / tables.n / len(counts))
        assert (np.abs((counts / tables.n).mean(axis=0) - share) < 5 * error).all()


def test_candidates_share_the_teacher_and_rounds_share_answers_too() -> None:
    cells = Setting(0.95, 0.92, 500, 0.7).cells(0.95)
    means = {}
    for key in ("candidates", "rounds_5"):
        tables = BY_KEY[key].draw(cells, 500, 5, 20_000, np.random.default_rng(5))
        assert (tables.a + tables.c == (tables.a + tables.c)[:, :1]).all(), "the teacher's answers stay"
        right = tables.a + tables.b
        means[key] = float(np.corrcoef(right[:, 0], right[:, 1])[0, 1])
    assert 0 < means["candidates"] < 0.35
    assert means["rounds_5"] == pytest.approx(0.5 * (1 + means["candidates"]), abs=0.03)  # half of the answers stay


# --- what it shows ---


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.key)
def test_the_gate_keeps_to_alpha_where_means_do_not(design: Design) -> None:
    simulations = 20_000
    setting = Setting(0.95, 0.92, 200, 0.3)
    rates = promotion_rates(
        design, setting, 0.95, alpha=ALPHA, simulations=simulations, bootstrapped=0, rng=np.random.default_rng(6)
    )
    assert 0.02 < rates["gate"] < ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / simulations)
    assert rates["mean"] > (0.45 if design.looks == 1 else 0.7)
    assert rates["mean_no_crashes"] > 0.9
    exact = exact_bound(design, setting, alpha=ALPHA)
    if design.looks == 1:
        assert exact is not None
        assert rates["gate"] == pytest.approx(exact, abs=4 * math.sqrt(ALPHA / simulations))
    elif exact is not None:
        assert rates["gate"] < exact + 3 * math.sqrt(ALPHA / simulations)
        assert exact <= ALPHA


# --- what is committed ---


def test_the_committed_gate_keeps_to_alpha_in_every_cell() -> None:
    assert RESULT is not None
    outcomes = Outcomes(RESULT)
    cells = list(outcomes.at_threshold())
    assert len(cells) == 21 * len(DESIGNS)
    assert all(outcomes.errors_above("gate", row) < 3 for row in cells)
    assert all(row["gate_exact"] is None or row["gate_exact"] <= ALPHA for row in cells)


def test_a_committed_cell_comes_out_again() -> None:
    assert RESULT is not None
    job = next(jobs(Effort()))
    again, committed = cell(job), RESULT["rows"][0]
    assert (again["design"], again["n"], again["r"]) == (committed["design"], committed["n"], committed["r"])
    # Another numpy may draw other numbers from the same seed.
    assert again["rates"] == pytest.approx(committed["rates"], abs=0.01)


def test_the_readme_and_the_figure_are_made_from_the_committed_result(project_root: Path) -> None:
    assert RESULT is not None
    readme = (project_root / "README.md").read_text(encoding="utf-8")
    assert readme.count(START) == readme.count(END) == 1
    assert with_table(readme, RESULT) == readme
    assert "| **gatekeeper** |" in readme
    assert PATH.read_text(encoding="utf-8") == draw(RESULT)
