"""How long the money takes: `gatekeeper cost what-if` as a whole process, and 20,000 Monte Carlo draws of a plan.

    python -m benchmarks.money

Processes are started anew each time, with compiled files in place; the draws are those of the CPU student in
suites/cost/seed.usage.yaml, and of the same with 5,000 scored rows and throughput replicates.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import numpy as np

from benchmarks.results import ROOT, write_result
from gatekeeper.cost.uncertainty.evidence import Evidence
from gatekeeper.cost.uncertainty.summary import uncertainty_of
from gatekeeper.whatif.options import plan_of
from gatekeeper.whatif.table import baseline_of
from gatekeeper.whatif.uncertain import evidence_of
from gatekeeper.whatif.usage.file import read_usage
from gatekeeper.whatif.worksheet import Values

SIX, TWO = Decimal(6), Decimal(2)
SEED, DRAWS, REPEATS, SCORED_ROWS = 7, 20_000, 7, 5_000
SEED_CASE = ROOT / "suites" / "cost" / "seed.usage.yaml"
GIVEN_PRICES = ROOT / "suites" / "cost" / "published" / "legal_contracts.usage.yaml"


def main() -> None:
    """Measure and write benchmarks/results/money.json."""
    load = os.getloadavg()[0]
    processes = [
        {"command": "python -c pass", **_process([sys.executable, "-c", "pass"])},
        {"command": "what-if, prices given", **_what_if(str(GIVEN_PRICES))},
        {"command": "what-if, prices looked up", **_what_if(str(SEED_CASE))},
        {"command": "what-if --mc", **_what_if(str(SEED_CASE), "--mc", "--option", "cpu-student")},
    ]
    write_result(
        "money",
        seed=SEED,
        repeats=REPEATS,
        draws=DRAWS,
        load={"before": round(load, 1), "after": round(os.getloadavg()[0], 1)},
        processes=processes,
        monte_carlo=_draws(),
    )


def _what_if(*arguments: str) -> dict[str, float]:
    return _process([sys.executable, "-m", "gatekeeper", "cost", "what-if", *arguments])


def _process(command: list[str]) -> dict[str, float]:
    """Return median seconds of the clock and of the CPU; the first run, which compiles, is left out."""
    wall, cpu = [], []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(REPEATS + 1):
        used, began = _children(), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
        wall.append(time.perf_counter() - began)
        cpu.append(_children() - used)
    return {"seconds": round(statistics.median(wall[1:]), 3), "cpu_seconds": round(statistics.median(cpu[1:]), 3)}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _draws() -> list[dict[str, object]]:
    sheet = read_usage(SEED_CASE, today=date(2026, 11, 25))
    worksheet = sheet.worksheet
    values = Values(worksheet)
    option = worksheet.option("cpu-student")
    plan = plan_of(worksheet, option, baseline_of(worksheet, values), values)
    plain = evidence_of(sheet, option, plan, values)
    rng = np.random.default_rng(SEED)
    teacher = rng.random(SCORED_ROWS) < 0.94
    scored = {
        **vars(plain),
        "teacher_scores": teacher.astype(float),
        "student_scores": np.where(rng.random(SCORED_ROWS) < 0.97, teacher, ~teacher).astype(float),
        "throughput_rps": (77.0, 80.0, 79.0, 84.0, 81.0, 78.0, 82.0),
    }
    rows = []
    for name, evidence in (("the seed case", plain), (f"with {SCORED_ROWS:,} scored rows", Evidence(**scored))):
        took = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            found = uncertainty_of(plan, evidence, seed=SEED, n_draws=DRAWS, payback_limit=SIX, reduction_limit=TWO)
            took.append(time.perf_counter() - began)
        rows.append({"what": name, "inputs": len(found.inputs), "seconds": round(statistics.median(took), 3)})
    return rows


if __name__ == "__main__":
    main()
