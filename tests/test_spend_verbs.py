"""The account of a run, and payments that a person settles: by whose word, and never to less than was said."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tiny_suite import Finished, call, copy_store, http_server, http_teacher, promoted, rows_of, write_suite

ROWS = {"pool": 160, "dev": 40, "gate": 40}
SPENT = "SELECT sum(coalesce(settled, reserved)) FROM spend"
UNSETTLED = "SELECT count(*), sum(reserved) FROM spend WHERE state = 'unsettled'"


def account(store: Path) -> dict[str, Any]:
    done = call("spend", "--store", store, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def reconcile(store: Path, *options: str) -> Finished:
    return call("spend", "reconcile", "--store", store, *options, "--json")


@pytest.mark.slow
def test_a_killed_run_counts_its_open_payments_until_somebody_knows_better(tmp_path: Path) -> None:
    with http_server() as server:
        suite, store = write_suite(tmp_path / "suite", http_teacher(server.url), rows=ROWS), tmp_path / "g.duckdb"
        server.run_and_kill(lambda number, _: number == 20, "loop", suite, "--store", store)
        killed = account(store)
        ((count, bound),) = rows_of(store, UNSETTLED)
        assert count > 0 and len(killed["unsettled"]) == count
        assert Decimal(killed["spent_usd"]) == rows_of(store, SPENT)[0][0]
        assert Decimal(killed["left_usd"]) == Decimal(killed["budget_usd"]) - Decimal(killed["spent_usd"])
        said = call("spend", "--store", store)
        assert f"{count} payments are unsettled" in said.out and "spend reconcile" in said.out

        for wrong, word in (
            (("--as-sent",), "--why"),
            (("--as-sent", "--as-unsent", "--why", "x"), "one way"),
            (("--as-sent", "--why", " "), "reason"),
            (("--as-sent", "--why", "x", "--key", "nothing"), "no unsettled payment nothing"),
            (("--as-sent", "--why", "x", "--purpose", "judge"), "no unsettled payment of this kind"),
            (("--usd", "99", "--why", "x"), "assumed prices"),
        ):
            refused = reconcile(store, *wrong)
            assert refused.code == 2 and word in refused.err, refused.err
        assert rows_of(store, UNSETTLED) == [(count, bound)]

        one = rows_of(store, "SELECT key FROM spend WHERE state = 'unsettled' ORDER BY key")[0][0]
        first = json.loads(reconcile(store, "--as-unsent", "--key", one, "--why", "log of the proxy").out)
        assert (first["payments"], first["left"], Decimal(first["usd"])) == (1, count - 1, 0)
        done = call("loop", suite, "--store", store)
        assert done.code in (0, 10, 11), done.err
    assert call("verify", "--store", store).code == 0
    whole = account(store)
    assert Decimal(whole["spent_usd"]) == rows_of(store, SPENT)[0][0] and not whole["at_work"]
    kept = rows_of(store, SPENT)
    repeated = json.loads(reconcile(store, "--as-repeated", "--why", "they were sent again").out)
    assert repeated["payments"] == count - 1 and repeated["sealed"]
    assert rows_of(store, SPENT) == kept, "the verdict rests on this ledger"
    after = account(store)
    assert Decimal(after["spent_usd"]) == Decimal(whole["spent_usd"]) - Decimal(repeated["reserved_usd"]) + Decimal(
        repeated["usd"]
    )
    assert [said["why"] for said in after["reconciliations"]] == ["log of the proxy", "they were sent again"]
    assert call("verify", "--store", store).code == 0
    assert reconcile(store, "--as-sent", "--why", "twice").code == 2, "what is settled stays settled"


def test_the_account_of_a_finished_run_is_its_ledger(tmp_path: Path) -> None:
    store = copy_store(promoted().store, tmp_path / "copy")
    found = account(store)
    ledger = rows_of(store, "SELECT purpose, sum(settled) FROM spend GROUP BY purpose ORDER BY purpose")
    by_purpose: dict[str, Decimal] = {}
    for one in found["purposes"]:
        by_purpose[one["purpose"]] = by_purpose.get(one["purpose"], Decimal(0)) + Decimal(one["settled_usd"])
    assert sorted(by_purpose.items()) == ledger and len(ledger) > 1
    assert Decimal(found["verdict_usd"]) == Decimal(found["spent_usd"]) == sum(by_purpose.values())
    assert found["unsettled"] == []
    refused = reconcile(store, "--as-sent", "--why", "nothing to say")
    assert refused.code == 2 and "no unsettled payment" in refused.err
    assert "no run 'other'" in call("spend", "--store", store, "--run", "other").err
