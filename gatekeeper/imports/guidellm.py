"""Runs out of a report of GuideLLM (benchmarks.json).

0.4 and later (benchmark/schemas/report.py, benchmark.py, metrics.py; read: 0.5.0 and 0.8.1): metadata.guidellm_version,
benchmarks[] with config.strategy, config.backend.model, metrics, start_time (seconds since 1970).
0.2 and 0.3 (benchmark/benchmark.py; read: 0.2.1 and 0.3.0): args.strategy, worker.backend_model, request_totals beside
metrics, run_stats.
In all of them a metric is {successful, errored, incomplete, total}, each with mean and percentiles.p95;
time_to_first_token_ms is in milliseconds and request_latency in seconds. request_scheduled_latency (0.8) starts when a
request was due, so it has the wait before it was sent, and is preferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from gatekeeper.imports.bench import BenchRun, RawRun
from gatekeeper.imports.fields import above_zero, first, mapping, moment, number, sequence, text, whole


def is_guidellm(value: Mapping[str, Any]) -> bool:
    """Return whether a document is a report of GuideLLM."""
    return isinstance(value.get("benchmarks"), list)


def guidellm_runs(report: Mapping[str, Any]) -> Iterator[RawRun]:
    """Yield the runs of a report."""
    version = text(mapping(report.get("metadata")).get("guidellm_version"))
    for entry in map(mapping, sequence(report["benchmarks"])):
        run, model = _run(entry), _model(report, entry)
        problem = None if run else "no request was answered"
        yield RawRun(run=run, left_out=problem, model=model, measured_at=_day(entry), version=version)


def _run(entry: Mapping[str, Any]) -> BenchRun | None:
    metrics = mapping(entry.get("metrics"))
    totals = mapping(first(metrics, ("request_totals",)) or entry.get("request_totals"))
    rps = above_zero(_mean(metrics, "requests_per_second"))
    if rps is None:
        return None
    rate, concurrency = _load(entry)
    latency = above_zero(_percentile(metrics, "request_scheduled_latency", "p95"))
    if latency is None:
        latency = above_zero(_percentile(metrics, "request_latency", "p95"))
    return BenchRun(
        request_rate=rate,
        concurrency=concurrency,
        requests_per_second=rps,
        output_tokens_per_second=above_zero(_mean(metrics, "output_tokens_per_second")),
        mean_input_tokens=above_zero(_mean(metrics, "prompt_token_count")),
        mean_output_tokens=above_zero(_mean(metrics, "output_token_count")),
        ttft_p99_ms=above_zero(_percentile(metrics, "time_to_first_token_ms", "p99")),
        e2e_p95_ms=None if latency is None else latency * 1000,
        n_requests=whole(totals.get("successful")),
        n_failed=whole(totals.get("errored")),
    )


def _load(entry: Mapping[str, Any]) -> tuple[float | None, int | None]:
    """Return (request rate, concurrency) of a strategy."""
    strategy = mapping(mapping(first(entry, ("config", "args"))).get("strategy"))
    if strategy.get("type_") == "synchronous":
        return None, 1
    return above_zero(strategy.get("rate")), whole(first(strategy, ("streams", "max_concurrency")))


def _successful(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return mapping(mapping(metrics.get(name)).get("successful"))


def _mean(metrics: Mapping[str, Any], name: str) -> float | None:
    return number(_successful(metrics, name).get("mean"))


def _percentile(metrics: Mapping[str, Any], name: str, percentile: str) -> float | None:
    return number(mapping(_successful(metrics, name).get("percentiles")).get(percentile))


def _model(report: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    names = (
        mapping(mapping(entry.get("config")).get("backend")).get("model"),
        mapping(entry.get("worker")).get("backend_model"),
        mapping(report.get("args")).get("model"),
    )
    return next((name for name in map(text, names) if name), None)


def _day(entry: Mapping[str, Any]) -> date | None:
    seconds = moment(first(entry, ("start_time",)) or mapping(entry.get("run_stats")).get("start_time"))
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()
