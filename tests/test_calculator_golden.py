"""The twenty golden cases in the calculator's script, every number of each, to the digits that the file writes."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from calculator_engine import RefusedError, call
from calculator_golden import Golden, wrong_numbers
from test_cost_golden import CASES, agrees

from gatekeeper.cost import chance_positive, value_of_samples
from gatekeeper.cost.money import format_usd


def close(value: Any, expected: Any) -> bool:
    """Return whether a number of the script is the expected one to the digits that are written."""
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(close, value, expected))
    try:
        digits = Decimal(expected)
    except ArithmeticError:
        return bool(value == expected)
    return value is not None and Decimal(value).quantize(digits, rounding=ROUND_HALF_UP) == digits


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden(name: str) -> None:
    assert wrong_numbers(Golden(call, CASES), CASES[name], name, close) == {}


def test_a_wrong_number_is_seen() -> None:
    case = {**CASES["G13"], "out": {"job": "7.37"}}
    assert list(wrong_numbers(Golden(call, CASES), case, "G13", close)) == ["job"]
    assert agrees(Decimal("7.36"), "7.36") and close("7.36", "7.36") and not close(None, "7.36")


def test_what_rounding_leaves_buys_no_machine() -> None:
    serving = {"usd_per_hour": 1, "target_utilisation": 0.3, "min_replicas": 0, "redundancy": 0}
    machines = {"serving": serving, "capacity_rps": 0.1, "peak_to_average": 1}
    full = 0.1 * 0.3 * 730 * 3600 * 3  # three replicas, full to the brim; as doubles the ratio is not exactly 3
    assert call("replicas", full, machines)["serving"] == 3
    assert call("replicas", full * (1 + 1e-9), machines)["serving"] == 4
    assert call("minus", 0.1 + 0.2, 0.3) == 0 and call("atLeast", 0.3, 0.1 + 0.2) is True


@pytest.mark.parametrize("mean", ["0", "1", "-3", "25000", "-47000", "90000"])
def test_the_normal_distribution_is_exact_in_its_tails(mean: str) -> None:
    sd = Decimal(10_000)
    chance = float(chance_positive(Decimal(mean), sd))
    worth = float(value_of_samples(Decimal(mean), sd, sample_sd_usd=Decimal(20_000), samples=9))
    assert call("chancePositive", Decimal(mean), sd) == pytest.approx(chance, rel=1e-12)
    assert call("valueOfSamples", Decimal(mean), sd, 20_000, 9) == pytest.approx(worth, rel=1e-10)


@pytest.mark.parametrize("name", ["tokenCost", "monthlySavings", "irrPerMonth", "gpuHours"])
def test_impossible_numbers_are_refused(name: str) -> None:
    wrong: dict[str, list[Any]] = {
        "tokenCost": [
            {"input_tokens": 1, "cached_input_tokens": 2},
            {"model": "a/b", "input_per_m": 1, "output_per_m": 1},
        ],
        "monthlySavings": [{"horizon_months": 0}],
        "irrPerMonth": [1, [1, None]],
        "gpuHours": [1e18, 1e15, 1.5],
    }
    with pytest.raises(RefusedError):
        call(name, *wrong[name])


@pytest.mark.parametrize(
    "amount", ["0", "1234.5", "-5", "0.000123456", "0.0995", "999999.995", "1.005", "12", "0.5", "-0.0484"]
)
def test_amounts_are_written_as_in_python(amount: str) -> None:
    assert call("formatUsd", Decimal(amount)) == format_usd(Decimal(amount))
