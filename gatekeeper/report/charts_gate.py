"""The charts of the gate: slices, a part of the traffic, the error budget, and what the split can show."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from gatekeeper.report import numbers
from gatekeeper.report.chart_parts import (
    MARKERS,
    Chart,
    legend,
    legend_rows,
    make_chart,
    percent_axis,
    place_axes,
    short_label,
)
from gatekeeper.report.data import Dossier
from gatekeeper.report.data_gate import SliceRow
from gatekeeper.report.sentences import TOLD
from gatekeeper.report.svg import BASE, GOOD, LINE, MUTED, REQUIRED, SERIES
from gatekeeper.report.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SLICES = 16
_LOOKS = {"below": (REQUIRED, "v"), "above": (GOOD, "^"), "unclear": (MUTED, "o")}
"""Colour and marker of a slice: neither alone has to be told apart."""
TARGET = 0.8


def slices_chart(dossier: Dossier, most: int = MOST_SLICES) -> Chart | None:
    """Draw retention by slice value with its interval, at most the `most` weakest; None without slices."""
    known = [row for row in dossier.slices if row.retention is not None and row.retention.value is not None]
    if not known:
        return None
    weakest = sorted(known, key=lambda row: (row.told != "below", _value(row)))[:most]
    rows = [row for row in known if row in weakest]
    required = dossier.gate.slice_minimum if dossier.gate.slice_minimum is not None else dossier.gate.requirement

    def draw(figure: Figure, narrow: bool) -> None:
        axes = place_axes(figure, left=130 if narrow else 210, right=14, top=26, bottom=28)
        for place, row in enumerate(rows):
            _forest_row(axes, place, row)
        labels = [
            short_label(row.value if narrow else f"{row.slice}: {row.value}", 15 if narrow else 30) for row in rows
        ]
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        if required is not None:
            axes.axvline(required, color=REQUIRED, linewidth=1.5)
            axes.text(1.0, 1.01, f"line at {numbers.percent(required)}", ha="right", va="bottom", color=REQUIRED,
                      transform=axes.transAxes)  # fmt: skip
        percent_axis(axes, 3 if narrow else 6)

    listed = "; ".join(
        f"{one_line(row.slice)} {one_line(row.value)}: {numbers.share_interval(row.retention)}, {TOLD[row.told]}"
        for row in rows
    )
    height = 54 + 26 * len(rows)
    weak = "" if len(rows) == len(known) else f", the {len(rows)} weakest"
    title = f"Quality kept, by slice of the gate split{weak}"
    return make_chart("chart-slices", title, listed + ".", draw, heights=(height, height))


def part_chart(dossier: Dossier) -> Chart | None:
    """Draw the quality kept by the share that the student answers, with the chosen limit; None without a curve."""
    part = dossier.part
    points = [] if part is None else [point for point in part.curve if point.retention is not None]
    if part is None or len(points) < 2:
        return None
    required = dossier.gate.requirement
    chosen = next((point for point in points if point.threshold == part.threshold), None)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = place_axes(figure, left=52, right=16, top=30, bottom=42)
        axes.plot([p.coverage for p in points], [p.retention or 0.0 for p in points], color=GOOD, linewidth=2)
        axes.set_xlim(0, 1)
        if required is not None:
            axes.axhline(required, color=REQUIRED, linewidth=1.5)
            axes.text(1.0, 1.02, f"required {numbers.percent(required)}", ha="right", va="bottom", color=REQUIRED,
                      transform=axes.transAxes)  # fmt: skip
        if chosen is not None and chosen.retention is not None:
            axes.plot([chosen.coverage], [chosen.retention], marker="o", markersize=9, color=GOOD, linestyle="none")
            # The line falls to the right, so there is room below it on the left.
            side, shift = ("left", (8, 10)) if chosen.coverage < 0.35 else ("right", (-10, -6))
            axes.annotate(
                f"from {numbers.percent(chosen.threshold)} sure", (chosen.coverage, chosen.retention), xytext=shift,
                textcoords="offset points", ha=side, va="bottom" if side == "left" else "top", fontweight="bold",
            )  # fmt: skip
        percent_axis(axes, 4 if narrow else 10)
        axes.set_xlabel("share that the student answers")
        axes.yaxis.set_major_formatter(lambda share, _: numbers.percent(round(share, 6)))
        axes.margins(y=0.16)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)

    ends = f"From {numbers.percent(points[0].retention)} kept to {numbers.percent(points[-1].retention)}"
    at = "" if chosen is None else f"; at the chosen limit {numbers.percent(chosen.retention)}"
    words = f"{ends} as the student answers more{at}. Required {numbers.percent(required)}."
    title = "Quality kept by student and teacher together, on the development split"
    return make_chart("chart-part", title, words, draw, heights=(280, 260))


def budget_chart(dossier: Dossier) -> Chart | None:
    """Draw the error budget as one bar: spent elsewhere, by looks here, left; None when it is not known."""
    budget = dossier.budget
    if budget.alpha <= 0:
        return None
    pieces = [("spent elsewhere on these rows", budget.inherited, BASE), ("spent by looks here", budget.spent, GOOD)]
    pieces = [piece for piece in pieces if piece[1] > 0]
    whole = max(budget.alpha, budget.inherited + budget.spent)
    pieces.append(("left", budget.left, LINE))

    def draw(figure: Figure, narrow: bool) -> None:
        axes = place_axes(figure, left=2, right=2, top=8 + 20 * legend_rows(len(pieces), narrow), bottom=24)
        start = 0.0
        for name, size, color in pieces:
            axes.barh(0, size, left=start, height=0.8, color=color, linewidth=0, label=name)
            start += size
        edges = 0.0
        for size in [budget.inherited, *(look.alpha for look in dossier.gate.looks)][:-1]:
            edges += size
            axes.axvline(edges, color=MUTED, linewidth=1)
        axes.set_xlim(0, whole)
        axes.set_yticks([])
        axes.set_ylim(-0.4, 0.4)
        axes.set_xticks([0, budget.alpha], ["0 %", f"{numbers.percent(budget.alpha)}"])
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        for spine in axes.spines.values():
            spine.set_visible(False)
        legend(axes, narrow)

    words = (
        f"Of {numbers.percent(budget.alpha)}: {numbers.percent(budget.inherited, 2)} spent elsewhere on these rows, "
        f"{numbers.percent(budget.spent, 2)} by looks here, {numbers.percent(budget.left, 2)} left."
    )
    return make_chart("chart-budget", "Error budget of the gate rows", words, draw, heights=(84, 124))


def power_chart(dossier: Dossier) -> Chart | None:
    """Draw the chance that a look passes, by gate rows and true quality; None where it cannot be computed."""
    power = dossier.power
    if not power.curves:
        return None

    def draw(figure: Figure, narrow: bool) -> None:
        entries = len(power.curves)
        axes = place_axes(figure, left=46, right=14, top=44 + 20 * legend_rows(entries, narrow, entries), bottom=42)
        for place, curve in enumerate(power.curves):
            rows, chances = zip(*curve.points, strict=True)
            axes.plot(rows, chances, color=SERIES[place % len(SERIES)], linewidth=2,
                      label=f"truly keeps {numbers.percent(curve.retention)}")  # fmt: skip
            axes.plot([power.n_gate], [curve.chance_now], color=SERIES[place % len(SERIES)], markersize=6,
                      marker=MARKERS[place % len(MARKERS)], linestyle="none")  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(power.curves[0].points[0][0], power.curves[0].points[-1][0])
        axes.set_ylim(0, 1.02)
        axes.axhline(TARGET, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        axes.axvline(power.n_gate, color=MUTED, linewidth=1.5)
        side = "left" if _log_fraction(axes, power.n_gate) < 0.5 else "right"
        axes.text(power.n_gate, 1.04, f"this split: {numbers.count(power.n_gate)}", ha=side, va="bottom")
        _row_ticks(axes, 4 if narrow else 8)
        axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.yaxis.set_major_formatter(lambda share, _: numbers.percent(round(share, 6)))
        axes.set_xlabel("gate rows")
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        legend(axes, narrow, entries, above=1.13)

    listed = "; ".join(
        f"{numbers.percent(curve.retention)}: {numbers.percent(curve.chance_now, 0)}" for curve in power.curves
    )
    words = f"Chance to pass with the {numbers.count(power.n_gate)} rows of this split, by true quality kept: {listed}."
    return make_chart("chart-power", "Chance that a look passes, by gate rows", words, draw, heights=(320, 360))


def _forest_row(axes: Axes, place: int, row: SliceRow) -> None:
    estimate = row.retention
    assert estimate is not None and estimate.value is not None
    color, marker = _LOOKS[row.told]
    low = estimate.value if estimate.lower is None else estimate.lower
    high = estimate.value if estimate.upper is None else estimate.upper
    axes.plot([low, high], [place, place], color=color, linewidth=6, alpha=0.35, solid_capstyle="butt")
    axes.plot([estimate.value], [place], marker=marker, markersize=7, color=color, linestyle="none")


def _value(row: SliceRow) -> float:
    return -1.0 if row.retention is None or row.retention.value is None else row.retention.value


def _row_ticks(axes: Axes, most: int) -> None:
    """Write numbers of rows on a log axis as people count: 100, 200, 500, 1,000."""
    low, high = axes.get_xlim()
    rounds = [base * 10**power for power in range(1, 10) for base in (1, 2, 5)]
    shown = [n for n in rounds if low <= n <= high]
    if len(shown) > most:
        shown = [n for n in shown if str(n)[0] == "1"] or shown[:most]
    axes.set_xticks(shown, [numbers.count(n) for n in shown])
    axes.minorticks_off()


def _log_fraction(axes: Axes, place: float) -> float:
    low, high = axes.get_xlim()
    return (log(place) - log(low)) / (log(high) - log(low))
