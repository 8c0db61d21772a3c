"""256 requests in flight and a cap: what the server was asked to answer never costs more, over a kill and a restart."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from decimal import Decimal
from pathlib import Path
from urllib.request import urlopen

import pytest
from tiny_suite import environment, http_teacher, rows_of, write_suite

IN_FLIGHT = 256
CAP = Decimal("0.25")
PAID = Decimal("0.000225")
"""US dollars of one answer of the server: 40 tokens in and 1 out at $5 and $25 a million."""
ROWS = {"pool": 20, "dev": 1500, "gate": 20}
ASKING = f"""
    import sys
    from pathlib import Path
    from gatekeeper.errors import BudgetExceededError
    from gatekeeper.models.concurrency import ConcurrencyPolicy
    from gatekeeper.models.openai import OpenAIModel
    from gatekeeper.run.asking import ask_model, request_of
    from gatekeeper.run.opening import open_session
    from gatekeeper.run.session import PricedModel
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    suite = load_suite(Path(sys.argv[1]))
    with open_session(suite, Store(sys.argv[2])) as session:
        policy = ConcurrencyPolicy({IN_FLIGHT}, fixed=True)
        model = OpenAIModel("tiny", base_url=suite.teacher.base_url, concurrency=policy)
        requests = [request_of(suite, item) for item in session.split("dev")]
        print("asks", flush=True)
        try:
            ask_model(session, PricedModel(model, session.price), requests, "evaluate", "asking")
        except BudgetExceededError:
            print("the cap is reached", flush=True)
"""


class Server:
    """The server in its process, which counts what it has answered."""

    def __init__(self, url: str) -> None:
        self.url = url

    def count(self, what: str) -> int:
        """One of its counts."""
        with urlopen(f"{self.url}/stats") as response:
            return int(json.loads(response.read())[what])


def asking(suite: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(ASKING), str(suite), str(store)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ledger(store: Path) -> tuple[Decimal, int]:
    """What the run has spent, open reservations at their upper bound, and how many of them are open."""
    sql = "SELECT sum(coalesce(settled, reserved)), count(*) FILTER (state <> 'settled') FROM spend"
    ((spent, unsettled),) = rows_of(store, sql)
    return spent, unsettled


@pytest.mark.slow
def test_the_cap_holds_with_256_in_flight_and_the_second_start_uses_the_rest_alone(tmp_path: Path) -> None:
    from benchmarks.wire import serving

    store = tmp_path / "g.duckdb"
    with serving(wait=0.05) as url:
        server = Server(url)
        suite = write_suite(tmp_path, {**http_teacher(f"{url}/v1"), "loop": {"budget_usd": float(CAP)}}, rows=ROWS)
        first = asking(suite, store)
        while server.count("answered") < 300:
            assert first.poll() is None, first.communicate()
            time.sleep(0.002)
        first.kill()
        first.communicate()
        assert server.count("most_in_flight") > IN_FLIGHT // 2
        second = asking(suite, store)
        said, _ = second.communicate(timeout=120)
        assert second.returncode == 0 and "the cap is reached" in said, said
        spent, unsettled = ledger(store)
        answered = server.count("answered")
        assert answered * PAID <= spent <= CAP
        assert 0 < unsettled <= IN_FLIGHT, "in flight when the process was killed, so each counts at its upper bound"
        kept = rows_of(store, "SELECT count(*) FROM completions WHERE output IS NOT NULL")[0][0]
        assert answered - IN_FLIGHT <= kept <= answered
