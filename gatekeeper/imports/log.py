"""Requests out of logs of OpenAI's and Anthropic's API: one object in, one request out.

Shapes: a response as it came (chat.completion, responses API, stored completions, Anthropic message); a wrapper with
`request` and `response`; a line of a batch's output (`response.status_code`, `response.body`; Anthropic: `result`);
a flat line with the counts beside `model` and a time (LiteLLM's StandardLoggingPayload is such a one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from gatekeeper.imports.fields import Unreadable, count, first, first_moment, mapping, moment, number, sequence, text
from gatekeeper.imports.request import LoggedRequest
from gatekeeper.imports.usage import has_usage, tokens_of_usage

_FAILED = {"failed", "failure", "error", "errored", "cancelled", "canceled", "expired"}
_UNFINISHED = {"in_progress", "queued"}
_ERRORS = ("error", "error_str", "exception")
_STATUS = ("status_code", "http_status", "status")
_TIMES = ("timestamp", "@timestamp", "ts", "time", "start_time", "startTime", "started_at", "created_at", "datetime")
_CREATED = ("created", "created_at")
_MILLISECONDS = ("latency_ms", "duration_ms", "response_time_ms", "elapsed_ms")
_SECONDS = ("latency_s", "duration_s", "latency_seconds", "duration_seconds", "elapsed_seconds")
_SPANS = (("start_time", "end_time"), ("startTime", "endTime"), ("started_at", "ended_at"))
_RETRIES = {"retry_count": 0, "attempted_retries": 0, "attempts": 1}
"""Keys that count what was sent again, and what to take off. `max_retries` and the like are limits, not counts."""
_RESPONSE = ("choices", "output", "content", "object")


class _Parts(NamedTuple):
    line: Mapping[str, Any]
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    """What wraps the body: has the HTTP status in a batch's output."""
    body: Mapping[str, Any]


def log_request(line: Mapping[str, Any]) -> LoggedRequest | None:
    """Return the request that a line reports; None for a piece of a streamed answer, which is no request.

    Raises:
        Unreadable: it is no line of such a log, or a count in it is no count.
    """
    parts = _split(line)
    if _is_piece(parts):
        return None
    usage = next((u for u in (mapping(parts.body.get("usage")), mapping(line.get("usage")), line) if has_usage(u)), {})
    failed = _failed(parts)
    is_response = any(parts.body.get(key) is not None for key in _RESPONSE)
    if not (failed or usage or is_response):
        keys = ", ".join(sorted(map(str, line))[:8])
        raise Unreadable(f"no response, usage or error in it (its keys: {keys or 'none'})")
    names = (parts.request.get("model"), line.get("model"), parts.body.get("model"))
    start, seconds = _times(parts)
    return LoggedRequest(
        models=tuple(dict.fromkeys(name for name in map(text, names) if name)),
        tokens=None if failed else tokens_of_usage(usage),
        failed=failed,
        start=start,
        seconds=seconds,
        retries=_retries(line),
        response_id=text(parts.body.get("id")) if is_response else None,
    )


def _split(line: Mapping[str, Any]) -> _Parts:
    request, response = _object(line.get("request")), _object(line.get("response"))
    if not response:
        response = mapping(line.get("result"))
    body = _object(response.get("body")) or mapping(response.get("message")) or response
    if not body:
        inner = _object(line.get("body"))
        body = inner if has_usage(mapping(inner.get("usage"))) else line
    return _Parts(line, _object(request.get("body")) or request, response, body)


def _object(value: Any) -> Mapping[str, Any]:
    """Return an object; loggers write some as a text of JSON."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return mapping(value)


def _is_piece(parts: _Parts) -> bool:
    """Return whether this is an event of a stream that is not the one with the final counts."""
    if text(parts.body.get("status")) in _UNFINISHED:
        return True
    if str(parts.line.get("type")).startswith("response.") and not parts.response:
        return True
    if parts.body.get("object") != "chat.completion.chunk":
        return False
    choices = sequence(parts.body.get("choices"))
    ended = not choices or any(mapping(choice).get("finish_reason") for choice in choices)
    return not (ended and has_usage(mapping(parts.body.get("usage"))))


def _failed(parts: _Parts) -> bool:
    places = (parts.line, parts.response, parts.body)
    if any(place.get(key) for place in places for key in _ERRORS):
        return True
    if any(text(place.get("type")) in _FAILED for place in places):
        return True
    for status in (place[key] for place in places for key in _STATUS if place.get(key) is not None):
        as_number = int(status) if isinstance(status, str) and status.isdigit() else number(status)
        if as_number is not None and as_number >= 400:
            return True
        if isinstance(status, str) and status.lower() in _FAILED:
            return True
    return False


def _times(parts: _Parts) -> tuple[float | None, float | None]:
    """Return when the request was sent, and how long it took in seconds."""
    line = parts.line
    own = _TIMES if parts.body is not line else tuple(key for key in _TIMES if key != "created_at")
    start = first_moment(line, own)
    if start is None:
        start = first_moment(parts.body, _CREATED)
    milliseconds, seconds = number(first(line, _MILLISECONDS)), number(first(line, _SECONDS))
    if milliseconds is not None:
        seconds = milliseconds / 1000
    for begin, end in _SPANS if seconds is None else ():
        begun, ended = moment(line.get(begin)), moment(line.get(end))
        if begun is not None and ended is not None:
            seconds = ended - begun
    return start, seconds if seconds is not None and seconds >= 0 else None


def _retries(line: Mapping[str, Any]) -> int | None:
    for key, offset in _RETRIES.items():
        if line.get(key) is not None:
            found = count(line[key], key)
            return None if found is None or found < offset else found - offset
    return None
