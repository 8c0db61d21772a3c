"""The results of a plan: the first month, payback, present value and the volumes at which it pays.

Source: cost design 4.4.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.alternative import Bill, error_part
from gatekeeper.cost.machines import replica_volume
from gatekeeper.cost.payback import npv
from gatekeeper.cost.plan import Plan, baseline_bill, candidate_bill, monthly_savings, volume_in
from gatekeeper.cost.quality import break_even_error_cost
from gatekeeper.cost.returns import irr_per_month, payback_in, payback_of, roi, sign_changes
from gatekeeper.cost.serving import replica_month
from gatekeeper.cost.volumes import ProfitableIntervals, Steps, profitable_intervals
from gatekeeper.records import Record


class Returns(Record):
    """What one scope of the one-time cost returns. None: never, or undefined."""

    one_time_usd: Decimal
    payback_months: Decimal | None
    """Undiscounted; None: never, or not within the horizon where the months differ."""
    discounted_payback_months: Decimal | None
    """None: not within the horizon."""
    npv_usd: Decimal
    roi: Decimal | None
    """A share of the one-time cost over the horizon."""
    irr_per_month: Decimal | None
    """None where the cash flow does not change its sign exactly once."""
    sign_changes: int


class Outlook(Record):
    """The results of a plan. Amounts are USD; None is never or undefined, never 0."""

    baseline: Bill
    """Of the first month."""
    candidate: Bill
    saving_usd: Decimal
    """Of the first month."""
    reduction: Decimal | None
    """CRR: baseline over candidate, fixed costs, operations and errors included; None where the candidate is free."""
    saving_percent: Decimal | None
    token_reduction: Decimal | None
    """The same for the prices per request alone, which flatters."""
    savings_usd: tuple[Decimal, ...]
    """S_m of each month of the horizon."""
    program: Returns
    """All that the project costs once."""
    forward: Returns
    """Only what is still ahead."""
    volumes: ProfitableIntervals | None
    """At which a month saves money; None where it is no question of one volume (an hourly profile, or a baseline with
    machines)."""
    volumes_with_program: ProfitableIntervals | None
    """At which the savings of the horizon also earn the program back: its cost is spread evenly over the months."""
    break_even_error_usd: Decimal | None
    """epsilon*: a bad answer that costs more than this makes the baseline the cheaper one."""


def outlook_of(plan: Plan) -> Outlook:
    """Return what follows from a plan.

    Raises:
        InputError: a number of the plan is missing or out of its range.
    """
    base, mine, savings = baseline_bill(plan, 1), candidate_bill(plan, 1), monthly_savings(plan)
    token_base = base.requests_usd + base.teacher_usd
    token_mine = mine.requests_usd + mine.teacher_usd
    program = plan.one_time.program_usd
    return Outlook(
        baseline=base,
        candidate=mine,
        saving_usd=base.usd - mine.usd,
        reduction=_ratio(base.usd, mine.usd),
        saving_percent=_ratio(100 * (base.usd - mine.usd), base.usd),
        token_reduction=_ratio(token_base, token_mine),
        savings_usd=savings,
        program=_returns(program, savings, plan.discount_per_year),
        forward=_returns(plan.one_time.forward_usd, savings, plan.discount_per_year),
        volumes=_volumes(plan, Decimal(0)),
        volumes_with_program=_volumes(plan, program / plan.horizon_months),
        break_even_error_usd=_error_cost(plan, base, mine),
    )


def _ratio(one: Decimal, other: Decimal) -> Decimal | None:
    return one / other if other else None


def _returns(one_time_usd: Decimal, savings: tuple[Decimal, ...], discount: Decimal) -> Returns:
    return Returns(
        one_time_usd=one_time_usd,
        payback_months=payback_of(one_time_usd, savings),
        discounted_payback_months=payback_in(one_time_usd, savings, discount_per_year=discount),
        npv_usd=npv(one_time_usd, savings, discount_per_year=discount),
        roi=roi(one_time_usd, savings),
        irr_per_month=irr_per_month(one_time_usd, savings),
        sign_changes=sign_changes([-one_time_usd, *savings]),
    )


def _volumes(plan: Plan, monthly_program: Decimal) -> ProfitableIntervals | None:
    """Return the volumes at today's prices: s = C_base - C_cand - audits, fixed = F_cand - F_base + O + I / T."""
    base, mine = plan.baseline, plan.candidate
    machines = mine.machines
    if base.machines is not None or (machines is not None and machines.hourly_weights):
        return None
    saving = base.usd_per_request + base.teacher_usd_per_request + error_part(base, plan.error_usd)
    saving -= mine.usd_per_request + mine.teacher_usd_per_request + error_part(mine, plan.error_usd)
    fixed = mine.fixed_usd_per_month - base.fixed_usd_per_month + plan.operations_usd_per_month + monthly_program
    steps = None
    if machines is not None:
        steps = Steps(
            replica_usd_per_month=sum(replica_month(machines.serving), Decimal(0)),
            replica_requests_per_month=replica_volume(machines),
            min_replicas=machines.serving.min_replicas,
            redundancy=machines.serving.redundancy,
        )
    return profitable_intervals(saving - plan.audit_usd_per_request, fixed_usd_per_month=fixed, steps=steps)


def _error_cost(plan: Plan, base: Bill, mine: Bill) -> Decimal | None:
    """Return epsilon* at the first month's volume; c holds all of a month but errors: machines and operations too."""
    teacher_quality, student_quality = plan.baseline.quality, plan.candidate.quality
    if teacher_quality is None or student_quality is None:
        return None
    volume = volume_in(plan, 1)
    return break_even_error_cost(
        (base.usd - base.errors_usd) / volume,
        (mine.usd - mine.errors_usd) / volume,
        teacher_quality=teacher_quality,
        student_quality=student_quality,
    )
