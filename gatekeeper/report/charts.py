"""The charts of a dossier: one function each, None where the dossier has no numbers for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gatekeeper.report import numbers
from gatekeeper.report.baselines import held_name
from gatekeeper.report.chart_parts import (
    MARKERS,
    Chart,
    fraction_of,
    legend,
    legend_rows,
    make_chart,
    place_axes,
    share_limits,
    short_label,
)
from gatekeeper.report.charts_gate import budget_chart, part_chart, power_chart, slices_chart
from gatekeeper.report.data import Candidate, Dossier
from gatekeeper.report.svg import BASE, GOOD, LINE, REQUIRED, SERIES
from gatekeeper.report.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def retention_chart(dossier: Dossier) -> Chart | None:
    """Draw the gate interval of retention against its requirement; None when no look was spent."""
    gate = dossier.gate
    estimate, required = gate.retention, gate.requirement
    if estimate is None or estimate.value is None or estimate.lower is None:
        return None
    low, value = estimate.lower, estimate.value
    high = max(value, 1.0) if estimate.upper is None else estimate.upper  # an open end is drawn up to the teacher

    def draw(figure: Figure, narrow: bool) -> None:
        axes = place_axes(figure, left=14, right=14, top=44, bottom=30)
        ends = [low, high, 1.0, *([] if required is None else [required])]
        share_limits(axes, ends)
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
            side = "left" if fraction_of(axes, required) < 0.5 else "right"
            axes.text(required, 1.12, f"required {numbers.percent(required)}", ha=side, va="bottom", color=REQUIRED)
        axes.text(value, 0.42, numbers.percent(value), ha="center", va="bottom", fontsize=13, fontweight="bold")

    words = (
        f"Retention {numbers.percent(value)}, interval {numbers.share_interval(estimate)}, "
        f"required {numbers.percent(required)}."
    )
    return make_chart("chart-retention", "Quality kept, on the gate split", words, draw, heights=(150, 150))


def rounds_chart(dossier: Dossier) -> Chart | None:
    """Draw dev retention with its interval, by round and student; None when nothing was measured."""
    students = list(dict.fromkeys(candidate_name(row) for row in dossier.candidates))
    rows = [row for row in dossier.candidates if row.retention is not None and row.retention.value is not None]
    if not rows:
        return None
    required = dossier.gate.requirement
    rounds = sorted({row.round for row in rows})

    def draw(figure: Figure, narrow: bool) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = place_axes(figure, left=46, right=10, top=26 + 20 * legend_rows(len(students), narrow), bottom=42)
        for place, student in enumerate(students):
            # Students of one round stand beside each other, so that their intervals do not cover one another.
            shift = (place - (len(students) - 1) / 2) * 0.12
            _curve(axes, [row for row in rows if candidate_name(row) == student], shift, place)
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
        legend(axes, narrow)

    listed = "; ".join(
        f"{one_line(candidate_name(row))} round {row.round}: {numbers.percent(row.retention.value)}"
        for row in rows
        if row.retention
    )
    return make_chart("chart-rounds", "Quality kept, on the development split", listed + ".", draw, heights=(300, 300))


def money_chart(dossier: Dossier) -> Chart | None:
    """Draw both monthly bills as bars from zero; None when one of them is unknown."""
    baseline, candidate = dossier.money.baseline_monthly, dossier.money.candidate_monthly
    if baseline is None or candidate is None or max(baseline, candidate) <= 0:
        return None
    new = "student" if dossier.verdict.threshold is None else "both"
    held = held_name(dossier.baselines)
    bars = [(short_label(held), baseline, BASE), (new, candidate, GOOD)]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = place_axes(figure, left=62, right=78, top=6, bottom=6)
        for place, (_, amount, color) in enumerate(bars):
            axes.barh(place, float(amount), height=0.56, color=color, linewidth=0)
            axes.annotate(numbers.usd(amount), (float(amount), place), xytext=(7, 0), textcoords="offset points",
                          va="center", fontsize=11, fontweight="bold")  # fmt: skip
        axes.set_yticks(range(len(bars)), [name for name, _, _ in bars])
        axes.set_ylim(1.5, -0.5)
        axes.set_xlim(0, float(max(baseline, candidate)))
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])

    words = f"{held[0].upper()}{held[1:]} {numbers.usd(baseline)} per month, {new} {numbers.usd(candidate)} per month."
    return make_chart("chart-money", "Monthly bill", words, draw, heights=(104, 104))


def all_charts(dossier: Dossier) -> dict[str, Chart]:
    """Draw every chart that the dossier has numbers for, by id."""
    made = (retention_chart, part_chart, slices_chart, budget_chart, power_chart, money_chart, rounds_chart)
    drawn = [make(dossier) for make in made]
    return {chart.id: chart for chart in drawn if chart is not None}


def candidate_name(row: Candidate) -> str:
    """Return a student's name, marked where the teacher is its fallback."""
    return f"{row.student} + teacher" if row.part else row.student


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
        markersize=6, label=short_label(candidate_name(rows[0])) if rows else None,
    )  # fmt: skip
