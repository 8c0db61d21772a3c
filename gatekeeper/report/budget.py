"""The error budget of the gate rows, and everybody who has had to do with them: looks, rules, readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.report.data_gate import AmendmentRow, BudgetFacts, Look, ReadRow, RuleChange, SealFacts

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows
    from gatekeeper.store.seals import Amendment, Rules


def budget_facts(rows: StoredRows) -> BudgetFacts:
    """Return the budget as it was when the run was decided; amendments and reads of later are marked as such."""
    budget = rows.gate.budget
    sealed = rows.gate.rules
    amendments = [_amendment(rows, one, rules) for rules in sealed for one in rules.amendments]
    return BudgetFacts(
        alpha=budget.alpha,
        spent=budget.spent,
        inherited=budget.inherited,
        left=budget.left,
        next_alpha=budget.next_alpha,
        looks_planned=budget.looks_planned,
        looks_spent=budget.looks_spent,
        looks_elsewhere=budget.looks_elsewhere,
        rows=budget.rows,
        rows_used=budget.rows_used,
        seals=tuple(_seal(rules) for rules in sealed),
        amendments=tuple(sorted(amendments, key=lambda one: one.at)),
        reads=tuple(
            ReadRow(
                at=one.at, who=one.who, what=one.what, n_rows=one.n_rows, run=one.run,
                after_verdict=one.at > rows.verdict.decided_at,
            )
            for one in rows.gate.reads
        ),
    )  # fmt: skip


def looks(rows: StoredRows) -> tuple[Look, ...]:
    """Return every look that this gate split had until the run was decided."""
    return tuple(
        Look(
            look=one.look, alpha=one.alpha, run=one.run, round=one.round, student=one.student,
            reserved_at=one.reserved_at, passed=one.passed, bound=one.bound, threshold=one.threshold,
            n_read=one.n_read,
        )
        for one in rows.facts.looks
    )  # fmt: skip


def _seal(rules: Rules) -> SealFacts:
    seal = rules.seal
    return SealFacts(at=seal.sealed_at, who=seal.who, run=seal.run, digest=seal.digest, shared_rows=rules.shared_rows)


def _amendment(rows: StoredRows, one: Amendment, rules: Rules) -> AmendmentRow:
    return AmendmentRow(
        at=one.at,
        who=one.who,
        run=one.run,
        reason=one.reason,
        changes=tuple(RuleChange(sentence=change.sentence, loosening=change.loosening) for change in one.changes),
        after_verdict=one.at > rows.verdict.decided_at,
        shared_rows=rules.shared_rows,
    )
