"""The rules that only gate rows can decide, while no look was spent: open, each with its requirement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatekeeper.gate import form, guards, ood, slices
from gatekeeper.gate.threshold import open_rule
from gatekeeper.records import RuleResult
from gatekeeper.suite.spec import EvalSpec, GatesSpec

_SENTENCE = "No look at the gate split was spent, so nothing is known of it yet."
_SETTLE = "A look at the gate split decides it."


def rules_without_look(gates: GatesSpec, others: Sequence[EvalSpec]) -> tuple[RuleResult, ...]:
    """Return the rules on slices, other evals and form as open rules, in the order in which a look gives them."""
    return tuple(
        open_rule(rule, requirement, unit=unit, sentence=_SENTENCE, settle=_SETTLE)
        for rule, requirement, unit in _demands(gates, others)
    )


def _demands(gates: GatesSpec, others: Sequence[EvalSpec]) -> Iterator[tuple[str, float, str]]:
    if gates.slices is not None:
        yield slices.RULE, gates.slices.min, slices.UNIT
    for one in gates.ood:
        if one.retention is not None:
            yield ood.retention_name(one.eval), one.retention, ood.RETENTION_UNIT
        if one.auroc is not None:
            yield ood.auroc_name(one.eval), one.auroc, ood.AUROC_UNIT
    for spec in others:
        if spec.role == "guard":
            yield guards.name_of(spec.eval), -gates.guards.margin, guards.UNIT
    if gates.format is not None:
        yield form.RULE, gates.format.parses, form.UNIT
