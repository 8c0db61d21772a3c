"""The figure docs/false_promotion.svg: how often each rule promotes a student exactly at the threshold."""

from __future__ import annotations

import io
from typing import Any

from benchmarks.false_promotion.outcomes import Outcomes
from benchmarks.false_promotion.pages import DESIGN_LABELS, NAME, SHOWN
from benchmarks.false_promotion.rules import GATE, LABELS
from benchmarks.results import ROOT, read_result

PATH = ROOT / "docs" / "false_promotion.svg"

INK, GRID, BAND, LIMIT = "#1f2328", "#dfe3e8", "#f5f6f8", "#b3261e"
MARKS: dict[str, Any] = {
    "one": {"marker": "o", "color": "#0b5cad", "markersize": 7, "linestyle": "none"},
    "growing": {"marker": "s", "color": "#d97706", "markersize": 6.5, "linestyle": "none"},
    "candidates": {"marker": "D", "color": "#5b3a8c", "markersize": 6, "linestyle": "none"},
}
"""How each design is drawn; they differ in shape as well as in colour."""

SETTINGS: Any = {
    "svg.hashsalt": NAME,
    "svg.fonttype": "path",  # an SVG in a README brings no font, and the reader's own would change the layout
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def write_figure() -> None:
    """Draw the committed result into docs/false_promotion.svg."""
    result = read_result(NAME)
    if result is not None:
        PATH.write_text(draw(result), encoding="utf-8")


def draw(result: dict[str, Any]) -> str:
    """Return the figure as SVG; the same result gives the same bytes."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    outcomes = Outcomes(result)
    with matplotlib.rc_context(rc=SETTINGS):
        figure = Figure(figsize=(9.4, 6.0), facecolor="white")
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.31, 0.10, 0.66, 0.70), facecolor="white")
        axes.set_xlim(-1.5, 101.5)
        axes.set_ylim(len(LABELS) - 0.5, -0.5)
        axes.axvline(100 * outcomes.alpha, color=LIMIT, linewidth=1.4, zorder=2)
        for place, rule in enumerate(LABELS):
            if place % 2 == 0:
                axes.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=0)
            for step, (key, style) in enumerate(MARKS.items()):
                rate = outcomes.row(key, SHOWN, SHOWN["r0"])["rates"][rule]
                axes.plot(100 * rate, place + (step - 1) * 0.24, zorder=3, clip_on=False, **style)
        _label(figure, axes, outcomes.alpha)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _label(figure: Any, axes: Any, alpha: float) -> None:
    """Write title, legend, ticks and the name of the line."""
    names = axes.set_yticks(range(len(LABELS)), LABELS.values())
    names[list(LABELS).index(GATE)].label1.set_fontweight("bold")
    axes.set_xticks([0, 20, 40, 60, 80, 100], ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"])
    axes.grid(axis="x", color=GRID, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.set_xlabel("students exactly at the threshold that the rule promotes")
    axes.annotate(
        f"{100 * alpha:g} %", (100 * alpha, -0.5), xytext=(0, 3), textcoords="offset points", ha="center", color=LIMIT
    )
    figure.text(0.02, 0.95, "How often is a student promoted that is not good enough?", fontsize=14, fontweight="bold")
    setting = (
        f"required {SHOWN['r0']:.0%} of the teacher, truly {SHOWN['r0']:.0%}; teacher right on {SHOWN['teacher']:.0%}, "
        f"{SHOWN['n']} rows, correlation {SHOWN['correlation']:g}"
    )
    figure.text(0.02, 0.91, setting, fontsize=10)
    handles = [axes.plot([], [], label=DESIGN_LABELS[key], **style)[0] for key, style in MARKS.items()]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.465, 1.05), ncols=3, frameon=False, handletextpad=0.2
    )
