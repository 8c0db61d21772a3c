"""The cells of the table of alternatives, the same on a terminal and in Markdown."""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.whatif.names import meaning_of
from gatekeeper.whatif.render.text import DASH, months, number, times, usd
from gatekeeper.whatif.table import Row, Table
from gatekeeper.whatif.worksheet import TEACHER, Worksheet

RIGHT = frozenset({2, 3, 4, 5, 6})
_OUTCOMES = {"pass": "PASS", "fail": "FAIL", "inconclusive": "OPEN"}


def header(table: Table) -> list[str]:
    """Return the names of the columns. CRR is against what an option would replace."""
    against = ["vs incumbent"] if table.baseline != TEACHER else []
    return ["", "Alternative", "Quality", "$/req", "Monthly", "One-time", "CRR", *against, "Payback", "Gate"]


def cells(worksheet: Worksheet, table: Table, row: Row) -> list[str]:
    """Return the cells of a row that has numbers."""
    assert row.bill is not None
    once = row.one_time.program_usd if row.one_time else None
    outlook = row.outlook
    return [
        row.code,
        alternative(worksheet, row),
        _quality(row),
        "" if row.usd_per_request is None else f"{row.usd_per_request:.6f}",
        usd(row.bill.usd),
        usd(once) if once else DASH,
        DASH if outlook is None else times(outlook.reduction),
        *([times(row.teacher_reduction)] if table.baseline != TEACHER else []),
        DASH if outlook is None else months(outlook.forward.payback_months),
        gate(worksheet, row),
    ]


def alternative(worksheet: Worksheet, row: Row) -> str:
    """Return an option's name and its model."""
    if row.name == TEACHER:
        return f"{row.model or row.name} (incumbent)"
    same = not row.model or row.model in (row.name, worksheet.option(TEACHER).model)
    return row.name if same else f"{row.name} ({row.model})"


def gate(worksheet: Worksheet, row: Row) -> str:
    """Return the outcome with the rules that decided it, and the day that the option's model retires."""
    if row.outcome is None:
        said = DASH
    else:
        rules = [rule.rule for rule in row.rules if rule.outcome == row.outcome] if row.outcome != "pass" else []
        said = " ".join([_OUTCOMES[row.outcome], ", ".join(rules)]).rstrip()
    retires = worksheet.option(row.name).retires
    return said if retires is None else f"{said}; retires {retires}"


def value_of(name: str, value: object, unit: str) -> str:
    """Return an input as text: money as money, shares in percent as well."""
    if not isinstance(value, Decimal):
        return DASH if value is None else str(value)
    if unit.startswith("USD") and not name.endswith("_per_m"):
        return usd(value)
    meaning = meaning_of(name)
    if unit.startswith("share") or (meaning is not None and meaning.kind == "share"):
        return f"{number(value)} ({number(100 * value, digits=4)} %)"
    return number(value)


def _quality(row: Row) -> str:
    mark = {True: "", False: " x", None: " ?"}[row.passes]
    return f"{DASH if row.quality is None else f'{row.quality:.3f}'}{mark}"
