"""From a matplotlib figure to an element of a page: inline SVG in the page's colours and font.

The drawing uses sentinel colours that are replaced by CSS variables afterwards, so that one drawing serves light, dark
and print. Text stays text. Nothing in the output depends on time or on the order of calls, and nothing in it is loaded
from anywhere.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, LINE, BASE, GOOD, REQUIRED = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
SERIES = ("#110101", "#110202", "#110303", "#110404")
_VARIABLES = {
    INK: "ink", MUTED: "muted", LINE: "line", BASE: "chart-base", GOOD: "chart-main", REQUIRED: "chart-required",
    SERIES[0]: "series-1", SERIES[1]: "series-2", SERIES[2]: "series-3", SERIES[3]: "series-4",
}  # fmt: skip
_FONT = "DejaVu Sans"  # ships with matplotlib, so that the layout is the same everywhere; the page sets its own font
_SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "gatekeeper", "text.parse_math": False, "font.family": _FONT,
    "font.size": 11, "text.color": INK, "axes.labelcolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.edgecolor": LINE, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 1.0,
    "xtick.major.size": 0, "ytick.major.size": 0, "xtick.major.pad": 6, "ytick.major.pad": 6,
    "axes.unicode_minus": False, "path.simplify": False,
}  # fmt: skip
DPI = 72
WIDE, NARROW = 680, 300
"""Widths in CSS pixels: of a desktop column, and of a phone."""

Draw = Callable[["Figure", bool], None]
"""Draws onto a figure; the second argument says that it is a narrow one."""


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(rc=_SETTINGS), warnings.catch_warnings():
        # The font only sizes the layout; the reader's own fonts have the glyphs that it lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def draw_svg(prefix: str, title: str, description: str, draw: Draw, *, size: tuple[int, int]) -> str:
    """Return what `draw` draws as an ``<svg>`` element.

    Args:
        prefix: put before every id, so that several charts fit on one page.
        title, description: its text alternative.
        size: width and height in CSS pixels.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        draw(figure, size[0] == NARROW)
        for axes in figure.axes:
            axes.patch.set_visible(False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(out.getvalue(), prefix, title, description)


def _inline(svg: str, prefix: str, title: str, description: str) -> str:
    """Turn a stand-alone SVG file into an element of a page: no prolog, no links, own ids, page colours, a text."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href=", "href=")
    svg = re.sub(r'(?<=\sid=")([^"]+)', rf"{prefix}-\1", svg)
    svg = re.sub(r'(?<=\shref="#)([^"]+)', rf"{prefix}-\1", svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    for sentinel, variable in _VARIABLES.items():
        svg = svg.replace(sentinel, f"var(--{variable})")
    svg = svg.replace(f"'{_FONT}'", "var(--font)")
    head = (
        f'<svg role="img" aria-labelledby="{prefix}-title {prefix}-text" viewBox="{_view_box(svg)}">'
        f'<title id="{prefix}-title">{escape(title)}</title><desc id="{prefix}-text">{escape(description)}</desc>'
    )
    body = re.sub(r"\n\s*", "\n", svg[svg.index(">") + 1 :]).strip()
    return head + body


def _view_box(svg: str) -> str:
    match = re.search(r'viewBox="([^"]+)"', svg)
    assert match is not None, "matplotlib writes a viewBox"
    return match.group(1)
