"""A rule's numbers as text, in the rule's own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatekeeper.gate import form, guards, latency, leakage, ood, quality, slices
from gatekeeper.records import Quantity, RuleResult
from gatekeeper.report import numbers
from gatekeeper.report.text import one_line

Kind = Literal["share", "points", "pairs", "usd", "factor", "months", "milliseconds", "plain"]

TITLES = {
    quality.RULE: "Quality kept",
    slices.RULE: "Weakest slice",
    form.RULE: "Usable answers",
    "gates.cost.reduction": "Cost reduction",
    "gates.cost.payback_months": "Payback",
    latency.RULE: "Latency, 95th percentile",
    leakage.RULE: "Copied gate rows",
}
_OF_ONE_EVAL = (
    (ood.retention_name("*"), "Quality kept on {}"),
    (ood.auroc_name("*"), "Unsure on {}"),
    (guards.name_of("*"), "No worse on {}"),
)
"""Key of a rule on one eval, with a star for the eval's name, to its title."""


@dataclass(frozen=True)
class RuleText:
    """One row of the rules table; `bound` is rounded against the rule, so that a pass is never rounded into being."""

    title: str
    key: str
    value: str
    bound: str
    requirement: str
    margin: str
    note: str = ""


def rule_text(rule: RuleResult) -> RuleText:
    """Return `rule` as text."""
    kind = unit_kind(rule.unit)
    away: numbers.Rounding = "down" if rule.better == "higher" else "up"
    bound = show(rule.bound, kind, rule.unit)
    if kind in ("share", "pairs") and rule.bound is not None:
        away = "nearest" if rule.bound == rule.value else away  # a count, which has no interval
        bound = f"{numbers.percent_against(rule.bound, rule.requirement, away)}{_suffix(kind)}"
    sign = "at least" if rule.better == "higher" else "at most"
    required = numbers.MISSING if rule.requirement is None else f"{sign} {show(rule.requirement, kind, rule.unit)}"
    return RuleText(
        title=rule_title(rule.rule),
        key=rule.rule,
        value="never" if _never(rule) else show(rule.value, kind, rule.unit),
        bound="never" if _never(rule) else bound,
        requirement=required,
        margin=_margin(rule.margin, kind, rule.unit),
        note=_note(rule),
    )


def rule_title(key: str) -> str:
    """Return the name of a rule as an engineer says it."""
    found = _of_one_eval(key)
    if found is not None:
        return found[0].format(found[1])
    return TITLES.get(key, key.removeprefix("gates.").replace("_", " ").replace(".", ", "))


def eval_of(key: str) -> str | None:
    """Return the eval that a rule is about; None where it is the one that decides."""
    found = _of_one_eval(key)
    return None if found is None else found[1]


def _of_one_eval(key: str) -> tuple[str, str] | None:
    for pattern, title in _OF_ONE_EVAL:
        start, end = pattern.split("*")
        if key.startswith(start) and key.endswith(end) and len(key) > len(start) + len(end):
            return title, key[len(start) : len(key) - len(end)]
    return None


def unit_kind(unit: str) -> Kind:
    """Return how numbers of `unit` are written; an unknown unit is written after a plain number."""
    word = unit.strip().casefold()
    if word == guards.UNIT:
        return "points"
    if word == ood.AUROC_UNIT.casefold():
        return "pairs"
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
    if kind in ("share", "pairs"):
        return f"{numbers.percent(value)}{_suffix(kind)}"
    if kind == "points":
        return numbers.points(value)
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


def _suffix(kind: Kind) -> str:
    return " of pairs" if kind == "pairs" else ""


def _note(rule: RuleResult) -> str:
    """Return what the title alone does not say of how a rule decides."""
    if rule.rule == slices.RULE and rule.bound is not None and rule.value is not None and rule.bound > rule.value:
        return "fails only where a slice is shown to be below, so its bound is the most that it may be"
    if rule.rule.endswith(".auroc"):
        return "share of pairs, one request of its own task and one of these, in which it is surer of its own"
    if rule.rule.startswith("gates.guards."):
        return "mean score of the student less that of the teacher"
    return ""


def _never(rule: RuleResult) -> bool:
    return rule.value is None and rule.outcome == "fail" and unit_kind(rule.unit) == "months"


def _margin(margin: float | None, kind: Kind, unit: str) -> str:
    if margin is None:
        return numbers.MISSING
    if kind in ("share", "pairs", "points"):
        return numbers.points(margin)
    return f"{'-' if margin < 0 else '+'}{show(abs(margin), kind, unit)}"
