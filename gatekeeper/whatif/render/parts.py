"""The parts of a what-if that have a form of their own: the bars of a tornado, the bands of a simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from gatekeeper.whatif.answer import Answer
from gatekeeper.whatif.names import meaning_of
from gatekeeper.whatif.render.cells import value_of
from gatekeeper.whatif.render.text import DASH, columns, number, usd
from gatekeeper.whatif.vary import Tornado

BAR_WIDTH = 40
Layout = Callable[..., list[str]]


def tornado_lines(answer: Answer, layout: Layout = columns) -> Iterator[str]:
    """Yield a bar for each input, the widest first."""
    if answer.tornado is not None:
        yield from tornado_text(answer.tornado)


def tornado_text(found: Tornado, width: int = BAR_WIDTH) -> list[str]:
    """Return the bars of a tornado with both ends; ``|`` marks today's value and ``0`` where the NPV is zero."""
    head = f"net present value of {found.option}: {usd(found.npv_usd)}; each input moved by {found.share:.0%}"
    if not found.bars:
        return [head, "no input can be moved"]
    ends = [value for bar in found.bars for value in (bar.at_low, bar.at_high)]
    low, high = min([*ends, found.npv_usd]), max([*ends, found.npv_usd])

    def place(value: Decimal) -> int:
        return int((value - low) / (high - low) * (width - 1)) if high > low else 0

    rows = []
    for bar in found.bars:
        line = [" "] * width
        first, last = sorted((place(bar.at_low), place(bar.at_high)))
        line[first : last + 1] = "█" * (last - first + 1)
        line[place(found.npv_usd)] = "|"
        if low < 0 < high:
            line[place(Decimal(0))] = "0"
        name, unit = bar.name, _unit(bar.name)
        inputs = f"{value_of(name, bar.low_input, unit)} .. {value_of(name, bar.high_input, unit)}"
        rows.append([bar.name, inputs, usd(bar.at_low), "".join(line), usd(bar.at_high), usd(bar.swing)])
    table = columns(["input", "from .. to", "NPV", "", "NPV", "swing"], rows, right=frozenset({2, 4, 5}))
    crossing = [bar.name for bar in found.bars if (bar.at_low < 0) != (bar.at_high < 0)]
    tail = f"changes the answer: {', '.join(crossing)}" if crossing else "no single one of them changes the answer"
    idle = [f"without effect: {', '.join(found.no_effect)}"] if found.no_effect else []
    left = [f"not moved: {', '.join(found.left_out)} (0, or whole things)"] if found.left_out else []
    return [head, *table, tail, *idle, *left]


def _unit(name: str) -> str:
    meaning = meaning_of(name)
    return "" if meaning is None else meaning.unit


def uncertainty_lines(answer: Answer, layout: Layout = columns) -> Iterator[str]:
    """Yield bands, chances and values of information of a simulation."""
    found = answer.uncertainty
    if found is None:
        return
    yield f"{found['n_draws']:,} draws of {answer.option}, seed {found['seed']}"
    any_found: Any = found
    scope = any_found["program"]
    bands = [
        ["NPV", "USD", *_band(scope["npv_usd"], usd)],
        ["saving of a month", "USD", *_band(any_found["saving_usd"], usd)],
        ["reduction", "times", *_band(any_found["reduction"], number)],
        ["payback", "months", *_band(any_found["forward"]["payback_months"], lambda value: f"{value:.1f}")],
    ]
    yield from layout(["", "unit", "P10", "P50", "P90"], bands, right=frozenset({2, 3, 4}))
    chances = {
        "P(NPV > 0)": scope["npv_positive"],
        "P(payback in time)": any_found["forward"]["payback_in_time"],
        "P(reduction met)": any_found["reduction_met"],
    }
    yield "; ".join(f"{name} {_chance(one)}" for name, one in chances.items() if one is not None)
    required = answer.worksheet.quantity("gate.npv_chance")
    if required is not None and required.value is not None:
        kept = scope["npv_positive"]["share"] >= required.value
        yield f"gate npv_chance: {'PASS' if kept else 'FAIL'}, at least {required.value:.0%} of NPV > 0 is required"
    yield f"to know all of it before deciding is worth {usd(Decimal(any_found['evpi']['usd']))} (EVPI)"
    for one in any_found["evppi"][:3]:
        yield f"  {one['name']} alone: {usd(Decimal(one['usd']))}"
    rows = any_found["rows"]
    if rows is not None:
        worth, cost = usd(Decimal(rows["evsi_usd"])), usd(Decimal(rows["cost_usd"]))
        yield f"{rows['rows']} more eval rows are worth {worth} and cost {cost}"
    drawn = ", ".join(f"{one['name']} ({one['distribution']}, {one['origin']})" for one in any_found["inputs"])
    yield f"drawn: {drawn}; all else is taken as certain"


def _chance(one: dict[str, float]) -> str:
    """Return a share of the draws; draws that all agree are no proof."""
    share = one["share"]
    if share in (0, 1):
        return f"{'above' if share else 'below'} {abs(share - 2 * one['standard_error']):.2%}"
    return f"{share:.1%}"


def _band(band: dict[str, str | None], write: Callable[[Decimal], str]) -> list[str]:
    return [DASH if (value := band[name]) is None else write(Decimal(value)) for name in ("p10", "p50", "p90")]
