"""Results of GuideLLM, vLLM and AIPerf become the capacity of a replica, with the keys that their writers write."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.cost.serving import capacity_rps
from gatekeeper.errors import InputError
from gatekeeper.imports import Bench, BenchRun, age_days, capacity_at, read_bench, shape_difference
from gatekeeper.imports.student_t import t_quantile

START = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def _write(path: Path, *documents: Any) -> Path:
    path.write_text("\n".join(json.dumps(document) for document in documents))
    return path


def _statuses(mean: float, p95: float = 0.0, p99: float = 0.0) -> dict[str, Any]:
    """guidellm, schemas/statistics.py: StatusDistributionSummary of DistributionSummary."""
    percentiles = {"p001": 0.0, "p50": mean, "p90": mean, "p95": p95, "p99": p99, "p999": p99}
    known = {"mean": mean, "median": mean, "mode": mean, "variance": 0.0, "std_dev": 0.0, "min": 0.0, "max": p99}
    summary = {**known, "count": 100, "total_sum": 100 * mean, "percentiles": percentiles}
    none = {**summary, "mean": 9e9, "count": 0, "percentiles": {key: 9e9 for key in percentiles}}
    return {"successful": summary, "errored": none, "incomplete": none, "total": none}


def _guidellm_metrics(rps: float, ttft: float, e2e_s: float) -> dict[str, Any]:
    return {
        "requests_per_second": _statuses(rps),
        "request_concurrency": _statuses(4.0),
        "request_latency": _statuses(e2e_s / 2, e2e_s, 2 * e2e_s),
        "prompt_token_count": _statuses(1200.0),
        "output_token_count": _statuses(300.0),
        "time_to_first_token_ms": _statuses(ttft / 2, ttft / 2, ttft),
        "output_tokens_per_second": _statuses(300 * rps),
    }


TOTALS = {"successful": 100, "errored": 0, "incomplete": 3, "total": 103}


def _guidellm_05(strategy: dict[str, Any], rps: float, ttft: float, e2e_s: float) -> dict[str, Any]:
    """guidellm 0.5.0, benchmark/schemas/generative/benchmark.py, metrics.py; 0.8.1 keeps these keys."""
    return {
        "type_": "generative_benchmark",
        "config": {
            "run_id": "r",
            "strategy": strategy,
            "backend": {"target": "http://localhost:8000", "model": "acme/s"},
        },
        "metrics": {"request_totals": TOTALS, **_guidellm_metrics(rps, ttft, e2e_s)},
        "start_time": START,
        "end_time": START + 60,
        "duration": 60.0,
    }


def _guidellm_03(strategy: dict[str, Any], rps: float, ttft: float, e2e_s: float) -> dict[str, Any]:
    """guidellm 0.3.0 (and 0.2.1), benchmark/benchmark.py."""
    return {
        "type_": "generative_benchmark",
        "args": {"strategy_index": 0, "strategy": strategy},
        "worker": {"type_": "generative_requests_worker", "backend_model": "acme/s"},
        "run_stats": {"start_time": START, "end_time": START + 60, "requests_made": TOTALS},
        "metrics": _guidellm_metrics(rps, ttft, e2e_s),
        "request_totals": TOTALS,
        "start_time": START,
    }


LOADS = [
    ({"type_": "synchronous"}, 1.5, 40.0, 0.5),
    ({"type_": "concurrent", "streams": 16}, 9.0, 180.0, 1.2),
    ({"type_": "constant", "rate": 12.0, "max_concurrency": None}, 11.5, 450.0, 1.8),
    ({"type_": "throughput", "max_concurrency": None}, 20.0, 4000.0, 9.0),
]


@pytest.mark.parametrize("make", [_guidellm_03, _guidellm_05])
def test_guidellm_old_and_new(tmp_path: Path, make: Any) -> None:
    report: dict[str, Any] = {"benchmarks": [make(*load) for load in LOADS]}
    if make is _guidellm_05:
        report = {"metadata": {"version": 1, "guidellm_version": "0.5.0"}, "args": {}, **report}
    bench = read_bench(_write(tmp_path / "benchmarks.json", report))
    assert (bench.tool, bench.model, bench.measured_at) == ("guidellm", "acme/s", date(2026, 3, 2))
    assert bench.version == ("0.5.0" if make is _guidellm_05 else None)
    assert [(run.request_rate, run.concurrency) for run in bench.runs] == [
        (None, 1),
        (None, 16),
        (12, None),
        (None, None),
    ]
    assert bench.runs[1] == BenchRun(
        concurrency=16,
        requests_per_second=9.0,
        output_tokens_per_second=2700.0,
        mean_input_tokens=1200.0,
        mean_output_tokens=300.0,
        ttft_p99_ms=180.0,
        e2e_p95_ms=1200.0,
        n_requests=100,
        n_failed=0,
    )
    assert capacity_at(bench, ttft_p99_ms=500, e2e_p95_ms=2000).value == 11.5
    assert capacity_at(bench, ttft_p99_ms=500, e2e_p95_ms=1500).value == 9.0
    assert capacity_at(bench).value == 20.0


def test_guidellm_latency_from_when_a_request_was_due(tmp_path: Path) -> None:
    entry = _guidellm_05(*LOADS[2])
    entry["metrics"]["request_scheduled_latency"] = _statuses(2.0, 3.5, 4.0)  # guidellm 0.8.1, schemas/metrics.py
    bench = read_bench(_write(tmp_path / "b.json", {"metadata": {"guidellm_version": "0.8.1"}, "benchmarks": [entry]}))
    assert bench.runs[0].e2e_p95_ms == 3500.0


def _vllm(rps: float, **more: Any) -> dict[str, Any]:
    """vllm, benchmarks/serve.py, main_async: result_json."""
    return {
        "date": "20260302-235959",
        "endpoint_type": "openai-chat",
        "backend": "openai-chat",
        "label": None,
        "model_id": "acme/s",
        "tokenizer_id": "acme/s",
        "num_prompts": 200,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": None,
        "duration": 200 / rps,
        "completed": 200,
        "failed": 0,
        "total_input_tokens": 240_000,
        "total_output_tokens": 60_000,
        "request_throughput": rps,
        "request_goodput": None,
        "output_throughput": 300 * rps,
        "mean_ttft_ms": 60.0,
        "median_ttft_ms": 50.0,
        "p95_ttft_ms": 150.0,
        "p99_ttft_ms": 200.0,
        "p95_e2el_ms": 900.0,
        "p99_e2el_ms": 1100.0,
        **more,
    }


def test_vllm_one_run_or_several_appended(tmp_path: Path) -> None:
    loaded = _vllm(8.0, request_rate=8.0, gpu="H100 SXM")
    bench = read_bench(_write(tmp_path / "a.json", loaded, _vllm(30.0, p99_ttft_ms=2000.0)))
    assert (bench.tool, bench.model, bench.hardware) == ("vllm", "acme/s", "H100 SXM")
    assert bench.measured_at == date(2026, 3, 2)
    assert bench.runs[0] == BenchRun(
        request_rate=8.0,
        requests_per_second=8.0,
        output_tokens_per_second=2400.0,
        mean_input_tokens=1200.0,
        mean_output_tokens=300.0,
        ttft_p99_ms=200.0,
        e2e_p95_ms=900.0,
        n_requests=200,
        n_failed=0,
    )
    assert capacity_at(bench, ttft_p99_ms=500).value == 8.0


def test_vllm_percentiles_that_were_not_asked_for(tmp_path: Path) -> None:
    def run(**more: Any) -> BenchRun:
        result = _vllm(8.0, **more)
        result.pop("p95_e2el_ms")
        return read_bench(_write(tmp_path / "v.json", result)).runs[0]

    latencies = [n / 100 for n in range(101)]
    waits = [0.5] * 101
    assert run().e2e_p95_ms is None
    assert run(latencies=latencies).e2e_p95_ms == pytest.approx(950)
    assert run(latencies=latencies, failed=1).e2e_p95_ms is None
    due = {"latencies": latencies, "queue_times": waits, "max_concurrency": 4}
    assert run(**due).e2e_p95_ms == pytest.approx(950)
    assert run(**due, request_rate=8.0).e2e_p95_ms == pytest.approx(1450)
    assert run(**due, request_rate=8.0, p95_e2el_including_client_queue_ms=1400.0).e2e_p95_ms == 1400.0


def test_vllm_failures_of_older_versions_and_ramps(tmp_path: Path) -> None:
    old = _vllm(8.0, completed=150)
    del old["failed"]
    ramp = _vllm(9.0, ramp_up_strategy="linear", ramp_up_start_rps=1, ramp_up_end_rps=20)
    bench = read_bench(_write(tmp_path / "v.json", old, ramp))
    assert (len(bench.runs), bench.runs[0].n_failed) == (1, 50)
    assert "ramped up (linear)" in bench.left_out[0]
    with pytest.raises(InputError, match=r"no load keeps ttft_p99_ms at most 500; the closest is .* 50 failed"):
        capacity_at(bench, ttft_p99_ms=500)
    assert capacity_at(bench, ttft_p99_ms=500, max_failed_share=0.25).value == 8.0
    with pytest.raises(InputError, match=r"r\.json: no run that measures a steady load: .*ramped up"):
        read_bench(_write(tmp_path / "r.json", ramp))


def _metric(unit: str, avg: float, p95: float = 0.0, p99: float = 0.0) -> dict[str, Any]:
    return {
        "unit": unit,
        "avg": avg,
        "p50": avg,
        "p90": p95,
        "p95": p95,
        "p99": p99,
        "min": 0.0,
        "max": p99,
        "std": 0.0,
    }


def _aiperf_metrics(rps: float) -> dict[str, Any]:
    return {
        "request_throughput": {"unit": "requests/sec", "avg": rps},
        "request_latency": _metric("ms", 500.0, 900.0, 1100.0),
        "request_count": {"unit": "requests", "avg": 200.0},
        "time_to_first_token": _metric("ms", 60.0, 150.0, 200.0),
        "output_token_throughput": {"unit": "tokens/sec", "avg": 300 * rps},
        "output_sequence_length": _metric("tokens", 300.0, 300.0, 300.0),
        "input_sequence_length": _metric("tokens", 1200.0, 1200.0, 1200.0),
    }


def _aiperf_013(rps: float, **more: Any) -> dict[str, Any]:
    """aiperf 0.13.0, common/models/export_models.py JsonExportData and config/config.py BenchmarkConfig."""
    phases = [
        {"name": "warmup", "kind": "warmup", "type": "concurrency", "requests": 5, "concurrency": 1},
        {"name": "profiling", "kind": "profiling", "type": "poisson", "requests": 200, "rate": 8.0, "concurrency": 64},
    ]
    gpus = {f"gpu_{n}": {"gpu_index": n, "gpu_name": "NVIDIA H100 80GB HBM3", "gpu_uuid": str(n)} for n in range(2)}
    return {
        "schema_version": "1.4",
        "aiperf_version": "0.13.0",
        **_aiperf_metrics(rps),
        "telemetry_data": {"summary": {}, "endpoints": {"localhost:9400": {"gpus": gpus}}},
        "input_config": {"models": {"items": [{"name": "acme/s"}]}, "phases": phases},
        "was_cancelled": False,
        "is_complete": True,
        "error_summary": [],
        "start_time": "2026-03-02T12:00:00.123456",
        "end_time": "2026-03-02T12:01:00.123456",
        **more,
    }


def _aiperf_02(rps: float) -> dict[str, Any]:
    """aiperf 0.2.0, common/models/export_models.py and common/config/user_config.py."""
    config = {"endpoint": {"model_names": ["acme/s"]}, "loadgen": {"concurrency": 16, "request_count": 200}}
    return {**_aiperf_metrics(rps), "input_config": config, "was_cancelled": False, "start_time": "2026-03-02T12:00:00"}


def _genai_perf_016(rps: float) -> dict[str, Any]:
    """genai-perf 0.0.16, export_data/json_exporter.py; input_config is ConfigCommand.to_json_dict."""
    return {
        **_aiperf_metrics(rps),
        "input_config": {"model_names": ["acme/s"], "perf_analyzer": {"stimulus": {"concurrency": 16}}},
    }


def _genai_perf_008(rps: float) -> dict[str, Any]:
    """genai-perf 0.0.8, export_data/json_exporter.py; input_config is its arguments."""
    return {**_aiperf_metrics(rps), "input_config": {"model": ["acme/s"], "concurrency": 16, "request_rate": None}}


@pytest.mark.parametrize(
    ("make", "tool", "rate", "concurrency", "failed", "day"),
    [
        (_aiperf_013, "aiperf", 8.0, 64, 0, date(2026, 3, 2)),
        (_aiperf_02, "aiperf", None, 16, 0, date(2026, 3, 2)),
        (_genai_perf_016, "genai-perf", None, 16, None, None),
        (_genai_perf_008, "genai-perf", None, 16, None, None),
    ],
)
def test_aiperf_and_genai_perf(
    tmp_path: Path, make: Any, tool: str, rate: float | None, concurrency: int, failed: int | None, day: date | None
) -> None:
    bench = read_bench(_write(tmp_path / "profile_export.json", make(8.0)))
    assert (bench.tool, bench.model, bench.measured_at) == (tool, "acme/s", day)
    assert bench.hardware == ("2 x NVIDIA H100 80GB HBM3" if make is _aiperf_013 else None)
    assert bench.runs[0] == BenchRun(
        request_rate=rate,
        concurrency=concurrency,
        requests_per_second=8.0,
        output_tokens_per_second=2400.0,
        mean_input_tokens=1200.0,
        mean_output_tokens=300.0,
        ttft_p99_ms=200.0,
        e2e_p95_ms=900.0,
        n_requests=200,
        n_failed=failed,
    )


def test_aiperf_errors_and_runs_that_were_ended_early(tmp_path: Path) -> None:
    errors = {"error_summary": [{"error_details": {"code": 503, "message": "busy"}, "count": 7}]}
    assert read_bench(_write(tmp_path / "a.json", _aiperf_013(8.0, **errors))).runs[0].n_failed == 7
    early = _aiperf_013(8.0, is_complete=False, incomplete_reason="record stall")
    with pytest.raises(InputError, match="record stall"):
        read_bench(_write(tmp_path / "b.json", early))


@pytest.mark.parametrize("tool", ["vllm", "guidellm"])
def test_a_first_token_after_no_time_was_not_measured(tmp_path: Path, tool: str) -> None:
    """Answers that are not streamed have a time to the first token of 0 in both, which would keep every limit."""
    report = {"benchmarks": [_guidellm_05(LOADS[1][0], 9.0, 0.0, 1.2)]}
    bench = read_bench(_write(tmp_path / "b.json", _vllm(8.0, p99_ttft_ms=0.0) if tool == "vllm" else report))
    assert bench.runs[0].ttft_p99_ms is None
    with pytest.raises(InputError, match=rf"no run reports ttft_p99_ms(.|\n)*run {tool}"):
        capacity_at(bench, ttft_p99_ms=500)


def _bench(*runs: tuple[float | None, float, float | None], **more: Any) -> Bench:
    """Runs of (request rate, requests per second, p99 to the first token)."""
    made = tuple(
        BenchRun(request_rate=rate, requests_per_second=rps, ttft_p99_ms=ttft, n_requests=100, n_failed=0, **more)
        for rate, rps, ttft in runs
    )
    return Bench(tool="vllm", runs=made, files=("v.json",), measured_at=date(2026, 3, 2))


def test_replicates_give_the_interval() -> None:
    import numpy as np
    import scipy.stats

    rates = [9.6, 10.1, 10.4]
    found = capacity_at(_bench((4, 4.0, 90.0), *((10, rps, 300.0) for rps in rates)), ttft_p99_ms=500)
    logs = np.log(rates)
    low, high = scipy.stats.t.interval(0.95, 2, loc=logs.mean(), scale=scipy.stats.sem(logs))
    assert (found.lower, found.value, found.upper) == pytest.approx((np.exp(low), np.exp(logs.mean()), np.exp(high)))
    assert (found.n_expected, found.n_scored, found.confidence) == (3, 3, 0.95)
    assert "10 requests/s" in found.method and "ttft_p99_ms at most 500" in found.method
    assert capacity_rps(found, end="lower") > 0


def test_one_run_has_no_interval_and_a_lucky_one_does_not_count() -> None:
    bench = _bench((4, 4.0, 90.0), (10, 10.2, 450.0), (10, 9.9, 520.0))
    found = capacity_at(bench, ttft_p99_ms=500)
    assert (found.value, found.lower, found.upper, found.confidence) == (4.0, None, None, None)
    assert capacity_at(bench, ttft_p99_ms=520).n_scored == 2


def test_no_load_within_the_limits_names_the_closest() -> None:
    bench = _bench((4, 4.0, 900.0), (10, 10.0, 700.0), (20, 15.0, None))
    with pytest.raises(InputError, match="the closest is 10 requests/s with ttft_p99_ms 700"):
        capacity_at(bench, ttft_p99_ms=500)
    with pytest.raises(InputError, match="ttft_p99_ms is -1"):
        capacity_at(bench, ttft_p99_ms=-1)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 10, 31, 120])
def test_quantile_of_student_t(degrees: int) -> None:
    import scipy.stats

    for confidence in (0.5, 0.9, 0.95, 0.999):
        expected = scipy.stats.t.ppf((1 + confidence) / 2, degrees)
        assert t_quantile(confidence, degrees) == pytest.approx(expected, rel=1e-9)


def test_shape_and_age() -> None:
    bench = _bench((4, 4.0, 90.0), mean_input_tokens=1024.0, mean_output_tokens=128.0)
    shape = shape_difference(bench, 1200, 300)
    assert shape.input_percent == pytest.approx(-14.6667, abs=1e-3)
    assert shape.output_percent == pytest.approx(-57.3333, abs=1e-3)
    assert shape_difference(_bench((4, 4.0, 90.0)), 1200, 300).input_percent is None
    with pytest.raises(InputError, match="mean output tokens are 0"):
        shape_difference(bench, 1200, 0)
    assert (age_days(bench, date(2026, 6, 1)), age_days(bench, date(2026, 3, 1))) == (91, 0)
    assert age_days(bench.model_copy(update={"measured_at": None}), date(2026, 6, 1)) is None
    with pytest.raises(InputError, match="after 2026-02-01"):
        age_days(bench, date(2026, 2, 1))


def test_files_that_do_not_belong_together_or_are_none(tmp_path: Path) -> None:
    one, other = (
        _write(tmp_path / "a.json", _vllm(8.0)),
        _write(tmp_path / "b.json", _vllm(8.4, date="20260301-101010")),
    )
    both = read_bench(one, other)
    assert (len(both.runs), both.measured_at) == (2, date(2026, 3, 1))
    assert capacity_at(both).n_scored == 2
    with pytest.raises(InputError, match=r"several models: acme/s \(.*a\.json\), acme/t"):
        read_bench(one, _write(tmp_path / "c.json", _vllm(8.0, model_id="acme/t")))
    with pytest.raises(InputError, match="several tools: aiperf"):
        read_bench(one, _write(tmp_path / "d.json", _aiperf_013(8.0)))
    for content, message in (
        ('{"a": 1}', "it has: a"),
        ("[3]", "it has: 3"),
        ("{", "not valid JSON"),
        ("", "is empty"),
    ):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(InputError, match=rf"x\.json.*{message}"):
            read_bench(tmp_path / "x.json")
