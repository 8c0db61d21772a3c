"""Plain text: columns that line up, and how numbers are written for people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.cost.money import format_usd

Cells = Sequence[str]
DASH = "-"


def columns(header: Cells, rows: Sequence[Cells], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Return the lines of a table.

    Args:
        header: of each column.
        rows: as many cells each.
        right: places of the columns that are aligned to the right: numbers.
    """
    every = [header, *rows]
    widths = [max(len(line[place]) for line in every) for place in range(len(header))]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in every
    ]


def markdown(header: Cells, rows: Sequence[Cells], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Return the lines of a Markdown table; see `columns`."""
    rule = ["---:" if place in right else "---" for place in range(len(header))]
    lines = [header, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def number(value: Decimal | None, *, digits: int = 6) -> str:
    """Return a number with at most `digits` significant digits, thousands separated, without a power of ten."""
    if value is None:
        return DASH
    if value == value.to_integral_value():
        return f"{value:,.0f}"
    places = max(0, digits - 1 - value.adjusted())
    text = f"{value:,.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: Decimal | None) -> str:
    """Return an amount in USD rounded to cents."""
    return DASH if value is None else format_usd(value)


def months(value: Decimal | None) -> str:
    """Return a payback in months."""
    if value is None:
        return "never"
    if value == 0:
        return "at once"
    return "<1 mo" if value < 1 else f"{value:.1f} mo"


def times(value: Decimal | None) -> str:
    """Return a ratio."""
    return DASH if value is None else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"
