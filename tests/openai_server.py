"""A server that speaks OpenAI's Chat Completions and Responses: it checks requests as the provider does."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from local_api import Asked, LocalApi, Response, as_json

KEY = "sk-test-0123456789abcdef"
REASONING = "o-test"
"""A model that thinks: it refuses `max_tokens` and log-probabilities, as OpenAI's do."""
Says = Callable[[str], str]

_CHAT = {
    *("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "logprobs", "top_logprobs"),
    *("response_format", "reasoning_effort", "seed", "stop", "store", "verbosity"),
}
_RESPONSES = {
    *("model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "top_logprobs", "include"),
    *("text", "reasoning", "store", "truncation", "metadata"),
}


def error(message: str, param: str, status: int = 400, code: str | None = None) -> Response:
    """An error as the provider sends it."""
    kind = "invalid_request_error"
    return as_json({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def tokens_of(text: str, others: list[str]) -> list[dict[str, Any]]:
    """Log-probabilities of an answer's tokens, cut at quotes; at each, other tokens could have stood (share 0.1)."""
    cut = text.replace('"', '\0"\0').split("\0")
    found = []
    for token in (part for part in cut if part):
        listed = [(token, 0.8)] + [(other, 0.1) for other in others if other != token]
        top = [{"token": one, "logprob": math.log(share), "bytes": list(one.encode())} for one, share in listed]
        found.append({**top[0], "top_logprobs": top})
    return found


class OpenAIServer(LocalApi):
    """Answers by the last user turn. `usage` is what both APIs report, each in its own words."""

    def __init__(
        self, says: Says = lambda text: "yes", others: tuple[str, ...] = (), extra: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(self._route)
        self.says = says
        self.extra = extra
        """Parameters of chat that servers other than OpenAI's take, too."""
        self.others = list(others)
        self.usage = {"in": 11, "out": 3, "cached": 4, "written": 0, "reasoning": 0}
        self.changes: dict[str, Any] = {}
        """Fields of the body that come out otherwise."""

    def _route(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return error("Incorrect API key provided", "", 401, "invalid_api_key")
        if asked.method == "POST" and asked.path == "/v1/chat/completions":
            return self._chat(asked.json)
        if asked.method == "POST" and asked.path == "/v1/responses":
            return self._response(asked.json)
        return error(f"Invalid URL ({asked.path})", "", 404)

    def _chat(self, body: dict[str, Any]) -> Response:
        unknown = sorted(set(body) - _CHAT - self.extra)
        if unknown:
            return error(f"Unrecognized request argument supplied: {unknown[0]}", unknown[0])
        if "max_tokens" in body and (body["model"] == REASONING or "max_completion_tokens" in body):
            return error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens")
        wanted = (body.get("response_format") or {}).get("json_schema")
        text = self._said(body["messages"][-1]["content"], wanted)
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "finish_reason": "stop",
            "logprobs": {"content": tokens_of(text, self.others), "refusal": None} if body.get("logprobs") else None,
        }
        value = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"]}
        return as_json(value | {"choices": [choice], "usage": self._usage("prompt", "completion")} | self.changes)

    def _response(self, body: dict[str, Any]) -> Response:
        unknown = sorted(set(body) - _RESPONSES)
        if unknown:
            return error(f"Unknown parameter: '{unknown[0]}'.", unknown[0], code="unknown_parameter")
        if body.get("max_output_tokens", 16) < 16:
            return error("Invalid 'max_output_tokens': integer below minimum value.", "max_output_tokens")
        form = (body.get("text") or {}).get("format") or {}
        asked = body["input"][-1]["content"]
        part: dict[str, Any] = {
            "type": "output_text",
            "text": self._said(asked, form or None),
            "annotations": [],
            "logprobs": [],
        }
        if "message.output_text.logprobs" in body.get("include", []):
            part["logprobs"] = tokens_of(part["text"], self.others)
        said = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
        thought: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}
        value = {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "model": body["model"],
            "output": [thought, said] if body["model"] == REASONING else [said],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "store": body.get("store", True),
            "usage": self._usage("input", "output"),
        }
        return as_json(value | self.changes)

    def _said(self, text: str, wanted: dict[str, Any] | None) -> str:
        if wanted is None:
            return self.says(text)
        schema = wanted["schema"]
        assert wanted["strict"] is True and wanted["name"], "a format has a name, and strict is asked for"
        assert schema["additionalProperties"] is False and schema["required"] == list(schema["properties"])
        (name,) = schema["properties"]
        labels = schema["properties"][name]["enum"]
        return json.dumps({name: next(one for one in labels if one == self.says(text))})

    def _usage(self, given: str, made: str) -> dict[str, Any]:
        counts = self.usage
        return {
            f"{given}_tokens": counts["in"],
            f"{given}_tokens_details": {"cached_tokens": counts["cached"], "cache_write_tokens": counts["written"]},
            f"{made}_tokens": counts["out"],
            f"{made}_tokens_details": {"reasoning_tokens": counts["reasoning"]},
            "total_tokens": counts["in"] + counts["out"],
        }
