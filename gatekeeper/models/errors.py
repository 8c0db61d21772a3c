"""What can go wrong at an endpoint, in one table: class, whether to try again, whether to stop, and the fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """One class of failure.

    `stops`: every other request would fail in the same way, so the run ends with this error and its hint.
    """

    kind: str
    retryable: bool
    hint: str
    stops: bool = False


FAILURES: dict[str, Failure] = {
    failure.kind: failure
    for failure in (
        Failure("auth", False, "set the environment variable that api_key_env names to a valid key", stops=True),
        Failure("quota", False, "add credit at the provider, or raise its spending limit", stops=True),
        Failure("model_not_found", False, "check the model's name; it may have been retired", stops=True),
        Failure("rate_limit", True, "lower teacher.concurrency, or ask the provider for a higher limit"),
        Failure("overloaded", True, "the provider is overloaded; run again later"),
        Failure("server", True, "the endpoint failed; run again later"),
        Failure("timeout", True, "the endpoint is slow; lower teacher.concurrency or shorten the input"),
        Failure("connection", True, "check teacher.base_url, and that the endpoint is running"),
        Failure("not_json", True, "check teacher.base_url: it must point at an OpenAI-compatible API, often with /v1"),
        Failure("not_utf8", True, "the endpoint sent bytes that are not UTF-8"),
        Failure("empty_body", True, "the endpoint sent nothing; run again later"),
        Failure("no_choices", True, "the endpoint sent no answer; run again later"),
        Failure("bad_request", False, "the endpoint refused this request; check teacher.params and the input's length"),
        Failure("content_filter", False, "the provider's filter held back the answer"),
        Failure("refusal", False, "the model refused to answer"),
        Failure("truncated", False, "the answer was cut before it began; raise teacher.params.max_tokens"),
        Failure("unexpected", False, "this is not a known failure; the message has the details"),
    )
}

STATUS: dict[int, str] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model_not_found",
    408: "timeout",
    409: "server",
    425: "overloaded",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""Other 4xx are `bad_request`, other 5xx are `server`."""

CODES: dict[str, str] = {
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "model_not_found": "model_not_found",
    "invalid_api_key": "auth",
}
"""The `code` of an error's body says more than its status."""

_LOOKS_LIKE_A_KEY = re.compile(r"\b(sk-|Bearer\s+)[\w\-.*]{6,}")
_LONGEST_MESSAGE = 500


def of_status(status: int, body: Any) -> Failure:
    """Return the failure of an HTTP status and the parsed JSON of its body, if it was JSON."""
    error = body.get("error") if isinstance(body, dict) else None
    for field in ("code", "type"):
        code = error.get(field) if isinstance(error, dict) else None
        if isinstance(code, str) and code in CODES:
            return FAILURES[CODES[code]]
    default = "server" if status >= 500 else "bad_request"
    return FAILURES[STATUS.get(status, default)]


def of_exception(error: BaseException) -> Failure:
    """Return the failure of an exception of the SDK that carries no HTTP answer."""
    names = {base.__name__ for base in type(error).__mro__}
    if "APITimeoutError" in names or isinstance(error, TimeoutError):
        return FAILURES["timeout"]
    if "APIConnectionError" in names or isinstance(error, OSError):
        return FAILURES["connection"]
    return FAILURES["unexpected"]


def scrub(text: str, *secrets: str) -> str:
    """Return `text` without the given secrets and without anything that looks like a key."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return _LOOKS_LIKE_A_KEY.sub(r"\1***", text)


def brief(text: str, *secrets: str) -> str:
    """Return `text` scrubbed, on one line, and short enough for a record."""
    line = " ".join(scrub(text, *secrets).split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 3] + "..."
