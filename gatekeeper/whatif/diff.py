"""What changed between two answers: inputs, results, and what the advice says, as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from gatekeeper.records import Quantity, Record
from gatekeeper.whatif.answer import Answer
from gatekeeper.whatif.render.cells import value_of
from gatekeeper.whatif.render.text import DASH, markdown
from gatekeeper.whatif.results import RESULTS, Value, results_of

SHOWN = ("month_usd", "one_time_usd", "reduction", "payback_months", "npv_usd")
"""Results that the table of a pull request shows; JSON has all."""


class Change(Record):
    """One thing that differs. None: it is not there on that side, or has no number."""

    id: str
    before: Decimal | str | None
    after: Decimal | str | None
    unit: str


class Difference(Record):
    """All that differs between two answers."""

    inputs: tuple[Change, ...]
    results: tuple[Change, ...]
    outcomes: tuple[Change, ...]
    advice: tuple[str, str]

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.inputs or self.results or self.outcomes or self.advice[0] != self.advice[1])


def difference(before: Answer, after: Answer) -> Difference:
    """Return what differs between two answers; sources that changed without the number are no difference."""
    return Difference(
        inputs=tuple(_inputs(before, after)),
        results=tuple(_results(before, after)),
        outcomes=tuple(_outcomes(before, after)),
        advice=(before.table.advice, after.table.advice),
    )


def _inputs(before: Answer, after: Answer) -> Iterator[Change]:
    old = {one.name: one for one in before.worksheet.inputs}
    new = {one.name: one for one in after.worksheet.inputs}
    for name in dict.fromkeys((*old, *new)):
        one, other = old.get(name), new.get(name)
        if _value(one) != _value(other):
            unit = other.unit if other else one.unit if one else ""
            yield Change(id=name, before=_value(one), after=_value(other), unit=unit)


def _value(one: Quantity | None) -> Decimal | None:
    return None if one is None else one.value


def _results(before: Answer, after: Answer) -> Iterator[Change]:
    old, new = _by_id(before), _by_id(after)
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        if one != other:
            yield Change(id=key, before=one, after=other, unit=RESULTS[key.rpartition(".")[2]].unit)


def _by_id(answer: Answer) -> dict[str, Value]:
    rows = [row for row in answer.table.rows if row.name]
    return {f"{row.name}.{name}": value for row in rows for name, value in results_of(row).items()}


def _outcomes(before: Answer, after: Answer) -> Iterator[Change]:
    old = {row.name: row.outcome for row in before.table.rows if row.name}
    new = {row.name: row.outcome for row in after.table.rows if row.name}
    for name in dict.fromkeys((*old, *new)):
        if name not in old or name not in new or old[name] != new[name]:
            yield Change(id=name, before=_said(old, name), after=_said(new, name), unit="gate")


def _said(outcomes: Mapping[str, str | None], name: str) -> str:
    return (outcomes[name] or "not judged") if name in outcomes else "not there"


def difference_text(found: Difference) -> str:
    """Return the difference as Markdown; one line where there is none."""
    if not found.any:
        return "No number differs.\n"
    before, after = found.advice
    lines = [after, ""] if before == after else [f"Before: {before}", "", f"After: {after}", ""]
    for title, changes in (("gate", found.outcomes), ("input", found.inputs), ("result", _shown(found.results))):
        if changes:
            rows = [_row(change) for change in changes]
            lines += [*markdown([title, "before", "after", "change"], rows, right=frozenset({1, 2, 3})), ""]
    hidden = len(found.results) - len(_shown(found.results))
    lines += [f"{hidden} further results differ; JSON has them."] if hidden else []
    return "\n".join(lines).rstrip() + "\n"


def _shown(results: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(one for one in results if one.id.rpartition(".")[2] in SHOWN)


def _row(change: Change) -> list[str]:
    cells = [value_of(change.id, value, change.unit) for value in (change.before, change.after)]
    moved = DASH
    if isinstance(change.before, Decimal) and isinstance(change.after, Decimal):
        by = change.after - change.before
        moved = ("+" if by > 0 else "") + value_of(change.id, by, change.unit)
    return [change.id, *cells, moved]
