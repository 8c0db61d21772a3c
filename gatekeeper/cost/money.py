"""Amounts of money: rounding and how they are written. Amounts keep full precision until they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

CENT = Decimal("0.01")
STORED = Decimal("1e-12")
"""Twelve decimals: what a stored amount keeps, so that a stored number and a recomputed one are the same number."""

_SIGNIFICANT = 3
_WIDE = Context(prec=60)  # twelve decimals of a number beyond 1e16 do not fit into the usual 28 digits


def round_cents(amount: Decimal) -> Decimal:
    """Return `amount` in USD rounded half up (away from zero at a tie) to cents."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP, context=_WIDE)


def stored(amount: Decimal) -> Decimal:
    """Return `amount` with the twelve decimals that are stored."""
    return amount.quantize(STORED, rounding=ROUND_HALF_UP, context=_WIDE)


def round_parts(parts: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Round `parts` to cents so that the rounded parts add up to the rounded sum (largest remainder).

    For tables, where a reader adds the lines up. Each part moves by less than one cent.
    """
    floors = [part.quantize(CENT, rounding=ROUND_FLOOR) for part in parts]
    missing = int((round_cents(sum(parts, Decimal(0))) - sum(floors, Decimal(0))) / CENT)
    by_remainder = sorted(range(len(parts)), key=lambda i: floors[i] - parts[i])
    for index in by_remainder[:missing]:
        floors[index] += CENT
    return tuple(floors)


def format_usd(amount: Decimal | None) -> str:
    """Write an amount: ``$1,234.56``, ``-$5.00``, ``$0.000123`` (three digits below $1), ``n/a`` for None."""
    if amount is None or not amount.is_finite():
        return "n/a"
    size = abs(amount)
    sign = "-" if amount < 0 else ""
    if size == 0 or size >= 1:
        return f"{sign}${round_cents(size):,}"
    digits = max(2, _SIGNIFICANT - 1 - size.adjusted())
    shown = f"{size.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP):f}"
    whole, decimals = shown.split(".")
    return f"{sign}${whole}.{decimals.rstrip('0').ljust(2, '0')}"


def format_factor(factor: Decimal) -> str:
    """Return a ratio with three significant digits and without an exponent: 12.4, 0.733, 1230."""
    return f"{Decimal(f'{factor:.3g}'):f}"
