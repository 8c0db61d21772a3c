"""A worksheet under its uncertainty: ranges of the file, single requests, runs of benchmarks, prices, scores.

What has neither a range nor measurements is taken as certain, and the answer says so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gatekeeper.cost.tokens import token_cost
from gatekeeper.errors import InputError
from gatekeeper.whatif.options import alternative_of, plan_of
from gatekeeper.whatif.prices import mean_tokens, prices_of, requests_of
from gatekeeper.whatif.sheet import Range, Sheet
from gatekeeper.whatif.table import baseline_of
from gatekeeper.whatif.worksheet import (
    AT_THE_TEACHER,
    DISTILLED,
    FINE_TUNED,
    ON_MACHINES,
    TEACHER,
    WITH_TEACHER,
    Option,
    Values,
)

if TYPE_CHECKING:
    from gatekeeper.cost.plan import Plan
    from gatekeeper.cost.prices import Price
    from gatekeeper.cost.uncertainty.evidence import Evidence
    from gatekeeper.cost.uncertainty.summary import Uncertainty

NEXT_ROWS = 100
"""Further eval rows whose worth is told."""
HOW = (
    "give a range in the usage file, such as requests_per_month: {value: 1e6, p10: 7e5, p90: 1.5e6} or "
    "engineering_hours: {value: 80, low: 40, high: 160}; or a log under tokens.trace, or --run"
)


def simulate_sheet(sheet: Sheet, name: str, *, n_draws: int, seed: int) -> Uncertainty:
    """Return bands, chances and values of information of moving to an option.

    Args:
        sheet: the worksheet with its ranges and measurements.
        name: of the option.
        n_draws: number of draws.
        seed: of the random numbers; it is in the result.

    Raises:
        InputError: nothing is uncertain, or the option lacks numbers.
    """
    from gatekeeper.cost.uncertainty.summary import uncertainty_of

    worksheet, values = sheet.worksheet, Values(sheet.worksheet)
    option = worksheet.option(name)
    other = (
        baseline_of(worksheet, values)
        if option.kind in DISTILLED
        else alternative_of(worksheet, worksheet.option(TEACHER), values)
    )
    plan = plan_of(worksheet, option, other, values)
    evidence = evidence_of(sheet, option, plan, values)
    scored = evidence.teacher_scores is not None
    found = uncertainty_of(
        plan,
        evidence,
        seed=seed,
        n_draws=n_draws,
        payback_limit=values.optional("gate.payback_months"),
        reduction_limit=values.optional("gate.reduction"),
        next_rows=NEXT_ROWS if scored else None,
        usd_per_row=_usd_per_row(sheet, option, values) if scored else Decimal(0),
    )
    if not found.inputs:
        raise InputError(f"{sheet.place}: nothing is uncertain, so there is nothing to draw", hint=HOW)
    return found


def evidence_of(sheet: Sheet, option: Option, plan: Plan, values: Values) -> Evidence:
    """Return what is known of the uncertain inputs of a plan of moving to `option`."""
    from gatekeeper.cost.uncertainty.evidence import Evidence

    worksheet = sheet.worksheet
    base, mine = worksheet.option(plan.baseline.name), _seller(sheet, option)
    found: dict[str, Any] = {"baseline_is_teacher": base.kind in AT_THE_TEACHER}
    volume = sheet.ranges.get("requests_per_month")
    if volume is not None:
        found["volume_p10_p90"] = (float(volume.low), float(volume.high))
    if option.kind in DISTILLED:
        found |= _people(sheet, plan, values)
    if "price_decay_per_year" in sheet.ranges:
        found["price_decay"] = _points(sheet.ranges["price_decay_per_year"], plan.price_decay_per_year)
    student = worksheet.option(option.of) if option.of else option
    replicates = sheet.replicates.get(student.name, ())
    if student.kind in ON_MACHINES and replicates:
        found["throughput_rps"] = replicates
    found |= _requests(sheet, base, mine, values)
    for side, seller, own in (
        ("baseline", base, plan.baseline.usd_per_request),
        ("candidate", mine, plan.candidate.usd_per_request),
    ):
        options = _prices(sheet, seller, own, values)
        if options:
            found[f"{side}_prices_usd"] = options
    scores = sheet.scores.get(option.name)
    if scores is not None:
        found |= {"teacher_scores": scores.teacher, "student_scores": scores.student, "clusters": scores.clusters}
    return Evidence(**found)


def _points(one: Range, mode: Decimal) -> Any:
    from gatekeeper.cost.uncertainty.evidence import Points

    return Points(float(one.low), float(mode), float(one.high))


def _people(sheet: Sheet, plan: Plan, values: Values) -> dict[str, Any]:
    """Return the ranges of hours ahead and of operations, for plans that have them."""
    found: dict[str, Any] = {}
    key = "deployment_hours" if "deployment_hours" in values else "engineering_hours"
    if key in sheet.ranges and any(line.name == "engineering" for line in plan.one_time.lines):
        found["engineering_hours"] = _points(sheet.ranges[key], values[key])
        found["usd_per_hour"] = values["usd_per_engineering_hour"]
    if "operations_usd_per_month" in sheet.ranges:
        found["operations_usd"] = _points(sheet.ranges["operations_usd_per_month"], values["operations_usd_per_month"])
    elif "operations_hours_per_month" in sheet.ranges and "operations_usd_per_month" not in values:
        rate, hours = values["usd_per_engineering_hour"], sheet.ranges["operations_hours_per_month"]
        found["operations_usd"] = _points(Range(hours.low * rate, hours.high * rate), plan.operations_usd_per_month)
    return found


def _seller(sheet: Sheet, option: Option) -> Option | None:
    """Return who sells the candidate's answers by the token; None: nobody does."""
    one = sheet.worksheet.option(option.of) if option.kind in WITH_TEACHER else option
    return one if one.kind in FINE_TUNED or one.kind == "cheaper_api" else None


def _price(sheet: Sheet, seller: Option, values: Values) -> Price:
    name = TEACHER if seller.kind in AT_THE_TEACHER else seller.name
    tiers = sheet.worksheet.option(name).tiers
    return prices_of(values, name, model=seller.model or name, tiers=tiers, as_of=sheet.worksheet.as_of).standard


def _requests(sheet: Sheet, base: Option, mine: Option | None, values: Values) -> dict[str, Any]:
    """Return what each single request costs with both models, so that they are drawn together."""
    if len(sheet.worksheet.requests) < 2:
        return {}
    found = {}
    for side, seller in (("baseline", base), ("candidate", mine)):
        if seller is None:
            continue
        price = _price(sheet, seller, values)
        costs = [float(token_cost(one, price)) for one in requests_of(sheet.worksheet, seller, values)]
        if any(costs):
            found[f"{side}_requests_usd"] = costs
    return found


def _prices(sheet: Sheet, seller: Option | None, own: Decimal, values: Values) -> tuple[float, ...]:
    """Return what a mean request costs by each price list, where they differ; a price of the user's own is certain."""
    looked_up = None if seller is None else sheet.prices.get(TEACHER if seller.kind in AT_THE_TEACHER else seller.name)
    if seller is None or looked_up is None or not own or looked_up.entries[0].own:
        return ()
    tokens = mean_tokens(seller, values)
    costs = [token_cost(tokens, entry.standard) for entry in looked_up.entries if entry.standard is not None]
    if len(set(costs)) < 2 or not costs[0]:
        return ()
    return tuple(float(own * cost / costs[0]) for cost in costs)


def _usd_per_row(sheet: Sheet, option: Option, values: Values) -> Decimal:
    """Return what one further eval row costs: both models answer it, and a judge may read it."""
    worksheet = sheet.worksheet
    total = values.default("judge_usd", Decimal(0))
    for one in (worksheet.option(TEACHER), option):
        total += alternative_of(worksheet, one, values).usd_per_request
    return total
