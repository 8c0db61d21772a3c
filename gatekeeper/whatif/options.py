"""From an option of the worksheet to an `Alternative`, its one-time cost and the plan of moving to it."""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.alternative import Alternative
from gatekeeper.cost.api import hosting_cost
from gatekeeper.cost.lifetime import Horizon, horizon
from gatekeeper.cost.machines import Machines
from gatekeeper.cost.operations import audit_cost, operations_cost
from gatekeeper.cost.plan import Plan
from gatekeeper.cost.serving import Serving
from gatekeeper.errors import InputError
from gatekeeper.whatif.one_time import one_time_of
from gatekeeper.whatif.prices import api_usd_per_request
from gatekeeper.whatif.worksheet import (
    AT_THE_TEACHER,
    DISTILLED,
    ON_MACHINES,
    SAME_ANSWERS,
    TEACHER,
    WITH_TEACHER,
    Option,
    Values,
    Worksheet,
)

ZERO, ONE = Decimal(0), Decimal(1)


def alternative_of(worksheet: Worksheet, option: Option, values: Values) -> Alternative:
    """Return what the option costs per request, per month and in machines, with its quality.

    Raises:
        InputError: a number that it needs is not given, or out of its range.
        PriceError: it is sent in a way that has no price.
    """
    quality = values.optional(f"{TEACHER if option.kind in SAME_ANSWERS else option.name}.quality")
    passes = True if option.kind in SAME_ANSWERS else option.passes
    if option.kind in WITH_TEACHER:
        return _with_teacher(worksheet, option, values, quality)
    if option.kind in ON_MACHINES:
        return Alternative(
            name=option.name,
            usd_per_request=values.default(f"{option.name}.usd_per_call", ZERO),
            machines=machines_of(option, values),
            quality=quality,
            passes=passes,
        )
    usd = api_usd_per_request(worksheet, option, values)
    # Another way to use the teacher is paid at the teacher's price, which falls when the teacher's falls.
    to_teacher = option.kind in AT_THE_TEACHER and option.name != TEACHER
    return Alternative(
        name=option.name,
        usd_per_request=ZERO if to_teacher else usd,
        teacher_usd_per_request=usd if to_teacher else ZERO,
        fixed_usd_per_month=hosting_cost(_hosting(option, values)),
        quality=quality,
        passes=passes,
    )


def _hosting(option: Option, values: Values) -> Decimal:
    """Return USD per hour: a hosted model without its price has no bill, a serverless one has none to pay."""
    key = f"{option.name}.hosting_usd_per_hour"
    return values[key] if option.kind == "fine_tuned_hosted" else values.default(key, ZERO)


def machines_of(option: Option, values: Values) -> Machines:
    """Return the machines of an option: whole replicas at the peak of the worksheet's traffic."""
    name = option.name
    serving = Serving(
        usd_per_hour=values[f"{name}.usd_per_hour"],
        target_utilisation=values.default(f"{name}.target_utilisation"),
        min_replicas=_whole(values.default(f"{name}.min_replicas"), f"{name}.min_replicas"),
        redundancy=_whole(values.default(f"{name}.redundancy"), f"{name}.redundancy"),
        overhead=values.default(f"{name}.overhead"),
        units=_whole(values.default(f"{name}.machines_per_replica", ONE), f"{name}.machines_per_replica"),
        scale_to_zero=bool(values.default(f"{name}.scale_to_zero", ZERO)),
        machine=option.kind,
    )
    return Machines(
        serving=serving,
        capacity_rps=values[f"{name}.capacity_rps"],
        peak_to_average=values.default("peak_to_average"),
        hourly_weights=option.hourly_weights,
    )


def _with_teacher(worksheet: Worksheet, option: Option, values: Values, quality: Decimal | None) -> Alternative:
    """Return a cascade, c_s + c_ver + e c_t, or a router, c_rt + w c_t + (1 - w) c_s."""
    student = alternative_of(worksheet, worksheet.option(option.of), values)
    teacher = alternative_of(worksheet, worksheet.option(TEACHER), values)
    share, asked = values[f"{option.name}.teacher_share"], ONE
    machines = student.machines
    if option.kind == "router":
        asked = ONE - share
        if machines is not None:
            # The student sees the share 1 - w of the traffic: each replica takes 1 / (1 - w) of all requests.
            if asked <= 0:
                raise InputError(f"{option.name}.teacher_share is {share}", hint="below 1, else no student is needed")
            machines = machines.model_copy(update={"capacity_rps": machines.capacity_rps / asked})
    return Alternative(
        name=option.name,
        usd_per_request=values.default(f"{option.name}.verifier_usd", ZERO) + asked * student.usd_per_request,
        teacher_usd_per_request=share * teacher.usd_per_request,
        fixed_usd_per_month=student.fixed_usd_per_month,
        machines=machines,
        quality=quality,
        passes=option.passes,
    )


def horizon_of(worksheet: Worksheet, option: Option, values: Values) -> Horizon:
    """Return the months that savings are counted for: those asked for, or until a model that is used retires."""
    used = {option.name: option.retires, TEACHER: worksheet.option(TEACHER).retires}
    if option.of:
        used[option.of] = worksheet.option(option.of).retires
    return horizon(worksheet.as_of, _whole(values.default("horizon_months"), "horizon_months"), used)


def plan_of(worksheet: Worksheet, option: Option, baseline: Alternative, values: Values) -> Plan:
    """Return the plan of moving from `baseline` to the option.

    Operations, audits and retraining belong to a student: ways to use an API for less have none.
    """
    student = option.kind in DISTILLED
    months = horizon_of(worksheet, option, values).months
    return Plan(
        requests_per_month=values["requests_per_month"],
        growth_per_month=values.default("growth_per_month"),
        baseline=baseline,
        candidate=alternative_of(worksheet, option, values),
        one_time=one_time_of(worksheet, option, values),
        operations_usd_per_month=operations_usd(values) if student else ZERO,
        audit_usd_per_request=audit_usd(worksheet, values) if student else ZERO,
        retrain_usd=values.default("retrain_usd", ZERO) if student else ZERO,
        retrain_months=_whole(values.default("retrain_months"), "retrain_months"),
        price_decay_per_year=values.default("price_decay_per_year"),
        error_usd=values.default("error_usd"),
        horizon_months=max(1, months),
        discount_per_year=values.default("discount_per_year"),
    )


def operations_usd(values: Values) -> Decimal:
    """Return the month's operations in USD: hours at their rate, or the sum that is given."""
    if "operations_usd_per_month" in values:
        return values["operations_usd_per_month"]
    hours = values.default("operations_hours_per_month", ZERO)
    return operations_cost(hours, values["usd_per_engineering_hour"]) if hours else ZERO


def audit_usd(worksheet: Worksheet, values: Values) -> Decimal:
    """Return a, what audits by the teacher add to each request in USD."""
    share = values.default("audit_share", ZERO)
    if not share:
        return ZERO
    teacher = alternative_of(worksheet, worksheet.option(TEACHER), values)
    return audit_cost(teacher.usd_per_request, judge_usd=values.default("judge_usd", ZERO), share=share)


def _whole(value: Decimal, name: str) -> int:
    if value != value.to_integral_value():
        raise InputError(f"{name} is {value}", hint="a whole number")
    return int(value)
