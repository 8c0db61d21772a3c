"""What can be wrong with a usage file, in the words of the file: place, value and fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from gatekeeper.errors import InputError, PriceError, Problem
from gatekeeper.suite.yaml_lines import Document, KeyPath, read_yaml
from gatekeeper.whatif.usage.spec import UsageSpec


def spec_of(path: Path) -> tuple[Document, UsageSpec]:
    """Return the file with its lines, and as a model.

    Raises:
        InputError: with all problems that the file's form has.
    """
    document, problems = read_yaml(path)
    if document.tree is not None and not isinstance(document.tree, dict):
        problems.append(document.problem((), "should be a mapping", hint="write `key: value` lines"))
    if isinstance(document.tree, dict):
        try:
            spec = UsageSpec.model_validate(document.tree)
        except ValidationError as error:
            from gatekeeper.suite.problems import translate

            problems += translate(error, document, UsageSpec)
        else:
            if not problems:
                return document, spec
    raise refused(path, problems)


def refused(path: Path, problems: list[Problem]) -> InputError:
    """Return the error that lists all problems of a file."""
    head = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {path}:"
    return InputError("\n".join([head, *(f"  - {problem}" for problem in problems)]))


@contextmanager
def at(document: Document, path: KeyPath) -> Iterator[None]:
    """Name the line of the usage file in the errors of what it leads to."""
    try:
        yield
    except (InputError, PriceError) as error:
        place = document.problem(path, "")
        raise type(error)(f"{place.file}:{place.line}: {place.path}: {error.message}", hint=error.hint) from error
