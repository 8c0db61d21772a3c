"""Read the body of an answer of OpenAI's Responses API. Pure, so that stored bodies and batches can be read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from gatekeeper.models.answers import Answer, FindToken, count_of, distribution_of, first_token, usage_of
from gatekeeper.records import Usage

ERROR_CODES: dict[str, str] = {
    "server_error": "server",
    "rate_limit_exceeded": "rate_limit",
    "invalid_prompt": "bad_request",
    "bio_policy": "content_filter",
    "misalignment_policy_violation": "content_filter",
    "image_content_policy_violation": "content_filter",
}
"""Class of failure by the `code` of an error that came with HTTP 200; of other codes it is `bad_request`."""
_FILTERED = "the provider's filter held back the answer"
_UNFINISHED = ("in_progress", "queued", "cancelled")


def response_answer(value: Any, labels: Sequence[str] = (), find: FindToken = first_token) -> Answer:
    """Return the answer in the JSON value of a `response`.

    Its text is that of all `output_text` parts of its messages; reasoning is no part of the answer. The finish reason
    is in the words of chat: `stop`, `length` or `content_filter`.

    Args:
        value: of the body.
        labels: that the logprobs of one token are read for.
        find: which token that is.
    """
    output = value.get("output") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not (isinstance(output, list) or isinstance(value.get("error"), dict)):
        shown = json.dumps(value, ensure_ascii=False)[:200]
        return Answer(error_class="no_choices", error_message=f"the body holds no output: {shown!r}")
    usage = response_usage(value.get("usage"))
    if isinstance(value.get("error"), dict) or value.get("status") in ("failed", *_UNFINISHED):
        return _failed(value, usage)
    parts = list(_parts(output))
    refusal = next((part["refusal"] for part in parts if isinstance(part.get("refusal"), str)), None)
    finish = _finish(value)
    if refusal:
        return Answer(None, finish, usage, None, "refusal", refusal)
    if finish == "content_filter":
        return Answer(None, finish, usage, None, "content_filter", _FILTERED)
    return _text(parts, finish, usage, labels, find)


def response_usage(value: Any) -> Usage | None:
    """Return the reported usage, None where it is missing or makes no sense. Reasoning is part of `output_tokens`."""
    if not isinstance(value, dict):
        return None
    given, made = count_of(value.get("input_tokens")), count_of(value.get("output_tokens"))
    return None if given is None or made is None else usage_of(given, made, value.get("input_tokens_details"))


def _text(
    parts: list[dict[str, Any]], finish: str | None, usage: Usage | None, labels: Sequence[str], find: FindToken
) -> Answer:
    said = [part for part in parts if part.get("type") == "output_text" and isinstance(part.get("text"), str)]
    text = "".join(part["text"] for part in said)
    if finish == "length" and not text.strip():
        return Answer(None, finish, usage, None, "truncated", "max_tokens was used up before the answer began")
    if not said:
        return Answer(None, finish, usage, None, "no_choices", "the answer has no text content")
    return Answer(text, finish, usage, distribution_of(said[0].get("logprobs"), labels, find))


def _parts(output: Any) -> Iterator[dict[str, Any]]:
    for item in output if isinstance(output, list) else []:
        content = item.get("content") if isinstance(item, dict) and item.get("type") == "message" else None
        yield from (part for part in content or [] if isinstance(part, dict))


def _finish(value: dict[str, Any]) -> str | None:
    if value.get("status") != "incomplete":
        return "stop" if value.get("status") in ("completed", None) else str(value["status"])
    details = value.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return "length" if reason == "max_output_tokens" else reason if isinstance(reason, str) else None


def _failed(value: dict[str, Any], usage: Usage | None) -> Answer:
    error = value.get("error") if isinstance(value.get("error"), dict) else {}
    status = value.get("status")
    if not error:
        return Answer(None, None, usage, None, "unexpected", f"the response is {status}, and nothing waits for it here")
    code = str(error.get("code"))
    kind = ERROR_CODES.get(code, "bad_request")
    return Answer(None, None, usage, None, kind, f"{code}: {error.get('message')}")
