"""The twenty golden cases worked out by the calculator's script, in any engine that can call one of its functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Case = dict[str, Any]
Results = dict[str, Any]
Call = Callable[..., Any]
"""Calls a function of the script by its name."""


def f(text: str) -> float:
    return float(text)


def priced(rates: Case) -> Case:
    return {"model": "a/b", "input_per_m": f(rates["pin"]), "output_per_m": f(rates["pout"])}


def request(call: Call, rates: Case) -> float:
    """Return what one request with these tokens at these prices costs."""
    tokens = {"input_tokens": f(rates["tin"]), "output_tokens": f(rates["tout"])}
    return float(call("apiCost", [tokens], {"standard": priced(rates)})["usd"])


def whole(months: float | None) -> int | None:
    return None if months is None else math.ceil(months)


def once(call: Call, given: Case) -> dict[str, float]:
    part = given["one_time"]
    teacher, student = request(call, given["teacher"]), request(call, given["student"])
    rows = int(part["gen_n"])
    tokens = rows * f(part["train_tok_per_ex"])
    return {
        "gen": call("generationCost", rows, teacher * f(part["gen_batch_mult"])),
        "train": call("tokenTrainingCost", tokens, f(part["p_train"]), {"epochs": int(part["epochs"])}),
        "eval": call("evaluationCost", int(part["eval_n"]), teacher, student),
        "label": call("labelCost", int(part["label_n"]), int(part["label_votes"]), f(part["p_label"])),
        "eng": call("engineeringCost", f(part["eng_h"]), f(part["eng_rate"])),
    }


def plan_of(call: Call, given: Case, **changes: Any) -> Case:
    lines = [{"name": name, "ahead_usd": usd} for name, usd in once(call, given).items()]
    return {
        "requests_per_month": f(given["V"]),
        "baseline": {"name": "teacher", "usd_per_request": request(call, given["teacher"])},
        "candidate": {"name": "student", "usd_per_request": request(call, given["student"])},
        "one_time": call("addLines", lines),
        "operations_usd_per_month": f(given["ops_month"]),
        "horizon_months": int(given["horizon_m"]),
        "discount_per_year": f(given["disc_annual"]),
        **changes,
    }


def machines_of(given: Case, capacity: float, usd_per_hour: str) -> Case:
    serving = {
        "usd_per_hour": f(usd_per_hour),
        "target_utilisation": f(given["util_target"]),
        "min_replicas": int(given["min_replicas"]),
        "redundancy": int(given["redundancy"]),
    }
    return {"serving": serving, "capacity_rps": capacity, "peak_to_average": f(given["peak_factor"])}


class Golden:
    """The cases, by name: ``Golden(call, cases).g01()``."""

    def __init__(self, call: Call, cases: dict[str, Case]) -> None:
        self.call = call
        self.cases = {name: case["in"] for name, case in cases.items()}

    def results(self, name: str) -> Results:
        """Return all numbers of one case."""
        found: Results = getattr(self, name.lower())(self.cases[name])
        return found

    def outlook(self, **changes: Any) -> Case:
        found: Case = self.call("outlookOf", plan_of(self.call, self.cases["G01"], **changes))
        return found

    def g01(self, given: Case) -> Results:
        call, plan, seen = self.call, plan_of(self.call, given), self.outlook()
        saving = plan["baseline"]["usd_per_request"] - plan["candidate"]["usd_per_request"]
        operations, program = plan["operations_usd_per_month"], seen["program"]["one_time_usd"]
        assert math.isclose(seen["volumes"]["intervals"][0]["start"], operations / saving)
        return {
            "teacher_req": plan["baseline"]["usd_per_request"],
            "student_req": plan["candidate"]["usd_per_request"],
            "teacher_month": seen["baseline"]["usd"],
            "student_month": seen["candidate"]["requests_usd"],
            "crr": seen["token_reduction"],
            "saving_pct": 100 * (1 - 1 / seen["token_reduction"]),
            **once(call, given),
            "one_time": program,
            "net_month": seen["saving_usd"],
            "payback_months": seen["program"]["payback_months"],
            "disc_payback_month": whole(seen["program"]["discounted_payback_months"]),
            "v_breakeven_ops_only": call("breakEvenVolume", operations, saving),
            "v_breakeven_12m": call("breakEvenVolume", operations + program / 12, saving),
            "v_for_payback_6m": call("breakEvenVolume", operations + program / 6, saving),
            "npv_12": seen["program"]["npv_usd"],
            "irr_monthly": seen["program"]["irr_per_month"],
        }

    def g02(self, given: Case) -> Results:
        first = plan_of(self.call, self.cases["G01"])
        rival = {"name": "zero-shot", "usd_per_request": request(self.call, given["baseline"]), "passes": True}
        worse = {"name": "cheap and bad", "usd_per_request": 0, "passes": False}
        incumbent = {**first["baseline"], "passes": True}
        baseline = self.call("cheapest", [incumbent, worse, rival], first["requests_per_month"])
        seen = self.outlook(baseline=baseline)
        assert baseline == rival and seen["volumes"]["intervals"] == []
        assert seen["forward"]["payback_months"] is None and seen["program"]["irr_per_month"] is None
        never = seen["program"]["payback_months"] is None
        return {
            "baseline_req": rival["usd_per_request"],
            "baseline_month": seen["baseline"]["usd"],
            "net_month": seen["saving_usd"],
            "verdict": "NEVER_PAYS_BACK" if never else seen["program"]["payback_months"],
        }

    def g03(self, given: Case) -> Results:
        plan = plan_of(self.call, self.cases["G01"], price_decay_per_year=f(given["decay"]))
        savings, seen = self.call("monthlySavings", plan), self.call("outlookOf", plan)
        return {
            "net_m1": savings[0],
            "net_m12": savings[11],
            "npv_12": seen["program"]["npv_usd"],
            "payback_month": whole(seen["program"]["payback_months"]),
        }

    def g04(self, given: Case) -> Results:
        price = {**priced(given), "cached_input_per_m": f(given["pread"]), "cache_write_per_m": f(given["pwrite"])}
        total = sum(f(given[name]) for name in ("fresh", "read", "write"))
        plain = {"input_tokens": total, "output_tokens": f(given["out"])}
        tokens = {**plain, "cached_input_tokens": f(given["read"]), "cache_write_tokens": f(given["write"])}
        cached, uncached = self.call("tokenCost", tokens, price), self.call("tokenCost", plain, price)
        return {"req": cached, "no_cache_req": uncached, "saving_pct": 100 * (1 - cached / uncached)}

    def g05(self, given: Case) -> Results:
        tier = {
            "above_input_tokens": int(given["tier_above"]),
            "input_per_m": f(given["tier_pin"]),
            "output_per_m": f(given["tier_pout"]),
        }
        price, n = {**priced(given), "tiers": [tier]}, int(given["requests"])
        tokens = {"input_tokens": f(given["tin"]), "output_tokens": f(given["tout"])}
        summed = {name: n * count for name, count in tokens.items()}
        return {
            "per_request_then_sum": n * self.call("apiCost", [tokens] * n, {"standard": price})["usd"],
            "WRONG_price_of_sum": self.call("tokenCost", summed, price),
        }

    def g06(self, given: Case) -> Results:
        call, machines = self.call, machines_of(given, f(given["cap_rps"]), given["gpu_h"])
        volume, output, saturated = f(given["V"]), f(given["tout"]), f(given["sat_tok_s"])
        month = call("machineMonth", volume, machines)
        naive = call("usdPerMillion", f(given["gpu_h"]), saturated)
        used = call("economicUtilisation", volume, output, month["replicas"], saturated)
        assert math.isclose(month["usd"] * used + call("idleUsd", month["usd"], used), month["usd"])
        return {
            "n_serving": call("replicas", volume, machines)["serving"],
            "n_billed": month["replicas"],
            "month": month["usd"],
            "req": month["usd"] / volume,
            "per_m_out": call("usdPerMillionOutput", month["usd"], volume, output),
            "WRONG_naive_per_m_out": naive,
            "WRONG_naive_month": naive * volume * output / 1_000_000,
            "penalty": month["usd"] / (naive * volume * output / 1_000_000),
            "u_econ": used,
        }

    def g07(self, given: Case) -> Results:
        first = self.cases["G06"]
        machines = machines_of(first, f(first["cap_rps"]), first["gpu_h"])
        steps = {
            "replica_usd_per_month": sum(self.call("replicaMonth", machines["serving"])),
            "replica_requests_per_month": self.call("replicaVolume", machines),
            "min_replicas": machines["serving"]["min_replicas"],
            "redundancy": machines["serving"]["redundancy"],
        }
        saving = f(given["api_req"])
        found = self.call("profitableIntervals", saving, 0, steps)
        assert found["scanned_to"] is None and found["intervals"][2]["end"] is None
        one, two, three = found["intervals"]
        return {
            "WRONG_two_replica_formula": 2 * steps["replica_usd_per_month"] / saving,
            "first_profitable_from": one["start"],
            "first_window_to": one["end"],
            "second_window": [two["start"], two["end"]],
            "permanently_profitable_from": three["start"],
        }

    def g08(self, given: Case) -> Results:
        return {name: self.call("usdPerMillion", f(given["gpu_h"]), f(speed)) for name, speed in given["tok_s"].items()}

    def g09(self, given: Case) -> Results:
        api, hour, share = f(given["api_req"]), f(given["gpu_h"]), f(given["esc"])
        cost = self.call("cascadeCost", hour / f(given["req_h"]), api, share)
        saving = api - self.call("cascadeCost", 0, api, share)
        return {
            "req": cost,
            "saving_pct": 100 * (1 - cost / api),
            "published_breakeven_req_h": hour / api,
            "correct_breakeven_req_h": self.call("profitableIntervals", saving, hour)["intervals"][0]["start"],
        }

    def g10(self, given: Case) -> Results:
        student, verifier, teacher = f(given["cs"]), f(given["cver"]), f(given["ct"])
        shares = ("0.05", "0.25", "0.60", "0.92")
        months = {e: f(given["V"]) * self.call("cascadeCost", student, teacher, f(e), verifier) for e in shares}
        # A router that sends everything to the student costs what the cascade costs without escalation.
        assert self.call("routerCost", student, teacher, 0, verifier) == student + verifier
        return {
            **{f"esc_{share}": usd for share, usd in months.items()},
            "max_esc_any_saving": self.call("mostEscalation", student, teacher, {"verifier": verifier}),
            "max_esc_crr4": self.call("mostEscalation", student, teacher, {"verifier": verifier, "reduction": 4}),
        }

    def g11(self, given: Case) -> Results:
        call, teacher, student = self.call, f(given["ct"]), f(given["cs"])
        good_t, good_s, error = f(given["qt"]), f(given["qs"]), f(given["err_cost"])
        seen = self.outlook(
            baseline={"name": "teacher", "usd_per_request": teacher, "quality": good_t},
            candidate={"name": "student", "usd_per_request": student, "quality": good_s},
            error_usd=error,
            operations_usd_per_month=0,
        )
        level = call("breakEvenErrorCost", teacher, student, good_t, good_s)
        assert seen["break_even_error_usd"] == level
        return {
            "teacher_adj": call("qualityAdjustedCost", teacher, good_t, error),
            "student_adj": call("qualityAdjustedCost", student, good_s, error),
            "crr_raw": seen["token_reduction"],
            "crr_adj": seen["reduction"],
            "breakeven_err_cost": level,
            "cps_teacher": call("costPerSuccess", teacher, good_t),
            "cps_student": call("costPerSuccess", student, good_s),
        }

    def g12(self, given: Case) -> Results:
        rft, tokens = given["rft"], request(self.call, given)
        grading = request(self.call, {key: rft[f"grader_{key}"] for key in ("tin", "tout", "pin", "pout")})
        return {
            "month": self.call("hostingCost", f(given["host_h"]), f(given["hours"])) + tokens,
            "month_if_730": self.call("hostingCost", f(given["host_h"])) + tokens,
            "rft_with_grader": self.call("hourlyTrainingCost", f(rft["train_h"]), f(rft["train_usd_h"])) + grading,
        }

    def g13(self, given: Case) -> Results:
        more = {
            "epochs": int(given["epochs"]),
            "validationTokens": f(given["val_tok"]),
            "evaluations": int(given["evals"]),
        }
        return {"job": self.call("tokenTrainingCost", f(given["train_tok"]), f(given["p_train"]), more)}

    def g14(self, given: Case) -> Results:
        serving = {"usd_per_hour": f(given["gpu_h"]), "overhead": f(given["overhead"])}
        api, own = request(self.call, given), sum(self.call("replicaMonth", serving, f(given["hours"])))
        millions = (f(given["tin"]) + f(given["tout"])) / 1_000_000
        found = self.call("profitableIntervals", api / millions, own)
        return {"api": api, "selfhost": own, "breakeven_m_tokens": found["intervals"][0]["start"]}

    def g15(self, given: Case) -> Results:
        cost, api, months = f(given["one_time"]), f(given["api_month"]), int(given["months"])
        published = api - f(given["published_own_month"])
        consistent = api - f(given["own_per_m"]) * f(given["m_tokens"])
        return {
            "published_payback": self.call("paybackMonths", cost, published),
            "published_3y": self.call("npv", cost, [published] * months, 0),
            "consistent_payback": self.call("paybackMonths", cost, consistent),
            "consistent_3y": self.call("npv", cost, [consistent] * months, 0),
            "consistent_saving_pct": 100 * consistent / api,
        }

    def g16(self, given: Case) -> Results:
        machines = machines_of(given, f(given["rps_per_core"]) * f(given["cores"]), given["usd_h"])
        month = self.call("machineMonth", f(given["V"]), machines)
        return {
            "n_serving": self.call("replicas", f(given["V"]), machines)["serving"],
            "n_billed": month["replicas"],
            "month": month["usd"],
            "per_1m_req": month["usd"] / f(given["V"]) * 1_000_000,
        }

    def g17(self, given: Case) -> Results:
        common = {"peakFlops": f(given["peak"]), "mfu": f(given["mfu"]), "usdPerGpuHour": f(given["gpu_h"])}
        sizes = f(given["params"]), f(given["tokens"])
        lora = self.call("estimateTraining", *sizes, {"method": "lora", **common})
        full = self.call("estimateTraining", *sizes, {"method": "full", **common})
        return {
            "flops": lora["flops"],
            "gpu_h": lora["gpu_hours"],
            "cost": lora["usd"],
            "full_ft_gpu_h": full["gpu_hours"],
        }

    def g18(self, given: Case) -> Results:
        mean, sd, spread = f(given["mean"]), f(given["sd"]), f(given["sample_sd"])
        worth = {n: self.call("valueOfSamples", mean, sd, spread, n) for n in (25, 100, 400)}
        assert self.call("netValueOfSamples", mean, sd, spread, 100, 2) == worth[100] - 200
        return {
            "p_pos": self.call("chancePositive", mean, sd),
            "evpi": self.call("valueOfPerfectInformation", mean, sd),
            **{f"evsi_{n}": usd for n, usd in worth.items()},
        }

    def g19(self, given: Case) -> Results:
        flows = [f(flow) for flow in given["flows"]]

        def root(rate: float) -> float:
            value = self.call("npv", -flows[0], flows[1:], (1 + rate) ** 12 - 1)
            assert abs(value) < 1e-9, "both rates solve the equation"
            return rate

        refused = self.call("irrPerMonth", -flows[0], flows[1:]) is None and self.call("signChanges", flows) > 1
        return {
            "numpy_financial": root(0.10),
            "pyxirr": root(0.20),
            "rule": "refuse IRR gate when cash flow changes sign more than once" if refused else "",
        }

    def g20(self, given: Case) -> Results:
        call, beck, calls = self.call, given["agentbeck"], given["devtoolbox"]

        def answers(rates: Case) -> float:
            return f(beck["V"]) * request(call, {"tin": beck["tin"], "tout": beck["tout"], **rates})

        before, after = (request(call, {"tout": "0", "pout": "0", **calls[when]}) for when in ("before", "after"))
        machine, manga = given["pcschmidt"], given["mangaassist"]
        slow, fast = (
            call("usdPerMillion", f(machine["usd_h"]), f(machine[key])) for key in ("before_rps", "after_rps")
        )
        return {
            "ertas_month": f(given["ertas"]["V"]) * request(call, given["ertas"]),
            "agentbeck_teacher": answers(beck["teacher"]),
            "agentbeck_student_published": answers(beck["base"]),
            "agentbeck_student_with_ft_price": answers(beck["ft"]),
            "devtoolbox_breakeven_calls": call("breakEvenVolume", f(calls["train"]), before - after),
            "zubnet_gpu_h": call("gpuHours", f(given["zubnet"]["flops"]), f(given["zubnet"]["flop_s"]), 1),
            "pcschmidt_per_1M_before": slow,
            "pcschmidt_per_1M_after": fast,
            "pcschmidt_saving_pct": 100 * (1 - fast / slow),
            "mangaassist_month": f(manga["V"]) * f(manga["usd_per_10k"]) / 10_000,
        }


def wrong_numbers(golden: Golden, case: Case, name: str, agrees: Callable[[Any, Any], bool]) -> dict[str, Any]:
    """Return the numbers of a case that differ from the written ones, with both."""
    found, expected = golden.results(name), case["out"]
    assert set(found) == set(expected), "each number of the case has its result"
    return {key: (found[key], expected[key]) for key in found if not agrees(as_text(found[key]), expected[key])}


def as_text(value: Any) -> Any:
    """Return numbers with 15 digits, which hide the last bits of a double (0.1 + 0.2)."""
    if isinstance(value, list):
        return [as_text(one) for one in value]
    return f"{value:.15g}" if isinstance(value, float | int) else value
