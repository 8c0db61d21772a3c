"""`gatekeeper cost lint FILE`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gatekeeper.cli.cost.opening import asked_of, json_option, open_sheet, source_options
from gatekeeper.cli.options import print_json
from gatekeeper.errors import ExitCode


@click.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@source_options
@json_option
def command(file: Path | None, as_json: bool, **given: Any) -> None:
    """Say what looks wrong about the numbers of FILE: units, prices, retirements, benchmarks.

    The exit code is 0 without errors and 2 with errors; warnings alone end with 0.
    """
    from gatekeeper.whatif.lint.sheet import lint

    found = lint(open_sheet(asked_of(file, given)))
    errors = sum(one.severity == "error" for one in found)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    else:
        for one in found:
            click.echo(str(one))
        click.echo(f"{errors} errors, {len(found) - errors} warnings")
    sys.exit(ExitCode.USAGE if errors else ExitCode.OK)
