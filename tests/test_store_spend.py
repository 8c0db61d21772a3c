"""The budget of a run is never exceeded: not by threads, not by restarts, not by kills."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path

import pytest
from store_samples import NOON, PRICE, QUANTITY, kill, start, wait_for

from gatekeeper.errors import BudgetExceededError, StoreError
from gatekeeper.store import Budget, Journal, Store, recover
from gatekeeper.store.spend import (
    Spend,
    costs_of,
    insert_costs,
    insert_prices,
    insert_reservations,
    insert_settlements,
    prices_of,
    spend_of,
    spent_of,
)

CENT = Decimal("0.01")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "g.duckdb")


def _spend(key: str, **more: object) -> Spend:
    values = {"run": "run-1", "key": key, "purpose": "generate", "reserved": CENT, "assumed": False, "at": NOON}
    return Spend.model_validate({**values, **more})


def test_what_is_not_used_goes_back(store: Store) -> None:
    with Journal(store, "run-1") as journal:
        budget = Budget.load(store, journal, Decimal(1))
        budget.reserve("k1", "generate", Decimal("0.75"))
        with pytest.raises(BudgetExceededError, match=r"\$0\.25") as caught:
            budget.reserve("k2", "generate", Decimal("0.5"))
        assert caught.value.exit_code == 12
        budget.settle("k1", "generate", Decimal("0.25"))
        budget.reserve("k2", "generate", Decimal("0.75"))
        assert (budget.spent, budget.remaining) == (Decimal(1), Decimal(0))
        budget.settle("k2", "generate", Decimal(0))
        budget.charge("round 1", "train", Decimal("0.5"), assumed=True)
        assert budget.remaining == Decimal("0.25")
    with store.read() as connection:
        rows = {row.key: row for row in spend_of(connection, "run-1")}
        assert spent_of(connection, "run-1") == Decimal("0.75")
    assert {key: (row.reserved, row.settled, row.state, row.assumed) for key, row in rows.items()} == {
        "k1": (Decimal("0.75"), Decimal("0.25"), "settled", False),
        "k2": (Decimal("0.75"), Decimal(0), "settled", False),
        "round 1": (Decimal("0.5"), Decimal("0.5"), "settled", True),
    }


def test_the_same_key_again_is_another_payment(store: Store) -> None:
    with Journal(store, "run-1") as journal:
        budget = Budget.load(store, journal, Decimal(1))
        for amount in (Decimal("0.1"), Decimal("0.2")):
            budget.reserve("k", "generate", Decimal("0.3"))
            budget.settle("k", "generate", amount)
        budget.reserve("k", "judge", Decimal("0.1"))
    with Journal(store, "run-1") as journal:
        budget = Budget.load(store, journal, Decimal(1))
        assert budget.spent == Decimal("0.4")
        budget.reserve("k", "generate", Decimal("0.3"))
    with store.read() as connection:
        keys = sorted((row.key, row.purpose) for row in spend_of(connection, "run-1"))
    assert keys == [("k", "generate"), ("k", "judge"), ("k#2", "generate"), ("k#3", "generate")]


def test_wrong_calls_are_refused(store: Store) -> None:
    with Journal(store, "run-1") as journal:
        budget = Budget.load(store, journal, Decimal(1))
        with pytest.raises(StoreError, match="nothing is reserved"):
            budget.settle("k", "generate", CENT)
        for amount in (Decimal(-1), Decimal("NaN"), Decimal("Infinity")):
            with pytest.raises(StoreError, match="not an amount"):
                budget.reserve("k", "generate", amount)
        with pytest.raises(StoreError, match="#"):
            budget.reserve("k#2", "generate", CENT)
        assert budget.spent == 0


def test_amounts_below_the_smallest_step_are_rounded_up(store: Store) -> None:
    with Journal(store, "run-1") as journal:
        budget = Budget.load(store, journal, Decimal(1))
        budget.charge("k", "generate", Decimal("0.0000000000001"))
    with store.read() as connection:
        assert spent_of(connection, "run-1") == Decimal("0.000000000001")


def test_threads_never_exceed_the_cap(store: Store) -> None:
    with Journal(store, "run-1", commit_lines=100_000) as journal:
        budget = Budget.load(store, journal, Decimal(1))
        granted: list[str] = []

        def work(name: int) -> None:
            for number in range(50):
                try:
                    budget.reserve(f"{name}-{number}", "generate", CENT)
                except BudgetExceededError:
                    return
                granted.append(f"{name}-{number}")

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(granted) == 100
    with store.read() as connection:
        assert spent_of(connection, "run-1") == 1


_SPENDS = """
import sys
from decimal import Decimal
from gatekeeper.errors import BudgetExceededError
from gatekeeper.store import Budget, Journal, Store, recover
store = Store(sys.argv[1])
recover(store)
journal = Journal(store, "run-1", commit_lines=50)
budget = Budget.load(store, journal, Decimal("1"))
sent = open(sys.argv[2], "a", buffering=1)
print("begins with", budget.spent, flush=True)
number = 0
try:
    while True:
        key = f"{sys.argv[3]}-{number}"
        budget.reserve(key, "generate", Decimal("0.01"))
        sent.write(key + chr(10))   # the call that costs money
        if number % 3:
            budget.settle(key, "generate", Decimal("0.004"))
        number += 1
        if number % 20 == 0:
            print("spent", flush=True)
except BudgetExceededError:
    journal.close()
    print("stopped", flush=True)
"""


@pytest.mark.slow
def test_kills_and_restarts_never_exceed_the_cap(store: Store, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    for start_number in range(2):
        child = start(_SPENDS, store.path, sent, start_number)
        for _ in range(1 + start_number):
            wait_for(child, "spent")
        kill(child)
    last = start(_SPENDS, store.path, sent, "last")
    wait_for(last, "stopped")
    last.communicate()
    with store.read() as connection:
        rows = {row.key: row for row in spend_of(connection, "run-1")}
        assert Decimal("0.98") < spent_of(connection, "run-1") <= Decimal("1")
    calls = sent.read_text().splitlines()
    assert len(calls) > 120
    assert set(calls) <= set(rows), "every call that was sent is in the ledger"
    assert {row.state for key, row in rows.items() if not key.startswith("last")} == {"settled", "unsettled"}


def test_open_reservations_of_dead_runs_become_unsettled_once(store: Store) -> None:
    with store.write() as connection:
        insert_reservations(connection, [_spend("k1"), _spend("k2"), _spend("k3", run="alive")])
        insert_settlements(connection, [_spend("k2", settled=CENT, state="settled")])
    with Journal(store, "alive"):
        assert recover(store).unsettled == 1
        assert recover(store).unsettled == 0
    with store.read() as connection:
        states = {row.key: row.state for run in ("run-1", "alive") for row in spend_of(connection, run)}
        assert spent_of(connection, "run-1") == 2 * CENT
    assert states == {"k1": "unsettled", "k2": "settled", "k3": "reserved"}


def test_a_settlement_counts_once_and_also_without_its_reservation(store: Store) -> None:
    with store.write() as connection:
        insert_reservations(connection, [_spend("k1")])
        first = _spend("k1", settled=Decimal("0.002"), state="settled", reserved=Decimal("0.002"))
        insert_settlements(connection, [first])
        insert_settlements(connection, [first.model_copy(update={"settled": Decimal("0.009")})])
        insert_reservations(connection, [_spend("k1")])
        insert_settlements(connection, [_spend("lost", settled=CENT, state="settled")])
        rows = {row.key: row for row in spend_of(connection, "run-1")}
    assert (rows["k1"].reserved, rows["k1"].settled, rows["k1"].state) == (CENT, Decimal("0.002"), "settled")
    assert rows["lost"].settled == CENT


def test_prices_and_costs_come_back_as_they_were(store: Store) -> None:
    changed = QUANTITY.model_copy(update={"value": None, "as_of": "2026-02-01"})
    with store.write() as connection:
        assert insert_prices(connection, [PRICE]) == 1
        assert insert_prices(connection, [PRICE]) == 0
        assert prices_of(connection, "a/b") == [PRICE]
        assert prices_of(connection, "other") == []
        insert_costs(connection, "run-1", [QUANTITY])
        assert costs_of(connection, "run-1") == {QUANTITY.name: QUANTITY}
        insert_costs(connection, "run-1", [changed])
        assert costs_of(connection, "run-1") == {QUANTITY.name: changed}
