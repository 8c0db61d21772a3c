"""Blend: which part of the traffic a student that falls short on all of it may take over, and what that means.

Pure: scores, confidences and timings in, records out. The threshold is chosen on the development split, which has
steered the student, so its certificate is somewhat too hopeful. What promotes is the look at the gate split: there the
threshold is fixed and the blend is one more candidate, with `blend_scores` as its scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate, Record
from gatekeeper.stats.coverage import CurvePoint, accepted, blend_scores, risk_coverage, thresholds_at
from gatekeeper.stats.intervals import quantile_interval, wilson
from gatekeeper.stats.selective import Step, choose_threshold, retention_test

__all__ = ["Blend", "BlendChoice", "blend_scores", "blended_p95", "choose_blend", "teacher_share"]

CURVE_POINTS = 60
"""Points of the curve that are kept for a report."""

TAIL = 0.05
"""Share of requests that may take longer than the 95th percentile."""

Floats = NDArray[np.float64]


class Blend(Record):
    """A student that answers where it is sure, and leaves the other requests to the teacher."""

    threshold: float
    """The student answers where its confidence is at least this."""
    coverage: float
    """Share of the development rows that the student answers."""
    teacher_share: Estimate
    """Share of requests that stay with the teacher."""
    retention: Estimate
    """Of the blend, on the development rows that the threshold was chosen on; the interval is at 1 - 2 delta."""
    r0: float
    delta: float
    """Error probability of the choice of the threshold."""
    chance: float | None
    """That a look at the gate split passes, as forecast from the development rows; None where nobody asked."""
    curve: tuple[CurvePoint, ...]
    """What other thresholds would do on the development rows, from the most cautious to the boldest."""


@dataclass(frozen=True)
class BlendChoice:
    """The blend, or why there is none, with the thresholds that were tested."""

    blend: Blend | None
    steps: tuple[Step, ...]
    reason: str | None


def choose_blend(
    student: ArrayLike,
    teacher: ArrayLike,
    confidence: ArrayLike,
    *,
    r0: float,
    delta: float,
    max_teacher_share: float = 1.0,
    clusters: ArrayLike | None = None,
    chance: Callable[[Floats], float] | None = None,
    least_chance: float = 0.0,
) -> BlendChoice:
    """Choose the boldest threshold that is certified on the development rows and has a chance at the gate.

    The boldest certified threshold passed by little, so a look at as many gate rows would pass about every second time
    only, and seldom at a small share of alpha. All certified thresholds hold together, so a more cautious one among
    them may be taken for its better chance without spending more of delta.

    Args:
        student, teacher: shape (n,), finite scores in [0, 1] of the rows on which both have one.
        confidence: shape (n,), the student's, NaN where it gave none.
        r0, delta: as in `stats.selective.choose_threshold`.
        max_teacher_share: most traffic that may stay with the teacher, in [0, 1]; the upper end of the share must meet
            it. Thresholds that do not are left out before a score is read.
        clusters: shape (n,), which rows belong together; None when each stands alone.
        chance: from the blend's scores, shape (n,), to the chance that a look at the gate split passes.
        least_chance: that is asked for, in [0, 1].

    Raises:
        InputError: different lengths, a score that is missing, or an argument out of range.
    """
    if not (0 <= max_teacher_share <= 1 and 0 <= least_chance <= 1):
        raise InputError(
            f"max_teacher_share is {max_teacher_share!r} and least_chance is {least_chance!r}",
            hint="give numbers from 0 to 1",
        )
    shares = {x: teacher_share(confidence, x, clusters=clusters) for x in thresholds_at(confidence)}
    uppers = {x: share.upper for x, share in shares.items() if share.upper is not None}
    allowed = [x for x, upper in uppers.items() if upper <= max_teacher_share]
    if not allowed:
        least = min(uppers.values(), default=1.0)
        reason = (
            f"No threshold leaves at most {max_teacher_share:.1%} of the traffic to the teacher: even the lowest "
            f"confidence leaves up to {least:.1%}, as far as these rows can tell."
        )
        return BlendChoice(None, (), reason)
    choice = choose_threshold(student, teacher, confidence, r0=r0, delta=delta, clusters=clusters, grid=allowed)
    best = 0.0
    for step in reversed(choice.certified):
        scores = blend_scores(student, teacher, confidence, step.threshold)
        likely = None if chance is None else chance(scores)
        if likely is None or likely >= least_chance:
            blend = Blend(
                threshold=step.threshold,
                coverage=step.coverage,
                teacher_share=shares[step.threshold],
                retention=retention_test(scores, teacher, r0=r0, alpha=delta, clusters=clusters)[0],
                r0=r0,
                delta=delta,
                chance=likely,
                curve=_thinned(risk_coverage(student, teacher, confidence).points, step.threshold),
            )
            return BlendChoice(blend, choice.path, None)
        best = max(best, likely)
    reason = choice.reason or (
        f"{len(choice.certified)} thresholds are certified, but with none of them has the blend a chance of at least "
        f"{least_chance:.0%} to pass a look; the best has {best:.0%}."
    )
    return BlendChoice(None, choice.path, reason)


def teacher_share(
    confidence: ArrayLike, threshold: float, *, clusters: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """Return the share of requests that stay with the teacher, with its Wilson interval.

    Args:
        confidence: shape (n,), the student's on rows like those to come, NaN where it gave none. No right answers are
            needed, so all rows that did not train the student will do.
        threshold: the student answers where its confidence is at least this.
        clusters: shape (n,), which rows belong together. The interval then counts as if all rows of a cluster went the
            same way, the widest that clusters can make it (Kish: (sum of sizes)^2 / sum of squared sizes rows).
        level: of the two-sided interval.
    """
    left = ~accepted(confidence, threshold)
    n = left.size
    share = float(left.mean()) if n else None
    counted = n
    if clusters is not None and n:
        sizes = np.unique(np.asarray(clusters), return_counts=True)[1]
        if int(sizes.sum()) != n:
            raise InputError(f"clusters has {int(sizes.sum())} rows, not {n}", hint="give one cluster per row")
        counted = n * n // int((sizes**2).sum())
    lower, upper = wilson(round((share or 0.0) * counted), counted, level)
    return Estimate(
        value=share,
        lower=lower,
        upper=upper,
        confidence=level,
        method="wilson" if counted == n else f"wilson; rows in clusters count as {counted}",
        n_expected=n,
        n_scored=n,
        n_failed=0,
    )


def blended_p95(
    p95: Estimate,
    high: Estimate | None,
    teacher_latencies_s: Sequence[float | None],
    share: Estimate,
    *,
    high_level: float = 0.99,
    level: float = 0.95,
) -> Estimate:
    """Return the 95th percentile of a blend's latency, bounded from both sides without assuming independence.

    A request takes S, the student's time, and then T more when it is left to the teacher, with probability q.

    upper: S + T exceeds s + t only if S exceeds s, or the request is left and T exceeds t. With s the student's
    quantile at `high_level`, the former happens to a share 1 - high_level of requests, so q P(T > t) may be the rest
    of 5 %: t is the teacher's quantile at 1 - (high_level - 0.95) / q, and 0 where q is below that rest. The student's
    95th percentile itself leaves no rest, so without a higher one there is no upper bound.
    lower: S alone, and T alone for the requests that are left: its quantile at 1 - 0.05 / q, where q is above 5 %.
    value: as if each answer of the student took its 95th percentile.

    Args:
        p95: of the student's latency, in milliseconds.
        high: the same at `high_level`; None where it was not measured.
        teacher_latencies_s: seconds of independent answers of the teacher to requests that are left to it. None, where
            nobody knows the time of an answer, counts as slower than all others for `upper` and `value`, and as 0 for
            `lower`.
        share: of requests that are left to the teacher (`teacher_share`).
        high_level: above 0.95 and below 1.
        level: of the interval of the teacher's quantile.

    Returns:
        Milliseconds. value, lower and upper are None where they are not known. The confidence is that all three
        intervals hold at once, by the union bound.
    """
    if not 1 - TAIL < high_level < 1:
        raise InputError(f"high_level is {high_level!r}", hint="give a level above 0.95 and below 1")
    slow = np.sort([math.inf if x is None else 1000.0 * x for x in teacher_latencies_s])
    fast = np.sort([0.0 if x is None else 1000.0 * x for x in teacher_latencies_s])
    rest = high_level - (1 - TAIL)
    upper = None if high is None else _sum(high.upper, _teacher_ms(slow, share.upper, rest, level, end=1))
    lower = [x for x in (p95.lower, _teacher_ms(fast, share.lower, TAIL, level, end=0)) if x is not None]
    levels = ((high or p95).confidence, share.confidence, level)
    return Estimate(
        value=_sum(p95.value, _teacher_ms(slow, share.value, TAIL)),
        lower=max(lower, default=None),
        upper=upper,
        confidence=None if None in levels else max(0.0, 1 - sum(1 - (x or 0.0) for x in levels)),
        method="95th percentile of the student's time, then the teacher's, bounded without independence",
        n_expected=slow.size,
        n_scored=int(np.isfinite(slow).sum()),
        n_failed=0,
    )


def _teacher_ms(
    latencies: Floats, share: float | None, rest: float, level: float | None = None, end: int = 1
) -> float | None:
    """Return the time that all but `rest` of the requests stay below in their wait for the teacher, `share` of them.

    Args:
        latencies: sorted, shape (n,).
        level: of the interval of the quantile whose lower (`end` 0) or upper (`end` 1) end is wanted; None for the
            sample quantile.
    """
    if share is None or share <= rest:
        return None if share is None else 0.0
    if latencies.size == 0:
        return None
    q = 1 - rest / share
    rank: float | None = math.ceil(q * latencies.size)
    if level is not None:
        rank = quantile_interval(np.arange(1.0, latencies.size + 1), q, level)[end]
    found = None if rank is None else float(latencies[max(0, int(rank) - 1)])
    return found if found is not None and math.isfinite(found) else None


def _sum(one: float | None, two: float | None) -> float | None:
    return None if one is None or two is None else one + two


def _thinned(points: tuple[CurvePoint, ...], threshold: float) -> tuple[CurvePoint, ...]:
    """Return about `CURVE_POINTS` of the points, evenly spread, with the last and the one at `threshold`."""
    every = math.ceil(len(points) / CURVE_POINTS)
    last = len(points) - 1
    return tuple(p for i, p in enumerate(points) if i % every == 0 or i == last or p.threshold == threshold)
