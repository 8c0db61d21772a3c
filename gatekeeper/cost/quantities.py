"""Every input and result of a comparison as a `Quantity`: its value, unit, origin and source."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from gatekeeper.cost.case import TEACHER, Baseline, CostCase, Scenario, deployment_hours, held_against
from gatekeeper.cost.money import stored
from gatekeeper.cost.serving import HOURS_PER_MONTH
from gatekeeper.cost.usage import RequestCost
from gatekeeper.records import Quantity

Origin = Literal["measured", "priced", "assumed", "derived"]


class _Result(NamedTuple):
    """How one result of a `CostCase` is listed; `on_teacher` says whether it rests on the teacher's price."""

    name: str
    field: str
    unit: str
    on_teacher: bool
    formula: str
    undefined: str = ""
    origin: Origin = "derived"


_USD, _MONTH, _VOLUME = "USD", "USD/month", "requests/month"
_NEVER = "never, since the month saves nothing"
_NONE = "there is none"

_RESULTS = (
    _Result("baseline_usd_per_month", "baseline_usd", _MONTH, True, "teacher_usd_per_request x requests_per_month"),
    _Result("machines_usd_per_month", "machines_usd", _MONTH, False, "replicas_billed x machine_usd_per_hour x 730 h"),
    _Result("overhead_usd_per_month", "overhead_usd", _MONTH, False, "machines x infrastructure_overhead"),
    _Result("student_api_usd_per_month", "student_api_usd", _MONTH, False, "student_usd_per_request x requests"),
    _Result(
        "teacher_part_usd_per_month", "teacher_usd", _MONTH, True, "teacher_usd_per_request x teacher_share x requests"
    ),
    _Result("operations_usd_per_month", "operations_usd", _MONTH, False, "operations hours x usd_per_hour"),
    _Result(
        "candidate_usd_per_month", "candidate_usd", _MONTH, False, "machines + overhead + student API + operations"
    ),
    _Result("saving_usd_per_month", "saving_usd", _MONTH, True, "baseline - candidate"),
    _Result("reduction", "reduction", "ratio", True, "baseline / candidate", "undefined, since the candidate costs $0"),
    _Result("saving_percent", "saving_percent", "%", True, "saving / baseline", "undefined, since the baseline is $0"),
    _Result("loop_spend_usd", "loop_spend_usd", _USD, True, "spend of the loop with its failed rounds", "", "measured"),
    _Result("labels_usd", "labels_usd", _USD, False, "costs.labels_usd", "", "assumed"),
    _Result("engineering_usd", "engineering_usd", _USD, False, "engineering_hours x usd_per_hour"),
    _Result("program_usd", "program_usd", _USD, True, "loop spend + labels + engineering"),
    _Result("forward_usd", "forward_usd", _USD, False, "deployment_hours x usd_per_hour"),
    _Result("payback_months", "payback_months", "months", True, "program / saving", _NEVER),
    _Result("payback_forward_months", "payback_forward_months", "months", True, "forward / saving", _NEVER),
    _Result("npv_usd", "npv_usd", _USD, True, "-program + discounted savings over the horizon"),
    _Result("break_even_from", "first_from", _VOLUME, True, "smallest volume that does not lose money", _NONE),
    _Result("break_even_to", "first_to", _VOLUME, True, "end of the first stretch without loss", "it has no end"),
    _Result("break_even_always_from", "always_from", _VOLUME, True, "no volume above it loses money", _NONE),
)


def quantities(scenario: Scenario, expected: CostCase, pessimistic: CostCase | None) -> tuple[Quantity, ...]:
    """Return all inputs and results, each under a name of its own.

    A result that differs in the bad case has a twin named ``pessimistic_...``. Results that rest on the teacher's
    price are assumed, not derived, where that price is assumed.
    """
    teacher = scenario.teacher
    rows = [*_traffic(scenario)]
    if teacher is not None:
        rows += _request_cost("teacher_", teacher, scenario.price_assumed, _reason(scenario))
    if scenario.student_api is not None:
        rows += _request_cost("student_", scenario.student_api, False, "")
    rows += [*_blend(scenario), *_machines(scenario), *_people(scenario), *_results(scenario, expected)]
    rows += _bids(scenario, expected)
    if pessimistic is not None:
        plain = {row.name: row.value for row in rows}
        rows += [
            row.model_copy(update={"name": f"pessimistic_{row.name}", "source": f"{row.source}; {_bad_case(scenario)}"})
            for row in _results(scenario, pessimistic)
            if row.value != plain[row.name]
        ]
    return tuple(rows)


def _row(
    name: str, value: Decimal | int | None, unit: str, origin: Origin, source: str, as_of: date | None = None
) -> Quantity:
    return Quantity(
        name=name,
        value=None if value is None else stored(Decimal(value)),
        unit=unit,
        origin=origin,
        source=source,
        as_of=None if as_of is None else as_of.isoformat(),
    )


def _reason(scenario: Scenario) -> str:
    return scenario.price_reason or "the teacher is a stand-in that bears another model's price"


def _bad_case(scenario: Scenario) -> str:
    confidence = scenario.throughput.confidence if scenario.throughput else None
    interval = "" if confidence is None else f" of its {100 * confidence:g} % interval"
    blended = "" if scenario.teacher_share is None else ", teacher's share at the upper end"
    return f"throughput at the lower end{interval}{blended}"


def _traffic(scenario: Scenario) -> Iterator[Quantity]:
    yield _row(
        "requests_per_month", scenario.requests_per_month, "requests/month", "assumed", "traffic.requests_per_month"
    )
    yield _row("peak_to_average", scenario.peak_to_average, "ratio", "assumed", "traffic.peak_to_average")
    yield _row("hours_per_month", HOURS_PER_MONTH, "h/month", "assumed", "convention: 8,760 hours a year over 12")


def _bids(scenario: Scenario, case: CostCase) -> Iterator[Quantity]:
    """Yield what each baseline costs, and what the candidate does to the teacher's bill whatever it is held against."""
    if not scenario.baselines:
        return
    volume = scenario.requests_per_month
    for one in scenario.baselines:
        who = f"baseline.{one.name}."
        because = f"; assumed: {_bid_reason(one)}" if one.price_assumed else ""
        if one.cost is not None:
            yield from _request_cost(who, one.cost, one.price_assumed, _bid_reason(one))
        else:
            yield _row(f"{who}usd_per_request", Decimal(0), "USD/request", "derived", "one fixed answer to everything")
        counted = "it passes" if one.passes else "it is not shown to pass, so it does not count"
        origin: Origin = "assumed" if one.price_assumed else "derived"
        source = f"{who}usd_per_request x requests_per_month; {counted}{because}"
        yield _row(f"{who}month_usd", one.usd * volume, _MONTH, origin, source)
    teacher, candidate = case.teacher_month_usd, case.candidate_usd
    because = f"; assumed: {_reason(scenario)}" if scenario.price_assumed else ""
    origin = "assumed" if scenario.price_assumed else "derived"
    of_teacher = (
        ("teacher_month_usd", teacher, _MONTH, "teacher_usd_per_request x requests_per_month"),
        ("teacher_saving_usd_per_month", teacher - candidate, _MONTH, "teacher_month_usd - candidate"),
        ("teacher_reduction", teacher / candidate if candidate else None, "ratio", "teacher_month_usd / candidate"),
    )
    for name, value, unit, formula in of_teacher:
        yield _row(name, value, unit, origin, f"{formula}{because}")


def _bid_reason(one: Baseline) -> str:
    priced = "another model" if one.cost is None else one.cost.price.model
    return f"the baseline {one.name} is a stand-in, priced as {priced}"


def _request_cost(who: str, cost: RequestCost, assumed: bool, reason: str) -> Iterator[Quantity]:
    price = cost.price
    listed = f", listed as {price.listed_as}" if price.listed_as else ""
    because = f"; assumed: {reason}" if assumed else ""
    for name, value in (
        ("input", price.input_per_m),
        ("cached_input", price.cached_input_per_m),
        *([("cache_write", price.cache_write_per_m)] if cost.mean_cache_write_tokens else []),
        ("output", price.output_per_m),
    ):
        if value is not None:
            source = f"{price.source}: {price.model}{listed}{because}"
            origin: Origin = "assumed" if assumed else "priced"
            yield _row(f"{who}{name}_usd_per_m", value, "USD/million tokens", origin, source, price.as_of)
    counted = cost.n_requests - cost.n_reported
    tokens = f"mean of {cost.n_requests} requests"
    if counted:
        tokens += f"; assumed: {counted} of them counted with a local tokenizer, not reported by the provider"
    origin = "assumed" if assumed or counted else "measured"
    written = [("cache_write", cost.mean_cache_write_tokens)] if cost.mean_cache_write_tokens else []
    for name, mean in (
        ("input", cost.mean_input_tokens),
        ("cached_input", cost.mean_cached_input_tokens),
        *written,
        ("output", cost.mean_output_tokens),
    ):
        yield _row(f"{who}{name}_tokens", mean, "tokens/request", origin, tokens + because)
    source = f"each of {cost.n_requests} requests priced, then the mean{because}"
    yield _row(f"{who}usd_per_request", cost.usd, "USD/request", "assumed" if assumed else "derived", source)


def _blend(scenario: Scenario) -> Iterator[Quantity]:
    share = scenario.teacher_share
    if share is None:
        return
    source = f"requests that the candidate leaves to the teacher, on {share.n_scored:,} development rows"
    for name, number in (("teacher_share", share.value), ("teacher_share_upper", share.upper)):
        yield _row(name, None if number is None else Decimal(repr(number)), "share", "measured", source)


def _machines(scenario: Scenario) -> Iterator[Quantity]:
    serving, throughput = scenario.serving, scenario.throughput
    if serving is None:
        return
    as_of = scenario.throughput_as_of
    if throughput is not None:
        for name, number in (("throughput_rps", throughput.value), ("throughput_lower_rps", throughput.lower)):
            value = Decimal(repr(number)) if number is not None and math.isfinite(number) else None
            yield _row(name, value, "requests/s", "measured", scenario.throughput_source, as_of)
    if scenario.cores_measured is not None:
        yield _row("cores_measured", scenario.cores_measured, "cores", "measured", scenario.throughput_source, as_of)
    if serving.cores is not None:
        yield _row("cores_billed", serving.cores, "cores", "assumed", "serving.cpu.cores")
    yield _row(
        "machine_usd_per_hour",
        serving.usd_per_hour,
        "USD/h",
        serving.price_origin,
        serving.price_source,
        serving.price_as_of,
    )
    if serving.units != 1:
        yield _row("machines_per_replica", serving.units, "machines", "assumed", "serving: machines of one replica")
    yield _row("target_utilisation", serving.target_utilisation, "share", "assumed", "serving.target_utilisation")
    yield _row("min_replicas", serving.min_replicas, "replicas", "assumed", "serving.min_replicas")
    yield _row("redundancy", serving.redundancy, "replicas", "assumed", "serving.redundancy")
    yield _row("infrastructure_overhead", serving.overhead, "share", "assumed", "serving.overhead")


def _people(scenario: Scenario) -> Iterator[Quantity]:
    hours = (
        ("operations_hours_per_month", scenario.operations_hours_per_month, "h/month"),
        ("usd_per_hour", scenario.usd_per_hour, "USD/h"),
        ("engineering_hours", scenario.engineering_hours, "h"),
    )
    for name, value, unit in hours:
        yield _row(name, value, unit, "assumed", f"costs.{name}")
    source = "costs.deployment_hours"
    if scenario.deployment_hours is None:
        source = "not given: all engineering hours count as still ahead"
    yield _row("deployment_hours", deployment_hours(scenario), "h", "assumed", source)
    yield _row("horizon_months", scenario.horizon_months, "months", "assumed", "costs.horizon_months")
    yield _row("discount_per_year", scenario.discount_per_year, "share/year", "assumed", "costs.discount_per_year")


def _results(scenario: Scenario, case: CostCase) -> Iterator[Quantity]:
    yield from _capacity(scenario, case)
    blended = scenario.teacher_share is not None
    for row in _RESULTS:
        if row.field == "teacher_usd" and not blended:
            continue
        owner = case.break_even if row.field in type(case.break_even).model_fields else case
        value: Decimal | None = getattr(owner, row.field)
        formula = _baseline_formula(scenario, row) + _more_of(scenario, row.field)
        source = formula if value is not None else f"{formula}: {row.undefined}"
        on_teacher = row.on_teacher or (blended and row.field == "candidate_usd")
        reasons = _assumed_prices(scenario, row.field) if on_teacher else []
        if reasons:
            yield _row(row.name, value, row.unit, "assumed", f"{source}; assumed: {'; '.join(reasons)}")
        else:
            yield _row(row.name, value, row.unit, row.origin, source)


_OF_THE_TEACHER = {"teacher_usd", "candidate_usd"}
_OF_ALL_ASKED = {"loop_spend_usd", "program_usd", "payback_months", "npv_usd"}
"""Results that hold what the loop has paid for answers of teacher and baselines. The others rest on what the candidate
is held against."""


def _assumed_prices(scenario: Scenario, field: str) -> list[str]:
    """Return why a result rests on an assumed price; empty where it does not."""
    held = held_against(scenario)
    of_teacher = [_reason(scenario)] if scenario.price_assumed else []
    if field in _OF_THE_TEACHER or (held.name == TEACHER and field not in _OF_ALL_ASKED):
        return of_teacher
    rest = scenario.baselines if field in _OF_ALL_ASKED else (held,)
    found = [_bid_reason(one) for one in rest if one.price_assumed]
    return of_teacher + found if field in _OF_ALL_ASKED or scenario.teacher_share is not None else found


def _baseline_formula(scenario: Scenario, row: _Result) -> str:
    held = held_against(scenario)
    if row.field != "baseline_usd" or held.name == TEACHER:
        return row.formula
    return f"baseline.{held.name}.usd_per_request x requests_per_month, the cheapest model that passes"


def _more_of(scenario: Scenario, field: str) -> str:
    """Return what a formula has on top for this scenario."""
    if field == "candidate_usd" and scenario.teacher_share is not None:
        return " + teacher's part"
    if field == "machines_usd" and scenario.serving is not None and scenario.serving.units != 1:
        return " x machines_per_replica"
    return ""


def _capacity(scenario: Scenario, case: CostCase) -> Iterator[Quantity]:
    month = case.serving
    if month is None or scenario.serving is None:
        return
    measured, billed = scenario.cores_measured, scenario.serving.cores
    scaled = measured is not None and billed is not None and measured != billed
    source = f"throughput, from {measured} measured to {billed} billed cores" if scaled else "throughput of one replica"
    yield _row("capacity_rps", month.capacity_rps, "requests/s", "assumed" if scaled else "derived", source)
    peak = "ceil(peak requests/s / (capacity x target_utilisation))"
    yield _row("replicas_serving", month.replicas_serving, "replicas", "derived", peak)
    yield _row(
        "replicas_billed", month.replicas_billed, "replicas", "derived", "max(min_replicas, serving + redundancy)"
    )
    yield _row("utilisation", month.utilisation, "share", "derived", "average requests/s / billed capacity")
    formula = "(machines + overhead) / requests_per_month"
    yield _row("serving_usd_per_request", month.usd_per_request, "USD/request", "derived", formula)
