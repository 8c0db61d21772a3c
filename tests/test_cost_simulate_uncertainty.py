"""From evidence to bands and chances: what is drawn, what stays, and what the numbers say."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from gatekeeper.cost import Alternative, CostLine, Machines, Plan, Serving, add_lines, outlook_of
from gatekeeper.cost.uncertainty.evidence import Evidence, Points
from gatekeeper.cost.uncertainty.sampled import INPUTS, sample
from gatekeeper.cost.uncertainty.simulate import simulate
from gatekeeper.cost.uncertainty.summary import Uncertainty, band, chance, uncertainty_of
from gatekeeper.errors import InputError

D = Decimal
N = 2_000
RANDOM = np.random.default_rng(0)
RIGHT = (RANDOM.random(500) < 0.9).astype(float)
COSTS = RANDOM.lognormal(-6, 1, 400)
SERVING = Serving(usd_per_hour=D("0.5"), target_utilisation=D("0.7"), min_replicas=2, redundancy=1)
PLAN = Plan(
    requests_per_month=D(1_000_000),
    baseline=Alternative(name="teacher", usd_per_request=D("0.006"), quality=D("0.9")),
    candidate=Alternative(
        name="student",
        usd_per_request=D("0.0001"),
        teacher_usd_per_request=D("0.0006"),
        quality=D("0.88"),
        machines=Machines(serving=SERVING, capacity_rps=D(20)),
    ),
    one_time=add_lines(
        [CostLine(name="loop", spent_usd=D(200)), CostLine(name="engineering", spent_usd=D(50), ahead_usd=D(8_000))]
    ),
    operations_usd_per_month=D(500),
    error_usd=D("0.01"),
)
ALL: dict[str, Any] = {
    "volume_p10_p90": (5e5, 2e6),
    "teacher_scores": RIGHT,
    "student_scores": np.where(RANDOM.random(500) < 0.95, RIGHT, 1 - RIGHT),
    "baseline_requests_usd": COSTS,
    "candidate_requests_usd": COSTS / 60,
    "throughput_rps": [39.0, 40.0, 41.0, 40.5, 39.5],  # of two machines like those of the plan
    "price_decay": Points(0, 0.5, 0.9),
    "engineering_hours": Points(40, 80, 160),
    "usd_per_hour": D(100),
    "operations_usd": Points(300, 500, 900),
    "baseline_prices_usd": (0.006, 0.0066),
    "candidate_prices_usd": (0.0001, 0.0002),
}


def found(seed: int = 5, **changes: Any) -> Uncertainty:
    limits = {"payback_limit": D(6), "reduction_limit": D(2)}
    return uncertainty_of(PLAN, Evidence(**{**ALL, **changes}), seed=seed, n_draws=N, **limits)


def test_without_evidence_all_draws_are_the_plan() -> None:
    exact = outlook_of(PLAN)
    none = uncertainty_of(PLAN, Evidence(), seed=1, n_draws=100, payback_limit=D(6))
    assert none.inputs == () and none.evppi == () and none.evpi.usd == 0
    for name in ("p10", "p50", "p90"):
        assert float(getattr(none.forward.npv_usd, name)) == pytest.approx(float(exact.forward.npv_usd), rel=1e-12)
        assert float(getattr(none.reduction, name)) == pytest.approx(float(exact.reduction or 0), rel=1e-12)
    assert none.forward.npv_positive.share == 1 and none.forward.npv_positive.standard_error > 0
    assert none.reduction_met is None and none.rows is None


def test_an_input_does_not_change_the_draws_of_another() -> None:
    whole = sample(PLAN, Evidence(**ALL), n_draws=N, seed=5)
    owners = {
        "volume": ["volume_p10_p90"],
        "quality": ["teacher_scores", "student_scores"],
        "throughput": ["throughput_rps"],
        "price_decay": ["price_decay"],
        "engineering_hours": ["engineering_hours", "usd_per_hour"],
        "operations": ["operations_usd"],
        "baseline_price": ["baseline_prices_usd"],
        "candidate_price": ["candidate_prices_usd"],
        "baseline_requests": ["baseline_requests_usd", "candidate_requests_usd"],
    }
    assert set(owners) == set(whole.values)
    for name, fields in owners.items():
        alone = sample(PLAN, Evidence(**{field: ALL[field] for field in fields}), n_draws=N, seed=5)
        assert list(alone.values) == [name]
        assert (alone.values[name] == whole.values[name]).all()
    # Each has a stream of its own.
    flat = [values for values in whole.values.values() if values.ndim == 1]
    correlations = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(correlations).max() < 5 / math.sqrt(N)


def test_the_seed_decides_and_is_stored() -> None:
    assert found() == found()
    assert found().seed == 5 and found().n_draws == N
    assert found(seed=6).forward.npv_usd != found().forward.npv_usd


def test_drawn_inputs_are_listed_with_distribution_and_origin() -> None:
    inputs = {one.name: one for one in found().inputs}
    assert [name for name in INPUTS if name in inputs] == list(inputs)
    assert inputs["volume"].model_dump() == {
        "name": "volume",
        "distribution": "lognormal",
        "parameters": {"p10": 5e5, "p90": 2e6},
        "origin": "assumed",
    }
    assert inputs["quality"].distribution == "paired bootstrap of rows, exact"
    assert {name: one.origin for name, one in inputs.items() if one.origin != "assumed"} == {
        "quality": "measured",
        "baseline_requests": "measured",
        "throughput": "measured",
        "baseline_price": "priced",
        "candidate_price": "priced",
    }


def test_measurements_move_the_plans_numbers_in_proportion() -> None:
    drawn = sample(PLAN, Evidence(**ALL), n_draws=N, seed=5)
    draws, values = drawn.draws, drawn.values
    assert draws.candidate_capacity_rps is not None and draws.baseline_usd_per_request is not None
    assert draws.candidate_capacity_rps.mean() == pytest.approx(20, rel=0.01)
    # The same requests, so both bills move together; and the cascade's teacher with its price and its requests.
    requests = values["baseline_requests"]
    assert requests[:, 0] == pytest.approx(requests[:, 1])
    assert draws.baseline_usd_per_request == pytest.approx(0.006 * requests[:, 0] * values["baseline_price"])
    assert draws.candidate_usd_per_request == pytest.approx(0.0001 * requests[:, 1] * values["candidate_price"])
    assert draws.candidate_teacher_usd_per_request == pytest.approx(draws.baseline_usd_per_request / 10)
    apart = sample(PLAN, Evidence(**{**ALL, "same_requests": False, "baseline_is_teacher": False}), n_draws=N, seed=5)
    assert set(apart.values) - set(values) == {"candidate_requests"}
    assert abs(np.corrcoef(apart.values["baseline_requests"], apart.values["candidate_requests"])[0, 1]) < 0.1
    assert apart.draws.candidate_teacher_usd_per_request is None


def test_engineering_hours_replace_what_is_still_ahead_of_their_line() -> None:
    drawn = sample(PLAN, Evidence(**ALL), n_draws=N, seed=5)
    assert drawn.draws.forward_usd == pytest.approx(drawn.values["engineering_hours"] * 100)
    assert drawn.draws.program_usd == pytest.approx(drawn.values["engineering_hours"] * 100 + 250)


def test_bands_and_chances_are_those_of_the_simulation() -> None:
    result = found()
    draws = simulate(PLAN, sample(PLAN, Evidence(**ALL), n_draws=N, seed=5).draws)
    npv = np.sort(draws.forward.npv_usd)
    assert [result.forward.npv_usd.p10, result.forward.npv_usd.p90] == [D(repr(float(npv[k]))) for k in (199, 1799)]
    share = np.mean(draws.program.payback_months <= 6)
    assert result.program.payback_in_time is not None and result.program.payback_in_time.share == share
    assert 0 < share < 1
    assert result.reduction_met is not None and result.reduction_met.share == np.mean(draws.reduction >= 2)
    assert result.volume_profitable.share == np.mean(draws.baseline_usd >= draws.candidate_usd)
    assert result.program.mean_npv_usd == pytest.approx(result.forward.mean_npv_usd - 250)
    # A month's saving is positive or the volume lies in none of the intervals of the Decimal model.
    volumes = outlook_of(PLAN).volumes
    alone = sample(PLAN, Evidence(volume_p10_p90=(1e5, 2e6)), n_draws=300, seed=1).draws
    assert volumes is not None and alone.requests_per_month is not None
    inside = [volumes.contains(D(float(v))) for v in alone.requests_per_month]
    assert (simulate(PLAN, alone).saving_usd >= 0).tolist() == inside
    assert 0 < sum(inside) < 300


def test_the_value_of_information_names_what_to_measure() -> None:
    wide = uncertainty_of(
        PLAN,
        Evidence(**{**ALL, "volume_p10_p90": (2e5, 2e6)}),
        seed=5,
        n_draws=5_000,
        next_rows=500,
        usd_per_row=D("0.0065"),
    )
    worth = [one.usd for one in wide.evppi]
    assert wide.evppi[0].name == "volume" and worth == sorted(worth, reverse=True)
    assert 0 < worth[0] <= wide.evpi.usd + 2 * wide.evpi.standard_error_usd
    assert wide.rows is not None and wide.rows.cost_usd == D("3.25")
    assert len(wide.evppi) == len(wide.inputs)


def test_percentiles_of_never_are_none() -> None:
    months = band(np.array([1.0] * 60 + [math.inf] * 40))
    assert (months.p10, months.p50, months.p90) == (D(1), D(1), None)
    undefined = band(np.array([math.nan] * 20 + [2.0] * 80))
    assert (undefined.p10, undefined.p50) == (None, D(2))
    half = chance(np.array([True, False] * 50))
    assert half.share == 0.5 and half.standard_error == pytest.approx(0.05)
    assert chance(np.ones(98, dtype=bool)).standard_error == pytest.approx(math.sqrt(0.01 * 0.99 / 98))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"volume_p10_p90": (2e6, 3e6)}, "outside of P10"),
        ({"student_scores": None}, "only one model has scores"),
        ({"candidate_requests_usd": COSTS[:5]}, "400 requests of the baseline and 5"),
        ({"candidate_requests_usd": COSTS * 0}, "candidate_requests_usd has shape"),
        ({"baseline_requests_usd": -COSTS}, r"baseline_requests_usd\[0\] is -"),
        ({"baseline_throughput_rps": ALL["throughput_rps"]}, "teacher has no machines"),
        ({"usd_per_hour": None}, "without usd_per_hour"),
        ({"engineering_line": "salaries"}, "no line 'salaries'"),
        ({"engineering_hours": Points(-1, 2, 3)}, "the lowest value is -1"),
        ({"price_decay": Points(0.5, 1.5, 2)}, "price_decay_per_year is"),
        ({"baseline_prices_usd": (6.0, 6.6)}, "outside of the options"),
    ],
)
def test_evidence_that_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        found(**changes)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InputError, match="n_draws is 5"):
        uncertainty_of(PLAN, Evidence(), seed=1, n_draws=5)
    with pytest.raises(InputError, match="payback_limit"):
        uncertainty_of(PLAN, Evidence(), seed=1, payback_limit=D(0))
    with pytest.raises(InputError, match="there are no scores"):
        uncertainty_of(PLAN, Evidence(), seed=1, n_draws=100, next_rows=10)
