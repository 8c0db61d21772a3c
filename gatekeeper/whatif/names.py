"""The names of all inputs with their units: one table that files, messages and explanations share."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

Kind = Literal["amount", "share", "count", "signed"]
"""amount: 0 or more. share: 0 to 1. count: whole, 0 or more. signed: above -1."""


class Meaning(NamedTuple):
    """What an input is."""

    unit: str
    kind: Kind = "amount"


LARGEST = Decimal("1e15")
"""No volume, price or count of this world is larger: what is, is a slip, and would overflow a bill's digits."""

_TOKENS = Meaning("tokens/request")
_PER_M = Meaning("USD/million tokens")
_SHARE = Meaning("share", "share")

GENERAL: dict[str, Meaning] = {
    "requests_per_month": Meaning("requests/month"),
    "growth_per_month": Meaning("share/month", "signed"),
    "peak_to_average": Meaning("ratio"),
    "input_tokens": _TOKENS,
    "output_tokens": _TOKENS,
    "cached_input_tokens": _TOKENS,
    "cache_write_tokens": _TOKENS,
    "generation_examples": Meaning("examples", "count"),
    "generation_batch_share": _SHARE,
    "generation_yield": _SHARE,
    "generation_usd_per_example": Meaning("USD/example"),
    "label_rows": Meaning("rows", "count"),
    "label_votes": Meaning("labels/row", "count"),
    "usd_per_label": Meaning("USD/label"),
    "training_tokens_per_example": Meaning("tokens/example"),
    "training_epochs": Meaning("epochs", "count"),
    "evaluation_rows": Meaning("rows", "count"),
    "judge_usd": Meaning("USD/request"),
    "engineering_hours": Meaning("h"),
    "deployment_hours": Meaning("h"),
    "usd_per_engineering_hour": Meaning("USD/h"),
    "integration_usd": Meaning("USD"),
    "spent_usd": Meaning("USD"),
    "operations_hours_per_month": Meaning("h/month"),
    "operations_usd_per_month": Meaning("USD/month"),
    "audit_share": _SHARE,
    "retrain_usd": Meaning("USD"),
    "retrain_months": Meaning("months", "count"),
    "price_decay_per_year": Meaning("share/year", "share"),
    "error_usd": Meaning("USD/bad answer"),
    "horizon_months": Meaning("months", "count"),
    "discount_per_year": Meaning("share/year"),
    "gate.reduction": Meaning("times"),
    "gate.payback_months": Meaning("months"),
    "gate.volume_safety": Meaning("times"),
    "gate.npv_chance": _SHARE,
    "gate.months_after_payback": Meaning("months"),
}
"""Inputs that hold for all options."""

OF_OPTION: dict[str, Meaning] = {
    "quality": _SHARE,
    "input_tokens": _TOKENS,
    "output_tokens": _TOKENS,
    "cached_input_tokens": _TOKENS,
    "cache_write_tokens": _TOKENS,
    "input_per_m": _PER_M,
    "output_per_m": _PER_M,
    "cached_input_per_m": _PER_M,
    "cache_write_per_m": _PER_M,
    "batch_input_per_m": _PER_M,
    "batch_output_per_m": _PER_M,
    "batch_cached_input_per_m": _PER_M,
    "usd_per_call": Meaning("USD/request"),
    "retry_rate": Meaning("retries/request"),
    "batch_share": _SHARE,
    "hosting_usd_per_hour": Meaning("USD/h"),
    "training_usd": Meaning("USD"),
    "training_per_m": _PER_M,
    "usd_per_hour": Meaning("USD/h"),
    "machines_per_replica": Meaning("machines", "count"),
    "capacity_rps": Meaning("requests/s"),
    "target_utilisation": _SHARE,
    "min_replicas": Meaning("replicas", "count"),
    "redundancy": Meaning("replicas", "count"),
    "overhead": Meaning("share"),
    "scale_to_zero": Meaning("1 or 0", "count"),
    "teacher_share": _SHARE,
    "verifier_usd": Meaning("USD/request"),
}
"""Inputs of one option, written ``<option>.<name>``."""


def meaning_of(key: str) -> Meaning | None:
    """Return what the input `key` of a worksheet is; None: no input has such a name."""
    if key in GENERAL:
        return GENERAL[key]
    option, _, name = key.rpartition(".")
    return OF_OPTION.get(name) if option and option != "gate" else None


POSITIVE = frozenset(
    {"requests_per_month", "peak_to_average", "horizon_months", "generation_yield", "gate.volume_safety"}
)
"""Inputs that are divided by, or that nothing can be computed without."""


def wrong(key: str, value: Decimal) -> tuple[str, str] | None:
    """Return what is wrong with the value of a known input and its fix, or None."""
    meaning = meaning_of(key)
    if meaning is None:
        return None
    if abs(value) > LARGEST:
        return f"should be at most {LARGEST:g}", f"in {meaning.unit}"
    if meaning.kind == "signed":
        return None if value > -1 else ("should be above -1", "a share: 0.02 is 2 % a month")
    if value < 0 or (key in POSITIVE and value == 0):
        return f"should be {'above 0' if key in POSITIVE else '0 or more'}", f"in {meaning.unit}"
    if meaning.kind == "share" and value > 1:
        return "should be a share from 0 to 1", f"{value} % is {value / 100}" if value <= 100 else "0.25 is a quarter"
    if meaning.kind == "count" and value != value.to_integral_value():
        return "should be a whole number", f"in {meaning.unit}"
    return None
