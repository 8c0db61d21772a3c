"""`gatekeeper cost break-even FILE`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gatekeeper.cli.cost.opening import asked_of, json_option, open_sheet, source_options
from gatekeeper.cli.options import print_json


@click.command("break-even")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@source_options
@click.option("--option", "option", default=None, metavar="NAME", help="one option; all that have numbers by default")
@json_option
def command(file: Path | None, option: str | None, as_json: bool, **given: Any) -> None:
    """Say where each option of FILE starts and stops to pay: volumes, errors, escalation, the teacher's price."""
    from gatekeeper.whatif.break_even import break_even_of
    from gatekeeper.whatif.render.table import break_even_text
    from gatekeeper.whatif.table import table_of

    worksheet = open_sheet(asked_of(file, given)).worksheet
    if option is not None:
        worksheet.option(option)
    table = table_of(worksheet)
    names = [row.name for row in table.rows if row.outlook is not None and option in (None, row.name)]
    found = [break_even_of(worksheet, table, name) for name in names]
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    click.echo("\n\n".join("\n".join(break_even_text(one)) for one in found) or _nothing(option))


def _nothing(option: str | None) -> str:
    return f"{option or 'no option'} has no numbers to turn; `gatekeeper cost what-if` says what is missing"
