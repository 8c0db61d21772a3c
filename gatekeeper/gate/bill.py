"""The rules on money: what a month with the teacher and with a candidate costs, the reduction and the payback."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.cost.case import TEACHER, Baseline, CostCase, Scenario
from gatekeeper.cost.money import format_usd
from gatekeeper.cost.scenario import CostComparison
from gatekeeper.cost.serving import Serving, replica_month
from gatekeeper.cost.usage import RequestCost
from gatekeeper.gate.threshold import BoundedValue, never_rule, threshold_rule
from gatekeeper.records import Estimate, Measurement, RuleResult
from gatekeeper.suite.spec import SuiteSpec


def scenario_of(
    suite: SuiteSpec,
    *,
    teacher: RequestCost,
    price_assumed: bool,
    measurement: Measurement,
    loop_spend: Decimal,
    teacher_share: Estimate,
    baselines: tuple[Baseline, ...] = (),
) -> Scenario:
    """Return the cost scenario of a candidate at the suite's traffic.

    Args:
        teacher: what one answer of the teacher costs, over requests of this suite.
        price_assumed: the teacher is a stand-in that bears another model's price.
        measurement: the candidate's speed on this machine.
        loop_spend: everything that the loop has spent so far, failed rounds included, in US dollars.
        teacher_share: of requests, which the candidate leaves to the teacher.
        baselines: what else could answer, each with whether it passes.
    """
    costs = suite.costs
    return Scenario(
        requests_per_month=suite.traffic.requests_per_month,
        peak_to_average=Decimal(str(suite.traffic.peak_to_average)),
        teacher=teacher,
        price_assumed=price_assumed,
        price_reason=f"the teacher is a stand-in, priced as {teacher.price.model}" if price_assumed else "",
        serving=_serving(suite),
        throughput=measurement.throughput_rps,
        throughput_source=f"measured on {measurement.machine}",
        throughput_as_of=measurement.measured_at.date(),
        cores_measured=measurement.cores,
        teacher_share=teacher_share if teacher_share.value else None,
        operations_hours_per_month=Decimal(str(costs.operations_hours_per_month)),
        usd_per_hour=costs.usd_per_hour,
        engineering_hours=Decimal(str(costs.engineering_hours)),
        deployment_hours=None if costs.deployment_hours is None else Decimal(str(costs.deployment_hours)),
        loop_spend_usd=loop_spend,
        labels_usd=costs.labels_usd,
        horizon_months=costs.horizon_months,
        discount_per_year=Decimal(str(costs.discount_per_year)),
        baselines=baselines,
        vs=suite.gates.cost.vs,
    )


def _serving(suite: SuiteSpec) -> Serving:
    serving = suite.serving
    return Serving(
        usd_per_hour=serving.cpu.usd_per_hour,
        target_utilisation=Decimal(str(serving.target_utilisation)),
        min_replicas=serving.min_replicas,
        redundancy=serving.redundancy,
        cores=serving.cpu.cores,
        overhead=Decimal(str(serving.overhead)),
    )


def no_student_can(suite: SuiteSpec, baselines: Sequence[Baseline]) -> str | None:
    """Return the baseline against which not even the fastest student would meet the rule on reduction; None: there is
    none.

    Any student needs one replica for traffic, the spare ones, and the hours of operations, however fast it is.
    """
    serving, costs = _serving(suite), suite.costs
    replicas = max(serving.min_replicas, 1 + serving.redundancy)
    hours = Decimal(str(costs.operations_hours_per_month))
    least = replicas * sum(replica_month(serving), Decimal(0)) + hours * costs.usd_per_hour
    passing = [one for one in baselines if one.passes] if suite.gates.cost.vs == "best_passing" else []
    month, name = min(((one.usd * suite.traffic.requests_per_month, one.name) for one in passing), default=(None, None))
    return name if month is not None and month < Decimal(str(suite.gates.cost.reduction)) * least else None


def cost_rules(suite: SuiteSpec, comparison: CostComparison, uncounted: str = "") -> tuple[RuleResult, RuleResult]:
    """Return the rules on the reduction factor and on payback; the bound is the bill at the slowest plausible speed.

    Args:
        uncounted: a sentence on the baselines that do not count.
    """
    return _reduction_rule(suite, comparison, uncounted), _payback_rule(suite, comparison)


def _reduction_rule(suite: SuiteSpec, comparison: CostComparison, uncounted: str) -> RuleResult:
    expected, bad, good = comparison.expected, comparison.pessimistic, comparison.optimistic
    sentence = (
        f"A month costs {_held_against(comparison)} and "
        f"{format_usd(expected.candidate_usd)} with the student, {_factor(expected.reduction)}; at the slowest "
        f"plausible speed{_share_clause(comparison)} {_factor(None if bad is None else bad.reduction)}; required is "
        f"a factor of {suite.gates.cost.reduction:g}.{uncounted}"
    )
    return threshold_rule(
        "gates.cost.reduction",
        BoundedValue(
            _number(expected.reduction),
            _number(None if bad is None else bad.reduction),
            _number(None if good is None else good.reduction),
        ),
        suite.gates.cost.reduction,
        better="higher",
        unit="times",
        sentence=sentence,
        settle=comparison.pessimistic_reason or "Measure the student's throughput more often, on a quiet machine.",
    )


def _payback_rule(suite: SuiteSpec, comparison: CostComparison) -> RuleResult:
    rule, limit = "gates.cost.payback_months", suite.gates.cost.payback_months
    expected, bad, good = comparison.expected, comparison.pessimistic, comparison.optimistic
    ahead, program = format_usd(expected.forward_usd), format_usd(expected.program_usd)
    if expected.payback_forward_months is None:
        against = "" if expected.baseline == TEACHER else f" against {expected.baseline}"
        sentence = f"The month saves nothing{against}, so the one-time cost of {ahead} is never earned back."
        return never_rule(rule, limit, unit="months", sentence=sentence)
    months = _number(expected.payback_forward_months)
    against = "" if expected.baseline == TEACHER else f", against {expected.baseline},"
    sentence = (
        f"The one-time cost that is still ahead, {ahead}, is earned back{against} in {months:.1f} months; at most "
        f"{limit:g} are allowed. With what the loop has spent already it is {program}."
    )
    return threshold_rule(
        rule,
        BoundedValue(months, _number(_payback(bad)), _number(_payback(good))),
        limit,
        better="lower",
        unit="months",
        sentence=sentence,
        settle=comparison.pessimistic_reason or "Measure the student's throughput more often, on a quiet machine.",
    )


def _held_against(comparison: CostComparison) -> str:
    """Return what the student is held against, and what a month of it costs; the teacher's month is always named."""
    case = comparison.expected
    teacher = f"{format_usd(case.teacher_month_usd)} with the teacher"
    teacher += " (the teacher's price is assumed)" if comparison.price_assumed else ""
    if case.baseline == TEACHER:
        return teacher
    assumed = ", at an assumed price" if comparison.baseline_price_assumed else ""
    factor = None if not case.candidate_usd else case.teacher_month_usd / case.candidate_usd
    return (
        f"{format_usd(case.baseline_usd)} with {case.baseline}, the cheapest model that passes{assumed} "
        f"({teacher}, {_factor(factor)} above the student)"
    )


def _share_clause(comparison: CostComparison) -> str:
    return " and the largest plausible share of requests for the teacher" if comparison.expected.teacher_usd else ""


def _payback(case: CostCase | None) -> Decimal | None:
    return None if case is None else case.payback_forward_months


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _factor(value: Decimal | None) -> str:
    return "an unknown factor" if value is None else f"a factor of {float(value):.3g}"
