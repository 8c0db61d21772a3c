"""The dossier as a short summary for a terminal: verdict, assumptions, rules, money, and what to do next."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gatekeeper.report import numbers
from gatekeeper.report.data import Dossier
from gatekeeper.report.headline import headline
from gatekeeper.report.rules import rule_text
from gatekeeper.report.sections import cautions, ceiling_warnings, teacher_parts
from gatekeeper.report.sentences import OUTCOMES, looks_sentence
from gatekeeper.report.steps import next_steps
from gatekeeper.report.text import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

STYLES = {
    "promote": "bold green", "reject": "bold red", "inconclusive": "bold yellow", "pass": "green", "fail": "red",
}  # fmt: skip
MOST_ASSUMED = 4


def print_summary(dossier: Dossier, console: Console | None = None) -> None:
    """Print the summary; without `console` to stdout, in colour only on a terminal without NO_COLOR."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = console or Console(highlight=False)
    decision = dossier.verdict.decision
    title = (
        f"{one_line(dossier.suite)}: {one_line(dossier.verdict.candidate)} in place of {one_line(dossier.teacher.name)}"
    )
    out.print(Text(title, style="dim"))
    out.print(Text(headline(dossier), style=STYLES[decision]))
    out.print()
    if dossier.assumed:
        out.print(Text("Assumed, not measured:"))
        for one in dossier.assumed[:MOST_ASSUMED]:
            out.print(Text(f"  {one_line(one.name, 60)}: {one_line(one.value, 100)}"))
        if len(dossier.assumed) > MOST_ASSUMED:
            out.print(Text(f"  and {numbers.count(len(dossier.assumed) - MOST_ASSUMED)} more"))
        out.print()
    out.print(_rules(dossier))
    out.print()
    # Of the teacher only what matters most; the report has the rest.
    for caution in (*cautions(dossier), *ceiling_warnings(dossier)[:1]):
        out.print(Text(caution, style="yellow"))
    out.print(Text(f"{''.join(teacher_parts(dossier) or ())} {looks_sentence(dossier)}".strip()))
    out.print()
    out.print(Text("What to do next:"))
    steps = Table.grid(padding=(0, 1))
    for place, step in enumerate(next_steps(dossier), start=1):
        steps.add_row(Text(f"  {place}."), Text(str(step)))
    out.print(steps)


def render_terminal(dossier: Dossier, *, width: int = 100, color: bool = False) -> str:
    """Return the summary as text, `width` characters wide; with ANSI colours only if asked for."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        # named, since TERM of the process that renders says nothing about who reads the text
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )
    print_summary(dossier, console)
    return out.getvalue()


def _rules(dossier: Dossier) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Rule")
    table.add_column("Outcome")
    for name in ("Value", "Bound", "Required", "Margin"):
        table.add_column(name, justify="right")
    for rule in dossier.verdict.rules:
        text = rule_text(rule)
        outcome = Text(OUTCOMES[rule.outcome], style=STYLES.get(rule.outcome, "yellow"))
        cells = (text.value, text.bound, text.requirement, text.margin)
        table.add_row(Text(one_line(text.title, 60)), outcome, *(Text(cell) for cell in cells))
    return table
