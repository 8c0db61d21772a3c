"""The results of a plan as bands and chances, and what it is worth to know an input better.

Source: cost design 4.4 and 5.
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from gatekeeper.cost.checks import require_positive
from gatekeeper.cost.plan import Plan
from gatekeeper.cost.uncertainty.draws import Floats
from gatekeeper.cost.uncertainty.evidence import DrawnInput, Evidence
from gatekeeper.cost.uncertainty.information import (
    PerfectInformation,
    RowsValue,
    partial_information,
    perfect_information,
    rows_value,
)
from gatekeeper.cost.uncertainty.sampled import Sampled, sample
from gatekeeper.cost.uncertainty.simulate import ScopeDraws, Simulation, simulate
from gatekeeper.errors import InputError
from gatekeeper.records import Record

LEAST_DRAWS = 100
N_DRAWS = 20_000


class Band(Record):
    """Percentiles of the draws. None: never, or undefined, at that percentile."""

    p10: Decimal | None
    p50: Decimal | None
    p90: Decimal | None


class Chance(Record):
    """A share of the draws."""

    share: float
    standard_error: float
    """Of the simulation alone. It is never 0: a share of 0 or 1 is no proof."""


class ScopeBands(Record):
    """What one scope of the one-time cost returns."""

    mean_npv_usd: Decimal
    npv_usd: Band
    npv_positive: Chance
    payback_months: Band
    payback_in_time: Chance | None
    """Within the limit, undiscounted; None: there is no limit."""
    discounted_payback_months: Band
    discounted_payback_in_time: Chance | None


class InputValue(Record):
    """What it is worth at most to learn one input before deciding (EVPPI)."""

    name: str
    usd: Decimal


class Uncertainty(Record):
    """The results of a plan when its inputs are uncertain. Amounts are USD."""

    n_draws: int
    seed: int
    inputs: tuple[DrawnInput, ...]
    """What was drawn; all else is the plan's number in every draw."""
    payback_limit: Decimal | None
    reduction_limit: Decimal | None
    saving_usd: Band
    """Of the first month."""
    volume_profitable: Chance
    """That the first month costs no more than the baseline's: its volume lies in a profitable interval."""
    reduction: Band
    reduction_met: Chance | None
    """At least the limit; None: there is no limit."""
    program: ScopeBands
    forward: ScopeBands
    evpi: PerfectInformation
    """Of all inputs, at the forward cost: what is spent changes no decision."""
    evppi: tuple[InputValue, ...]
    """Of each input alone, the most valuable first."""
    rows: RowsValue | None
    """Of further rows of the eval; None: not asked for, or no scores."""


def uncertainty_of(
    plan: Plan,
    evidence: Evidence,
    *,
    seed: int,
    n_draws: int = N_DRAWS,
    payback_limit: Decimal | None = None,
    reduction_limit: Decimal | None = None,
    next_rows: int | None = None,
    usd_per_row: Decimal = Decimal(0),
) -> Uncertainty:
    """Return bands, chances and values of information of a plan.

    Args:
        plan: all inputs; those without evidence keep its numbers.
        evidence: what was measured or assumed of the others.
        seed: of the random numbers, 0 or more; the same seed gives the same result.
        n_draws: number of draws, at least `LEAST_DRAWS`.
        payback_limit: months.
        reduction_limit: CRR, a ratio.
        next_rows: rows that could be added to the eval; needs scores.
        usd_per_row: price of a further row.

    Raises:
        InputError: the plan or the evidence is impossible, or they do not fit each other.
    """
    if n_draws < LEAST_DRAWS or seed < 0:
        raise InputError(f"n_draws is {n_draws} and seed {seed}", hint=f"{LEAST_DRAWS} draws or more, a seed from 0")
    for name, limit in (("payback_limit", payback_limit), ("reduction_limit", reduction_limit)):
        if limit is not None:
            require_positive(limit, name)
    sampled = sample(plan, evidence, n_draws=n_draws, seed=seed)
    found = simulate(plan, sampled.draws)
    npv = found.forward.npv_usd
    worth = [
        InputValue(name=one.name, usd=partial_information(npv, sampled.values[one.name])) for one in sampled.inputs
    ]
    return Uncertainty(
        n_draws=n_draws,
        seed=seed,
        inputs=sampled.inputs,
        payback_limit=payback_limit,
        reduction_limit=reduction_limit,
        saving_usd=band(found.saving_usd),
        volume_profitable=chance(found.saving_usd >= 0),
        reduction=band(found.reduction),
        reduction_met=None if reduction_limit is None else chance(found.reduction >= float(reduction_limit)),
        program=_scope(found.program, payback_limit),
        forward=_scope(found.forward, payback_limit),
        evpi=perfect_information(npv),
        evppi=tuple(sorted(worth, key=lambda one: -one.usd)),
        rows=None if next_rows is None else _rows(evidence, sampled, found, next_rows, usd_per_row),
    )


def band(draws: Floats) -> Band:
    """Return the 10th, 50th and 90th percentile: values that were drawn, since nothing lies between a month and never.

    NaN (undefined) counts as the lowest; a percentile that is infinite or undefined is None.
    """
    ordered = np.where(np.isnan(draws), -np.inf, draws)
    p10, p50, p90 = np.quantile(ordered, [0.1, 0.5, 0.9], method="inverted_cdf").tolist()
    return Band(p10=_decimal(p10), p50=_decimal(p50), p90=_decimal(p90))


def chance(happens: NDArray[np.bool_]) -> Chance:
    """Return the share of draws in which it happens; the error is that of (hits + 1) / (draws + 2) (Laplace)."""
    n, hits = happens.size, int(happens.sum())
    smoothed = (hits + 1) / (n + 2)
    return Chance(share=hits / n, standard_error=math.sqrt(smoothed * (1 - smoothed) / n))


def _scope(found: ScopeDraws, limit: Decimal | None) -> ScopeBands:
    months = None if limit is None else float(limit)
    return ScopeBands(
        mean_npv_usd=Decimal(repr(float(found.npv_usd.mean()))),
        npv_usd=band(found.npv_usd),
        npv_positive=chance(found.npv_usd > 0),
        payback_months=band(found.payback_months),
        payback_in_time=None if months is None else chance(found.payback_months <= months),
        discounted_payback_months=band(found.discounted_payback_months),
        discounted_payback_in_time=None if months is None else chance(found.discounted_payback_months <= months),
    )


def _rows(evidence: Evidence, sampled: Sampled, found: Simulation, rows: int, usd_per_row: Decimal) -> RowsValue:
    quality = sampled.values.get("quality")
    if quality is None:
        raise InputError("further rows are asked about and there are no scores", hint="give both models' scores")
    return rows_value(
        found.forward.npv_usd,
        quality[:, 1] - quality[:, 0],
        rows_measured=len(np.asarray(evidence.teacher_scores)),
        rows=rows,
        usd_per_row=usd_per_row,
    )


def _decimal(number: float) -> Decimal | None:
    return Decimal(repr(number)) if math.isfinite(number) else None
