"""TF-IDF over words (and parts of words) and a linear softmax: the smallest student."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.models.head import softmax
from gatekeeper.models.weights import load_weights, save_weights

VOCABULARY_FILE = "vocabulary.json"
PART_SHARE = 0.5
_PART = "\0"
_WORD = re.compile(r"\w+|[^\w\s]")


def iterate_terms(text: str, word_n: int, char_n: tuple[int, int] | None) -> Iterator[str]:
    """Yield the terms of `text`: runs of 1 to `word_n` words, and character n-grams of single words.

    A punctuation mark is a word of its own. Character n-grams carry a leading NUL, so that they never equal a word.
    """
    words = _WORD.findall(text.casefold())
    yield from words
    for n in range(2, word_n + 1):
        for start in range(len(words) - n + 1):
            yield " ".join(words[start : start + n])
    if char_n is None:
        return
    low, high = char_n
    for word in words:
        padded = f"<{word}>"
        for n in range(low, min(high, len(padded) - 1) + 1):
            for start in range(len(padded) - n + 1):
                yield _PART + padded[start : start + n]


class LinearClassifier:
    """Sublinear TF-IDF of words and of their parts, L2 norm for each of the two, linear softmax.

    Args:
        labels: k label names.
        terms: v terms, in the order of the rows of `coef`.
        idf: shape (v,).
        coef: shape (v, k).
        intercept: shape (k,).
        word_n: longest run of words.
        char_n: shortest and longest character n-gram, or None.
        detail: how it was trained, for the record.
    """

    kind = "linear"

    def __init__(
        self,
        labels: Sequence[str],
        terms: Sequence[str],
        idf: NDArray[np.float32],
        coef: NDArray[np.float32],
        intercept: NDArray[np.float32],
        *,
        word_n: int,
        char_n: tuple[int, int] | None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.terms = list(terms)
        self._columns = {term: column for column, term in enumerate(self.terms)}
        self._is_part = find_parts(self.terms)
        self._idf = idf.astype(np.float32)
        self._coef = coef.astype(np.float32)
        self._intercept = intercept.astype(np.float32)
        self._word_n = word_n
        self._char_n = char_n
        self.detail = dict(detail or {})

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return probabilities, shape (len(texts), len(labels)). Unknown words count nothing."""
        if not texts:
            return np.zeros((0, len(self.labels)), dtype=np.float32)
        features = weigh(count_terms(texts, self._columns, self._word_n, self._char_n), self._idf, self._is_part)
        return softmax(features @ self._coef + self._intercept)

    def save(self, folder: Path) -> None:
        """Write weights, settings and vocabulary into `folder`."""
        header = {
            "labels": list(self.labels),
            "word_n": self._word_n,
            "char_n": list(self._char_n) if self._char_n else None,
            "detail": self.detail,
        }
        (folder / VOCABULARY_FILE).write_text(json.dumps(self.terms), encoding="utf-8")
        save_weights(folder, self.kind, header, {"idf": self._idf, "coef": self._coef, "intercept": self._intercept})

    @classmethod
    def load(cls, folder: Path) -> LinearClassifier:
        """Read what `save` wrote."""
        header, tensors = load_weights(folder, cls.kind)
        terms = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
        char_n = header["char_n"]
        return cls(
            header["labels"],
            terms,
            tensors["idf"],
            tensors["coef"],
            tensors["intercept"],
            word_n=header["word_n"],
            char_n=(char_n[0], char_n[1]) if char_n else None,
            detail=header["detail"],
        )


def count_terms(texts: Sequence[str], columns: Mapping[str, int], word_n: int, char_n: tuple[int, int] | None) -> Any:
    """Return how often each known term occurs: a float32 scipy CSR matrix of shape (len(texts), len(columns))."""
    from scipy.sparse import csr_matrix

    found: list[int] = []
    ends = [0]
    for text in texts:
        found.extend(columns[term] for term in iterate_terms(text, word_n, char_n) if term in columns)
        ends.append(len(found))
    shape = (len(texts), len(columns))
    counts = csr_matrix((np.ones(len(found), dtype=np.float32), np.array(found, dtype=np.int64), ends), shape=shape)
    counts.sum_duplicates()
    return counts


def weigh(counts: Any, idf: NDArray[np.float32], is_part: NDArray[np.bool_]) -> Any:
    """Return (1 + log count) * idf; a row's words have length 1 together, its parts of words `PART_SHARE`.

    Words and their parts are scaled apart, since a text has many more parts: scaled together they drown the words.

    Args:
        counts: scipy CSR matrix of shape (n, v).
        idf: shape (v,).
        is_part: shape (v,), which terms are parts of words.
    """
    weighted = counts.copy()
    weighted.data = (1.0 + np.log(weighted.data)) * idf[weighted.indices]
    part = is_part[weighted.indices]
    groups = 2 * np.repeat(np.arange(weighted.shape[0]), np.diff(weighted.indptr)) + part
    norms = np.sqrt(np.bincount(groups, weights=weighted.data**2, minlength=2 * weighted.shape[0]))
    share = np.where(part, PART_SHARE, 1.0)
    weighted.data = (share * weighted.data / np.maximum(norms, 1e-12)[groups]).astype(np.float32)
    return weighted


def find_parts(terms: Sequence[str]) -> NDArray[np.bool_]:
    """Return which of `terms` are parts of words, shape (len(terms),)."""
    return np.array([term.startswith(_PART) for term in terms], dtype=np.bool_)
