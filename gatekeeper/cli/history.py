"""`gatekeeper history`"""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.cli.options import output_options, print_json, store_option


@click.command("history")
@store_option
@output_options
def command(store_path: Path, as_json: bool, quiet: bool) -> None:
    """List the runs of a store, their verdicts, and what was promoted."""
    from rich.console import Console
    from rich.table import Table

    from gatekeeper.store.connection import Store
    from gatekeeper.store.rows import select

    store = Store(store_path, create=False)
    with store.read() as connection:
        rows = select(
            connection,
            """SELECT r.run, s.name AS suite, r.started_at, r.state, v.candidate, v.sentence, p.artifact AS promoted
               FROM runs r JOIN suites s ON s.fingerprint = r.suite LEFT JOIN verdicts v USING (run)
               LEFT JOIN promotions p USING (run) ORDER BY r.started_at DESC""",
        )
    if as_json:
        print_json(rows)
        return
    if quiet:
        return
    table = Table("run", "started (UTC)", "state", "candidate", "promoted artifact", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(
            row["run"],
            f"{row['started_at']:%Y-%m-%d %H:%M}",
            row["state"],
            row["candidate"] or "",
            row["promoted"] or "",
        )
    Console(highlight=False).print(table)
