"""What can go wrong at an endpoint, in one table: class, whether to try again, whether to stop, and the fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """One class of failure.

    `stops`: every other request would fail in the same way, so the run ends with this error and its hint.
    `doubtful`: there may be no such API at that address. When the endpoint has never said anything else, a few of these
    in a row end the run.
    `congested`: the endpoint has too much to do, so fewer requests are sent at once.
    """

    kind: str
    retryable: bool
    hint: str
    stops: bool = False
    doubtful: bool = False
    congested: bool = False


FAILURES: dict[str, Failure] = {
    failure.kind: failure
    for failure in (
        Failure("auth", False, "set the environment variable that api_key_env names to a valid key", stops=True),
        Failure("quota", False, "add credit at the provider, or raise its spending limit", stops=True),
        Failure(
            "model_not_found", False, "check the model's name, which may have been retired, and base_url", stops=True
        ),
        Failure("moved", False, "set teacher.base_url to the address that the endpoint names", stops=True),
        Failure(
            "rate_limit", True, "lower teacher.concurrency, or ask the provider for a higher limit", congested=True
        ),
        Failure("overloaded", True, "the provider is overloaded; run again later", congested=True),
        Failure("server", True, "the endpoint failed; run again later"),
        Failure(
            "timeout", True, "the endpoint is slow; lower teacher.concurrency or shorten the input", congested=True
        ),
        Failure("connection", True, "check teacher.base_url, and that the endpoint is running", doubtful=True),
        Failure("stream_cut", True, "the connection broke in the middle of an answer; run again later"),
        Failure(
            "not_json",
            True,
            "check teacher.base_url: it must point at an OpenAI-compatible API, often with /v1",
            doubtful=True,
        ),
        Failure("not_utf8", True, "the endpoint sent bytes that are not UTF-8", doubtful=True),
        Failure("empty_body", True, "the endpoint sent nothing; run again later", doubtful=True),
        Failure("no_choices", True, "the endpoint sent no answer; run again later"),
        Failure("bad_request", False, "the endpoint refused this request; check teacher.params and the input's length"),
        Failure("content_filter", False, "the provider's filter held back the answer"),
        Failure("refusal", False, "the model refused to answer"),
        Failure("truncated", False, "the answer was cut before it began; raise teacher.params.max_tokens"),
        Failure("expired", True, "the batch ended before this request's turn; submit it again"),
        Failure("missing", True, "the batch's results lack this request; submit it again"),
        Failure("not_sent", True, "the run ended before this request was sent; run again"),
        Failure("unexpected", False, "this is not a known failure; the message has the details"),
    )
}

STATUS: dict[int, str] = {
    301: "moved",
    302: "moved",
    303: "moved",
    307: "moved",
    308: "moved",
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model_not_found",
    408: "timeout",
    409: "server",
    410: "model_not_found",
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
    "DeploymentNotFound": "model_not_found",
    "invalid_api_key": "auth",
}
"""The `code` of an error's body says more than its status."""

_INCOMPLETE = "complete message body"
"""What httpx says, without a class of its own, when fewer bytes came than were announced."""
_CONNECTION_ERRORS = {"APIConnectionError", "ClientConnectionError", "ClientResponseError", "TransportError", "OSError"}
"""Of the SDKs, of aiohttp (the third: no HTTP came back), of httpx, of Python."""

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
    """Return the failure of an exception, of aiohttp or of an SDK, that came instead of a whole HTTP answer."""
    names = {base.__name__ for one in (error, error.__cause__) for base in type(one).__mro__}
    if names & {"APITimeoutError", "TimeoutException", "TimeoutError"}:
        return FAILURES["timeout"]
    if "ClientPayloadError" in names or _INCOMPLETE in str(error.__cause__ or error):
        return FAILURES["stream_cut"]
    if names & _CONNECTION_ERRORS:
        return FAILURES["connection"]
    return FAILURES["unexpected"]


def scrub(text: str, *secrets: str) -> str:
    """Return `text` without the given secrets and without anything that looks like a key."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    if "sk-" not in text and "Bearer" not in text:  # the pattern costs more than all the rest, and bodies are long
        return text
    return _LOOKS_LIKE_A_KEY.sub(r"\1***", text)


def brief(text: str, *secrets: str) -> str:
    """Return `text` scrubbed, on one line, and short enough for a record."""
    line = " ".join(scrub(text, *secrets).split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 3] + "..."
