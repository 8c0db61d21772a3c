"""Which text has which words, what each word weighs, and which pairs of texts share many of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.suite.words import is_one_slip_apart

RAREST_WORDS = 40
"""Words of one text by which its candidates are searched."""
COMMON_SHARE, COMMON_LEAST = 0.02, 20
"""A word is too common to search by when more texts have it than this share, and more than this many."""
LEAST_CANDIDATE = 0.35
"""Similarity over the rarest words alone, from which a pair is a candidate."""
CANDIDATES = 3
"""Texts that one text is compared with."""
MOST_FOR_SLIPS = 20
"""Slips are looked for among at most so many words that only one of two texts has; among more they change little."""
_BLOCK_CELLS = 4_000_000
_BLOCK_PAIRS = 20_000
_TINY = 1e-9

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts by index; all arrays have the shape (pairs,).

    Attributes:
        similarity: weight of the shared words over the mean weight of the two texts, in [0, 1].
        evidence: nats; exp(-evidence) bounds the chance that a text as long as these has all the shared words, if words
            fell independently.
    """

    first: Ints
    second: Ints
    similarity: Floats
    evidence: Floats


class WordTable:
    """The words of `texts`.

    Attributes:
        has: scipy CSR matrix of zeros and ones, shape (texts, words).
        weight: log(N / n) of a word that n of all N texts have, shape (words,).
        rarity: -log of a word's share of all words of all texts, shape (words,).
        total: weight of each text's words, shape (texts,).
        rarest: `has`, reduced to the words by which candidates are searched.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self.texts = texts
        self.columns: dict[str, int] = {}
        columns = (self.columns.setdefault(word, len(self.columns)) for text in texts for word in text)
        found = np.fromiter(columns, dtype=np.int64)
        self.lengths = np.array([len(text) for text in texts], dtype=np.float64)
        rows = np.repeat(np.arange(len(texts)), self.lengths.astype(np.int64))
        self.has = _matrix(rows, found, (len(texts), len(self.columns)))
        self.texts_with = np.bincount(self.has.indices, minlength=len(self.columns))
        # Rounded, so that the last digit of a logarithm, in which machines differ, decides nothing.
        self.weight = np.round(np.log(len(texts) / self.texts_with), 9)
        self.rarity = np.round(np.log(len(found) / np.bincount(found, minlength=len(self.columns))), 9)
        self.total = self.has @ self.weight
        self.rarest = self._rarest()

    def pairs(self, rows: range, among: int, *, from_similarity: float) -> Pairs:
        """Return each of `rows` with the few of the first `among` texts that are most like it, never with itself.

        Pairs below `from_similarity` are left out. Memory does not grow with the number of pairs.
        """
        first, second = self._candidates(rows, among)
        found: list[tuple[Ints, Ints, Floats, Floats]] = []
        for begin in range(0, max(len(first), 1), _BLOCK_PAIRS):
            here, there = first[begin : begin + _BLOCK_PAIRS], second[begin : begin + _BLOCK_PAIRS]
            shared = self.has[here].multiply(self.has[there]).tocsr()
            similarity = 2 * (shared @ self.weight) / np.maximum(self.total[here] + self.total[there], _TINY)
            kept = np.round(similarity, 6) >= from_similarity
            evidence = self._evidence(shared[kept], (self.lengths[here[kept]] + self.lengths[there[kept]]) / 2)
            found.append((here[kept], there[kept], np.round(similarity[kept], 6), np.round(evidence, 6)))
        return Pairs(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def similarity_of_slips(self, first: int, second: int) -> float:
        """Return what the similarity of two texts gains when words that are one slip apart count as shared."""
        here, there = set(self.texts[first]), set(self.texts[second])
        left, right = sorted(here - there), sorted(there - here)
        if max(len(left), len(right)) > MOST_FOR_SLIPS:
            return 0.0
        gained = 0.0
        for word in left:
            match = next((other for other in right if is_one_slip_apart(word, other)), None)
            if match is not None:
                right.remove(match)
                gained += float(self.weight[self.columns[word]] + self.weight[self.columns[match]])
        return gained / max(float(self.total[first] + self.total[second]), _TINY)

    def _rarest(self) -> Any:
        """Keep the rarest words of each text that another text has too, at most `RAREST_WORDS`, and no common ones.

        Which of two words is rarer is the same for all texts, so copies keep the same words.
        """
        most = max(COMMON_SHARE * len(self.texts), COMMON_LEAST)
        rows = np.repeat(np.arange(len(self.texts)), np.diff(self.has.indptr))
        columns = self.has.indices
        kept = (self.texts_with[columns] > 1) & (self.texts_with[columns] <= most)
        rows, columns = rows[kept], columns[kept]
        order = np.lexsort((columns, self.texts_with[columns], rows))
        rows, columns = rows[order], columns[order]
        few = _place_in_run(rows) < RAREST_WORDS
        return _matrix(rows[few], columns[few], self.has.shape)

    def _candidates(self, rows: range, among: int) -> tuple[Ints, Ints]:
        """Return pairs that share much of their rarest words, from products of sparse matrices in blocks of rows."""
        from scipy.sparse import diags

        total = self.rarest @ self.weight
        weighed = (self.rarest[:among] @ diags(self.weight)).T.tocsr()
        found: list[tuple[Ints, Ints]] = []
        size = max(1, _BLOCK_CELLS // max(among, 1))
        for begin in range(rows.start, rows.stop, size):
            block = (self.rarest[begin : min(begin + size, rows.stop)] @ weighed).tocoo()
            first, second = block.row + begin, block.col
            similarity = np.round(2 * block.data / np.maximum(total[first] + total[second], _TINY), 6)
            kept = (similarity >= LEAST_CANDIDATE) & (first != second)
            first, second, similarity = first[kept], second[kept], similarity[kept]
            order = np.lexsort((second, -similarity, first))
            order = order[_place_in_run(first[order]) < CANDIDATES]
            found.append((first[order], second[order]))
        return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])

    def _evidence(self, shared: Any, lengths: Floats) -> Floats:
        """Return the evidence of each row of `shared`. Words due at least once in such a text count nothing."""
        rows = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
        nats = np.maximum(self.rarity[shared.indices] - np.log(lengths)[rows], 0.0)
        evidence: Floats = np.bincount(rows, weights=nats, minlength=shared.shape[0]).astype(np.float64)
        return evidence


def _matrix(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """Return a CSR matrix with a one wherever a row has a column, once or more often."""
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _place_in_run(values: Ints) -> Ints:
    """Return the place of each element in its run of equal values, from 0."""
    places = np.arange(len(values))
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    return places - np.repeat(starts, np.diff(starts, append=len(values)))
