"""The charts of a dossier: one function each, None where the dossier has no numbers for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatekeeper.report import numbers
from gatekeeper.report.data import Candidate, Dossier
from gatekeeper.report.svg import BASE, DPI, GOOD, LINE, NARROW, REQUIRED, SERIES, WIDE, Draw, draw_svg
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


def retention_chart(dossier: Dossier) -> Chart | None:
    """Draw the gate interval of retention against its requirement; None when no look was spent."""
    gate = dossier.gate
    estimate, required = gate.retention, gate.requirement
    if estimate is None or estimate.value is None or estimate.lower is None or estimate.upper is None:
        return None
    low, value, high = estimate.lower, estimate.value, estimate.upper

    def draw(figure: Figure, narrow: bool) -> None:
        axes = _axes(figure, left=14, right=14, top=44, bottom=30)
        ends = [low, high, 1.0, *([] if required is None else [required])]
        _limits(axes, ends)
        axes.set_ylim(-1, 1)
        axes.spines["left"].set_visible(False)
        axes.axvline(1.0, color=LINE, linewidth=1, linestyle=(0, (2, 3)))
        axes.plot([low, high], [0, 0], color=GOOD, linewidth=9, solid_capstyle="butt", alpha=0.35)
        axes.plot([value], [0], marker="o", markersize=9, color=GOOD, linestyle="none")
        # The label of the lower end stands on the far side of the requirement's line, so that the line never cuts it.
        away = "right" if required is not None and required > low else "left"
        axes.text(low, -0.42, numbers.percent_against(low, required), ha=away, va="top")
        if required is not None:
            axes.axvline(required, color=REQUIRED, linewidth=2)
            side = "left" if _fraction(axes, required) < 0.5 else "right"
            axes.text(required, 1.12, f"required {numbers.percent(required)}", ha=side, va="bottom", color=REQUIRED)
        axes.text(value, 0.42, numbers.percent(value), ha="center", va="bottom", fontsize=13, fontweight="bold")

    words = (
        f"Retention {numbers.percent(value)}, interval {numbers.share_interval(estimate)}, "
        f"required {numbers.percent(required)}."
    )
    return _chart("chart-retention", "Quality kept, on the gate split", words, draw, heights=(150, 150))


def rounds_chart(dossier: Dossier) -> Chart | None:
    """Draw dev retention with its interval, by round and student; None when nothing was measured."""
    students = list(dict.fromkeys(row.student for row in dossier.candidates))
    rows = [row for row in dossier.candidates if row.retention is not None and row.retention.value is not None]
    if not rows:
        return None
    required = dossier.gate.requirement
    rounds = sorted({row.round for row in rows})

    def draw(figure: Figure, narrow: bool) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = _axes(figure, left=46, right=10, top=26 + 20 * _legend_rows(len(students), narrow), bottom=42)
        for place, student in enumerate(students):
            # Students of one round stand beside each other, so that their intervals do not cover one another.
            shift = (place - (len(students) - 1) / 2) * 0.12
            _curve(axes, [row for row in rows if row.student == student], shift, place)
        if required is not None:
            axes.axhline(required, color=REQUIRED, linewidth=1.5)
            axes.text(1.0, 1.02, f"required {numbers.percent(required)}", ha="right", va="bottom", color=REQUIRED,
                      transform=axes.transAxes)  # fmt: skip
        axes.set_xlim(rounds[0] - 0.5, rounds[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6 if narrow else 12, integer=True, min_n_ticks=1))
        axes.set_xlabel("round")
        axes.yaxis.set_major_formatter(lambda share, _: numbers.percent(round(share, 6)))
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        _legend(axes, narrow)

    listed = "; ".join(
        f"{one_line(row.student)} round {row.round}: {numbers.percent(row.retention.value)}"
        for row in rows
        if row.retention
    )
    return _chart("chart-rounds", "Quality kept, on the development split", listed + ".", draw, heights=(300, 300))


def slices_chart(dossier: Dossier, most: int = 16) -> Chart | None:
    """Draw retention by slice value with its interval; None when there are no slices or more than `most`."""
    rows = [row for row in dossier.slices if row.retention is not None and row.retention.value is not None]
    if not rows or len(rows) > most:
        return None
    required = dossier.gate.slice_minimum if dossier.gate.slice_minimum is not None else dossier.gate.requirement

    def draw(figure: Figure, narrow: bool) -> None:
        axes = _axes(figure, left=130 if narrow else 210, right=14, top=26, bottom=28)
        for place, row in enumerate(rows):
            estimate = row.retention
            assert estimate is not None and estimate.value is not None
            low = estimate.value if estimate.lower is None else estimate.lower
            high = estimate.value if estimate.upper is None else estimate.upper
            axes.plot([low, high], [place, place], color=GOOD, linewidth=6, alpha=0.35, solid_capstyle="butt")
            axes.plot([estimate.value], [place], marker="o", markersize=6, color=GOOD, linestyle="none")
        labels = [_label(row.value if narrow else f"{row.slice}: {row.value}", 15 if narrow else 30) for row in rows]
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        if required is not None:
            axes.axvline(required, color=REQUIRED, linewidth=1.5)
            axes.text(1.0, 1.01, f"line at {numbers.percent(required)}", ha="right", va="bottom", color=REQUIRED,
                      transform=axes.transAxes)  # fmt: skip
        _percent_axis(axes, 3 if narrow else 6)

    listed = "; ".join(
        f"{one_line(row.slice)} {one_line(row.value)}: {numbers.share_interval(row.retention)}" for row in rows
    )
    height = 54 + 26 * len(rows)
    return _chart(
        "chart-slices", "Quality kept, by slice of the gate split", listed + ".", draw, heights=(height, height)
    )


def money_chart(dossier: Dossier) -> Chart | None:
    """Draw both monthly bills as bars from zero; None when one of them is unknown."""
    baseline, candidate = dossier.money.baseline_monthly, dossier.money.candidate_monthly
    if baseline is None or candidate is None or max(baseline, candidate) <= 0:
        return None
    bars = [("teacher", baseline, BASE), ("student", candidate, GOOD)]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = _axes(figure, left=62, right=78, top=6, bottom=6)
        for place, (_, amount, color) in enumerate(bars):
            axes.barh(place, float(amount), height=0.56, color=color, linewidth=0)
            axes.annotate(numbers.usd(amount), (float(amount), place), xytext=(7, 0), textcoords="offset points",
                          va="center", fontsize=11, fontweight="bold")  # fmt: skip
        axes.set_yticks(range(len(bars)), [name for name, _, _ in bars])
        axes.set_ylim(1.5, -0.5)
        axes.set_xlim(0, float(max(baseline, candidate)))
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])

    words = f"Teacher {numbers.usd(baseline)} per month, student {numbers.usd(candidate)} per month."
    return _chart("chart-money", "Monthly bill", words, draw, heights=(104, 104))


def all_charts(dossier: Dossier) -> dict[str, Chart]:
    """Draw every chart that the dossier has numbers for, by id."""
    drawn = (retention_chart(dossier), rounds_chart(dossier), slices_chart(dossier), money_chart(dossier))
    return {chart.id: chart for chart in drawn if chart is not None}


def _curve(axes: Axes, rows: Sequence[Candidate], shift: float, place: int) -> None:
    color = SERIES[place % len(SERIES)]
    marker = MARKERS[(place + place // len(SERIES)) % len(MARKERS)]  # colour and marker together stay distinct
    known = [(row.round + shift, row.retention) for row in rows if row.retention is not None]
    for where, estimate in known:
        if estimate.lower is not None and estimate.upper is not None:
            axes.plot([where, where], [estimate.lower, estimate.upper], color=color, linewidth=2, alpha=0.45)
    points = [(where, estimate.value) for where, estimate in known if estimate.value is not None]
    axes.plot(
        [where for where, _ in points], [value for _, value in points], color=color, linewidth=1.5, marker=marker,
        markersize=6, label=_label(rows[0].student) if rows else None,
    )  # fmt: skip


def _legend(axes: Axes, narrow: bool) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) < 2:
        axes.text(
            0.0,
            1.02,
            _label(labels[0], 14 if narrow else _LABEL_CHARACTERS) if labels else "",
            ha="left",
            va="bottom",
            transform=axes.transAxes,
        )
        return
    axes.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.08), ncols=1 if narrow else 3, frameon=False,
        borderaxespad=0, borderpad=0, handlelength=1.4, labelspacing=0.4, columnspacing=1.4,
    )  # fmt: skip


def _legend_rows(students: int, narrow: bool) -> int:
    return 0 if students < 2 else students if narrow else math.ceil(students / 3)


def _axes(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Place one set of axes by margins in points, so that labels keep their room at every width."""
    wide, high = figure.get_size_inches() * DPI
    return figure.add_axes((left / wide, bottom / high, (wide - left - right) / wide, (high - top - bottom) / high))


def _limits(axes: Axes, ends: Sequence[float]) -> None:
    low, high = min(ends), max(ends)
    room = max((high - low) * 0.12, 0.004)
    axes.set_xlim(low - room, high + room)
    axes.set_yticks([])
    _percent_axis(axes, 5)


def _percent_axis(axes: Axes, ticks: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda share, _: numbers.percent(round(share, 6)))


def _fraction(axes: Axes, place: float) -> float:
    low, high = axes.get_xlim()
    return (place - low) / (high - low)


def _label(text: str, most: int = _LABEL_CHARACTERS) -> str:
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def _chart(name: str, title: str, description: str, draw: Draw, *, heights: tuple[int, int]) -> Chart:
    wide, narrow = (
        draw_svg(f"{name}-{width}", title, description, draw, size=(width, height))
        for width, height in zip((WIDE, NARROW), heights, strict=True)
    )
    return Chart(id=name, title=title, description=description, wide=wide, narrow=narrow)
