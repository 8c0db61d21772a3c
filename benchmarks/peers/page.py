"""The section of benchmarks/README.md on other tools, made from benchmarks/results/peers.json."""

from __future__ import annotations

from typing import Any


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown: one row for each tool with each choice of settings."""
    load, rows = result["load"], result["rows"]
    own = next(row for row in rows if (row["tool"], row["settings"]) == ("gatekeeper", "best"))
    lines = [
        f"`python -m benchmarks.peers`. {result['samples']:,} short texts, one question each (yes or no), asked of one "
        "local server that answers at once, scored by exact match, and left on disk in the tool's own form; from the "
        "start of a new process to its end. Each tool is installed from its registry into an environment of its own, "
        f"with telemetry and look-ups for updates switched off. *Best*: {result['concurrency']} requests in flight and "
        "what the tool offers for speed; *defaults*: nothing chosen but what it needs to run. *By the clock* and *by "
        "CPU*: how many times as many samples gatekeeper, best, has in the same time. Medians; the turns go round. The "
        f"server shares the two cores (load {load['before']} to {load['after']}), so read the CPU before the clock. At "
        "no latency all of it is the tool's own work: behind an endpoint that takes its time the wait hides most of "
        "it.\n",
        "| tool | settings | samples/s | by the clock | CPU ms per sample | by CPU | seconds | MB | kept in | turns |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(row, own, result["samples"]) for row in rows),
        *_settings(rows),
        _versions(rows),
        *_losses(rows, result["samples"]),
    ]
    return "\n".join(lines) + "\n"


def _row(row: dict[str, Any], own: dict[str, Any], samples: int) -> str:
    name = row["tool"]
    if row["problem"] or not row["runs"]:
        return f"| {name} | {row['settings']} | not run: {row['problem']} | | | | | | | |"
    cpu_ms = 1000 * row["cpu_s"] / max(row["results"], 1)
    star = "" if row["results"] == samples else " *"
    by_clock = own["per_second"] / row["per_second"]
    by_cpu = cpu_ms / (1000 * own["cpu_s"] / own["results"])
    return (
        f"| {name} | {row['settings']} | {row['per_second']:,.0f}{star} | {by_clock:.1f} | {cpu_ms:.1f} | {by_cpu:.1f} "
        f"| {row['wall_s']:.1f} | {row['peak_mb']:,} | {row['kept']} | {row['runs']} |"
    )


def _settings(rows: list[dict[str, Any]]) -> list[str]:
    return ["", "The settings:", "", *(f"- {row['tool']}, {row['settings']}: {row['how']}" for row in rows)]


def _versions(rows: list[dict[str, Any]]) -> str:
    seen = {row["tool"]: row["versions"] for row in rows if row["versions"]}
    parts = [", ".join(f"{name} {version}" for name, version in several.items()) for several in seen.values()]
    return f"\nVersions: {'; '.join(parts)}."


def _losses(rows: list[dict[str, Any]], samples: int) -> list[str]:
    """Say which runs have no answer to some of the rows; their samples per second count answers only."""
    return [
        f"\n\\* {row['tool']}, {row['settings']}: {row['results']:,} of {samples:,} rows have an answer, "
        f"{row['failed']:,} an error instead; the server saw {row['requests']:,} requests."
        for row in rows
        if row["runs"] and row["results"] != samples
    ]
