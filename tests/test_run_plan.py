"""What a loop may ask for and what that costs is said before anything is sent, and no run asks for more."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

from tiny_suite import call, http_server, http_teacher, merged, promoted, rows_of, write_suite

from gatekeeper.run.plan import plan_loop
from gatekeeper.suite.data import load_items
from gatekeeper.suite.load import load_suite

DAY = date(2026, 11, 20)


def test_a_run_asks_for_no_more_than_its_plan() -> None:
    run = promoted()
    suite = load_suite(run.suite)
    plan = plan_loop(suite, load_items(suite), DAY)
    paid = dict(rows_of(run.store, "SELECT purpose, count(*) FROM spend GROUP BY ALL"))
    planned: dict[str, int] = {}
    for line in plan.lines:
        planned[line.purpose] = planned.get(line.purpose, 0) + line.calls
    assert paid.pop("train") > 0, "training is in the same ledger"
    assert set(paid) == {"generate", "evaluate"} == set(planned)
    assert all(paid[purpose] <= planned[purpose] for purpose in paid)
    assert plan.calls == sum(planned.values())
    assert plan.usd == sum((line.calls * line.usd_per_call for line in plan.lines), Decimal(0)) > 0


def test_the_plan_and_its_price_are_said_before_the_first_call(tmp_path: Path) -> None:
    with http_server() as server:
        changes = merged(http_teacher(server.url), {"loop": {"budget_usd": 0.0001}})
        finished = call("loop", write_suite(tmp_path, changes), "--store", tmp_path / "s.duckdb")
    assert finished.code == 12, finished.said
    assert server.log == [], "no call fits this budget"
    assert re.search(r"plan: at most [\d,]+ calls, about \$\d", finished.said)
    assert "this does not fit the budget" in finished.said
