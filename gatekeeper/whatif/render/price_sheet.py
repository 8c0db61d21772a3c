"""Everything that is known about the price of one model, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.whatif.render.text import DASH, columns, number

if TYPE_CHECKING:
    from gatekeeper.cost.prices.entry import ModelPrices, PriceField
    from gatekeeper.cost.prices.records import Price, PriceTier

_RATES = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m")


def price_lines(prices: ModelPrices) -> list[str]:
    """Return prices in USD per million tokens, each with its source and day, and where the sources differ."""
    rows = []
    for way in ("standard", "batch", "flex", "priority"):
        price: Price | None = getattr(prices, way)
        if price is None:
            rows.append([way, *[DASH] * len(_RATES), "not known"])
            continue
        rows.append([way, *_rates(price), f"{price.source}, as of {price.as_of}{_listed(price)}"])
        rows += [[f"  above {tier.above_input_tokens:,} input tokens", *_rates(tier), ""] for tier in price.tiers]
    header = ["USD per million tokens", "input", "output", "cached", "cache write", "source"]
    lines = [prices.model, *columns(header, rows, right=frozenset({1, 2, 3, 4})), ""]
    if prices.standard is not None and prices.standard.per_request:
        lines.append(f"per request  {prices.standard.per_request} USD")
    lines += [
        _other(prices, "training", "training_per_m", "USD per million tokens"),
        _other(prices, "hosting", "hosting_usd_per_hour", "USD per hour"),
        _other(prices, "retires", "retires", ""),
    ]
    lines += [f"looked into  {', '.join(prices.consulted)}"]
    for one in prices.disagreements:
        above = f" above {one.above_input_tokens:,} input tokens" if one.above_input_tokens else ""
        percent = "" if one.percent is None else f" ({one.percent:.0f} % apart)"
        values = f"{one.first} {one.first_source}, {one.second} {one.second_source}"
        lines.append(f"differs      {one.field}{above}: {values}{percent}")
    return [*lines, *(f"not used     {one}" for one in prices.withheld)]


def _rates(price: Price | PriceTier) -> list[str]:
    return [number(getattr(price, rate)) for rate in _RATES]


def _listed(price: Price) -> str:
    return f", listed as {price.listed_as}" if price.listed_as else ""


def _other(prices: ModelPrices, words: str, field: PriceField, unit: str) -> str:
    value, entry = getattr(prices, field), prices.entry_of(field)
    if value is None or entry is None:
        return f"{words:<12} not known"
    return f"{words:<12} {value} {unit}".rstrip() + f"  ({entry.source}, as of {entry.as_of})"
