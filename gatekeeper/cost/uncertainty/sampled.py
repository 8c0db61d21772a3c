"""Draws of all inputs that evidence says something about.

Each input has its own stream of random numbers, the child of the seed at its place in `INPUTS`: evidence about one more
input leaves the draws of all others as they are. A new input goes to the end of the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from gatekeeper.cost.plan import Plan
from gatekeeper.cost.uncertainty import samplers
from gatekeeper.cost.uncertainty.draws import Draws, Floats
from gatekeeper.cost.uncertainty.evidence import DrawnInput, Evidence, Points
from gatekeeper.errors import InputError

INPUTS = (
    "volume",
    "quality",
    "baseline_requests",
    "candidate_requests",
    "throughput",
    "baseline_throughput",
    "price_decay",
    "engineering_hours",
    "operations",
    "baseline_price",
    "candidate_price",
)

Drawn = tuple[DrawnInput, Floats]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Draws of a plan's inputs, and where they come from."""

    draws: Draws
    inputs: tuple[DrawnInput, ...]
    values: dict[str, Floats]
    """What was drawn of each input: shape (n_draws,), or (n_draws, 2) for baseline and candidate drawn together."""


def sample(plan: Plan, evidence: Evidence, *, n_draws: int, seed: int) -> Sampled:
    """Return `n_draws` draws of all inputs that `evidence` says something about.

    Raises:
        InputError: evidence that is impossible, incomplete, or does not fit the plan; the message names it.
    """
    streams = {
        name: np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
        for place, name in enumerate(INPUTS)
    }
    drawn = [*_assumed(plan, evidence, n_draws, streams), *_measured(evidence, n_draws, streams)]
    drawn += _priced(plan, evidence, n_draws, streams)
    inputs = sorted((one for one, _ in drawn), key=lambda one: INPUTS.index(one.name))
    values = {one.name: numbers for one, numbers in drawn}
    return Sampled(draws=_draws(plan, evidence, values, n_draws), inputs=tuple(inputs), values=values)


Streams = dict[str, np.random.Generator]


def _assumed(plan: Plan, evidence: Evidence, n: int, streams: Streams) -> Iterator[Drawn]:
    if evidence.volume_p10_p90 is not None:
        p10, p90 = evidence.volume_p10_p90
        if not p10 <= float(plan.requests_per_month) <= p90:
            raise InputError(
                f"the plan has {plan.requests_per_month} requests per month, outside of P10 {p10} to P90 {p90}",
                hint="plan with a volume between them, such as their geometric mean",
            )
        numbers = samplers.lognormal(p10, p90, n, streams["volume"])
        yield _input("volume", "lognormal", "assumed", p10=p10, p90=p90), numbers
    if evidence.price_decay is not None:
        numbers = samplers.triangular(*evidence.price_decay, n, streams["price_decay"])
        yield _input("price_decay", "triangular", "assumed", **evidence.price_decay._asdict()), numbers
    for name, points in (("engineering_hours", evidence.engineering_hours), ("operations", evidence.operations_usd)):
        if points is not None:
            yield _input(name, "PERT", "assumed", **points._asdict()), _pert(points, n, streams[name])


def _pert(points: Points, n: int, rng: np.random.Generator) -> Floats:
    if points.low < 0:
        raise InputError(f"the lowest value is {points.low}", hint="0 or more")
    return samplers.pert(*points, n, rng)


def _measured(evidence: Evidence, n: int, streams: Streams) -> Iterator[Drawn]:
    if (evidence.teacher_scores is None) != (evidence.student_scores is None):
        raise InputError("only one model has scores", hint="give the scores of both on the same rows")
    if evidence.teacher_scores is not None and evidence.student_scores is not None:
        quality, method = samplers.paired_quality(
            evidence.teacher_scores, evidence.student_scores, n, streams["quality"], clusters=evidence.clusters
        )
        of = "rows" if evidence.clusters is None else "clusters"
        rows = len(np.asarray(evidence.teacher_scores))
        yield _input("quality", f"paired bootstrap of {of}, {method}", "measured", rows=rows), quality
    for name, costs in _request_costs(evidence):
        means, method = samplers.mean_costs(costs, n, streams[name])
        factors = means / costs.mean(axis=0)
        yield _input(name, f"bootstrap of requests, {method}", "measured", requests=len(costs)), factors
    speeds = (("throughput", evidence.throughput_rps), ("baseline_throughput", evidence.baseline_throughput_rps))
    for name, replicates in speeds:
        if replicates is not None:
            drawn = samplers.throughput(replicates, n, streams[name])
            measured = np.asarray(replicates, dtype=np.float64)
            mean = float(measured.mean())
            parameters = {"mean": mean, "sd": float(measured.std(ddof=1)), "n": float(measured.size)}
            yield _input(name, "Student t of the mean, above 0", "measured", **parameters), drawn / mean


def _request_costs(evidence: Evidence) -> Iterator[tuple[str, Floats]]:
    """Yield the costs by the input they are drawn as: both models' together where the requests are the same."""
    base = _costs("baseline_requests_usd", evidence.baseline_requests_usd)
    mine = _costs("candidate_requests_usd", evidence.candidate_requests_usd)
    if base is not None and mine is not None and evidence.same_requests:
        if base.shape != mine.shape:
            raise InputError(
                f"{len(base)} requests of the baseline and {len(mine)} of the candidate are not the same requests",
                hint="give the same requests in the same order, or set same_requests to False",
            )
        yield "baseline_requests", np.column_stack([base, mine])
        return
    if base is not None:
        yield "baseline_requests", base
    if mine is not None:
        yield "candidate_requests", mine


def _costs(name: str, given: ArrayLike | None) -> Floats | None:
    if given is None:
        return None
    costs = samplers.numbers_of(name, given)
    if costs.ndim != 1 or not costs.any():
        raise InputError(f"{name} has shape {costs.shape}", hint="USD of each request, not all 0; else leave it out")
    return costs


def _priced(plan: Plan, evidence: Evidence, n: int, streams: Streams) -> Iterator[Drawn]:
    sides = (
        ("baseline_price", plan.baseline, evidence.baseline_prices_usd),
        ("candidate_price", plan.candidate, evidence.candidate_prices_usd),
    )
    for name, one, options in sides:
        if not options:
            continue
        own = float(one.usd_per_request)
        slack = 1e-9 * own  # the plan's price may have been rounded
        if not (own > 0 and min(options) - slack <= own <= max(options) + slack):
            raise InputError(
                f"{one.name} costs {own} USD per request in the plan, outside of the options {options}",
                hint="give what a mean request costs at each source's price, the plan's included",
            )
        drawn = samplers.choice(options, n, streams[name])
        yield _input(name, "one of the sources, all alike", "priced", options=tuple(options)), drawn / own


def _input(
    name: str,
    distribution: str,
    origin: Literal["measured", "priced", "assumed"],
    **parameters: float | tuple[float, ...],
) -> DrawnInput:
    return DrawnInput(name=name, distribution=distribution, parameters=parameters, origin=origin)


def _draws(plan: Plan, evidence: Evidence, values: dict[str, Floats], n: int) -> Draws:
    base, mine = _cost_factors(values)
    quality = values.get("quality")
    program, forward = _one_time(plan, evidence, values.get("engineering_hours"))
    teacher = base if evidence.baseline_is_teacher else None
    return Draws(
        n_draws=n,
        requests_per_month=values.get("volume"),
        baseline_usd_per_request=_scaled(plan.baseline.usd_per_request, base),
        candidate_usd_per_request=_scaled(plan.candidate.usd_per_request, mine),
        candidate_teacher_usd_per_request=_scaled(plan.candidate.teacher_usd_per_request, teacher),
        baseline_quality=None if quality is None else quality[:, 0],
        candidate_quality=None if quality is None else quality[:, 1],
        baseline_capacity_rps=_capacity(plan, "baseline", values.get("baseline_throughput")),
        candidate_capacity_rps=_capacity(plan, "candidate", values.get("throughput")),
        price_decay_per_year=values.get("price_decay"),
        program_usd=program,
        forward_usd=forward,
        operations_usd_per_month=values.get("operations"),
    )


def _cost_factors(values: dict[str, Floats]) -> tuple[Floats | None, Floats | None]:
    """Return what each model's own cost per request is multiplied by; None: nothing was drawn."""
    base, mine = values.get("baseline_requests"), values.get("candidate_requests")
    if base is not None and base.ndim == 2:
        base, mine = base[:, 0], base[:, 1]
    return _product(base, values.get("baseline_price")), _product(mine, values.get("candidate_price"))


def _product(one: Floats | None, other: Floats | None) -> Floats | None:
    return one * other if one is not None and other is not None else other if one is None else one


def _scaled(own: Decimal, factor: Floats | None) -> Floats | None:
    return None if factor is None else float(own) * factor


def _capacity(plan: Plan, side: Literal["baseline", "candidate"], factor: Floats | None) -> Floats | None:
    if factor is None:
        return None
    one = plan.baseline if side == "baseline" else plan.candidate
    if one.machines is None:
        raise InputError(f"a speed of the {side} is given and {one.name} has no machines", hint="leave it out")
    return float(one.machines.capacity_rps) * factor


def _one_time(plan: Plan, evidence: Evidence, hours: Floats | None) -> tuple[Floats | None, Floats | None]:
    """Return the drawn one-time cost (program, forward): the plan's, its engineering ahead replaced by drawn hours."""
    if hours is None:
        return None, None
    rate = evidence.usd_per_hour
    if rate is None:
        raise InputError("engineering hours are given without usd_per_hour", hint="what an hour costs")
    named = {line.name: line for line in plan.one_time.lines}
    if evidence.engineering_line not in named:
        raise InputError(
            f"the one-time cost has no line {evidence.engineering_line!r}", hint=f"one of {', '.join(named)}"
        )
    planned = named[evidence.engineering_line].ahead_usd
    drawn = hours * float(rate)
    return float(plan.one_time.program_usd - planned) + drawn, float(plan.one_time.forward_usd - planned) + drawn
