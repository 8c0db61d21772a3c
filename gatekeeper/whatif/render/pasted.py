"""What a log or a benchmark says, for people, and as the part of a usage file that reads it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gatekeeper.whatif.render.text import columns, number
from gatekeeper.whatif.usage.imports import trace_inputs

if TYPE_CHECKING:
    from gatekeeper.imports.bench import Bench
    from gatekeeper.imports.trace import Trace
    from gatekeeper.records import Estimate


def trace_lines(trace: Trace) -> list[str]:
    """Return what was read of a log, and what was not."""
    times = "no times"
    if trace.first is not None and trace.last is not None:
        times = f"{trace.first:%Y-%m-%d %H:%M} to {trace.last:%Y-%m-%d %H:%M} UTC"
    counts = {
        "model": trace.model or "not named",
        "requests": f"{trace.n_requests:,} with token counts, {trace.n_without_tokens:,} without",
        "left out": f"{trace.n_failed:,} failed, {trace.n_duplicates:,} duplicates, {trace.n_dropped:,} unreadable",
        "time": times,
    }
    lines = [f"{name:<10} {value}" for name, value in counts.items()]
    rows = [[one.name, number(one.value), one.unit] for one in trace_inputs(trace)]
    lines += ["", *columns(["measured", "value", "unit"], rows, right=frozenset({1}))]
    if trace.latency_s is not None:
        shown = ", ".join(f"{name} {value:.3g} s" for name, value in trace.latency_s if isinstance(value, float))
        lines.append(f"latency    {shown}")
    if trace.no_volume_because is not None:
        lines.append(f"no volume: {trace.no_volume_because}")
    lines += [f"line {one.line}: {one.reason}" for one in trace.dropped]
    lines += [f"ignored    {count:,} x {what}" for what, count in trace.ignored.items()]
    return lines


def trace_yaml(trace: Trace) -> list[str]:
    """Return the part of a usage file that reads this log."""
    lines = ["tokens:", f"  trace: {json.dumps(trace.file)}"]
    if len(trace.models) > 1 and trace.model is not None:
        lines.append(f"  model: {json.dumps(trace.model)}")
    for one in trace_inputs(trace):
        lines.append(f"  # {one.name}: {number(one.value)}")
    if trace.no_volume_because is not None:
        lines = [f"requests_per_month: ...  # the log tells none: {trace.no_volume_because}", *lines]
    return lines


def bench_lines(bench: Bench, capacity: Estimate, age: int | None) -> list[str]:
    """Return the runs of a benchmark and the capacity that follows."""
    day = "no date" if bench.measured_at is None else f"{bench.measured_at}, {age} days ago"
    model, hardware = bench.model or "model not named", bench.hardware or "hardware not named"
    lines = [f"{bench.tool} {bench.version or ''}: {model} on {hardware}"]
    lines += [f"measured   {day}", ""]
    rows = [
        [
            run.setting(),
            f"{run.requests_per_second:.3f}",
            _number(run.mean_input_tokens),
            _number(run.mean_output_tokens),
            _number(run.ttft_p99_ms),
            _number(run.e2e_p95_ms),
            f"{run.n_requests or 0:,}",
            f"{run.n_failed or 0:,}",
        ]
        for run in bench.runs
    ]
    header = ["load", "requests/s", "input", "output", "TTFT p99 ms", "e2e p95 ms", "answered", "failed"]
    lines += columns(header, rows, right=frozenset(range(1, 8)))
    lines += [f"left out   {one}" for one in bench.left_out]
    span = "" if capacity.lower is None else f" ({capacity.lower:.3f} to {capacity.upper:.3f})"
    value = "unknown" if capacity.value is None else f"{capacity.value:.3f} requests/s{span}"
    return [*lines, "", f"capacity   {value}", f"           {capacity.method}"]


def bench_yaml(bench: Bench, ttft_p99_ms: float | None, e2e_p95_ms: float | None) -> list[str]:
    """Return the part of an option in a usage file that reads this benchmark."""
    lines = ["options:", "  - name: student", "    kind: gpu", f"    bench: {json.dumps(list(bench.files))}"]
    for name, limit in (("ttft_p99_ms", ttft_p99_ms), ("e2e_p95_ms", e2e_p95_ms)):
        if limit is not None:
            lines.append(f"    {name}: {limit:g}")
    return [*lines, "    usd_per_hour: ...  # of one machine"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
