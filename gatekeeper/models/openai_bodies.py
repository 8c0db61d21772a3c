"""What is sent to OpenAI and to whatever is compatible with it: a body for each API, from the same request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from gatekeeper.records import Request

OpenAIApi = Literal["chat", "responses"]
"""chat: Chat Completions; responses: the Responses API."""

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_HOST = "api.openai.com"
PATHS: dict[OpenAIApi, str] = {"chat": "/chat/completions", "responses": "/responses"}
"""Path of each API below the base URL."""
DEFAULT_MAX_TOKENS = 16
_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""Names of the limit of an answer; the first that is given holds."""
_LOGPROBS = "message.output_text.logprobs"


def is_openai(base_url: str | None) -> bool:
    """Whether a base URL is OpenAI's own."""
    return base_url is None or urlsplit(base_url).hostname == OPENAI_HOST


def most_output_tokens(params: Mapping[str, Any]) -> int:
    """Return the limit of the answer, by whichever name it was given."""
    return next((int(params[name]) for name in _LIMITS if params.get(name) is not None), DEFAULT_MAX_TOKENS)


def request_body(
    api: OpenAIApi, model: str, request: Request, params: Mapping[str, Any], base_url: str | None
) -> dict[str, Any]:
    """Return the body of one request to `api`.

    Args:
        api: which of the two.
        model: name at the endpoint.
        request: what is asked.
        params: the model's parameters with the request's own on top. What is asked and of whom is never theirs to say.
        base_url: endpoint, None for OpenAI's own.
    """
    if api == "responses":
        return responses_body(model, request, params)
    return chat_body(model, request, params, own=is_openai(base_url))


def chat_body(model: str, request: Request, params: Mapping[str, Any], *, own: bool) -> dict[str, Any]:
    """Return the body of a chat completion.

    The limit is sent by one name only. OpenAI's reasoning models refuse `max_tokens`, and all its models take
    `max_completion_tokens`; many other servers know `max_tokens` alone.

    Args:
        own: OpenAI's own endpoint, which is told the limit by its newer name.
    """
    limit = most_output_tokens(params)
    name = "max_completion_tokens" if own or params.get("max_completion_tokens") is not None else "max_tokens"
    rest = {key: value for key, value in params.items() if key not in _LIMITS}
    messages = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    return {**rest, name: limit, "model": model, "messages": messages}


def responses_body(model: str, request: Request, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a response.

    A first system turn becomes `instructions`, every other turn an item of `input`. Parameters that are called
    otherwise in chat are translated: the limit, `logprobs`, `reasoning_effort`. Nothing is stored at the provider
    unless `store: true` is given.
    """
    rest = {key: value for key, value in params.items() if key not in _LIMITS}
    effort = rest.pop("reasoning_effort", None)
    if effort is not None:
        rest["reasoning"] = {"effort": effort, **(rest.get("reasoning") or {})}
    if rest.pop("logprobs", False):
        given = rest.get("include") or []
        rest["include"] = [*given, *([] if _LOGPROBS in given else [_LOGPROBS])]
    turns = list(request.messages)
    told = {"instructions": turns.pop(0).content} if len(turns) > 1 and turns[0].role == "system" else {}
    asked = [{"role": turn.role, "content": turn.content} for turn in turns]
    return {
        "store": False,
        **rest,
        "max_output_tokens": most_output_tokens(params),
        "model": model,
        **told,
        "input": asked,
    }
