"""Foreign text made harmless to show: what models, data and users wrote, before it reaches a page or a terminal.

Escaping for HTML or Markdown is the renderer's work. This module removes what escaping does not: characters that
reorder or hide text, control characters that drive a terminal, and sheer length.
"""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 400
"""How much of one foreign text a report shows; what is left out is counted in the text itself."""

_KEPT = {"\n", "\t", "\u200d"}  # a joiner is part of ordinary emoji and of several scripts
_MARKDOWN = re.compile(r"[\\`*_{}\[\]#|~<>&$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def inert(text: str | None, most: int = MOST_CHARACTERS) -> str:
    """Return `text` with invisible and reordering characters spelled out, and at most `most` characters of it.

    Control characters (Cc, NUL included), format characters (Cf, the bidi controls included), line separators, private
    use and lone surrogates become a visible escape such as ``\\u202e``.
    """
    if text is None:
        return ""
    left_out = len(text) - most
    shown = text if left_out <= 0 else text[:most]
    clean = "".join(_visible(char) for char in shown)
    return clean if left_out <= 0 else f"{clean}… (+{left_out:,} characters)"


def one_line(text: str | None, most: int = MOST_CHARACTERS) -> str:
    """Return `inert` text on one line, runs of white space as one space."""
    return " ".join(inert(text, most).split())


def markdown(text: str | None, most: int = MOST_CHARACTERS) -> str:
    """Return text for a Markdown table cell: one line, with all that Markdown or HTML reads (links too) escaped."""
    return _MARKDOWN.sub(_entity, one_line(text, most))


def _visible(char: str) -> str:
    if char in _KEPT:
        return char
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}:
        code = ord(char)
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    return char


def _entity(match: re.Match[str]) -> str:
    # Entities rather than backslashes: they hold in every Markdown dialect, inside and outside of tables.
    return f"&#{ord(match.group())};"
