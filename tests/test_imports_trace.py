"""Logs and spans become the tokens, the volume and the traffic that the cost model needs."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.cost import ApiPrices, Price, api_cost
from gatekeeper.errors import DataError, InputError
from gatekeeper.imports import TokenCounts, read_trace

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def _write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
    return path


def _chat(
    n: int, usage: dict[str, Any] | None, *, model: str = "gpt-4o-2024-08-06", created: int = 0
) -> dict[str, Any]:
    """openai 3.57, types/chat/chat_completion.py."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "billing"}, "finish_reason": "stop"}
    head = {"id": f"chatcmpl-{n}", "object": "chat.completion", "created": created, "model": model}
    return {**head, "choices": [choice], "usage": usage}


CHAT_USAGE = {
    # openai 3.57, types/completion_usage.py
    "prompt_tokens": 1200,
    "completion_tokens": 300,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0, "cache_write_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 64},
}
RESPONSES_USAGE = {
    # openai 3.57, types/responses/response_usage.py
    "input_tokens": 1200,
    "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 100},
    "output_tokens": 300,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 1500,
}
ANTHROPIC_USAGE = {
    # anthropic 2.13, types/usage.py: input_tokens leaves the two others out
    "input_tokens": 76,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 1024,
    "output_tokens": 300,
}
LITELLM_USAGE = {
    # LiteLLM: prompt_tokens counts all input, Anthropic's keys stand beside it
    **{key: CHAT_USAGE[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")},
    "prompt_tokens_details": {"cached_tokens": 1024},
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 1024,
}
RESPONSES = {"id": "resp_1", "object": "response", "created_at": 1772409600.0, "model": "m", "status": "completed"}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text"}]}
SAME = TokenCounts(input=1200, output=300, cached=1024, written=100)


@pytest.mark.parametrize(
    "line",
    [
        _chat(1, CHAT_USAGE, model="m"),
        {**RESPONSES, "error": None, "output": [], "usage": RESPONSES_USAGE},
        {"type": "response.completed", "response": {**RESPONSES, "output": [], "usage": RESPONSES_USAGE}},
        {**MESSAGE, "usage": ANTHROPIC_USAGE},
        {"request": {"model": "m", "messages": []}, "response": _chat(1, CHAT_USAGE, model="m-2024-08-06")},
        {"request": {"model": "m"}, "response": json.dumps({**MESSAGE, "usage": ANTHROPIC_USAGE})},
        # platform.openai.com, Batch API: a line of the output file
        {
            "id": "batch_req_1",
            "custom_id": "row-1",
            "response": {"status_code": 200, "request_id": "r1", "body": _chat(1, CHAT_USAGE, model="m")},
            "error": None,
        },
        # docs.anthropic.com, Message Batches: a line of the results
        {"custom_id": "row-1", "result": {"type": "succeeded", "message": {**MESSAGE, "usage": ANTHROPIC_USAGE}}},
        # LiteLLM, StandardLoggingPayload
        {
            "id": "x",
            "status": "success",
            "model": "m",
            "startTime": 1772409600.5,
            "endTime": 1772409601.5,
            "error_str": None,
            "response": {**_chat(1, LITELLM_USAGE, model="m")},
            "prompt_tokens": 1200,
            "completion_tokens": 300,
        },
        {"timestamp": "2026-03-02T00:00:00Z", "model": "m", "latency_ms": 420, **LITELLM_USAGE},
    ],
)
def test_every_shape_of_a_log_gives_the_same_tokens(tmp_path: Path, line: dict[str, Any]) -> None:
    trace = read_trace(_write(tmp_path / "log.jsonl", [line]))
    assert list(trace.requests.counts()) == [SAME]
    assert (trace.model, trace.n_requests, trace.n_failed, trace.n_dropped) == ("m", 1, 0, 0)


def _otlp(attributes: dict[str, Any], **span: Any) -> dict[str, Any]:
    """opentelemetry-proto 1.x as JSON: keys in lowerCamelCase, 64-bit integers as texts."""

    def value(given: Any) -> dict[str, Any]:
        return {"intValue": str(given)} if isinstance(given, int) else {"stringValue": given}

    given = [{"key": key, "value": value(one)} for key, one in attributes.items()]
    head = {
        "traceId": "5b8e",
        "spanId": "eee1",
        "name": "chat m",
        "kind": 3,
        "startTimeUnixNano": "1772409600000000000",
    }
    spans = [{**head, "endTimeUnixNano": "1772409600500000000", "attributes": given, "status": {}, **span}]
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}


def _flat(attributes: dict[str, Any], **span: Any) -> dict[str, Any]:
    """opentelemetry-sdk, ReadableSpan.to_json."""
    head = {
        "name": "chat m",
        "context": {"trace_id": "0x5b8e", "span_id": "0xeee1"},
        "status": {"status_code": "UNSET"},
    }
    times = {"start_time": "2026-03-02T00:00:00.000000Z", "end_time": "2026-03-02T00:00:00.500000Z"}
    return {**head, **times, "attributes": attributes, **span}


NOW = {
    # semantic-conventions-genai, docs/registry/attributes/gen-ai.md
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.response.model": "m-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1024,
    "gen_ai.usage.cache_creation.input_tokens": 100,
}
OLD = {
    "gen_ai.request.model": "m",
    "gen_ai.usage.prompt_tokens": 1200,
    "gen_ai.usage.completion_tokens": 300,
    "gen_ai.usage.cache_read_input_tokens": 1024,
    "gen_ai.usage.cache_creation_input_tokens": 100,
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("make", [_otlp, _flat])
@pytest.mark.parametrize("attributes", [NOW, OLD])
def test_spans_old_and_new_flat_and_exported(tmp_path: Path, attributes: Any, make: Any, indent: int | None) -> None:
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(make(attributes), indent=indent))
    trace = read_trace(path)
    assert (list(trace.requests.counts()), trace.model) == ([SAME], "m")
    assert trace.first == MONDAY
    assert trace.latency_s is not None and trace.latency_s.p50 == pytest.approx(0.5)


def test_spans_that_repeat_usage_are_no_requests(tmp_path: Path) -> None:
    agent = {**NOW, "gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9_000}
    framework = {**NOW, "gen_ai.request.model": "m"}
    http = {"http.request.method": "POST", "http.response.status_code": 200}
    path = _write(tmp_path / "s.jsonl", [_otlp(agent), _otlp(framework), _otlp(NOW), _otlp(http), _flat(http)])
    trace = read_trace(path)
    assert (trace.n_requests, trace.n_duplicates) == (1, 1)
    assert trace.ignored == {"not a GenAI span": 2, "operation invoke_agent": 1}


def test_spans_of_server_and_client_are_not_added_up(tmp_path: Path) -> None:
    """vLLM's spans (vllm/tracing, SpanAttributes) have usage and a request id; older versions name the model too."""
    server = {
        "gen_ai.latency.e2e": "0.4",
        "gen_ai.usage.prompt_tokens": 1200,
        "gen_ai.usage.completion_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1024,
        "gen_ai.usage.cache_creation.input_tokens": 100,
        "gen_ai.request.id": "chatcmpl-1",
    }
    path = _write(tmp_path / "s.jsonl", [_otlp(server, kind=2), _otlp(NOW)])
    with pytest.raises(InputError, match=r"2 models: \(no model named\) \(1\), m \(1\)"):
        read_trace(path)
    assert list(read_trace(path, model="m").requests.counts()) == [SAME]
    assert list(read_trace(path, model="(no model named)").requests.counts()) == [SAME]
    named = _otlp({**server, "gen_ai.response.model": "m"}, kind=2)
    both = read_trace(_write(tmp_path / "both.jsonl", [named, _otlp(NOW)]))
    assert (list(both.requests.counts()), both.n_duplicates) == ([SAME], 1)


def test_input_without_cached_tokens_needs_to_be_said(tmp_path: Path) -> None:
    outside = {**NOW, "gen_ai.usage.input_tokens": 76}
    path = _write(tmp_path / "s.jsonl", [_otlp(outside)])
    with pytest.raises(InputError, match=r"s\.jsonl:1: .*1024 cached and 100 written tokens are more than the 76"):
        read_trace(path)
    assert list(read_trace(path, input_excludes_cached=True).requests.counts()) == [SAME]


FAILURES: list[dict[str, Any]] = [
    {"request": {"model": "m"}, "response": None, "error": {"message": "rate limited", "code": 429}},
    {"custom_id": "a", "response": {"status_code": 500, "body": {"error": {"message": "x"}}}, "error": None},
    {"custom_id": "a", "result": {"type": "errored", "error": {"type": "overloaded_error"}}},
    {"type": "error", "error": {"type": "overloaded_error"}},
    {"model": "m", "status": "failure", "prompt_tokens": 5, "completion_tokens": 5, "timestamp": 1772409600},
    {"status_code": "503", "model": "m"},
    {**RESPONSES, "status": "failed", "error": {"code": "server_error"}, "usage": RESPONSES_USAGE},
    _otlp({**NOW, "error.type": "timeout"}),
    _otlp(NOW, status={"code": 2}),
    _flat(NOW, status={"status_code": "ERROR"}),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_request_is_counted_and_never_priced(tmp_path: Path, failure: dict[str, Any]) -> None:
    trace = read_trace(_write(tmp_path / "log.jsonl", [failure, _chat(7, CHAT_USAGE, model="m", created=1772409600)]))
    assert (trace.n_failed, trace.n_requests, trace.requests.sums()) == (1, 1, SAME)


def test_pieces_of_a_stream_are_no_requests(tmp_path: Path) -> None:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "created": 1772409600}
    lines = [
        {**chunk, "choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": None}], "usage": None},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None},
        {**chunk, "choices": [], "usage": CHAT_USAGE},
        {"type": "response.output_text.delta", "delta": "b"},
        {"type": "response.created", "response": {**RESPONSES, "status": "in_progress", "usage": None}},
    ]
    trace = read_trace(_write(tmp_path / "log.jsonl", lines))
    assert (list(trace.requests.counts()), trace.n_without_tokens) == ([SAME], 0)
    assert trace.ignored == {"piece of a streamed answer": 4}


def test_answers_without_counts_are_counted_apart(tmp_path: Path) -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    embedding = {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    lines = [_chat(1, None, model="m"), _chat(2, zeros, model="m"), embedding, _flat({"gen_ai.request.model": "m"})]
    trace = read_trace(_write(tmp_path / "log.jsonl", lines))
    assert (trace.n_without_tokens, list(trace.requests.counts())) == (3, [TokenCounts(8, 0)])


def test_bad_lines_are_shown_and_a_bad_file_is_an_error(tmp_path: Path) -> None:
    bad = ["{not json", "[1, 2]", {"hello": 1}, _chat(1, {"prompt_tokens": -3, "completion_tokens": 1})]
    trace = read_trace(_write(tmp_path / "log.jsonl", [*bad, "", _chat(2, CHAT_USAGE)]))
    assert (trace.n_requests, trace.n_dropped) == (1, 5)
    assert [one.line for one in trace.dropped] == [1, 2, 2, 3, 4]
    assert "prompt_tokens is -3" in trace.dropped[4].reason and "hello" in trace.dropped[3].reason
    with pytest.raises(InputError, match=r"bad\.jsonl:1: no request in the whole file.*not valid JSON(.|\n)*fix: "):
        read_trace(_write(tmp_path / "bad.jsonl", bad))
    with pytest.raises(InputError, match="it is empty"):
        read_trace(_write(tmp_path / "empty.jsonl", [""]))
    with pytest.raises(DataError, match="cannot be read"):
        read_trace(tmp_path / "missing.jsonl")


def test_several_models_must_be_told_apart(tmp_path: Path) -> None:
    def call(n: int, asked: str, answered: str) -> dict[str, Any]:
        return {"request": {"model": asked}, "response": _chat(n, CHAT_USAGE, model=answered)}

    failures = [{"request": {"model": name}, "error": "x"} for name in ("a", "b", "b")]
    calls = [call(n, "a", "a-2026") for n in range(3)] + [call(9, "b", "b-2026")]
    path = _write(tmp_path / "log.jsonl", [*calls, *failures])
    with pytest.raises(InputError, match=r"requests to 2 models: a \(3\), b \(1\)"):
        read_trace(path)
    with pytest.raises(InputError, match=r"no answer of model 'c'; there are a \(3\), b \(1\)"):
        read_trace(path, model="c")
    for name in ("a", "a-2026"):
        trace = read_trace(path, model=name)
        assert (trace.n_requests, trace.models, trace.model) == (3, {"a": 3, "b": 1}, name)
    assert read_trace(path, model="a").n_failed == 1


def _timed(times: list[datetime]) -> list[dict[str, Any]]:
    return [{"timestamp": t.isoformat(), "response": _chat(n, CHAT_USAGE)} for n, t in enumerate(times)]


def test_volume_peak_and_profile_of_even_traffic(tmp_path: Path) -> None:
    eight_days = [MONDAY + timedelta(minutes=10 * n) for n in range(8 * 144 + 1)]
    trace = read_trace(_write(tmp_path / "log.jsonl", _timed(eight_days)))
    assert trace.requests_per_month == 6 * 730
    assert trace.peak_to_average is not None and float(trace.peak_to_average) == pytest.approx(1, abs=1e-3)
    assert [round(weight, 1) for weight in trace.hourly_weights] == [Decimal("6.1"), *[Decimal(6)] * 23]
    assert (trace.first, trace.last) == (eight_days[0], eight_days[-1])


def test_a_busy_hour_shows_in_peak_and_profile(tmp_path: Path) -> None:
    base = [MONDAY + timedelta(hours=n) for n in range(10 * 24)]
    busy = [MONDAY + timedelta(days=day, hours=9, minutes=m) for day in range(10) for m in range(1, 48)]
    trace = read_trace(_write(tmp_path / "log.jsonl", _timed(base + busy)))
    assert trace.peak_to_average is not None and float(trace.peak_to_average) == pytest.approx(48 / (71 / 24), rel=0.01)
    assert trace.hourly_weights[9] == 48 and all(trace.hourly_weights[hour] == 1 for hour in range(23) if hour != 9)


def test_no_volume_is_guessed(tmp_path: Path) -> None:
    hours = [MONDAY + timedelta(hours=n) for n in range(24)]
    short = read_trace(_write(tmp_path / "short.jsonl", _timed(hours)))
    assert (short.requests_per_month, short.peak_to_average, short.hourly_weights) == (None, None, ())
    assert short.no_volume_because is not None and "23.0 hours" in short.no_volume_because
    two_days = _timed([MONDAY, MONDAY + timedelta(days=2)])
    assert read_trace(_write(tmp_path / "days.jsonl", two_days)).requests_per_month == Decimal(365) / 24
    partly = read_trace(_write(tmp_path / "partly.jsonl", [*two_days, _chat(9, CHAT_USAGE)]))
    assert (partly.requests_per_month, partly.no_volume_because) == (None, "1 of 3 requests have no time")


def test_retries_are_known_only_where_every_answer_says_so(tmp_path: Path) -> None:
    lines = [{"attempts": n, "max_retries": 5, "response": _chat(n, CHAT_USAGE)} for n in (1, 1, 3, 2)]
    for number, line in enumerate(lines):
        line["response"]["id"] = f"chatcmpl-{number}"
    assert read_trace(_write(tmp_path / "a.jsonl", lines)).retry_rate == Decimal(3) / 4
    assert read_trace(_write(tmp_path / "b.jsonl", [*lines, _chat(9, CHAT_USAGE)])).retry_rate is None


def test_latency_percentiles(tmp_path: Path) -> None:
    import numpy as np

    seconds = [(n * 37 % 101) / 100 for n in range(101)]
    lines = [{"latency_ms": 1000 * s, "response": _chat(n, CHAT_USAGE)} for n, s in enumerate(seconds)]
    found = read_trace(_write(tmp_path / "log.jsonl", lines)).latency_s
    assert found is not None and found.n == 101
    assert [found.p50, found.p95, found.p99] == pytest.approx(list(np.quantile(seconds, [0.5, 0.95, 0.99])))


def test_an_array_and_a_packed_file_read_like_lines(tmp_path: Path) -> None:
    lines = [_chat(n, CHAT_USAGE) for n in range(3)]
    (tmp_path / "array.json").write_text(json.dumps(lines, indent=1))
    with gzip.open(tmp_path / "log.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    for name in ("array.json", "log.jsonl.gz"):
        assert read_trace(tmp_path / name).n_requests == 3
    whole = json.dumps(_chat(8, CHAT_USAGE))
    for cut in ("object", ": {", '{"cached'):
        half = whole[whole.index(cut) :]
        trace = read_trace(_write(tmp_path / "rotated.jsonl", [half, *lines]))
        assert (trace.n_requests, trace.n_dropped) == (3, 1)


def test_the_requests_of_a_trace_can_be_priced(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 1200, "completion_tokens": 300}
    trace = read_trace(_write(tmp_path / "log.jsonl", [_chat(n, usage) for n in range(4)]))
    price = Price(model="m", input_per_m=Decimal("2.5"), output_per_m=Decimal(10), as_of=MONDAY.date(), source="test")
    assert api_cost(trace.requests, ApiPrices(standard=price)).usd == Decimal("0.006")
    assert trace.requests[-1] == trace.requests[1:][2] == list(trace.requests)[3]
    assert json.loads(trace.model_dump_json())["mean_input_tokens"] == "1200"


_counts = st.integers(0, 10**9)
_rows = st.lists(
    st.tuples(_counts, _counts, _counts, _counts, st.integers(0, 3), st.booleans()), min_size=1, max_size=30
)


@given(rows=_rows, seed=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tokens_are_what_was_written_in_any_order(tmp_path: Path, rows: list[Any], seed: Any) -> None:
    lines, expected, n_failed = [], Counter[TokenCounts](), 0
    for n, (fresh, cached, written, output, shape, failed) in enumerate(rows):
        total = fresh + cached + written
        error = {"error": {"code": 500}} if failed else {}
        details = {"cached_tokens": cached, "cache_write_tokens": written}
        chat = {"prompt_tokens": total, "completion_tokens": output, "prompt_tokens_details": details}
        message = {"input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": cached}
        span = {"gen_ai.usage.input_tokens": total, "gen_ai.usage.output_tokens": output, "gen_ai.request.model": "m"}
        span |= {"gen_ai.usage.cache_read.input_tokens": cached, "gen_ai.usage.cache_creation.input_tokens": written}
        span |= {"error.type": "timeout"} if failed else {}
        named = {"request": {"model": "m"}, "timestamp": (MONDAY + timedelta(hours=7 * n)).timestamp()}
        lines.append(
            [
                {**named, "response": _chat(n, chat), **error},
                {**named, "response": {**MESSAGE, "id": f"msg_{n}", "usage": {**message, ANTHROPIC: written}}, **error},
                _otlp({**span, "gen_ai.response.id": f"r{n}"}),
                _flat({**span, "gen_ai.response.id": f"r{n}"}),
            ][shape]
        )
        n_failed += failed
        if not failed and total + output:
            expected[TokenCounts(total, output, cached, written)] += 1
    trace = read_trace(_write(tmp_path / "a.jsonl", lines))
    assert Counter(trace.requests.counts()) == expected
    assert (trace.n_failed, trace.n_requests + trace.n_without_tokens + n_failed) == (n_failed, len(rows))
    assert trace.requests.sums().input == sum(key.input * n for key, n in expected.items())
    seed.shuffle(lines)
    again = read_trace(_write(tmp_path / "b.jsonl", lines))
    assert Counter(again.requests.counts()) == expected
    assert again.model_dump(exclude={"file"}) == trace.model_dump(exclude={"file"})


ANTHROPIC = "cache_creation_input_tokens"
_keys = st.sampled_from(
    (
        *("request", "response", "body", "result", "message", "usage", "choices", "status", "type", "error", "object"),
        *("model", "id", "input_tokens", "prompt_tokens", "prompt_tokens_details", "output_tokens", "timestamp"),
        *("created", "attempts", "latency_ms", "resourceSpans", "scopeSpans", "spans", "attributes", "key", "value"),
        *("spanId", "startTimeUnixNano", "gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.operation.name"),
    )
)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["chat", "failed", "1e400", "{}", "2026"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=20,
)


@given(lines=st.lists(_json, max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_breaks_the_reader(tmp_path: Path, lines: list[Any]) -> None:
    good = {"request": {"model": "good"}, "response": _chat(1, CHAT_USAGE)}
    trace = read_trace(_write(tmp_path / "log.jsonl", [good, *lines]), model="good")
    assert SAME in list(trace.requests.counts())
