"""Reads the nodes of a price file key by key and collects everything that is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

import yaml

from gatekeeper.errors import InputError, Problem

_UNITS = {"per_request": "USD per request", "hosting_usd_per_hour": "USD per hour"}


@dataclass
class Fields:
    """The keys and values of one mapping of the file."""

    node: yaml.Node
    path: str
    values: dict[str, yaml.ScalarNode] = field(default_factory=dict)
    lists: dict[str, list[yaml.Node]] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return the value of `key` as text, empty where it is not given."""
        return str(self.values[key].value).strip() if key in self.values else ""


class PriceReader:
    """Turns nodes into values. What is wrong goes to `problems`, and the value is left out."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def report(
        self, node: yaml.Node, path: str, message: str, value: str | None = None, hint: str | None = None
    ) -> None:
        """Add a problem at the line of `node`."""
        self.problems.append(Problem(self.file, int(node.start_mark.line) + 1, path, message, value, hint))

    def raise_problems(self) -> None:
        """Raise InputError with all problems, if there are any."""
        if self.problems:
            lines = "\n".join(f"  - {problem}" for problem in self.problems)
            count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
            raise InputError(f"{count} in the price file:\n{lines}")

    def fields(
        self,
        node: yaml.Node,
        path: str,
        *,
        known: Collection[str],
        required: Iterable[str],
        lists: Collection[str] = (),
    ) -> Fields | None:
        """Return the keys of a mapping, None where `node` is none. `lists` names the keys whose value is a list."""
        if not isinstance(node, yaml.MappingNode):
            self.report(node, path, "is not a mapping of keys to values")
            return None
        found = Fields(node, path)
        for key_node, value_node in node.value:
            key, place = str(key_node.value), f"{path}.{key_node.value}"
            if key not in known:
                self.report(key_node, place, "is no key of a price", hint=f"one of {', '.join(sorted(known))}")
            elif key in found.values or key in found.lists:
                self.report(key_node, place, "is given twice")
            elif key in lists and isinstance(value_node, yaml.SequenceNode):
                found.lists[key] = value_node.value
            elif key in lists:
                self.report(value_node, place, "must be a list")
            elif not isinstance(value_node, yaml.ScalarNode):
                self.report(value_node, place, "must be one value")
            else:
                found.values[key] = value_node
        for key in required:
            if not found.text(key):
                self.report(node, f"{path}.{key}", "is missing")
        return found

    def amounts(self, fields: Fields, keys: Iterable[str]) -> dict[str, Decimal]:
        """Return the amounts of those of `keys` that are given."""
        found = {}
        for key in keys:
            amount = self._amount(fields, key)
            if amount is not None:
                found[key] = amount
        return found

    def count(self, fields: Fields, key: str) -> int | None:
        """Return a whole number above 0, None where it is not given or wrong."""
        text = fields.text(key).replace("_", "")
        if not text:
            return None
        if text.isdecimal() and int(text) > 0:
            return int(text)
        self.report(fields.values[key], f"{fields.path}.{key}", "must be a whole number above 0", fields.text(key))
        return None

    def day(self, fields: Fields, key: str) -> date | None:
        """Return a date, None where it is not given or wrong."""
        text = fields.text(key)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            hint = "write it as 2026-11-01"
            self.report(fields.values[key], f"{fields.path}.{key}", "must be a date", text, hint)
            return None

    def _amount(self, fields: Fields, key: str) -> Decimal | None:
        text = fields.text(key)
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite() and amount >= 0:
            return amount
        hint = f"{_UNITS.get(key, 'USD per million tokens')} as a plain number, e.g. 2.50"
        self.report(fields.values[key], f"{fields.path}.{key}", "must be a number of USD, zero or more", text, hint)
        return None
