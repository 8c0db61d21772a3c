"""Samples per second from a command to results on disk: gatekeeper, other tools, and the least that could do.

    python -m benchmarks.peers [--cache FOLDER] [--only TOOL ...] [--rows N]

Each tool is installed from its registry into an environment of its own below the cache folder (two gigabytes and a
few minutes, once). Every run is a process of its own with a home of its own, against the server of
benchmarks/wire_server.py, which answers at once; all are asked the same questions. Before the clock is started, each
has answered a handful of rows, so that files are compiled and in memory. Turns go round with another one first each
time; slow ones have fewer turns.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.asking import SEED
from benchmarks.peers.commands import CONCURRENCY, Place, variables
from benchmarks.peers.contenders import CONTENDERS, Contender
from benchmarks.peers.counting import Counts
from benchmarks.peers.environments import MissingToolError, install
from benchmarks.results import write_result
from benchmarks.wire import serving

ROWS, FEW_ROWS, LIMIT_S = 2_000, 4, 300


class FailedRunError(Exception):
    """A run that ended with an error or not at all."""


@dataclass(frozen=True)
class Run:
    """One run, from the start of its process to its end: seconds, memory, requests that the server saw, and results."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: int
    counts: Counts

    def complete(self, rows: int) -> bool:
        """Tell whether each row was asked once and has its result."""
        return self.requests == self.counts.results == rows and self.counts.failed == 0


def run_once(contender: Contender, tool: Path, url: str, rows: int) -> Run:
    """Run a contender in a new folder and count what it left there.

    Raises:
        FailedRunError: the process ended with an error, or was still running after `LIMIT_S` seconds.
    """
    with tempfile.TemporaryDirectory() as made:
        place = Place(Path(made), tool, url, rows)
        (place.folder / "home").mkdir()
        command, before = contender.prepare(place), _answered(url)
        with (place.folder / "said.txt").open("w") as said:
            wall_s, cpu_s, peak_mb, code = _timed(command, place, said.fileno())
        if code:
            print((place.folder / "said.txt").read_text(errors="replace")[-2_000:], file=sys.stderr)
            raise FailedRunError(f"ended with {code}")
        if contender.after is not None:
            with (place.folder / "header.json").open("w") as header:
                helper = contender.after(place)
                subprocess.run(helper, cwd=place.folder, env=variables(place), stdout=header, check=True)
        return Run(wall_s, cpu_s, peak_mb, _answered(url) - before, contender.count(place.folder))


def _timed(command: list[str], place: Place, output: int) -> tuple[float, float, float, int]:
    """Return wall seconds, CPU seconds and peak MB of a process with all its children, and its exit code."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=place.folder,
        env=variables(place),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    ender = threading.Timer(LIMIT_S, os.killpg, (process.pid, signal.SIGKILL))
    ender.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    finally:
        ender.cancel()
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_mb = used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return wall_s, used.ru_utime + used.ru_stime, peak_mb, process.returncode


def _answered(url: str) -> int:
    with urlopen(f"{url}/stats") as response:
        answered: int = json.loads(response.read())["answered"]
        return answered


def take_turns(ready: dict[int, Path], problems: dict[int, str], url: str, rows: int) -> dict[int, list[Run]]:
    """Run every contender that is ready as often as it wants; each round begins with another one.

    Args:
        ready: the tool's folder by the contender's place in `CONTENDERS`.
        problems: gets a line for each contender whose run failed.
        url: of the server.
        rows: asked in each run.
    """
    runs: dict[int, list[Run]] = {number: [] for number in ready}
    for turn in range(max(CONTENDERS[number].runs for number in ready)):
        order = [number for number in ready if CONTENDERS[number].runs > turn and number not in problems]
        first = 2 * turn % len(order) if order else 0
        for number in order[first:] + order[:first]:
            contender = CONTENDERS[number]
            try:
                run = run_once(contender, ready[number], url, rows)
            except FailedRunError as error:
                problems[number] = str(error)
                continue
            runs[number].append(run)
            whole = "" if run.complete(rows) else f"  NOT COMPLETE: {run.requests} requests, {run.counts}"
            name = f"{contender.tool}, {contender.settings}"
            print(f"{name:28} {run.wall_s:6.1f} s {run.cpu_s:6.1f} CPU s{whole}", flush=True)
    return runs


def prepare(cache: Path, only: list[str], url: str) -> tuple[dict[int, Path], dict[int, str]]:
    """Install what is asked for, let each answer a few rows, and return the folders of the tools and what failed."""
    ready: dict[int, Path] = {}
    problems: dict[int, str] = {}
    for number, contender in enumerate(CONTENDERS):
        if only and contender.tool not in only:
            continue
        try:
            tool = Path(sys.prefix) if contender.environment is None else install(contender.environment, cache)
            run_once(contender, tool, url, FEW_ROWS)
        except (MissingToolError, FailedRunError) as error:
            problems[number] = str(error)
        else:
            ready[number] = tool
    return ready, problems


def row_of(contender: Contender, runs: list[Run], problem: str | None) -> dict[str, Any]:
    """Return what is written of one contender; a run that lost rows counts only the answers that it has."""
    row: dict[str, Any] = {
        "tool": contender.tool,
        "settings": contender.settings,
        "how": contender.how,
        "kept": contender.kept,
        "versions": _versions(contender),
        "runs": len(runs),
        "problem": problem,
    }
    if not runs:
        return row
    row |= {name: round(statistics.median(getattr(run, name) for run in runs), 2) for name in ("wall_s", "cpu_s")}
    last = runs[-1]
    return row | {
        "per_second": round(statistics.median(run.counts.results / run.wall_s for run in runs), 1),
        "per_second_of_each": [round(run.counts.results / run.wall_s, 1) for run in runs],
        "peak_mb": round(statistics.median(run.peak_mb for run in runs)),
        "requests": last.requests,
        **asdict(last.counts),
    }


def _versions(contender: Contender) -> dict[str, str]:
    """Return the packages of a tool's environment; those of this one stand at the head of the result, but aiohttp."""
    return {"aiohttp": version("aiohttp")} if contender.environment is None else contender.environment.versions


def main() -> None:
    """Measure and write benchmarks/results/peers.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--cache", type=Path, default=home / "gatekeeper-peers", help="where the tools are installed")
    parser.add_argument("--only", nargs="*", default=[], help="tools to run; then no result is written")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"other than {ROWS}; then no result is written")
    given = parser.parse_args()
    cache: Path = given.cache.resolve()
    load_before = os.getloadavg()[0]
    with serving() as url:
        ready, problems = prepare(cache, given.only, url)
        for number, problem in problems.items():
            print(f"{CONTENDERS[number].tool}, {CONTENDERS[number].settings}: {problem}", file=sys.stderr)
        runs = take_turns(ready, problems, url, given.rows)
    if given.only or given.rows != ROWS:
        return
    write_result(
        "peers",
        seed=SEED,
        load={"before": round(load_before, 1), "after": round(os.getloadavg()[0], 1)},
        samples=ROWS,
        concurrency=CONCURRENCY,
        rows=[row_of(one, runs.get(number, []), problems.get(number)) for number, one in enumerate(CONTENDERS)],
    )
