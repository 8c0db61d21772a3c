"""Serving: whole replicas, billed whether busy or not."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.cost import Serving, capacity_rps, replicas, round_cents, serving_month, utilisation
from gatekeeper.errors import InputError
from gatekeeper.records import Estimate

GOLDEN = {
    case["id"].split("_")[0]: case
    for case in yaml.safe_load((Path(__file__).parent / "golden" / "cost_golden_cases.yaml").read_text())
}
GOOD: dict[str, Any] = {
    "peak_to_average": Decimal(4),
    "capacity_rps": Decimal(80),
    "target_utilisation": Decimal("0.6"),
    "min_replicas": 2,
    "redundancy": 1,
}


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _throughput(value: float | None, lower: float | None = None) -> Estimate:
    return Estimate(value=value, lower=lower, confidence=0.9, n_expected=5, n_scored=5, n_failed=0)


def test_golden_gpu_bill_is_of_whole_replicas() -> None:
    given_, out = GOLDEN["G06"]["in"], GOLDEN["G06"]["out"]
    serving = Serving(
        usd_per_hour=_decimal(given_["gpu_h"]),
        target_utilisation=_decimal(given_["util_target"]),
        min_replicas=given_["min_replicas"],
        redundancy=given_["redundancy"],
    )
    month = serving_month(
        given_["V"],
        peak_to_average=Decimal(given_["peak_factor"]),
        capacity_rps=_decimal(given_["cap_rps"]),
        serving=serving,
    )
    assert (month.replicas_serving, month.replicas_billed) == (out["n_serving"], out["n_billed"])
    assert round_cents(month.usd) == Decimal(out["month"])
    assert month.usd_per_request == _decimal(out["req"])
    millions_out = Decimal(given_["V"] * given_["tout"]) / 1_000_000
    assert month.usd / millions_out == _decimal(out["per_m_out"])
    # What a price per saturated token would say: about a twentieth of the bill.
    assert round_cents(millions_out * _decimal(out["WRONG_naive_per_m_out"])) == Decimal(out["WRONG_naive_month"])
    saturated = _decimal(given_["sat_tok_s"]) / given_["tout"]
    assert float(utilisation(given_["V"], 2, saturated)) == pytest.approx(out["u_econ"], rel=1e-6)


def test_golden_cpu_encoder() -> None:
    given_, out = GOLDEN["G16"]["in"], GOLDEN["G16"]["out"]
    serving = Serving(
        usd_per_hour=_decimal(given_["usd_h"]),
        target_utilisation=_decimal(given_["util_target"]),
        min_replicas=given_["min_replicas"],
        redundancy=given_["redundancy"],
        cores=given_["cores"],
    )
    month = serving_month(
        given_["V"],
        peak_to_average=Decimal(given_["peak_factor"]),
        capacity_rps=Decimal(given_["rps_per_core"] * given_["cores"]),
        serving=serving,
    )
    assert (month.replicas_serving, month.replicas_billed) == (out["n_serving"], out["n_billed"])
    assert round_cents(month.usd) == Decimal(out["month"])
    assert round_cents(month.usd_per_request * 1_000_000) == Decimal(out["per_1m_req"])


@settings(max_examples=200, deadline=None)
@given(
    volume=st.integers(1, 10**11),
    peak=st.integers(10, 200),
    capacity=st.integers(1, 10**6),
    share=st.integers(1, 100),
    least=st.integers(0, 5),
    spare=st.integers(0, 3),
)
def test_replicas_carry_the_peak_and_one_fewer_would_not(
    volume: int, peak: int, capacity: int, share: int, least: int, spare: int
) -> None:
    count = replicas(
        volume,
        peak_to_average=Decimal(peak) / 10,
        capacity_rps=Decimal(capacity) / 100,
        target_utilisation=Decimal(share) / 100,
        min_replicas=least,
        redundancy=spare,
    )
    needed = Fraction(volume) / (730 * 3600) * Fraction(peak, 10) / (Fraction(capacity, 100) * Fraction(share, 100))
    assert count.serving == ceil(needed)
    assert count.billed == max(least, count.serving + spare)


def test_a_load_of_exactly_three_replicas_needs_three() -> None:
    # 3 replicas x 0.7 rps usable; a rounded quotient would ask for a fourth.
    volume = int(3 * Decimal("0.7") * 730 * 3600)
    exact = {**GOOD, "peak_to_average": Decimal(1), "capacity_rps": Decimal(1), "target_utilisation": Decimal("0.7")}
    assert replicas(volume, **exact).serving == 3
    assert replicas(volume + 1, **exact).serving == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity_rps", Decimal(0)),
        ("capacity_rps", Decimal("NaN")),
        ("capacity_rps", Decimal("Infinity")),
        ("capacity_rps", Decimal(-1)),
        ("target_utilisation", Decimal(0)),
        ("target_utilisation", Decimal("1.01")),
        ("peak_to_average", Decimal("0.9")),
        ("peak_to_average", Decimal("NaN")),
        ("min_replicas", -1),
        ("redundancy", -1),
    ],
)
def test_a_number_out_of_range_is_an_error(field: str, value: object) -> None:
    assert replicas(1_000_000, **GOOD).billed == 2
    with pytest.raises(InputError, match=field.split("_")[0]):
        replicas(1_000_000, **{**GOOD, field: value})


def test_no_traffic_is_an_error_not_a_free_month() -> None:
    with pytest.raises(InputError, match="requests per month"):
        replicas(0, **GOOD)


@pytest.mark.parametrize("name", ["usd_per_hour", "overhead"])
def test_a_negative_price_is_an_error(name: str) -> None:
    serving = Serving(usd_per_hour=Decimal(1), target_utilisation=Decimal("0.6"), min_replicas=1, redundancy=0)
    wrong = serving.model_copy(update={name: Decimal(-1)})
    with pytest.raises(InputError, match=name):
        serving_month(1_000, peak_to_average=Decimal(4), capacity_rps=Decimal(10), serving=wrong)


def test_overhead_comes_on_top_and_adds_up() -> None:
    serving = Serving(
        usd_per_hour=Decimal(1), target_utilisation=Decimal(1), min_replicas=1, redundancy=0, overhead=Decimal("0.15")
    )
    month = serving_month(1_000, peak_to_average=Decimal(1), capacity_rps=Decimal(10), serving=serving)
    assert [month.machines_usd, month.overhead_usd, month.usd] == [730, Decimal("109.50"), Decimal("839.50")]


def test_utilisation_is_an_output_and_does_not_change_the_bill() -> None:
    serving = Serving(usd_per_hour=Decimal(1), target_utilisation=Decimal("0.5"), min_replicas=2, redundancy=1)
    quiet, busy = (
        serving_month(volume, peak_to_average=Decimal(2), capacity_rps=Decimal(10), serving=serving)
        for volume in (1_000, 1_000_000)
    )
    assert quiet.usd == busy.usd
    assert busy.utilisation == 1_000 * quiet.utilisation


@pytest.mark.parametrize("value", [None, 0.0, -1.0, float("inf")])
def test_a_throughput_that_is_no_speed_is_an_error(value: float | None) -> None:
    with pytest.raises(InputError, match="throughput"):
        capacity_rps(_throughput(value))
    with pytest.raises(InputError, match="lower bound of the throughput"):
        capacity_rps(_throughput(10.0, value), end="lower")


def test_capacity_scales_with_cores_but_the_lower_end_never_up() -> None:
    throughput = _throughput(20.0, 18.0)
    assert capacity_rps(throughput) == 20
    assert capacity_rps(throughput, end="lower") == 18
    assert capacity_rps(throughput, cores_measured=2, cores_billed=4) == 40
    assert capacity_rps(throughput, end="lower", cores_measured=2, cores_billed=4) == 18
    assert capacity_rps(throughput, end="lower", cores_measured=2, cores_billed=1) == 9
