"""Fit the linear student: TF-IDF and multinomial logistic regression against labels or distributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.models.linear import LinearClassifier, count_terms, find_parts, iterate_terms, weigh
from gatekeeper.training.targets import Targets, target_matrix

WORD_N = 2
CHAR_N: tuple[int, int] | None = (3, 5)
MIN_COUNT = 2
STRENGTH_PER_LABEL = 0.5
"""With k labels each label's weights see about 1/k of the examples, so the penalty shrinks with k. Chosen on public
data with 2 and with 77 labels; at one fixed strength either the first overfits or the second underfits."""
MAX_WEIGHTS = 8_000_000
"""Terms times labels; L-BFGS keeps about a dozen copies of the weights in float64, so this bounds memory to 0.8 GB."""
_ITERATIONS = 200
_HISTORY = 5


def fit_linear(
    texts: Sequence[str],
    targets: Targets,
    label_names: Sequence[str],
    *,
    soft: bool,
    seed: int = 0,
    word_n: int = WORD_N,
    char_n: tuple[int, int] | None = CHAR_N,
    min_count: int = MIN_COUNT,
    strength: float | None = None,
) -> LinearClassifier:
    """Minimise cross-entropy plus an L2 penalty with L-BFGS. The problem is convex, so `seed` changes nothing.

    Args:
        texts: n texts.
        targets: n labels or distributions, or a matrix of shape (n, len(label_names)).
        label_names: the labels.
        soft: learn from whole distributions (Hinton 2015 at temperature 1), not from their most probable label.
        seed: kept in the record.
        word_n: longest run of words.
        char_n: shortest and longest character n-gram inside a word, or None.
        min_count: a term counts when so many texts hold it; 1 where `texts` are so few that none would be left.
        strength: inverse of the L2 penalty, as scikit-learn's C; None: half the number of labels, at least 1.

    Raises:
        InputError: `targets` do not fit `texts` or `label_names`.
    """
    wanted = target_matrix(targets, label_names, soft=soft, n_texts=len(texts))
    terms, document_counts, left_out = _choose_terms(texts, word_n, char_n, min_count, len(label_names))
    columns = {term: column for column, term in enumerate(terms)}
    idf = (np.log((1 + len(texts)) / (1 + document_counts)) + 1).astype(np.float32)
    features = weigh(count_terms(texts, columns, word_n, char_n), idf, find_parts(terms))
    strength = max(1.0, STRENGTH_PER_LABEL * len(label_names)) if strength is None else strength
    coef, intercept = minimise(features, wanted, strength)
    detail = {
        "examples": len(texts),
        "labels": "soft" if soft else "hard",
        "min_count": min_count,
        "seed": seed,
        "strength": strength,
        "terms": len(terms),
        "terms_left_out": left_out,
    }
    return LinearClassifier(label_names, terms, idf, coef, intercept, word_n=word_n, char_n=char_n, detail=detail)


def _choose_terms(
    texts: Sequence[str], word_n: int, char_n: tuple[int, int] | None, min_count: int, n_labels: int
) -> tuple[list[str], NDArray[np.int64], int]:
    """Return terms in sorted order, in how many texts each occurs, and how many the cap left out."""
    documents: Counter[str] = Counter()
    for text in texts:
        documents.update(set(iterate_terms(text, word_n, char_n)))
    kept = [term for term, count in documents.items() if count >= min_count] or list(documents)
    room = max(1, MAX_WEIGHTS // n_labels)
    left_out = max(0, len(kept) - room)
    if left_out:
        kept = sorted(kept, key=lambda term: (-documents[term], term))[:room]
    kept.sort()
    return kept, np.array([documents[term] for term in kept], dtype=np.int64), left_out


def minimise(features: Any, wanted: NDArray[np.float64], strength: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (coef, intercept) at the minimum of C * sum of cross-entropies + half the squared norm of coef."""
    from scipy.optimize import minimize

    n_terms, n_labels = features.shape[1], wanted.shape[1]
    rows = features.astype(np.float64)
    columns = rows.T.tocsr() if hasattr(rows, "tocsr") else np.ascontiguousarray(rows.T)
    size = n_terms * n_labels

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coef, intercept = weights[:size].reshape(n_terms, n_labels), weights[size:]
        logits = rows @ coef + intercept
        logits -= logits.max(axis=1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        wrong = np.exp(log_p) - wanted
        gradient = np.empty_like(weights)
        gradient[:size] = (columns @ wrong).ravel() + weights[:size] / strength
        gradient[size:] = wrong.sum(axis=0)
        value = -(wanted * log_p).sum() + weights[:size] @ weights[:size] / (2 * strength)
        return value / len(wanted), gradient / len(wanted)

    options = {"maxiter": _ITERATIONS, "maxcor": _HISTORY, "gtol": 1e-6, "ftol": 1e-9}
    found = minimize(loss, np.zeros(size + n_labels), jac=True, method="L-BFGS-B", options=options).x
    return found[:size].reshape(n_terms, n_labels), found[size:]
