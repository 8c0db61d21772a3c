"""Reconcile: a person says what payments without a known outcome did cost, and that is written down with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.errors import InputError, StoreError
from gatekeeper.records import Record
from gatekeeper.run.sealing import who_runs
from gatekeeper.spend.shares import Ways, shares
from gatekeeper.spend.unsettled import RECONCILED, Unsettled, said_of, unsettled_of
from gatekeeper.store.connection import Store
from gatekeeper.store.events import Event, insert_events, next_seq
from gatekeeper.store.recovery import recover
from gatekeeper.store.spend import Purpose, Spend, insert_settlements, spend_of
from gatekeeper.store.suites import run_of
from gatekeeper.store.verdicts import verdict_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Reconciliation(Record):
    """What was settled. Amounts are US dollars."""

    run: str
    how: str = Field(description="as_sent, as_unsent, as_repeated, usd or bill_usd")
    who: str
    why: str
    payments: int
    reserved_usd: Decimal = Field(description="their upper bound, at which they counted before")
    usd: Decimal = Field(description="what they did cost")
    left: int = Field(description="payments of the run that are unsettled still")
    sealed: bool = Field(description="the run has its verdict: its ledger stays as it is, and this stands beside it")


def reconcile_spend(
    store: Store,
    run: str,
    ways: Ways,
    *,
    why: str,
    keys: Sequence[str] = (),
    purpose: Purpose | None = None,
) -> Reconciliation:
    """Settle unsettled payments of a run by the word of a person, which is written down as an event.

    Settled payments stay as they are. Where the run has its verdict, which rests on the ledger, no payment is changed,
    and the event alone says what they did cost.

    Args:
        store: with the run.
        run: its id.
        ways: what is known about the payments.
        why: what the person knows it from, for example the number of a bill.
        keys: which payments, by their keys in the table `spend` or how these begin; all by default.
        purpose: only payments for this.

    Raises:
        InputError: no reason is given, nothing is unsettled, or an amount does not fit the ledger.
        StoreError: there is no such run.
        StoreLockedError: a process works on this store.
    """
    if not why.strip():
        raise InputError("a reason is needed", hint="say with --why what you know it from, for example a bill's number")
    if ways.name == "bill_usd" and keys:
        raise InputError("a bill is not that of a few requests", hint="use --usd with --key, or --bill-usd without")
    with store.hold("spend reconcile"):
        recover(store)
        with store.write() as connection:
            return _reconcile(connection, run, ways, why.strip(), keys, purpose)


def _reconcile(
    connection: DuckDBPyConnection, run: str, ways: Ways, why: str, keys: Sequence[str], purpose: Purpose | None
) -> Reconciliation:
    if run_of(connection, run) is None:
        raise StoreError(f"there is no run {run!r} in the store", hint="`gatekeeper history` lists the runs")
    unsettled = unsettled_of(connection, run)
    wanted = _wanted(run, unsettled, keys, purpose)
    settled = _billed(connection, run, purpose)
    found = shares(wanted, ways, settled)
    done = Reconciliation(
        run=run,
        how=ways.name,
        who=who_runs(),
        why=why,
        payments=len(found),
        reserved_usd=sum((one.reserved for one, _ in found), Decimal(0)),
        usd=sum((usd for _, usd in found), Decimal(0)),
        left=len(unsettled) - len(found),
        sealed=verdict_of(connection, run) is not None,
    )
    _write(connection, done, found)
    return done


def _wanted(run: str, unsettled: Sequence[Unsettled], keys: Sequence[str], purpose: Purpose | None) -> list[Unsettled]:
    unknown = [key for key in keys if not any(one.key.startswith(key) for one in unsettled)]
    if unknown:
        raise InputError(
            f"the run {run} has no unsettled payment {', '.join(unknown)}",
            hint="`gatekeeper spend --json` lists the unsettled payments; settled ones stay as they are",
        )
    wanted = [
        one
        for one in unsettled
        if (purpose is None or one.purpose == purpose) and (not keys or one.key.startswith(tuple(keys)))
    ]
    if not wanted:
        raise InputError(f"the run {run} has no unsettled payment of this kind", hint="see `gatekeeper spend`")
    return wanted


def _billed(connection: DuckDBPyConnection, run: str, purpose: Purpose | None) -> Decimal:
    """Return what is settled at prices that somebody bills, by usage or by a person's word."""
    said = said_of(connection, run)
    rows = (one for one in spend_of(connection, run, purpose) if not one.assumed)
    settled = (said.get((one.key, one.purpose)) if one.settled is None else one.settled for one in rows)
    return sum((usd for usd in settled if usd is not None), Decimal(0))


def _write(connection: DuckDBPyConnection, done: Reconciliation, found: Sequence[tuple[Unsettled, Decimal]]) -> None:
    payments = [
        {"key": one.key, "purpose": one.purpose, "reserved": str(one.reserved), "usd": str(usd)} for one, usd in found
    ]
    event = Event(
        run=done.run,
        seq=next_seq(connection, done.run),
        kind=RECONCILED,
        detail={**done.model_dump(mode="json", exclude={"run", "payments", "left"}), "payments": payments},
        at=datetime.now(UTC),
    )
    insert_events(connection, [event])
    if not done.sealed:
        insert_settlements(connection, (_settlement(done.run, one, usd) for one, usd in found))


def _settlement(run: str, one: Unsettled, usd: Decimal) -> Spend:
    return Spend(
        run=run,
        key=one.key,
        purpose=one.purpose,
        reserved=one.reserved,
        settled=usd,
        state="settled",
        assumed=one.assumed,
        at=one.at,
    )
