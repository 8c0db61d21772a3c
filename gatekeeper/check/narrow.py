"""How narrow a task is, and whether plain words tell its labels: entropy, and a cheap linear model, cross-validated.

The model is regularised least squares on a bag of words, in its dual form: all folds and all sizes of the learning
curve come from one matrix of inner products, so that a few hundred rows take a fraction of a second.
Source: Rifkin, Yeo & Poggio 2003, Regularized Least-Squares Classification; on texts about as good as an SVM.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import InputError

PENALTY = 1.0
"""Of the squared weights, for texts whose vectors have length 1: scikit-learn's default for the same model."""
WORD_N = 2
MOST_CHARACTERS = 2_000
"""Of each text: long texts would cost time and change little."""
FOLDS = 5
LEAST_TRAINING = 20


@dataclass(frozen=True)
class LabelShape:
    """Distribution of labels.

    Attributes:
        entropy_bits: H = -sum p log2 p (Shannon 1948).
        normalised: H over log2 of the number of labels that a student may answer, in [0, 1].
        majority: the commonest label, and its share.
    """

    n: int
    labels: int
    seen: int
    entropy_bits: float
    normalised: float
    majority: str
    majority_share: float


def label_shape(labels: Sequence[str], allowed: int) -> LabelShape:
    """Return how labels are distributed.

    Args:
        labels: of n rows, at least one.
        allowed: how many labels the task has, at least 2.

    Raises:
        InputError: there is no row.
    """
    if not labels or allowed < 2:
        raise InputError(f"{len(labels)} labels of {allowed} possible ones have no distribution", hint="give rows")
    counts = Counter(labels)
    shares = np.array(list(counts.values()), dtype=np.float64) / len(labels)
    entropy = float(-(shares * np.log2(shares)).sum()) + 0.0
    label, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return LabelShape(
        n=len(labels),
        labels=allowed,
        seen=len(counts),
        entropy_bits=entropy,
        normalised=entropy / math.log2(allowed),
        majority=label,
        majority_share=count / len(labels),
    )


@dataclass(frozen=True)
class CrossValidated:
    """Which rows were answered right after learning from how many others.

    Attributes:
        sizes: rows that were learned from, ascending.
        right: shape (len(sizes), n), 1.0 where the answer was right.
    """

    sizes: tuple[int, ...]
    right: NDArray[np.float64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of right answers by size, shape (len(sizes),)."""
        return np.asarray(self.right.mean(axis=1), dtype=np.float64)


def cross_validate(
    texts: Sequence[str], labels: Sequence[str], groups: Sequence[str], rng: np.random.Generator
) -> CrossValidated:
    """Return the cross-validated answers of a bag-of-words model at growing numbers of rows to learn from.

    Args:
        texts: n texts.
        labels: their labels.
        groups: rows of one group stay in one fold.
        rng: draws folds and the order in which rows are added.

    Raises:
        InputError: fewer rows or groups than it takes for two sizes in `FOLDS` folds.
    """
    from scipy.linalg import cholesky

    n = len(texts)
    folds = _folds(groups, rng)
    smallest = n - int(np.bincount(folds, minlength=FOLDS).max())
    sizes = _sizes(smallest)
    if len(set(groups)) < FOLDS or not sizes:
        raise InputError(f"{n} rows in {len(set(groups))} groups are too few to cross-validate", hint="give more rows")
    inner = inner_products(texts)
    names = {label: place for place, label in enumerate(sorted(set(labels)))}
    codes = np.array([names[label] for label in labels])
    right = np.zeros((len(sizes), n))
    for fold in range(FOLDS):
        test, rest = np.flatnonzero(folds == fold), rng.permutation(np.flatnonzero(folds != fold))
        rest = rest[: sizes[-1]]
        # Rows are added one after the other, so that each smaller size is the upper left part of the same factor.
        factor = cholesky(inner[np.ix_(rest, rest)] + PENALTY * np.eye(rest.size), lower=True)
        towards = inner[np.ix_(test, rest)]
        for place, size in enumerate(sizes):
            answers = answers_of(factor[:size, :size], codes[rest[:size]], towards[:, :size], len(names))
            right[place, test] = answers == codes[test]
    return CrossValidated(sizes, right)


def inner_products(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the inner products of the TF-IDF vectors of n texts, shape (n, n), with 1 on the diagonal.

    Words and pairs of words, (1 + log count) idf, length 1. No label is used.
    """
    from gatekeeper.models.linear import count_terms, iterate_terms, weigh

    short = [text[:MOST_CHARACTERS] for text in texts]
    documents = Counter(term for text in short for term in set(iterate_terms(text, WORD_N, None)))
    columns = {term: place for place, term in enumerate(sorted(documents))}
    idf = np.array([math.log((1 + len(short)) / (1 + documents[term])) + 1 for term in columns], dtype=np.float32)
    rows = weigh(count_terms(short, columns, WORD_N, None), idf, np.zeros(len(columns), dtype=np.bool_))
    return np.asarray((rows @ rows.T).toarray(), dtype=np.float64)


def answers_of(
    factor: NDArray[np.float64], codes: NDArray[np.int64], towards: NDArray[np.float64], n_labels: int
) -> NDArray[np.int64]:
    """Return the label of each of m rows after learning from t rows, shape (m,).

    One least-squares fit per label on +1 and -1, around its mean: alpha = (K + penalty I)^-1 (y - mean y).

    Args:
        factor: lower Cholesky factor of K + penalty I, shape (t, t); K are inner products.
        codes: labels as indices, shape (t,).
        towards: inner products of the m rows with the t rows, shape (m, t).
        n_labels: how many labels there are.
    """
    from scipy.linalg import cho_solve

    wanted = np.where(codes[:, None] == np.arange(n_labels), 1.0, -1.0)
    mean = wanted.mean(axis=0)
    alpha = cho_solve((factor, True), wanted - mean)
    return np.asarray((towards @ alpha + mean).argmax(axis=1), dtype=np.int64)


def _folds(groups: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row: groups in a drawn order, dealt out in turn."""
    names = sorted(set(groups))
    order = dict(zip((names[place] for place in rng.permutation(len(names))), range(len(names)), strict=True))
    return np.array([order[group] % FOLDS for group in groups], dtype=np.int64)


def _sizes(most: int) -> tuple[int, ...]:
    """Return sizes that grow by the square root of two up to `most`; empty where fewer than two fit."""
    steps = [most]
    while steps[-1] / math.sqrt(2) >= LEAST_TRAINING:
        steps.append(int(steps[-1] / math.sqrt(2)))
    return tuple(sorted(steps)) if len(steps) > 1 else ()
