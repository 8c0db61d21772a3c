"""How the baselines of a run do on quality, from the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from gatekeeper.cost.case import Baseline
from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import Facts, StoredBaseline
from gatekeeper.decide.scores import paired, scores_of_items
from gatekeeper.errors import StoreError
from gatekeeper.gate.baseline import BaselineResult, judge_baseline
from gatekeeper.gate.bill import no_student_can

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def baselines_on_dev(connection: DuckDBPyConnection, facts: Facts) -> tuple[BaselineResult, ...]:
    """Return each baseline as the development split judges it: all that steers the loop may know.

    Raises:
        StoreError: a baseline of the suite has not answered in this run.
    """
    _check_complete(facts)
    return tuple(_judged(connection, facts, one, "dev", None) for one in facts.baselines)


def baselines_of_verdict(
    connection: DuckDBPyConnection, facts: Facts, chosen: Chosen, first: int | None
) -> tuple[BaselineResult, ...]:
    """Return each baseline as the verdict counts it: by gate rows where it was asked about them, else by dev.

    Args:
        chosen: without a look no gate row is read.
        first: gate rows that the look has read; None for all.
    """
    on_dev = baselines_on_dev(connection, facts)
    if chosen.look is None:
        return on_dev
    asked = set(_can_matter(facts, on_dev))
    return tuple(
        _judged(connection, facts, stored, "gate", first) if stored.name in asked else known
        for stored, known in zip(facts.baselines, on_dev, strict=True)
    )


def to_ask(connection: DuckDBPyConnection, facts: Facts) -> list[str]:
    """Return the names of the baselines whose gate rows can change a verdict.

    One that dev shows to fall short, or that costs as much as the teacher, is no alternative whatever it answers.
    """
    return _can_matter(facts, baselines_on_dev(connection, facts))


def unbeatable(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen) -> str | None:
    """Return the baseline that passes and against which no student of the suite can save enough; None: there is none.

    Args:
        chosen: the candidate that was tried last, with its look.
    """
    first = None if chosen.look is None else chosen.look.n_read
    return no_student_can(facts.spec, bids_of(facts, baselines_of_verdict(connection, facts, chosen, first)))


def _can_matter(facts: Facts, on_dev: Sequence[BaselineResult]) -> list[str]:
    if facts.spec.gates.cost.vs == "teacher":
        return []
    failed = {one.name for one in on_dev if one.outcome == "fail"}
    teacher = facts.teacher_cost.usd
    return [one.name for one in facts.baselines if one.name not in failed and _bid(one, False).usd < teacher]


def bids_of(facts: Facts, results: Sequence[BaselineResult]) -> tuple[Baseline, ...]:
    """Return what each baseline costs, and whether it passes, in the suite's order."""
    passing = {one.name for one in results if one.outcome == "pass"}
    return tuple(_bid(one, one.name in passing) for one in facts.baselines)


def _bid(stored: StoredBaseline, passes: bool) -> Baseline:
    return Baseline(name=stored.name, cost=stored.cost, price_assumed=stored.price_assumed, passes=passes)


def _judged(
    connection: DuckDBPyConnection,
    facts: Facts,
    stored: StoredBaseline,
    split: Literal["dev", "gate"],
    first: int | None,
) -> BaselineResult:
    rows = facts.suite.split_counts.get("gate", 0)
    first = None if first is not None and first >= rows else first
    found = scores_of_items(connection, facts, stored.model, split, first=first)
    scores = paired(found, Chosen(stored.name, 0, stored.model, None), fidelity=facts.fidelity)
    return judge_baseline(stored.name, scores, facts.requirement, split)


def _check_complete(facts: Facts) -> None:
    known = {one.name for one in facts.baselines}
    missing = [one.name for one in facts.spec.baselines if one.name not in known]
    if missing:
        raise StoreError(
            f"the baseline {missing[0]!r} has not answered in run {facts.run!r}", hint="run the same loop again"
        )
