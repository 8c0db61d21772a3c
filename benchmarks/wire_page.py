"""The section of benchmarks/README.md on requests per second, made from benchmarks/results/wire.json."""

from __future__ import annotations

from typing import Any


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown: requests per second by client, and what is used of a cap."""
    return "\n".join([*_speed(result), *_cap(result["cap"])]) + "\n"


def _speed(result: dict[str, Any]) -> list[str]:
    load, versions = result["load"], result["clients"]
    lines = [
        "`python -m benchmarks.wire`. Chat requests to a local server in a process of its own that answers at once or "
        f"after 50 ms: by aiohttp {versions['aiohttp']} alone, by gatekeeper's stream on top of it (requests from a "
        "source, retries, pace, content keys, records), and by the openai SDK "
        f"{versions['openai']} alone. They take turns; medians of {result['repeats']}. Other work ran on the machine "
        f"(load {load['before']} to {load['after']} on two cores), so read the ratios, and the CPU second of the "
        "client's process before the second of the clock.\n",
        "| answer after | in flight | aiohttp: per second | per CPU second | gatekeeper: per second | per CPU second | "
        "SDK: per second | per CPU second | gatekeeper : SDK, by CPU |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        wall, cpu = row["per_second"], row["per_cpu_second"]
        pairs = " | ".join(f"{wall[name]:,} | {cpu[name]:,}" for name in ("aiohttp", "gatekeeper", "openai SDK"))
        ratio = cpu["gatekeeper"] / cpu["openai SDK"]
        lines.append(f"| {row['wait_ms']} ms | {row['concurrency']} | {pairs} | {ratio:.1f} |")
    return lines


def _cap(cap: dict[str, Any]) -> list[str]:
    lines = [
        f"\nA server refuses (429) more than {cap['per_second']} requests per second out of a bucket that "
        f"holds {cap['burst']}, which can bring the share above 100%; {cap['requests']:,} requests, at most "
        f"{cap['concurrency']} in flight. The stream finds the rate by itself, but for the row where it was told: what "
        "is missing there is the machine's.\n",
        "| answer after | told the rate | Retry-After | answers per second | share of the cap | refused | most tries | "
        "failed items |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in cap["rows"]:
        told, after = ("yes" if row[name] else "no" for name in ("told", "retry_after"))
        lines.append(
            f"| {row['wait_ms']} ms | {told} | {after} | {row['per_second']:.0f} | {row['share_of_cap']:.1%} | "
            f"{row['refused']} | {row['most_attempts']} | {row['failed']} |"
        )
    return lines
