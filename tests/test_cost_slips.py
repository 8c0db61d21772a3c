"""Slips in published calculators and claims about cost, each held against what this model says.

Every test works out the published number with the formula that was published, so that it is seen to be that slip, and
the right one with a function of the model.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import ceil

import pytest

from gatekeeper.cost import (
    Alternative,
    ApiPrices,
    ApiUse,
    Machines,
    Price,
    RequestTokens,
    Serving,
    api_cost,
    cascade_cost,
    cheapest,
    estimate_training,
    gpu_hours,
    hourly_training_cost,
    machine_month,
    month_bill,
    npv,
    payback_months,
    profitable_intervals,
    round_cents,
    token_cost,
    token_training_cost,
    usd_per_million,
)

D = Decimal
GPU = Serving(usd_per_hour=D("1.19"), target_utilisation=D("0.7"), min_replicas=1, redundancy=0)


def price(pin: str, pout: str, cached: str | None = None) -> Price:
    return Price(
        model="a/b",
        input_per_m=D(pin),
        output_per_m=D(pout),
        cached_input_per_m=None if cached is None else D(cached),
        source="test",
        as_of=date(2026, 11, 1),
    )


def test_slip_1_kickllm_and_induwara_multiply_the_gpu_bill_by_its_utilisation() -> None:
    # self_cost = gpu_rate x gpus x 730 x utilization: a machine that idles 60 % of the time would cost 40 %.
    published = D("1.19") * 1 * 730 * D("0.4")
    busy = Machines(serving=GPU, capacity_rps=D(10))
    volume = D(10) * 3600 * 730 * D("0.7") / 4
    half, full = (machine_month(volume * share, busy).usd for share in (D("0.4"), D(1)))
    assert round_cents(published) == D("347.48")
    assert half == full == D("1.19") * 730 == D("868.70"), "an idle hour is billed like any other"


def test_slip_2_ai_costcalculator_has_fractions_of_gpus_and_no_spare() -> None:
    # GPUs needed = demand / capacity, without rounding up, without room for the peak and without a spare machine.
    demand, capacity = D("1.3"), D(1)
    published = demand / capacity * D("1.19") * 24 * 30
    spare = GPU.model_copy(update={"min_replicas": 2, "redundancy": 1})
    month = machine_month(demand * 3600 * 730, Machines(serving=spare, capacity_rps=capacity, peak_to_average=D(1)))
    assert month.replicas == ceil(1.3 / 0.7) + 1 == 3
    assert round_cents(month.usd) == D("2606.10")
    assert round_cents(published) == D("1113.84")


def test_slip_3_bloomitize_makes_1500_of_a_thousand_million_tokens_at_2_dollars() -> None:
    tokens = RequestTokens(input_tokens=D(1_000_000_000))
    own = token_cost(tokens, price("2", "2"))
    assert own == 2_000 != 1_500
    saving = 15_000 - own
    assert payback_months(D(35_000), saving) == pytest.approx(D("2.692308"), abs=D("1e-6"))
    assert payback_months(D(35_000), D(15_000 - 1_500)) == pytest.approx(D("2.592593"), abs=D("1e-6"))
    assert npv(D(35_000), [saving] * 36, discount_per_year=D(0)) == 433_000 != 451_000


def test_slip_4_manning_forgets_in_the_break_even_that_escalated_requests_save_nothing() -> None:
    api, hour, escalation = D("0.004"), D("2.50"), D("0.042")
    published = hour / api
    saving = api - cascade_cost(D(0), api, escalation)
    right = profitable_intervals(saving, fixed_usd_per_month=hour).intervals[0].start
    assert published == 625
    assert round(right, 2) == D("652.40")
    at = {volume: volume * saving - hour for volume in (published, right)}
    assert at[published] < 0, "at the published volume the cascade still loses money"
    assert abs(at[right]) < D("1e-20")


def test_slip_5_pcschmidt_gives_per_thousand_what_is_per_million_and_overstates_the_saving() -> None:
    slow, fast = usd_per_million(D("0.05"), D(68)), usd_per_million(D("0.05"), D(602))
    assert (round(slow, 2), round(fast, 2)) == (D("0.20"), D("0.02")), "per 1,000,000 requests"
    assert round(slow / 1_000, 4) == D("0.0002"), "per 1,000, of which 0.21 was published"
    saving = 100 * (1 - fast / slow)
    assert round(saving, 1) == D("88.7")
    assert round(saving) != 94


def test_slip_6_mangaassist_is_out_by_a_thousand() -> None:
    encoder = Alternative(name="encoder", usd_per_request=D("0.038") / 10_000)
    bill = month_bill(encoder, D(1_400_000))
    assert bill.usd == D("5.32")
    assert bill.usd * 1_000 == 5_320, "what was published"


def test_slip_7_zubnet_takes_a_twentieth_of_the_gpu_hours() -> None:
    hours = gpu_hours(D("4.2e22"), D("1e15"), D(1))
    assert round(hours) == 11_667
    assert round(hourly_training_cost(hours, D(2))) == 23_333
    published = D(500)
    assert published * 3600 * D("1e15") < D("4.2e22") / 20, "500 hours are too few operations"
    assert hourly_training_cost(published, D(2)) == 1_000


def test_slip_8_genaicalculator_and_theneuralbase_scale_the_operations_of_lora_by_its_weights() -> None:
    common = {"peak_flops": D("989e12"), "usd_per_gpu_hour": D("2.69")}
    lora = estimate_training(D("8e9"), D("42e6"), method="lora", **common)
    full = estimate_training(D("8e9"), D("42e6"), method="full", **common)
    saved = 1 - lora.flops / full.flops
    assert saved == pytest.approx(D(1) / 3, abs=D("1e-20"))
    assert saved != D("0.95"), "LoRA does not cut the operations by 95 %"
    assert lora.flops / full.flops > 100 * D(16) / 4096, "nor to rank over hidden size"
    # Computing the activations again takes one more forward pass and with it the saving.
    again = estimate_training(D("8e9"), D("42e6"), method="lora", recompute=True, **common)
    assert again.flops == full.flops


def test_slip_9_microsoft_multiplies_4_by_100_to_200() -> None:
    published = D(200)
    assert hourly_training_cost(D(4), D(100)) == 400 != published
    grading = RequestTokens(input_tokens=D(5_000_000), output_tokens=D(4_900_000))
    assert hourly_training_cost(D(4), D(100)) + token_cost(grading, price("1.10", "4.40")) == D("427.06")


def test_slip_10_devtoolbox_trains_the_small_model_at_the_large_ones_price() -> None:
    # 25 USD per million training tokens is the price of gpt-4o; that of gpt-4o-mini is 3.
    tokens = D(62) / 25 * 1_000_000
    assert token_training_cost(tokens, D(25)) == 62
    assert token_training_cost(tokens, D(3)) == D("7.44")


def test_slip_10_theluckystrike_charges_a_fine_tuned_model_like_its_base() -> None:
    tokens = [RequestTokens(input_tokens=D(500), output_tokens=D(200))]
    base = api_cost(tokens, ApiPrices(standard=price("0.15", "0.60"))).usd
    tuned = api_cost(tokens, ApiPrices(standard=price("0.30", "1.20"))).usd
    assert (100_000 * base, 100_000 * tuned) == (D("19.50"), D("39.00"))


def test_slip_11_optimnow_halves_the_price_of_cached_tokens_in_every_batch() -> None:
    standard, batch = price("2.50", "10", cached="1.25"), price("1.25", "5")
    tokens = RequestTokens(input_tokens=D(10_000), cached_input_tokens=D(8_000), output_tokens=D(500))
    use = ApiUse(batch_share=D(1))
    ours = api_cost([tokens], ApiPrices(standard=standard, batch=batch), use)
    assert ours.cached_input_usd == 8_000 * D("1.25") / 1_000_000, "no price of its own was looked up"
    stacked = batch.model_copy(update={"cached_input_per_m": D("0.625")})
    looked_up = api_cost([tokens], ApiPrices(standard=standard, batch=stacked), use)
    assert looked_up.cached_input_usd == ours.cached_input_usd / 2, "where it is, it holds"
    assert ours.usd - looked_up.usd == D("0.005")


def test_slip_11_optimnow_bills_an_escalated_request_to_the_teacher_alone() -> None:
    student, teacher, escalation = D("0.00048"), D("0.006"), D("0.25")
    published = (1 - escalation) * student + escalation * teacher
    ours = cascade_cost(student, teacher, escalation)
    assert ours == D("0.00198")
    assert ours - published == escalation * student, "the student answered these requests too"


def test_slip_12_nvidia_takes_the_ratio_of_parameters_for_the_ratio_of_costs() -> None:
    published = 100 * (1 - D(1) / 70)
    assert round(published, 1) == D("98.6")
    large, small = GPU.model_copy(update={"units": 4}), GPU
    volume = D(3_000_000)
    before, after = (
        machine_month(volume, Machines(serving=serving, capacity_rps=D(9))).usd for serving in (large, small)
    )
    saving = 100 * (1 - after / before)
    assert saving == 75, "the bill is of machines: four against one"


def test_slip_12_aws_mixes_its_baselines() -> None:
    # The cost against a large model, the quality against a small one: each comparison has one baseline for all.
    large = Alternative(name="large", usd_per_request=D("0.006"), passes=True)
    small = Alternative(name="small", usd_per_request=D("0.00027"), passes=True)
    student = Alternative(name="student", usd_per_request=D("0.00024"))
    volume = D(1_000_000)
    baseline = cheapest([large, small], volume)
    assert baseline == small
    mine = month_bill(student, volume).usd
    mixed, ours = (100 * (1 - mine / month_bill(one, volume).usd) for one in (large, baseline))
    assert mixed == 96
    assert round(ours, 1) == D("11.1")
