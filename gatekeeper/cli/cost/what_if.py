"""`gatekeeper cost what-if FILE`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.cli.cost.opening import asked_of, json_option, open_sheet, source_options

if TYPE_CHECKING:
    from gatekeeper.whatif.answer import Answer
    from gatekeeper.whatif.sheet import Sheet

FORMATS = ("table", "json", "md", "html")


@click.command("what-if")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@source_options
@click.option("--vary", "sweeps", multiple=True, metavar="KEY=FROM:TO", help="a range, e.g. V=1e5:1e7:log or e=0:1:11")
@click.option("--tornado", is_flag=False, flag_value="20%", default=None, metavar="SHARE", help="each input by 20%")
@click.option("--mc", is_flag=False, flag_value="20000", default=None, metavar="DRAWS", help="Monte Carlo")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="of --mc")
@click.option("--option", "option", default=None, metavar="NAME", help="what --tornado and --mc are about")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="write to this file")
@json_option
def command(file: Path | None, form: str, out: Path | None, as_json: bool, **given: Any) -> None:
    """Compute what each alternative costs, saves and risks, from FILE: a usage file or a suite.

    \b
    gatekeeper cost what-if usage.yaml --set V=2e6 --set e=20%
    gatekeeper cost what-if usage.yaml --vary V=1e5:1e7:log --tornado
    gatekeeper cost what-if usage.yaml --format html --out calculator.html
    """
    asked = asked_of(file, given)
    sheet = open_sheet(asked)
    form = "json" if as_json else form
    if form == "html":
        from gatekeeper.whatif.calculator import render

        text = render(sheet.worksheet, source=asked.words)
    else:
        text = _text(_answer(sheet, given), form)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"wrote {out}", err=True)


def _text(answer: Answer, form: str) -> str:
    if form == "json":
        return answer.model_dump_json(indent=2) + "\n"
    if form == "md":
        from gatekeeper.whatif.render.markdown import markdown_text

        return markdown_text(answer)
    from gatekeeper.whatif.render.table import table_text

    return table_text(answer)


def _answer(sheet: Sheet, given: dict[str, Any]) -> Answer:
    from gatekeeper.errors import InputError
    from gatekeeper.whatif.answer import Sweeps, answer_of, with_uncertainty
    from gatekeeper.whatif.break_even import break_even_of
    from gatekeeper.whatif.sheet import number_of
    from gatekeeper.whatif.vary import best_option, parse_sweep, sweep_of, tornado_of
    from gatekeeper.whatif.worksheet import TEACHER

    worksheet = sheet.worksheet
    answer = answer_of(worksheet)
    wanted: str | None = given["option"]
    if wanted is not None:
        worksheet.option(wanted)
    if wanted == TEACHER and (given["tornado"] or given["mc"]):
        raise InputError("the incumbent replaces nothing, so there is nothing to draw", hint="name another --option")
    try:
        option = wanted or best_option(answer.table)
    except InputError:
        if given["tornado"] or given["mc"]:
            raise
        option = ""
    changed: dict[str, Any] = {"option": option}
    if option:
        changed["break_even"] = break_even_of(worksheet, answer.table, option)
    sweeps = [parse_sweep(worksheet, text) for text in given["sweeps"]]
    changed["sweeps"] = tuple(Sweeps(name=one.name, rows=sweep_of(worksheet, one)) for one in sweeps)
    if given["tornado"]:
        share = number_of(given["tornado"], what="--tornado")
        changed["tornado"] = tornado_of(worksheet, option, share)
    answer = answer.model_copy(update=changed)
    if given["mc"]:
        from gatekeeper.whatif.uncertain import simulate_sheet

        draws = int(number_of(given["mc"], what="--mc"))
        answer = with_uncertainty(answer, simulate_sheet(sheet, option, n_draws=draws, seed=given["seed"]))
    return answer
