"""How long does a verdict take, and how much memory, when the gate split has a million rows in 20 slices?

    python -m benchmarks.deciding [--rows 10000 100000 1000000]

A store is written in bulk (`benchmarks.bulk_store`), and the verdict is derived from it in fresh processes: quality,
slices, format, cost, payback and latency. Timed is `derive_verdict` with opening and closing the store. Memory is the
most that the process held at any time, and what it held once everything was imported. The file was just written, so
the system has it in its cache.

Stores are written in processes of their own as well, and the process that starts them all stays small: on Linux a
process starts out with its parent's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.results import ROOT, write_result

SEED, REPEATS = 1, 3
SIZES = (10_000, 100_000, 1_000_000)
SEALED = 100_000
"""Gate rows of the store that is sealed and verified."""
LIMIT_MB = 128
"""What DuckDB may hold in memory in the runs that show how little it needs."""
_MB = 2**20


def main() -> None:
    """Measure every kind of score at every size and write benchmarks/results/deciding.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="gate rows of the stores")
    from benchmarks.bulk_rows import KINDS, SLICES  # late: a process that measures loads nothing that it does not use

    rows: list[dict[str, Any]] = []
    sealing: list[dict[str, Any]] = []
    for n in parser.parse_args().rows:
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as folder:
                store = Path(folder) / "bulk.duckdb"
                runs = _child("build", store, kind, n)["runs"]
                rows += _measure(store, kind, n, runs)
                if n == SEALED and kind == KINDS[0]:
                    sealing = [_child(step, store) | {"step": step, "n": n} for step in ("seal", "verify")]
                    print(*sealing, sep="\n")
    write_result("deciding", seed=SEED, slices=SLICES, repeats=REPEATS, rows=rows, sealing=sealing)


def _measure(store: Path, kind: str, n: int, runs: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per run of the store, and one for the last run with little memory for DuckDB."""
    rows = []
    for run, limit, repeats in (*((run, None, REPEATS) for run in runs), (runs[-1], LIMIT_MB, 1)):
        found = [_child("derive", store, run, *([] if limit is None else [limit])) for _ in range(repeats)]
        rows.append(
            {
                "scores": kind,
                "n": n,
                "slices_are": run,
                "duckdb_limit_mb": limit,
                "seconds": statistics.median(one["seconds"] for one in found),
                "seconds_all": [one["seconds"] for one in found],
                "cpu_seconds": statistics.median(one["cpu_seconds"] for one in found),
                "imported_mb": statistics.median(one["imported_mb"] for one in found),
                "peak_mb": max(one["peak_mb"] for one in found),
                "load": max(one["load"] for one in found),
                "decision": found[0]["decision"],
                "rules": found[0]["rules"],
            }
        )
        print(rows[-1])
    return rows


def _child(step: str, *arguments: object) -> dict[str, Any]:
    """Run one step in a process of its own and return what it measured."""
    command = [sys.executable, "-m", "benchmarks.deciding", "--step", step, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _build(store: str, kind: Any, n: str) -> dict[str, Any]:
    from benchmarks.bulk_store import RUNS, build_store

    build_store(Path(store), kind, int(n), SEED)
    return {"runs": list(RUNS)}


def _derive(path: str, run: str, limit_mb: str | None = None) -> dict[str, Any]:
    from gatekeeper.decide.derive import derive_verdict
    from gatekeeper.store.connection import Store

    measured: dict[str, Any] = {}
    with _watched(measured), Store(path, create=False).read() as connection:
        if limit_mb is not None:
            connection.execute(f"SET memory_limit = '{limit_mb}MB'")
        verdict = derive_verdict(connection, run).verdict
    return measured | {"decision": verdict.decision, "rules": {rule.rule: rule.outcome for rule in verdict.rules}}


def _seal(path: str) -> dict[str, Any]:
    """Write down verdict and evidence of the first run as the loop does, and time `seal`."""
    from benchmarks.bulk_store import RUNS
    from gatekeeper.decide.derive import derive_verdict
    from gatekeeper.store.connection import Store
    from gatekeeper.store.evidence import seal, sealed_count
    from gatekeeper.store.spend import insert_costs
    from gatekeeper.store.verdicts import StoredVerdict, insert_verdict

    run, measured = next(iter(RUNS)), dict[str, Any]()
    store = Store(path, create=False)
    with store.read() as connection:
        derived = derive_verdict(connection, run)
    with store.write() as connection:
        insert_costs(connection, run, derived.comparison.quantities)
        with _watched(measured):
            digest = seal(connection, run)
        insert_verdict(
            connection,
            StoredVerdict(
                run=run,
                model=derived.chosen.model,
                verdict=derived.verdict,
                evidence_digest=digest,
                decided_at=datetime.now(UTC),
            ),
        )
        return measured | {"evidence_rows": sealed_count(connection, run)}


def _verify(path: str) -> dict[str, Any]:
    from benchmarks.bulk_store import RUNS
    from gatekeeper.store.connection import Store
    from gatekeeper.verify.run import verify_run

    measured: dict[str, Any] = {}
    with _watched(measured):
        found = verify_run(Store(path, create=False), next(iter(RUNS)))
    return measured | {"problems": len(found.problems), "scores": found.n_scores}


@contextmanager
def _watched(measured: dict[str, Any]) -> Iterator[None]:
    """Time what happens inside, and write down the process's peak of memory before and after it."""
    measured |= {"load": os.getloadavg()[0], "imported_mb": _peak_mb()}
    began, cpu = time.perf_counter(), time.process_time()
    yield
    measured |= {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Return the most memory that this process has held so far (resident set)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MB if sys.platform == "darwin" else peak * 1024 / _MB


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "build": _build,
    "derive": _derive,
    "seal": _seal,
    "verify": _verify,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(STEPS[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
