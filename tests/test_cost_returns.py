"""Payback, present value, rates of return, lifetimes, the worth of information, and which input matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from gatekeeper.cost import (
    Horizon,
    chance_positive,
    horizon,
    irr_per_month,
    months_between,
    net_value_of_samples,
    npv,
    npv_of_waiting,
    payback_in,
    payback_months,
    present_values,
    roi,
    sign_changes,
    tornado,
    value_of_perfect_information,
    value_of_samples,
)
from gatekeeper.cost.returns import payback_of
from gatekeeper.errors import InputError

D = Decimal
amounts = st.decimals(min_value=-5_000, max_value=5_000, places=2)
positive = st.decimals(min_value="0.01", max_value=5_000, places=2)
flows = st.lists(amounts, min_size=1, max_size=36)
rates = st.decimals(min_value=0, max_value=1, places=3)


@settings(max_examples=200, deadline=None)
@given(positive, flows)
def test_payback_is_where_the_running_sum_reaches_the_cost(cost: Decimal, savings: list[Decimal]) -> None:
    months = payback_in(cost, savings)
    totals = [sum(savings[: m + 1], D(0)) for m in range(len(savings))]
    first = next((m for m, total in enumerate(totals) if total >= cost), None)
    assert (months is None) == (first is None)
    if months is not None and first is not None:
        assert first < months <= first + 1
        within = months - first
        assert abs(sum(savings[:first], D(0)) + within * savings[first] - cost) < D("1e-18")


@given(st.decimals(min_value=0, max_value=10_000, places=2), positive, positive)
def test_payback_falls_as_the_saving_grows(cost: Decimal, saving: Decimal, more: Decimal) -> None:
    assert payback_months(cost, saving + more) <= payback_months(cost, saving)  # type: ignore[operator]
    if cost:
        assert payback_months(cost, saving + more) < payback_months(cost, saving)  # type: ignore[operator]
    slow, fast = (payback_in(cost, [one] * 120) for one in (saving, saving + more))
    assert fast is not None or slow is None
    if slow is not None and fast is not None:
        assert fast <= slow
        assert abs(slow - payback_months(cost, saving)) < D("1e-20")  # type: ignore[operator]


@given(positive, flows, rates)
def test_discounting_never_shortens_the_payback_of_savings(
    cost: Decimal, savings: list[Decimal], rate: Decimal
) -> None:
    gains = [abs(saving) for saving in savings]
    plain, later = payback_in(cost, gains), payback_in(cost, gains, discount_per_year=rate)
    assert later is None or (plain is not None and plain <= later)


def test_payback_of_a_constant_saving_may_lie_beyond_the_horizon() -> None:
    assert payback_of(D(100), [D(5)] * 12) == 20
    assert payback_of(D(100), [D(5)] * 11 + [D(6)]) is None
    assert payback_of(D(100), [D(0)] * 12) is None
    assert payback_of(D(0), [D(5)] * 12) == 0
    assert payback_in(D(100), [D(150), D(-100)]) == pytest.approx(D(2) / 3, abs=D("1e-20")), "the first time counts"


@given(positive, flows)
def test_present_value_without_discount_is_the_sum(cost: Decimal, savings: list[Decimal]) -> None:
    total = sum(savings, D(0))
    assert npv(cost, savings, discount_per_year=D(0)) == total - cost
    assert roi(cost, savings) == (total - cost) / cost
    assert roi(D(0), savings) is None


def test_a_year_of_discount_is_the_yearly_rate() -> None:
    values = present_values([D(110)] * 12, discount_per_year=D("0.1"))
    assert values[11] == pytest.approx(D(100), abs=D("1e-20"))
    assert list(values) == sorted(values, reverse=True)


@settings(max_examples=100, deadline=None)
@given(positive, st.lists(positive, min_size=1, max_size=36))
def test_the_internal_rate_makes_the_present_value_zero(cost: Decimal, gains: list[Decimal]) -> None:
    rate = irr_per_month(cost, gains)
    assert rate is not None
    value = -cost + sum((gain / (1 + rate) ** month for month, gain in enumerate(gains, 1)), D(0))
    assert abs(value) < D("1e-12")
    assert (rate > 0) == (sum(gains, D(0)) > cost)


@pytest.mark.parametrize(
    ("cost", "savings", "changes"),
    [("100", ["230", "-132"], 2), ("100", ["-1", "-1"], 0), ("0", ["5", "5"], 0), ("100", ["0", "150", "0", "-1"], 2)],
)
def test_no_rate_where_there_is_none_or_several(cost: str, savings: list[str], changes: int) -> None:
    assert irr_per_month(D(cost), [D(one) for one in savings]) is None
    assert sign_changes([-D(cost), *map(D, savings)]) == changes


def test_a_rate_also_without_a_cost_and_below_zero() -> None:
    assert irr_per_month(D(0), [D(-100), D(110)]) == pytest.approx(D("0.1"), abs=D("1e-20"))
    assert irr_per_month(D(100), [D(0), D(81)]) == pytest.approx(D("-0.1"), abs=D("1e-20"))


@given(positive, flows, rates)
def test_not_waiting_is_the_present_value_and_waiting_loses_what_is_waited(
    cost: Decimal, savings: list[Decimal], rate: Decimal
) -> None:
    now = npv_of_waiting(cost, savings, wait_months=0, discount_per_year=rate)
    assert abs(now - npv(cost, savings, discount_per_year=rate)) < D("1e-18")
    never = npv_of_waiting(cost, savings, wait_months=len(savings), discount_per_year=rate)
    assert abs(never + present_values([cost] * len(savings), discount_per_year=rate)[-1]) < D("1e-18")
    free = npv_of_waiting(cost, savings, wait_months=1, discount_per_year=D(0))
    assert free == sum(savings[1:], D(0)) - cost
    with pytest.raises(InputError, match="wait_months"):
        npv_of_waiting(cost, savings, wait_months=len(savings) + 1, discount_per_year=rate)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-11-24", "2027-01-14", 1),
        ("2026-11-24", "2027-01-24", 2),
        ("2026-11-24", "2026-11-24", 0),
        ("2026-11-24", "2026-01-01", 0),
        ("2026-01-31", "2026-02-28", 0),
        ("2026-12-31", "2028-01-31", 13),
    ],
)
def test_whole_months(start: str, end: str, months: int) -> None:
    assert months_between(date.fromisoformat(start), date.fromisoformat(end)) == months


def test_the_first_retirement_ends_the_horizon() -> None:
    start = date(2026, 11, 24)
    days = {"student": date(2027, 6, 1), "baseline": date(2027, 1, 14), "host": None}
    assert horizon(start, 12, days) == Horizon(months=1, limited_by="baseline")
    assert horizon(start, 12, {"student": None}) == Horizon(months=12, limited_by=None)
    assert horizon(start, 1, days) == Horizon(months=1, limited_by=None)
    assert horizon(start, 12, {"host": date(2026, 11, 25)}).months == 0
    with pytest.raises(InputError, match="horizon_months"):
        horizon(start, 0, {})


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1, 1e6), st.floats(1, 1e6), st.integers(1, 10_000))
def test_the_worth_of_information_is_that_of_the_normal_distribution(
    mean: float, sd: float, spread: float, samples: int
) -> None:
    def loss(scale: float) -> float:
        z = abs(mean) / scale
        return float(scale * (norm.pdf(z) - z * norm.sf(z)))

    args = D(repr(mean)), D(repr(sd))
    before = sd**2 / (sd**2 + spread**2 / samples) ** 0.5
    assert float(chance_positive(*args)) == pytest.approx(norm.cdf(mean / sd), rel=1e-9, abs=1e-15)
    assert float(value_of_perfect_information(*args)) == pytest.approx(loss(sd), rel=1e-6, abs=1e-9 * sd)
    worth = value_of_samples(*args, sample_sd_usd=D(repr(spread)), samples=samples)
    assert float(worth) == pytest.approx(loss(before), rel=1e-6, abs=1e-9 * sd)
    assert 0 <= worth <= value_of_perfect_information(*args)


def test_information_about_what_is_certain_is_worth_nothing() -> None:
    assert value_of_perfect_information(D(5), D(0)) == 0
    assert value_of_samples(D(5), D(0), sample_sd_usd=D(1), samples=3) == 0
    assert [chance_positive(D(one), D(0)) for one in ("5", "0", "-5")] == [1, 0, 0]
    net = net_value_of_samples(D(2000), D(10_000), sample_sd_usd=D(40_000), samples=100, usd_per_sample=D("0.65"))
    assert round(net, 2) == D("2724.69")


G01 = {
    "volume": D(1_000_000),
    "teacher price": D("0.006"),
    "student in price": D("0.00012"),
    "student out price": D("0.00036"),
    "one-time": D("8234.96"),
    "operations": D(500),
    "discount": D("0.10"),
}


def _npv(inputs: Mapping[str, Decimal]) -> Decimal:
    saving = inputs["teacher price"] - inputs["student in price"] - inputs["student out price"]
    month = inputs["volume"] * saving - inputs["operations"]
    return npv(inputs["one-time"], [month] * 12, discount_per_year=inputs["discount"])


def test_a_tornado_ranks_the_inputs_by_their_swing() -> None:
    bars = {bar.name: bar for bar in tornado(G01, _npv)}
    assert [round(bar.at_low) for bar in (bars["volume"],)] == [36_409]
    assert round(bars["volume"].at_high) == 61_582
    expected = {
        "teacher price": 27_361,  # of the prices of input and output, 13,681 each
        "volume": 25_172,
        "one-time": 3_294,
        "operations": 2_280,
        "student out price": 1_642,
        "discount": 1_111,
        "student in price": 547,
    }
    assert {name: round(bar.swing) for name, bar in bars.items()} == expected
    assert list(bars) == list(expected)
    assert (bars["discount"].low_input, bars["discount"].high_input) == (D("0.08"), D("0.12"))


@given(st.lists(positive, min_size=2, max_size=5))
def test_a_sum_swings_by_each_input_alone(values: list[Decimal]) -> None:
    assume(len(set(values)) == len(values))
    inputs = {f"x{index}": value for index, value in enumerate(values)}
    bars = tornado(inputs, lambda given_: sum(given_.values(), D(0)), share=D("0.1"))
    assert [bar.swing for bar in bars] == [value * D("0.2") for value in sorted(values, reverse=True)]


@pytest.mark.parametrize("months", [0, 601, 10**9])
def test_a_horizon_is_a_number_of_months_that_somebody_plans_for(months: int) -> None:
    with pytest.raises(InputError, match=f"horizon_months is {months}"):
        horizon(date(2026, 11, 25), months, {})
