"""From a row to what is asked: reads the columns that an eval names and notes every row that does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatekeeper.hashing import content_hash
from gatekeeper.records import Message
from gatekeeper.suite.problems import nearest
from gatekeeper.suite.rows import Faults, Row
from gatekeeper.suite.spec import DataSpec

_ROLES = ("system", "user", "assistant")
NO_SLICE = "(none)"
"""The slice of a row whose slice column is empty."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An item before it has a split."""

    file: str
    line: int
    id: str
    cluster: str
    text: str
    messages: tuple[Message, ...]
    target: str | None
    slices: dict[str, str]

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


@dataclass
class Reader:
    """Turns the rows of one eval into drafts."""

    spec: DataSpec
    labels: frozenset[str]
    faults: Faults
    _absent: set[tuple[str, str]] = field(default_factory=set)

    def draft(self, row: Row) -> Draft | None:
        """Return the row as a draft, or None after noting what is wrong with it."""
        before = self.faults.count
        if not self._has_columns(row):
            return None
        messages = self._messages(row)
        target = self._target(row)
        given = None if self.spec.id is None else as_text(row.values[self.spec.id])
        if self.spec.id is not None and not given:
            self._fault(row, self.spec.id, "the id is empty")
        if self.faults.count > before or messages is None:
            return None
        identity = given or content_hash([[message.role, message.content] for message in messages])
        cluster = as_text(row.values[self.spec.cluster]) if self.spec.cluster else None
        return Draft(
            file=row.file,
            line=row.line,
            id=identity,
            cluster=cluster or identity,
            text="\n".join(message.content for message in messages if message.role != "system"),
            messages=messages,
            target=target,
            slices={name: as_text(row.values[name]) or NO_SLICE for name in self.spec.slices},
        )

    def _has_columns(self, row: Row) -> bool:
        """A column that is absent is noted once per file: it is one mistake, not one per row."""
        names = (self.spec.id, self.spec.input, self.spec.cluster, self.spec.target, *self.spec.slices)
        missing = [name for name in names if name is not None and name not in row.values]
        for name in missing:
            if (row.file, name) in self._absent:
                continue
            self._absent.add((row.file, name))
            near = nearest(name, row.values)
            hint = f"did you mean `{near}`? " if near else ""
            hint += f"columns here: {', '.join(row.values) or 'none'}"
            self.faults.add(row.file, row.line, name, "the column is missing", hint=hint)
        return not missing

    def _target(self, row: Row) -> str | None:
        if self.spec.target is None:
            return None
        target = as_text(row.values[self.spec.target])
        if target and target not in self.labels:
            near = nearest(target, self.labels)
            hint = f"did you mean `{near}`?" if near else "add it to the eval's labels, or mend the row"
            self._fault(row, self.spec.target, "is not one of the labels", target, hint)
        return target or None

    def _messages(self, row: Row) -> tuple[Message, ...] | None:
        """Return the input as a chat; an answer at its end is not part of the question."""
        value = row.values[self.spec.input]
        if value is None or value == "" or (isinstance(value, str) and not value.strip()):
            self._fault(row, self.spec.input, "the input is empty")
            return None
        if isinstance(value, str):
            return (Message(role="user", content=value),) if self._is_unicode(row, value) else None
        if not isinstance(value, list):
            self._fault(row, self.spec.input, "should be a text or a list of {role, content}", json_like(value))
            return None
        turns = [self._turn(row, turn) for turn in value]
        messages = tuple(turn for turn in turns if turn is not None)
        if len(messages) < len(turns):
            return None
        if messages and messages[-1].role == "assistant":
            messages = messages[:-1]
        if not any(message.role != "system" and message.content.strip() for message in messages):
            self._fault(row, self.spec.input, "the input is empty")
            return None
        return messages

    def _turn(self, row: Row, turn: object) -> Message | None:
        role = turn.get("role") if isinstance(turn, Mapping) else None
        content = turn.get("content") if isinstance(turn, Mapping) else None
        if role not in _ROLES:
            self._fault(row, self.spec.input, f"a turn needs a role, one of {', '.join(_ROLES)}", json_like(turn))
            return None
        if not isinstance(content, str):
            self._fault(row, self.spec.input, "the content of a turn should be a text", json_like(content))
            return None
        return Message(role=role, content=content) if self._is_unicode(row, content) else None

    def _is_unicode(self, row: Row, text: str) -> bool:
        try:
            text.encode()
        except UnicodeEncodeError:
            self._fault(row, self.spec.input, "holds half of a surrogate pair, which is no character")
            return False
        return True

    def _fault(self, row: Row, column: str, message: str, value: object = None, hint: str | None = None) -> None:
        self.faults.add(row.file, row.line, column, message, value, hint)


def as_text(value: Any) -> str | None:
    """Return a cell as the text that labels, ids and slices are compared as; None for an empty cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def json_like(value: object) -> str:
    """Return a short text of any value."""
    return json.dumps(value, ensure_ascii=False, default=str)
