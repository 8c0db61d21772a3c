"""What the store says of one run before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatekeeper.cost.usage import RequestCost
from gatekeeper.errors import StoreError
from gatekeeper.gate.quality import QualityRequirement
from gatekeeper.run.session import BASELINE, JUDGE, SUITE, TEACHER, TEACHER_COST
from gatekeeper.store.events import events_of
from gatekeeper.store.gate_budget import GateBudget, budget_of
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.store.looks import Look, looks_of
from gatekeeper.store.suites import StoredModel, StoredSuite, models_of, run_of, suite_of
from gatekeeper.store.verdicts import verdict_of
from gatekeeper.suite.spec import EvalSpec, SuiteSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class StoredBaseline:
    """A baseline of a run.

    Attributes:
        model: its fingerprint.
        cost: of one answer, over the development rows; None: its answers cost nothing.
        price_assumed: it is a stand-in that bears another model's price.
    """

    name: str
    model: str
    cost: RequestCost | None
    price_assumed: bool


@dataclass(frozen=True)
class Facts:
    """A run with its suite as it was when the run began, its teacher, and the looks at its gate split.

    Attributes:
        eval_spec: the eval that decides.
        others: the evals of the other roles.
        labels: what a student may answer.
        versions: scorer name to version, of all evals; empty in a store of an earlier version.
        judge: the model that judges answers; None where no scorer asks one.
        rubrics: the text of each judge's rubric, by eval/scorer.
        baselines: those that have answered the development split, in the suite's order.
    """

    run: str
    suite: StoredSuite
    spec: SuiteSpec
    eval_spec: EvalSpec
    teacher: StoredModel
    teacher_cost: RequestCost
    looks: tuple[Look, ...]
    others: tuple[EvalSpec, ...] = ()
    labels: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    judge: StoredModel | None = None
    rubrics: Mapping[str, str] = field(default_factory=dict)
    baselines: tuple[StoredBaseline, ...] = ()

    @property
    def fidelity(self) -> bool:
        """Whether there are no gold answers, so that scores are agreement with the teacher."""
        return self.eval_spec.data.target is None

    @property
    def scorer(self) -> str:
        """Name of the scorer that decides."""
        return primary_of(self.eval_spec)

    @property
    def people(self) -> str | None:
        """Name of the scorer with which people's answers correct the judge; None where no judge decides."""
        return people_of(self.eval_spec)

    @property
    def requirement(self) -> QualityRequirement:
        """What the suite demands of quality."""
        quality = self.spec.gates.quality
        return QualityRequirement(
            retention=quality.retention, alpha=quality.alpha, looks=quality.looks, max_failed=quality.max_failed
        )

    def eval_named(self, name: str) -> EvalSpec:
        """Return the spec of one eval of the suite."""
        return next(one for one in (self.eval_spec, *self.others) if one.eval == name)


def primary_of(spec: EvalSpec) -> str:
    """Return the name of the scorer that decides an eval."""
    return spec.primary or next(iter(spec.scorers))


def people_of(spec: EvalSpec) -> str | None:
    """Return the name of the scorer that corrects the judge of an eval; None where no judge decides it."""
    judge = spec.scorers[primary_of(spec)].judge
    return None if judge is None else judge.people


def gold_of(spec: EvalSpec) -> str:
    """Return the name of the scorer that rests on right answers: the one that decides, or that corrects the judge."""
    return people_of(spec) or primary_of(spec)


def facts_of(connection: DuckDBPyConnection, run: str) -> Facts:
    """Return the facts of `run`.

    Raises:
        StoreError: there is no such run, or it was stopped before the teacher was priced.
    """
    stored_run = run_of(connection, run)
    suite = suite_of(connection, stored_run.suite) if stored_run else None
    if stored_run is None or suite is None:
        raise StoreError(f"there is no run {run!r} in the store", hint="`gatekeeper history` lists the runs")
    found = {kind: _last(connection, run, kind) for kind in (SUITE, TEACHER, TEACHER_COST)}
    if not all(found.values()):
        raise StoreError(f"the run {run!r} ended before the teacher answered", hint="run the same loop again")
    spec, fingerprint = found[SUITE], found[TEACHER]["fingerprint"]
    judge = _last(connection, run, JUDGE).get("fingerprint")
    models = models_of(connection, [fingerprint] if judge is None else [fingerprint, judge])
    suite_spec = SuiteSpec.model_validate(spec["suite"])
    return Facts(
        run=run,
        suite=suite,
        spec=suite_spec,
        eval_spec=EvalSpec.model_validate(spec["eval"]),
        others=tuple(EvalSpec.model_validate(one) for one in spec.get("others", ())),
        labels=tuple(spec.get("labels", ())),
        versions=spec.get("scorers", {}),
        teacher=models[fingerprint],
        teacher_cost=RequestCost.model_validate(found[TEACHER_COST]),
        looks=_looks(connection, run, suite.gate_digest),
        judge=None if judge is None else models[judge],
        rubrics=spec.get("rubrics", {}),
        baselines=_baselines(connection, run, suite_spec),
    )


def _baselines(connection: DuckDBPyConnection, run: str, spec: SuiteSpec) -> tuple[StoredBaseline, ...]:
    """Return the run's baselines as they were priced last; a run that goes on may have more answers of one."""
    known = {one.detail["name"]: one.detail for one in events_of(connection, run, BASELINE)}
    found = (known[one.name] for one in spec.baselines if one.name in known)
    return tuple(
        StoredBaseline(
            name=detail["name"],
            model=detail["fingerprint"],
            cost=None if detail["cost"] is None else RequestCost.model_validate(detail["cost"]),
            price_assumed=detail["price_assumed"],
        )
        for detail in found
    )


def _last(connection: DuckDBPyConnection, run: str, kind: str) -> dict[str, Any]:
    found = events_of(connection, run, kind)
    return dict(found[-1].detail) if found else {}


def _looks(connection: DuckDBPyConnection, run: str, gate_digest: str) -> tuple[Look, ...]:
    """Return the looks at the gate split that were spent when the run was decided; later runs may add more."""
    verdict = verdict_of(connection, run)
    looks = looks_of(connection, gate_digest)
    return tuple(one for one in looks if verdict is None or one.run == run or one.reserved_at <= verdict.decided_at)


def budget_now(connection: DuckDBPyConnection, facts: Facts) -> GateBudget:
    """Return the error budget of the run's gate split as it was when the run was decided; without a verdict, as it is.

    A row's identity is its text, so the rows are read from the items and not from the ledger.
    """
    texts = connection.execute(
        "SELECT text FROM items WHERE suite = ? AND split = 'gate' AND eval = ?",
        [facts.suite.fingerprint, facts.eval_spec.eval],
    ).fetchall()
    verdict = verdict_of(connection, facts.run)
    return budget_of(
        connection,
        facts.suite.gate_digest,
        row_keys(text for (text,) in texts),
        facts.requirement.alpha,
        facts.requirement.looks,
        as_of=None if verdict is None else verdict.decided_at,
    )
