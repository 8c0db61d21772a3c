"""The rules of a candidate on which no look was spent: what the development split says, and what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.decide.candidates import Chosen, dev_metric
from gatekeeper.decide.facts import Facts, budget_now
from gatekeeper.decide.judging import gate_labels, settle_judged, settle_labels, verdict_on_dev
from gatekeeper.decide.scores import dev_scores
from gatekeeper.gate.absent import rules_without_look
from gatekeeper.gate.forecast import complete_rows, rows_to_settle
from gatekeeper.gate.quality import QualityRequirement, Stakes, price_of_rows, quality_unlooked
from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.wording import plural
from gatekeeper.records import RuleResult
from gatekeeper.run.judging import GateLabels
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.stats.spending import look_alphas
from gatekeeper.store.gate_budget import GateBudget

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def unlooked_rules(
    connection: DuckDBPyConnection, facts: Facts, chosen: Chosen, stakes: Stakes
) -> tuple[RuleResult, ...]:
    """Return the rules that gate rows would decide, for a candidate that never saw them."""
    requirement = facts.requirement
    dev = dev_scores(connection, facts, chosen)
    rows = complete_rows(dev)
    wish = _wish(facts, rows, stakes) if dev.human is None else settle_judged(dev, facts, stakes)
    accuracy = float(rows.teacher.mean()) if rows.n_expected else 0.0
    chance = dev_metric(connection, facts, chosen, "pass_probability") or 0.0
    labels = gate_labels(connection, facts)
    reason, settle = _why_no_look(facts, budget_now(connection, facts), accuracy, chance, wish, labels)
    quality = quality_unlooked(verdict_on_dev(dev, facts), requirement, reason=reason, settle=settle)
    return (quality, *rules_without_look(facts.spec.gates, facts.others))


def _wish(facts: Facts, rows: PairedScores, stakes: Stakes) -> str:
    requirement = facts.requirement
    needed = rows_to_settle(rows, rows.teacher, requirement.retention, requirement.alpha) if rows.n_expected else None
    if needed is None:
        return (
            "At its point estimate the student does not keep enough: train a better one (more examples, another "
            "recipe)."
        )
    return (
        f"If the student is as good as it looks here, a gate split of about {needed:,} rows would show it with "
        f"80 % probability in one look.{price_of_rows(needed - _gate_rows(facts), stakes)}"
    )


def _gate_rows(facts: Facts) -> int:
    return facts.suite.split_counts.get("gate", 0)


def _why_no_look(
    facts: Facts, budget: GateBudget, teacher_accuracy: float, chance: float, wish: str, labels: GateLabels | None
) -> tuple[str, str]:
    """Return why no look was spent, and what would settle the rule."""
    requirement, rows = facts.requirement, _gate_rows(facts)
    if budget.next_alpha is None:
        return _used_up(budget), _fresh_rows(requirement, teacher_accuracy)
    if labels is not None and labels.missing:
        return (
            f"People have labelled {labels.labelled:,} of the {rows:,} gate rows, and a student that a judge scores "
            f"cannot pass with fewer than {labels.least:,}; so no look was spent.",
            settle_labels(labels),
        )
    smallest = _smallest(requirement.retention, budget.next_alpha, teacher_accuracy)
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


def _used_up(budget: GateBudget) -> str:
    own = f"{plural(budget.looks_spent, 'look')} spent {budget.spent:.4f}"
    elsewhere = (
        f" and {plural(budget.looks_elsewhere, 'look')} at other splits with {budget.rows_used:,} of its "
        f"{budget.rows:,} rows {budget.inherited:.4f}"
        if budget.inherited > 0
        else ""
    )
    return f"This gate split is used up: {own}{elsewhere} of its error budget of {budget.alpha:g}."


def _fresh_rows(requirement: QualityRequirement, teacher_accuracy: float) -> str:
    """Return how many rows a fresh split needs, so that its first look can pass at all."""
    first = look_alphas(requirement.alpha, requirement.looks)[0]
    smallest = _smallest(requirement.retention, first, teacher_accuracy)
    count = "fresh rows" if smallest is None else f"at least {smallest:,} fresh rows"
    return f"Make a gate split of {count}; rows that were looked at before bring no error budget with them."


def _smallest(retention: float, alpha: float, teacher_accuracy: float) -> int | None:
    return smallest_passable_n(retention, alpha, teacher_accuracy) if teacher_accuracy > 0 else None
