"""The section of benchmarks/README.md on asking end to end, made from benchmarks/results/asking.json."""

from __future__ import annotations

from typing import Any


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown: samples per second beside the least that could do, a long run, the start."""
    return "\n".join([*_speed(result), *_long(result["long"]), *_start(result["start"])]) + "\n"


def _speed(result: dict[str, Any]) -> list[str]:
    load = result["load"]
    lines = [
        f"`python -m benchmarks.asking`. {result['samples']:,} samples from a local server that answers at once or "
        "after 50 ms, each time by a new process from its start to its end: suite, session, reservations, journal, "
        "answers, money, predictions and scores in DuckDB. *Raw* is a process with aiohttp, json and one insert from "
        f"Arrow into DuckDB, and nothing else. They take turns; medians of {result['repeats']}, and of the ratios of "
        f"neighbours. The server shares the two cores (load {load['before']} to {load['after']}), so read the ratios, "
        "and the CPU seconds of the process before those of the clock.\n",
        "| answer after | in flight | gatekeeper: samples/s | seconds | of them asking | CPU seconds | raw: samples/s "
        "| seconds | CPU seconds | gatekeeper : raw, by the clock | by CPU | asking, of what the wait allows |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        own, raw, share = row["gatekeeper"], row["raw"], row["share_of_raw"]
        ceiling = f"{own['share_of_ceiling']:.0%} (raw: {raw['share_of_ceiling']:.0%})" if row["wait_ms"] else ""
        lines.append(
            f"| {row['wait_ms']} ms | {row['concurrency']} | {own['per_second']:,} | {own['wall_s']:.2f} | "
            f"{own['ask_s']:.2f} | {own['cpu_s']:.2f} | {raw['per_second']:,} | {raw['wall_s']:.2f} | "
            f"{raw['cpu_s']:.2f} | {share['wall_s']:.2f} | {share['cpu_s']:.2f} | {ceiling} |"
        )
    return lines


def _long(long: dict[str, Any]) -> list[str]:
    tenths = ", ".join(f"{ms:.2f}" for ms in long["ms_per_row_of_each_tenth"])
    return [
        f"\n{long['rows']:,} rows, {long['concurrency']} in flight, answers at once: {long['wall_s']:,.0f} s "
        f"({long['cpu_s']:,.0f} CPU seconds; {long['open_s']:.0f} s until the session was open), and at most "
        f"{long['peak_mb']:,} MB of memory. Milliseconds per row, tenth by tenth: {tenths}.",
    ]


def _start(start: dict[str, Any]) -> list[str]:
    return [
        f"\nA process that imports everything and opens a session on a handful of rows: {start['wall_s']:.2f} s "
        f"({start['cpu_s']:.2f} CPU seconds), {start['open_s']:.2f} s of them suite, store and session.",
    ]
