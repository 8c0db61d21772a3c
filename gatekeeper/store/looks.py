"""The ledger of gate looks: each look at a gate split spends a part of its alpha, once and for all.

The ledger belongs to the gate split (its digest), not to a run or suite: a second suite over the same gate rows goes on
where the first one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.errors import StoreError
from gatekeeper.records import Record
from gatekeeper.store.rows import insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROUNDING = 1e-12


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


def reserve_look(
    connection: DuckDBPyConnection,
    gate_digest: str,
    alphas: Sequence[float],
    *,
    run: str,
    round: int,
    student: str,
    model: str,
    at: datetime | None = None,
) -> Look | None:
    """Spend the next look of a gate split on `model`; call it inside `Store.write()` before any gate row is read.

    A second call for the same run and model returns the same look, pending or settled, so that a crash spends no second
    one. `alphas` is the plan of the suite; looks that are spent under another plan count with the alpha that they took,
    and the sum never goes above ``sum(alphas)``.

    Returns:
        The look, or None when the ledger is spent.
    """
    spent = looks_of(connection, gate_digest)
    for look in spent:
        if look.run == run and look.model == model:
            return look
    number = len(spent) + 1
    if number > len(alphas):
        return None
    alpha = float(alphas[number - 1])
    if sum(look.alpha for look in spent) + alpha > sum(alphas) + _ROUNDING:
        return None
    look = Look(
        gate_digest=gate_digest,
        look=number,
        alpha=alpha,
        run=run,
        round=round,
        student=student,
        model=model,
        reserved_at=at or datetime.now(UTC),
    )
    insert_rows(connection, "looks", [dict(look)])
    return look


def settle_look(
    connection: DuckDBPyConnection, look: Look, *, passed: bool, statistic: float | None, bound: float | None
) -> Look:
    """Write down how a look went; the same result again changes nothing. Returns the settled look.

    Raises:
        StoreError: the look was never reserved, or it is settled with another outcome.
    """
    found = select(connection, "SELECT * FROM looks WHERE gate_digest = ? AND look = ?", [look.gate_digest, look.look])
    if not found:
        raise StoreError(f"look {look.look} at the gate split {look.gate_digest} was never reserved")
    stored = Look(**found[0])
    if (stored.run, stored.model) != (look.run, look.model):
        raise StoreError(f"look {look.look} at the gate split {look.gate_digest} belongs to run {stored.run}")
    if stored.passed is not None and stored.passed != passed:
        raise StoreError(
            f"look {look.look} at the gate split {look.gate_digest} is settled as passed={stored.passed}",
            hint="a settled look is final",
        )
    settled = (
        stored
        if stored.passed is not None
        else stored.model_copy(update={"passed": passed, "statistic": statistic, "bound": bound})
    )
    insert_rows(connection, "looks", [dict(settled)], replace=True)
    return settled


def looks_of(connection: DuckDBPyConnection, gate_digest: str) -> list[Look]:
    """Return all looks at a gate split, over all runs and suites of the store, in their order."""
    rows = select(connection, "SELECT * FROM looks WHERE gate_digest = ? ORDER BY look", [gate_digest])
    return [Look(**row) for row in rows]
