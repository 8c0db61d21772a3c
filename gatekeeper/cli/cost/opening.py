"""Where a verb's worksheet comes from: a usage file, a suite, a run of a store, or the JSON of an earlier what-if."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gatekeeper.cli.options import DEFAULT_STORE
from gatekeeper.errors import InputError

if TYPE_CHECKING:
    from gatekeeper.whatif.answer import Answer
    from gatekeeper.whatif.sheet import Sheet

F = TypeVar("F", bound=Callable[..., Any])

LATEST = "latest"
PRESETS = {"small": Decimal(100_000), "medium": Decimal(1_000_000), "large": Decimal(10_000_000)}
"""Requests a month."""


@dataclass(frozen=True)
class Asked:
    """What the command line says about where numbers come from."""

    file: Path | None
    usage: Path | None
    run: str | None
    store: Path
    allow_outside: bool
    changes: tuple[str, ...]
    preset: str | None

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command line that name the source."""
        named = self.file or self.usage
        return (str(named),) if named else ("--run", self.run or LATEST, "--store", str(self.store))


def source_options(function: F) -> F:
    """Add FILE's alternatives and the changes of inputs: --usage, --run, --store, --set, --preset."""
    options = (
        click.option("--usage", "usage", type=_path(), default=None, help="a usage file, as FILE is"),
        click.option("--run", "run", default=None, metavar="ID", help="numbers of a run; `latest`: of the last"),
        click.option(
            "--store",
            "store",
            type=_path(),
            default=DEFAULT_STORE,
            envvar="GATEKEEPER_STORE",
            help="its last run, or --run",
        ),
        click.option("--allow-outside", is_flag=True, help="let a suite name files outside of its own root folder"),
        click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="other values, e.g. V=2e6, e=20%"),
        click.option("--preset", type=click.Choice(list(PRESETS)), help="1e5, 1e6 or 1e7 requests a month"),
    )
    for option in reversed(options):
        function = option(function)
    return function


def json_option(function: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="one JSON document on stdout")(function)


def asked_of(file: Path | None, given: dict[str, Any]) -> Asked:
    """Return the options of `source_options` as one value; `given` loses them."""
    keys = ("usage", "run", "store", "allow_outside", "changes", "preset")
    return Asked(file=file, **{key: given.pop(key) for key in keys})


def open_sheet(asked: Asked) -> Sheet:
    """Return the worksheet that is asked for, with the changes made.

    Raises:
        InputError: no source or several are named, a file is of no known form, or a change names no input.
    """
    sources = [one for one in (asked.file, asked.usage, asked.run) if one is not None]
    of_store = asked.run is not None or (not sources and asked.store.exists())
    if len(sources) > 1 or not (sources or of_store):
        raise InputError(
            f"{len(sources)} sources of numbers are named",
            hint="name one: a usage file or a suite as FILE, or --run ID with --store",
        )
    if of_store:
        from gatekeeper.whatif.sources.run_sheet import sheet_of_run

        sheet = sheet_of_run(asked.store, None if asked.run == LATEST else asked.run)
    else:
        sheet = sheet_of_file(asked.file or asked.usage or Path(), allow_outside=asked.allow_outside)
    if asked.preset:
        sheet = sheet.with_values({"requests_per_month": PRESETS[asked.preset]}, source=f"--preset {asked.preset}")
    changes = changes_of(asked.changes)
    return sheet.with_values(changes) if changes else sheet


def sheet_of_file(path: Path, *, allow_outside: bool = False) -> Sheet:
    """Return the worksheet of a usage file, a suite, or the JSON of a what-if; the content says which it is."""
    from gatekeeper.whatif.sheet import Sheet

    if path.suffix == ".json":
        return Sheet(worksheet=answer_in(path).worksheet, place=str(path))
    if _is_suite(path):
        from gatekeeper.suite.load import load_suite
        from gatekeeper.whatif.sources.from_suite import worksheet_of_suite

        return Sheet(worksheet=worksheet_of_suite(load_suite(path, allow_outside=allow_outside)), place=str(path))
    from gatekeeper.whatif.usage.file import read_usage

    return read_usage(path, today=datetime.now(UTC).date())


def answer_in(path: Path) -> Answer:
    """Return the answer in a JSON file of `what-if --format json`."""
    from pydantic import ValidationError

    from gatekeeper.whatif.answer import Answer

    try:
        return Answer.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: the file does not exist", hint="name a file") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top level)"
        raise InputError(
            f"{path}: is no answer of `gatekeeper cost what-if --format json`: {where}: {first['msg']}",
            hint="write it with `gatekeeper cost what-if FILE --format json --out BASE.json`",
        ) from error


def changes_of(texts: Sequence[str]) -> dict[str, Decimal]:
    """Return KEY=VALUE texts as numbers by key."""
    from gatekeeper.whatif.sheet import number_of

    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise InputError(f"--set {text!r} has no value", hint="such as --set V=2e6 or --set student.quality=0.95")
        found[key.strip()] = number_of(value, what=f"--set {key}")
    return found


def _is_suite(path: Path) -> bool:
    """Return whether the file has the top-level key of a suite; a file that cannot be read is told by its reader."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.startswith(("suite:", "evals:")) for line in lines)


def _path() -> click.Path:
    return click.Path(path_type=Path, dir_okay=False)
