"""Which input matters most: each is moved alone, down and up by the same share, and the result is looked at.

Source: cost design 6, tornado.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from gatekeeper.cost.checks import require_share
from gatekeeper.records import Record

Inputs = Mapping[str, Decimal]


class Bar(Record):
    """One input's bar: the result at both of its ends."""

    name: str
    low_input: Decimal
    high_input: Decimal
    at_low: Decimal
    at_high: Decimal
    swing: Decimal
    """Distance of the two results, 0 or more."""


def tornado(inputs: Inputs, result: Callable[[Inputs], Decimal], *, share: Decimal = Decimal("0.2")) -> tuple[Bar, ...]:
    """Return a bar per input, the largest swing first; equal ones stay in the order of the inputs.

    Args:
        inputs: by name, at their base values.
        result: what is computed from all of them, such as a net present value.
        share: how far each input is moved, as a share of its value.
    """
    move = require_share(share, "share")
    bars = []
    for name, value in inputs.items():
        low, high = value * (1 - move), value * (1 + move)
        at_low, at_high = result({**inputs, name: low}), result({**inputs, name: high})
        bars.append(
            Bar(
                name=name,
                low_input=low,
                high_input=high,
                at_low=at_low,
                at_high=at_high,
                swing=abs(at_high - at_low),
            )
        )
    return tuple(sorted(bars, key=lambda bar: -bar.swing))
