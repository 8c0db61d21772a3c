"""The ledger of gate looks: each look at a gate split spends a part of its alpha, once and for all.

The ledger belongs to the gate split (its digest) and to its rows, not to a run or suite: a second suite over the same
gate rows goes on where the first one stopped, also when it renames, relabels, cuts or extends them (see `gate_budget`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.errors import StoreError
from gatekeeper.records import Record
from gatekeeper.store.gate_budget import budget_of
from gatekeeper.store.gate_rows import insert_gate_rows
from gatekeeper.store.rows import insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Look(Record):
    """One look at a gate split."""

    gate_digest: str
    look: int = Field(description="its number on this gate split, starting at 1")
    alpha: float = Field(description="the error probability that this look spends")
    run: str
    round: int
    student: str
    model: str
    reserved_at: datetime
    passed: bool | None = Field(default=None, description="None: reserved, not settled yet; it counts as spent")
    statistic: float | None = None
    bound: float | None = None
    threshold: float | None = Field(
        default=None, description="the student answers where its confidence is at least this; None: all traffic"
    )
    inherited: float = Field(
        default=0.0, description="what looks at other splits had charged to these rows when it was reserved, as a mean"
    )
    n_read: int | None = Field(default=None, description="rows read when it stopped early; None: all rows")


def reserve_look(
    connection: DuckDBPyConnection,
    gate_digest: str,
    row_keys: Collection[str],
    alpha: float,
    looks: int,
    *,
    run: str,
    round: int,
    student: str,
    model: str,
    threshold: float | None = None,
    at: datetime | None = None,
) -> Look | None:
    """Spend the next look of a gate split on `model`; call it inside `Store.write()` before any gate row is read.

    A second call for the same run, model and threshold returns the same look, pending or settled, so that a crash
    spends no second one. Looks that are spent under another plan count with the alpha that they took, and looks at
    other splits count by the share of these rows that they have read; see `gate_budget.budget_of` for the arguments.

    Returns:
        The look, or None when the budget is spent.

    Raises:
        InputError: alpha or looks are out of range.
        StoreError: there are no rows, the digest is known with other rows, or an earlier look was removed.
    """
    for look in looks_of(connection, gate_digest):
        if (look.run, look.model, look.threshold) == (run, model, threshold):
            return look
    budget = budget_of(connection, gate_digest, row_keys, alpha, looks)
    if budget.next_alpha is None:
        return None
    look = Look(
        gate_digest=gate_digest,
        look=budget.looks_spent + 1,
        alpha=budget.next_alpha,
        run=run,
        round=round,
        student=student,
        model=model,
        reserved_at=at or datetime.now(UTC),
        threshold=threshold,
        inherited=budget.inherited,
    )
    insert_gate_rows(connection, gate_digest, row_keys)
    if not insert_rows(connection, "looks", [dict(look)]):
        raise StoreError(
            f"look {look.look} at the gate split {gate_digest} exists, and an earlier one does not",
            hint="a row of the table `looks` was removed; restore it, since it has spent error budget",
        )
    return look


def settle_look(
    connection: DuckDBPyConnection,
    look: Look,
    *,
    passed: bool,
    statistic: float | None,
    bound: float | None,
    n_read: int | None = None,
) -> Look:
    """Write down how a look went; the same result again changes nothing. Returns the settled look.

    Raises:
        StoreError: the look was never reserved, or it is settled with another outcome.
    """
    found = select(connection, "SELECT * FROM looks WHERE gate_digest = ? AND look = ?", [look.gate_digest, look.look])
    if not found:
        raise StoreError(f"look {look.look} at the gate split {look.gate_digest} was never reserved")
    stored = Look(**found[0])
    if (stored.run, stored.model, stored.threshold) != (look.run, look.model, look.threshold):
        raise StoreError(
            f"look {look.look} at the gate split {look.gate_digest} belongs to run {stored.run}, model {stored.model}"
        )
    if stored.passed is not None and stored.passed != passed:
        raise StoreError(
            f"look {look.look} at the gate split {look.gate_digest} is settled as passed={stored.passed}",
            hint="a settled look is final",
        )
    if stored.passed is not None:
        return stored
    outcome = {"passed": passed, "statistic": statistic, "bound": bound, "n_read": n_read}
    settled = stored.model_copy(update=outcome)
    insert_rows(connection, "looks", [dict(settled)], replace=True)
    return settled


def looks_of(connection: DuckDBPyConnection, gate_digest: str) -> list[Look]:
    """Return all looks at a gate split, over all runs and suites of the store, in their order."""
    rows = select(connection, "SELECT * FROM looks WHERE gate_digest = ? ORDER BY look", [gate_digest])
    return [Look(**row) for row in rows]
