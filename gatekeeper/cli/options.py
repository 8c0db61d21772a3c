"""Options that several verbs share, and how they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORE = "gatekeeper.duckdb"


def store_option(function: F) -> F:
    """Add --store, which GATEKEEPER_STORE may set."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_STORE,
        envvar="GATEKEEPER_STORE",
        show_default=True,
        help="the DuckDB file that everything is kept in",
    )(function)


def output_options(function: F) -> F:
    """Add --json and --quiet."""
    function = click.option("--quiet", "-q", is_flag=True, help="no progress")(function)
    return click.option("--json", "as_json", is_flag=True, help="one JSON document on stdout")(function)


def suite_argument(function: F) -> F:
    """Add the path of the suite."""
    return click.argument("suite_path", metavar="SUITE", type=click.Path(path_type=Path))(function)


def run_option(function: F) -> F:
    """Add --run, which names one run of the store."""
    return click.option("--run", "run_id", default=None, help="id of the run; the latest one by default")(function)


def outside_option(function: F) -> F:
    """Add --allow-outside."""
    return click.option(
        "--allow-outside", is_flag=True, help="let the suite name files outside of its own root folder"
    )(function)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say_next(run: str, store: Path, report: Path) -> None:
    """End a verb with where things are and what to try next."""
    click.echo(f"report   {report / 'report.html'}   (report.md and report.json beside it)")
    click.echo(f"store    {store}   (DuckDB; `gatekeeper history --store {store}`)")
    click.echo(f"next     gatekeeper verify --store {store} --run {run}   re-derives the verdict from the store alone")
