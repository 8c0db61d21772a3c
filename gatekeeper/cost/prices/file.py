"""A user's own prices: the text of a YAML list, checked entry by entry.

.. code-block:: yaml

    - {model: acme/large, input_per_m: 2.50, output_per_m: 10.00, as_of: 2026-11-01, source: contract 17}
    - model: openai/ft:gpt-4o-mini-2024-07-18
      input_per_m: 0.30
      output_per_m: 1.20
      batch_input_per_m: 0.15
      batch_output_per_m: 0.60
      training_per_m: 3.00
      retires: 2027-01-14
      tiers: [{above_input_tokens: 128_000, input_per_m: 0.60, output_per_m: 2.40}]
      as_of: 2026-11-01
      source: the provider's page

All keys but the five of the first entry are optional. `per_request` is in USD per request, `hosting_usd_per_hour` in
USD per hour, all else in USD per million tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from gatekeeper.cost.prices.entry import PriceEntry
from gatekeeper.cost.prices.reader import Fields, PriceReader
from gatekeeper.cost.prices.records import Price, PriceTier, with_standard_tiers
from gatekeeper.errors import InputError

_RATES = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m")
_WAYS = {way: {f"{way}_{rate}": rate for rate in _RATES} for way in ("batch", "flex")}
_REQUIRED = ("model", "input_per_m", "output_per_m", "as_of", "source")
_TIER_REQUIRED = ("above_input_tokens", "input_per_m", "output_per_m")
_TIER_KNOWN = frozenset({*_TIER_REQUIRED, *_RATES})
_FINE_TUNED = ("training_per_m", "hosting_usd_per_hour")
_WAY_KEYS = tuple(key for keys in _WAYS.values() for key in keys)
_KNOWN = frozenset({*_REQUIRED, *_RATES, *_WAY_KEYS, *_FINE_TUNED, "per_request", "retires", "tiers"})


def parse_prices(text: str, *, file: str) -> dict[str, Price]:
    """Return the standard prices in the text of a user's price file, by model id. Amounts are USD per million tokens.

    Raises:
        InputError: lists everything that is wrong, with file, line, key, value and fix.
    """
    entries = parse_price_entries(text, file=file)
    return {model: entry.standard for model, entry in entries.items() if entry.standard is not None}


def parse_price_entries(text: str, *, file: str) -> dict[str, PriceEntry]:
    """Return all that a user's price file says, by model id. `standard` is always there.

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
    reader = PriceReader(file)
    entries: dict[str, PriceEntry] = {}
    for index, node in enumerate(root.value):
        entry = _entry(reader, node, f"[{index}]")
        if entry is not None and entry.model in entries:
            reader.report(node, f"[{index}].model", "is priced twice", entry.model)
        elif entry is not None:
            entries[entry.model] = entry
    reader.raise_problems()
    return entries


def _entry(reader: PriceReader, node: yaml.Node, path: str) -> PriceEntry | None:
    before = len(reader.problems)
    fields = reader.fields(node, path, known=_KNOWN, required=_REQUIRED, lists=("tiers",))
    if fields is None:
        return None
    rates = reader.amounts(fields, (*_RATES, "per_request"))
    ways = {way: _way(reader, fields, way) for way in _WAYS}
    tuned = reader.amounts(fields, _FINE_TUNED)
    as_of, retires = reader.day(fields, "as_of"), reader.day(fields, "retires")
    tiers = _tiers(reader, fields)
    if len(reader.problems) > before or as_of is None:
        return None
    about: dict[str, Any] = {"model": fields.text("model"), "source": fields.text("source"), "as_of": as_of}
    return _built(about, {**rates, "tiers": tiers}, ways, {**tuned, "retires": retires})


def _built(
    about: dict[str, Any],
    standard_fields: dict[str, Any],
    ways: dict[str, dict[str, Decimal]],
    rest: dict[str, Decimal | date | None],
) -> PriceEntry:
    standard = Price.model_validate({**about, **standard_fields})
    prices = {
        way: with_standard_tiers(
            Price.model_validate({**about, **rates, "per_request": standard.per_request}), standard
        )
        for way, rates in ways.items()
        if rates
    }
    return PriceEntry.model_validate({**about, "own": True, "standard": standard, **prices, **rest})


def _way(reader: PriceReader, fields: Fields, way: str) -> dict[str, Decimal]:
    """Return the rates of batch or flex. One of input and output alone is a problem: the other is never assumed."""
    keys = _WAYS[way]
    found = reader.amounts(fields, keys)
    given = [key for key in keys if key in fields.values]
    for key in (f"{way}_input_per_m", f"{way}_output_per_m"):
        if given and key not in given:
            reader.report(fields.node, f"{fields.path}.{key}", f"is missing, and {given[0]} is given")
    return {keys[key]: amount for key, amount in found.items()}


def _tiers(reader: PriceReader, fields: Fields) -> tuple[PriceTier, ...]:
    tiers: list[PriceTier] = []
    for index, node in enumerate(fields.lists.get("tiers", ())):
        path = f"{fields.path}.tiers[{index}]"
        tier = reader.fields(node, path, known=_TIER_KNOWN, required=_TIER_REQUIRED)
        if tier is None:
            continue
        start = reader.count(tier, "above_input_tokens")
        rates = reader.amounts(tier, _RATES)
        if start in _starts(tiers):
            reader.report(node, f"{path}.above_input_tokens", "is given twice", str(start))
        elif start is not None and {"input_per_m", "output_per_m"} <= set(rates):
            tiers.append(PriceTier.model_validate({"above_input_tokens": start, **rates}))
    return tuple(sorted(tiers, key=lambda tier: tier.above_input_tokens))


def _starts(tiers: Iterable[PriceTier]) -> set[int]:
    return {tier.above_input_tokens for tier in tiers}
