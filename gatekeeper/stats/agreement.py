"""Agreement of labels: between two raters, between a judge and people, between samples of one model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from gatekeeper.errors import InputError
from gatekeeper.records import Estimate
from gatekeeper.stats.checks import NO_SPREAD, check_count, check_lengths, check_share
from gatekeeper.stats.intervals import estimate_mean, wilson
from gatekeeper.stats.paired import paired_counts


@dataclass(frozen=True)
class JudgeRates:
    """How a judge that accepts or refuses compares with people.

    sensitivity: share of what people accept that the judge accepts. specificity: share of what people refuse that the
    judge refuses.
    """

    sensitivity: Estimate
    specificity: Estimate


def kappa(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Return Cohen's kappa of two raters: agreement beyond what their label frequencies give by chance.

    The standard error is that of Fleiss, Cohen & Everitt (1969), which does not assume kappa = 0.

    Args:
        first, second: shape (n,), one label per item (text or numbers), in the same order of items.
        confidence: of the two-sided interval, in (0, 1).

    Returns:
        An Estimate in [-1, 1]. value is None without items, and when both raters gave one and the same label
        throughout (chance alone explains all). lower and upper are None where the standard error is 0, such as at
        perfect agreement.
    """
    quantile = -float(ndtri((1 - check_share("confidence", confidence)) / 2))
    a, b = _labels("first", first, 1), _labels("second", second, 1)
    check_lengths(a, b)
    value, error = _kappa_and_error(a, b)
    half = None if error is None or error <= NO_SPREAD else quantile * error
    return Estimate(
        value=value,
        lower=None if value is None or half is None else max(-1.0, value - half),
        upper=None if value is None or half is None else min(1.0, value + half),
        confidence=confidence,
        method="cohen's kappa",
        n_expected=a.size,
        n_scored=a.size,
        n_failed=0,
    )


def judge_rates(judge: ArrayLike, people: ArrayLike, *, confidence: float = 0.95) -> JudgeRates:
    """Return sensitivity and specificity of a judge against people, with Wilson intervals.

    Args:
        judge, people: shape (n,), True where the answer is accepted (0 and 1 are taken as well), in the same order.
        confidence: of the two-sided intervals, in (0, 1).

    Returns:
        JudgeRates; a rate is None where people accepted, or refused, nothing.
    """
    counts = paired_counts(judge, people)
    return JudgeRates(
        sensitivity=_rate(counts.a, counts.a + counts.c, confidence),
        specificity=_rate(counts.d, counts.b + counts.d, confidence),
    )


def chance_corrected(successes: int, n: int, *, chance: float, confidence: float = 0.95) -> Estimate:
    """Return (accuracy - chance) / (1 - chance): 0 for a guess, 1 for no error, below 0 for worse than a guess.

    Args:
        successes, n: items answered right, and all.
        chance: accuracy of a guess, in [0, 1): 1 / labels, or the share of the commonest label.
        confidence: of the two-sided interval, Wilson's of the accuracy on the corrected scale.
    """
    if not 0.0 <= chance < 1.0:
        raise InputError(f"chance is {chance!r}", hint="give the accuracy of a guess, such as 1 / number of labels")
    rate = _rate(successes, n, confidence)

    def corrected(accuracy: float | None) -> float | None:
        return None if accuracy is None else (accuracy - chance) / (1 - chance)

    return rate.model_copy(
        update={
            "value": corrected(rate.value),
            "lower": corrected(rate.lower),
            "upper": corrected(rate.upper),
            "method": "wilson, chance-corrected",
        }
    )


def self_agreement(samples: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Return how often two samples of one model agree on the same item.

    Args:
        samples: shape (n, k), the labels (text or numbers) of k >= 2 samples of each of n items.
        confidence: of the two-sided interval over items, in (0, 1).

    Returns:
        An Estimate of the share of agreeing pairs of samples; the item is the unit, whatever k is. Without
        correction for chance. value is None without items.
    """
    labels = _labels("samples", samples, 2)
    k = labels.shape[1]
    if k < 2:
        raise InputError(f"samples has {k} sample per item", hint="give at least two samples of each item")
    codes = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    agreeing = np.zeros(codes.shape[0])
    for place in range(1, k):
        agreeing += (codes[:, place:] == codes[:, :-place]).sum(axis=1)
    estimate = estimate_mean(agreeing / (k * (k - 1) / 2), codes.shape[0], 0, confidence)
    if estimate.lower is None or estimate.upper is None:
        return estimate
    return estimate.model_copy(update={"lower": max(0.0, estimate.lower), "upper": min(1.0, estimate.upper)})


def _rate(successes: int, n: int, confidence: float) -> Estimate:
    lower, upper = wilson(successes, n, confidence)
    return Estimate(
        value=successes / n if check_count("n", n) else None,
        lower=lower,
        upper=upper,
        confidence=confidence,
        method="wilson",
        n_expected=n,
        n_scored=n,
        n_failed=0,
    )


def _labels(name: str, labels: ArrayLike, dimensions: int) -> NDArray[np.generic]:
    """Return the labels as an array of text or numbers; missing ones (None, NaN) raise InputError."""
    array = np.asarray(labels)
    if array.ndim != dimensions:
        raise InputError(f"{name} has {array.ndim} dimensions, not {dimensions}", hint="give one label per item")
    if array.dtype.kind == "O" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise InputError(f"{name} has a label that is missing", hint="leave items without a label out")
    return array


def _kappa_and_error(first: NDArray[np.generic], second: NDArray[np.generic]) -> tuple[float | None, float | None]:
    n = first.size
    if n == 0:
        return None, None
    codes = np.unique(np.concatenate([first, second]), return_inverse=True)[1]
    a, b = codes[:n], codes[n:]
    count = int(codes.max()) + 1
    share_a, share_b = np.bincount(a, minlength=count) / n, np.bincount(b, minlength=count) / n
    same = a == b
    observed, chance = float(same.mean()), float(share_a @ share_b)
    if 1 - chance <= NO_SPREAD:
        return None, None
    value = (observed - chance) / (1 - chance)
    # One term per item instead of one per cell of the table, which may have many labels.
    terms = same - (share_b[a] + share_a[b]) * (1 - value)
    square = float(np.mean(terms * terms)) - (value - chance * (1 - value)) ** 2
    return value, math.sqrt(max(0.0, square) / n) / (1 - chance)
