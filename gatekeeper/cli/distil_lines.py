"""How `gatekeeper check` shows the reasons for and against a student."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from gatekeeper.check.distil_plan import DistilLine, DistilPlan

_STYLES = {"for": "green", "against": "red", "open": "yellow"}
_SHARES = frozenset({"share", "share kept"})


def print_distil(out: Console, plan: DistilPlan) -> None:
    """Print each reason with its numbers, their source, and what would change it."""
    from rich.markup import escape

    out.print(f"\nshould this be distilled at all? {escape(plan.advice)}", style="bold")
    for line in plan.lines:
        out.print(f"[{_STYLES[line.outcome]}]{line.outcome:<8}[/] {escape(line.question)} {escape(_numbers(line))}")
        for said in (line.sentence, f"held against: {line.source}", f"would change it: {line.change}"):
            out.print(f"         {escape(said)}", style="dim")


def _numbers(line: DistilLine) -> str:
    if line.value is None and line.threshold is None:
        return ""
    if line.threshold is None:
        return f"{_number(line.value, line.unit)}{_word(line.unit)}"
    return f"{_number(line.value, line.unit)} against {_number(line.threshold, line.unit)}{_word(line.unit)}"


def _word(unit: str) -> str:
    return "" if unit == "USD" or unit in _SHARES else f" {unit}"


def _number(value: Decimal | None, unit: str) -> str:
    from gatekeeper.cost.money import format_usd

    if value is None:
        return "unknown"
    if unit == "USD":
        return format_usd(value)
    if unit in _SHARES:
        return f"{value:.1%}"
    return f"{value:,.0f}" if value >= 100 or value == value.to_integral_value() else f"{value:.3g}"
