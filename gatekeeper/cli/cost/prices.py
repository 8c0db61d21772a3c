"""`gatekeeper cost prices MODEL`"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from gatekeeper.cli.cost.opening import json_option
from gatekeeper.cli.options import print_json
from gatekeeper.errors import InputError


@click.command("prices")
@click.argument("model")
@click.option("--at", default=None, metavar="DAY", help="day that the prices are wanted for; today by default")
@click.option(
    "--prices", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="your own price file"
)
@json_option
def command(model: str, at: str | None, file: Path | None, as_json: bool) -> None:
    """Show everything that is known about the price of MODEL, written provider/name, and what looks wrong about it."""
    from gatekeeper.cost.prices.book import all_prices, known_prices
    from gatekeeper.cost.prices.file import parse_price_entries
    from gatekeeper.cost.prices.lint import lint_prices
    from gatekeeper.whatif.render.price_sheet import price_lines

    day = _day(at) if at is not None else datetime.now(UTC).date()
    own = parse_price_entries(file.read_text(encoding="utf-8"), file=str(file)) if file is not None else None
    prices = known_prices(model, at=day, own=own)
    if prices.standard is None:
        all_prices(model, at=day, own=own)  # says why, with the nearest names
    found = lint_prices(prices, at=day)
    if as_json:
        print_json({"prices": prices.model_dump(mode="json"), "findings": [one.model_dump() for one in found]})
        return
    click.echo("\n".join(price_lines(prices)))
    for one in found:
        click.echo(str(one))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--at {text!r} is no day", hint="such as 2026-11-25") from None
