"""What a gate split of a given size can show, asked before it is spent.

All numbers are for one look with the paired test of `gatekeeper.stats.paired` on right or wrong answers.

Accuracy. Up to `EXACT_ROWS` rows power is exact: the probabilities of all tables that pass are summed
(`gatekeeper.stats.exact_power`). Above, it is the normal approximation with the score test's own variance: the standard
error of z's numerator under the null for the critical value, under the alternative for its spread. At 3000 rows the two
differ by at most 0.003 in the cases tried (teacher 0.92, r0 0.95, correlation 0.3 to 0.9).

The textbook count of rows, ((z_alpha + z_power) sd / excess)^2 with the alternative's sd for both, is too small for
this test: it needs 2 % to 24 % more in the same cases, since the null's variance is the larger one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from gatekeeper.errors import InputError
from gatekeeper.stats.checks import ROUNDING, check_accuracy, check_count, check_retention, check_share
from gatekeeper.stats.exact_power import exact_power
from gatekeeper.stats.paired import TIE, PairedCounts, paired_p_array, ratio_score_z_array

EXACT_ROWS = 3000
"""Number of rows up to which power is summed over all tables."""

PRIOR = 0.5
"""Jeffreys prior: what is added to each of the four counts."""

DRAWS = 20_000
"""Draws behind `probability_of_pass`; its simulation error is at most 0.0036."""

MOST_ROWS = 10**9
"""More rows than anybody has: a requirement that needs more is as good as out of reach."""


class Cells(NamedTuple):
    """Probabilities of the four kinds of items, in the order of `PairedCounts`; they sum to 1."""

    both: float
    student_only: float
    teacher_only: float
    neither: float


@dataclass(frozen=True)
class PowerPoint:
    """What the gate does to a student of true retention `retention`.

    powers: chance that one look passes, one for each alpha asked for. rows: rows that the target power needs, one for
    each alpha, None where no number of rows suffices.
    """

    retention: float
    powers: tuple[float, ...]
    rows: tuple[int | None, ...]


def cell_probabilities(r: float, teacher_accuracy: float, correlation: float) -> Cells:
    """Return the probabilities of the four kinds of items.

    Two standard normals with correlation `correlation` (the tetrachoric correlation) are cut so that the teacher is
    right with probability `teacher_accuracy` and the student with `r` times that.

    Raises:
        InputError: the student's accuracy would be above 1, or an argument is out of range.
    """
    check_retention("r", r)
    teacher = check_accuracy("teacher_accuracy", teacher_accuracy)
    if not -1.0 <= correlation <= 1.0:
        raise InputError(f"correlation is {correlation!r}", hint="give a number from -1 to 1")
    student = r * teacher
    if student > 1.0 + ROUNDING:
        raise InputError(
            f"retention {r:g} of a teacher accuracy of {teacher:g} is a student accuracy above 1",
            hint=f"give a retention of at most {1 / teacher:g}",
        )
    student = min(student, 1.0)
    both = _both_right(student, teacher, correlation)
    return Cells(both, student - both, teacher - both, max(0.0, 1.0 - student - teacher + both))


def power(n: int, r: float, r0: float, teacher_accuracy: float, correlation: float, alpha: float) -> float:
    """Return the probability that one look on `n` rows passes a student of true retention `r`.

    Args:
        n: rows of the gate split.
        r: true retention of the student.
        r0: required retention.
        teacher_accuracy: share of rows that the teacher gets right, in (0, 1].
        correlation: tetrachoric correlation of both models being right, in [-1, 1].
        alpha: one-sided error that the look spends, in (0, 0.5).
    """
    return power_of_cells(cell_probabilities(r, teacher_accuracy, correlation), n, r0, alpha)


def power_of_cells(cells: Cells, n: int, r0: float, alpha: float) -> float:
    """Return the probability that one look on `n` rows passes when items fall into `cells`; see `power`."""
    check_count("n", n)
    check_retention("r0", r0)
    check_share("alpha", alpha, below=0.5)
    if n == 0:
        return 0.0
    return (exact_power if n <= EXACT_ROWS else _normal_power)(cells, n, r0, alpha)


def rows_for_power(
    r: float, r0: float, teacher_accuracy: float, correlation: float, alpha: float, target: float = 0.8
) -> int | None:
    """Return the rows at which one look passes a student of true retention `r` with probability `target`.

    Power rises with the rows but for a fine sawtooth, since counts are whole: the number returned reaches the target
    and one row less does not. Above `EXACT_ROWS` it is the normal approximation's, about 1 % too high.

    Returns:
        A number of rows; None when `r` is at or below `r0`, or so close above that more than 1e9 rows are needed.
    """
    return _rows(cell_probabilities(r, teacher_accuracy, correlation), r0, alpha, target)


def power_curve(
    n: int,
    retentions: Sequence[float],
    *,
    r0: float,
    teacher_accuracy: float,
    correlation: float,
    alphas: Sequence[float],
    target: float = 0.8,
) -> tuple[PowerPoint, ...]:
    """Return `power` and `rows_for_power` for each true retention and each look's alpha; arguments as there."""
    points = []
    for r in retentions:
        cells = cell_probabilities(r, teacher_accuracy, correlation)
        powers = tuple(power_of_cells(cells, n, r0, alpha) for alpha in alphas)
        points.append(PowerPoint(r, powers, tuple(_rows(cells, r0, alpha, target) for alpha in alphas)))
    return tuple(points)


def probability_of_pass(
    counts_on_dev: PairedCounts, n_gate: int, r0: float, alpha: float, rng: np.random.Generator | int = 0
) -> float:
    """Return the predictive probability that one look on `n_gate` rows passes, given the paired counts on dev.

    The four cell probabilities have the Jeffreys prior Dirichlet(1/2, 1/2, 1/2, 1/2) and so, after dev, the posterior
    Dirichlet(counts + 1/2). For each draw of them the gate counts are drawn as a multinomial and tested. Dev and gate
    are taken to be samples of the same items; a dev split that steered the student makes the result too hopeful.

    Args:
        counts_on_dev: from at least one item.
        n_gate: rows of the gate split; with none, nothing passes.
        r0: required retention.
        alpha: one-sided error that the look spends, in (0, 0.5).
        rng: a generator or a seed.

    Raises:
        InputError: no dev items: the prior alone says nothing about this student.
    """
    check_count("n_gate", n_gate)
    check_retention("r0", r0)
    check_share("alpha", alpha, below=0.5)
    if counts_on_dev.n == 0:
        raise InputError("there are no scored items on dev", hint="score the dev split first")
    generator = np.random.default_rng(rng)
    posterior = np.array([counts_on_dev.a, counts_on_dev.b, counts_on_dev.c, counts_on_dev.d]) + PRIOR
    tables = generator.multinomial(n_gate, generator.dirichlet(posterior, size=DRAWS))
    p = paired_p_array(tables[:, 0], tables[:, 1], tables[:, 2], r0)
    return float(np.mean(p < alpha * (1 - TIE)))


def rows_needed(counts_on_dev: PairedCounts, r0: float, alpha: float, target: float = 0.8) -> int | None:
    """Return the gate rows at which one look passes with probability `target`, were dev's shares the true ones.

    Returns:
        A number of rows as in `rows_for_power`; None when the retention on dev is undefined or at or below `r0`.
    """
    check_retention("r0", r0)
    n = counts_on_dev.n
    if counts_on_dev.teacher_right == 0:
        return None
    cells = Cells(counts_on_dev.a / n, counts_on_dev.b / n, counts_on_dev.c / n, counts_on_dev.d / n)
    return _rows(cells, r0, alpha, target)


def _both_right(student: float, teacher: float, correlation: float) -> float:
    """Return P(both right): the bivariate normal distribution at the two cuts, kept within its Frechet bounds."""
    least, most = max(0.0, student + teacher - 1.0), min(student, teacher)
    if abs(correlation) == 1.0 or most in (0.0, least):
        return most if correlation > 0 else least
    from scipy.stats import multivariate_normal  # scipy.stats takes long to import

    # Correlations within 1e-9 of 1 look singular to scipy's check; its integral in two dimensions is good up to 1.
    distribution = multivariate_normal(cov=[[1.0, correlation], [correlation, 1.0]], allow_singular=True)
    both = distribution.cdf([ndtri(student), ndtri(teacher)])
    return min(max(float(both), least), most)


def _excess(cells: Cells, r0: float) -> float:
    """Return E[s - r0 t], 0 when it is only float rounding."""
    right, needed = cells.both + cells.student_only, r0 * (cells.both + cells.teacher_only)
    return 0.0 if abs(right - needed) <= ROUNDING * (right + needed) else right - needed


def _spreads(cells: Cells, r0: float) -> tuple[float, float]:
    """Return the standard deviation of s - r0 t for one item: as the null fits it, and as it is."""
    excess = _excess(cells, r0)
    z = float(ratio_score_z_array(cells.both, cells.student_only, cells.teacher_only, r0))
    square = cells.both * (1 - r0) ** 2 + cells.student_only + r0**2 * cells.teacher_only
    return excess / z, math.sqrt(max(square - excess**2, 0.0))


def _normal_power(cells: Cells, n: int, r0: float, alpha: float) -> float:
    critical = -float(ndtri(alpha))
    excess = _excess(cells, r0)
    if excess == 0:
        return alpha
    null, true = _spreads(cells, r0)
    gap = math.sqrt(n) * excess - critical * null
    return float(ndtr(gap / true)) if true > 0 else float(gap > 0)


def _rows(cells: Cells, r0: float, alpha: float, target: float) -> int | None:
    check_retention("r0", r0)
    critical = -float(ndtri(check_share("alpha", alpha, below=0.5)))
    quantile = float(ndtri(check_share("target", target)))
    excess = _excess(cells, r0)
    if excess <= 0:
        return None
    null, true = _spreads(cells, r0)
    root = max(0.0, (critical * null + quantile * true) / excess)
    if root**2 > MOST_ROWS:
        return None
    guess = max(1, math.ceil(root**2))
    if guess > EXACT_ROWS:
        return guess
    return _first(lambda n: exact_power(cells, n, r0, alpha) >= target, guess)


def _first(holds: Callable[[int], bool], guess: int) -> int:
    """Return an n >= 1 for which `holds`, and not for n - 1, by bisection that starts around `guess`."""
    high = guess
    while not holds(high):
        high = 1 + high * 5 // 4
    low, step = high, max(1, high // 8)
    while low > 0 and holds(low):
        low, step = max(0, low - step), step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
