"""The simulation in arrays is the Decimal model, draw by draw, for plans of every shape."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.cost import Alternative, CostLine, Machines, Outlook, Plan, Returns, Serving, add_lines, outlook_of
from gatekeeper.cost.plan import baseline_bill, candidate_bill
from gatekeeper.cost.returns import payback_in
from gatekeeper.cost.uncertainty.draws import Draws, plan_at
from gatekeeper.cost.uncertainty.payback import payback_within
from gatekeeper.cost.uncertainty.simulate import ScopeDraws, Simulation, simulate
from gatekeeper.errors import InputError

D = Decimal
N = 3
ONCE = add_lines([CostLine(name="loop", spent_usd=D(200)), CostLine(name="engineering", ahead_usd=D(8000))])
price = st.decimals(min_value=0, max_value="0.05", places=5)
money = st.decimals(min_value=0, max_value=10_000, places=2)
share = st.decimals(min_value=0, max_value=1, places=3)
# Eighths are the same number in both arithmetics. A tenth is not, and a machine may start between its two values.
rps = st.integers(4, 800).map(lambda eighths: D(eighths) / 8)
weights = st.lists(st.sampled_from([D(0), D("0.5"), D(1), D(3)]), max_size=24).filter(lambda w: not w or any(w))


def plan(**changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "requests_per_month": D(1_000_000),
        "baseline": Alternative(name="teacher", usd_per_request=D("0.006")),
        "candidate": Alternative(name="student", usd_per_request=D("0.00048")),
        "one_time": ONCE,
        "operations_usd_per_month": D(500),
    }
    return Plan(**{**fields, **changes})


@st.composite
def machines(draw: st.DrawFn) -> Machines:
    hourly = tuple(draw(weights))
    to_zero = bool(hourly) and draw(st.booleans())
    serving = Serving(
        usd_per_hour=draw(money) / 1000,
        target_utilisation=draw(st.sampled_from([D("0.6"), D("0.7"), D(1)])),
        min_replicas=0 if to_zero else draw(st.integers(0, 3)),
        redundancy=draw(st.integers(0, 2)),
        overhead=draw(share),
        units=draw(st.integers(1, 4)),
        scale_to_zero=to_zero,
    )
    peak = draw(st.sampled_from([D(1), D(4), D("2.5")]))
    return Machines(serving=serving, capacity_rps=draw(rps), peak_to_average=peak, hourly_weights=hourly)


@st.composite
def alternatives(draw: st.DrawFn) -> Alternative:
    return Alternative(
        name="x",
        usd_per_request=draw(price),
        teacher_usd_per_request=draw(price),
        fixed_usd_per_month=draw(money),
        machines=draw(st.none() | machines()),
        quality=draw(share),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steady = draw(st.booleans())
    return plan(
        requests_per_month=D(draw(st.integers(1, 10**7))),
        growth_per_month=D(0) if steady else draw(st.decimals(min_value="-0.1", max_value="0.2", places=3)),
        baseline=draw(alternatives()),
        candidate=draw(alternatives()),
        operations_usd_per_month=draw(money),
        audit_usd_per_request=draw(price) / 100,
        retrain_usd=draw(st.just(D(0)) | money),
        retrain_months=draw(st.integers(1, 8)),
        price_decay_per_year=D(0) if steady else draw(st.decimals(min_value=0, max_value="0.95", places=2)),
        error_usd=draw(st.just(D(0)) | price),
        horizon_months=draw(st.integers(1, 14)),
        discount_per_year=draw(share),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, Draws]:
    one = draw(plans())

    def some(values: st.SearchStrategy[Any], when: bool = True) -> Any:
        if not when or draw(st.booleans()):
            return None
        return np.array([float(draw(values)) for _ in range(N)])

    forward = some(money)
    return one, Draws(
        N,
        requests_per_month=some(st.integers(1, 10**7)),
        baseline_usd_per_request=some(price),
        candidate_usd_per_request=some(price),
        candidate_teacher_usd_per_request=some(price),
        baseline_quality=some(share),
        candidate_quality=some(share),
        baseline_capacity_rps=some(rps, one.baseline.machines is not None),
        candidate_capacity_rps=some(rps, one.candidate.machines is not None),
        price_decay_per_year=some(st.decimals(min_value=0, max_value="0.95", places=2)),
        program_usd=None if forward is None else forward + 10.0,
        forward_usd=forward,
        operations_usd_per_month=some(money),
    )


def flow(drawn: Plan) -> float:
    """Return the size of all bills: a difference of them is known to a share of this, however small it is itself."""
    months = range(1, drawn.horizon_months + 1)
    bills = sum(float(baseline_bill(drawn, m).usd + candidate_bill(drawn, m).usd) for m in months)
    return bills + float(drawn.one_time.program_usd + drawn.retrain_usd)


def check_scope(found: ScopeDraws, expected: Returns, outlook: Outlook, index: int, size: float) -> None:
    assert math.isclose(found.npv_usd[index], expected.npv_usd, rel_tol=1e-9, abs_tol=1e-12 * size)
    smallest = min((float(abs(s)) for s in outlook.savings_usd if s), default=1.0)
    paybacks = (
        (found.payback_months, expected.payback_months),
        (found.discounted_payback_months, expected.discounted_payback_months),
    )
    for months, exact in paybacks:
        tolerance = 1e-9 + 1e-14 * size / smallest  # I / S is no better known than S
        assert math.isclose(months[index], math.inf if exact is None else exact, rel_tol=tolerance, abs_tol=tolerance)


def check(found: Simulation, drawn: Plan, index: int) -> None:
    expected = outlook_of(drawn)
    size = flow(drawn)
    bills = ((found.baseline_usd, expected.baseline.usd), (found.candidate_usd, expected.candidate.usd))
    for one, bill in bills:
        assert math.isclose(one[index], bill, rel_tol=1e-9)
    assert math.isclose(found.saving_usd[index], expected.saving_usd, rel_tol=1e-9, abs_tol=1e-12 * size)
    assert [
        math.isclose(s, e, rel_tol=1e-9, abs_tol=1e-12 * size)
        for s, e in zip(found.savings_usd[:, index], expected.savings_usd, strict=True)
    ] == [True] * drawn.horizon_months
    if expected.reduction is not None:
        assert math.isclose(found.reduction[index], expected.reduction, rel_tol=1e-9)
    else:
        assert not math.isfinite(found.reduction[index])
    check_scope(found.program, expected.program, expected, index, size)
    check_scope(found.forward, expected.forward, expected, index, size)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_each_draw_is_the_decimal_model(case: tuple[Plan, Draws]) -> None:
    one, draws = case
    found = simulate(one, draws)
    for index in range(N):
        check(found, plan_at(one, draws, index), index)


@pytest.mark.parametrize("hourly", [(), (D(1),)])
def test_traffic_that_fills_whole_machines_starts_no_further_one(hourly: tuple[Decimal, ...]) -> None:
    serving = Serving(usd_per_hour=D(1), target_utilisation=D("0.7"), min_replicas=0, redundancy=0)
    peak = D(1) if hourly else D(4)
    one = Machines(serving=serving, capacity_rps=D("3.3"), peak_to_average=peak, hourly_weights=hourly)
    full = D("3.3") * D("0.7") * 3600 * 730 / peak  # float64 makes one machine of it 1.0000000000000002
    volumes = np.array([float(full) * j for j in range(1, 401)] + [float(full) * j + 1 for j in range(1, 401)])
    found = simulate(
        plan(candidate=Alternative(name="own", machines=one), operations_usd_per_month=D(0)),
        Draws(800, requests_per_month=volumes),
    )
    replicas = found.candidate_usd / 730
    assert replicas.tolist() == [*range(1, 401), *range(2, 402)]


def test_golden_case_one_and_its_draws() -> None:
    # G01: NPV 48,995.49 and payback 1.6404 months at 8,234.96; a draw of half the volume saves 2,260 a month.
    draws = Draws(
        2,
        requests_per_month=np.array([1e6, 5e5]),
        program_usd=np.array([8234.96, 8234.96]),
        forward_usd=np.array([8234.96, 0.0]),
    )
    found = simulate(plan(), draws)
    assert found.forward.npv_usd == pytest.approx([48_995.49, 2_260 * 11.400487829], abs=0.005)
    assert found.program.payback_months == pytest.approx([1.6404, 8234.96 / 2_260], abs=5e-5)
    assert found.forward.payback_months[1] == 0
    assert found.reduction == pytest.approx([6000 / 980, 3000 / 740])


def test_a_free_candidate_has_no_finite_reduction_and_no_saving_never_pays_back() -> None:
    free = Alternative(name="free")
    draws = Draws(2, baseline_usd_per_request=np.array([0.006, 0.0]))
    found = simulate(plan(candidate=free, operations_usd_per_month=D(0)), draws)
    assert found.reduction[0] == math.inf and math.isnan(found.reduction[1])
    assert found.forward.payback_months[1] == math.inf
    tenths = Alternative(
        name="0.30000000000000004 in float64", usd_per_request=D("0.1"), teacher_usd_per_request=D("0.2")
    )
    third = Alternative(name="0.3", usd_per_request=D("0.3"))
    same = simulate(plan(baseline=tenths, candidate=third, operations_usd_per_month=D(0)), Draws(1))
    assert same.saving_usd.tolist() == [0.0] and same.forward.payback_months.tolist() == [math.inf]


def test_a_cost_that_the_last_month_repays_in_full_is_repaid() -> None:
    # 0.8 - 0.1 is above 0.7 in float64.
    exact = payback_in(D("0.8"), [D("0.1"), D("0.7")])
    assert payback_within(np.array([0.8, 0.9]), np.array([[0.1, 0.1], [0.7, 0.7]])).tolist() == [exact, math.inf]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"requests_per_month": [1.0, 0.0]}, "requests_per_month is 0.0 in draw 1"),
        ({"candidate_quality": [1.0, 1.1]}, "candidate_quality is 1.1 in draw 1"),
        ({"price_decay_per_year": [0.0, 1.0]}, "price_decay_per_year is 1.0"),
        ({"operations_usd_per_month": [math.nan, 1.0]}, "operations_usd_per_month is nan in draw 0"),
        ({"operations_usd_per_month": [1.0]}, "shape"),
        ({"program_usd": [1.0, 1.0]}, "only one of"),
        ({"program_usd": [1.0, 1.0], "forward_usd": [1.0, 2.0]}, "above program_usd in draw 1"),
    ],
)
def test_impossible_draws_are_refused(given: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Draws(2, **{name: np.array(values) for name, values in given.items()})


def test_a_plan_that_the_decimal_model_refuses_is_refused() -> None:
    with pytest.raises(InputError, match="share of good answers is not known"):
        simulate(plan(error_usd=D(1)), Draws(1))
    with pytest.raises(InputError, match="has no machines"):
        simulate(plan(), Draws(1, candidate_capacity_rps=np.array([1.0])))
    with pytest.raises(InputError, match="discount"):
        simulate(plan(discount_per_year=D(-1)), Draws(1))
    known = simulate(
        plan(error_usd=D(1)), Draws(1, baseline_quality=np.array([0.75]), candidate_quality=np.array([0.5]))
    )
    assert known.saving_usd[0] == pytest.approx(5_020 - 250_000)


def test_the_package_of_costs_does_without_numpy() -> None:
    code = "import sys, gatekeeper.cost; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
