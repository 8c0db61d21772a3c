"""The rules that need no gate rows: money, speed and copies in the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from gatekeeper.cost.scenario import CostComparison, compare
from gatekeeper.decide.baselines import bids_of
from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import Facts
from gatekeeper.decide.scores import scores_of_items
from gatekeeper.gate import bill
from gatekeeper.gate.baseline import BaselineResult, uncounted
from gatekeeper.gate.blend import teacher_share
from gatekeeper.gate.latency import latency_rule
from gatekeeper.gate.leakage import leakage_rule, leaked_rows
from gatekeeper.gate.quality import Stakes
from gatekeeper.records import Estimate, Measurement, RuleResult
from gatekeeper.store.completions import latencies_left_to
from gatekeeper.store.spend import spent_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ALL_STUDENT = Estimate(value=0.0, lower=0.0, upper=0.0, method="no fallback", n_expected=0, n_scored=0, n_failed=0)


@dataclass(frozen=True)
class Fallback:
    """How much of the traffic stays with the teacher, and how long it takes there.

    Attributes:
        share: of requests, with its interval; 0 when the student answers everything.
        latencies_s: of the teacher's answers there, in seconds; None for one that came in a batch.
    """

    share: Estimate
    latencies_s: tuple[float | None, ...] = ()


def fallback_of(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen) -> Fallback:
    """Return the share of rows on which the candidate is not sure enough: of the gate once it was read, else of dev."""
    if chosen.threshold is None:
        return Fallback(_ALL_STUDENT)
    found = scores_of_items(connection, facts, chosen.model, "gate" if chosen.look is not None else "dev")
    known = np.isfinite(found.confidence) | np.isfinite(found.student)
    clusters = None if found.clusters is None else found.clusters[known]
    level = 1 - 2 * facts.requirement.alpha
    share = teacher_share(found.confidence[known], chosen.threshold, clusters=clusters, level=level)
    latencies = latencies_left_to(
        connection, facts.suite.fingerprint, facts.teacher.fingerprint, chosen.model, chosen.threshold
    )
    return Fallback(share, tuple(latencies))


def comparison_of(
    connection: DuckDBPyConnection,
    facts: Facts,
    measurement: Measurement,
    fallback: Fallback,
    baselines: Sequence[BaselineResult],
) -> CostComparison:
    """Compare a month with the cheapest model that passes to one with the measured candidate, loop spend included."""
    return compare(
        bill.scenario_of(
            facts.spec,
            teacher=facts.teacher_cost,
            price_assumed=facts.teacher.price_assumed,
            measurement=measurement,
            loop_spend=spent_of(connection, facts.run),
            teacher_share=fallback.share,
            baselines=bids_of(facts, baselines),
        )
    )


def stakes_of(facts: Facts, comparison: CostComparison) -> Stakes:
    """Return what one more gate row costs, and what a student that passes saves in a month."""
    label = Decimal(0) if facts.fidelity else facts.spec.costs.usd_per_label
    samples = facts.eval_spec.samples.teacher
    return Stakes(facts.teacher_cost.usd * samples + label, comparison.expected.saving_usd)


def other_rules(
    facts: Facts,
    comparison: CostComparison,
    measurement: Measurement,
    fallback: Fallback,
    baselines: Sequence[BaselineResult],
) -> tuple[RuleResult, ...]:
    """Return all rules that need no gate rows of the student."""
    gates = facts.spec.gates
    rules = list(bill.cost_rules(facts.spec, comparison, uncounted(gates.cost, baselines)))
    if gates.latency is not None:
        rules.append(latency_rule(gates.latency, measurement, fallback.share, fallback.latencies_s))
    counts = facts.suite.duplicates if isinstance(facts.suite.duplicates, dict) else {}
    dropped, pool = leaked_rows(counts, facts.suite.split_counts.get("pool", 0))
    return (*rules, leakage_rule(dropped, pool, gates.leakage.max_share))
