"""Runs out of profile_export_aiperf.json of AIPerf and profile_export_genai_perf.json of GenAI-Perf.

One object per run; a metric is {unit, avg, p50, p95, p99, ...}: request_throughput, output_token_throughput,
time_to_first_token, request_latency, input_sequence_length, output_sequence_length, request_count, error_request_count.
AIPerf (common/models/export_models.py, exporters/metrics_json_exporter.py; read: 0.2.0 and 0.13.0) adds aiperf_version,
start_time (ISO, local), was_cancelled, is_complete, error_summary, telemetry_data.endpoints.*.gpus.*.gpu_name. The load
stands in input_config: phases[] of 0.13 (concurrency, rate), loadgen of 0.2 (concurrency, request_rate),
perf_analyzer.stimulus of GenAI-Perf 0.0.16, or the options themselves in 0.0.8 (export_data/json_exporter.py; neither
writes a date).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from gatekeeper.imports.bench import BenchRun, RawRun
from gatekeeper.imports.fields import above_zero, first, mapping, moment, number, sequence, text, whole

_MILLISECONDS = {"ms": 1.0, "milliseconds": 1.0, "s": 1e3, "sec": 1e3, "seconds": 1e3, "us": 1e-3, "ns": 1e-6}


def is_aiperf(value: Mapping[str, Any]) -> bool:
    """Return whether a document is an export of AIPerf or GenAI-Perf."""
    return number(mapping(value.get("request_throughput")).get("avg")) is not None


def aiperf_tool(export: Mapping[str, Any]) -> str:
    """Return which of the two wrote it: GenAI-Perf says neither its version nor whether it was cancelled."""
    return "aiperf" if "aiperf_version" in export or "was_cancelled" in export else "genai-perf"


def aiperf_run(export: Mapping[str, Any]) -> RawRun:
    """Return the run of one export."""
    rps = above_zero(_value(export, "request_throughput", "avg"))
    problem = None if rps else "no request was answered"
    if export.get("was_cancelled") is True or export.get("is_complete") is False:
        problem = text(export.get("incomplete_reason")) or "it was ended early"
    started = moment(export.get("start_time"))
    return RawRun(
        run=None if problem or rps is None else _run(export, rps),
        left_out=problem,
        model=_model(mapping(export.get("input_config"))),
        measured_at=None if started is None else _day(started),
        hardware=_hardware(export),
        version=text(export.get("aiperf_version")),
    )


def _run(export: Mapping[str, Any], rps: float) -> BenchRun:
    rate, concurrency = _load(mapping(export.get("input_config")))
    return BenchRun(
        request_rate=rate,
        concurrency=concurrency,
        requests_per_second=rps,
        output_tokens_per_second=above_zero(_value(export, "output_token_throughput", "avg")),
        mean_input_tokens=above_zero(_value(export, "input_sequence_length", "avg")),
        mean_output_tokens=above_zero(_value(export, "output_sequence_length", "avg")),
        ttft_p99_ms=_milliseconds(export, "time_to_first_token", "p99"),
        e2e_p95_ms=_milliseconds(export, "request_latency", "p95"),
        n_requests=whole(_value(export, "request_count", "avg")),
        n_failed=_failed(export),
    )


def _value(export: Mapping[str, Any], metric: str, statistic: str) -> float | None:
    return number(mapping(export.get(metric)).get(statistic))


def _milliseconds(export: Mapping[str, Any], metric: str, statistic: str) -> float | None:
    unit = _MILLISECONDS.get(str(mapping(export.get(metric)).get("unit")))
    value = above_zero(_value(export, metric, statistic))
    return None if unit is None or value is None else value * unit


def _failed(export: Mapping[str, Any]) -> int | None:
    """AIPerf leaves the count out where it is 0; GenAI-Perf never has it."""
    counted = whole(_value(export, "error_request_count", "avg"))
    if counted is not None or aiperf_tool(export) == "genai-perf":
        return counted
    return sum(whole(mapping(error).get("count")) or 0 for error in sequence(export.get("error_summary")))


def _load(config: Mapping[str, Any]) -> tuple[float | None, int | None]:
    """Return (request rate, concurrency)."""
    phases = [mapping(phase) for phase in sequence(config.get("phases"))]
    measured = [
        p for p in phases if "warmup" not in (p.get("kind"), p.get("name")) and not p.get("exclude_from_results")
    ]
    stimulus = mapping(mapping(config.get("perf_analyzer")).get("stimulus"))
    places = (measured[-1] if measured else {}, mapping(config.get("loadgen")), stimulus, config)
    place = next((one for one in places if one), {})
    return above_zero(first(place, ("rate", "request_rate"))), whole(place.get("concurrency"))


def _model(config: Mapping[str, Any]) -> str | None:
    items = sequence(mapping(config.get("models")).get("items"))
    listed = sequence(mapping(config.get("endpoint")).get("model_names")) or sequence(
        first(config, ("model_names", "model"))
    )
    names = [mapping(item).get("name") for item in items] or listed
    return text(names[0]) if names else None


def _hardware(export: Mapping[str, Any]) -> str | None:
    """Return such as "4 x NVIDIA H100" from the telemetry of the server."""
    endpoints = mapping(mapping(export.get("telemetry_data")).get("endpoints"))
    gpus = [gpu for endpoint in endpoints.values() for gpu in mapping(mapping(endpoint).get("gpus")).values()]
    names = Counter(name for gpu in gpus if (name := text(mapping(gpu).get("gpu_name"))))
    return ", ".join(f"{n} x {name}" for name, n in sorted(names.items())) or None


def _day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()
