"""A project month by month: growing traffic, falling prices, retraining, and what each month saves.

    V_m   = V (1 + g)^(m - 1)
    p_m   = (1 - delta)^((m - 1) / 12)                            factor on the teacher's price
    S_m   = baseline bill_m - candidate bill_m - R [m mod m_R = 0 and m < T]

The baseline's price per request falls by p_m, and so does what the candidate pays to the teacher; its own price does
not. Source: cost design 4.4.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.alternative import Alternative, Bill, Prices, month_bill
from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.cost.defaults import DISCOUNT_PER_YEAR, HORIZON_MONTHS, RETRAIN_MONTHS
from gatekeeper.cost.one_time import OneTime
from gatekeeper.cost.operations import retrains_in
from gatekeeper.errors import InputError
from gatekeeper.records import Record

ZERO = Decimal(0)


class Plan(Record):
    """All inputs of a project: replace `baseline` by `candidate`."""

    requests_per_month: Decimal
    """V in the first month."""
    growth_per_month: Decimal = ZERO
    """g, a share: 0.02 is 2 % more requests each month. Above -1."""
    baseline: Alternative
    """The cheapest alternative that passes the quality gate (`cheapest`)."""
    candidate: Alternative
    one_time: OneTime
    operations_usd_per_month: Decimal = ZERO
    audit_usd_per_request: Decimal = ZERO
    """What audits add to each request of the candidate (`audit_cost`)."""
    retrain_usd: Decimal = ZERO
    """R, what training the candidate again costs each time."""
    retrain_months: int = RETRAIN_MONTHS
    """m_R, the months between two trainings."""
    price_decay_per_year: Decimal = ZERO
    """delta, a share in [0, 1): 0.5 is half the price after a year."""
    error_usd: Decimal = ZERO
    """epsilon, what a bad answer costs."""
    horizon_months: int = HORIZON_MONTHS
    """T, capped at the first retirement (`horizon`)."""
    discount_per_year: Decimal = DISCOUNT_PER_YEAR


def volume_in(plan: Plan, month: int) -> Decimal:
    """Return V_m, the requests of month m (1 is the first)."""
    growth = 1 + plan.growth_per_month
    return require_positive(plan.requests_per_month, "requests_per_month") * require_positive(
        growth, "1 + growth_per_month"
    ) ** (month - 1)


def price_factor(decay_per_year: Decimal, month: int) -> Decimal:
    """Return (1 - delta)^((m - 1) / 12), the teacher's price in month m over that of the first month."""
    if require_zero_or_more(decay_per_year, "price_decay_per_year") >= 1:
        raise InputError(f"price_decay_per_year is {decay_per_year}", hint="a share below 1, such as 0.5")
    return (1 - decay_per_year) ** (Decimal(month - 1) / 12)


def baseline_bill(plan: Plan, month: int) -> Bill:
    """Return the baseline's bill of month m; all of its price per request falls."""
    factor = price_factor(plan.price_decay_per_year, month)
    return month_bill(
        plan.baseline,
        volume_in(plan, month),
        error_usd=plan.error_usd,
        prices=Prices(own=factor, teacher=factor),
    )


def candidate_bill(plan: Plan, month: int) -> Bill:
    """Return the candidate's bill of month m, operations and audits included, retraining not."""
    return month_bill(
        plan.candidate,
        volume_in(plan, month),
        error_usd=plan.error_usd,
        operations_usd=plan.operations_usd_per_month,
        audit_usd=plan.audit_usd_per_request,
        prices=Prices(teacher=price_factor(plan.price_decay_per_year, month)),
    )


def monthly_savings(plan: Plan) -> tuple[Decimal, ...]:
    """Return S_1 .. S_T in USD."""
    if plan.horizon_months < 1:
        raise InputError(f"horizon_months is {plan.horizon_months}", hint="1 or more")
    retrain = require_zero_or_more(plan.retrain_usd, "retrain_usd")
    savings = []
    for month in range(1, plan.horizon_months + 1):
        saved = baseline_bill(plan, month).usd - candidate_bill(plan, month).usd
        again = retrains_in(month, every_months=plan.retrain_months, horizon_months=plan.horizon_months)
        savings.append(saved - retrain if again else saved)
    return tuple(savings)
