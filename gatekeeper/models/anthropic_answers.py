"""Read the body of an answer of Anthropic's Messages API. Pure, so that stored bodies and batches can be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatekeeper.models.answers import Answer, count_of
from gatekeeper.records import Usage

ERROR_TYPES: dict[str, str] = {
    "invalid_request_error": "bad_request",
    "request_too_large": "bad_request",
    "authentication_error": "auth",
    "permission_error": "auth",
    "billing_error": "quota",
    "not_found_error": "model_not_found",
    "rate_limit_error": "rate_limit",
    "timeout_error": "timeout",
    "api_error": "server",
    "overloaded_error": "overloaded",
}
"""Class of failure by the `type` of an error, for errors that come without an HTTP status of their own."""

_FINISHED = {"end_turn": "stop", "stop_sequence": "stop"}
_CUT = ("max_tokens", "model_context_window_exceeded")
_NO_MONEY = ("credit balance is too low", "usage limits", "spend limit")
"""Words of errors of type `invalid_request_error` or `rate_limit_error` that no waiting mends."""


def message_answer(value: Any) -> Answer:
    """Return the answer in the JSON value of a `message`, or of an `error` that arrived in its place."""
    if isinstance(value, dict) and value.get("type") == "error":
        kind, message = error_class(value)
        return Answer(error_class=kind, error_message=message)
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list):
        shown = json.dumps(value, ensure_ascii=False)[:200]
        return Answer(error_class="no_choices", error_message=f"the body holds no content: {shown!r}")
    return _read_stopped(value, _text(content), message_usage(value.get("usage")))


def message_usage(value: Any) -> Usage | None:
    """Return the reported usage, None where it is missing or makes no sense.

    Anthropic's `input_tokens` are those after the last cache mark only. All input is their sum with
    `cache_creation_input_tokens` and `cache_read_input_tokens`.
    """
    if not isinstance(value, dict):
        return None
    fresh, made = count_of(value.get("input_tokens")), count_of(value.get("output_tokens"))
    if fresh is None or made is None:
        return None
    written = count_of(value.get("cache_creation_input_tokens")) or 0
    read = count_of(value.get("cache_read_input_tokens")) or 0
    return Usage(
        input_tokens=fresh + written + read,
        output_tokens=made,
        cached_input_tokens=read,
        cache_write_tokens=written,
    )


def error_class(value: Any, default: str = "unexpected") -> tuple[str, str]:
    """Return (class of failure, message) of an error object `{"type": "error", "error": {"type", "message"}}`.

    Args:
        value: the JSON value of a body.
        default: the class where its type is missing or unknown.
    """
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, Mapping):
        return default, f"an error without details: {json.dumps(value, ensure_ascii=False)[:200]!r}"
    kind, message = str(error.get("type")), str(error.get("message") or "")
    if kind in ("invalid_request_error", "rate_limit_error") and _is_about_money(error, message):
        return "quota", f"{kind}: {message}"
    return ERROR_TYPES.get(kind, default), f"{kind}: {message}"


def _is_about_money(error: Mapping[str, Any], message: str) -> bool:
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    named = isinstance(code, str) and code.endswith("spend_limit_reached")
    return named or any(words in message.casefold() for words in _NO_MONEY)


def _read_stopped(message: dict[str, Any], text: str, usage: Usage | None) -> Answer:
    """Return what the message says, by why it ended."""
    reason = message.get("stop_reason")
    if reason == "refusal":
        return Answer(None, "refusal", usage, None, "refusal", _why_refused(message))
    if reason in _CUT:
        if text.strip():
            return Answer(text, "length", usage)
        return Answer(None, "length", usage, None, "truncated", f"{reason} was reached before the answer began")
    if reason in ("pause_turn", "tool_use"):
        what = "paused a turn with tools of its own" if reason == "pause_turn" else "asked for a tool"
        return Answer(None, reason, usage, None, "unexpected", f"the model {what}, and nothing goes on with it here")
    finish = reason if isinstance(reason, str) else None
    return Answer(text, _FINISHED.get(finish, finish) if finish else None, usage)


def _why_refused(message: dict[str, Any]) -> str:
    details = message.get("stop_details")
    found = [details.get(key) for key in ("category", "explanation")] if isinstance(details, dict) else []
    why = ": ".join(part for part in found if isinstance(part, str) and part)
    return f"the model refused to answer ({why})" if why else "the model refused to answer"


def _text(content: list[Any]) -> str:
    """Join the text blocks; thinking is no part of the answer."""
    blocks = [block for block in content if isinstance(block, dict) and block.get("type") == "text"]
    return "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
