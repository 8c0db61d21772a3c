"""Texts that are copies of gate texts: the same words, or nearly the same. Pure.

An *exact* copy has the same words in the same order (`suite.words`). A *near* copy has all of these:

- **Similarity**, at least `LEAST_SIMILARITY`: the weight of the words that both texts have, over the mean weight of the
  two. A word weighs log(N / n) where n of all N texts have it, so words of every text count nothing. The order of words
  does not matter, and one slip in a word is forgiven.
- **Evidence**, in nats: for every shared word, -log of how often it is due in a text of that length. If words fell
  independently, at most (gate texts) * exp(-evidence) of the rows would be that near by chance; that must not be above
  `NATURAL_SHARE`.
- **More than nature**: gate texts are near each other too, and that is no leak. So evidence, less the weight of the
  words that only one of the two has, must be above that of all but `NATURAL_SHARE` of the gate texts with another gate
  text (and of `FREE_ROWS`: one pair that is alike says nothing about the rest).

`benchmarks/leakage.py` measures what is found, and what is flagged in data without a leak. In short texts of a narrow
domain ("where is my card PIN") people say the same thing in nearly the same words, so that little but exact copies can
be told from chance; there this finds few near copies. Other words for the same meaning are found nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatekeeper.suite.word_table import Floats, Ints, WordTable
from gatekeeper.suite.words import words_of

LEAST_SIMILARITY = 0.65
NATURAL_SHARE = 0.002
FREE_ROWS = 2
SLIPS_FROM = 0.5
"""Slips are looked for in pairs that are this similar without them."""

How = Literal["exact", "near"]
_Words = tuple[str, ...]


@dataclass(frozen=True)
class Copy:
    """A text that is a copy of a gate text.

    Attributes:
        index: of the text.
        gate_index: of the gate text that is most like it.
        similarity: in [0, 1], rounded to 4 digits; 1 for exact copies.
    """

    index: int
    gate_index: int
    how: How
    similarity: float


@dataclass(frozen=True)
class _Similar:
    """Similar pairs by index, with their evidence less the weight of what they do not share; shape (pairs,)."""

    first: Ints
    second: Ints
    similarity: Floats
    net: Floats


def find_copies(gate: Sequence[str], texts: Sequence[str]) -> list[Copy]:
    """Return which of `texts` are copies of a text of `gate`, sorted by index.

    The same texts in the same order give the same answer on every machine. Texts without words are copies of nothing.
    """
    known: dict[str, str] = {}
    first: dict[_Words, int] = {}
    for index, text in enumerate(gate):
        first.setdefault(_words(text, known), index)
    first.pop((), None)
    words = [_words(text, known) for text in texts]
    copies = [Copy(index, first[one], "exact", 1.0) for index, one in enumerate(words) if one in first]
    # Exact copies are left out of what follows: many of them would make the rare words of a gate text look common.
    rest = [index for index, one in enumerate(words) if one and one not in first]
    if first and rest:
        places = list(first.values())
        near = _near_copies(list(first), [words[index] for index in rest])
        copies += [Copy(rest[row], places[column], "near", similarity) for row, column, similarity in near]
    return sorted(copies, key=lambda copy: copy.index)


def _words(text: str, known: dict[str, str]) -> _Words:
    """Return the words of a text; a word that is in `known` is not kept a second time."""
    return tuple(known.setdefault(word, word) for word in words_of(text))


def _near_copies(gate: list[_Words], texts: list[_Words]) -> list[tuple[int, int, float]]:
    """Return (text, gate text, similarity) of each near copy, by indices into the two lists."""
    table = WordTable([*gate, *texts])
    among = len(gate)
    limit = _natural_limit(_similar(table, range(among), among), among)
    found = _similar(table, range(among, among + len(texts)), among)
    best: dict[int, tuple[float, int]] = {}
    for place in np.flatnonzero(found.net > limit):
        row, similarity = int(found.first[place]) - among, float(found.similarity[place])
        if row not in best or similarity > best[row][0]:
            best[row] = (similarity, int(found.second[place]))
    return [(row, column, round(min(similarity, 1.0), 4)) for row, (similarity, column) in best.items()]


def _similar(table: WordTable, rows: range, among: int) -> _Similar:
    """Return the pairs of `rows` and gate texts that are similar and have the least evidence."""
    pairs = table.pairs(rows, among, from_similarity=SLIPS_FROM)
    known = pairs.evidence >= math.log(among / NATURAL_SHARE)
    first, second, evidence = pairs.first[known], pairs.second[known], pairs.evidence[known]
    slips = [table.similarity_of_slips(*pair) for pair in zip(first.tolist(), second.tolist(), strict=True)]
    similarity = pairs.similarity[known] + np.asarray(slips)
    net = evidence - (1 - similarity) * (table.total[first] + table.total[second])
    kept = similarity >= LEAST_SIMILARITY
    return _Similar(first[kept], second[kept], similarity[kept], net[kept])


def _natural_limit(natural: _Similar, among: int) -> float:
    """Return the net evidence that all but few of the `among` gate texts do not exceed with another gate text."""
    most = np.full(among, -math.inf)
    np.maximum.at(most, natural.first, natural.net)
    allowed = int(NATURAL_SHARE * among) + FREE_ROWS
    return float(np.sort(most)[::-1][allowed]) if allowed < among else -math.inf
