"""A project month by month: its bills add up, its savings follow the formula, and its results agree with the gate's."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.cost import (
    DEFAULTS,
    Alternative,
    Bill,
    CostLine,
    Machines,
    Outlook,
    Plan,
    Price,
    Serving,
    add_lines,
    cascade_cost,
    cheapest,
    compare,
    estimate_training,
    generation_cost,
    gpu_hours,
    hosting_cost,
    label_cost,
    machine_month,
    month_bill,
    monthly_savings,
    outlook_of,
    price_requests,
    round_cents,
    round_parts,
    token_training_cost,
)
from gatekeeper.cost.scenario import Scenario
from gatekeeper.errors import InputError
from gatekeeper.records import Estimate, Usage

D = Decimal
BILL = [name for name in Bill.model_fields if name != "usd"]
TEACHER = Alternative(name="teacher", usd_per_request=D("0.006"))
STUDENT = Alternative(name="student", usd_per_request=D("0.00048"))
ONCE = add_lines([CostLine(name="loop", spent_usd=D(200)), CostLine(name="engineering", ahead_usd=D(8000))])


def plan(**changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "requests_per_month": D(1_000_000),
        "baseline": TEACHER,
        "candidate": STUDENT,
        "one_time": ONCE,
        "operations_usd_per_month": D(500),
    }
    return Plan(**{**fields, **changes})


price = st.decimals(min_value=0, max_value=1, places=6)
money = st.decimals(min_value=0, max_value=10_000, places=2)
share = st.decimals(min_value=0, max_value=1, places=3)


@st.composite
def alternatives(draw: st.DrawFn) -> Alternative:
    serving = Serving(
        usd_per_hour=draw(money) / 1000,
        target_utilisation=D("0.7"),
        min_replicas=draw(st.integers(0, 3)),
        redundancy=draw(st.integers(0, 2)),
        overhead=draw(share),
        units=draw(st.integers(1, 8)),
    )
    machines = Machines(serving=serving, capacity_rps=D("8.935"))
    return Alternative(
        name="x",
        usd_per_request=draw(price),
        teacher_usd_per_request=draw(price),
        fixed_usd_per_month=draw(money),
        machines=draw(st.sampled_from([None, machines])),
        quality=draw(share),
    )


@settings(max_examples=200, deadline=None)
@given(alternatives(), st.integers(1, 10**8), money, money, price)
def test_the_parts_of_a_bill_add_up_to_the_cent(
    one: Alternative, volume: int, error: Decimal, operations: Decimal, audit: Decimal
) -> None:
    bill = month_bill(one, D(volume), error_usd=error, operations_usd=operations, audit_usd=audit)
    parts = [getattr(bill, name) for name in BILL]
    assert abs(sum(parts, D(0)) - bill.usd) < D("1e-12")
    assert sum(round_parts(parts), D(0)) == round_cents(bill.usd)
    # The same by exact fractions, from the inputs alone.
    per_request = Fraction(one.usd_per_request) + Fraction(one.teacher_usd_per_request) + Fraction(audit)
    per_request += (1 - Fraction(one.quality or 0)) * Fraction(error)
    exact = volume * per_request + Fraction(one.fixed_usd_per_month) + Fraction(operations)
    if one.machines is not None:
        month, serving = machine_month(D(volume), one.machines), one.machines.serving
        hour = Fraction(serving.usd_per_hour) * serving.units * (1 + Fraction(serving.overhead))
        exact += Fraction(month.replicas) * hour * 730
    assert abs(Fraction(bill.usd) - exact) < Fraction(1, 10**9)


@settings(max_examples=100, deadline=None)
@given(
    growth=st.decimals(min_value="-0.1", max_value="0.2", places=3),
    decay=st.decimals(min_value=0, max_value="0.95", places=2),
    retrain=money,
    every=st.integers(1, 14),
    horizon=st.integers(1, 24),
)
def test_savings_follow_the_formula(
    growth: Decimal, decay: Decimal, retrain: Decimal, every: int, horizon: int
) -> None:
    savings = monthly_savings(
        plan(
            growth_per_month=growth,
            price_decay_per_year=decay,
            retrain_usd=retrain,
            retrain_months=every,
            horizon_months=horizon,
            audit_usd_per_request=D("0.0001"),
        )
    )
    assert len(savings) == horizon
    for m, saving in enumerate(savings, 1):
        volume = 1_000_000 * (1 + float(growth)) ** (m - 1)
        base = 0.006 * (1 - float(decay)) ** ((m - 1) / 12)
        again = float(retrain) if m % every == 0 and m < horizon else 0.0
        expected = volume * (base - 0.00048 - 0.0001) - 500 - again
        assert float(saving) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_a_cascade_gets_cheaper_with_its_teacher_and_a_student_does_not() -> None:
    escalation = D("0.25")
    cascade = STUDENT.model_copy(update={"teacher_usd_per_request": escalation * D("0.006")})
    assert cascade.usd_per_request + cascade.teacher_usd_per_request == cascade_cost(
        D("0.00048"), D("0.006"), escalation
    )
    falling = {"price_decay_per_year": D("0.5"), "horizon_months": 13}
    both = monthly_savings(plan(candidate=cascade, **falling))
    alone = monthly_savings(plan(candidate=STUDENT, **falling))
    assert alone[0] - both[0] == 1_500
    assert alone[12] - both[12] == pytest.approx(D(750), abs=D("1e-15"))


def test_replicas_are_added_as_the_traffic_grows() -> None:
    serving = Serving(usd_per_hour=D("1.59"), target_utilisation=D("0.7"), min_replicas=2, redundancy=1)
    own = Alternative(name="gpu", machines=Machines(serving=serving, capacity_rps=D("8.935")))
    grown = plan(requests_per_month=D(3_000_000), candidate=own, growth_per_month=D("0.2"), horizon_months=3)
    savings = monthly_savings(grown)
    replica = D("1.59") * 730
    assert savings[1] == D("3600000") * D("0.006") - 2 * replica - 500
    assert savings[2] == D("4320000") * D("0.006") - 3 * replica - 500, "more than 4,109,206 requests need another"


def test_bad_answers_have_a_price_and_an_unknown_quality_is_no_good_one() -> None:
    good, worse = TEACHER.model_copy(update={"quality": D("0.96")}), STUDENT.model_copy(update={"quality": D("0.93")})
    seen = outlook_of(plan(baseline=good, candidate=worse, error_usd=D("0.5"), operations_usd_per_month=D(0)))
    assert (seen.baseline.errors_usd, seen.candidate.errors_usd) == (20_000, 35_000)
    assert seen.program.payback_months is None and seen.volumes is not None and seen.volumes.intervals == ()
    with pytest.raises(InputError, match="share of good answers is not known"):
        outlook_of(plan(error_usd=D("0.5")))


def test_spent_money_is_in_the_program_and_not_ahead() -> None:
    seen = outlook_of(plan())
    assert (seen.program.one_time_usd, seen.forward.one_time_usd) == (8_200, 8_000)
    assert seen.program.payback_months == D(8_200) / 5_020
    assert seen.forward.npv_usd - seen.program.npv_usd == 200
    assert seen.program.roi == (12 * D(5_020) - 8_200) / 8_200


def _measured(value: float) -> Estimate:
    return Estimate(value=value, n_expected=5, n_scored=5, n_failed=0)


def test_the_results_of_a_plan_are_those_of_the_gates_comparison() -> None:
    price = Price(model="a/b", input_per_m=D(2), output_per_m=D(10), source="x", as_of=date(2026, 11, 1))
    cpu = Serving(usd_per_hour=D("0.2"), target_utilisation=D("0.6"), min_replicas=2, redundancy=1, overhead=D("0.1"))
    scenario = Scenario(
        requests_per_month=10_000_000,
        peak_to_average=D(4),
        teacher=price_requests([Usage(input_tokens=1200, output_tokens=300)], price),
        serving=cpu,
        throughput=_measured(80.0),
        teacher_share=_measured(0.25),
        operations_hours_per_month=D(4),
        usd_per_hour=D(100),
        engineering_hours=D(80),
        loop_spend_usd=D("12.345678"),
        labels_usd=D(36),
    )
    case = compare(scenario).expected
    assert scenario.teacher is not None
    kept = scenario.teacher.usd / 4
    machines = Machines(serving=cpu, capacity_rps=D(80), peak_to_average=scenario.peak_to_average)
    seen = outlook_of(
        plan(
            requests_per_month=D(scenario.requests_per_month),
            baseline=Alternative(name="teacher", usd_per_request=scenario.teacher.usd),
            candidate=Alternative(name="blend", teacher_usd_per_request=kept, machines=machines),
            one_time=add_lines(
                [
                    CostLine(name="loop", spent_usd=scenario.loop_spend_usd + scenario.labels_usd),
                    CostLine(name="engineering", ahead_usd=case.engineering_usd),
                ]
            ),
            operations_usd_per_month=case.operations_usd,
        )
    )
    assert seen.baseline.usd == case.baseline_usd
    assert seen.candidate.usd == case.candidate_usd
    assert seen.saving_usd == case.saving_usd
    assert seen.program.one_time_usd == case.program_usd
    for ours, theirs in (
        (seen.reduction, case.reduction),
        (seen.saving_percent, case.saving_percent),
        (seen.program.payback_months, case.payback_months),
        (seen.forward.payback_months, case.payback_forward_months),
        (seen.program.npv_usd, case.npv_usd),
    ):
        assert ours is not None and theirs is not None
        assert abs(ours - theirs) <= D("1e-12")
    assert seen.volumes is not None
    assert seen.volumes.intervals[0].start == case.break_even.first_from


@settings(max_examples=150, deadline=None)
@given(alternatives(), alternatives(), st.integers(1, 3 * 10**7), money, price, money)
def test_the_profitable_volumes_are_those_at_which_a_month_saves(
    base: Alternative, mine: Alternative, volume: int, operations: Decimal, audit: Decimal, error: Decimal
) -> None:
    one = plan(
        requests_per_month=D(volume),
        baseline=base.model_copy(update={"machines": None}),
        candidate=mine,
        operations_usd_per_month=operations,
        audit_usd_per_request=audit,
        error_usd=error / 10_000,
    )
    seen = outlook_of(one)
    assert seen.volumes is not None and seen.volumes_with_program is not None
    for found, monthly in ((seen.volumes, D(0)), (seen.volumes_with_program, ONCE.program_usd / 12)):
        saving = seen.saving_usd - monthly
        decided = found.scanned_to is None or volume <= found.scanned_to
        if decided and abs(saving) > D("1e-9"):
            assert found.contains(D(volume)) == (saving > 0)


def test_volumes_are_left_out_where_one_number_does_not_decide() -> None:
    serving = Serving(usd_per_hour=D(1), target_utilisation=D(1), min_replicas=1, redundancy=0)
    hourly = Machines(serving=serving, capacity_rps=D(9), hourly_weights=(D(1), D(3)))
    own = Alternative(name="own", machines=hourly)
    assert outlook_of(plan(candidate=own)).volumes is None
    served = TEACHER.model_copy(update={"machines": Machines(serving=serving, capacity_rps=D(9))})
    assert outlook_of(plan(baseline=served)).volumes is None


def test_the_baseline_is_the_cheapest_that_passes() -> None:
    hosted = Alternative(name="hosted", usd_per_request=D("0.0001"), fixed_usd_per_month=hosting_cost(D("1.70")))
    api = Alternative(name="api", usd_per_request=D("0.001"))
    both = [one.model_copy(update={"passes": True}) for one in (hosted, api)]
    assert [cheapest(both, D(volume)) for volume in (1_000_000, 10_000_000)] == [both[1], both[0]]
    assert cheapest([hosted, api], D(1_000_000)) is None, "unknown is not passed"
    assert cheapest([], D(1)) is None


def test_a_plan_and_its_outlook_survive_json() -> None:
    one = plan(growth_per_month=D("0.02"), price_decay_per_year=D("0.3"), retrain_usd=D(900))
    seen = outlook_of(Plan.model_validate_json(one.model_dump_json()))
    assert seen == outlook_of(one)
    assert Outlook.model_validate_json(seen.model_dump_json()) == seen
    free = outlook_of(plan(candidate=Alternative(name="free"), operations_usd_per_month=D(0), one_time=add_lines([])))
    assert json.loads(free.model_dump_json())["reduction"] is None
    assert free.program.roi is None and free.program.irr_per_month is None and free.program.payback_months == 0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"requests_per_month": D(0)}, "requests_per_month"),
        ({"growth_per_month": D(-1)}, "growth_per_month"),
        ({"price_decay_per_year": D(1)}, "price_decay_per_year"),
        ({"price_decay_per_year": D("-0.1")}, "price_decay_per_year"),
        ({"horizon_months": 0}, "horizon_months"),
        ({"retrain_months": 0}, "retrain_months"),
        ({"retrain_usd": D(-1)}, "retrain_usd"),
        ({"operations_usd_per_month": D(-1)}, "operations_usd"),
        ({"audit_usd_per_request": D(-1)}, "audit_usd"),
        ({"error_usd": D(-1)}, "error_usd"),
        ({"discount_per_year": D(-1)}, "discount"),
        ({"candidate": STUDENT.model_copy(update={"usd_per_request": D(-1)})}, "usd_per_request"),
        ({"baseline": TEACHER.model_copy(update={"fixed_usd_per_month": D("Infinity")})}, "fixed_usd_per_month"),
    ],
)
def test_an_input_out_of_range_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        outlook_of(plan(**changes))


def test_one_time_costs_out_of_range_are_named() -> None:
    for call, named in (
        (lambda: add_lines([CostLine(name="a"), CostLine(name="a")]), "stands twice"),
        (lambda: add_lines([CostLine(name="a", spent_usd=D(-1))]), "a: spent"),
        (lambda: generation_cost(10, D(1), yield_share=D(0)), "yield_share"),
        (lambda: generation_cost(10, D(1), yield_share=D("1.1")), "yield_share"),
        (lambda: label_cost(10, votes=0), "votes"),
        (lambda: token_training_cost(D(1), D(1), runs=0), "runs"),
        (lambda: gpu_hours(D(1), D(1), D("1.1")), "mfu"),
        (lambda: estimate_training(D(1), D(1), method="full", peak_flops=D(1), usd_per_gpu_hour=D(1), runs=0), "runs"),
    ):
        with pytest.raises(InputError, match=named):
            call()


def test_rejected_examples_and_failed_runs_are_paid_for() -> None:
    assert generation_cost(1_000, D("0.006"), yield_share=D("0.5"), filter_usd=D("0.001")) == 14
    assert token_training_cost(D(1_000_000), D(3), epochs=2, runs=3) == 18
    assert label_cost(1_000) == 36
    one, four = (
        estimate_training(D("1e9"), D("1e6"), method="full", peak_flops=D("1e14"), usd_per_gpu_hour=D(2), runs=runs)
        for runs in (1, 4)
    )
    assert (four.gpu_hours, four.usd) == (4 * one.gpu_hours, 4 * one.usd)


def test_each_default_is_the_one_in_use_and_has_its_reason() -> None:
    fields = {name: field.default for name, field in Plan.model_fields.items()}
    for name in ("retrain_months", "horizon_months", "discount_per_year"):
        assert fields[name] == DEFAULTS[name].value
    assert Scenario.model_fields["discount_per_year"].default == DEFAULTS["discount_per_year"].value
    assert Machines.model_fields["peak_to_average"].default == DEFAULTS["peak_to_average"].value
    assert all(one.unit and len(one.reason) > 10 for one in DEFAULTS.values())
