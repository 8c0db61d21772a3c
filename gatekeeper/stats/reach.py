"""What a number of rows can show beside retention at one look: slices, guards, inputs beside the task, interim stops.

For planning: nothing here decides. Right or wrong answers are assumed, as in `gatekeeper.stats.power`, where retention
itself is planned, and power is exact up to `EXACT_ROWS` rows there as here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri, owens_t

from gatekeeper.errors import InputError
from gatekeeper.stats.auroc import AUROC_LEAST_EACH
from gatekeeper.stats.checks import check_accuracy, check_count, check_retention, check_share
from gatekeeper.stats.difference import difference_score_z_array
from gatekeeper.stats.exact_power import likely, pair_weights
from gatekeeper.stats.power import EXACT_ROWS, MOST_ROWS, Cells, _first, cell_probabilities, power_of_cells
from gatekeeper.stats.sequential import Stopping, interim_levels, stopping

_CERTAIN = 1 - 1e-12
"""A power beyond this is taken for it, since a power of 1 has no finite drift."""

_HIGHEST_LOGIT = float(logit(0.99999))

_RETENTION_STEP = 1e-4
"""A retention that a plan names is exact to this much."""


def power_with_stops(cells: Cells, n: int, r0: float, alpha: float, fractions: Sequence[float]) -> Stopping:
    """Return what one look does that may stop early: `power_of_cells` with the interim stops of `stats.sequential`.

    The statistic is taken to drift so that one fixed test at `alpha` would have its exact power. A power of 0, with too
    few rows for any table to pass, stays 0.

    Args:
        cells, n, r0, alpha: as in `power_of_cells`.
        fractions: share of the rows read at each stop, rising to 1.
    """
    fixed = power_of_cells(cells, n, r0, alpha)
    if len(fractions) == 1 or fixed == 0.0:
        return Stopping((fixed,), fixed, 1.0)
    drift = float(ndtri(min(fixed, _CERTAIN)) - ndtri(alpha))
    return stopping(interim_levels(alpha, fractions), fractions, drift)


def power_below(cells: Cells, n: int, r0: float, alpha: float) -> float:
    """Return the probability that `n` rows show R < r0, one-sided at `alpha`, when items fall into `cells`.

    Exchanging the models turns R into 1 / R and the score statistic into its negative, so it is the power of the
    exchanged table.
    """
    check_retention("r0", r0)
    return power_of_cells(Cells(cells.both, cells.teacher_only, cells.student_only, cells.neither), n, 1 / r0, alpha)


def detectable_below(
    n: int, r0: float, teacher_accuracy: float, correlation: float, alpha: float, target: float = 0.8
) -> float | None:
    """Return the highest retention that `n` rows show to be below `r0` with probability `target`.

    Returns:
        A retention in (0, r0); None when not even a student that is always wrong would be shown to be below.
    """
    check_share("target", target)

    def gap(r: float) -> float:
        return power_below(cell_probabilities(r, teacher_accuracy, correlation), n, r0, alpha) - target

    if gap(_RETENTION_STEP) < 0:
        return None
    return float(brentq(gap, _RETENTION_STEP, r0, xtol=_RETENTION_STEP)) if gap(r0) < 0 else float(r0)


def smallest_showing_below(r0: float, alpha: float, teacher_accuracy: float) -> int:
    """Return the number of items below which not even a student that is always wrong is shown to be below `r0`.

    With a = b = 0 the statistic of R >= r0 is sqrt(c r0), so c must exceed z^2 / r0. The teacher is taken to get the
    whole number of items right that is nearest to `teacher_accuracy` times n, as in `smallest_passable_n`.

    Args:
        r0: required retention, above 0.
        alpha: one-sided error, in (0, 0.5).
        teacher_accuracy: share of items that the teacher gets right, in (0, 1].
    """
    check_retention("r0", r0)
    check_share("alpha", alpha, below=0.5)
    check_accuracy("teacher_accuracy", teacher_accuracy)
    right = 1 + math.floor(float(ndtri(alpha)) ** 2 / r0)
    return max(right, math.ceil((right - 0.5) / teacher_accuracy))


def difference_power(cells: Cells, n: int, margin: float, alpha: float) -> float:
    """Return the probability that `n` rows show a difference above -margin by Tango's score test.

    Exact up to `EXACT_ROWS` rows: the statistic depends on b, c and n only. Above, the normal approximation with the
    test's own variance for the critical value.

    Args:
        cells: probabilities of the four kinds of items.
        n: rows.
        margin: in (0, 1).
        alpha: one-sided error, in (0, 0.5).
    """
    check_count("n", n)
    critical = -float(ndtri(check_share("alpha", alpha, below=0.5)))
    check_share("margin", margin)
    if n == 0:
        return 0.0
    if n > EXACT_ROWS:
        excess, null, true = _difference_spreads(cells, margin)
        gap = math.sqrt(n) * excess - critical * null
        return float(ndtr(gap / true)) if true > 0 else float(gap > 0)
    b, c = likely(n, cells.student_only)[:, None], likely(n, cells.teacher_only)[None, :]
    passed = difference_score_z_array(b, np.minimum(c, n - b), n, margin) > critical
    return float(min(1.0, np.sum(pair_weights(n, b, c, cells.student_only, cells.teacher_only) * passed)))


def rows_for_difference(cells: Cells, margin: float, alpha: float, target: float = 0.8) -> int | None:
    """Return the rows at which `difference_power` reaches `target`.

    Returns:
        A number of rows; None when the student is worse by the margin or more, or by so little less that more than 1e9
        rows are needed.
    """
    critical = -float(ndtri(check_share("alpha", alpha, below=0.5)))
    quantile = float(ndtri(check_share("target", target)))
    check_share("margin", margin)
    excess, null, true = _difference_spreads(cells, margin)
    if excess <= 0:
        return None
    root = max(0.0, (critical * null + quantile * true) / excess)
    if root**2 > MOST_ROWS:
        return None
    guess = max(1, math.ceil(root**2))
    return guess if guess > EXACT_ROWS else _first(lambda n: difference_power(cells, n, margin, alpha) >= target, guess)


def smallest_passable_difference(margin: float, alpha: float) -> int:
    """Return the number of items below which even a student identical to the teacher is not shown to be within margin.

    Without disagreement Tango's statistic is sqrt(n margin / (1 - margin)).
    """
    check_share("margin", margin)
    return 1 + math.floor(float(ndtri(check_share("alpha", alpha, below=0.5))) ** 2 * (1 - margin) / margin)


def smallest_passable_auroc(required: float, alpha: float) -> int:
    """Return the number of rows of either kind below which even complete separation does not show `required`.

    The bound of complete separation is alpha^(1 / m) with m rows of the rarer kind (see `stats.auroc.auroc`); below
    `AUROC_LEAST_EACH` no bound must promote.
    """
    check_share("alpha", alpha, below=0.5)
    if not 0.5 <= required < 1.0:
        raise InputError(f"required is {required!r}", hint="give an area of at least 0.5 and below 1")
    return max(AUROC_LEAST_EACH, math.ceil(math.log(alpha) / math.log(required)))


def detectable_auroc(required: float, inside: int, outside: int, alpha: float, target: float = 0.8) -> float | None:
    """Return the least true area that is shown to be at least `required` with probability `target`.

    Both kinds of confidences are taken to be normal with one variance, and the bound as in `stats.auroc.auroc`. In
    simulation the chance at the area returned was 0.81 to 0.87 where 0.8 was asked for (seven cases, 60 to 2,000 rows).

    Args:
        required: area at the edge, in [0.5, 1).
        inside, outside: rows of the eval that decides and of the other one.

    Returns:
        An area; None when there are fewer rows of either kind than `smallest_passable_auroc`, or no area below 0.99999
        has that chance.
    """
    least = smallest_passable_auroc(required, alpha)
    width = float(ndtri(check_share("target", target)) - ndtri(alpha))
    if min(check_count("inside", inside), check_count("outside", outside)) < least:
        return None

    def gap(scaled: float) -> float:
        area = float(expit(scaled))
        return scaled - width * _area_error(area, inside, outside) / (area * (1 - area)) - float(logit(required))

    # Close to 1 the standard error grows on this scale again, so the first crossing is the one that is meant.
    grid = np.arange(float(logit(required)), _HIGHEST_LOGIT, 0.05)
    beyond = next((place for place, scaled in enumerate(grid) if gap(scaled) > 0), None)
    return None if beyond is None else float(expit(brentq(gap, grid[beyond - 1], grid[beyond])))


def _difference_spreads(cells: Cells, margin: float) -> tuple[float, float, float]:
    """Return E[s - t] + margin, and the standard deviation of s - t for one item: as the null fits it, and as it is."""
    gain = cells.student_only - cells.teacher_only
    excess = gain + margin
    z = float(difference_score_z_array(cells.student_only, cells.teacher_only, 1.0, margin))
    true = math.sqrt(max(cells.student_only + cells.teacher_only - gain**2, 0.0))
    return excess, (excess / z if z else true), true


def _area_error(area: float, positives: int, negatives: int) -> float:
    """Return the standard error of an area when both kinds of scores are normal with one variance.

    The variance is Hanley & McNeil's (1982), with the exact chance that two pairs with one row in common are both in
    order: a bivariate normal probability with correlation 1/2, here by Owen's T.
    """
    two = area - 2 * float(owens_t(ndtri(area), 1 / math.sqrt(3)))
    square = area * (1 - area) + (positives + negatives - 2) * (two - area**2)
    return math.sqrt(max(square, 0.0) / (positives * negatives))
