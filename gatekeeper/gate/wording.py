"""Numbers inside the sentences of rules."""

from __future__ import annotations

import math
from decimal import Decimal

from gatekeeper.cost.money import format_usd


def percent(value: float | None) -> str:
    """Return a share as per cent, with one digit."""
    return "an unknown share" if value is None or not math.isfinite(value) else f"{value:.1%}"


def dollars(value: Decimal) -> str:
    """Return US dollars as the bill writes them."""
    return format_usd(value)


def plural(count: int, noun: str) -> str:
    """Return "1 row" or "2 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
