"""A hundred times kill -9: is any answer lost, is any paid twice, does the budget hold, is the result the same?

    python -m benchmarks.kills

Real processes of `gatekeeper loop` ask a local provider (benchmarks/kill_server.py, a process of its own) that writes
down each request. Each is killed at a moment that is drawn from the stage's duration; the same command goes on, is
killed again, and in the end is left to finish. Then its store and the provider's books are compared with those of a run
that nobody killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.from_tests import contents, http_teacher, merged, rows_of, start, write_suite
from benchmarks.kill_checks import Kill, Question, arrived, differing, kill_of, lost, paid_twice
from benchmarks.kill_server import MOST_WAIT_S
from benchmarks.results import ROOT, write_result

SEED = 1
KILLS = 100
CONCURRENCY = 8
PRICE_PER_ANSWER = Decimal("0.00025")  # 40 tokens in and 2 out at $5 and $25 a million
KEY_VARIABLE = "KILLS_KEY"
AT_ONCE = 3
"""Runs at the same time: one more than cores, since each waits for its provider now and then."""
LONGEST_S = 300
PROMOTED, OUT_OF_BUDGET = 0, 12


@dataclass(frozen=True)
class Stage:
    """A part of a run that sends requests. `marker`: a pattern that the text of each of them has."""

    name: str
    marker: str
    kills: int


@dataclass(frozen=True)
class Plan:
    """How runs are killed: at which stages, within which budget, and how they must end."""

    name: str
    stages: tuple[Stage, ...]
    budget_usd: Decimal
    ends: int

    @property
    def kills(self) -> int:
        """Kills of one run."""
        return sum(stage.kills for stage in self.stages)


DEV, POOL, GATE = r"\bdev\d", r"\bpool\d", r"\bzqgate\d"
WHOLE = Plan(
    "to the verdict",
    (
        Stage("evaluation on dev", DEV, 5),
        Stage("generation, round 1", POOL, 5),
        Stage("evaluation at the gate", GATE, 4),
        Stage("generation, round 2", POOL, 4),
    ),
    Decimal("0.35"),
    PROMOTED,
)
TIGHT = Plan(
    "to the end of a small budget",
    (Stage("evaluation on dev", DEV, 2), Stage("generation, round 1", POOL, 3)),
    Decimal("0.08"),
    OUT_OF_BUDGET,
)
RUNS = [WHOLE] * 5 + [TIGHT] * 2
"""Runs whose kills are counted; more of the first kind follow until there are `KILLS`."""


@dataclass(frozen=True)
class Provider:
    """The provider and its books."""

    url: str

    def log(self, key: str) -> list[Question]:
        """Return every request of a key."""
        return [Question(**one) for one in self._get("log", key=key)]

    def wait(self, key: str, marker: str, after: int, process: subprocess.Popen[str]) -> bool:
        """Wait until a request with `marker` comes; False: the process ended before."""
        while not self._get("wait", key=key, marker=marker, after=after):
            if process.poll() is not None:
                return False
        return True

    def _get(self, what: str, **query: Any) -> Any:
        with urlopen(f"{self.url}/{what}?{urlencode(query)}") as response:
            return json.loads(response.read())


@contextmanager
def serving() -> Iterator[Provider]:
    """Run the provider."""
    command = [sys.executable, "-m", "benchmarks.kill_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None and process.stdout is not None
        yield Provider(json.loads(process.stdout.readline()))
        process.stdin.close()


@dataclass(frozen=True)
class Run:
    """One run of the loop: on a store of its own, known to the provider by its key."""

    provider: Provider
    suite: Path
    store: Path
    key: str

    def start(self) -> subprocess.Popen[str]:
        """Start or continue it."""
        return start("loop", self.suite, "--store", self.store, **{KEY_VARIABLE: self.key})

    def finish(self) -> tuple[int, str]:
        """Let it end; return the exit code and what it said."""
        return ended(self.start())

    def verified(self) -> bool:
        """Return whether its verdict and numbers come out of its store again."""
        return ended(start("verify", "--store", self.store))[0] == 0

    def kill(self, stage: Stage, after_s: float) -> Kill | None:
        """Go on, and kill it so long after its first request of the stage; None: it ended before."""
        before = len(self.provider.log(self.key))
        process = self.start()
        if self.provider.wait(self.key, stage.marker, before, process):
            time.sleep(after_s)
        process.kill()
        code, said = ended(process)
        if code != -signal.SIGKILL:
            print(f"{self.key} ended before it was killed, with {code}: {said}")
            return None
        time.sleep(MOST_WAIT_S + 0.1)  # until then the provider has tried to answer all that was in flight
        return kill_of(stage.name, self.store, self.provider.log(self.key), before)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process; return its exit code and what it said."""
    said, _ = process.communicate(timeout=LONGEST_S)
    return process.returncode, said


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody killed: its rows, and how long each stage sent requests, in seconds by marker."""

    rows: dict[str, list[Any]]
    durations: dict[str, float]
    asked: int


def undisturbed(run: Run) -> Undisturbed:
    """Let a run go to its end."""
    code, said = run.finish()
    log = run.provider.log(run.key)
    assert code == PROMOTED and len({question.text for question in log}) == len(log), said
    durations = {}
    for stage in WHOLE.stages:
        times = [question.at for question in log if re.search(stage.marker, question.text)]
        durations[stage.marker] = times[-1] - times[0] if stage.marker != POOL else longest_burst(times)
    return Undisturbed(contents(run.store), durations, len(log))


def longest_burst(times: Sequence[float], pause_s: float = 1.0) -> float:
    """Return the duration of the longest row of moments without a pause between them."""
    cuts = [0, *(n for n in range(1, len(times)) if times[n] - times[n - 1] > pause_s), len(times)]
    return max(times[end - 1] - times[begin] for begin, end in pairwise(cuts))


def moments(stage: Stage, duration_s: float, dice: Random) -> list[float]:
    """Return the seconds that each process spends in the stage until it is killed.

    The moments are uniform over the duration of the stage; the work of a killed process is kept, so the next one has
    only the rest before it.
    """
    times = sorted(dice.uniform(0, duration_s) for _ in range(stage.kills))
    return [later - earlier for earlier, later in pairwise([0.0, *times])]


def killed_again_and_again(run: Run, plan: Plan, expected: Undisturbed, seed: int) -> dict[str, Any]:
    """Kill one run as planned, let it end, and compare it with the provider's books and with the undisturbed run."""
    dice = Random(seed)
    kills: list[Kill] = []
    for stage in plan.stages:
        for after_s in moments(stage, expected.durations[stage.marker], dice):
            kill = run.kill(stage, after_s)
            kills += [] if kill is None else [kill]
    code, said = run.finish()
    if code != plan.ends:
        print(f"{run.key} ended with {code}: {said}")
    log, (final, _) = run.provider.log(run.key), arrived(run.store)
    again, twice = paid_twice(kills, log)
    paid = "SELECT sum(coalesce(settled, reserved)) FROM spend"
    whole = code == PROMOTED
    return {
        "plan": plan.name,
        "seed": seed,
        "exit_code": code,
        "as_it_must_end": code == plan.ends and (not whole or run.verified()),
        "kills": [_figures(kill) for kill in kills],
        "lost": lost(kills, log, final),
        "asked": len(log),
        "asked_again": again,
        "paid_twice": twice,
        "tables_that_differ": differing(expected.rows, contents(run.store)) if whole else [],
        "billed_usd": float(len(log) * PRICE_PER_ANSWER),
        "ledger_usd": float(rows_of(run.store, paid)[0][0]),
        "budget_usd": float(plan.budget_usd),
    }


def _figures(kill: Kill) -> dict[str, Any]:
    return {
        "stage": kill.stage,
        "arrived": len(kill.arrived),
        "in_flight": len(kill.in_flight),
        "unread": len(kill.unread),
        "torn": kill.torn,
    }


def suite_of(folder: Path, url: str, plan: Plan) -> Path:
    """Write the suite of a plan."""
    teacher = http_teacher(f"{url}/v1", concurrency=CONCURRENCY, api_key_env=KEY_VARIABLE)
    return write_suite(folder, merged(teacher, {"loop": {"budget_usd": float(plan.budget_usd)}}))


def measured(provider: Provider, folder: Path) -> list[dict[str, Any]]:
    """Kill runs until there are `KILLS` kills; return what became of each run."""
    suites = {plan: suite_of(folder / str(place), provider.url, plan) for place, plan in enumerate((WHOLE, TIGHT))}
    expected = undisturbed(Run(provider, suites[WHOLE], folder / "undisturbed" / "g.duckdb", "undisturbed"))

    def one(plan: Plan, seed: int) -> dict[str, Any]:
        run = Run(provider, suites[plan], folder / f"run-{seed}" / "g.duckdb", f"run-{seed}")
        return killed_again_and_again(run, plan, expected, seed)

    runs: list[dict[str, Any]] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while (done := sum(len(run["kills"]) for run in runs)) < KILLS:
            first = SEED * 1000 + len(runs)
            plans = RUNS if not runs else [WHOLE] * -(-(KILLS - done) // WHOLE.kills)
            runs += pool.map(one, plans, range(first, first + len(plans)))
    return runs


def main() -> None:
    """Kill, compare, and write benchmarks/results/kills.json."""
    load_before, began = os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory() as folder, serving() as provider:
        runs = measured(provider, Path(folder))
    write_result(
        "kills",
        seed=SEED,
        load={"before": round(load_before, 1), "after": round(os.getloadavg()[0], 1)},
        seconds=round(time.monotonic() - began),
        concurrency=CONCURRENCY,
        runs=runs,
    )


if __name__ == "__main__":
    main()
