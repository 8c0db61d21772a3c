"""A what-if for the terminal: assumptions first, then the table, the advice, and where it turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from gatekeeper.records import Quantity
from gatekeeper.whatif.answer import Answer, Sweeps, by_origin
from gatekeeper.whatif.break_even import BreakEven
from gatekeeper.whatif.render.cells import RIGHT, cells, header, value_of
from gatekeeper.whatif.render.parts import tornado_lines, uncertainty_lines
from gatekeeper.whatif.render.text import DASH, columns, number, usd
from gatekeeper.whatif.results import said
from gatekeeper.whatif.worksheet import Worksheet

Layout = Callable[..., list[str]]


def table_text(answer: Answer) -> str:
    """Return the whole answer as plain text."""
    return "\n".join(_sections(answer, columns, lambda title: [title], "  ")) + "\n"


def _sections(answer: Answer, layout: Layout, heading: Callable[[str], list[str]], indent: str) -> Iterator[str]:
    worksheet = answer.worksheet
    yield from inputs_lines(worksheet, layout, heading)
    yield ""
    volume = number(answer.table.requests_per_month)
    yield from heading(f"{worksheet.name}: {volume} requests/month, as of {worksheet.as_of}")
    yield from alternatives(answer, layout)
    missing = [row for row in answer.table.rows if row.missing]
    if missing:
        yield ""
        yield from missing_lines(answer, layout)
    yield ""
    yield answer.table.advice
    for part in (break_even_lines, sweep_lines, tornado_lines, uncertainty_lines):
        lines = list(part(answer, layout))
        if lines:
            yield ""
            yield from lines
    for note in worksheet.notes:
        yield f"note: {note}"


def alternatives(answer: Answer, layout: Layout) -> list[str]:
    """Return the table of the options that have numbers, and whose savings end before the horizon does."""
    known = [row for row in answer.table.rows if row.bill is not None]
    lines = layout(header(answer.table), [cells(answer.worksheet, answer.table, row) for row in known], right=RIGHT)
    cut = [
        f"{row.name}: savings count for {_months(len(row.outlook.savings_usd))}, until {row.horizon_limited_by} retires"
        for row in known
        if row.outlook is not None and row.horizon_limited_by
    ]
    return [*lines, "", *cut] if cut else lines


def missing_lines(answer: Answer, layout: Layout) -> list[str]:
    """Return what must be given before the other options have numbers."""
    rows = [
        [row.code, row.name or row.kind, row.missing.replace("\n  fix:", ";").replace("not measured: ", "")]
        for row in answer.table.rows
        if row.missing
    ]
    return layout(["", "Without numbers", "What to give"], rows)


def inputs_lines(worksheet: Worksheet, layout: Layout, heading: Callable[[str], list[str]]) -> Iterator[str]:
    """Yield all inputs, assumptions first; prices with their source and day."""
    for origin, inputs in by_origin(worksheet).items():
        yield from heading(f"{origin} ({len(inputs)})")
        yield from layout(["input", "value", "unit", "source"], [_input(one) for one in inputs], right=frozenset({1}))


def _input(one: Quantity) -> list[str]:
    day = "" if one.as_of is None or one.as_of in one.source else f", as of {one.as_of}"
    return [one.name, value_of(one.name, one.value, one.unit), one.unit, f"{one.source}{day}"]


def break_even_lines(answer: Answer, layout: Layout = columns) -> Iterator[str]:
    """Yield where the answer about the option turns."""
    if answer.break_even is not None:
        yield from break_even_text(answer.break_even, layout)


def break_even_text(found: BreakEven, layout: Layout = columns) -> list[str]:
    """Return where one option starts or stops to pay."""
    rows = [
        ["a month saves money at", said(found.volumes) or "no question of one volume", "requests/month"],
        ["all of it is earned back at", said(found.volumes_with_program) or DASH, "requests/month"],
        ["a bad answer may cost up to", _or(found.break_even_error_usd, usd, "any amount, or unknown"), "USD"],
    ]
    if found.most_teacher_share is not None or found.most_teacher_share_for_gate is not None:
        rows.append(["a month saves money up to", _share(found.most_teacher_share), "of requests at the teacher"])
        rows.append(["the gate's reduction up to", _share(found.most_teacher_share_for_gate), "the same"])
    if found.teacher_price_factor is not None:
        prices = ", ".join(f"{name.partition('.')[2]} {number(value)}" for name, value in found.teacher_prices.items())
        rows.append(["worth nothing with the teacher at", f"{found.teacher_price_factor:.3f}x its prices", prices])
    return layout([found.option, f"against {found.compared_with or 'nothing'}", ""], rows)


def _or(value: Decimal | None, write: Callable[[Decimal], str], other: str) -> str:
    return other if value is None else write(value)


def _share(value: Decimal | None) -> str:
    return "never" if value is None else f"{value:.2%}"


def sweep_lines(answer: Answer, layout: Layout = columns) -> Iterator[str]:
    """Yield the sweeps: one line per value, the month of each option, and its outcome."""
    for sweep in answer.sweeps:
        yield from _sweep(sweep, layout)


_MARKS = {"pass": " +", "fail": " -", "inconclusive": " ?", None: ""}


def _sweep(sweep: Sweeps, layout: Layout) -> list[str]:
    names = [cell.option for cell in sweep.rows[0].cells if cell.month_usd is not None]
    rows = []
    for row in sweep.rows:
        by_name = {cell.option: cell for cell in row.cells}
        months = [f"{usd(by_name[name].month_usd)}{_MARKS[by_name[name].outcome]}" for name in names]
        rows.append([number(row.value), *months, row.baseline])
    right = frozenset(range(len(names) + 1))
    legend = "USD a month; + all rules pass, - one fails, ? one is open; baseline: what students are held against"
    return [*layout([sweep.name, *names, "baseline"], rows, right=right), legend]


def _months(count: int) -> str:
    return f"{count} month{'' if count == 1 else 's'}"
