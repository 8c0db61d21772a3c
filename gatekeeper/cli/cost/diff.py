"""`gatekeeper cost diff BASE NEW`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.cli.cost.opening import answer_in, json_option, sheet_of_file
from gatekeeper.cli.options import print_json

if TYPE_CHECKING:
    from gatekeeper.whatif.answer import Answer


@click.command("diff")
@click.argument("base", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--allow-outside", is_flag=True, help="let a suite name files outside of its own root folder")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="write to this file")
@json_option
def command(base: Path, new: Path, allow_outside: bool, out: Path | None, as_json: bool) -> None:
    """Say what changed from BASE to NEW, as Markdown for a pull request.

    Each is a usage file, a suite, or the JSON of `what-if --format json`, whose results are taken as they stand.
    """
    from gatekeeper.whatif.diff import difference, difference_text

    answers = [_answer(path, allow_outside) for path in (base, new)]
    found = difference(answers[0], answers[1])
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif out is None:
        click.echo(difference_text(found), nl=False)
    else:
        out.write_text(difference_text(found), encoding="utf-8")
        click.echo(f"wrote {out}", err=True)


def _answer(path: Path, allow_outside: bool) -> Answer:
    from gatekeeper.whatif.answer import answer_of

    if path.suffix == ".json":
        return answer_in(path)
    return answer_of(sheet_of_file(path, allow_outside=allow_outside).worksheet)
