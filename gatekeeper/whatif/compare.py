"""Two options line by line: the parts of both months add up to the cent, and so do the one-time costs."""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.alternative import Bill
from gatekeeper.cost.money import round_cents, round_parts
from gatekeeper.cost.one_time import OneTime
from gatekeeper.errors import InputError
from gatekeeper.records import Outcome, Record
from gatekeeper.whatif.results import results_of
from gatekeeper.whatif.table import Row, Table

PARTS = {
    "requests_usd": "requests",
    "teacher_usd": "teacher's part",
    "hosting_usd": "hosting",
    "machines_usd": "machines",
    "overhead_usd": "overhead of machines",
    "operations_usd": "operations",
    "audits_usd": "audits",
    "errors_usd": "bad answers",
}


class Line(Record):
    """One line of both options in whole cents."""

    name: str
    first: Decimal
    second: Decimal


class Comparison(Record):
    """Two options side by side. Amounts are USD."""

    first: str
    second: str
    month: tuple[Line, ...]
    """Parts of the first month that either has; the last line is the total."""
    one_time: tuple[Line, ...]
    """What each costs once; the last line is the total."""
    results: dict[str, tuple[Decimal | str | None, Decimal | str | None]]
    outcomes: tuple[Outcome | None, Outcome | None]


def compare(table: Table, first: str, second: str) -> Comparison:
    """Return two options of a table side by side.

    Raises:
        InputError: an option is unknown, or lacks numbers.
    """
    rows = _row(table, first), _row(table, second)
    months = [_month(row) for row in rows]
    once = [_once(row) for row in rows]
    results = results_of(rows[0]), results_of(rows[1])
    return Comparison(
        first=first,
        second=second,
        month=_lines(months[0], months[1]),
        one_time=_lines(once[0], once[1]),
        results={name: (results[0][name], results[1][name]) for name in results[0]},
        outcomes=(rows[0].outcome, rows[1].outcome),
    )


def _row(table: Table, name: str) -> Row:
    named = {row.name: row for row in table.rows if row.name}
    if name not in named:
        raise InputError(f"no option is named {name!r}", hint=f"one of {', '.join(named)}")
    if named[name].bill is None:
        raise InputError(f"{name} has no numbers: {named[name].missing}", hint="give what is missing")
    return named[name]


def _month(row: Row) -> dict[str, Decimal]:
    bill: Bill | None = row.bill
    return _cents({words: getattr(bill, part) for part, words in PARTS.items()})


def _once(row: Row) -> dict[str, Decimal]:
    once: OneTime | None = row.one_time
    return _cents({line.name: line.spent_usd + line.ahead_usd for line in once.lines} if once else {})


def _cents(parts: dict[str, Decimal]) -> dict[str, Decimal]:
    rounded = dict(zip(parts, round_parts(tuple(parts.values())), strict=True))
    total = round_cents(sum(parts.values(), Decimal(0)))
    return {**rounded, "total": total}


def _lines(first: dict[str, Decimal], second: dict[str, Decimal]) -> tuple[Line, ...]:
    names = [name for name in dict.fromkeys((*first, *second)) if name != "total"]
    lines = [Line(name=name, first=first.get(name, Decimal(0)), second=second.get(name, Decimal(0))) for name in names]
    shown = [line for line in lines if line.first or line.second]
    return (*shown, Line(name="total", first=first["total"], second=second["total"]))
