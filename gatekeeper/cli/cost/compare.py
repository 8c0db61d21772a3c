"""`gatekeeper cost compare FILE A B`"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.cli.cost.opening import asked_of, json_option, open_sheet, source_options
from gatekeeper.cli.options import print_json

if TYPE_CHECKING:
    from gatekeeper.whatif.compare import Comparison


@click.command("compare")
@click.argument("names", nargs=-1, required=True, metavar="[FILE] A B")
@source_options
@json_option
def command(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Put the options A and B side by side, line by line; the lines add up to the cent.

    FILE is left out where --usage or --run names the source.
    """
    from gatekeeper.whatif.compare import compare
    from gatekeeper.whatif.table import table_of

    if len(names) not in (2, 3):
        raise click.UsageError("name FILE and two options, such as: compare usage.yaml teacher student")
    *file, first, second = names
    sheet = open_sheet(asked_of(Path(file[0]) if file else None, given))
    found = compare(table_of(sheet.worksheet), first, second)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: Comparison) -> list[str]:
    from gatekeeper.whatif.render.text import columns, number, usd
    from gatekeeper.whatif.results import RESULTS

    def shown(value: Decimal | str | None, unit: str) -> str:
        if not isinstance(value, Decimal):
            return value or "-"
        return usd(value) if unit.startswith("USD") else number(value)

    header = ["", found.first, found.second, "difference"]
    right = frozenset({1, 2, 3})
    lines = []
    for title, part in (("first month", found.month), ("once", found.one_time)):
        rows = [[line.name, usd(line.first), usd(line.second), usd(line.second - line.first)] for line in part]
        lines += [*columns([title, *header[1:]], rows, right=right), ""]
    results = [
        [name, shown(one, RESULTS[name].unit), shown(other, RESULTS[name].unit), RESULTS[name].unit]
        for name, (one, other) in found.results.items()
    ]
    lines += columns(["result", found.first, found.second, "unit"], results, right=frozenset({1, 2}))
    outcomes = [one or "-" for one in found.outcomes]
    return [*lines, "", f"gate: {found.first} {outcomes[0]}, {found.second} {outcomes[1]}"]
