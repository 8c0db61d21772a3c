"""Where a number comes from: an input with its source, or a result with its formula and the inputs that it read."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from decimal import Decimal

from gatekeeper.errors import InputError
from gatekeeper.records import Quantity, Record
from gatekeeper.whatif.one_time import one_time_of
from gatekeeper.whatif.options import alternative_of, audit_usd, horizon_of, operations_usd, plan_of
from gatekeeper.whatif.results import RESULTS, results_of
from gatekeeper.whatif.sheet import resolve
from gatekeeper.whatif.table import Row, Table, table_of
from gatekeeper.whatif.worksheet import DISTILLED, TEACHER, Values, Worksheet

_ORDER = ("assumed", "measured", "priced", "derived")


class Explanation(Record):
    """One number, explained."""

    id: str
    value: Decimal | str | None
    unit: str
    formula: str
    """Empty for an input."""
    missing: str = ""
    """What it means that there is no value."""
    quantity: Quantity | None = None
    """The input itself."""
    inputs: tuple[Quantity, ...] = ()
    """What a result read, assumptions first; numbers that nobody gave are not listed."""


def ids_of(worksheet: Worksheet) -> tuple[str, ...]:
    """Return the ids of all inputs and results."""
    results = [f"{option.name}.{name}" for option in worksheet.options for name in RESULTS]
    return (*(one.name for one in worksheet.inputs), *results)


def explain(worksheet: Worksheet, name: str) -> Explanation:
    """Return where the number `name` comes from: an input, or ``<option>.<result>``.

    Raises:
        InputError: nothing has that name; the nearest ones are named.
    """
    key = resolve(worksheet, name)
    found = worksheet.quantity(key)
    if found is not None:
        return Explanation(id=key, value=found.value, unit=found.unit, formula="", quantity=found)
    option, _, result = key.rpartition(".")
    if result not in RESULTS or option not in {one.name for one in worksheet.options}:
        raise _unknown(worksheet, name)
    table = table_of(worksheet)
    row = table.row(option)
    about = RESULTS[result]
    value = results_of(row)[result]
    read = reads_of(worksheet, table, row, result)
    inputs = [one for one in worksheet.inputs if one.name in read]
    inputs.sort(key=lambda one: _ORDER.index(one.origin))
    return Explanation(
        id=key,
        value=value,
        unit=about.unit,
        formula=about.formula,
        missing="" if value is not None else row.missing or about.undefined,
        inputs=tuple(inputs),
    )


def reads_of(worksheet: Worksheet, table: Table, row: Row, result: str) -> tuple[str, ...]:
    """Return the names of the inputs that one result of a row reads."""
    values = Values(worksheet)
    option = worksheet.option(row.name)
    if row.missing:
        return ()
    steps: dict[str, Callable[[], object]] = {
        "bill": lambda: _read_bill(worksheet, row.name, values),
        "base": lambda: _read_bill(worksheet, row.compared_with or TEACHER, values),
        "teacher": lambda: _read_bill(worksheet, TEACHER, values),
        "once": lambda: one_time_of(worksheet, option, values),
        "plan": lambda: _read_plan(worksheet, row, values),
        "horizon": lambda: horizon_of(worksheet, option, values),
    }
    for step in _STEPS[result]:
        steps[step]()
    skipped = () if result == "npv_usd" else ("discount_per_year",)
    return tuple(name for name in values.read if name in values and name not in skipped)


_STEPS: dict[str, tuple[str, ...]] = {
    "usd_per_request": ("bill",),
    "month_usd": ("bill",),
    "one_time_usd": ("once",),
    "forward_usd": ("once",),
    "teacher_reduction": ("bill", "teacher"),
    "reduction": ("bill", "base"),
    "saving_usd": ("bill", "base"),
    "payback_months": ("plan",),
    "program_payback_months": ("plan",),
    "npv_usd": ("plan",),
    "volumes": ("bill", "base"),
    "volumes_with_program": ("bill", "base", "once", "horizon"),
    "break_even_error_usd": ("bill", "base"),
}


def _read_bill(worksheet: Worksheet, name: str, values: Values) -> None:
    option = worksheet.option(name)
    alternative_of(worksheet, option, values)
    values.default("requests_per_month")
    values.default("error_usd")
    if option.kind in DISTILLED:
        operations_usd(values)
        audit_usd(worksheet, values)


def _read_plan(worksheet: Worksheet, row: Row, values: Values) -> None:
    other = worksheet.option(row.compared_with or TEACHER)
    plan_of(worksheet, worksheet.option(row.name), alternative_of(worksheet, other, values), values)


def _unknown(worksheet: Worksheet, name: str) -> InputError:
    close = difflib.get_close_matches(name, ids_of(worksheet), n=4, cutoff=0.4)
    options = ", ".join(one.name for one in worksheet.options)
    hint = f"nearest: {', '.join(close)}" if close else f"an input, or one of {options} with .{', .'.join(RESULTS)}"
    return InputError(f"no number is named {name!r}", hint=hint)
