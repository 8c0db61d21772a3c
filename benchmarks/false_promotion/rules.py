"""The rules that are compared: each says at which looks it would promote.

All take the counts of `Tables` and the required retention r0, with alpha = 0.05 where they have an error level at all.
s and t are the shares of items that student and teacher get right. A mean that reaches its threshold exactly passes, as
such rules are written (`>=`); float rounding does not decide that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtri, stdtrit

from benchmarks.false_promotion.draws import Counts, Tables
from gatekeeper.stats.paired import TIE, paired_p_array

Passed = NDArray[np.bool_]

MARGIN = 0.02
"""What "mean minus a margin" takes off the student's share of right items."""

REPEATS = 10
"""How often "each item ten times" counts the same answer as a new row."""

RESAMPLES = 1000
"""Bootstrap resamples of each table."""

IN_DOUBT = (0.5, 4.0)
"""Standard errors of the mean above 0 between which a bootstrap may decide either way."""

ROUNDING = 1e-9


@dataclass(frozen=True)
class Rule:
    """A rule of others: `promotes(tables, r0, alpha)` has the shape of the counts."""

    key: str
    label: str
    promotes: Callable[[Tables, float, float], Passed]


def gate_passes(tables: Tables, r0: float, levels: ArrayLike) -> Passed:
    """Say at which looks gatekeeper's gate passes: its paired test of counts at each look's level.

    A teacher that is never right leaves nothing to keep, and nothing passes. This is
    `gatekeeper.gate.quality.quality_of_look` for whole arrays; tests/test_false_promotion.py holds the two equal, table
    by table.
    """
    p = paired_p_array(tables.a, tables.b, tables.c, r0)
    return np.asarray((p < np.asarray(levels) * (1 - TIE)) & (tables.a + tables.c > 0))


def mean_at_threshold(tables: Tables, r0: float, alpha: float) -> Passed:
    """s >= r0 t."""
    return _reaches(_mean(tables, r0))


def mean_minus_margin(tables: Tables, r0: float, alpha: float) -> Passed:
    """s - 0.02 >= r0 t: a fixed safety margin, whatever the number of rows."""
    return _reaches(_mean(tables, r0) - MARGIN)


def means_without_crashes(tables: Tables, r0: float, alpha: float) -> Passed:
    """The student's mean over the rows that it answered >= r0 t."""
    answered = np.maximum(tables.n - tables.crashed, 1)
    return _reaches((tables.a + tables.b) / answered - r0 * (tables.a + tables.c) / tables.n)


def not_significantly_worse(tables: Tables, r0: float, alpha: float) -> Passed:
    """Promote unless McNemar's exact two-sided test finds the student worse than the teacher (plain equality)."""
    discordant = tables.b + tables.c
    p = 2 * bdtr(np.minimum(tables.b, tables.c), discordant, 0.5)
    return np.asarray(~((tables.c > tables.b) & (p < alpha)))


def wins_and_ties(tables: Tables, r0: float, alpha: float) -> Passed:
    """A judge that never errs compares answer by answer: wins b, losses c, the rest ties; (wins + ties) / n >= r0."""
    return _reaches(1 - r0 - tables.c / tables.n)


def wilson_of_student(tables: Tables, r0: float, alpha: float) -> Passed:
    """Wilson's one-sided lower bound of s alone >= r0 t, t taken as known."""
    return _wilson(tables, r0, alpha, repeats=1)


def wilson_of_repeats(tables: Tables, r0: float, alpha: float) -> Passed:
    """The same when each item is asked ten times, answered alike, and each answer counted as a row."""
    return _wilson(tables, r0, alpha, repeats=REPEATS)


def unpaired_z(tables: Tables, r0: float, alpha: float) -> Passed:
    """z test of s - r0 t as if both were measured on different items."""
    s, t = (tables.a + tables.b) / tables.n, (tables.a + tables.c) / tables.n
    error = np.sqrt((s * (1 - s) + r0**2 * t * (1 - t)) / tables.n)
    return _above(_mean(tables, r0), -float(ndtri(alpha)) * error)


def paired_t(tables: Tables, r0: float, alpha: float) -> Passed:
    """One-sided t test of s - r0 t, item by item."""
    error = np.sqrt(_variance(tables, r0) / (tables.n - 1))
    return _above(_mean(tables, r0), stdtrit(tables.n - 1, 1 - alpha) * error)


def equivalence(tables: Tables, r0: float, alpha: float) -> Passed:
    """TOST: two one-sided paired t tests show |s - t| < (1 - r0) t, t taken as known."""
    error = np.sqrt(_variance(tables, 1.0) / (tables.n - 1))
    room = (1 - r0) * (tables.a + tables.c) / tables.n - stdtrit(tables.n - 1, 1 - alpha) * error
    return _above(room, np.abs(_mean(tables, 1.0)))


def paired_bootstrap(tables: Tables, r0: float, alpha: float, rng: np.random.Generator) -> Passed:
    """Percentile bootstrap over items: the alpha quantile of the resampled mean of s - r0 t is above 0.

    Only tables whose mean is `IN_DOUBT` standard errors above 0 are resampled, equal tables once: for the others the
    answer is known.
    """
    mean = _mean(tables, r0)
    z = mean / np.maximum(np.sqrt(_variance(tables, r0) / tables.n), ROUNDING)
    passed = z > IN_DOUBT[1]
    doubt = (z >= IN_DOUBT[0]) & ~passed
    kinds, place = np.unique(
        np.stack([tables.a[doubt], tables.b[doubt], tables.c[doubt], tables.d[doubt]], axis=1),
        axis=0,
        return_inverse=True,
    )
    passed[doubt] = np.array([_bootstrap_passes(table, r0, alpha, rng) for table in kinds], dtype=np.bool_)[place]
    return passed


def _bootstrap_passes(kinds: Counts, r0: float, alpha: float, rng: np.random.Generator) -> bool:
    a, b, c, _ = rng.multinomial(kinds.sum(), kinds / kinds.sum(), size=RESAMPLES).T
    return bool(np.mean(a + b - r0 * (a + c) <= ROUNDING) < alpha)


def _mean(tables: Tables, r0: float) -> NDArray[np.float64]:
    """Return the mean of s - r0 t."""
    return np.asarray((tables.a + tables.b - r0 * (tables.a + tables.c)) / tables.n)


def _variance(tables: Tables, r0: float) -> NDArray[np.float64]:
    """Return the variance of s - r0 t over items, with divisor n."""
    square = (tables.a * (1 - r0) ** 2 + tables.b + tables.c * r0**2) / tables.n
    return np.asarray(np.maximum(square - _mean(tables, r0) ** 2, 0.0))


def _wilson(tables: Tables, r0: float, alpha: float, repeats: int) -> Passed:
    n, z = repeats * tables.n, -float(ndtri(alpha))
    s = (tables.a + tables.b) / tables.n
    lower = (s + z**2 / (2 * n) - z * np.sqrt(s * (1 - s) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    return _reaches(lower - r0 * (tables.a + tables.c) / tables.n)


def _reaches(value: NDArray[np.float64]) -> Passed:
    """Return value >= 0, whatever float arithmetic leaves of a tie."""
    return np.asarray(value >= -ROUNDING)


def _above(value: NDArray[np.float64], bound: NDArray[np.float64]) -> Passed:
    return np.asarray(value - bound > ROUNDING)


GATE, BOOTSTRAP = "gate", "bootstrap"
"""Keys of the two rules that take other arguments: gatekeeper's own, and the bootstrap."""

RULES = (
    Rule("mean", "mean at or above the threshold", mean_at_threshold),
    Rule("mean_margin", "mean minus a margin of 0.02", mean_minus_margin),
    Rule("mean_no_crashes", "mean, crashed rows left out", means_without_crashes),
    Rule("mcnemar", "not significantly worse (McNemar)", not_significantly_worse),
    Rule("wins_ties", "wins plus ties by a judge", wins_and_ties),
    Rule("wilson", "Wilson bound of the student alone", wilson_of_student),
    Rule("wilson_repeats", "Wilson bound, each item ten times", wilson_of_repeats),
    Rule("unpaired_z", "unpaired z test", unpaired_z),
    Rule("paired_t", "paired t test", paired_t),
    Rule("tost", "equivalence by two t tests (TOST)", equivalence),
)

LABELS = {
    GATE: "gatekeeper",
    **{rule.key: rule.label for rule in RULES},
    BOOTSTRAP: "paired percentile bootstrap",
}
"""Names of all rules by key, in the order of the tables."""
