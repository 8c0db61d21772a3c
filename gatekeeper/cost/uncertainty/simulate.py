"""A plan over many draws at once: the same months, bills and results as `outlook_of`, in float64 arrays.

    S_m = baseline bill_m - candidate bill_m - R [m mod m_R = 0 and m < T],  bill, payback and NPV as in
    `alternative`, `machines`, `hourly`, `plan`, `payback` and `returns`

One plan in Decimal takes milliseconds, twenty thousand would take minutes. Tests hold both ways together draw by draw.
Source: cost design 4.4, Monte Carlo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from gatekeeper.cost.alternative import Alternative
from gatekeeper.cost.machines import Machines
from gatekeeper.cost.operations import retrains_in
from gatekeeper.cost.plan import Plan, monthly_savings
from gatekeeper.cost.returns import payback_in
from gatekeeper.cost.serving import HOURS_PER_MONTH, replica_month
from gatekeeper.cost.uncertainty.draws import Draws, Floats, plan_at
from gatekeeper.cost.uncertainty.payback import payback_of, payback_within

WHOLE = 1e-12
"""Relative distance above a whole number of replicas that counts as rounding: float64 may make 3 machines of traffic
into 3.0000000000000004, which would be a fourth."""
NOISE = 1e-13
"""Share of both bills below which their difference is rounding and counts as 0: a saving of 0 must never pay back."""

_SECONDS = float(HOURS_PER_MONTH) * 3600


@dataclass(frozen=True, eq=False)
class ScopeDraws:
    """What one scope of the one-time cost returns, each of shape (n_draws,)."""

    npv_usd: Floats
    payback_months: Floats
    """Undiscounted, by the rule of `returns.payback_of`; infinite: never."""
    discounted_payback_months: Floats
    """Within the horizon; infinite: not."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """The results of a plan in each draw; arrays of shape (n_draws,) unless it says otherwise."""

    baseline_usd: Floats
    """The first month's bill."""
    candidate_usd: Floats
    saving_usd: Floats
    """Of the first month."""
    reduction: Floats
    """CRR of the first month: infinite where only the candidate is free, NaN where both are."""
    savings_usd: Floats
    """S_m, shape (horizon, n_draws)."""
    program: ScopeDraws
    """All that the project costs once."""
    forward: ScopeDraws
    """Only what is still ahead."""


def simulate(plan: Plan, draws: Draws) -> Simulation:
    """Return the results of `plan` in each of `draws`.

    Raises:
        InputError: a number of the plan is missing or out of its range, or a capacity is drawn for no machines.
    """
    _check(plan_at(plan, draws, 0))
    first, savings = _months(plan, draws)
    base, mine = first
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = base / mine
    n = draws.n_draws
    program = _or(draws.program_usd, plan.one_time.program_usd)
    forward = _or(draws.forward_usd, plan.one_time.forward_usd)
    return Simulation(
        baseline_usd=_full(base, n),
        candidate_usd=_full(mine, n),
        saving_usd=_full(_denoised(base - mine, base + mine), n),
        reduction=_full(reduction, n),
        savings_usd=savings,
        program=_scope(_full(program, n), savings, plan.discount_per_year),
        forward=_scope(_full(forward, n), savings, plan.discount_per_year),
    )


def _check(plan: Plan) -> None:
    """Raise InputError for what is the plan's own, by the functions that check it; `Draws` has checked the rest."""
    savings = monthly_savings(plan)
    for one_time in (plan.one_time.program_usd, plan.one_time.forward_usd):
        payback_in(one_time, savings, discount_per_year=plan.discount_per_year)


def _or(drawn: Floats | None, own: Decimal) -> Floats:
    return np.asarray(float(own)) if drawn is None else drawn


def _full(values: Floats, n: int) -> Floats:
    return np.broadcast_to(values, (n,)).copy()


def _denoised(difference: Floats, size: Floats) -> Floats:
    return np.where(np.abs(difference) <= NOISE * size, 0.0, difference)


@dataclass(frozen=True, eq=False)
class _Side:
    """One alternative with the draws put in; numbers or arrays of shape (n_draws,)."""

    own: Floats
    teacher: Floats
    flat: Floats
    """USD per request that no price moves: errors, and audits of the candidate."""
    fixed: Floats
    """USD per month that no traffic moves: hosting, and operations of the candidate."""
    machines: Machines | None
    capacity: Floats
    kept: dict[float, Floats] = field(default_factory=dict)
    """Machine bills by the growth since the first month: without growth there is one."""

    def bill(self, volume: Floats, growth: float, own_factor: Floats, teacher_factor: Floats) -> Floats:
        per_request = self.own * own_factor + self.teacher * teacher_factor + self.flat
        month = volume * per_request + self.fixed
        if self.machines is None:
            return month
        if growth not in self.kept:
            self.kept[growth] = _machines_usd(volume, self.machines, self.capacity)
        return month + self.kept[growth]


def _side(one: Alternative, draws: Draws, prefix: str, *, error: Decimal, flat: Decimal, fixed: Floats) -> _Side:
    given = draws.given()
    wrong = np.asarray(0.0)
    if error:
        quality = given.get(f"{prefix}quality")
        # `simulate` has refused a price of errors without a quality.
        wrong = (1 - (np.asarray(float(one.quality or 0)) if quality is None else quality)) * float(error)
    return _Side(
        own=_or(given.get(f"{prefix}usd_per_request"), one.usd_per_request),
        teacher=_or(given.get(f"{prefix}teacher_usd_per_request"), one.teacher_usd_per_request),
        flat=wrong + float(flat),
        fixed=fixed + float(one.fixed_usd_per_month),
        machines=one.machines,
        capacity=_or(given.get(f"{prefix}capacity_rps"), one.machines.capacity_rps if one.machines else Decimal(1)),
    )


def _months(plan: Plan, draws: Draws) -> tuple[tuple[Floats, Floats], Floats]:
    """Return both bills of the first month, and S_m of shape (horizon, n_draws)."""
    operations = _or(draws.operations_usd_per_month, plan.operations_usd_per_month)
    nothing = np.asarray(0.0)
    base = _side(plan.baseline, draws, "baseline_", error=plan.error_usd, flat=Decimal(0), fixed=nothing)
    mine = _side(
        plan.candidate,
        draws,
        "candidate_",
        error=plan.error_usd,
        flat=plan.audit_usd_per_request,
        fixed=operations,
    )
    today = _or(draws.requests_per_month, plan.requests_per_month)
    kept_price = 1 - _or(draws.price_decay_per_year, plan.price_decay_per_year)
    bills, savings = [], np.empty((plan.horizon_months, draws.n_draws))
    for month in range(1, plan.horizon_months + 1):
        growth = float((1 + plan.growth_per_month) ** (month - 1))
        factor = kept_price ** ((month - 1) / 12)
        one = base.bill(today * growth, growth, factor, factor)
        other = mine.bill(today * growth, growth, np.asarray(1.0), factor)
        again = retrains_in(month, every_months=plan.retrain_months, horizon_months=plan.horizon_months)
        training = float(plan.retrain_usd) if again else 0.0
        savings[month - 1] = _denoised(one - other - training, one + other + training)
        bills.append((one, other))
    return bills[0], savings


def _machines_usd(volume: Floats, machines: Machines, capacity: Floats) -> Floats:
    """Return F: whole replicas at the peak, or their mean over the hourly profile, times a replica's month."""
    serving = machines.serving
    room = capacity * float(serving.target_utilisation) * _SECONDS
    if not machines.hourly_weights:
        needed = _whole(volume * float(machines.peak_to_average) / room)
        count = np.maximum(serving.min_replicas, needed + serving.redundancy)
    else:
        count = _mean_replicas(volume / room, machines)
    return count * float(sum(replica_month(serving), Decimal(0)))


def _mean_replicas(load: Floats, machines: Machines) -> Floats:
    """Return Nbar for a mean load in usable replicas. Hours of the same weight are looked at once."""
    serving, weights = machines.serving, machines.hourly_weights
    mean = sum(weights, Decimal(0)) / len(weights)
    billed = np.zeros_like(load)
    for weight in sorted(set(weights)):
        needed = _whole(load * float(weight / mean))
        replicas = np.maximum(serving.min_replicas, needed + serving.redundancy)
        if serving.scale_to_zero:
            replicas = np.where(needed == 0, 0, replicas)
        billed += weights.count(weight) * replicas
    return billed / len(weights)


def _whole(load: Floats) -> Floats:
    return np.ceil(load * (1 - WHOLE))


def _scope(one_time: Floats, savings: Floats, discount_per_year: Decimal) -> ScopeDraws:
    months = np.arange(1, len(savings) + 1)
    values = savings / ((1 + float(discount_per_year)) ** (months / 12))[:, np.newaxis]
    return ScopeDraws(
        npv_usd=values.sum(axis=0) - one_time,
        payback_months=payback_of(one_time, savings),
        discounted_payback_months=payback_within(one_time, values),
    )
