"""`gatekeeper schema`"""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.cli.options import output_options, print_json


@click.command("schema")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("schemas"),
    show_default=True,
    help="folder that gets eval.schema.json, suite.schema.json and usage.schema.json",
)
@output_options
def command(folder: Path, as_json: bool, quiet: bool) -> None:
    """Write the JSON Schemas of eval.yaml, suite.yaml and usage files, for editors that complete and check YAML."""
    from gatekeeper.suite.schema import write_schemas
    from gatekeeper.whatif.usage.schema import write_usage_schema

    paths = [str(path) for path in (*write_schemas(folder), write_usage_schema(folder))]
    if as_json:
        print_json({"written": paths})
    elif not quiet:
        click.echo("\n".join(f"wrote {path}" for path in paths))
