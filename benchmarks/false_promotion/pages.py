"""What the simulation showed, as Markdown: the section of benchmarks/README.md and the table in README.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from benchmarks.false_promotion.designs import DESIGNS
from benchmarks.false_promotion.outcomes import POINT, WITHIN, Outcomes, Place
from benchmarks.false_promotion.rules import GATE, LABELS
from benchmarks.results import ROOT, read_result

NAME = "false_promotion"
START, END = f"<!-- {NAME} -->", f"<!-- /{NAME} -->"

SHOWN = {"r0": 0.95, "teacher": 0.92, "n": 500, "correlation": 0.7}
"""The setting of README.md and of the figure."""

SECOND = {"r0": 0.9, "teacher": 0.8, "n": 500, "correlation": 0.7}

DESIGN_LABELS = {design.key: design.label for design in DESIGNS}

RULES_TEXT = """\
The rules. s and t are the shares of items that student and teacher get right.

- *gatekeeper*: this package's gate, at the error probability that it grants to each look.
- *mean at or above the threshold*: s >= r0 t. *Minus a margin*: s - {margin} >= r0 t. *Crashed rows left out*: s is the
  mean over the rows that the student answered. It crashes on {crashes:.0%} of all items, all among those that it
  gets wrong; R counts a crash as 0.
- *not significantly worse*: promoted unless McNemar's exact two-sided test at {alpha} finds the student worse.
- *wins plus ties*: a judge that never errs compares answer by answer; the student loses at most 1 - r0 of the items.
- *Wilson bound*: the one-sided bound of s alone is at least r0 t. *Each item ten times*: with {repeats} equal answers
  per item, each counted as a row.
- *unpaired z*, *paired t*, *bootstrap* (percentile, {resamples:,} resamples): one-sided tests of s - r0 t.
- *TOST*: two one-sided paired t tests show that s and t differ by less than (1 - r0) t.
"""

DESIGNS_TEXT = """\
The ways to read a gate split; the first pass promotes.

- *five looks, growing data*: one student, after each fifth of the rows. The gate's levels are Lan and DeMets'
  O'Brien-Fleming type.
- *five candidates*: five students of the same R on the same rows, independent given the teacher's answers. The gate
  shares alpha over the looks as in docs/statistics.md, here and in the rounds.
- *five and ten rounds*: as before, but a student gives {redrawn:.0%} of its answers anew and keeps the others of the
  round before. All rounds at the threshold are the worst case: a student that is below it passes less often.
"""


def section(result: dict[str, Any]) -> str:
    """Return the section of benchmarks/README.md, without its heading."""
    outcomes, effort = Outcomes(result), result["effort"]
    head = (
        "`python -m benchmarks.false_promotion`. R is the share of the teacher's quality that a student truly keeps, "
        "r0 the required share, alpha the error probability "
        f"({result['alpha']:g}). A student with R = r0 is no better than required: promoting it is false. "
        "Answers are simulated, right or wrong, with a tetrachoric correlation of both models. "
        f"{effort['at_threshold']:,} decisions for each rule and cell at R = r0, {effort['better']:,} above it; by "
        f"bootstrap {effort['bootstrap_one_look']:,} at R = r0 ({effort['bootstrap_more_looks']:,} under several "
        "looks, where it is not asked for its power)."
    )
    parts = [
        head,
        "![False promotions by rule](../docs/false_promotion.svg)",
        RULES_TEXT.format(**result),
        DESIGNS_TEXT.format(**result),
        f"### False promotions\n\n{_setting(SHOWN)}\n\n{_rates(outcomes, SHOWN)}",
        f"{_setting(SECOND)}\n\n{_rates(outcomes, SECOND)}",
        f"### The gate in every cell\n\n{_worst(outcomes)}\n\n{_gate_cells(outcomes)}",
        f"### Power\n\n{_powers(outcomes)}",
        f"### Where another rule has more power\n\n{_shortfalls(outcomes)}",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def readme_table(result: dict[str, Any]) -> str:
    """Return the short table of README.md: false promotions, and the power for a student equal to the teacher."""
    outcomes = Outcomes(result)
    designs = ("one", "growing", "candidates", "rounds_10")
    rows = []
    for rule, label in LABELS.items():
        false = [_share(outcomes.rate(rule, design, SHOWN, SHOWN["r0"])) for design in designs]
        right = _share(outcomes.rate(rule, "one", SHOWN, 1.0))
        rows.append([f"**{cell}**" if rule == GATE else cell for cell in (label, *false, right)])
    return _table(["rule", *(DESIGN_LABELS[key] for key in designs), "as good as the teacher, one look"], rows)


def write_readme() -> None:
    """Put the table between its markers in README.md."""
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8"), read_result(NAME)), encoding="utf-8")


def with_table(text: str, result: dict[str, Any] | None) -> str:
    """Return `text` with what stands between the markers made from `result`; unchanged without a result."""
    if result is None:
        return text
    block = f"{START}\n\n{readme_table(result)}\n\n{END}"
    return re.sub(f"{START}.*?{END}", lambda _: block, text, flags=re.DOTALL)


def _setting(place: Place) -> str:
    return (
        f"r0 = {place['r0']:g}, teacher right on {place['teacher']:.0%}, {place['n']:,} rows, "
        f"correlation {place['correlation']:g}; R = r0:"
    )


def _rates(outcomes: Outcomes, place: Place) -> str:
    rows = [
        [label, *(_share(outcomes.rate(rule, design, place, place["r0"])) for design in DESIGN_LABELS)]
        for rule, label in LABELS.items()
    ]
    return _table(["rule", *DESIGN_LABELS.values()], rows)


def _worst(outcomes: Outcomes) -> str:
    cells = list(outcomes.at_threshold())
    worst = max(cells, key=lambda row: outcomes.errors_above(GATE, row))
    above = sum(outcomes.errors_above(GATE, row) > WITHIN for row in cells)
    return (
        f"R = r0, {len(cells)} cells. Highest: {worst['rates'][GATE]:.2%}, {outcomes.errors_above(GATE, worst):.1f} "
        f"standard errors of simulation above {outcomes.alpha:.0%}; {above} cells are more than {WITHIN} above. "
        "*Exact* is summed over all tables, without simulation: the rate of one look, and for candidates and rounds an "
        "upper bound that holds however the students are related."
    )


def _gate_cells(outcomes: Outcomes) -> str:
    columns = [(design.key, exact) for design in DESIGNS for exact in (False, True)]
    columns = [(key, exact) for key, exact in columns if not exact or key in ("one", "candidates", "rounds_10")]
    names = {"one": "exact", "candidates": "exact bound, five", "rounds_10": "exact bound, ten"}
    rows = []
    for place in (row for row in outcomes.at_threshold() if row["design"] == "one"):
        shown = [f"{place['r0']:g}", f"{place['teacher']:g}", f"{place['n']:,}", f"{place['correlation']:g}"]
        for key, exact in columns:
            row = outcomes.row(key, place, place["r0"])
            shown.append(f"{row['gate_exact' if exact else 'rates'] if exact else row['rates'][GATE]:.2%}")
        rows.append(shown)
    head = [names[key] if exact else DESIGN_LABELS[key] for key, exact in columns]
    return _table(["r0", "teacher", "rows", "correlation", *head], rows)


def _powers(outcomes: Outcomes) -> str:
    better = sorted({row["r"] for row in outcomes.rows if row["r0"] == SHOWN["r0"] and row["r"] > row["r0"]})
    places = sorted({row["n"] for row in outcomes.rows if row["r0"] == SHOWN["r0"]})
    by_rows = [
        [label, *(_starred(outcomes, rule, "one", {**SHOWN, "n": n}, better) for n in places)]
        for rule, label in LABELS.items()
    ]
    by_design = [
        [label, *(_starred(outcomes, rule, design, SHOWN, better) for design in DESIGN_LABELS)]
        for rule, label in LABELS.items()
    ]
    listed = ", ".join(f"{r:g}" for r in better)
    return (
        f"r0 = {SHOWN['r0']:g}, teacher right on {SHOWN['teacher']:.0%}, correlation {SHOWN['correlation']:g}; "
        f"per cent promoted at R = {listed}. A star: at R = r0 the rule promotes more than {outcomes.alpha:.0%} there, "
        f"so its power is bought.\n\nOne look:\n\n{_table(['rule', *(f'{n:,} rows' for n in places)], by_rows)}\n\n"
        f"{SHOWN['n']:,} rows, by design; every candidate has that R:\n\n"
        f"{_table(['rule', *DESIGN_LABELS.values()], by_design)}"
    )


def _starred(outcomes: Outcomes, rule: str, design: str, place: Place, better: Sequence[float]) -> str:
    rates = [outcomes.rate(rule, design, place, r) for r in better]
    if any(rate is None for rate in rates):
        return "-"
    shown = " / ".join(f"{100 * rate:.1f}" for rate in rates if rate is not None)
    return shown + ("" if outcomes.keeps(rule, design, place) else " *")


def _shortfalls(outcomes: Outcomes) -> str:
    found = outcomes.shortfalls()
    correlations = sorted({row["correlation"] for row in outcomes.rows})
    groups = len({(row["design"], row["r0"], row["n"], row["correlation"]) for row in outcomes.rows})
    head = (
        f"In {len(found)} of {groups} combinations of design, rows and correlation the gate is more than "
        f"{POINT * 100:g} point below the best rule that keeps to alpha there. Most of these rules keep to it only at "
        "that correlation, which nobody knows beforehand: the last column says what they do at R = r0 at correlations "
        f"{', '.join(f'{one:g}' for one in correlations)}. What the gate loses it loses with few rows and small shares "
        "of alpha, where the counts are so coarse that a look spends only part of its share (see the exact bounds "
        "above). Each combination is listed at the R with the largest gap."
    )
    rows = [
        [
            DESIGN_LABELS[one.row["design"]],
            f"{one.row['r0']:g}",
            f"{one.row['n']:,}",
            f"{one.row['correlation']:g}",
            f"{one.row['r']:g}",
            _share(one.rates[0]),
            f"{_share(one.rates[1])}, {LABELS[one.rule]}",
            " / ".join(_share(rate) for rate in one.at_threshold),
        ]
        for one in found
    ]
    columns = ["design", "r0", "rows", "correlation", "R", "gatekeeper", "best other", "its false promotions"]
    return f"{head}\n\n{_table(columns, rows)}"


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
