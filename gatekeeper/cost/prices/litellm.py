"""One model of litellm's price list as a price entry. Amounts there are USD per token, here per million tokens."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from gatekeeper.cost.prices.entry import PriceEntry
from gatekeeper.cost.prices.litellm_list import PriceList
from gatekeeper.cost.prices.names import list_names
from gatekeeper.cost.prices.records import Price, PriceTier, with_standard_tiers

_KEYS = {
    "input_per_m": "input_cost_per_token",
    "output_per_m": "output_cost_per_token",
    "cached_input_per_m": "cache_read_input_token_cost",
    "cache_write_per_m": "cache_creation_input_token_cost",
}
_SUFFIX = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}
_TEXT_MODES = frozenset({"chat", "completion", "responses"})
"""What is billed by text tokens alone. Other modes bill images, seconds or pages besides."""


def list_entry(model_id: str, prices: PriceList) -> PriceEntry | None:
    """Return what the list says about ``provider/model``, None where it does not list it."""
    found = _find(model_id, prices)
    if found is None:
        return None
    key, raw = found
    listed_as = "" if key == model_id else key
    fields: dict[str, Any] = {
        "model": model_id,
        "source": prices.source,
        "as_of": prices.as_of,
        "listed_as": listed_as,
        "retires": _date(raw.get("deprecation_date")),
        "tells_retirement": True,
        "successor": raw.get("successor_model"),
        "problem": _problem(raw),
    }
    if fields["problem"] is None:
        about = {"model": model_id, "source": prices.source, "as_of": prices.as_of, "listed_as": listed_as}
        standard = _price(raw, "", about)
        fields["standard"] = standard
        for way, suffix in _SUFFIX.items():
            price = _price(raw, suffix, about)
            fields[way] = price and standard and with_standard_tiers(price, standard)
    return PriceEntry.model_validate(fields)


def _find(model_id: str, prices: PriceList) -> tuple[str, dict[str, Any]] | None:
    for key, providers in list_names(model_id):
        raw = prices.models.get(key)
        if raw is not None and "alias_of" in raw:
            key = str(raw["alias_of"])
            raw = prices.models.get(key)
        if raw is not None and (providers is None or raw.get("litellm_provider") in providers):
            return key, raw
    return None


def _problem(raw: dict[str, Any]) -> str | None:
    """Return why no bill can rest on the standard price of an entry, None where one can."""
    mode = raw.get("mode")
    if mode not in _TEXT_MODES:
        return f"its mode is {mode!r}, which is not billed by text tokens alone"
    if "off_peak_pricing" in raw:
        return "its price depends on the hour of the day"
    base = _rates(_first_tier(raw), "", "")
    if base["input_per_m"] is None or base["output_per_m"] is None:
        return "it has no price for input and output tokens"
    if base["input_per_m"] == 0 and base["output_per_m"] == 0:
        return "it is listed at $0, which no bill can rest on"
    if _per_million(raw.get("output_cost_per_reasoning_token")) not in (None, base["output_per_m"]):
        return "its output costs more where the model reasons, so there is no one price of output"
    return None


def _price(raw: dict[str, Any], suffix: str, about: dict[str, Any]) -> Price | None:
    """Return the price of one way of sending, None where the input or the output has none."""
    base = _rates(_first_tier(raw) if not suffix else raw, "", suffix)
    if not base["input_per_m"] and not base["output_per_m"]:
        return None
    if base["input_per_m"] is None or base["output_per_m"] is None:
        return None
    tiers = _tiers(raw, suffix, base) or (() if suffix else _ranges(raw))
    fee = raw.get("input_cost_per_request") or 0
    return Price.model_validate({**about, **base, "tiers": tiers, "per_request": Decimal(fee)})


def _rates(raw: dict[str, Any], infix: str, suffix: str) -> dict[str, Decimal | None]:
    """Return the rates under the keys with this infix and suffix. $0 for a cache means that it costs nothing extra."""
    rates = {field: _per_million(raw.get(f"{key}{infix}{suffix}")) for field, key in _KEYS.items()}
    for field in ("cached_input_per_m", "cache_write_per_m"):
        rates[field] = rates[field] or None
    return rates


def _tiers(raw: dict[str, Any], suffix: str, base: dict[str, Decimal | None]) -> tuple[PriceTier, ...]:
    """Return the tiers of keys like ``input_cost_per_token_above_200k_tokens``; what they leave out stays."""
    pattern = re.compile(rf"(?:input|output)_cost_per_token_above_(\d+)k_tokens{suffix}")
    thousands = sorted({int(match[1]) for match in map(pattern.fullmatch, raw) if match})
    tiers = []
    for start in thousands:
        rates = _rates(raw, f"_above_{start}k_tokens", suffix)
        known = {field: base[field] if value is None else value for field, value in rates.items()}
        tiers.append(PriceTier.model_validate({"above_input_tokens": start * 1000, **known}))
    return tuple(tiers)


def _ranges(raw: dict[str, Any]) -> tuple[PriceTier, ...]:
    """Return the tiers of `tiered_pricing`. The range of a request's input gives the price of all of its tokens."""
    return tuple(
        PriceTier.model_validate({"above_input_tokens": int(tier["range"][0]), **_rates(tier, "", "")})
        for tier in raw.get("tiered_pricing", ())[1:]
    )


def _first_tier(raw: dict[str, Any]) -> dict[str, Any]:
    tiers = raw.get("tiered_pricing")
    return tiers[0] if tiers else raw


def _per_million(value: Any) -> Decimal | None:
    if not isinstance(value, (int, Decimal)) or value < 0:
        return None
    # Written out, so that 0.00001 per token reads 10 per million, not 1E+1.
    return Decimal(f"{Decimal(value).scaleb(6):f}")


def _date(text: Any) -> date | None:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
