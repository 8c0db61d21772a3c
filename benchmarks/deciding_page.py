"""What the benchmark on large gate splits measured, as Markdown: a section of benchmarks/README.md."""

from __future__ import annotations

from typing import Any

from benchmarks.bulk_store import RUNS
from benchmarks.deciding import LIMIT_MB

Row = dict[str, Any]


def section(result: dict[str, Any]) -> str:
    """Return the section, without its heading."""
    rows: dict[tuple[str, int, str, int | None], Row] = {
        (row["scores"], row["n"], row["slices_are"], row["duckdb_limit_mb"]): row for row in result["rows"]
    }
    cases = list(dict.fromkeys((scores, n) for scores, n, _, _ in rows))
    lines = [_head(result), *_TABLE_HEAD]
    lines += [_line(rows, scores, n) for scores, n in cases]
    return "\n".join([*lines, "", _memory(rows), "", _sealing(result["sealing"])]) + "\n"


_TABLE_HEAD = (
    "| scores | gate rows | no slice shown below | each shown above | CPU | memory | held at "
    f"{LIMIT_MB} MB: memory | CPU |",
    "|---|---|---|---|---|---|---|---|",
)


def _head(result: dict[str, Any]) -> str:
    loads = [row["load"] for row in result["rows"]]
    imported = max(row["imported_mb"] for row in result["rows"])
    return (
        "`python -m benchmarks.deciding`. A verdict from the store alone, in a fresh process: quality, "
        f"{result['slices']} slices of one column, format, cost, payback and latency. Seconds from opening the store "
        f"to the verdict, for both rules on slices, the median of {result['repeats']} processes (fastest to slowest). "
        f"Other work ran on the machine (load {min(loads):.1f} to {max(loads):.1f}), so the CPU time of the second "
        f"rule stands beside it. Memory is the process's peak above the {imported:.0f} MB that it has once everything "
        f"is imported. By itself DuckDB keeps what it has read of the file; held at {LIMIT_MB} MB, it reads it again.\n"
    )


def _line(rows: dict[tuple[str, int, str, int | None], Row], scores: str, n: int) -> str:
    first, second = (rows[scores, n, run, None] for run in RUNS)
    held = rows[scores, n, second["slices_are"], LIMIT_MB]
    return (
        f"| {scores} | {n:,} | {_seconds(first)} | {_seconds(second)} | {second['cpu_seconds']:.1f} s | "
        f"{_added(second):.0f} MB | {_added(held):.0f} MB | {held['cpu_seconds']:.1f} s |"
    )


def _seconds(row: Row) -> str:
    return f"{row['seconds']:.1f} s ({min(row['seconds_all']):.1f} to {max(row['seconds_all']):.1f})"


def _added(row: Row) -> float:
    return float(row["peak_mb"] - row["imported_mb"])


def _memory(rows: dict[tuple[str, int, str, int | None], Row]) -> str:
    """Return how much memory a further gate row takes, from the two largest sizes."""
    few, many = sorted({n for _, n, _, _ in rows})[-2:]
    run, kinds = list(RUNS)[-1], {scores for scores, _, _, _ in rows}

    def each(limit: int | None) -> str:
        grown = [rows[one, many, run, limit]["peak_mb"] - rows[one, few, run, limit]["peak_mb"] for one in kinds]
        low, high = (found * 2**20 / (many - few) for found in (min(grown), max(grown)))
        return f"{low:.0f} to {high:.0f}"

    return (
        f"From {few:,} to {many:,} gate rows memory grows by {each(None)} bytes a row. With DuckDB held at {LIMIT_MB} "
        f"MB it grows by {each(LIMIT_MB)}: the arrays, what is computed from them, and DuckDB until it is full."
    )


def _sealing(steps: list[Row]) -> str:
    found = {step["step"]: step for step in steps}
    seal, verify = found["seal"], found["verify"]
    return (
        f"With {seal['n']:,} gate rows, sealing {seal['evidence_rows']:,} rows of evidence took "
        f"{seal['cpu_seconds']:.0f} s of CPU and {_added(seal):.0f} MB, and `gatekeeper verify`, which scores "
        f"{verify['scores']:,} answers again, {verify['cpu_seconds']:.0f} s and {_added(verify):.0f} MB."
    )
