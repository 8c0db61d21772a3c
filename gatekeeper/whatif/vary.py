"""What changes when inputs change: one input over a range, or each of them by the same share.

A sweep computes the whole table at each value. A tornado moves each input alone and looks at the net present value of
one option; what it is compared with is chosen anew each time, as it would be. Source: cost design 6 and 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from gatekeeper.cost.payback import npv
from gatekeeper.cost.plan import monthly_savings
from gatekeeper.cost.sensitivity import Bar
from gatekeeper.errors import GatekeeperError, InputError
from gatekeeper.records import Outcome, Record
from gatekeeper.whatif.names import meaning_of
from gatekeeper.whatif.options import alternative_of, plan_of
from gatekeeper.whatif.sheet import number_of, resolve, set_values
from gatekeeper.whatif.table import Table, baseline_of, table_of
from gatekeeper.whatif.worksheet import DISTILLED, TEACHER, Values, Worksheet

STEPS = 9
MOST_STEPS = 200
HOW = "such as V=1e5:1e7:log, V=1e5:1e7:log:13 or error_usd=0:0.5"


class Sweep(NamedTuple):
    """An input, and the values that it takes."""

    name: str
    values: tuple[Decimal, ...]


class SweepCell(Record):
    """One option at one value of the input."""

    option: str
    month_usd: Decimal | None
    npv_usd: Decimal | None
    outcome: Outcome | None


class SweepRow(Record):
    """All options at one value of the input."""

    value: Decimal
    baseline: str
    cells: tuple[SweepCell, ...]


class Tornado(Record):
    """Bars of one option's net present value over the program, the largest swing first."""

    option: str
    share: Decimal
    npv_usd: Decimal
    bars: tuple[Bar, ...]
    no_effect: tuple[str, ...]
    """Inputs that were moved and change nothing, such as a speed that is ample."""
    left_out: tuple[str, ...]
    """Inputs that a share cannot move: zeros, counts of whole things."""


def parse_sweep(worksheet: Worksheet, text: str) -> Sweep:
    """Return ``NAME=FROM:TO[:log|:linear][:STEPS]`` as an input with its values, both ends included.

    Raises:
        InputError: it has another form, or a logarithmic sweep does not start above 0.
    """
    name, sign, rest = text.partition("=")
    parts = rest.split(":")
    if not sign or not name or len(parts) < 2:
        raise InputError(f"--vary {text!r} has no range", hint=HOW)
    low, high = (number_of(part, what=f"--vary {name}") for part in parts[:2])
    logarithmic, steps = False, STEPS
    for part in parts[2:]:
        if part in ("log", "linear"):
            logarithmic = part == "log"
        elif part.isdigit() and 2 <= int(part) <= MOST_STEPS:
            steps = int(part)
        else:
            raise InputError(f"--vary {text!r}: {part!r} is neither log nor 2 to {MOST_STEPS} steps", hint=HOW)
    if low >= high or (logarithmic and low <= 0):
        raise InputError(f"--vary {text!r} does not rise from {low} to {high}", hint=HOW + "; log starts above 0")
    return Sweep(resolve(worksheet, name), tuple(_values(low, high, steps, logarithmic)))


def _values(low: Decimal, high: Decimal, steps: int, logarithmic: bool) -> Iterator[Decimal]:
    for step in range(steps):
        part = Decimal(step) / (steps - 1)
        if step in (0, steps - 1):
            yield high if step else low
        elif logarithmic:
            # Three digits are what people read, and a rounded point is as good as any other.
            yield _rounded(low * (high / low) ** part)
        else:
            yield low + (high - low) * part


def _rounded(value: Decimal) -> Decimal:
    return round(value.scaleb(-value.adjusted()), 2).scaleb(value.adjusted())


def sweep_of(worksheet: Worksheet, sweep: Sweep) -> tuple[SweepRow, ...]:
    """Return the month, net present value and outcome of every option at each value of the input.

    Raises:
        InputError: the worksheet has no such input.
    """
    return tuple(_sweep_row(table_of(_with(worksheet, sweep.name, value)), value) for value in sweep.values)


def _with(worksheet: Worksheet, name: str, value: Decimal) -> Worksheet:
    return set_values(worksheet, {name: value}, source="--vary")


def _sweep_row(table: Table, value: Decimal) -> SweepRow:
    cells = tuple(
        SweepCell(
            option=row.name,
            month_usd=None if row.bill is None else row.bill.usd,
            npv_usd=None if row.outlook is None else row.outlook.program.npv_usd,
            outcome=row.outcome,
        )
        for row in table.rows
        if row.name
    )
    return SweepRow(value=value, baseline=table.baseline, cells=cells)


def best_option(table: Table) -> str:
    """Return the option that questions without a name are about: the cheapest student that fails least.

    Raises:
        InputError: no option but the incumbent has numbers.
    """
    rows = [row for row in table.rows if row.outcome is not None and row.bill is not None]
    if not rows:
        raise InputError("no option beside the incumbent has numbers", hint="add one to the file under `options`")
    rank = {"pass": 0, "inconclusive": 1, "fail": 2}

    def order(place: int) -> tuple[bool, int, Decimal]:
        row = rows[place]
        assert row.outcome is not None and row.bill is not None
        return row.kind not in DISTILLED, rank[row.outcome], row.bill.usd

    return rows[min(range(len(rows)), key=order)].name


def npv_of(worksheet: Worksheet, name: str, values: Values | None = None) -> Decimal:
    """Return the net present value of moving to an option, all of its one-time cost included, in USD."""
    values = Values(worksheet) if values is None else values
    option = worksheet.option(name)
    if option.kind in DISTILLED:
        other = baseline_of(worksheet, values)
    else:
        other = alternative_of(worksheet, worksheet.option(TEACHER), values)
    plan = plan_of(worksheet, option, other, values)
    return npv(plan.one_time.program_usd, monthly_savings(plan), discount_per_year=plan.discount_per_year)


def tornado_of(worksheet: Worksheet, name: str, share: Decimal = Decimal("0.2")) -> Tornado:
    """Return how the net present value of an option moves with each input that it rests on.

    Args:
        worksheet: with defaults.
        name: of the option.
        share: how far each input is moved, down and up; shares stop at 1.

    Raises:
        InputError: `share` is not in (0, 1), or the option lacks numbers.
    """
    if not 0 < share < 1:
        raise InputError(f"--tornado {share} is no share between 0 and 1", hint="such as 20%")
    values = Values(worksheet)
    base = npv_of(worksheet, name, values)
    bars, left_out = [], []
    for key in values.read:
        ends = _ends(values, key, share)
        if ends is None:
            left_out += [key] if key in values else []
            continue
        at_low, at_high = (_npv_at(worksheet, name, key, end) for end in ends)
        if at_low is None or at_high is None:
            left_out.append(key)
            continue
        swing = abs(at_high - at_low)
        bars.append(Bar(name=key, low_input=ends[0], high_input=ends[1], at_low=at_low, at_high=at_high, swing=swing))
    return Tornado(
        option=name,
        share=share,
        npv_usd=base,
        bars=tuple(sorted((bar for bar in bars if bar.swing), key=lambda bar: -bar.swing)),
        no_effect=tuple(bar.name for bar in bars if not bar.swing),
        left_out=tuple(left_out),
    )


_SCALE = frozenset({"generation_examples", "label_rows", "evaluation_rows"})
"""Counts that are large enough for a share of them to be a count again."""


def _ends(values: Values, key: str, share: Decimal) -> tuple[Decimal, Decimal] | None:
    meaning = meaning_of(key)
    value = values.get(key, Decimal(0))
    if not value or meaning is None or key.startswith("gate."):
        return None
    if meaning.kind == "count" and key not in _SCALE:
        return None
    low, high = value * (1 - share), value * (1 + share)
    return (low, min(high, Decimal(1))) if meaning.kind == "share" else (low, high)


def _npv_at(worksheet: Worksheet, name: str, key: str, value: Decimal) -> Decimal | None:
    """Return the value with one input moved; None where that is impossible, such as cached tokens above all tokens."""
    try:
        return npv_of(_with(worksheet, key, value), name)
    except GatekeeperError:
        return None
