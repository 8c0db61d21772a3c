"""A clock that goes backwards: nothing that was paid for or decided depends on the order of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from store_samples import SUITE, completion

from gatekeeper.store.completions import completions_of, insert_completions
from gatekeeper.store.connection import Store
from gatekeeper.store.events import events_of
from gatekeeper.store.journal import Journal
from gatekeeper.store.lines import encode_line
from gatekeeper.store.recovery import recover
from gatekeeper.store.spend import Budget, spend_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = "run-1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "g.duckdb", wait_s=0.3)


def left(store: Store, *lines: tuple[str, datetime, dict[str, object]]) -> None:
    """Write a journal as a killed process leaves it."""
    path = store.journal_folder / RUN / "0001.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(encode_line(kind, RUN, at, payload) for kind, at, payload in lines))


def test_an_answer_that_came_before_it_was_asked_for_is_kept_and_paid(store: Store) -> None:
    key = {"key": "k1", "purpose": "generate", "assumed": False}
    left(
        store,
        ("spend_reserved", NOON, {**key, "reserved": "0.5"}),
        ("completion", NOON - HOUR, {**completion("k1", "p1").model_dump(mode="json"), "suite": SUITE}),
        ("spend_settled", NOON - HOUR, {**key, "settled": "0.2"}),
    )
    found = recover(store)
    assert (found.lines, found.unsettled, found.corrupt) == (3, 0, ())
    with store.read() as connection:
        (payment,) = spend_of(connection, RUN)
        assert (payment.state, payment.settled) == ("settled", Decimal("0.2"))
        assert [one.request_key for one in completions_of(connection, SUITE, "b2:7eac")] == ["k1"]


@pytest.mark.parametrize("later", [HOUR, -HOUR])
def test_a_good_answer_wins_over_a_failed_one_whatever_their_times(store: Store, later: timedelta) -> None:
    good, bad = completion("k1", "p1"), completion("k1", "p1", output=None, error_class="server")
    for first, second in ((bad, good), (good, bad)):
        with store.write() as connection:
            insert_completions(connection, SUITE, [(first, NOON)])
            insert_completions(connection, SUITE, [(second, NOON + later)])
        with store.read() as connection:
            assert completions_of(connection, SUITE, "b2:7eac") == [good]


def test_a_budget_counts_what_was_spent_in_the_future(store: Store) -> None:
    ahead = datetime.now(UTC) + timedelta(days=400)
    left(
        store,
        ("spend_reserved", ahead, {"key": "k1", "purpose": "generate", "assumed": False, "reserved": "0.5"}),
        ("event", ahead, {"kind": "round_began", "detail": {}, "seq": 1}),
    )
    recover(store)
    with Journal(store, RUN) as journal:
        assert Budget.load(store, journal, Decimal(1)).spent == Decimal("0.5")
        journal.event("round_ended")
    with store.read() as connection:
        assert [event.kind for event in events_of(connection, RUN)] == ["round_began", "round_ended"]
