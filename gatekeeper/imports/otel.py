"""Requests out of OpenTelemetry spans of the GenAI semantic conventions.

Names: registry of open-telemetry/semantic-conventions-genai (docs/registry/attributes/gen-ai.md; it has no releases,
and opentelemetry-semantic-conventions 0.66b2 has the same names): gen_ai.operation.name, gen_ai.request.model,
gen_ai.response.model, gen_ai.response.id, gen_ai.usage.input_tokens, gen_ai.usage.output_tokens,
gen_ai.usage.cache_read.input_tokens, gen_ai.usage.cache_creation.input_tokens, error.type. Deprecated there:
gen_ai.usage.prompt_tokens and completion_tokens. Never in it: cache_read_input_tokens and cache_creation_input_tokens
(Sentry), cache_write_input_tokens (Strands). By the conventions cached tokens are part of gen_ai.usage.input_tokens.
Containers: OTLP/JSON (resourceSpans, scopeSpans, spans, attributes as key and value; 64-bit numbers are texts), and one
span per object with attributes as a mapping (the Python SDK's console exporter and others).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatekeeper.imports.fields import count, first, first_moment, mapping, number, sequence, text
from gatekeeper.imports.request import LoggedRequest, TokenCounts, checked

_USAGE = "gen_ai.usage."
_INPUT = (_USAGE + "input_tokens", _USAGE + "prompt_tokens")
_OUTPUT = (_USAGE + "output_tokens", _USAGE + "completion_tokens")
_READ = (_USAGE + "cache_read.input_tokens", _USAGE + "cache_read_input_tokens")
_WRITTEN = (
    _USAGE + "cache_creation.input_tokens",
    _USAGE + "cache_creation_input_tokens",
    _USAGE + "cache_write_input_tokens",
)
_IDS = ("gen_ai.response.id", "gen_ai.request.id")
_INFERENCE = {"chat", "text_completion", "generate_content", "embeddings"}
_START = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "timestamp")
_END = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")
_ERROR_CODES = {2, "2", "ERROR", "STATUS_CODE_ERROR", "Error"}
_SPAN_KEYS = {"spanId", "span_id", "traceId", "trace_id", "context", "kind", *_START[:2]}


def is_otel(value: Mapping[str, Any]) -> bool:
    """Return whether an object is an OTLP export or a span."""
    if "resourceSpans" in value or any(key.startswith("gen_ai.") for key in value):
        return True
    return "attributes" in value and not _SPAN_KEYS.isdisjoint(value)


def spans_of(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the spans of an OTLP export, or the one span that the object is."""
    if "resourceSpans" not in value:
        yield value
        return
    for resource in sequence(value["resourceSpans"]):
        for group in sequence(first(mapping(resource), ("scopeSpans", "instrumentationLibrarySpans"))):
            yield from map(mapping, sequence(mapping(group).get("spans")))


def span_request(span: Mapping[str, Any], *, input_excludes_cached: bool = False) -> LoggedRequest | str:
    """Return the request of an inference span; for any other span, what it is.

    Spans of agents, workflows and tools repeat the usage of the inference spans within them, so they are no requests.
    Spans of a vLLM server have the client's response id as gen_ai.request.id. Where they name no model, a file that has
    them beside the client's has two models to choose from.

    Args:
        span: as `spans_of` yields it.
        input_excludes_cached: the writer leaves cached tokens out of the input, against the conventions.

    Raises:
        Unreadable: a count is no count, or the cached parts are more than the input.
    """
    attributes = _attributes(span)
    if not any(key.startswith("gen_ai.") for key in attributes):
        return "not a GenAI span"
    operation = text(attributes.get("gen_ai.operation.name"))
    if operation is not None and operation not in _INFERENCE:
        return f"operation {operation}"
    names = (attributes.get("gen_ai.request.model"), attributes.get("gen_ai.response.model"))
    models = tuple(dict.fromkeys(name for name in map(text, names) if name))
    failed = _failed(span, attributes)
    if operation is None and not models and first(attributes, _INPUT) is None:
        return "no operation, model or usage"
    start, end = first_moment(span, _START), first_moment(span, _END)
    return LoggedRequest(
        models=models,
        tokens=None if failed else _tokens(attributes, operation, input_excludes_cached),
        failed=failed,
        start=start,
        seconds=None if start is None or end is None or end < start else end - start,
        retries=count(attributes.get("http.request.resend_count"), "http.request.resend_count"),
        response_id=text(first(attributes, _IDS if models else _IDS[:1])),
    )


def _tokens(attributes: Mapping[str, Any], operation: str | None, excludes: bool) -> TokenCounts | None:
    total = count(first(attributes, _INPUT), _INPUT[0])
    output = count(first(attributes, _OUTPUT), _OUTPUT[0])
    cached = count(first(attributes, _READ), _READ[0]) or 0
    written = count(first(attributes, _WRITTEN), _WRITTEN[0]) or 0
    if output is None and operation == "embeddings":
        output = 0
    if total is None or output is None:
        return None
    return checked(TokenCounts(total + (cached + written if excludes else 0), output, cached, written))


def _failed(span: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    if attributes.get("error.type"):
        return True
    http = number(attributes.get("http.response.status_code"))
    status = span.get("status")
    code = first(mapping(status), ("code", "status_code")) if isinstance(status, dict) else status
    return (http is not None and http >= 400) or (isinstance(code, str | int) and code in _ERROR_CODES)


def _attributes(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes by name, from OTLP's list of keys and values or from a mapping; else the span's own."""
    given = span.get("attributes")
    if isinstance(given, list):
        pairs = [(mapping(one).get("key"), mapping(one).get("value")) for one in given]
        return {key: _plain(value) for key, value in pairs if isinstance(key, str)}
    if isinstance(given, dict):
        return {key: _plain(value) for key, value in given.items()}
    return dict(span)


def _plain(value: Any) -> Any:
    """Return what an OTLP AnyValue holds: {"intValue": "12"} is "12"."""
    if isinstance(value, dict) and len(value) == 1:
        key, held = next(iter(value.items()))
        return held if key in {"stringValue", "intValue", "doubleValue", "boolValue"} else value
    return value
