"""Retention of each slice against a minimum: is a slice shown to be below it, is every slice shown to be above it?

Two questions with opposite burdens of proof. "No slice is shown to be below" asks for a p value of R >= minimum per
slice, adjusted over the slices by Holm. "Every slice is shown to be above" (`prove: true`) is the intersection-union
test: the largest p value of R <= minimum, compared with the whole alpha (Berger 1982).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtr

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import check_count, check_lengths, check_retention, check_share
from gatekeeper.stats.paired import paired_counts, paired_p, passes, ratio_score_z, retention_binary
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS, check_scores, cluster_numbers, fieller, least_clusters
from gatekeeper.stats.spending import holm


@dataclass(frozen=True)
class SliceTest:
    """One slice against its minimum.

    n: items. estimate: retention with its interval at 1 - 2 alpha, for this slice on its own. p_below: small when the
    slice is shown to be below the minimum; adjusted_below: the same after Holm. p_above: small when it is shown to be
    above. The p values are None where the slice cannot be tested: no items, a teacher that got nothing right, and for
    the t test fewer than `FIELLER_LEAST_ITEMS` items or clusters, or no spread. p_above is None below `least_clusters`.
    """

    n: int
    estimate: Estimate
    p_below: float | None
    adjusted_below: float | None
    p_above: float | None


@dataclass(frozen=True)
class SliceReport:
    """All slices, in the order given.

    joint_p: the intersection-union p value of "every slice is above"; None where any slice cannot be tested, and
    without slices. tested: slices that could be tested.
    """

    slices: tuple[SliceTest, ...]
    joint_p: float | None
    tested: int

    def shown_below(self, alpha: float) -> tuple[int, ...]:
        """Return the places of the slices that are shown to be below the minimum, at `alpha` over all slices."""
        return tuple(k for k, one in enumerate(self.slices) if passes(one.adjusted_below, alpha))

    def proven(self, alpha: float) -> bool:
        """Return whether every slice is shown to be above the minimum; a slice that cannot be tested is not."""
        return passes(self.joint_p, alpha)


def slice_tests(
    student: ArrayLike,
    teacher: ArrayLike,
    slices: ArrayLike,
    *,
    minimum: float,
    alpha: float,
    n_slices: int | None = None,
    clusters: ArrayLike | None = None,
) -> SliceReport:
    """Test the retention of each slice against `minimum`, in both directions.

    Right or wrong answers get the paired test of counts for "above" and the score test for "below". Other scores, and
    items in clusters of more than one, get Fieller's t. The choice is made once, over all items.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1], in the same order of items.
        slices: shape (n,), the number of each item's slice, negative for none; or shape (slices, n), True for the
            items of each slice, which may overlap.
        minimum: required retention of a slice, above 0.
        alpha: one-sided error of each end of the printed intervals, in (0, 0.5).
        n_slices: number of slices when they are given by number, so that one without items is seen.
        clusters: shape (n,), the cluster of each item; None when items are independent.

    Raises:
        InputError: different lengths, a score that is NaN or outside [0, 1], a slice number that is not whole or not
            below n_slices.
    """
    check_retention("minimum", minimum)
    check_share("alpha", alpha, below=0.5)
    s, t = check_scores("student", student), check_scores("teacher", teacher)
    check_lengths(s, t)
    groups = None if clusters is None else cluster_numbers(clusters, s.size)
    if groups is not None and groups.size and int(groups.max()) + 1 == groups.size:
        groups = None
    binary = groups is None and bool(np.isin(s, (0.0, 1.0)).all() and np.isin(t, (0.0, 1.0)).all())
    tests = []
    for rows in _rows_of_slices(np.asarray(slices), s.size, n_slices):
        if binary:
            tests.append(_binary(s[rows], t[rows], minimum, alpha))
        else:
            tests.append(_scored(s[rows], t[rows], minimum, alpha, None if groups is None else groups[rows]))
    return _report(tests)


def _rows_of_slices(slices: NDArray[np.generic], n: int, n_slices: int | None) -> Iterator[NDArray[np.intp]]:
    """Yield the places of the items of each slice."""
    if slices.ndim == 2 and slices.shape[1] == n and slices.dtype == np.bool_:
        yield from (np.flatnonzero(mask) for mask in slices)
        return
    if slices.shape != (n,) or (n and slices.dtype.kind not in "iu"):
        raise InputError(
            f"slices has shape {slices.shape} and type {slices.dtype}",
            hint="give one whole number per item, or one row of True and False per slice",
        )
    codes: NDArray[np.integer] = slices.astype(np.int64)
    highest = int(codes.max()) if n else -1
    count = max(highest, -1) + 1 if n_slices is None else check_count("n_slices", n_slices)
    if highest >= count:
        raise InputError(f"slices holds {highest} with n_slices = {count}", hint="number the slices from 0")
    codes = np.maximum(codes, -1)
    if count <= np.iinfo(np.int16).max:
        codes = codes.astype(np.int16)  # which numpy sorts in time proportional to n
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(count + 1))
    yield from (order[start:end] for start, end in pairwise(edges))


def _binary(s: NDArray[np.float64], t: NDArray[np.float64], minimum: float, alpha: float) -> SliceTest:
    estimate = retention_binary(s, t, alpha=alpha, r0=minimum)
    counts = paired_counts(s, t)
    z = ratio_score_z(counts, minimum) if estimate.value is not None else None
    if z is None:
        return SliceTest(s.size, estimate, None, None, None)
    return SliceTest(s.size, estimate, float(ndtr(z)), None, paired_p(counts, minimum))


def _scored(
    s: NDArray[np.float64], t: NDArray[np.float64], minimum: float, alpha: float, groups: NDArray[np.intp] | None
) -> SliceTest:
    result = fieller(s, t, r0=minimum, alpha=alpha, clusters=groups)
    enough = result.df is not None and result.df + 1 >= FIELLER_LEAST_ITEMS
    if result.t is None or result.df is None or result.estimate.value is None or not enough:
        return SliceTest(s.size, result.estimate, None, None, None)
    shown = groups is None or result.df + 1 >= least_clusters(s, t, minimum, result.df + 1)
    below = float(stdtr(result.df, result.t))
    return SliceTest(s.size, result.estimate, below, None, result.p if shown else None)


def _report(tests: list[SliceTest]) -> SliceReport:
    below = [test.p_below for test in tests if test.p_below is not None]
    adjusted = iter(holm(below))
    finished = tuple(
        test if test.p_below is None else SliceTest(test.n, test.estimate, test.p_below, next(adjusted), test.p_above)
        for test in tests
    )
    above = [test.p_above for test in finished]
    known = [p for p in above if p is not None]
    return SliceReport(finished, max(known) if known and len(known) == len(above) else None, len(below))
