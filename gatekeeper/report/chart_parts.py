"""What every chart of a dossier is made of: axes with margins in points, legends, labels, two widths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatekeeper.report import numbers
from gatekeeper.report.svg import DPI, NARROW, WIDE, Draw, draw_svg
from gatekeeper.report.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_CHARACTERS = 24
MARKERS = ("o", "s", "D", "^")


@dataclass(frozen=True)
class Chart:
    """One chart in two widths; the page shows the one that fits. `description` says in words what is drawn."""

    id: str
    title: str
    description: str
    wide: str
    narrow: str


def legend(axes: Axes, narrow: bool, columns: int = 3, above: float = 1.08) -> None:
    """Put the legend above the axes, one entry per line on a phone; a single entry is only a label."""
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) < 2:
        axes.text(
            0.0,
            1.02,
            short_label(labels[0], 14 if narrow else _LABEL_CHARACTERS) if labels else "",
            ha="left",
            va="bottom",
            transform=axes.transAxes,
        )
        return
    axes.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, above), ncols=1 if narrow else columns, frameon=False,
        borderaxespad=0, borderpad=0, handlelength=1.4, labelspacing=0.4, columnspacing=1.4,
    )  # fmt: skip


def legend_rows(entries: int, narrow: bool, columns: int = 3) -> int:
    """Return how many lines the legend of so many entries takes."""
    return 0 if entries < 2 else entries if narrow else math.ceil(entries / columns)


def place_axes(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Place one set of axes by margins in points, so that labels keep their room at every width."""
    wide, high = figure.get_size_inches() * DPI
    return figure.add_axes((left / wide, bottom / high, (wide - left - right) / wide, (high - top - bottom) / high))


def share_limits(axes: Axes, ends: Sequence[float]) -> None:
    """Let the horizontal axis span these shares with some room, and hide the vertical one."""
    low, high = min(ends), max(ends)
    room = max((high - low) * 0.12, 0.004)
    axes.set_xlim(low - room, high + room)
    axes.set_yticks([])
    percent_axis(axes, 5)


def percent_axis(axes: Axes, ticks: int) -> None:
    """Write the horizontal axis in per cent, with about so many ticks."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda share, _: numbers.percent(round(share, 6)))


def fraction_of(axes: Axes, place: float) -> float:
    """Return where a value stands on the horizontal axis, from 0 to 1."""
    low, high = axes.get_xlim()
    return (place - low) / (high - low)


def short_label(text: str, most: int = _LABEL_CHARACTERS) -> str:
    """Return foreign text that fits a label."""
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def make_chart(name: str, title: str, description: str, draw: Draw, *, heights: tuple[int, int]) -> Chart:
    """Draw a chart at both widths, with the heights (wide, narrow) in CSS pixels."""
    wide, narrow = (
        draw_svg(f"{name}-{width}", title, description, draw, size=(width, height))
        for width, height in zip((WIDE, NARROW), heights, strict=True)
    )
    return Chart(id=name, title=title, description=description, wide=wide, narrow=narrow)
