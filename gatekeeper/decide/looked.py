"""The rules that gate rows decide, at one look."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import Facts
from gatekeeper.decide.judging import by_people, settled
from gatekeeper.decide.scores import (
    ItemScores,
    RowOrder,
    outputs_of_items,
    paired,
    row_order,
    scores_of_items,
    slice_codes,
)
from gatekeeper.gate.form import format_rule
from gatekeeper.gate.guards import guard_rule
from gatekeeper.gate.ood import auroc_rule, ood_retention_rule
from gatekeeper.gate.quality import LookEvidence, Stakes, quality_of_look
from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.slices import slices_rule
from gatekeeper.records import RuleResult
from gatekeeper.stats.sequential import interim_levels
from gatekeeper.store.looks import Look

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def stops_of(rows: int, interim: int) -> tuple[int, ...]:
    """Return how many gate rows a look has read at each of its stops, the last one being all rows."""
    return tuple(dict.fromkeys(math.ceil(rows * stop / interim) for stop in range(1, interim + 1)))


def alpha_at(look: Look, rows: int, read: int, interim: int) -> float:
    """Return the nominal one-sided level of the stop at which a look has read `read` of `rows` rows.

    All stops of a look together spend no more than the look's alpha (Lan & DeMets 1983, O'Brien-Fleming type).
    """
    stops = stops_of(rows, interim)
    if len(stops) == 1:
        return look.alpha
    return float(interim_levels(look.alpha, [stop / rows for stop in stops])[stops.index(read)])


def look_rules(
    connection: DuckDBPyConnection, facts: Facts, chosen: Chosen, stakes: Stakes, first: int | None
) -> tuple[RuleResult, ...]:
    """Return quality and every other rule that gate rows decide.

    Every rule is tested at the level of the stop, and a promotion takes all of them: whichever of them the candidate
    truly misses, it is promoted with at most the look's alpha.

    Args:
        first: gate rows that the look has read; None for all.
    """
    assert chosen.look is not None
    rows = facts.suite.split_counts.get("gate", 0)
    alpha = alpha_at(chosen.look, rows, rows if first is None else first, facts.spec.gates.quality.interim)
    first = None if first is not None and first >= rows else first
    order = row_order(connection, facts, "gate", first=first)
    found = scores_of_items(connection, facts, chosen.model, "gate", order=order)
    scores = paired(found, chosen, fidelity=facts.fidelity)
    who = "the student" if chosen.threshold is None else "the student with the teacher as its fallback"
    evidence = LookEvidence(scores, chosen.look.look, alpha, n_planned=rows, who=who)
    quality = settled(quality_of_look(evidence, facts.requirement, stakes), scores, facts, stakes)
    return (quality, *_other_rules(connection, facts, chosen, scores, found, alpha, first, order))


def _other_rules(
    connection: DuckDBPyConnection,
    facts: Facts,
    chosen: Chosen,
    scores: PairedScores,
    found: ItemScores,
    alpha: float,
    first: int | None,
    order: RowOrder,
) -> Iterator[RuleResult]:
    gates, whole = facts.spec.gates, facts.requirement.alpha
    if gates.slices is not None:
        parts = {column: slice_codes(connection, facts, column, order=order) for column in gates.slices.by}
        if scores.human is None:
            yield slices_rule(scores, parts, gates.slices, alpha, whole)
        else:
            rule = slices_rule(*by_people(scores, parts), gates.slices, alpha, whole)
            yield rule.model_copy(update={"sentence": f"{rule.sentence} Only rows that people have judged count here."})
    for one in gates.ood:
        other = scores_of_items(connection, facts, chosen.model, "gate", eval_name=one.eval)
        if one.retention is not None:
            other_scores = paired(other, chosen, fidelity=facts.eval_named(one.eval).data.target is None)
            yield ood_retention_rule(one.eval, other_scores, one.retention, alpha, whole)
        if one.auroc is not None:
            yield auroc_rule(one.eval, found.confidence, other.confidence, one.auroc, alpha)
    for spec in facts.others:
        if spec.role == "guard":
            other = scores_of_items(connection, facts, chosen.model, "gate", eval_name=spec.eval)
            other_scores = paired(other, chosen, fidelity=spec.data.target is None)
            yield guard_rule(spec.eval, other_scores, gates.guards.margin, alpha, whole)
    if gates.format is not None:
        outputs = outputs_of_items(connection, facts, chosen.model, first=first)
        yield format_rule(outputs, facts.labels, gates.format.parses, alpha)
