"""The verdict of a run, derived from the store alone.

The loop calls this when it ends, and `verify` calls it again later: the same rows must give the same verdict. Nothing
here loads a model; the decision itself is the pure functions of the room `gate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatekeeper.cost.scenario import CostComparison
from gatekeeper.decide.baselines import baselines_of_verdict
from gatekeeper.decide.candidates import Chosen, choose
from gatekeeper.decide.facts import Facts, facts_of
from gatekeeper.decide.looked import look_rules
from gatekeeper.decide.priced import comparison_of, fallback_of, other_rules, stakes_of
from gatekeeper.decide.unlooked import unlooked_rules
from gatekeeper.errors import StoreError
from gatekeeper.gate.baseline import BaselineResult, do_not_distil
from gatekeeper.gate.verdict import judge
from gatekeeper.records import Measurement, Verdict
from gatekeeper.store.training import measurements_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Derived:
    """A verdict with the comparison of bills and the judged baselines that it rests on."""

    verdict: Verdict
    chosen: Chosen
    comparison: CostComparison
    baselines: tuple[BaselineResult, ...]


def derive_verdict(connection: DuckDBPyConnection, run: str, *, first: int | None = None) -> Derived:
    """Derive the verdict of `run` from the rows of the store.

    Args:
        first: gate rows that the look under way has read so far; by default what the settled look has read.

    Raises:
        StoreError: the run has no candidate yet.
    """
    facts = facts_of(connection, run)
    chosen = choose(connection, facts)
    measurement = _measured(connection, facts, chosen)
    fallback = fallback_of(connection, facts, chosen)
    read = first if first is not None or chosen.look is None else chosen.look.n_read
    baselines = baselines_of_verdict(connection, facts, chosen, read)
    comparison = comparison_of(connection, facts, measurement, fallback, baselines)
    stakes = stakes_of(facts, comparison)
    on_rows = (
        unlooked_rules(connection, facts, chosen, stakes)
        if chosen.look is None
        else look_rules(connection, facts, chosen, stakes, read)
    )
    quality = facts.spec.gates.quality
    verdict = judge(
        chosen.student,
        (*on_rows, *other_rules(facts, comparison, measurement, fallback, baselines)),
        looks_spent=len(facts.looks),
        looks_planned=quality.looks,
        alpha=quality.alpha,
        threshold=chosen.threshold,
        teacher_share=None if chosen.threshold is None else fallback.share.value,
        instead=do_not_distil(facts.spec.gates.cost, baselines, comparison),
    )
    return Derived(verdict, chosen, comparison, baselines)


def _measured(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen) -> Measurement:
    measurement = measurements_of(connection, facts.run).get(chosen.model)
    if measurement is None:
        raise StoreError(f"the speed of {chosen.student} was not measured in run {facts.run!r}")
    return measurement
