"""A user's own prices: the text of a YAML list, checked entry by entry.

.. code-block:: yaml

    - {model: acme/large, input_per_m: 2.50, output_per_m: 10.00, as_of: 2026-11-01, source: contract 17}

Optional keys: ``cached_input_per_m``, ``cache_write_per_m`` and ``per_request`` (USD per request).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

import yaml

from gatekeeper.cost.prices import Price
from gatekeeper.errors import InputError, Problem

_AMOUNTS = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m", "per_request")
_REQUIRED = ("model", "input_per_m", "output_per_m", "as_of", "source")
_KNOWN = frozenset({*_REQUIRED, *_AMOUNTS})


def parse_prices(text: str, *, file: str) -> dict[str, Price]:
    """Return the prices in the text of a user's price file, by model id. Amounts are USD per million tokens.

    Raises:
        InputError: lists everything that is wrong, with file, line, key, value and fix.
    """
    try:
        # The base loader leaves scalars as text, so that 0.10 becomes Decimal("0.10") and no float.
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise InputError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(root, yaml.SequenceNode) or not root.value:
        raise InputError(
            f"{file}: a price file is a list of entries, and this has none",
            hint="write - {model: provider/name, input_per_m: 2.5, output_per_m: 10, as_of: 2026-11-01, source: where}",
        )
    problems: list[Problem] = []
    prices: dict[str, Price] = {}
    for index, node in enumerate(root.value):
        price = _entry(node, file, f"[{index}]", problems)
        if price is not None and price.model in prices:
            problems.append(Problem(file, _line(node), f"[{index}].model", "is priced twice", price.model))
        elif price is not None:
            prices[price.model] = price
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise InputError(f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the price file:\n{lines}")
    return prices


def _entry(node: yaml.Node, file: str, path: str, problems: list[Problem]) -> Price | None:
    before = len(problems)
    if not isinstance(node, yaml.MappingNode):
        problems.append(Problem(file, _line(node), path, "is not a mapping of keys to values"))
        return None
    fields: dict[str, str] = {}
    for key_node, value_node in node.value:
        key, place = str(key_node.value), f"{path}.{key_node.value}"
        if key not in _KNOWN:
            known = ", ".join(sorted(_KNOWN))
            problems.append(Problem(file, _line(key_node), place, "is no key of a price", hint=f"one of {known}"))
        elif key in fields:
            problems.append(Problem(file, _line(key_node), place, "is given twice"))
        elif not isinstance(value_node, yaml.ScalarNode):
            problems.append(Problem(file, _line(value_node), place, "must be one value"))
        else:
            fields[key] = value_node.value.strip()
    for key in _REQUIRED:
        if not fields.get(key):
            problems.append(Problem(file, _line(node), f"{path}.{key}", "is missing"))
    amounts = {key: _amount(fields.get(key), file, node, f"{path}.{key}", problems) for key in _AMOUNTS}
    as_of = _date(fields.get("as_of"), file, node, f"{path}.as_of", problems)
    if len(problems) > before or as_of is None:
        return None
    given = {key: amount for key, amount in amounts.items() if amount is not None}
    return Price.model_validate({"model": fields["model"], "source": fields["source"], "as_of": as_of, **given})


def _amount(text: str | None, file: str, node: yaml.Node, path: str, problems: list[Problem]) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount.is_finite() and amount >= 0:
        return amount
    hint = f"USD per {'request' if path.endswith('.per_request') else 'million tokens'} as a plain number, e.g. 2.50"
    problems.append(Problem(file, _line(node), path, "must be a number of USD, zero or more", text, hint))
    return None


def _date(text: str | None, file: str, node: yaml.Node, path: str, problems: list[Problem]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(Problem(file, _line(node), path, "must be a date", text, "write it as 2026-11-01"))
        return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
