"""What one look would show, forecast from a t statistic of the development split: for scores and for clusters.

`gatekeeper.stats.power` forecasts right or wrong answers from their counts. Here the statistic of s - r0 t on dev is
all that is known. Scaled to the gate's rows it is normal around what dev shows, with the uncertainty of both splits.
"""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from gatekeeper.stats.checks import check_count, check_share
from gatekeeper.stats.power import MOST_ROWS


def chance_of_pass(t: float | None, n_dev: int, n_gate: int, alpha: float) -> float:
    """Return the predictive probability that one look on `n_gate` rows passes, given `t` on `n_dev` rows.

    With rho = n_gate / n_dev and a flat prior the gate's statistic is normal with mean t sqrt(rho) and variance
    1 + rho. Clusters are taken to be of the same size and correlation in both splits.

    Args:
        t: Fieller's statistic of R <= r0 on dev; None where it is undefined, and then nothing is known to pass.
        alpha: one-sided error that the look spends, in (0, 0.5).
    """
    critical = -float(ndtri(check_share("alpha", alpha, below=0.5)))
    if t is None or check_count("n_gate", n_gate) == 0:
        return 0.0
    rho = n_gate / check_count("n_dev", n_dev, least=1)
    return float(ndtr((t * math.sqrt(rho) - critical) / math.sqrt(1 + rho)))


def rows_for_t(t: float | None, n_dev: int, alpha: float, target: float = 0.8) -> int | None:
    """Return the rows at which one look passes with probability `target`, were dev's mean and spread the true ones.

    Returns:
        A number of rows; None when the student does not keep enough on dev, or so little more than that that more than
        1e9 rows are needed.
    """
    critical = -float(ndtri(check_share("alpha", alpha, below=0.5)))
    if t is None or t <= 0:
        return None
    rows = n_dev * max(0.0, (critical + float(ndtri(check_share("target", target)))) / t) ** 2
    return max(1, math.ceil(rows)) if rows <= MOST_ROWS else None
