"""The twenty golden cases, every number of each, to the digits that the file writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatekeeper.cost import (
    Alternative,
    ApiPrices,
    CostLine,
    Machines,
    Plan,
    Price,
    PriceTier,
    RequestTokens,
    Serving,
    Steps,
    add_lines,
    api_cost,
    break_even_error_cost,
    break_even_volume,
    cascade_cost,
    chance_positive,
    cheapest,
    cost_per_success,
    economic_utilisation,
    engineering_cost,
    estimate_training,
    evaluation_cost,
    find_price,
    generation_cost,
    gpu_hours,
    hosting_cost,
    hourly_training_cost,
    idle_usd,
    irr_per_month,
    label_cost,
    machine_month,
    monthly_savings,
    most_escalation,
    npv,
    outlook_of,
    payback_months,
    profitable_intervals,
    quality_adjusted_cost,
    replica_month,
    replica_volume,
    replicas,
    sign_changes,
    token_cost,
    token_training_cost,
    usd_per_million,
    usd_per_million_output,
    value_of_perfect_information,
    value_of_samples,
)
from gatekeeper.cost.prices import snapshot_date

Results = dict[str, Any]
NEVER = "NEVER_PAYS_BACK"


class _Text(yaml.BaseLoader):
    """Leaves every scalar as the text that stands there, so that its digits can be counted."""


FILE = Path(__file__).parent / "golden" / "cost_golden_cases.yaml"
CASES = {case["id"].split("_")[0]: case for case in yaml.load(FILE.read_text(encoding="utf-8"), Loader=_Text)}
GOLDEN: dict[str, Callable[[dict[str, Any]], Results]] = {}


def _golden(function: Callable[[dict[str, Any]], Results]) -> Callable[[dict[str, Any]], Results]:
    GOLDEN[function.__name__.strip("_").upper()] = function
    return function


def d(text: str) -> Decimal:
    return Decimal(text)


def priced(rates: dict[str, str]) -> Price:
    return Price(
        model="a/b", input_per_m=d(rates["pin"]), output_per_m=d(rates["pout"]), source="test", as_of=date(2026, 11, 1)
    )


def request(rates: dict[str, str]) -> Decimal:
    """Return what one request with these tokens at these prices costs."""
    tokens = RequestTokens(input_tokens=d(rates["tin"]), output_tokens=d(rates["tout"]))
    return api_cost([tokens], ApiPrices(standard=priced(rates))).usd


def whole(months: Decimal | None) -> Decimal | None:
    return None if months is None else months.to_integral_value(rounding=ROUND_CEILING)


def once(given: dict[str, Any]) -> dict[str, Decimal]:
    part = given["one_time"]
    teacher, student = request(given["teacher"]), request(given["student"])
    rows = int(part["gen_n"])
    return {
        "gen": generation_cost(rows, teacher * d(part["gen_batch_mult"])),
        "train": token_training_cost(
            rows * d(part["train_tok_per_ex"]), d(part["p_train"]), epochs=int(part["epochs"])
        ),
        "eval": evaluation_cost(int(part["eval_n"]), teacher_usd=teacher, student_usd=student),
        "label": label_cost(int(part["label_n"]), votes=int(part["label_votes"]), usd_per_label=d(part["p_label"])),
        "eng": engineering_cost(d(part["eng_h"]), d(part["eng_rate"])),
    }


def plan_of(given: dict[str, Any], **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "requests_per_month": d(given["V"]),
        "baseline": Alternative(name="teacher", usd_per_request=request(given["teacher"])),
        "candidate": Alternative(name="student", usd_per_request=request(given["student"])),
        "one_time": add_lines([CostLine(name=name, ahead_usd=usd) for name, usd in once(given).items()]),
        "operations_usd_per_month": d(given["ops_month"]),
        "horizon_months": int(given["horizon_m"]),
        "discount_per_year": d(given["disc_annual"]),
    }
    return Plan(**{**fields, **changes})


@_golden
def _g01(given: dict[str, Any]) -> Results:
    plan = plan_of(given)
    seen = outlook_of(plan)
    saving = plan.baseline.usd_per_request - plan.candidate.usd_per_request
    operations, program = plan.operations_usd_per_month, seen.program.one_time_usd
    assert seen.volumes is not None and seen.volumes_with_program is not None
    assert seen.volumes.intervals[0].start == operations / saving
    assert whole(seen.volumes_with_program.intervals[0].start) == break_even_volume(operations + program / 12, saving)
    assert seen.token_reduction is not None
    return {
        "teacher_req": plan.baseline.usd_per_request,
        "student_req": plan.candidate.usd_per_request,
        "teacher_month": seen.baseline.usd,
        "student_month": seen.candidate.requests_usd,
        "crr": seen.token_reduction,
        "saving_pct": 100 * (1 - 1 / seen.token_reduction),
        **once(given),
        "one_time": program,
        "net_month": seen.saving_usd,
        "payback_months": seen.program.payback_months,
        "disc_payback_month": whole(seen.program.discounted_payback_months),
        "v_breakeven_ops_only": break_even_volume(operations, saving),
        "v_breakeven_12m": break_even_volume(operations + program / 12, saving),
        "v_for_payback_6m": break_even_volume(operations + program / 6, saving),
        "npv_12": seen.program.npv_usd,
        "irr_monthly": seen.program.irr_per_month,
    }


@_golden
def _g02(given: dict[str, Any]) -> Results:
    first = plan_of(CASES["G01"]["in"])
    incumbent = first.baseline.model_copy(update={"passes": True})
    rival = Alternative(name="zero-shot", usd_per_request=request(given["baseline"]), passes=True)
    worse = Alternative(name="cheap and bad", usd_per_request=Decimal(0), passes=False)
    baseline = cheapest([incumbent, worse, rival], first.requests_per_month)
    assert baseline == rival
    seen = outlook_of(plan_of(CASES["G01"]["in"], baseline=baseline))
    assert seen.volumes is not None and seen.volumes.intervals == ()
    assert seen.forward.payback_months is None and seen.program.irr_per_month is None
    return {
        "baseline_req": rival.usd_per_request,
        "baseline_month": seen.baseline.usd,
        "net_month": seen.saving_usd,
        "verdict": NEVER if seen.program.payback_months is None else seen.program.payback_months,
    }


@_golden
def _g03(given: dict[str, Any]) -> Results:
    plan = plan_of(CASES["G01"]["in"], price_decay_per_year=d(given["decay"]))
    savings, seen = monthly_savings(plan), outlook_of(plan)
    return {
        "net_m1": savings[0],
        "net_m12": savings[11],
        "npv_12": seen.program.npv_usd,
        "payback_month": whole(seen.program.payback_months),
    }


@_golden
def _g04(given: dict[str, Any]) -> Results:
    price = priced(given).model_copy(
        update={"cached_input_per_m": d(given["pread"]), "cache_write_per_m": d(given["pwrite"])}
    )
    total = d(given["fresh"]) + d(given["read"]) + d(given["write"])
    plain = RequestTokens(input_tokens=total, output_tokens=d(given["out"]))
    tokens = plain.model_copy(update={"cached_input_tokens": d(given["read"]), "cache_write_tokens": d(given["write"])})
    cached, uncached = token_cost(tokens, price), token_cost(plain, price)
    # The same with the price book's own prices.
    book = find_price("anthropic/claude-sonnet-4-5", at=snapshot_date())
    assert token_cost(tokens, book) == cached
    return {"req": cached, "no_cache_req": uncached, "saving_pct": 100 * (1 - cached / uncached)}


@_golden
def _g05(given: dict[str, Any]) -> Results:
    tier = PriceTier(
        above_input_tokens=int(given["tier_above"]),
        input_per_m=d(given["tier_pin"]),
        output_per_m=d(given["tier_pout"]),
    )
    price = priced(given).model_copy(update={"tiers": (tier,)})
    n = int(given["requests"])
    tokens = RequestTokens(input_tokens=d(given["tin"]), output_tokens=d(given["tout"]))
    summed = RequestTokens(input_tokens=n * tokens.input_tokens, output_tokens=n * tokens.output_tokens)
    return {
        "per_request_then_sum": n * api_cost([tokens] * n, ApiPrices(standard=price)).usd,
        "WRONG_price_of_sum": token_cost(summed, price),
    }


def machines_of(given: dict[str, Any], capacity: Decimal, usd_per_hour: str) -> Machines:
    serving = Serving(
        usd_per_hour=d(usd_per_hour),
        target_utilisation=d(given["util_target"]),
        min_replicas=int(given["min_replicas"]),
        redundancy=int(given["redundancy"]),
    )
    return Machines(serving=serving, capacity_rps=capacity, peak_to_average=d(given["peak_factor"]))


def serving_replicas(given: dict[str, Any], machines: Machines) -> int:
    return replicas(
        int(given["V"]),
        peak_to_average=machines.peak_to_average,
        capacity_rps=machines.capacity_rps,
        target_utilisation=machines.serving.target_utilisation,
        min_replicas=machines.serving.min_replicas,
        redundancy=machines.serving.redundancy,
    ).serving


@_golden
def _g06(given: dict[str, Any]) -> Results:
    machines = machines_of(given, d(given["cap_rps"]), given["gpu_h"])
    volume, output, saturated = d(given["V"]), d(given["tout"]), d(given["sat_tok_s"])
    month = machine_month(volume, machines)
    naive = usd_per_million(d(given["gpu_h"]), saturated)
    used = economic_utilisation(volume, output, replicas=month.replicas, saturated_tokens_per_second=saturated)
    # What the machines do and what they idle is the bill.
    assert month.usd * used + idle_usd(month.usd, used) == pytest.approx(month.usd, rel=Decimal("1e-20"))
    return {
        "n_serving": serving_replicas(given, machines),
        "n_billed": month.replicas,
        "month": month.usd,
        "req": month.usd / volume,
        "per_m_out": usd_per_million_output(month.usd, volume, output),
        "WRONG_naive_per_m_out": naive,
        "WRONG_naive_month": naive * volume * output / 1_000_000,
        "penalty": month.usd / (naive * volume * output / 1_000_000),
        "u_econ": used,
    }


@_golden
def _g07(given: dict[str, Any]) -> Results:
    first = CASES["G06"]["in"]
    machines = machines_of(first, d(first["cap_rps"]), first["gpu_h"])
    steps = Steps(
        replica_usd_per_month=sum(replica_month(machines.serving), Decimal(0)),
        replica_requests_per_month=replica_volume(machines),
        min_replicas=machines.serving.min_replicas,
        redundancy=machines.serving.redundancy,
    )
    saving = d(given["api_req"])
    found = profitable_intervals(saving, fixed_usd_per_month=Decimal(0), steps=steps)
    assert found.scanned_to is None and len(found.intervals) == 3 and found.intervals[2].end is None
    one, two, three = found.intervals
    return {
        "WRONG_two_replica_formula": 2 * steps.replica_usd_per_month / saving,
        "first_profitable_from": one.start,
        "first_window_to": one.end,
        "second_window": [two.start, two.end],
        "permanently_profitable_from": three.start,
    }


@_golden
def _g08(given: dict[str, Any]) -> Results:
    return {name: usd_per_million(d(given["gpu_h"]), d(speed)) for name, speed in given["tok_s"].items()}


@_golden
def _g09(given: dict[str, Any]) -> Results:
    api, hour, escalation = d(given["api_req"]), d(given["gpu_h"]), d(given["esc"])
    cost = cascade_cost(hour / d(given["req_h"]), api, escalation)
    # An hour of the machine is the fixed cost, and the escalated requests save nothing.
    saving = api - cascade_cost(Decimal(0), api, escalation)
    found = profitable_intervals(saving, fixed_usd_per_month=hour)
    return {
        "req": cost,
        "saving_pct": 100 * (1 - cost / api),
        "published_breakeven_req_h": hour / api,
        "correct_breakeven_req_h": found.intervals[0].start,
    }


@_golden
def _g10(given: dict[str, Any]) -> Results:
    student, verifier, teacher = d(given["cs"]), d(given["cver"]), d(given["ct"])

    def month(escalation: str) -> Decimal:
        return d(given["V"]) * cascade_cost(student, teacher, d(escalation), verifier_usd=verifier)

    return {
        **{f"esc_{share}": month(share) for share in ("0.05", "0.25", "0.60", "0.92")},
        "max_esc_any_saving": most_escalation(student, teacher, verifier_usd=verifier),
        "max_esc_crr4": most_escalation(student, teacher, verifier_usd=verifier, reduction=Decimal(4)),
    }


@_golden
def _g11(given: dict[str, Any]) -> Results:
    teacher, student = d(given["ct"]), d(given["cs"])
    good_t, good_s, error = d(given["qt"]), d(given["qs"]), d(given["err_cost"])
    adjusted_t = quality_adjusted_cost(teacher, good_t, error)
    adjusted_s = quality_adjusted_cost(student, good_s, error)
    level = break_even_error_cost(teacher, student, teacher_quality=good_t, student_quality=good_s)
    plan = plan_of(
        CASES["G01"]["in"],
        baseline=Alternative(name="teacher", usd_per_request=teacher, quality=good_t),
        candidate=Alternative(name="student", usd_per_request=student, quality=good_s),
        error_usd=error,
        operations_usd_per_month=Decimal(0),
    )
    seen = outlook_of(plan)
    assert seen.break_even_error_usd == level
    return {
        "teacher_adj": adjusted_t,
        "student_adj": adjusted_s,
        "crr_raw": seen.token_reduction,
        "crr_adj": seen.reduction,
        "breakeven_err_cost": level,
        "cps_teacher": cost_per_success(teacher, good_t),
        "cps_student": cost_per_success(student, good_s),
    }


@_golden
def _g12(given: dict[str, Any]) -> Results:
    rft = given["rft"]
    tokens = request(given)  # the whole month's tokens at one price
    grading = request({key: rft[f"grader_{key}"] for key in ("tin", "tout", "pin", "pout")})
    return {
        "month": hosting_cost(d(given["host_h"]), hours=d(given["hours"])) + tokens,
        "month_if_730": hosting_cost(d(given["host_h"])) + tokens,
        "rft_with_grader": hourly_training_cost(d(rft["train_h"]), d(rft["train_usd_h"])) + grading,
    }


@_golden
def _g13(given: dict[str, Any]) -> Results:
    job = token_training_cost(
        d(given["train_tok"]),
        d(given["p_train"]),
        epochs=int(given["epochs"]),
        validation_tokens=d(given["val_tok"]),
        evaluations=int(given["evals"]),
    )
    return {"job": job}


@_golden
def _g14(given: dict[str, Any]) -> Results:
    serving = Serving(
        usd_per_hour=d(given["gpu_h"]),
        target_utilisation=Decimal(1),
        min_replicas=1,
        redundancy=0,
        overhead=d(given["overhead"]),
    )
    api, own = request(given), sum(replica_month(serving, hours=d(given["hours"])), Decimal(0))
    millions = (d(given["tin"]) + d(given["tout"])) / 1_000_000
    found = profitable_intervals(api / millions, fixed_usd_per_month=own)
    return {"api": api, "selfhost": own, "breakeven_m_tokens": found.intervals[0].start}


@_golden
def _g15(given: dict[str, Any]) -> Results:
    cost, api, months = d(given["one_time"]), d(given["api_month"]), int(given["months"])
    published = api - d(given["published_own_month"])
    consistent = api - d(given["own_per_m"]) * d(given["m_tokens"])
    return {
        "published_payback": payback_months(cost, published),
        "published_3y": npv(cost, [published] * months, discount_per_year=Decimal(0)),
        "consistent_payback": payback_months(cost, consistent),
        "consistent_3y": npv(cost, [consistent] * months, discount_per_year=Decimal(0)),
        "consistent_saving_pct": 100 * consistent / api,
    }


@_golden
def _g16(given: dict[str, Any]) -> Results:
    machines = machines_of(given, d(given["rps_per_core"]) * d(given["cores"]), given["usd_h"])
    month = machine_month(d(given["V"]), machines)
    return {
        "n_serving": serving_replicas(given, machines),
        "n_billed": month.replicas,
        "month": month.usd,
        "per_1m_req": month.usd / d(given["V"]) * 1_000_000,
    }


@_golden
def _g17(given: dict[str, Any]) -> Results:
    common: dict[str, Any] = {
        "peak_flops": d(given["peak"]),
        "mfu": d(given["mfu"]),
        "usd_per_gpu_hour": d(given["gpu_h"]),
    }
    lora = estimate_training(d(given["params"]), d(given["tokens"]), method="lora", **common)
    full = estimate_training(d(given["params"]), d(given["tokens"]), method="full", **common)
    return {"flops": lora.flops, "gpu_h": lora.gpu_hours, "cost": lora.usd, "full_ft_gpu_h": full.gpu_hours}


@_golden
def _g18(given: dict[str, Any]) -> Results:
    mean, sd, spread = d(given["mean"]), d(given["sd"]), d(given["sample_sd"])
    return {
        "p_pos": chance_positive(mean, sd),
        "evpi": value_of_perfect_information(mean, sd),
        **{f"evsi_{n}": value_of_samples(mean, sd, sample_sd_usd=spread, samples=n) for n in (25, 100, 400)},
    }


@_golden
def _g19(given: dict[str, Any]) -> Results:
    flows = [d(flow) for flow in given["flows"]]

    def root(text: str) -> Decimal:
        rate = d(text)
        value = npv(-flows[0], flows[1:], discount_per_year=(1 + rate) ** 12 - 1)
        assert abs(value) < Decimal("1e-20"), "both rates solve the equation"
        return rate

    refused = irr_per_month(-flows[0], flows[1:]) is None and sign_changes(flows) > 1
    return {
        "numpy_financial": root("0.10"),
        "pyxirr": root("0.20"),
        "rule": "refuse IRR gate when cash flow changes sign more than once" if refused else "",
    }


@_golden
def _g20(given: dict[str, Any]) -> Results:
    beck, calls = given["agentbeck"], given["devtoolbox"]

    def answers(rates: dict[str, str]) -> Decimal:
        return d(beck["V"]) * request({"tin": beck["tin"], "tout": beck["tout"], **rates})

    before, after = (request({"tout": "0", "pout": "0", **calls[when]}) for when in ("before", "after"))
    machine = given["pcschmidt"]
    slow, fast = (usd_per_million(d(machine["usd_h"]), d(machine[key])) for key in ("before_rps", "after_rps"))
    ten_thousand = Alternative(name="encoder", usd_per_request=d(given["mangaassist"]["usd_per_10k"]) / 10_000)
    return {
        "ertas_month": d(given["ertas"]["V"]) * request(given["ertas"]),
        "agentbeck_teacher": answers(beck["teacher"]),
        "agentbeck_student_published": answers(beck["base"]),
        "agentbeck_student_with_ft_price": answers(beck["ft"]),
        "devtoolbox_breakeven_calls": break_even_volume(d(calls["train"]), before - after),
        "zubnet_gpu_h": gpu_hours(d(given["zubnet"]["flops"]), d(given["zubnet"]["flop_s"]), Decimal(1)),
        "pcschmidt_per_1M_before": slow,
        "pcschmidt_per_1M_after": fast,
        "pcschmidt_saving_pct": 100 * (1 - fast / slow),
        "mangaassist_month": d(given["mangaassist"]["V"]) * ten_thousand.usd_per_request,
    }


def agrees(value: Any, expected: Any) -> bool:
    """Return whether a result is the expected one to the digits that are written."""
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(agrees, value, expected))
    if isinstance(value, str) or value is None:
        return bool(value == expected)
    digits = Decimal(expected)
    return bool(Decimal(value).quantize(digits, rounding=ROUND_HALF_UP) == digits)


def test_all_twenty_cases_are_worked_out() -> None:
    assert sorted(GOLDEN) == sorted(CASES)
    assert len(CASES) == 20


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden(name: str) -> None:
    case = CASES[name]
    found = GOLDEN[name](case["in"])
    assert set(found) == set(case["out"]), "each number of the case has its result"
    wrong = {key: (found[key], case["out"][key]) for key in found if not agrees(found[key], case["out"][key])}
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "ours", "shortcut"),
    [
        ("G05", "per_request_then_sum", "WRONG_price_of_sum"),
        ("G06", "per_m_out", "WRONG_naive_per_m_out"),
        ("G06", "month", "WRONG_naive_month"),
        ("G07", "first_profitable_from", "WRONG_two_replica_formula"),
    ],
)
def test_ours_is_not_what_a_shortcut_gives(name: str, ours: str, shortcut: str) -> None:
    found = GOLDEN[name](CASES[name]["in"])
    assert not agrees(found[ours], CASES[name]["out"][shortcut])


def test_the_digits_that_are_written_are_what_counts() -> None:
    assert agrees(Decimal("0.125"), "0.13") and not agrees(Decimal("0.1249"), "0.13")
    assert not agrees(Decimal("92.04"), "92.00") and agrees(Decimal("92.04"), "92.0")
    assert not agrees(None, "1") and agrees([Decimal(1), Decimal(2)], ["1", "2"]) and not agrees([Decimal(1)], [])
