"""The section of benchmarks/README.md on how long the money takes, made from benchmarks/results/money.json."""

from __future__ import annotations

from typing import Any


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown."""
    load = result["load"]
    lines = [
        f"`python -m benchmarks.money`. Whole processes, medians of {result['repeats']}, at a load of {load['before']} "
        f"to {load['after']} on the machine; `python -c pass` is what an interpreter takes alone.\n",
        "| process | seconds | CPU seconds |",
        "|---|---|---|",
    ]
    lines += [f"| {row['command']} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} |" for row in result["processes"]]
    lines += [
        f"\n{result['draws']:,} draws of a plan over 12 months with machines, with EVPPI of each input:\n",
        "| evidence | inputs drawn | seconds |",
        "|---|---|---|",
    ]
    lines += [f"| {row['what']} | {row['inputs']} | {row['seconds']:.2f} |" for row in result["monte_carlo"]]
    return "\n".join(lines) + "\n"
