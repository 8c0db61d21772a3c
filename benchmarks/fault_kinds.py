"""What can go wrong at a provider: each fault is a change of the good response that the provider would have sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.from_tests import Response, as_json

Style = Literal["openai", "anthropic"]
"""In whose form a body is written."""
TIMEOUT_S = 0.3
"""Seconds that a try may take; a late answer comes after twice as many."""


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Attributes:
        change: from a good response to the one that is sent.
        billed: the model has answered, so the provider bills it, whatever arrives.
        read: what arrives is a whole body in the provider's form, from which the client can know what it is billed.
        for_all: it happens to every request from some moment on, rather than to single ones.
    """

    name: str
    change: Callable[[Style, Response], Response]
    billed: bool = False
    read: bool = False
    for_all: bool = False


def _error(style: Style, status: int, kind: str, message: str, **headers: str) -> Response:
    error = {"type": kind, "message": message}
    if style == "openai":
        return as_json({"error": {**error, "param": None, "code": None}}, status, **headers)
    return as_json({"type": "error", "error": error, "request_id": "req_01"}, status, **headers)


def _status(status: int, kind: str, **headers: str) -> Callable[[Style, Response], Response]:
    return lambda style, good: _error(style, status, kind, "no", **headers)


def _changed(good: Response, change: Callable[[dict[str, Any]], object]) -> Response:
    value = json.loads(good.body)
    change(value)
    return replace(good, body=json.dumps(value).encode())


def _without_usage(style: Style, good: Response) -> Response:
    return _changed(good, lambda value: value.pop("usage"))


def _filtered(style: Style, good: Response) -> Response:
    if style == "anthropic":
        return _error(style, 400, "invalid_request_error", "Output blocked by content filtering policy")
    return _changed(good, lambda value: value["choices"][0].update(finish_reason="content_filter"))


def _refused(style: Style, good: Response) -> Response:
    if style == "anthropic":
        return _changed(good, lambda value: value.update(stop_reason="refusal", content=[]))
    return _changed(good, lambda value: value["choices"][0]["message"].update(content=None, refusal="I cannot"))


def _truncated(style: Style, good: Response) -> Response:
    if style == "anthropic":
        return _changed(good, lambda value: value.update(stop_reason="max_tokens", content=[]))
    return _changed(good, lambda value: _cut(value["choices"][0]))


def _cut(choice: dict[str, Any]) -> None:
    choice["message"]["content"] = ""
    choice["finish_reason"] = "length"


def _half(style: Style, good: Response) -> Response:
    return replace(good, body=good.body[: len(good.body) // 2], cut=True)


def _not_utf8(style: Style, good: Response) -> Response:
    return replace(good, body=good.body.replace(b'"id"', b'"\xff\xfe"', 1))


FAULTS = (
    Fault("429", _status(429, "rate_limit_error")),
    Fault("429 with Retry-After", _status(429, "rate_limit_error", retry_after="0.2")),
    Fault("500", _status(500, "api_error")),
    Fault("502 with a web page", lambda style, good: Response(502, b"<html>bad gateway</html>")),
    Fault("503", lambda style, good: Response(503)),
    Fault("529", _status(529, "overloaded_error")),
    Fault("timeout", lambda style, good: replace(good, after_s=2 * TIMEOUT_S), billed=True),
    Fault("connection reset", lambda style, good: Response(reset=True)),
    Fault("body cut half way", _half, billed=True),
    Fault("empty body", lambda style, good: Response(200)),
    Fault("HTML instead of JSON", lambda style, good: Response(200, b"<html>hello</html>")),
    Fault("invalid UTF-8", _not_utf8, billed=True),
    Fault("missing usage", _without_usage, billed=True, read=True),
    Fault("content filter", _filtered, billed=True, read=True),
    Fault("refusal", _refused, billed=True, read=True),
    Fault("truncated by max_tokens", _truncated, billed=True, read=True),
    Fault("401 in mid-run", _status(401, "authentication_error"), for_all=True),
    Fault("404, model retired", _status(404, "not_found_error"), for_all=True),
)
