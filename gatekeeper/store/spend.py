"""Money: the ledger of reservations and settlements, prices and costs, and the budget of a run.

Whoever spends reserves the upper bound first, calls, and settles what it did cost. A reservation that was never settled
counts at its upper bound, so the ledger is never optimistic.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from pydantic import Field

from gatekeeper.cost.prices import Price
from gatekeeper.errors import BudgetExceededError, StoreError
from gatekeeper.records import Completion, Quantity, Record
from gatekeeper.store.rows import MONEY_STEP, Row, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from gatekeeper.store.connection import Store

Purpose = Literal["generate", "evaluate", "judge", "train", "label"]

_CONTEXT = Context(prec=38)


class Spend(Record):
    """One payment. Amounts are US dollars."""

    run: str
    key: str = Field(description="what is paid, e.g. a request key; ``#2`` at its end marks the second payment of it")
    purpose: Purpose
    reserved: Decimal
    settled: Decimal | None = None
    state: Literal["reserved", "settled", "unsettled"] = "reserved"
    assumed: bool = Field(description="the price is that of another model that this one stands in for")
    at: datetime


def insert_reservations(connection: DuckDBPyConnection, rows: Iterable[Spend]) -> int:
    """Insert reservations; one that is known already, settled or not, stays. Returns the number of new rows."""
    return insert_rows(connection, "spend", map(vars, rows))


def insert_settlements(connection: DuckDBPyConnection, rows: Iterable[Spend]) -> int:
    """Settle reservations (`settled` is set in each row); a settled one stays as it is. Returns the number settled.

    A settlement whose reservation was lost becomes a row of its own, since the money is gone.
    """
    return insert_rows(
        connection,
        "spend",
        map(vars, rows),
        good=_is_settled,
        good_sql="old.state = 'settled'",
        update=("settled", "state"),
    )


def mark_unsettled(connection: DuckDBPyConnection, alive: Sequence[str] = ()) -> int:
    """Mark the open reservations of all runs but `alive` as unsettled; returns how many there were."""
    done = connection.execute(
        "UPDATE spend SET state = 'unsettled' WHERE state = 'reserved' AND NOT list_contains(?::VARCHAR[], run)",
        [list(alive)],
    ).fetchall()
    return int(done[0][0])


def spend_of(connection: DuckDBPyConnection, run: str, purpose: Purpose | None = None) -> list[Spend]:
    """Return the payments of a run (for one purpose), by time and key."""
    sql = """SELECT * FROM spend WHERE run = $run AND ($purpose IS NULL OR purpose = $purpose)
             ORDER BY "at", purpose, key"""
    return [Spend(**row) for row in select(connection, sql, {"run": run, "purpose": purpose})]


def spent_of(connection: DuckDBPyConnection, run: str) -> Decimal:
    """Return what a run has spent in US dollars; what is not settled counts at its upper bound."""
    rows = connection.execute("SELECT sum(coalesce(settled, reserved)) FROM spend WHERE run = ?", [run]).fetchall()
    return Decimal(rows[0][0] or 0)


def insert_prices(connection: DuckDBPyConnection, prices: Iterable[Price]) -> int:
    """Insert prices as used; returns the number of new rows."""
    return insert_rows(connection, "prices", (_price_row(price) for price in prices))


def prices_of(connection: DuckDBPyConnection, model_id: str | None = None) -> list[Price]:
    """Return the prices (of one model), the newest first."""
    sql = "SELECT detail FROM prices WHERE $id IS NULL OR model_id = $id ORDER BY as_of DESC, model_id, source"
    return [Price.model_validate_json(row["detail"]) for row in select(connection, sql, {"id": model_id})]


def insert_costs(connection: DuckDBPyConnection, run: str, quantities: Iterable[Quantity]) -> int:
    """Insert the quantities of a run's cost comparison; the newest of one name wins. Returns the number of rows."""
    return insert_rows(connection, "costs", ({**dict(one), "run": run} for one in quantities), replace=True)


def costs_of(connection: DuckDBPyConnection, run: str) -> dict[str, Quantity]:
    """Return the quantities of a run's cost comparison, by name."""
    rows = select(connection, "SELECT * EXCLUDE (run) FROM costs WHERE run = ? ORDER BY name", [run])
    return {row["name"]: Quantity(**row) for row in rows}


class Answer(NamedTuple):
    """What was paid for: an answer that arrived, for the suite with this fingerprint."""

    suite: str
    completion: Completion


class Ledger(Protocol):
    """Where a budget writes before money moves: the journal of its run."""

    @property
    def run(self) -> str:
        """The run that spends."""
        ...

    def completion(self, suite: str, completion: Completion) -> None:
        """Write an answer down before returning."""
        ...

    def reservation(self, payment: Spend) -> None:
        """Write a reservation down before returning."""
        ...

    def settlement(self, payment: Spend, answer: Answer | None = None) -> None:
        """Write down what a payment did cost, and the answer that was paid, before returning."""
        ...

    def commit(self) -> None:
        """Bring all lines into the tables."""
        ...


class Budget:
    """The money that one run may spend, shared by all its threads; it is never exceeded, also over restarts.

    Build it with `Budget.load`. Every reservation is in the journal before `reserve` returns, so the call that it pays
    may be sent then.
    """

    def __init__(self, cap: Decimal, ledger: Ledger, earlier: Iterable[Spend] = ()) -> None:
        self.cap = cap
        self._ledger = ledger
        self._guard = threading.Lock()
        self._spent = Decimal(0)
        self._payments: dict[str, dict[str, int]] = defaultdict(dict)  # by purpose and key
        self._open: dict[tuple[str, str], deque[Spend]] = {}
        self._left: dict[tuple[str, str], list[Spend]] = defaultdict(list)  # unsettled by an earlier process
        for row in earlier:
            self._spent += row.reserved if row.settled is None else row.settled
            key = _first_key(row.key)
            self._payments[row.purpose][key] = self._payments[row.purpose].get(key, 0) + 1
            if row.settled is None:
                self._left[key, row.purpose].append(row)

    @classmethod
    def load(cls, store: Store, journal: Ledger, cap: Decimal) -> Budget:
        """Return the budget of the journal's run, with what the run has spent so far.

        Args:
            store: where the ledger is.
            journal: the run's open journal.
            cap: the most that the run may spend over all its restarts, in US dollars.
        """
        journal.commit()
        with store.read() as connection:
            return cls(cap, journal, spend_of(connection, journal.run))

    @property
    def spent(self) -> Decimal:
        """US dollars spent or reserved so far."""
        with self._guard:
            return self._spent

    @property
    def remaining(self) -> Decimal:
        """US dollars that can still be reserved; never below 0."""
        return max(self.cap - self.spent, Decimal(0))

    def reserve(self, key: str, purpose: Purpose, amount: Decimal, *, assumed: bool = False) -> None:
        """Set aside the upper bound of one payment.

        The same key again is another payment: the answer to the first one was lost or of no use.

        Raises:
            BudgetExceededError: it does not fit; nothing is reserved.
            StoreError: the key holds a ``#``, or the amount is negative or not a number.
        """
        if "#" in key:
            raise StoreError(f"the key {key!r} holds a '#'", hint="'#' marks repeated payments in the ledger")
        wanted = _rounded_up(amount)
        with self._guard:
            if self._spent + wanted > self.cap:
                raise BudgetExceededError(
                    f"the next {purpose} call costs up to ${wanted:f}, and ${self.cap - self._spent:f} of "
                    f"${self.cap:f} is left",
                    hint="raise loop.budget_usd in the suite; what is done so far is kept",
                )
            number = self._payments[purpose].get(key, 0) + 1
            ledger_key = key if number == 1 else f"{key}#{number}"
            payment = Spend(
                run=self._ledger.run,
                key=ledger_key,
                purpose=purpose,
                reserved=wanted,
                assumed=assumed,
                at=datetime.now(UTC),
            )
            self._ledger.reservation(payment)
            self._payments[purpose][key] = number
            self._spent += wanted
            self._open.setdefault((key, purpose), deque()).append(payment)

    def resume(self, key: str, purpose: Purpose, since: datetime) -> bool:
        """Take up the reservation that an earlier process made and never settled, so that `settle` finds it.

        It counts already and is not counted again.

        Args:
            key: of the reservation.
            purpose: of the reservation.
            since: an older reservation is for something else, whose outcome stays unknown.

        Returns:
            Whether there is one now, from an earlier process or from this one.
        """
        with self._guard:
            if (key, purpose) in self._open:
                return True
            rows = self._left.get((key, purpose), [])
            found = max((row for row in rows if row.at >= since), key=lambda row: row.at, default=None)
            if found is None:
                return False
            rows.remove(found)
            self._open[key, purpose] = deque([found])
            return True

    def settle(self, key: str, purpose: Purpose, amount: Decimal, *, answer: Answer | None = None) -> None:
        """Replace the oldest open reservation of `key` by what it did cost, 0 when nothing was sent.

        Args:
            key: of the reservation.
            purpose: of the reservation.
            amount: US dollars.
            answer: what was paid for; it is in the journal, before the settlement, when this returns.

        Raises:
            StoreError: nothing is reserved under this key and purpose; the answer is kept all the same.
        """
        paid = _rounded_up(amount)
        with self._guard:
            waiting = self._open.get((key, purpose))
            if waiting is None:
                if answer is not None:
                    self._ledger.completion(*answer)
                raise StoreError(f"nothing is reserved for {purpose} {key!r}", hint="call reserve before settle")
            first = waiting[0]
            settled = first.model_copy(update={"settled": paid, "state": "settled", "at": datetime.now(UTC)})
            self._ledger.settlement(settled, answer)
            waiting.popleft()
            if not waiting:
                del self._open[key, purpose]
            self._spent += paid - first.reserved

    def charge(self, key: str, purpose: Purpose, amount: Decimal, *, assumed: bool = False) -> None:
        """Reserve and settle a payment whose amount is known.

        Raises:
            BudgetExceededError: it does not fit.
        """
        self.reserve(key, purpose, amount, assumed=assumed)
        self.settle(key, purpose, amount)


def _rounded_up(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount < 0:
        raise StoreError(f"{amount} is not an amount of money")
    return amount.quantize(MONEY_STEP, rounding=ROUND_UP, context=_CONTEXT)


def _first_key(ledger_key: str) -> str:
    return ledger_key.partition("#")[0]


def _price_row(price: Price) -> dict[str, Any]:
    row = {name: getattr(price, name) for name in ("source", "as_of", "input_per_m", "output_per_m")}
    detail = price.model_dump(mode="json")
    return {**row, "model_id": price.model, "cached_input_per_m": price.cached_input_per_m, "detail": detail}


def _is_settled(row: Row) -> bool:
    return bool(row["state"] == "settled")
