"""All that a what-if answers at once, as one document that JSON, tables and Markdown show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.records import Quantity, Record
from gatekeeper.whatif.break_even import BreakEven
from gatekeeper.whatif.results import Value, all_results
from gatekeeper.whatif.table import Table, table_of
from gatekeeper.whatif.vary import SweepRow, Tornado
from gatekeeper.whatif.worksheet import Worksheet

if TYPE_CHECKING:
    from gatekeeper.cost.uncertainty.summary import Uncertainty

FORMAT = 1
"""Of the JSON document."""


class Sweeps(Record):
    """A sweep of one input."""

    name: str
    rows: tuple[SweepRow, ...]


class Answer(Record):
    """A what-if with its inputs; amounts are text in JSON, so that no digit is lost."""

    format: int = FORMAT
    worksheet: Worksheet
    table: Table
    results: dict[str, Value]
    """By ``<option>.<result>``."""
    option: str
    """The option that the tornado, the simulation and the break-even are about; empty: none has numbers."""
    break_even: BreakEven | None = None
    sweeps: tuple[Sweeps, ...] = ()
    tornado: Tornado | None = None
    uncertainty: dict[str, object] | None = None
    """`cost.uncertainty.Uncertainty`, with the seed."""


def answer_of(worksheet: Worksheet) -> Answer:
    """Return the table of a worksheet with all of its results."""
    table = table_of(worksheet)
    return Answer(worksheet=worksheet, table=table, results=all_results(table), option="")


def with_uncertainty(answer: Answer, found: Uncertainty) -> Answer:
    """Return the answer with a simulation."""
    return answer.model_copy(update={"uncertainty": found.model_dump(mode="json")})


def by_origin(worksheet: Worksheet) -> dict[str, list[Quantity]]:
    """Return the inputs by origin, assumptions first."""
    groups: dict[str, list[Quantity]] = {"assumed": [], "measured": [], "priced": [], "derived": []}
    for one in worksheet.inputs:
        groups[one.origin].append(one)
    return {origin: inputs for origin, inputs in groups.items() if inputs}
