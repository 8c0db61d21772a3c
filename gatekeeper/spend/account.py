"""The account of a run: its payments by purpose and state, and what is left of its budget."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gatekeeper.errors import StoreError, StoreLockedError
from gatekeeper.records import Record
from gatekeeper.run.session import SUITE
from gatekeeper.spend.unsettled import Unsettled, reconciliations_of, said_of, unsettled_of
from gatekeeper.store.connection import Store
from gatekeeper.store.events import events_of
from gatekeeper.store.recovery import recover
from gatekeeper.store.rows import select
from gatekeeper.store.spend import Purpose, spend_of
from gatekeeper.store.stored_answers import spent_by, waiting_in
from gatekeeper.store.suites import RunState, run_of, suite_of
from gatekeeper.store.verdicts import verdict_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BY_STATE = """SELECT purpose, assumed, state, count(*) AS n, sum(coalesce(settled, reserved)) AS usd
               FROM spend WHERE run = $run GROUP BY ALL ORDER BY purpose, assumed, state"""


class PurposeAccount(Record):
    """The payments for one purpose, at prices of one kind. Amounts are US dollars."""

    purpose: Purpose
    assumed: bool = Field(description="at the price of another model that this one stands in for: nobody sends a bill")
    payments: int = 0
    settled_usd: Decimal = Field(default=Decimal(0), description="what answers did cost, by the usage reported")
    reconciled: int = Field(default=0, description="payments that a person has settled")
    reconciled_usd: Decimal = Field(default=Decimal(0), description="what they did cost, by that person's word")
    unsettled: int = Field(default=0, description="payments whose process ended before the answer")
    unsettled_usd: Decimal = Field(default=Decimal(0), description="their upper bound, at which they count")
    in_flight: int = Field(default=0, description="payments of a process that is at work now")
    in_flight_usd: Decimal = Field(default=Decimal(0), description="their upper bound")

    @property
    def spent(self) -> Decimal:
        """US dollars in all; what is not settled counts at its upper bound."""
        return self.settled_usd + self.reconciled_usd + self.unsettled_usd + self.in_flight_usd


class Account(Record):
    """What one run has spent. Amounts are US dollars."""

    run: str
    suite: str
    state: RunState
    at_work: bool = Field(description="a process works on this store now, so amounts may be on the move")
    purposes: tuple[PurposeAccount, ...]
    spent_usd: Decimal = Field(description="all of it; what is not settled counts at its upper bound")
    budget_usd: Decimal | None = Field(description="loop.budget_usd of the suite; None: the run ended before it began")
    left_usd: Decimal | None = Field(description="of the budget; never below 0")
    verdict_usd: Decimal | None = Field(
        description="what the verdict was made with, which stays; None: there is no verdict yet"
    )
    unsettled: tuple[Unsettled, ...]
    reconciliations: tuple[dict[str, Any], ...] = Field(description="who has settled what, when, how and why")


def read_spend(store: Store, run: str) -> Account:
    """Return what a run has spent. Lines that a killed process left in its journal are brought in first.

    While a process works on the store its own lines stay where they are, and are counted in `spent_usd` alone.

    Raises:
        StoreError: there is no such run, or a journal is damaged.
    """
    at_work = not brought_in(store)
    with store.read() as connection:
        stored = run_of(connection, run)
        suite = suite_of(connection, stored.suite) if stored else None
        if stored is None or suite is None:
            raise StoreError(f"there is no run {run!r} in the store", hint="`gatekeeper history` lists the runs")
        purposes = _purposes(connection, run)
        spent = sum((one.spent for one in purposes), Decimal(0))
        if at_work:
            spent += spent_by(connection, waiting_in(store), run) - _in_tables(connection, run)
        budget = _budget(connection, run)
        return Account(
            run=run,
            suite=suite.name,
            state=stored.state,
            at_work=at_work,
            purposes=purposes,
            spent_usd=spent,
            budget_usd=budget,
            left_usd=None if budget is None else max(budget - spent, Decimal(0)),
            verdict_usd=None if verdict_of(connection, run) is None else _in_tables(connection, run),
            unsettled=tuple(unsettled_of(connection, run)),
            reconciliations=tuple({"at": one.at, **one.detail} for one in reconciliations_of(connection, run)),
        )


def brought_in(store: Store) -> bool:
    """Bring in what killed processes left in their journals; False: a process works on this store, so nothing was done.

    Raises:
        StoreError: a journal is damaged, or the store cannot be written.
    """
    try:
        with store.hold("spend"):
            recover(store)
    except StoreLockedError:
        return False
    return True


def _in_tables(connection: DuckDBPyConnection, run: str) -> Decimal:
    return sum((row.reserved if row.settled is None else row.settled for row in spend_of(connection, run)), Decimal(0))


def _budget(connection: DuckDBPyConnection, run: str) -> Decimal | None:
    """Return the budget as the run was told last: it may be raised while a run goes on."""
    events = events_of(connection, run, SUITE)
    return Decimal(str(events[-1].detail["suite"]["loop"]["budget_usd"])) if events else None


def _purposes(connection: DuckDBPyConnection, run: str) -> tuple[PurposeAccount, ...]:
    found: dict[tuple[str, bool], dict[str, Any]] = {}
    columns = {"settled": "settled", "unsettled": "unsettled", "reserved": "in_flight"}
    for row in select(connection, _BY_STATE, {"run": run}):
        one = found.setdefault((row["purpose"], row["assumed"]), _empty())
        name = columns[row["state"]]
        one["payments"] += row["n"]
        one[f"{name}_usd"] += row["usd"]
        if name != "settled":
            one[name] += row["n"]
    _reconcile(found, connection, run, said_of(connection, run))
    return tuple(
        PurposeAccount.model_validate({"purpose": purpose, "assumed": assumed, **one})
        for (purpose, assumed), one in found.items()
    )


def _empty() -> dict[str, Any]:
    fields = PurposeAccount.model_fields
    return {name: field.default for name, field in fields.items() if name not in ("purpose", "assumed")}


def _reconcile(
    found: dict[tuple[str, bool], dict[str, Any]],
    connection: DuckDBPyConnection,
    run: str,
    said: Mapping[tuple[str, str], Decimal],
) -> None:
    """Move what persons have settled out of the other columns.

    In a run with a verdict the rows stay unsettled, since the verdict rests on them, and the person's word counts here.
    """
    sql = "SELECT key, purpose, assumed, state, reserved FROM spend WHERE run = $run AND key IN (SELECT unnest($keys))"
    keys = [key for key, _ in said]
    for row in select(connection, sql, {"run": run, "keys": keys}) if keys else ():
        if (usd := said.get((row["key"], row["purpose"]))) is None:
            continue
        one = found[row["purpose"], row["assumed"]]
        one["reconciled"] += 1
        one["reconciled_usd"] += usd
        if row["state"] == "unsettled":
            one["unsettled"] -= 1
            one["unsettled_usd"] -= row["reserved"]
        else:
            one["settled_usd"] -= usd
