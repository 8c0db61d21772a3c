"""Numbers as text."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from gatekeeper.records import Estimate, Quantity, RuleResult
from gatekeeper.report import numbers as n
from gatekeeper.report.rules import quantity_text, rule_text

MISSING = "–"  # noqa: RUF001


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (n.percent(0.971), "97.1 %"),
        (n.percent(0.95), "95 %"),
        (n.cell(0.95), "95.0 %"),
        (n.percent(1.0), "100 %"),
        (n.percent(0.0), "0 %"),
        (n.percent(0.97149, 1, "down"), "97.1 %"),
        (n.percent(0.97101, 1, "up"), "97.2 %"),
        (n.percent(0.0005), "0.1 %"),
        (n.percent(-0.00001), "0 %"),
        (n.percent(np.float64(0.5)), "50 %"),
        (n.percent(None), MISSING),
        (n.percent(math.nan), MISSING),
        (n.percent_against(0.94996, 0.95), "94.9 %"),
        (n.percent_against(0.9499999, 0.95), "94.9 %"),
        (n.percent_against(0.95, 0.95), "95 %"),
        (n.percent_against(0.950004, 0.95), "95.0004 %"),
        (n.percent_against(0.950004, 0.95, "up"), "95.1 %"),
        (n.percent_against(0.9713, 0.95), "97.1 %"),
        (n.percent_against(None, 0.95), MISSING),
        (n.points(0.0213), "+2.1 points"),
        (n.points(-0.0012), "-0.2 points"),
        (n.interval(0.9, None), "at least 90 %"),
        (n.interval(None, 0.9), "at most 90 %"),
        (n.interval(0.9, 0.95), "90 % to 95 %"),
        (n.interval(None, None), MISSING),
        (n.count(3981), "3,981"),
        (n.count(Decimal("30000000")), "30,000,000"),
        (n.count(None), MISSING),
        (n.counted(1, "look"), "1 look"),
        (n.counted(0, "look"), "0 looks"),
        (n.counted(1200, "entry", "entries"), "1,200 entries"),
        (n.ratio(37.808), "38x"),
        (n.ratio(2.35), "2.4x"),
        (n.ratio(5.0), "5x"),
        (n.ratio(0.7328), "0.7x"),
        (n.ratio(math.inf), MISSING),
        (n.duration(0.0004), "0 ms"),
        (n.duration(0.85), "850 ms"),
        (n.duration(4.2), "4.2 s"),
        (n.duration(59.96), "1 min 0 s"),
        (n.duration(72), "1 min 12 s"),
        (n.duration(7500), "2 h 5 min"),
        (n.duration(None), MISSING),
        (n.milliseconds(0.312), "0.31 ms"),
        (n.milliseconds(99.16), "99.2 ms"),
        (n.milliseconds(1450.4), "1,450 ms"),
        (n.months(0.7456), "0.7 months"),
        (n.months(1.0), "1 month"),
        (n.months(0.004), "under 0.1 months"),
        (n.months(None, pays_back=False), "never"),
        (n.months(None, pays_back=None), MISSING),
        (n.per_second(8120.4), "8,120 /s"),
        (n.per_second(3.25), "3.3 /s"),
        (n.usd(Decimal("11040.49")), "$11,040"),
        (n.usd(Decimal("292.00")), "$292"),
        (n.usd(Decimal("-710")), "-$710"),
        (n.usd(Decimal("99.994")), "$99.99"),
        (n.usd(Decimal("0.0004")), "$0.0004"),
        (n.usd(Decimal("0")), "$0.00"),
        (n.usd(None), MISSING),
    ],
)
def test_a_number_is_written_as(made: str, text: str) -> None:
    assert made.replace("\u00a0", " ") == text


def test_a_lower_bound_is_never_rounded_up_and_an_upper_one_never_down() -> None:
    estimate = Estimate(value=0.97, lower=0.95999, upper=0.98001, n_expected=9, n_scored=9, n_failed=0)
    assert n.share_interval(estimate).replace("\u00a0", " ") == "95.9 % to 98.1 %"


def rule(**changes: object) -> RuleResult:
    fields: dict[str, object] = {
        "rule": "gates.cost.reduction", "outcome": "pass", "value": 37.8, "bound": 31.2, "requirement": 5.0,
        "margin": 26.2, "unit": "times", "sentence": "",
    }  # fmt: skip
    return RuleResult.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({}, ("Cost reduction", "38x", "31x", "at least 5x", "+26x")),
        (
            {"rule": "gates.cost.payback_months", "unit": "months", "better": "lower", "value": None, "bound": None,
             "margin": None, "outcome": "fail", "requirement": 6.0},
            ("Payback", "never", "never", "at most 6 months", MISSING),
        ),
        (
            {"rule": "gates.quality.retention", "unit": "share of the teacher's score", "value": 0.9512,
             "bound": 0.94998, "requirement": 0.95, "margin": -0.00002, "outcome": "inconclusive"},
            ("Quality kept", "95.1 %", "94.9 %", "at least 95 %", "-0.1 points"),
        ),
        (
            {"rule": "gates.guard.max_failed", "unit": "items", "value": 3.0, "bound": 3.5, "requirement": None},
            ("guard, max failed", "3 items", "3.5 items", MISSING, "+26.2 items"),
        ),
        (
            {"rule": "gates.guards.vip", "unit": "difference of mean scores", "value": -0.01, "bound": -0.0312,
             "requirement": -0.05, "margin": 0.0188},
            ("No worse on vip", "-1.0 points", "-3.2 points", "at least -5.0 points", "+1.8 points"),
        ),
        (
            {"rule": "gates.ood.small.talk.auroc", "unit": "area under the ROC curve", "value": 0.98, "bound": 0.8996,
             "requirement": 0.9, "margin": -0.0004},
            ("Unsure on small.talk", "98 % of pairs", "89.9 % of pairs", "at least 90 % of pairs", "-0.1 points"),
        ),
        (
            {"rule": "gates.leakage.max_share", "unit": "share of pool rows", "better": "lower", "value": 0.0033,
             "bound": 0.0033, "requirement": 0.05, "margin": 0.0467},
            ("Copied gate rows", "0.3 %", "0.3 %", "at most 5 %", "+4.6 points"),
        ),
        ({"value": None, "bound": None, "margin": None}, ("Cost reduction", MISSING, MISSING, "at least 5x", MISSING)),
    ],
)  # fmt: skip
def test_a_rule_is_written_in_its_own_unit(changes: dict[str, object], cells: tuple[str, ...]) -> None:
    text = rule_text(rule(**changes))
    made = (text.title, text.value, text.bound, text.requirement, text.margin)
    assert tuple(cell.replace("\u00a0", " ") for cell in made) == cells


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("11040", "USD/month", "$11,040 per month"),
        ("0.2", "USD/h", "$0.20 per h"),
        ("0.00001234", "USD/request", "$0.0000123 per request"),
        ("0.6", "share", "60 %"),
        ("0.1", "share/year", "10 % per year"),
        ("37.8", "ratio", "38x"),
        ("61.2", "tokens/request", "61.2 tokens/request"),
        ("2", "replicas", "2 replicas"),
        (None, "USD/month", MISSING),
    ],
)
def test_a_quantity_is_written_with_its_unit(value: str | None, unit: str, text: str) -> None:
    amount = None if value is None else Decimal(value)
    one = Quantity(name="x", value=amount, unit=unit, origin="derived", source="")
    assert quantity_text(one).replace("\u00a0", " ") == text
