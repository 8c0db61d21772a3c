"""`gatekeeper cost trace FILE`"""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.cli.cost.opening import json_option
from gatekeeper.cli.options import print_json


@click.command("trace")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", default=None, help="whose requests; needed where the log has those of several")
@click.option("--log-format", type=click.Choice(["log", "otel"]), default=None, help="each line tells by default")
@click.option("--excludes-cached", is_flag=True, help="spans leave cached tokens out of their input tokens")
@click.option("--yaml", "as_yaml", is_flag=True, help="the part to paste into a usage file")
@json_option
def command(
    file: Path, model: str | None, log_format: str | None, excludes_cached: bool, as_yaml: bool, as_json: bool
) -> None:
    """Read a log of requests: responses of an API, or OpenTelemetry spans, one JSON object per line."""
    from gatekeeper.imports.read_trace import read_trace
    from gatekeeper.whatif.render.pasted import trace_lines, trace_yaml

    trace = read_trace(file, model=model, format=log_format, input_excludes_cached=excludes_cached)  # type: ignore[arg-type]
    if as_json:
        print_json(trace.model_dump(mode="json"))
    else:
        click.echo("\n".join(trace_yaml(trace) if as_yaml else trace_lines(trace)))
