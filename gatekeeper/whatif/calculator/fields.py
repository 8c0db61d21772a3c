"""The sliders of the calculator: which inputs stand together, and how far each may be moved.

A slider is a convenience around today's value. The number field beside it takes any number, as ``--set`` does.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, NamedTuple

from gatekeeper.whatif.calculator.labels import LABELS, OPTION_LABELS, UNITS
from gatekeeper.whatif.names import meaning_of
from gatekeeper.whatif.worksheet import (
    CODES,
    DISTILLED,
    ON_MACHINES,
    SAME_ANSWERS,
    TEACHER,
    WITH_TEACHER,
    Option,
    Worksheet,
)

STEPS = 200
"""Of a slider from end to end."""


class Range(NamedTuple):
    """Ends and step of a slider, in the unit of the input."""

    low: float
    high: float
    step: float
    log: bool = False


class Field(NamedTuple):
    """One input as the calculator shows it."""

    name: str
    label: str
    unit: str
    percent: bool
    range: Range


class Group(NamedTuple):
    """Fields under one heading."""

    id: str
    title: str
    note: str
    open: bool
    fields: tuple[Field, ...]


_GENERAL: tuple[tuple[str, str, bool, tuple[str, ...]], ...] = (
    ("traffic", "Traffic", True, ("requests_per_month", "growth_per_month", "peak_to_average")),
    (
        "tokens",
        "Tokens of a request",
        True,
        ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"),
    ),
)
_REST: tuple[tuple[str, str, bool, tuple[str, ...]], ...] = (
    (
        "once",
        "One-time cost of a student",
        False,
        (
            "engineering_hours", "deployment_hours", "usd_per_engineering_hour", "generation_examples",
            "generation_batch_share", "generation_yield", "generation_usd_per_example", "label_rows", "label_votes",
            "usd_per_label", "training_tokens_per_example", "training_epochs", "evaluation_rows", "integration_usd",
            "spent_usd",
        ),
    ),
    (
        "running",
        "Running a student",
        False,
        (
            "operations_usd_per_month", "operations_hours_per_month", "audit_share", "judge_usd", "retrain_usd",
            "retrain_months", "error_usd",
        ),
    ),
    ("finance", "Finance", False, ("horizon_months", "discount_per_year", "price_decay_per_year")),
    (
        "gates",
        "Gates",
        False,
        (
            "gate.reduction", "gate.payback_months", "gate.volume_safety", "gate.months_after_payback",
            "gate.npv_chance",
        ),
    ),
)  # fmt: skip

_BOUNDS: dict[str, Range] = {
    "growth_per_month": Range(-0.1, 0.3, 0.005),
    "peak_to_average": Range(1, 20, 0.5),
    "audit_share": Range(0, 0.2, 0.001),
    "price_decay_per_year": Range(0, 0.95, 0.01),
    "horizon_months": Range(1, 60, 1),
    "retrain_months": Range(1, 36, 1),
    "discount_per_year": Range(0, 0.5, 0.005),
    "label_votes": Range(1, 9, 1),
    "training_epochs": Range(1, 10, 1),
    "generation_yield": Range(0.05, 1, 0.01),
    "gate.reduction": Range(1, 20, 0.5),
    "gate.payback_months": Range(1, 36, 1),
    "gate.volume_safety": Range(1, 5, 0.1),
    "gate.months_after_payback": Range(0, 24, 1),
    "quality": Range(0.5, 1, 0.001),
    "retry_rate": Range(0, 0.5, 0.005),
    "target_utilisation": Range(0.05, 1, 0.01),
    "min_replicas": Range(0, 10, 1),
    "redundancy": Range(0, 5, 1),
    "machines_per_replica": Range(1, 16, 1),
    "overhead": Range(0, 1, 0.01),
    "scale_to_zero": Range(0, 1, 1),
}
"""By the last part of a name, or the whole of it."""

_USUAL: dict[str, float] = {
    "requests/month": 1e6, "tokens/request": 1000, "USD/million tokens": 5, "examples": 10_000, "USD/example": 0.01,
    "rows": 1000, "USD/label": 0.05, "tokens/example": 1000, "USD/request": 0.001, "h": 80, "USD/h": 2, "USD": 5000,
    "h/month": 10, "USD/month": 500, "USD/bad answer": 0.3, "requests/s": 10,
}  # fmt: skip
"""What a slider is put around where there is no value, or 0."""

_ADDABLE = ("engineering_hours", "usd_per_engineering_hour", "label_rows", "evaluation_rows")
"""Of the one-time cost: worth asking for where nobody gave them."""


def groups_of(worksheet: Worksheet, *, shown: str) -> tuple[Group, ...]:
    """Return all inputs of a worksheet in groups; what an option lacks is among them, without a value.

    Args:
        worksheet: with defaults.
        shown: the option that the page opens with.
    """
    have = {one.name: one.value for one in worksheet.inputs}
    groups = [_group(worksheet, have, *about) for about in _GENERAL]
    for option in sorted(worksheet.options, key=lambda one: one.name not in (TEACHER, shown)):
        title = "Teacher's prices" if option.name == TEACHER else f"{CODES[option.kind]} {option.name}"
        names = [name for name in have if name.rpartition(".")[0] == option.name]
        names += [name for name in _needed(worksheet, option) if name not in have]
        fields = tuple(_field(name, have) for name in names)
        groups.append(Group(option.name, title, option.model, option.name in (TEACHER, shown), fields))
    groups += [_group(worksheet, have, *about) for about in _REST]
    placed = {field.name for group in groups for field in group.fields}
    others = tuple(_field(name, have) for name in have if name not in placed)
    groups.append(Group("others", "Others", "", False, others))
    return tuple(group for group in groups if group.fields)


def _group(
    worksheet: Worksheet, have: dict[str, Decimal | None], place: str, title: str, opened: bool, names: tuple[str, ...]
) -> Group:
    student = any(option.kind in DISTILLED for option in worksheet.options)
    wanted = [name for name in names if name in have or (student and name in _ADDABLE)]
    return Group(place, title, "", opened, tuple(_field(name, have) for name in wanted))


def _needed(worksheet: Worksheet, option: Option) -> list[str]:
    """Return the names of the numbers without which an option has none, and of its quality."""
    if option.kind in SAME_ANSWERS:
        return ["teacher.quality"] if option.name == TEACHER else []
    if option.kind in ON_MACHINES:
        names = ["usd_per_hour", "capacity_rps"]
    elif option.kind in WITH_TEACHER:
        names = ["teacher_share"]
    else:
        names = [] if option.kind == "shorter_prompt" else ["input_per_m", "output_per_m"]
    return [f"{option.name}.{name}" for name in (*names, "quality")]


def _field(name: str, have: dict[str, Decimal | None]) -> Field:
    last = name.rpartition(".")[2]
    meaning = meaning_of(name)
    unit = "" if meaning is None else UNITS.get(meaning.unit, meaning.unit)
    label = LABELS.get(name) or OPTION_LABELS.get(last, last)
    value = have.get(name)
    return Field(name, label, unit, unit.startswith("%"), _range(name, 0.0 if value is None else float(value)))


def _range(name: str, value: float) -> Range:
    last = name.rpartition(".")[2]
    bounds = _BOUNDS.get(name) or _BOUNDS.get(last)
    meaning = meaning_of(name)
    if bounds is None and meaning is not None and meaning.kind == "share":
        bounds = Range(0, 1, 0.01)
    if bounds is not None:
        return bounds._replace(low=min(bounds.low, value), high=max(bounds.high, value))
    usual = value if value > 0 else _USUAL.get("" if meaning is None else meaning.unit, 1.0)
    if last == "requests_per_month" or last == "capacity_rps":
        middle = round(math.log10(usual))
        return Range(10.0 ** (middle - 2), 10.0 ** (middle + 2), 0.0, log=True)
    high = _nice(3 * usual)
    step = high / STEPS
    whole = meaning is not None and (meaning.kind == "count" or meaning.unit.startswith("tokens"))
    return Range(0.0, high, max(1.0, float(round(step))) if whole else step)


def _nice(number: float) -> float:
    """Return the next number up that is 1, 2, 4, 5 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(number))
    return next(float(f"{factor * power:.12g}") for factor in (1, 2, 4, 5, 8, 10) if factor * power >= number * 0.999)


def as_json(groups: tuple[Group, ...]) -> list[dict[str, Any]]:
    """Return groups as plain JSON values."""
    return [
        {**group._asdict(), "fields": [{**one._asdict(), "range": one.range._asdict()} for one in group.fields]}
        for group in groups
    ]
