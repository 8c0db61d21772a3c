"""What a tool has left on disk after a run: rows, errors among them, and answers that were scored as right.

Read from the files themselves, after the clock has stopped: a run counts only with every row in the tool's own results.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Counts:
    """Of one run's results.

    Args:
        results: rows with an answer.
        failed: rows with an error instead.
        right: answers that equal the label; None where the run does not score.
    """

    results: int
    failed: int
    right: int | None


Count = Callable[[Path], Counts]
"""From the folder of a run."""


def of_inspect(folder: Path) -> Counts:
    """Count the samples in the log; their summaries are one JSON entry of it."""
    (log,) = folder.glob("logs/*.eval")
    with zipfile.ZipFile(log) as entries:
        names = [name for name in entries.namelist() if name.startswith("samples/")]
        shown = json.loads((folder / "header.json").read_text())
    results = shown["results"]
    done = results["completed_samples"]
    mean = results["scores"][0]["metrics"]["mean"]["value"]
    return Counts(results=min(done, len(names)), failed=len(names) - done, right=round(mean * done))


def of_lm_eval(folder: Path) -> Counts:
    """Count the lines of the samples file, which is written beside the aggregated results."""
    (samples,) = folder.glob("out/*/samples_*.jsonl")
    assert list(folder.glob("out/*/results_*.json")), "lm-eval has written no results"
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    answered = [row for row in rows if row["filtered_resps"][0] is not None]
    return Counts(len(answered), len(rows) - len(answered), sum(round(row["exact_match"]) for row in rows))


def of_promptfoo_lines(folder: Path) -> Counts:
    """Count the lines of the output file. A failed assertion is an answer, an error of the provider none."""
    lines = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    return _of_promptfoo([(row["success"], row["failureReason"]) for row in map(json.loads, lines)])


def of_promptfoo_database(folder: Path) -> Counts:
    """Count the rows of promptfoo's own database."""
    with sqlite3.connect(folder / "home" / ".promptfoo" / "promptfoo.db") as connection:
        return _of_promptfoo(connection.execute("SELECT success, failure_reason FROM eval_results").fetchall())


def _of_promptfoo(rows: list[tuple[bool, int]]) -> Counts:
    # failureReason: 0 none, 1 an assertion did not hold, 2 an error.
    failed = sum(reason == 2 for _, reason in rows)
    return Counts(len(rows) - failed, failed, sum(bool(success) for success, _ in rows))


def of_pydantic_evals(folder: Path) -> Counts:
    """Count the cases and failures of the report."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    right = sum(case["assertions"]["EqualsExpected"]["value"] for case in report["cases"])
    return Counts(len(report["cases"]), len(report["failures"]), right)


def of_gatekeeper(folder: Path) -> Counts:
    """Count answers and scores of the store."""
    with duckdb.connect(str(folder / "store.duckdb"), read_only=True) as connection:
        answered = connection.execute("SELECT count(*) FROM completions WHERE error_class IS NULL").fetchall()[0][0]
        failed = connection.execute("SELECT count(*) FROM completions WHERE error_class IS NOT NULL").fetchall()[0][0]
        scored, right = connection.execute("SELECT count(*), sum(value) FROM scores").fetchall()[0]
    return Counts(min(answered, scored), failed, round(right or 0))


def of_raw(folder: Path) -> Counts:
    """Count the rows of the table."""
    with duckdb.connect(str(folder / "store.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT count(*) FROM answers").fetchall()[0][0]
    return Counts(rows, 0, None)
