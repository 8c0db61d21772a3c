"""`gatekeeper cost`: the money of a task without a loop; a table of verbs, each loaded only when it is called."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "what-if": "all alternatives side by side, under any change of the inputs",
    "break-even": "where an option starts and stops to pay",
    "compare": "two options line by line, to the cent",
    "diff": "what changed between two worksheets, for a pull request",
    "explain": "where a number comes from",
    "lint": "what looks wrong about the numbers",
    "prices": "everything that is known about the price of a model",
    "trace": "what a log of requests says about traffic and tokens",
    "bench": "what a serving benchmark says about capacity",
}


class CostGroup(click.Group):
    """Knows its verbs' names and one-line helps, and imports a verb's file when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"gatekeeper.cli.cost.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group("cost", cls=CostGroup)
def command() -> None:
    """What a task costs and what could be saved. Nothing is sent or spent; prices come from installed packages.

    \b
    FILE is a usage file (suites/cost/seed.usage.yaml is one) or a suite; --run takes the numbers of a run instead.
    Every verb has --json, and exit codes are those of `gatekeeper --help`.
    """
