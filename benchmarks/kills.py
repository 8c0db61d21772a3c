"""A hundred times kill -9: is any answer lost, is any paid twice, does the budget hold, is the result the same?

    python -m benchmarks.kills

Real processes of `gatekeeper loop` ask a local provider (benchmarks/kill_server.py, a process of its own) that writes
down each request. Each is killed at a moment that is drawn from the stage's duration; the same command goes on, is
killed again, and in the end is left to finish. Then its store and the provider's books are compared with those of a run
that nobody killed.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import yaml

from benchmarks.from_tests import PRICE, contents, http_teacher, merged, rows_of, write_suite
from benchmarks.kill_checks import Kill, arrived, differing, lost, paid_twice
from benchmarks.kill_run import KEY_VARIABLE, Provider, Run, serving
from benchmarks.results import write_result

SEED = 1
KILLS = 100
CONCURRENCY = 8
PRICE_PER_ANSWER = Decimal("0.00025")  # 40 tokens in and 2 out at $5 and $25 a million
PRICES = {"model": PRICE, "input_per_m": 5, "output_per_m": 25, "batch_input_per_m": 2.5, "batch_output_per_m": 12.5}
"""In a batch an answer costs half."""
LONGEST_IN_BATCH_S = 6.0
"""Most seconds of a process in batches, from its first exchange on. A batch goes on while nobody asks about it."""
AT_ONCE = 3
"""Runs at the same time: one more than cores, since each waits for its provider now and then."""
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
    in_batches: bool = False

    @property
    def kills(self) -> int:
        """Kills of one run."""
        return sum(stage.kills for stage in self.stages)


DEV, POOL, GATE, ANYTHING = r"\bdev\d", r"\bpool\d", r"\bzqgate\d", "."
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
BATCHED = Plan(
    "in batches, to the verdict",
    (Stage("batches of all stages", ANYTHING, 11),),
    Decimal("0.35"),
    PROMOTED,
    in_batches=True,
)
RUNS = [WHOLE] * 4 + [TIGHT] * 2 + [BATCHED] * 2
"""Runs whose kills are counted; more of the first kind follow until there are `KILLS`."""


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody killed: its rows, and how long each stage sent requests, in seconds by marker."""

    rows: dict[str, list[Any]]
    durations: dict[str, float]
    asked: int


def undisturbed(run: Run, *, in_batches: bool = False) -> Undisturbed:
    """Let a run go to its end."""
    code, said = run.finish()
    log = run.provider.log(run.key)
    assert code == PROMOTED and len({question.text for question in log}) == len(log), said
    if in_batches:
        return Undisturbed(contents(run.store), {}, len(log))
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


def in_batches(stage: Stage, dice: Random) -> list[float]:
    """Return the seconds that each process goes on after its first exchange, until it is killed."""
    return [dice.uniform(0, LONGEST_IN_BATCH_S) for _ in range(stage.kills)]


def killed_again_and_again(run: Run, plan: Plan, expected: Undisturbed, seed: int) -> dict[str, Any]:
    """Kill one run as planned, let it end, and compare it with the provider's books and with the undisturbed run."""
    dice = Random(seed)
    kills: list[Kill] = []
    for stage in plan.stages:
        lives = in_batches(stage, dice) if plan.in_batches else moments(stage, expected.durations[stage.marker], dice)
        for after_s in lives:
            kill = run.kill(stage.name, stage.marker, after_s)
            kills += [] if kill is None else [kill]
    code, said = run.finish()
    if code != plan.ends:
        print(f"{run.key} ended with {code}: {said}")
    log, (final, _) = run.provider.log(run.key), arrived(run.store)
    again, twice = paid_twice([] if plan.in_batches else kills, log)  # what waits in a batch may not be sent again
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
        "billed_usd": float(len(log) * PRICE_PER_ANSWER / (2 if plan.in_batches else 1)),
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
    how = {"prefer": "batch"} if plan.in_batches else {}
    teacher = http_teacher(f"{url}/v1", concurrency=CONCURRENCY, api_key_env=KEY_VARIABLE, **how)
    folder.mkdir()
    prices = [{**PRICES, "as_of": "2026-11-01", "source": "assumed"}]
    (folder / "prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    changes = {"loop": {"budget_usd": float(plan.budget_usd)}, "prices": "./prices.yaml"}
    path: Path = write_suite(folder, merged(teacher, changes))
    return path


def measured(provider: Provider, folder: Path) -> list[dict[str, Any]]:
    """Kill runs until there are `KILLS` kills; return what became of each run."""
    plans = (WHOLE, TIGHT, BATCHED)
    suites = {plan: suite_of(folder / str(place), provider.url, plan) for place, plan in enumerate(plans)}
    live = undisturbed(Run(provider, suites[WHOLE], folder / "undisturbed" / "g.duckdb", "undisturbed"))
    batched = undisturbed(Run(provider, suites[BATCHED], folder / "batched" / "g.duckdb", "batched"), in_batches=True)

    def one(plan: Plan, seed: int) -> dict[str, Any]:
        run = Run(provider, suites[plan], folder / f"run-{seed}" / "g.duckdb", f"run-{seed}")
        return killed_again_and_again(run, plan, batched if plan.in_batches else live, seed)

    runs: list[dict[str, Any]] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while (done := sum(len(run["kills"]) for run in runs)) < KILLS:
            first = SEED * 1000 + len(runs)
            more = RUNS if not runs else [WHOLE] * -(-(KILLS - done) // WHOLE.kills)
            runs += pool.map(one, more, range(first, first + len(more)))
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
