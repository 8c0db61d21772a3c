"""`gatekeeper cost bench FILE`"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from gatekeeper.cli.cost.opening import json_option
from gatekeeper.cli.options import print_json


@click.command("bench")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--ttft-p99-ms", type=click.FloatRange(min=0, min_open=True), help="most ms to the first token, 99 %")
@click.option("--e2e-p95-ms", type=click.FloatRange(min=0, min_open=True), help="most ms to the whole answer, 95 %")
@click.option("--yaml", "as_yaml", is_flag=True, help="the part to paste into a usage file")
@json_option
def command(
    files: tuple[Path, ...], ttft_p99_ms: float | None, e2e_p95_ms: float | None, as_yaml: bool, as_json: bool
) -> None:
    """Read results of a serving benchmark (GuideLLM, vLLM, AIPerf) of one replica, and its capacity within limits."""
    from gatekeeper.imports.capacity import age_days, capacity_at
    from gatekeeper.imports.read_bench import read_bench
    from gatekeeper.whatif.render.pasted import bench_lines, bench_yaml

    bench = read_bench(*files)
    capacity = capacity_at(bench, ttft_p99_ms=ttft_p99_ms, e2e_p95_ms=e2e_p95_ms)
    if as_json:
        print_json({"bench": bench.model_dump(mode="json"), "capacity_rps": capacity.model_dump(mode="json")})
    elif as_yaml:
        click.echo("\n".join(bench_yaml(bench, ttft_p99_ms, e2e_p95_ms)))
    else:
        click.echo("\n".join(bench_lines(bench, capacity, age_days(bench, datetime.now(UTC).date()))))
