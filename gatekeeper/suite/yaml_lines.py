"""YAML that knows its lines: safe, without duplicate keys, and without YAML 1.1's surprises.

Only null, true, false, numbers, text, lists and mappings exist here. So `no` and `on` are text, `30_000_000` is a whole
number, `1e-3` is a number, and a tag that would make a Python object is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gatekeeper.errors import Problem

KeyPath = tuple[str | int, ...]

_MOST_NODES = 200_000
_MOST_DIGITS = 40
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars by the JSON-like rules of YAML 1.2, plus underscores in numbers."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - an attribute of PyYAML, set anew to drop its rules


_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+.0123456789"),
)


def show_path(path: KeyPath) -> str:
    """Return a key path as people write it: `students[0].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class Document:
    """A parsed file, or a mapping within one (an inline eval), with the line of each of its keys."""

    file: Path
    tree: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    prefix: KeyPath = ()

    def line(self, path: KeyPath) -> int | None:
        """Return the line of `path`, or of the nearest enclosing key that has one."""
        full = self.prefix + path
        while full and full not in self.lines:
            full = full[:-1]
        return self.lines.get(full)

    def dig(self, *path: str | int) -> Any:
        """Return the value at `path`, or None where there is none."""
        value = self.tree
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def at(self, *path: str | int) -> Document:
        """Return the part below `path` as a document of its own."""
        return Document(self.file, self.dig(*path), self.lines, self.prefix + path)

    def problem(self, path: KeyPath, message: str, *, value: str | None = None, hint: str | None = None) -> Problem:
        """Return a problem at `path` of this document."""
        return Problem(str(self.file), self.line(path), show_path(self.prefix + path), message, value, hint)


def read_yaml(file: Path) -> tuple[Document, list[Problem]]:
    """Parse `file`.

    Returns:
        the document, whose tree is None where the file cannot be parsed, and the problems, with duplicate keys and
        unknown tags among them. Nothing is raised for bad content.
    """
    document = Document(file, None)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return document, [Problem(str(file), None, "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return document, [Problem(str(file), None, "", f"is not UTF-8 (byte {error.start})", hint="save it as UTF-8")]
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return document, [_syntax_problem(file, error)]
    except RecursionError:
        return document, [Problem(str(file), None, "", "is nested too deeply")]
    if node is None:
        return document, [Problem(str(file), 1, "", "the file is empty", hint="see `gatekeeper schema` for its keys")]
    builder = _Builder(file)
    try:
        tree = builder.build(node, ())
    except _TooLargeError:
        return document, [Problem(str(file), None, "", f"holds more than {_MOST_NODES:,} values")]
    return Document(file, tree, builder.lines), builder.problems


def _syntax_problem(file: Path, error: yaml.YAMLError) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = error.problem or error.context or "unreadable"
        if "'\\t'" in what:
            return Problem(str(file), line, "", "a tab where YAML wants spaces", hint="indent with spaces")
        hint = "put quotes around a text that holds `: `, `#`, `{` or a leading `@`"
        return Problem(str(file), line, "", f"not valid YAML: {what}", hint=hint)
    return Problem(str(file), None, "", f"not valid YAML: {str(error).splitlines()[0]}")


class _TooLargeError(Exception):
    """The file holds too many values, aliases counted as often as they are used."""


class _Builder:
    """Turns YAML nodes into plain values and notes lines and problems on the way."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        if self._count > _MOST_NODES:
            raise _TooLargeError
        if id(node) in self._open:
            self._problem(node, path, "holds itself")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be a text")
                continue
            key, here = str(key_node.value), (*path, str(key_node.value))
            if key in mapping:
                first = self.lines[here]
                self._problem(key_node, here, f"the key is given twice, first in line {first}", "keep one of the two")
                continue
            self.lines[here] = key_node.start_mark.line + 1
            mapping[key] = self.build(value_node, here)
        return mapping

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and len(text) <= _MOST_DIGITS:
            return self._number(node, path, int, text)
        if kind == "float":
            return self._number(node, path, float, text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        message = "the number is too long" if kind == "int" else f"the tag {node.tag} is not known here"
        self._problem(node, path, message)
        return None

    def _number(self, node: yaml.Node, path: KeyPath, kind: type[int] | type[float], text: str) -> int | float | None:
        try:
            return kind(text.replace("_", ""))
        except ValueError:
            self._problem(node, path, f"{text!r} is not a number")
            return None

    def _problem(self, node: yaml.Node, path: KeyPath, message: str, hint: str | None = None) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(str(self.file), line, show_path(path), message, hint=hint))
