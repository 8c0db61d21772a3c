"""The verdict of a run, derived from the store alone.

The loop calls this when it ends, and `verify` calls it again later: the same rows must give the same verdict. Nothing
here loads a model; the decision itself is the pure functions of `stages.gate` and `stages.bill`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatekeeper.cost.scenario import CostComparison, compare
from gatekeeper.cost.usage import RequestCost
from gatekeeper.errors import StoreError
from gatekeeper.records import Measurement, RuleResult, Verdict
from gatekeeper.run.session import SUITE, TEACHER, TEACHER_COST
from gatekeeper.stages import bill, gate
from gatekeeper.stats.paired import paired_counts, retention_binary, smallest_passable_n
from gatekeeper.stats.power import rows_needed
from gatekeeper.stats.spending import look_alphas, next_alpha
from gatekeeper.store.events import events_of
from gatekeeper.store.looks import Look, looks_of
from gatekeeper.store.predictions import Result, results_of
from gatekeeper.store.spend import spent_of
from gatekeeper.store.suites import StoredModel, StoredSuite, models_of, run_of, suite_of
from gatekeeper.store.training import measurements_of
from gatekeeper.store.verdicts import verdict_of
from gatekeeper.suite.spec import EvalSpec, SuiteSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Chosen:
    """The candidate that the verdict is about, and the look that was spent on it."""

    student: str
    round: int
    model: str
    look: Look | None


@dataclass(frozen=True)
class Derived:
    """A verdict with the comparison of bills that it rests on."""

    verdict: Verdict
    chosen: Chosen
    comparison: CostComparison


@dataclass(frozen=True)
class Facts:
    """What the store says of one run before anything is decided."""

    run: str
    suite: StoredSuite
    spec: SuiteSpec
    eval_spec: EvalSpec
    teacher: StoredModel
    teacher_cost: RequestCost
    looks: tuple[Look, ...]

    @property
    def fidelity(self) -> bool:
        """Whether there are no gold answers, so that scores are agreement with the teacher."""
        return self.eval_spec.data.target is None

    @property
    def scorer(self) -> str:
        """Name of the scorer that decides."""
        return self.eval_spec.primary or next(iter(self.eval_spec.scorers))


def facts_of(connection: DuckDBPyConnection, run: str) -> Facts:
    """Return the facts of `run`.

    Raises:
        StoreError: there is no such run, or it was stopped before the teacher was priced.
    """
    stored_run = run_of(connection, run)
    suite = suite_of(connection, stored_run.suite) if stored_run else None
    if stored_run is None or suite is None:
        raise StoreError(f"there is no run {run!r} in the store", hint="`gatekeeper history` lists the runs")
    kinds = (SUITE, TEACHER, TEACHER_COST)
    found = {kind: events_of(connection, run, kind) for kind in kinds}
    if not all(found.values()):
        raise StoreError(f"the run {run!r} ended before the teacher answered", hint="run the same loop again")
    spec, teacher, cost = (found[kind][-1].detail for kind in kinds)
    fingerprint = teacher["fingerprint"]
    return Facts(
        run=run,
        suite=suite,
        spec=SuiteSpec.model_validate(spec["suite"]),
        eval_spec=EvalSpec.model_validate(spec["eval"]),
        teacher=models_of(connection, [fingerprint])[fingerprint],
        teacher_cost=RequestCost.model_validate(cost),
        looks=_looks(connection, run, suite.gate_digest),
    )


def _looks(connection: DuckDBPyConnection, run: str, gate_digest: str) -> tuple[Look, ...]:
    """Return the looks at the gate split that were spent when the run was decided; later runs may add more."""
    verdict = verdict_of(connection, run)
    looks = looks_of(connection, gate_digest)
    return tuple(one for one in looks if verdict is None or one.run == run or one.reserved_at <= verdict.decided_at)


def derive_verdict(connection: DuckDBPyConnection, run: str) -> Derived:
    """Derive the verdict of `run` from the rows of the store.

    Raises:
        StoreError: the run has no candidate yet.
    """
    facts = facts_of(connection, run)
    chosen = _choose(connection, facts)
    measurement = measurements_of(connection, run).get(chosen.model)
    if measurement is None:
        raise StoreError(f"the speed of {chosen.student} was not measured in run {run!r}")
    comparison = comparison_of(connection, facts, measurement)
    others = other_rules(facts.spec, comparison, measurement)
    verdict = gate.judge(
        chosen.student,
        _quality(connection, facts, chosen),
        others,
        looks_spent=len(facts.looks),
        requirement=requirement_of(facts.spec),
    )
    return Derived(verdict, chosen, comparison)


def comparison_of(connection: DuckDBPyConnection, facts: Facts, measurement: Measurement) -> CostComparison:
    """Compare a month with the teacher to a month with the measured candidate, loop spend so far included."""
    return compare(
        bill.scenario_of(
            facts.spec,
            teacher=facts.teacher_cost,
            price_assumed=facts.teacher.price_assumed,
            measurement=measurement,
            loop_spend=spent_of(connection, facts.run),
        )
    )


def other_rules(spec: SuiteSpec, comparison: CostComparison, measurement: Measurement) -> tuple[RuleResult, ...]:
    """Return all rules that need no gate rows."""
    latency = bill.latency_rule(spec, measurement)
    return (*bill.cost_rules(spec, comparison), *([] if latency is None else [latency]))


def requirement_of(spec: SuiteSpec) -> gate.QualityRequirement:
    """Return what the suite demands of quality."""
    quality = spec.gates.quality
    return gate.QualityRequirement(
        retention=quality.retention, alpha=quality.alpha, looks=quality.looks, max_failed=quality.max_failed
    )


def paired_scores(
    connection: DuckDBPyConnection, facts: Facts, model: str, split: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (student, teacher) scores on one split, each shape (n,) by item id, NaN where there is no score."""
    rows = connection.execute(
        """SELECT s.value, t.value FROM items i
           LEFT JOIN scores s ON s.suite = i.suite AND s.item_id = i.item_id AND s.model = $model AND s.scorer = $scorer
           LEFT JOIN scores t ON t.suite = i.suite AND t.item_id = i.item_id AND t.model = $teacher
             AND t.scorer = $scorer
           WHERE i.suite = $suite AND i.split = $split ORDER BY i.item_id""",
        {
            "suite": facts.suite.fingerprint,
            "split": split,
            "model": model,
            "teacher": facts.teacher.fingerprint,
            "scorer": facts.scorer,
        },
    ).fetchall()
    columns = np.array([[np.nan if one is None else one for one in row] for row in rows], dtype=np.float64)
    columns = columns.reshape(len(rows), 2)
    return columns[:, 0], columns[:, 1]


def _clusters(connection: DuckDBPyConnection, facts: Facts) -> list[str] | None:
    """Return the cluster of each gate item, by item id; None where the eval has no clusters."""
    if facts.eval_spec.data.cluster is None:
        return None
    rows = connection.execute(
        "SELECT cluster_id FROM items WHERE suite = ? AND split = 'gate' ORDER BY item_id", [facts.suite.fingerprint]
    ).fetchall()
    return [cluster for (cluster,) in rows]


def _choose(connection: DuckDBPyConnection, facts: Facts) -> Chosen:
    """The candidate of this run's last look; without a look, the one most likely to pass one."""
    own = [look for look in facts.looks if look.run == facts.run]
    if own:
        last = own[-1]
        return Chosen(last.student, last.round, last.model, last)
    results = results_of(connection, facts.run, split="dev")
    candidates = {(row.round, row.student): row.model for row in results}
    if not candidates:
        raise StoreError(f"the run {facts.run!r} has no trained student yet", hint="run the same loop again")
    ranked = {
        key: (_metric(results, key, "pass_probability"), _metric(results, key, "retention")) for key in candidates
    }
    best = max(ranked, key=lambda key: ranked[key])
    return Chosen(best[1], best[0], candidates[best], None)


def _metric(results: list[Result], key: tuple[int, str], metric: str) -> float:
    found = [row.estimate.value for row in results if (row.round, row.student, row.metric) == (*key, metric)]
    return -1.0 if not found or found[0] is None else found[0]


def _quality(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen) -> RuleResult:
    requirement = requirement_of(facts.spec)
    if chosen.look is not None:
        student, teacher = paired_scores(connection, facts, chosen.model, "gate")
        if facts.fidelity:
            # Where the teacher failed there is no answer to agree with. The student's 0 is the worse of both ways.
            student = np.where(np.isnan(teacher), 0.0, student)
        evidence = gate.LookEvidence(
            student=student,
            teacher=teacher,
            n_expected=len(student),
            look=chosen.look.look,
            alpha=chosen.look.alpha,
            fidelity=facts.fidelity,
            clusters=_clusters(connection, facts),
        )
        return gate.quality_of_look(evidence, requirement)
    student, teacher = paired_scores(connection, facts, chosen.model, "dev")
    return _unlooked(facts, chosen, student, teacher, _chance(connection, facts, chosen))


def _chance(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen) -> float:
    results = results_of(connection, facts.run, split="dev", student=chosen.student)
    return max(_metric(results, (chosen.round, chosen.student), "pass_probability"), 0.0)


def _unlooked(
    facts: Facts, chosen: Chosen, student: NDArray[np.float64], teacher: NDArray[np.float64], chance: float
) -> RuleResult:
    requirement = requirement_of(facts.spec)
    scored = np.isfinite(student) & np.isfinite(teacher)
    right, reference = student[scored] > 0.5, teacher[scored] > 0.5
    dev = retention_binary(right, reference, alpha=requirement.alpha, n_failed=int((~scored).sum()))
    needed = rows_needed(paired_counts(right, reference), requirement.retention, requirement.alpha)
    wish = (
        "At its point estimate the student does not keep enough: train a better one (more examples, another recipe)."
        if needed is None
        else f"If the student is as good as it looks here, a gate split of about {needed:,} rows would show it with "
        "80 % probability in one look."
    )
    reason, settle = _why_no_look(facts, float(reference.mean()) if reference.size else 0.0, chance, wish)
    return gate.quality_unlooked(dev, requirement, reason=reason, settle=settle)


def _why_no_look(facts: Facts, teacher_accuracy: float, chance: float, wish: str) -> tuple[str, str]:
    requirement = requirement_of(facts.spec)
    alphas, rows = look_alphas(requirement.alpha, requirement.looks), facts.suite.split_counts.get("gate", 0)
    spent = [look.alpha for look in facts.looks]
    alpha = next_alpha(alphas, spent)
    if alpha is None:
        looks = "look" if len(spent) == 1 else "looks"
        return (
            f"This gate split is used up: {len(spent)} {looks} spent {sum(spent):.4f} of the error budget of "
            f"{requirement.alpha:g}.",
            "Add fresh rows to the gate split; a new split has a new error budget.",
        )
    smallest = smallest_passable_n(requirement.retention, alpha, teacher_accuracy) if teacher_accuracy > 0 else None
    if smallest is not None and rows < smallest:
        return (
            f"With {rows} gate rows even a student identical to the teacher cannot pass, since that takes at least "
            f"{smallest:,}; so no look was spent.",
            f"Give the gate split at least {smallest:,} rows. {wish}",
        )
    return (
        f"No look at the {rows:,} gate rows was spent, since the development split gives it only a "
        f"{chance:.0%} chance to pass.",
        wish,
    )
