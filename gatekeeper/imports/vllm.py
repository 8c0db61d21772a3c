"""Runs out of results of `vllm bench serve --save-result` (vllm/benchmarks/serve.py, main of 2026).

One object per run, several where `--append-result` was used: date (local time, 20260131-235959), model_id, num_prompts,
request_rate ("inf" for none), max_concurrency, completed, failed (newer versions), total_input_tokens,
total_output_tokens, request_throughput, output_throughput. Percentiles, as p99_ttft_ms, are there for the metrics of
`--percentile-metrics` (ttft, tpot and itl unless told) and the percentiles of `--metric-percentiles` (99 unless told).
With a rate and a concurrency e2el leaves out the wait in the client; newer versions have it in
e2el_including_client_queue. `--save-detailed` keeps ttfts, and newer versions always keep latencies and queue_times, in
seconds per request: a percentile that was not asked for is computed from them where no request failed, since they hold
failed ones too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gatekeeper.imports.bench import BenchRun, RawRun
from gatekeeper.imports.fields import above_zero, first, number, sequence, text, whole
from gatekeeper.imports.latency import quantile

_HARDWARE = ("hardware", "gpu", "gpu_name", "accelerator")
"""Keys that people give to `--metadata`; vLLM itself does not say."""


def is_vllm(value: Mapping[str, Any]) -> bool:
    """Return whether a document is one result."""
    return number(value.get("request_throughput")) is not None


def vllm_run(result: Mapping[str, Any]) -> RawRun:
    """Return the run of one result."""
    problem = None
    if result.get("ramp_up_strategy"):
        problem = f"its load was ramped up ({result['ramp_up_strategy']}), so it measures no single load"
    rps = above_zero(result["request_throughput"])
    if rps is None:
        problem = "no request was answered"
    return RawRun(
        run=None if problem or rps is None else _run(result, rps),
        left_out=problem,
        model=text(result.get("model_id")),
        measured_at=_day(result.get("date")),
        hardware=text(first(result, _HARDWARE)),
    )


def _run(result: Mapping[str, Any], rps: float) -> BenchRun:
    completed = whole(result.get("completed"))
    failed = whole(result.get("failed"))
    if failed is None and completed is not None:
        sent = whole(result.get("num_prompts"))
        failed = None if sent is None or sent < completed else sent - completed
    return BenchRun(
        request_rate=above_zero(result.get("request_rate")),
        concurrency=whole(result.get("max_concurrency")),
        requests_per_second=rps,
        output_tokens_per_second=above_zero(result.get("output_throughput")),
        mean_input_tokens=_mean(result.get("total_input_tokens"), completed),
        mean_output_tokens=_mean(result.get("total_output_tokens"), completed),
        ttft_p99_ms=above_zero(result.get("p99_ttft_ms")) or _computed(_column(result, "ttfts"), failed, 0.99),
        e2e_p95_ms=_e2e(result, failed),
        n_requests=completed,
        n_failed=failed,
    )


def _e2e(result: Mapping[str, Any], failed: int | None) -> float | None:
    queued = above_zero(result.get("p95_e2el_including_client_queue_ms"))
    if queued is not None:
        return queued
    latencies, queue = _column(result, "latencies"), _column(result, "queue_times")
    if queue and len(queue) == len(latencies) and above_zero(result.get("request_rate")):
        computed = _computed([a + b for a, b in zip(latencies, queue, strict=True)], failed, 0.95)
        if computed is not None:
            return computed
    return above_zero(result.get("p95_e2el_ms")) or _computed(latencies, failed, 0.95)


def _column(result: Mapping[str, Any], key: str) -> list[float]:
    values = [number(value) for value in sequence(result.get(key))]
    return [value for value in values if value is not None] if None not in values else []


def _computed(seconds: list[float], failed: int | None, q: float) -> float | None:
    """Return a percentile in milliseconds from values per request; None where failed ones may be among them."""
    return above_zero(quantile(sorted(seconds), q) * 1000) if seconds and failed == 0 else None


def _mean(total: Any, completed: int | None) -> float | None:
    tokens = above_zero(total)
    return tokens / completed if tokens is not None and completed else None


def _day(value: Any) -> date | None:
    try:
        return datetime.strptime(str(value), "%Y%m%d-%H%M%S").date()  # noqa: DTZ007  # the tool names no zone
    except ValueError:
        return None
