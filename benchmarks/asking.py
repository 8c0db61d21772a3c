"""From a command to durable answers: samples per second with everything that stands around a request.

    python -m benchmarks.asking

Each measurement is a process of its own, from its start to its end: it loads a suite, opens a session on a new store,
asks a local server (benchmarks/wire_server.py, another process) about every row, and ends when answers, money,
predictions and scores are in DuckDB. Beside it, in turns: aiohttp, json and one insert from Arrow, and nothing else.
The server shares the machine's cores, so each process' CPU seconds stand beside the clock. Then one long run: peak
memory, and the seconds of each tenth of it. At last the start: all imports, and a session on a handful of rows.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.results import ROOT, write_result
from benchmarks.wire import serving

SEED, REPEATS, STARTS = 1, 3, 5
ROWS, LONG_ROWS, FEW_ROWS = 2_000, 100_000, 4
CONCURRENCIES = (16, 64, 256)
WAITS_S = (0.0, 0.05)
LONG_CONCURRENCY = 64
LABELS = ("yes", "no")
WORDS = (
    *("invoice", "charge", "payment", "card", "receipt", "balance", "fee", "debit", "credit", "statement", "parcel"),
    *("courier", "tracking", "delivery", "package", "warehouse", "dispatch", "customs", "postage", "carrier"),
    *("please", "hello", "my", "the", "today", "about", "question", "again", "still", "need", "help", "with"),
    *("thanks", "since", "order", "week", "really", "just"),
)


def write_suite(folder: Path, rows: int, url: str, concurrency: int) -> Path:
    """Write a suite with `rows` development rows of about 20 words, and a few of the other splits."""
    dice = random.Random(SEED)
    for split, count in {"dev": rows, "pool": FEW_ROWS, "gate": FEW_ROWS}.items():
        lines = [
            {
                "id": f"{split}-{n:06d}",
                "text": f"{' '.join(dice.choices(WORDS, k=19))} {split}{n}",
                "label": LABELS[n % 2],
            }
            for n in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    splits = {split: {"jsonl": f"{split}.jsonl"} for split in ("dev", "pool", "gate")}
    data = {"id": "id", "input": "text", "target": "label", "splits": splits}
    suite = {
        "version": 1,
        "suite": "asking",
        "evals": [{"version": 1, "eval": "asking", "data": data, "task": {"labels": list(LABELS)}}],
        "prompt": {"user": "Is this message about a card? Answer yes or no.\n{{ input }}"},
        "teacher": {
            "model": "openai/local",
            "base_url": f"{url}/v1",
            "concurrency": concurrency,
            "priced_as": "anthropic/claude-opus-4-5",
        },
        "students": [{"name": "linear", "recipe": "linear"}],
        "traffic": {"requests_per_month": 1_000_000},
        "gates": {"quality": {"retention": 0.9}, "cost": {"reduction": 2}},
        "loop": {"budget_usd": 1_000},
    }
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    return path


def child(*arguments: object) -> dict[str, Any]:
    """Run a client to its end; return wall and CPU seconds of the process, its peak memory in MB, and what it says."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.asking_clients", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    peak_mb = used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": peak_mb, **answer}


def compared(wait_s: float, concurrency: int) -> dict[str, Any]:
    """Return the medians of both ways, and of the ratios of runs that took turns."""
    runs: dict[str, list[dict[str, Any]]] = {"gatekeeper": [], "raw": []}
    with serving(wait=wait_s) as url, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        suite = write_suite(folder, ROWS, url, concurrency)
        for number in range(REPEATS):
            runs["gatekeeper"].append(child("gatekeeper", suite, folder / f"g{number}.duckdb"))
            runs["raw"].append(child("raw", folder / "dev.jsonl", folder / f"r{number}.duckdb", url, concurrency))
    ratios = {
        name: statistics.median(raw[name] / own[name] for own, raw in zip(*runs.values(), strict=True))
        for name in ("wall_s", "cpu_s", "ask_s")
    }
    return {
        "wait_ms": round(1000 * wait_s),
        "concurrency": concurrency,
        **{way: _medians(several, wait_s, concurrency) for way, several in runs.items()},
        "share_of_raw": {name: round(ratio, 3) for name, ratio in ratios.items()},
    }


def _medians(runs: list[dict[str, Any]], wait_s: float, concurrency: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: round(statistics.median(run[name] for run in runs), 3)
        for name in ("wall_s", "cpu_s", "open_s", "ask_s", "peak_mb")
        if name in runs[0]
    }
    found["per_second"] = round(ROWS / found["wall_s"])
    found["asking_per_second"] = round(ROWS / found["ask_s"])
    if wait_s:
        found["share_of_ceiling"] = round(ROWS / found["ask_s"] * wait_s / concurrency, 3)
    return found


def long_run() -> dict[str, Any]:
    """Return peak memory and the time per row of each tenth of a long run."""
    with serving() as url, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        run = child("gatekeeper", write_suite(folder, LONG_ROWS, url, LONG_CONCURRENCY), folder / "g.duckdb")
    return {
        "rows": LONG_ROWS,
        "concurrency": LONG_CONCURRENCY,
        "peak_mb": round(run["peak_mb"]),
        "wall_s": round(run["wall_s"], 1),
        "cpu_s": round(run["cpu_s"], 1),
        "open_s": round(run["open_s"], 1),
        "ms_per_row_of_each_tenth": [round(10_000 * seconds / LONG_ROWS, 3) for seconds in run["tenths_s"]],
    }


def starts() -> dict[str, Any]:
    """Return how long it takes until the first request could be sent: imports and a session on a few rows."""
    runs = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        suite = write_suite(folder, FEW_ROWS, "http://127.0.0.1:9", 1)
        for number in range(STARTS):
            runs.append(child("start", suite, folder / f"g{number}.duckdb"))
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in ("wall_s", "cpu_s", "open_s")}


def main() -> None:
    """Measure and write benchmarks/results/asking.json."""
    load_before = os.getloadavg()[0]
    rows = [compared(wait_s, concurrency) for wait_s in WAITS_S for concurrency in CONCURRENCIES]
    start = starts()
    long = long_run()
    write_result(
        "asking",
        seed=SEED,
        load={"before": round(load_before, 1), "after": round(os.getloadavg()[0], 1)},
        samples=ROWS,
        repeats=REPEATS,
        rows=rows,
        start=start,
        long=long,
    )


if __name__ == "__main__":
    main()
