"""The words of a text as copies are compared: what spelling, markup and encoding add is taken away. Pure."""

from __future__ import annotations

import html
import re
import unicodedata

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_APOSTROPHES = str.maketrans("", "", "'\u2019\u02bc")
# Han, kana, Thai, Lao, Burmese and Khmer are written without spaces: each character stands for itself there.
_UNSPACED = "\u0e01-\u0e2e\u0e81-\u0eae\u1000-\u1021\u1780-\u17a2\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_LOST = {"Mn", "Cf"}
"""Unicode categories of accents and of invisible characters."""
LEAST_FORGIVEN = 4
"""Letters of the shortest word in which one slip is forgiven."""


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of `text` in their order: no case, accents, punctuation, tags, entities or invisible characters.

    Full-width and other compatibility forms are the plain ones (NFKD, Unicode Standard Annex 15). A text without any
    letter or digit has no words.
    """
    plain = _TAG.sub(" ", html.unescape(html.unescape(text)))
    if not plain.isascii():
        plain = "".join(one for one in unicodedata.normalize("NFKD", plain) if unicodedata.category(one) not in _LOST)
    return tuple(_WORD.findall(plain.casefold().translate(_APOSTROPHES)))


def is_one_slip_apart(first: str, second: str) -> bool:
    """Return whether one letter was added, left out, changed, or changed places with the next one.

    Words with digits are never a slip apart: another number is another thing. Nor are words of under `LEAST_FORGIVEN`
    letters. (Optimal string alignment distance of 1; Damerau 1964.)
    """
    shorter, longer = sorted((len(first), len(second)))
    if shorter < LEAST_FORGIVEN or longer - shorter > 1 or _has_digit(first) or _has_digit(second):
        return False
    start = 0
    while start < shorter and first[start] == second[start]:
        start += 1
    end = 0
    while end < shorter - start and first[-1 - end] == second[-1 - end]:
        end += 1
    left, right = first[start : len(first) - end], second[start : len(second) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])


def _has_digit(word: str) -> bool:
    return any(one.isdigit() for one in word)
