"""Console blocks of the docs: a command after `$ ` and what it prints.

`python -m tests.console_blocks PAGE ...` renews them.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from gatekeeper.cli.main import cli

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"```console\n\$ gatekeeper (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
WIDTH = "118"


def printed(command: str) -> str:
    """Return what `gatekeeper COMMAND` prints at the width of the docs; `| tail -N` and `| head -N` are understood."""
    command, _, cut = command.partition(" | ")
    result = CliRunner().invoke(cli, shlex.split(command), env={"COLUMNS": WIDTH, "NO_COLOR": "1"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    lines = [line.rstrip() for line in result.output.splitlines()]
    if cut:
        tool, count = re.fullmatch(r"(head|tail) -(\d+)", cut).groups()  # type: ignore[union-attr]
        lines = lines[: int(count)] if tool == "head" else lines[-int(count) :]
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """Return the page with the output of each block as it is today."""
    return BLOCK.sub(lambda found: f"```console\n$ gatekeeper {found['command']}\n{printed(found['command'])}```", text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
