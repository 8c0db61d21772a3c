"""The comparison: months, one-time cost, payback, break-even, and every number with its origin."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatekeeper.cost import (
    CostComparison,
    Price,
    RequestCost,
    Scenario,
    Serving,
    break_even_volume,
    compare,
    format_usd,
    npv,
    payback_months,
    price_requests,
    profitable_volumes,
    round_cents,
    round_parts,
    serving_month,
)
from gatekeeper.errors import InputError, PriceError
from gatekeeper.records import Estimate, Quantity, Usage

GOLDEN = {
    case["id"].split("_")[0]: case
    for case in yaml.safe_load((Path(__file__).parent / "golden" / "cost_golden_cases.yaml").read_text())
}
CPU = Serving(
    usd_per_hour=Decimal("0.20"), target_utilisation=Decimal("0.6"), min_replicas=2, redundancy=1, machine="4 cores"
)


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _cost(rates: dict[str, float], name: str = "acme/model") -> RequestCost:
    price = Price(
        model=name,
        input_per_m=_decimal(rates["pin"]),
        output_per_m=_decimal(rates["pout"]),
        source="price file",
        as_of=date(2026, 11, 1),
    )
    return price_requests([Usage(input_tokens=int(rates["tin"]), output_tokens=int(rates["tout"]))], price)


def _throughput(value: float | None = 80.0, lower: float | None = 70.0) -> Estimate:
    return Estimate(value=value, lower=lower, confidence=0.9, n_expected=5, n_scored=5, n_failed=0)


def _scenario(**changes: Any) -> Scenario:
    fields: dict[str, Any] = {
        "requests_per_month": 10_000_000,
        "peak_to_average": Decimal(4),
        "teacher": _cost(GOLDEN["G01"]["in"]["teacher"], "acme/teacher"),
        "serving": CPU,
        "throughput": _throughput(),
        "operations_hours_per_month": Decimal(4),
        "usd_per_hour": Decimal(100),
        "engineering_hours": Decimal(80),
        "loop_spend_usd": Decimal("12.345678"),
        "labels_usd": Decimal(36),
    }
    return Scenario(**{**fields, **changes})


def _api_scenario(**changes: Any) -> Scenario:
    given_, out = GOLDEN["G01"]["in"], GOLDEN["G01"]["out"]
    once = given_["one_time"]
    fields: dict[str, Any] = {
        "requests_per_month": given_["V"],
        "serving": None,
        "throughput": None,
        "student_api": _cost(given_["student"], "acme/student"),
        "operations_hours_per_month": Decimal(given_["ops_month"]) / once["eng_rate"],
        "usd_per_hour": Decimal(once["eng_rate"]),
        "engineering_hours": Decimal(once["eng_h"]),
        "loop_spend_usd": sum((Decimal(out[part]) for part in ("gen", "train", "eval")), Decimal(0)),
        "labels_usd": Decimal(out["label"]),
        "horizon_months": given_["horizon_m"],
        "discount_per_year": _decimal(given_["disc_annual"]),
    }
    return _scenario(**{**fields, **changes})


def _rows(comparison: CostComparison) -> dict[str, Quantity]:
    return {row.name: row for row in comparison.quantities}


def test_golden_api_to_fine_tuned_api() -> None:
    out = GOLDEN["G01"]["out"]
    scenario = _api_scenario()
    case = compare(scenario).expected
    assert scenario.teacher is not None
    assert scenario.student_api is not None
    assert (scenario.teacher.usd, scenario.student_api.usd) == (
        _decimal(out["teacher_req"]),
        _decimal(out["student_req"]),
    )
    assert round_cents(case.baseline_usd) == Decimal(out["teacher_month"])
    assert round_cents(case.student_api_usd) == Decimal(out["student_month"])
    assert round_cents(case.engineering_usd) == Decimal(out["eng"])
    assert round_cents(case.program_usd) == Decimal(out["one_time"])
    assert round_cents(case.saving_usd) == Decimal(out["net_month"])
    assert case.payback_months is not None
    assert round(float(case.payback_months), 10) == out["payback_months"]
    assert round_cents(case.npv_usd) == Decimal(out["npv_12"])
    without_operations = compare(_api_scenario(operations_hours_per_month=Decimal(0))).expected
    assert without_operations.reduction == _decimal(out["crr"])
    assert without_operations.saving_percent == _decimal(out["saving_pct"])


def test_golden_break_even_volumes() -> None:
    out = GOLDEN["G01"]["out"]
    case = compare(_api_scenario()).expected
    per_request = Decimal("0.00552")
    operations, program = case.operations_usd, case.program_usd
    assert break_even_volume(operations, per_request) == out["v_breakeven_ops_only"]
    assert break_even_volume(operations + program / 12, per_request) == out["v_breakeven_12m"]
    assert break_even_volume(operations + program / 6, per_request) == out["v_for_payback_6m"]
    assert case.break_even.first_from is not None
    assert round(float(case.break_even.first_from)) == out["v_breakeven_ops_only"]
    assert break_even_volume(operations, Decimal(0)) is None


def test_golden_a_cheaper_baseline_never_pays_back() -> None:
    case = GOLDEN["G02"]
    result = compare(_api_scenario(teacher=_cost(case["in"]["baseline"])))
    assert round_cents(result.expected.baseline_usd) == Decimal(case["out"]["baseline_month"])
    assert round_cents(result.expected.saving_usd) == Decimal(case["out"]["net_month"])
    assert result.expected.payback_months is None
    assert result.expected.payback_forward_months is None
    assert result.expected.break_even.first_from is None
    assert "never" in _rows(result)["payback_months"].source


def test_golden_npv_with_a_falling_teacher_price() -> None:
    keep = 1 - _decimal(GOLDEN["G03"]["in"]["decay"])
    case = compare(_api_scenario()).expected
    savings = [case.baseline_usd * keep ** (Decimal(m) / 12) - case.candidate_usd for m in range(12)]
    value = npv(case.program_usd, savings, discount_per_year=Decimal("0.10"))
    assert round_cents(value) == Decimal(GOLDEN["G03"]["out"]["npv_12"])


def test_golden_staircase_of_replicas() -> None:
    given_, out = GOLDEN["G06"]["in"], GOLDEN["G07"]["out"]
    capacity = _decimal(given_["cap_rps"]) * _decimal(given_["util_target"]) * 730 * 3600 / given_["peak_factor"]
    edge = profitable_volumes(
        _decimal(GOLDEN["G07"]["in"]["api_req"]),
        fixed_usd_per_month=Decimal(0),
        replica_usd_per_month=_decimal(given_["gpu_h"]) * 730,
        replica_requests_per_month=capacity,
        min_replicas=given_["min_replicas"],
        redundancy=given_["redundancy"],
    )
    assert edge.first_from == out["first_profitable_from"]
    assert edge.first_to == _decimal(out["first_window_to"])
    assert edge.always_from == out["permanently_profitable_from"]
    assert edge.first_from != out["WRONG_two_replica_formula"]


@settings(max_examples=500, deadline=None)
@given(
    saving=st.integers(1, 40),
    fixed=st.integers(0, 300),
    replica=st.integers(0, 200),
    capacity=st.integers(1, 60),
    least=st.integers(0, 6),
    spare=st.integers(0, 3),
)
def test_break_even_agrees_with_walking_the_staircase(
    saving: int, fixed: int, replica: int, capacity: int, least: int, spare: int
) -> None:
    gain = Fraction(capacity) - Fraction(replica, saving)
    assume(gain != 0 or fixed + spare * replica > 0)  # else each full step saves exactly 0, a row of single points
    steps = 60 if gain <= 0 else int((capacity + Fraction(spare * replica + fixed, saving)) / gain) + least + 3
    edge = profitable_volumes(
        Decimal(saving),
        fixed_usd_per_month=Decimal(fixed),
        replica_usd_per_month=Decimal(replica),
        replica_requests_per_month=Decimal(capacity),
        min_replicas=least,
        redundancy=spare,
    )
    stretches: list[list[Fraction]] = []
    for n in range(1, steps + 1):
        start, end = Fraction((n - 1) * capacity), Fraction(n * capacity)
        need = Fraction(max(least, n + spare) * replica + fixed, saving)
        if need <= start and stretches and stretches[-1][1] == start:
            stretches[-1][1] = end
        elif need <= end:
            stretches.append([max(start, need), end])
    reaches_the_end = bool(stretches) and stretches[-1][1] == steps * capacity and gain > 0
    expected = (
        stretches[0][0] if stretches else None,
        stretches[0][1] if stretches and not (reaches_the_end and len(stretches) == 1) else None,
        stretches[-1][0] if reaches_the_end else None,
    )
    for volume, exact in zip((edge.first_from, edge.first_to, edge.always_from), expected, strict=True):
        assert (volume is None) == (exact is None)
        if volume is not None and exact is not None:
            assert abs(Fraction(volume) - exact) < Fraction(1, 10**15)


def test_break_even_of_a_scenario_is_where_its_saving_turns() -> None:
    edge = compare(_scenario()).expected.break_even
    assert edge.first_from is not None
    at = int(edge.first_from)
    assert compare(_scenario(requests_per_month=at)).expected.saving_usd <= 0
    assert compare(_scenario(requests_per_month=at + 1)).expected.saving_usd > 0


def test_the_candidate_month_is_the_sum_of_its_parts() -> None:
    case = compare(_scenario(serving=CPU.model_copy(update={"overhead": Decimal("0.1")}))).expected
    assert [case.machines_usd, case.overhead_usd, case.operations_usd] == [292, Decimal("29.2"), 400]
    assert case.candidate_usd == Decimal("721.2")
    assert case.saving_usd == 60_000 - Decimal("721.2")


def test_a_candidate_with_machines_and_an_api_pays_for_both() -> None:
    student = _cost(GOLDEN["G01"]["in"]["student"])
    case = compare(_scenario(student_api=student)).expected
    assert case.student_api_usd == 4_800
    assert case.candidate_usd == 292 + 400 + 4_800


money = st.decimals(min_value=0, max_value=10_000, places=6)


@settings(max_examples=100, deadline=None)
@given(
    volume=st.integers(1, 10**9),
    tokens=st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 9_999)), min_size=1, max_size=7),
    rates=st.tuples(money, money),
    loop=money,
    labels=money,
    hours=st.tuples(money, money, money),
    overhead=st.decimals(min_value=0, max_value=1, places=3),
)
def test_the_listed_parts_add_up_to_the_listed_totals(
    volume: int,
    tokens: list[tuple[int, int]],
    rates: tuple[Decimal, Decimal],
    loop: Decimal,
    labels: Decimal,
    hours: tuple[Decimal, Decimal, Decimal],
    overhead: Decimal,
) -> None:
    price = Price(model="a/b", input_per_m=rates[0], output_per_m=rates[1], source="test", as_of=date(2026, 11, 1))
    usages = [Usage(input_tokens=one, output_tokens=two) for one, two in tokens]
    result = compare(
        _scenario(
            requests_per_month=volume,
            teacher=price_requests(usages, price),
            student_api=price_requests(usages[:1], price),
            serving=CPU.model_copy(update={"overhead": overhead}),
            loop_spend_usd=loop,
            labels_usd=labels,
            operations_hours_per_month=hours[0],
            usd_per_hour=hours[1],
            engineering_hours=hours[2],
        )
    )
    value = {row.name: row.value or Decimal(0) for row in result.quantities}
    parts = ("machines", "overhead", "student_api", "operations")
    candidate = sum((value[f"{part}_usd_per_month"] for part in parts), Decimal(0))
    assert round_cents(candidate) == round_cents(value["candidate_usd_per_month"])
    assert round_cents(value["baseline_usd_per_month"] - candidate) == round_cents(value["saving_usd_per_month"])
    program = value["loop_spend_usd"] + value["labels_usd"] + value["engineering_usd"]
    assert round_cents(program) == round_cents(value["program_usd"])
    # The same months by exact fractions, from the inputs alone.
    exact: list[Fraction] = [
        Fraction(one) * Fraction(rates[0]) + Fraction(two) * Fraction(rates[1]) for one, two in tokens
    ]
    baseline = sum(exact, Fraction(0)) / len(exact) / 1_000_000 * volume
    assert abs(Fraction(value["baseline_usd_per_month"]) - baseline) <= Fraction(1, 10**9)
    machines = Fraction(value["replicas_billed"]) * Fraction("0.2") * 730
    bill = machines * (1 + Fraction(overhead)) + exact[0] / 1_000_000 * volume + Fraction(hours[0]) * Fraction(hours[1])
    assert abs(Fraction(candidate) - bill) <= Fraction(1, 10**9)


def test_program_counts_everything_and_forward_only_what_is_ahead() -> None:
    case = compare(_scenario(deployment_hours=Decimal(8))).expected
    assert case.program_usd == Decimal("8048.345678")
    assert case.forward_usd == 800
    assert case.payback_months is not None
    assert case.payback_forward_months is not None
    assert case.payback_forward_months < case.payback_months
    unsaid = compare(_scenario())
    assert unsaid.expected.forward_usd == unsaid.expected.engineering_usd
    assert "not given" in _rows(unsaid)["deployment_hours"].source


def test_the_pessimistic_bill_has_the_slow_machine() -> None:
    busy = {"requests_per_month": 200_000_000, "teacher": _cost({"tin": 10, "tout": 1, "pin": 0.1, "pout": 0.1})}
    result = compare(_scenario(**busy, throughput=_throughput(80.0, 40.0)))
    assert result.pessimistic is not None
    assert result.expected.serving is not None
    assert result.pessimistic.serving is not None
    assert result.expected.serving.replicas_serving == 7
    assert result.pessimistic.serving.replicas_serving == 13
    assert result.expected.reduction is not None
    assert result.pessimistic.reduction is not None
    assert result.pessimistic.reduction < result.expected.reduction
    rows = _rows(result)
    assert rows["pessimistic_reduction"].value == result.pessimistic.reduction
    assert "lower end of its 90 % interval" in rows["pessimistic_reduction"].source
    assert "pessimistic_baseline_usd_per_month" not in rows
    assert len(rows) == len(result.quantities), "each quantity has a name of its own"


@pytest.mark.parametrize("lower", [None, 0.0, -3.0])
def test_without_a_usable_lower_bound_there_is_no_pessimistic_case(lower: float | None) -> None:
    result = compare(_scenario(throughput=_throughput(80.0, lower)))
    assert result.expected.reduction is not None
    assert result.pessimistic is None
    assert "lower bound of the throughput" in (result.pessimistic_reason or "")


def test_an_api_candidate_has_no_throughput_to_doubt() -> None:
    result = compare(_api_scenario())
    assert result.pessimistic == result.expected
    assert result.pessimistic_reason is None
    assert not [row.name for row in result.quantities if row.name.startswith("pessimistic_")]


def test_more_cores_than_were_measured_are_an_assumption() -> None:
    scenario = _scenario(
        serving=CPU.model_copy(update={"cores": 4}), cores_measured=2, throughput=_throughput(40.0, 35.0)
    )
    result = compare(scenario)
    assert result.expected.serving is not None
    assert result.pessimistic is not None
    assert result.pessimistic.serving is not None
    assert result.expected.serving.capacity_rps == 80
    assert result.pessimistic.serving.capacity_rps == 35
    row = _rows(result)["capacity_rps"]
    assert row.origin == "assumed"
    assert "from 2 measured to 4 billed cores" in row.source


def test_each_quantity_says_where_it_comes_from() -> None:
    rows = _rows(compare(_scenario(throughput_source="bench.json", throughput_as_of=date(2026, 11, 20))))
    assert rows["teacher_input_usd_per_m"].origin == "priced"
    assert rows["teacher_input_usd_per_m"].as_of == "2026-11-01"
    assert rows["teacher_input_tokens"].origin == "measured"
    assert (rows["throughput_rps"].origin, rows["throughput_rps"].source) == ("measured", "bench.json")
    assert rows["throughput_rps"].as_of == "2026-11-20"
    assert rows["loop_spend_usd"].origin == "measured"
    assert rows["requests_per_month"].origin == "assumed"
    assert rows["requests_per_month"].source == "traffic.requests_per_month"
    assert rows["reduction"].origin == "derived"
    assert all(row.unit and row.source for row in rows.values())


def test_a_stand_in_teacher_makes_all_that_rests_on_its_price_assumed() -> None:
    reason = "the teacher is a local encoder, priced as acme/teacher"
    rows = _rows(compare(_scenario(price_assumed=True, price_reason=reason)))
    resting = {name for name, row in rows.items() if reason in row.source}
    assert {rows[name].origin for name in resting} == {"assumed"}
    assert resting >= {
        "teacher_input_usd_per_m",
        "teacher_output_usd_per_m",
        "teacher_input_tokens",
        "teacher_output_tokens",
        "teacher_usd_per_request",
        "baseline_usd_per_month",
        "saving_usd_per_month",
        "saving_percent",
        "reduction",
        "loop_spend_usd",
        "program_usd",
        "payback_months",
        "payback_forward_months",
        "npv_usd",
        "break_even_from",
    }
    assert rows["machines_usd_per_month"].origin == "derived"
    assert rows["throughput_rps"].origin == "measured"


def test_tokens_that_nobody_reported_are_assumed() -> None:
    price = Price(model="a/b", input_per_m=Decimal(1), output_per_m=Decimal(1), source="x", as_of=date(2026, 11, 1))
    usages = [Usage(input_tokens=5, output_tokens=1), Usage(input_tokens=5, output_tokens=1, reported=False)]
    row = _rows(compare(_scenario(teacher=price_requests(usages, price))))["teacher_input_tokens"]
    assert row.origin == "assumed"
    assert "1 of them counted with a local tokenizer" in row.source


def test_an_unpriced_teacher_never_counts_as_free() -> None:
    with pytest.raises(PriceError, match="no price"):
        compare(_scenario(teacher=None))


@pytest.mark.parametrize("throughput", [None, _throughput(None), _throughput(0.0), _throughput(float("inf"))])
def test_a_missing_throughput_never_makes_a_free_candidate(throughput: Estimate | None) -> None:
    with pytest.raises(InputError, match="throughput"):
        compare(_scenario(throughput=throughput))


def test_a_candidate_of_unknown_cost_is_an_error() -> None:
    with pytest.raises(InputError, match="nothing says what the candidate costs"):
        compare(_scenario(serving=None))


def test_a_candidate_that_costs_nothing_has_no_reduction_factor() -> None:
    free = CPU.model_copy(update={"usd_per_hour": Decimal(0)})
    result = compare(_scenario(serving=free, operations_hours_per_month=Decimal(0)))
    assert result.expected.reduction is None
    assert result.expected.saving_percent == 100
    assert "costs $0" in _rows(result)["reduction"].source


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("requests_per_month", 0),
        ("horizon_months", 0),
        ("usd_per_hour", Decimal(-1)),
        ("loop_spend_usd", Decimal(-1)),
        ("engineering_hours", Decimal(-1)),
        ("deployment_hours", Decimal(81)),
        ("deployment_hours", Decimal(-1)),
        ("discount_per_year", Decimal("-0.1")),
    ],
)
def test_an_input_out_of_range_is_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        compare(_scenario(**{field: value}))


def test_a_comparison_survives_json() -> None:
    result = compare(_scenario(price_assumed=True))
    assert CostComparison.model_validate_json(result.model_dump_json()) == result
    scenario = _scenario()
    assert compare(Scenario.model_validate_json(scenario.model_dump_json())) == compare(scenario)


@pytest.mark.parametrize(
    ("one_time", "saving", "months"),
    [
        ("100", "50", "2"),
        ("100", "0", None),
        ("100", "-1", None),
        ("0", "5", "0"),
        ("0", "0", None),
        ("1", "4", "0.25"),
    ],
)
def test_payback(one_time: str, saving: str, months: str | None) -> None:
    expected = None if months is None else Decimal(months)
    assert payback_months(Decimal(one_time), Decimal(saving)) == expected


def test_money_that_is_not_a_number_is_an_error() -> None:
    for call in (
        lambda: payback_months(Decimal("NaN"), Decimal(1)),
        lambda: payback_months(Decimal(1), Decimal("NaN")),
        lambda: payback_months(Decimal(-1), Decimal(1)),
        lambda: npv(Decimal(1), [Decimal("NaN")], discount_per_year=Decimal(0)),
        lambda: npv(Decimal(1), [], discount_per_year=Decimal(-1)),
        lambda: break_even_volume(Decimal("Infinity"), Decimal(1)),
    ):
        with pytest.raises(InputError):
            call()


def test_npv_without_discount_is_the_plain_sum() -> None:
    assert npv(Decimal(10), [Decimal(4)] * 3, discount_per_year=Decimal(0)) == 2
    assert round_cents(npv(Decimal(0), [Decimal(0)] * 11 + [Decimal(110)], discount_per_year=Decimal("0.1"))) == 100


def test_a_vast_break_even_volume_is_a_number_and_no_crash() -> None:
    cheap = _cost({"tin": 1, "tout": 0, "pin": 0.000001, "pout": 0})
    edge = compare(_api_scenario(teacher=cheap, student_api=None, serving=CPU, throughput=_throughput(1e9, 9e8)))
    assert edge.expected.break_even.first_from is not None
    assert edge.expected.break_even.first_from > 10**14
    far = compare(_api_scenario(teacher=cheap, student_api=None, serving=CPU, throughput=_throughput(1e18, 1e17)))
    assert far.pessimistic is not None


def test_a_month_has_730_hours() -> None:
    serving = Serving(usd_per_hour=Decimal(1), target_utilisation=Decimal(1), min_replicas=1, redundancy=0)
    month = serving_month(730 * 3600, peak_to_average=Decimal(1), capacity_rps=Decimal(1), serving=serving)
    assert [month.usd, month.utilisation, month.replicas_billed] == [730, 1, 1]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "n/a"),
        ("NaN", "n/a"),
        ("0", "$0.00"),
        ("-0", "$0.00"),
        ("1234.56", "$1,234.56"),
        ("1234567.005", "$1,234,567.01"),
        ("-5", "-$5.00"),
        ("0.000123", "$0.000123"),
        ("0.00048", "$0.00048"),
        ("0.0007738", "$0.000774"),
        ("-0.006", "-$0.006"),
        ("0.5", "$0.50"),
        ("0.123456", "$0.123"),
        ("0.99951", "$1.00"),
        ("0.0000000000012345", "$0.00000000000123"),
        ("1E+3", "$1,000.00"),
    ],
)
def test_how_money_is_written(amount: str | None, shown: str) -> None:
    assert format_usd(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "cents"), [("2.345", "2.35"), ("2.3449999", "2.34"), ("-2.345", "-2.35"), ("0.005", "0.01")]
)
def test_cents_round_half_up(amount: str, cents: str) -> None:
    assert round_cents(Decimal(amount)) == Decimal(cents)


@given(st.lists(st.decimals(min_value=-10_000, max_value=10_000, places=5), max_size=8))
def test_rounded_parts_add_up_to_the_rounded_sum(parts: list[Decimal]) -> None:
    rounded = round_parts(parts)
    assert sum(rounded, Decimal(0)) == round_cents(sum(parts, Decimal(0)))
    assert all(abs(one - two) < Decimal("0.01") for one, two in zip(rounded, parts, strict=True))
