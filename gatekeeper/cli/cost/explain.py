"""`gatekeeper cost explain FILE NUMBER`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.cli.cost.opening import asked_of, json_option, open_sheet, source_options
from gatekeeper.cli.options import print_json

if TYPE_CHECKING:
    from gatekeeper.whatif.explain import Explanation


@click.command("explain")
@click.argument("names", nargs=-1, metavar="[FILE] [NUMBER]")
@source_options
@json_option
def command(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Say where NUMBER comes from: an input, or OPTION.RESULT such as student.npv_usd. Without NUMBER, list all.

    FILE is left out where --usage or --run names the source.
    """
    from gatekeeper.whatif.explain import explain, ids_of

    elsewhere = given["usage"] is not None or given["run"] is not None
    if len(names) > (1 if elsewhere else 2):
        raise click.UsageError("name a file and one number, such as: explain usage.yaml student.npv_usd")
    file = None if elsewhere or not names else Path(names[0])
    rest = names if elsewhere else names[1:]
    worksheet = open_sheet(asked_of(file, given)).worksheet
    if not rest:
        ids = ids_of(worksheet)
        if as_json:
            print_json(list(ids))
        else:
            click.echo("\n".join(ids))
        return
    found = explain(worksheet, rest[0])
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: Explanation) -> list[str]:
    from decimal import Decimal

    from gatekeeper.whatif.render.cells import value_of
    from gatekeeper.whatif.render.text import columns

    unit = "" if isinstance(found.value, str) and found.unit in found.value else f" {found.unit}"
    value = f"none: {found.missing}" if found.value is None else f"{value_of(found.id, found.value, found.unit)}{unit}"
    lines = [f"{found.id} = {value}"]
    if isinstance(found.value, Decimal):
        lines.append(f"exactly   {found.value}")
    if found.quantity is not None:
        one = found.quantity
        lines += [f"origin    {one.origin}", f"source    {one.source}", f"as of     {one.as_of or 'no day'}"]
    if found.formula:
        lines.append(f"formula   {found.formula}")
    if found.inputs:
        rows = [
            [
                f"[{one.origin}]",
                one.name,
                value_of(one.name, one.value, one.unit),
                one.unit,
                one.source,
                one.as_of or "",
            ]
            for one in found.inputs
        ]
        lines += ["", *columns(["origin", "input", "value", "unit", "source", "as of"], rows, right=frozenset({2}))]
    return lines
