"""One comparison of a month with the teacher and a month with the candidate, at one capacity of the machines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from gatekeeper.cost.alternative import Alternative, cheapest
from gatekeeper.cost.defaults import DISCOUNT_PER_YEAR, HORIZON_MONTHS
from gatekeeper.cost.money import stored
from gatekeeper.cost.payback import BreakEven, npv, payback_months, profitable_volumes
from gatekeeper.cost.serving import (
    HOURS_PER_MONTH,
    Serving,
    ServingMonth,
    replica_month,
    serving_month,
    usable_rps,
)
from gatekeeper.cost.usage import RequestCost
from gatekeeper.errors import InputError, PriceError
from gatekeeper.records import Estimate, Record

TEACHER = "teacher"
"""Name of the teacher among what a candidate is held against."""


class Baseline(Record):
    """Another model that could answer the requests, as it is."""

    name: str
    cost: RequestCost | None
    """What one of its answers costs. None: nothing, as with a fixed answer."""
    price_assumed: bool = False
    """It is a stand-in that bears another model's price."""
    passes: bool = False
    """Whether it is shown to be good enough. What is not shown is no alternative."""

    @property
    def usd(self) -> Decimal:
        """US dollars per request."""
        return Decimal(0) if self.cost is None else self.cost.usd


class Scenario(Record):
    """All inputs of a comparison. The candidate runs on machines (`serving`), behind an API (`student_api`) or both,
    and may hand a share of its requests on to the teacher (`teacher_share`)."""

    requests_per_month: int
    peak_to_average: Decimal
    teacher: RequestCost | None
    """None: the teacher has no price, and nothing can be compared."""
    price_assumed: bool = False
    """The teacher is a stand-in that bears another model's price."""
    price_reason: str = ""
    """Why the price is assumed, e.g. 'the teacher is a local model, priced as anthropic/claude-opus-5'."""

    serving: Serving | None = None
    throughput: Estimate | None = None
    throughput_source: str = "measured"
    throughput_as_of: date | None = None
    cores_measured: int | None = None
    student_api: RequestCost | None = None
    teacher_share: Estimate | None = None
    """Share of the requests that the candidate answers too and then leaves to the teacher, in [0, 1]. None: none."""

    operations_hours_per_month: Decimal
    usd_per_hour: Decimal
    """What one hour of engineering or operations costs."""
    engineering_hours: Decimal
    """Hours of the whole project, deployment included."""
    deployment_hours: Decimal | None = None
    """The part of `engineering_hours` that comes after the promotion. None: all of them, the unfavourable reading."""
    loop_spend_usd: Decimal
    """All that the loop spent: generation, training, evaluation and judging, failed rounds included."""
    labels_usd: Decimal = Decimal(0)

    horizon_months: int = HORIZON_MONTHS
    discount_per_year: Decimal = DISCOUNT_PER_YEAR

    baselines: tuple[Baseline, ...] = ()
    """Models that could answer instead of teacher and candidate."""
    vs: Literal["best_passing", "teacher"] = "best_passing"
    """What the candidate is held against: the cheapest of the teacher and the baselines that pass, or the teacher."""


class CostCase(Record):
    """The result at one capacity. Amounts are USD with twelve decimals; None means never or undefined, never 0.

    program: everything that the project costs once: the loop with its failed rounds, labels, engineering.
    forward: the part of it that a promotion decided now would still cause: the deployment hours. What is spent is
    spent whatever is decided, so it must not keep a good candidate out; it stays visible in `program`.
    """

    serving: ServingMonth | None
    baseline: str = TEACHER
    """Name of what the candidate is held against."""
    baseline_usd: Decimal
    """A month of it."""
    teacher_month_usd: Decimal
    """A month of the teacher, which is `baseline_usd` unless a cheaper model passes."""
    machines_usd: Decimal
    overhead_usd: Decimal
    student_api_usd: Decimal
    teacher_usd: Decimal = Decimal(0)
    """What the teacher still costs within the candidate's month: the requests that are left to it."""
    operations_usd: Decimal
    candidate_usd: Decimal
    saving_usd: Decimal
    reduction: Decimal | None
    """Baseline over candidate; None where the candidate costs nothing, since no factor describes that."""
    saving_percent: Decimal | None
    """Of the baseline; None where the baseline costs nothing."""
    loop_spend_usd: Decimal
    labels_usd: Decimal
    engineering_usd: Decimal
    program_usd: Decimal
    forward_usd: Decimal
    payback_months: Decimal | None
    """Until the program is repaid; None is never."""
    payback_forward_months: Decimal | None
    npv_usd: Decimal
    """Of the program, over the horizon."""
    break_even: BreakEven


def cost_case(scenario: Scenario, capacity: Decimal | None, teacher_share: Decimal = Decimal(0)) -> CostCase:
    """Return the comparison when one replica takes `capacity` requests per second (None: there are no machines) and
    the teacher keeps `teacher_share` of the requests.

    The candidate answers all requests, since its own answer says which are left to the teacher.

    Raises:
        PriceError: the teacher has no price.
        InputError: an input is missing or out of its range.
    """
    teacher, held = check_scenario(scenario), held_against(scenario)
    month = _serving(scenario, capacity)
    api = scenario.student_api.usd if scenario.student_api else Decimal(0)
    volume = scenario.requests_per_month
    baseline = stored(held.usd * volume)
    machines = stored(month.machines_usd) if month else Decimal(0)
    overhead = stored(month.overhead_usd) if month else Decimal(0)
    student_api = stored(api * volume)
    kept = teacher.usd * teacher_share
    teacher_usd = stored(kept * volume)
    operations = stored(scenario.operations_hours_per_month * scenario.usd_per_hour)
    candidate = machines + overhead + student_api + teacher_usd + operations
    saving = baseline - candidate
    engineering = stored(scenario.engineering_hours * scenario.usd_per_hour)
    loop, labels = stored(scenario.loop_spend_usd), stored(scenario.labels_usd)
    program = loop + labels + engineering
    forward = stored(deployment_hours(scenario) * scenario.usd_per_hour)
    months = [saving] * scenario.horizon_months
    return CostCase(
        serving=month,
        baseline=held.name,
        baseline_usd=baseline,
        teacher_month_usd=stored(teacher.usd * volume),
        machines_usd=machines,
        overhead_usd=overhead,
        student_api_usd=student_api,
        teacher_usd=teacher_usd,
        operations_usd=operations,
        candidate_usd=candidate,
        saving_usd=saving,
        reduction=stored(baseline / candidate) if candidate else None,
        saving_percent=stored(100 * saving / baseline) if baseline else None,
        loop_spend_usd=loop,
        labels_usd=labels,
        engineering_usd=engineering,
        program_usd=program,
        forward_usd=forward,
        payback_months=_stored(payback_months(program, saving)),
        payback_forward_months=_stored(payback_months(forward, saving)),
        npv_usd=stored(npv(program, months, discount_per_year=scenario.discount_per_year)),
        break_even=_break_even(scenario, held.usd - kept - api, operations, capacity),
    )


def held_against(scenario: Scenario) -> Baseline:
    """Return what the candidate is held against: the cheapest model that is good enough. The teacher wins a tie.

    Its answers alone count: a model behind an API has no machines, and changing to it takes no engineering here.
    Source: cost design, the re-bid rule.

    Raises:
        PriceError: the teacher has no price.
    """
    incumbent = Baseline(name=TEACHER, cost=check_scenario(scenario), price_assumed=scenario.price_assumed, passes=True)
    if scenario.vs == "teacher":
        return incumbent
    known = {one.name: one for one in (incumbent, *scenario.baselines)}
    bids = [Alternative(name=one.name, usd_per_request=one.usd, passes=one.passes) for one in known.values()]
    best = cheapest(bids, Decimal(scenario.requests_per_month))
    assert best is not None, "the teacher always passes"
    return known[best.name]


def check_scenario(scenario: Scenario) -> RequestCost:
    """Return the teacher's cost, or raise PriceError or InputError for the first input that cannot be used."""
    if scenario.teacher is None:
        raise PriceError(
            "the teacher has no price, so nothing can be compared with it",
            hint="name a priced model as teacher, set priced_as, or give the model in your own price file",
        )
    if scenario.serving is None and scenario.student_api is None:
        raise InputError(
            "nothing says what the candidate costs", hint="give its machines (serving) or its price per request"
        )
    if scenario.requests_per_month <= 0 or scenario.horizon_months <= 0:
        raise InputError(
            f"requests_per_month ({scenario.requests_per_month}) and horizon_months ({scenario.horizon_months}) "
            "must be above 0"
        )
    for name in (
        "operations_hours_per_month",
        "usd_per_hour",
        "engineering_hours",
        "loop_spend_usd",
        "labels_usd",
        "discount_per_year",
    ):
        number: Decimal = getattr(scenario, name)
        if not number.is_finite() or number < 0:
            raise InputError(f"{name} is {number}", hint="a finite number, 0 or more")
    names = [TEACHER, *(one.name for one in scenario.baselines)]
    if len(set(names)) < len(names):
        raise InputError(f"two of {', '.join(names)} have the same name", hint="names of baselines are unique")
    if not 0 <= deployment_hours(scenario) <= scenario.engineering_hours:
        raise InputError(
            f"deployment_hours is {scenario.deployment_hours}, outside 0 to engineering_hours "
            f"({scenario.engineering_hours})",
            hint="engineering_hours counts the whole project, deployment included",
        )
    return scenario.teacher


def deployment_hours(scenario: Scenario) -> Decimal:
    """Return the hours that are still ahead at the promotion: all engineering hours where nothing else is said."""
    return scenario.engineering_hours if scenario.deployment_hours is None else scenario.deployment_hours


def _serving(scenario: Scenario, capacity: Decimal | None) -> ServingMonth | None:
    if scenario.serving is None:
        return None
    if capacity is None:
        raise InputError("the candidate's throughput is not known, so its bill is not known", hint="measure its speed")
    return serving_month(
        scenario.requests_per_month,
        peak_to_average=scenario.peak_to_average,
        capacity_rps=capacity,
        serving=scenario.serving,
    )


def _break_even(
    scenario: Scenario, saving_per_request: Decimal, operations: Decimal, capacity: Decimal | None
) -> BreakEven:
    serving = scenario.serving
    if serving is None or capacity is None:
        if saving_per_request <= 0:
            return BreakEven(first_from=None, first_to=None, always_from=None)
        volume = stored(operations / saving_per_request)
        return BreakEven(first_from=volume, first_to=None, always_from=volume)
    room = usable_rps(capacity, serving.target_utilisation) * HOURS_PER_MONTH * 3600 / scenario.peak_to_average
    return profitable_volumes(
        saving_per_request,
        fixed_usd_per_month=operations,
        replica_usd_per_month=sum(replica_month(serving), Decimal(0)),
        replica_requests_per_month=room,
        min_replicas=serving.min_replicas,
        redundancy=serving.redundancy,
    )


def _stored(number: Decimal | None) -> Decimal | None:
    return None if number is None else stored(number)
