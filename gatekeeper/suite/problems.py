"""Says what pydantic found in the words of the file: line, key path, value, and the nearest valid key or choice."""

from __future__ import annotations

import difflib
import json
import re
import types
import typing
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from gatekeeper.errors import Problem
from gatekeeper.suite.secrets import looks_secret
from gatekeeper.suite.spec import BASELINE_FORMS, JUDGE_FORMS, RECIPES, TEACHER_FORMS
from gatekeeper.suite.spec_eval import NAME
from gatekeeper.suite.spec_models import API_FORMS
from gatekeeper.suite.yaml_lines import Document, KeyPath

_LONGEST_VALUE = 60
_NEVER_SHOWN = "api_key_env"
_QUOTE = "put it in quotes, to make it a text"

_TYPES = {
    "string_type": "should be a text",
    "int_type": "should be a whole number, without quotes",
    "float_type": "should be a number, without quotes",
    "finite_number": "should be a finite number",
    "decimal_type": "should be a number",
    "tuple_type": "should be a list",
    "dict_type": "should be a mapping",
    "bool_type": "should be true or false",
}
_BOUNDS = {
    "greater_than": ("gt", "should be above"),
    "greater_than_equal": ("ge", "should be at least"),
    "less_than": ("lt", "should be below"),
    "less_than_equal": ("le", "should be at most"),
}


def nearest(word: str, choices: typing.Iterable[str]) -> str | None:
    """Return the choice that is most like `word`, or None where none is like it."""
    folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def choice_hint(word: object, choices: typing.Sequence[str]) -> str:
    """Return a hint that names the nearest choice, if there is one, and all of them."""
    near = nearest(word, choices) if isinstance(word, str) else None
    return (f"did you mean `{near}`? " if near else "") + f"valid: {', '.join(choices)}"


def show_value(value: object) -> str | None:
    """Return a short text of a scalar, None for a mapping or list, and a placeholder for what may be a secret."""
    if isinstance(value, dict | list | tuple):
        return None
    text = json.dumps(value, ensure_ascii=False, default=str)
    if looks_secret(text):
        return "(hidden)"
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def translate(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Return the problems of `document`, whose tree `model` refused."""
    problems = []
    for detail in error.errors(include_url=False):
        loc = tuple(detail["loc"])
        path = tuple(part for part in loc if not (isinstance(part, str) and part.startswith("<")))
        value = document.dig(*path)
        if detail["type"] == "too_short" and value:
            continue  # its items were refused, and each has said so
        problems.append(_problem(detail, loc, path, value, document, model))
    return problems


def _problem(
    detail: Any, loc: KeyPath, path: KeyPath, value: Any, document: Document, model: type[BaseModel]
) -> Problem:
    kind: str = detail["type"]
    shown = None if path and path[-1] == _NEVER_SHOWN else show_value(value)
    if kind == "extra_forbidden":
        valid = choice_hint(path[-1], _valid_keys(model, loc[:-1]))
        return document.problem(path, "unknown key", hint=valid)
    if kind == "missing":
        return document.problem(path, "a required key is missing", hint=_description(model, loc))
    if kind == "union_tag_not_found":
        return _unknown_kind(path, value, document)
    if kind == "model_type":
        keys = _valid_keys(model, loc)
        return document.problem(path, "should be a mapping", value=shown, hint=choice_hint(value, keys))
    if kind == "value_error":
        message = str(detail["ctx"]["error"])
        return document.problem(path, message, value=shown)
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", detail["ctx"]["expected"]) or [detail["ctx"]["expected"]]
        return document.problem(path, "is not a valid choice", value=shown, hint=choice_hint(value, choices))
    message, hint = _scalar_message(kind, detail, value)
    return document.problem(path, message, value=shown, hint=hint)


def _scalar_message(kind: str, detail: Any, value: Any) -> tuple[str, str | None]:
    if value is None and kind in _TYPES:
        return f"{_TYPES[kind]}, and has no value", None
    if kind in _TYPES:
        return _TYPES[kind], _QUOTE if kind == "string_type" and isinstance(value, bool | int | float) else None
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{words} {detail['ctx'][key]}", None
    if kind == "string_pattern_mismatch":
        if detail["ctx"]["pattern"] == NAME:
            return "should be a name", "use letters, digits, `.`, `_` and `-`, a letter or digit first"
        return "has the wrong form", f"it should match {detail['ctx']['pattern']}"
    if kind in ("too_long", "too_short", "string_too_short"):
        limit = detail["ctx"].get("max_length", detail["ctx"].get("min_length"))
        return f"should have at {'most' if kind == 'too_long' else 'least'} {limit}", None
    return str(detail["msg"]), None


def _unknown_kind(path: KeyPath, value: Any, document: Document) -> Problem:
    """A teacher, baseline, judge or student whose `model` or `recipe` names nothing that may stand there."""
    kinds = {"students": ("recipe", RECIPES), "judge": ("model", JUDGE_FORMS), "baselines": ("model", BASELINE_FORMS)}
    key, choices = kinds.get(str(path[0]), ("model", TEACHER_FORMS))
    if path[0] == "baselines" and isinstance(value, str):
        hint = choice_hint(value, ("majority", *API_FORMS)) + "; every other form is a mapping with a `name`"
        return document.problem(path, "is no baseline's short form", value=show_value(value), hint=hint)
    if not isinstance(value, dict):
        return document.problem(path, f"should be a mapping with `{key}`", value=show_value(value))
    if key not in value:
        return document.problem((*path, key), "a required key is missing", hint=choice_hint(None, choices))
    name = value[key]
    hint = choice_hint(name, choices)
    if key == "model" and isinstance(name, str) and "/" in name:
        hint += "; other providers work through litellm, or an OpenAI-compatible `base_url`"
    return document.problem((*path, key), f"unknown {key}", value=show_value(name), hint=hint)


def _valid_keys(model: type[BaseModel], loc: KeyPath) -> list[str]:
    found = _descend(model, loc)
    return list(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _description(model: type[BaseModel], loc: KeyPath) -> str | None:
    parent = _descend(model, loc[:-1])
    if isinstance(parent, type) and issubclass(parent, BaseModel) and loc[-1] in parent.model_fields:
        return parent.model_fields[str(loc[-1])].description
    return None


def _descend(annotation: Any, loc: KeyPath) -> Any:
    """Return the type that stands at `loc`, a location as pydantic gives it, with `<tag>` parts for union members."""
    for part in loc:
        annotation = _unwrap(annotation)
        if isinstance(part, str) and part.startswith("<"):
            annotation = next((m for m in get_args(annotation) if Tag(part) in get_args(m)[1:]), None)
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
            annotation = arguments[-1] if arguments else None
    return _unwrap(annotation)


def _unwrap(annotation: Any) -> Any:
    """Return `annotation` without Annotated and without `| None`."""
    while True:
        if get_origin(annotation) is typing.Annotated:
            annotation = get_args(annotation)[0]
            continue
        if get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
            if len(members) == 1:
                annotation = members[0]
                continue
        return annotation
