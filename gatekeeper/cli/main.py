"""The command `gatekeeper`: a table of verbs, each loaded only when it is called."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence

import click

from gatekeeper import __version__
from gatekeeper.errors import ExitCode, GatekeeperError

VERBS = {
    "check": "everything that can be known about a suite before spending",
    "loop": "generate, train, evaluate, mine and gate, round after round, to a verdict",
    "evaluate": "models side by side on the development split",
    "rescore": "read and score stored answers again, without a call",
    "spend": "what a run has spent, what is left, and what is not settled",
    "report": "write the dossier of a run: html, markdown and json",
    "verify": "re-derive verdict and numbers from the store alone",
    "sign": "put your key under a verdict",
    "items": "rows with the answers of teacher and candidate",
    "history": "what was decided and promoted, and when",
    "cost": "what a task costs and could cost: what-if, break-even, prices, without a loop",
    "schema": "write the JSON Schemas of eval.yaml, suite.yaml and usage files",
}


class LazyGroup(click.Group):
    """A group that knows its verbs' names and one-line helps, and imports a verb's file when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"gatekeeper.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gatekeeper")
def cli() -> None:
    """Decides whether a small student model may replace an expensive teacher, and builds that student.

    \b
    Exit codes: 0 promoted or done, 10 rejected, 11 inconclusive, 12 stopped by the budget,
    13 a price is missing or too old, 2 wrong input, 1 anything else, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with an exit code of `ExitCode`."""
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except GatekeeperError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(_of_system(error), ExitCode.ERROR)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show(file=sys.stderr)
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; the work so far is kept, the same command continues it", ExitCode.INTERRUPTED)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _of_system(error: OSError) -> str:
    """Return what the operating system refused; whoever knows the place better has raised an error of its own."""
    place = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
    fix = "free disk space and run again" if full else "check that the place exists and may be read and written"
    return f"{place}{error.strerror or error}\n  fix: {fix}; the work so far is kept"


def _fail(message: str, code: ExitCode) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
