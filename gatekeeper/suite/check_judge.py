"""What must be true of a judge: its rubric works, people correct it, and the suite names a model that is asked.

A judge that nobody corrects promotes whatever it likes. So each of these is an error before anything is spent, and none
is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gatekeeper.errors import Problem
from gatekeeper.scorers.judge import RUBRIC_NAMES
from gatekeeper.suite.checks import Checker
from gatekeeper.suite.problems import choice_hint, show_value
from gatekeeper.suite.prompt import names_in
from gatekeeper.suite.yaml_lines import Document, KeyPath


def rubrics(checker: Checker, document: Document, labels: Sequence[str]) -> dict[str, str]:
    """Return the rubric's text of each judge of an eval by the scorer's name, after noting what is wrong with them."""
    scorers = _scorers(document)
    found: dict[str, str] = {}
    for name, spec in _judges(scorers):
        key: KeyPath = ("scorers", name, "judge")
        text = checker.template(document, (*key, "rubric"), labels, RUBRIC_NAMES)
        if text is not None:
            found[name] = text
            checker.problems += _unused(document, key, text)
        checker.problems += [*_people(document, key, spec, scorers), *_place(document, key, name)]
    return found


def judge_model(checker: Checker, suite: Document, main: Document) -> None:
    """Check that a judge that decides has a model to ask, and that a model that is named is asked."""
    judges = dict(_judges(_scorers(main)))
    decides = judges.keys() & {_primary(main)}
    given = suite.dig("judge")
    if decides and given is None:
        message = f"the deciding scorer {next(iter(decides))!r} is a judge, and no model is named for it"
        hint = "for example judge: {model: openai/<name>}"
        checker.problems.append(suite.problem(("judge",), message, hint=hint))
    if given is not None and not judges and main.tree is not None:
        message = "nothing asks this model: the main eval has no scorer that is a judge"
        hint = "add a scorer {judge: {rubric: ..., people: ...}} and name it in `primary`, or remove the key"
        checker.problems.append(suite.problem(("judge",), message, hint=hint))


def _scorers(document: Document) -> Mapping[str, Any]:
    given = document.dig("scorers")
    return given if isinstance(given, dict) else {}


def _judges(scorers: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, spec in scorers.items():
        if isinstance(spec, dict) and isinstance(spec.get("judge"), dict):
            yield name, spec["judge"]


def _primary(document: Document) -> str | None:
    primary = document.dig("primary")
    return primary if isinstance(primary, str) else next(iter(_scorers(document)), None)


def _unused(document: Document, key: KeyPath, text: str) -> Iterator[Problem]:
    missing = [name for name in ("input", "output") if name not in names_in(text)]
    if missing:
        message = f"the rubric never uses {' and '.join(f'`{name}`' for name in missing)}"
        hint = 'for example "Message: {{ input }} Answer: {{ output }} Is the answer right? Say yes or no."'
        yield document.problem((*key, "rubric"), message, hint=hint)


def _people(document: Document, key: KeyPath, spec: Mapping[str, Any], scorers: Mapping[str, Any]) -> Iterator[Problem]:
    people = spec.get("people")
    judges = dict(_judges(scorers))
    others = [name for name in scorers if name not in judges]
    if isinstance(people, str) and people not in others:
        what = "is a judge itself, and cannot correct one" if people in judges else "is no scorer of this eval"
        hint = choice_hint(people, others) if others else "add one to `scorers`, such as `gold: exact`"
        yield document.problem((*key, "people"), what, value=show_value(people), hint=hint)
    if document.dig("data", "target") is None and isinstance(document.dig("data"), dict):
        message = "a judge is corrected by people's answers, and the eval names no `target` column"
        hint = "name the column; rows that nobody has labelled leave it empty"
        yield document.problem(("data", "target"), message, hint=hint)


def _place(document: Document, key: KeyPath, name: str) -> Iterator[Problem]:
    role = document.dig("role")
    if role not in (None, "main"):
        message = f"only the eval of `role: main` may be judged by a model, and this one is of `role: {role}`"
        yield document.problem(key, message, hint="score it with `exact`")
    elif _primary(document) != name:
        message = "is a judge and not `primary`, so nothing would ask it"
        yield document.problem(key, message, hint=f"write `primary: {name}`, or remove the scorer")
    elif document.dig("data", "cluster") is not None:
        message = "rows that belong together cannot be judged by a model: its correction takes each row to stand alone"
        yield document.problem(("data", "cluster"), message, hint="leave `cluster` out, with one row of each cluster")
