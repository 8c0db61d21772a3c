"""A rule's numbers as text, in the rule's own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatekeeper.records import Quantity, RuleResult
from gatekeeper.report import numbers
from gatekeeper.report.text import one_line

Kind = Literal["share", "usd", "factor", "months", "milliseconds", "plain"]

TITLES = {
    "gates.quality.retention": "Quality kept",
    "gates.cost.reduction": "Cost reduction",
    "gates.cost.payback_months": "Payback",
    "gates.latency.p95_ms": "Latency, 95th percentile",
}


@dataclass(frozen=True)
class RuleText:
    """One row of the rules table; `bound` is rounded against the rule, so that a pass is never rounded into being."""

    title: str
    key: str
    value: str
    bound: str
    requirement: str
    margin: str


def rule_text(rule: RuleResult) -> RuleText:
    """Return `rule` as text."""
    kind = unit_kind(rule.unit)
    away: numbers.Rounding = "down" if rule.better == "higher" else "up"
    bound = (
        numbers.percent_against(rule.bound, rule.requirement, away)
        if kind == "share"
        else show(rule.bound, kind, rule.unit)
    )
    sign = "at least" if rule.better == "higher" else "at most"
    required = numbers.MISSING if rule.requirement is None else f"{sign} {show(rule.requirement, kind, rule.unit)}"
    return RuleText(
        title=TITLES.get(rule.rule, rule.rule.removeprefix("gates.").replace("_", " ").replace(".", ", ")),
        key=rule.rule,
        value="never" if _never(rule) else show(rule.value, kind, rule.unit),
        bound="never" if _never(rule) else bound,
        requirement=required,
        margin=_margin(rule.margin, kind, rule.unit),
    )


def unit_kind(unit: str) -> Kind:
    """Return how numbers of `unit` are written; an unknown unit is written after a plain number."""
    word = unit.strip().casefold()
    if word.startswith(("share", "fraction")):
        return "share"
    if word.startswith(("usd", "$", "us dollar", "dollar")):
        return "usd"
    if word in {"x", "times", "factor", "ratio"} or word.startswith("times"):
        return "factor"
    if word.startswith("month"):
        return "months"
    return "milliseconds" if word.startswith(("ms", "millisecond")) else "plain"


def show(value: numbers.Number | None, kind: Kind, unit: str = "") -> str:
    """Return one number in its unit."""
    if value is None:
        return numbers.MISSING
    if kind == "share":
        return numbers.percent(value)
    if kind == "usd":
        return numbers.usd(value)
    if kind == "factor":
        return numbers.ratio(value)
    if kind == "months":
        return numbers.months(value)
    if kind == "milliseconds":
        return numbers.milliseconds(value)
    text = numbers.plain(value, 4 if -10 < value < 10 else 2)
    return f"{text.rstrip('0').rstrip('.')}{numbers.NBSP}{one_line(unit, 40)}".rstrip()


def quantity_text(quantity: Quantity) -> str:
    """Return the value of a `Quantity` with its unit; money per month keeps its "per month"."""
    kind = unit_kind(quantity.unit)
    text = show(quantity.value, kind, quantity.unit)
    rest = quantity.unit.partition("/")[2] or quantity.unit.partition(" per ")[2]
    return (
        f"{text} per {one_line(rest, 40)}" if kind in {"usd", "share"} and rest and quantity.value is not None else text
    )


def _never(rule: RuleResult) -> bool:
    return rule.value is None and rule.outcome == "fail" and unit_kind(rule.unit) == "months"


def _margin(margin: float | None, kind: Kind, unit: str) -> str:
    if margin is None:
        return numbers.MISSING
    if kind == "share":
        return numbers.points(margin)
    return f"{'-' if margin < 0 else '+'}{show(abs(margin), kind, unit)}"
