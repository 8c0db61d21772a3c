"""`gatekeeper items`"""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.cli.options import output_options, print_json, run_option, store_option


@click.command("items")
@store_option
@run_option
@click.option("--split", type=click.Choice(["dev", "gate"]), default="dev", show_default=True)
@click.option("--all", "show_all", is_flag=True, help="also the rows on which the student was right")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="most rows")
@output_options
def command(
    store_path: Path, run_id: str | None, split: str, show_all: bool, limit: int, as_json: bool, quiet: bool
) -> None:
    """Show rows with the answers of teacher and candidate, first those that the student got wrong.

    A read of gate rows is written down, and every later dossier on these rows shows it: whoever has seen them can no
    longer judge a student by them without favour.
    """
    from gatekeeper.items import read_items
    from gatekeeper.store.connection import Store
    from gatekeeper.store.suites import latest_run

    store = Store(store_path, create=False)
    rows = read_items(store, run_id or latest_run(store), split, wrong_only=not show_all, limit=limit)
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    for row in rows if not quiet else ():
        right = "" if row.target is None else f"   right: {row.target}"
        click.echo(f"{row.item_id}   teacher: {row.teacher}   student: {row.student}{right}")
        click.echo(f"    {row.text}")
    if split == "gate" and not quiet:
        click.echo(f"{len(rows)} gate rows were shown; this is written down in the store.", err=True)
