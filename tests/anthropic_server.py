"""A server that speaks Anthropic's Messages API and its batches: it checks requests as the provider does."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from local_api import Asked, LocalApi, Response, as_json

from gatekeeper.cost.prices import Price

KEY = "sk-ant-test-0123456789abcdef"
CACHE_PRICE = Price(
    model="a/c",
    input_per_m=Decimal(4),
    cached_input_per_m=Decimal("0.4"),
    cache_write_per_m=Decimal(5),
    output_per_m=Decimal(20),
    source="test",
    as_of=date(2026, 11, 1),
)
"""A price book entry in which a cache write costs more than plain input, and a read less."""
Says = Callable[[str], str]


def message(text: str = "yes", **changes: Any) -> dict[str, Any]:
    """A good message, with changes."""
    answer = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 11,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 3,
        },
    }
    return answer | changes


def error(status: int, kind: str, text: str = "no", **headers: str) -> Response:
    """An error as the provider sends it."""
    return as_json(error_value(kind, text), status, request_id="req_01", **headers)


def error_value(kind: str, text: str) -> dict[str, Any]:
    """The body of an error."""
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_01"}


def refusal_of(body: Any) -> str | None:
    """Why the provider would refuse a message's parameters with status 400; None: it would not."""
    if not isinstance(body, dict) or not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    turns = body.get("messages")
    if not isinstance(turns, list) or not turns:
        return "messages: at least one message is required"
    if any(turn.get("role") not in ("user", "assistant") for turn in turns):
        return 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter'
    known = {
        *("model", "messages", "max_tokens", "system", "temperature", "thinking", "stop_sequences", "top_k", "top_p"),
        *("metadata", "tools", "tool_choice", "stream", "service_tier", "output_config"),
    }
    unknown = sorted(set(body) - known)
    if unknown:
        return f"{unknown[0]}: Extra inputs are not permitted"
    budget = (body.get("thinking") or {}).get("budget_tokens", 0)
    return "`max_tokens` must be greater than `thinking.budget_tokens`" if budget >= body["max_tokens"] else None


def held_to(config: Any, text: str) -> str:
    """What a model says when its answer is held to a format: the JSON of the only key of its schema."""
    form = (config or {}).get("format")
    if form is None:
        return text
    assert form["type"] == "json_schema" and form["schema"]["additionalProperties"] is False
    (name,) = form["schema"]["required"]
    return json.dumps({name: next(one for one in form["schema"]["properties"][name]["enum"] if one == text)})


class AnthropicServer(LocalApi):
    """Answers messages by the last user turn, keeps a prompt cache by the marked prefix, and runs batches at once."""

    def __init__(self, says: Says = lambda text: "yes") -> None:
        super().__init__(self._route)
        self.says = says
        self.cached: set[str] = set()
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.made_at: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.looks = 2
        """Looks at a batch until it has ended; a cancelled one ends at once, without an answer."""
        self.billed: Counter[str] = Counter()
        """How often the answer to each text was made, in batches and live."""
        self._results_of: dict[str, bytes] = {}
        self.row: Callable[[dict[str, Any]], dict[str, Any] | None] = self.result
        """The result of a batch's row; None: the provider lost it."""

    def _route(self, asked: Asked) -> Response:
        if KEY not in (asked.headers.get("x-api-key"), asked.headers.get("authorization", "").removeprefix("Bearer ")):
            return error(401, "authentication_error", "invalid x-api-key")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", asked.headers.get("anthropic-version", "")):
            return error(400, "invalid_request_error", "anthropic-version: header is required")
        if asked.path == "/v1/messages" and asked.method == "POST":
            return self._message(asked.json)
        if asked.path == "/v1/messages/batches" and asked.method == "POST":
            return self._submit(asked.json)
        where = asked.path.partition("?")[0]
        if where == "/v1/messages/batches" and asked.method == "GET":
            listed = [self._batch(name) for name in reversed(self.batches)]
            return as_json({"data": listed, "has_more": False, "first_id": None, "last_id": None})
        found = re.fullmatch(r"/v1/messages/batches/([^/]+)(/results|/cancel)?", where)
        if found and found[1] in self.batches and (asked.method == "POST") == (found[2] == "/cancel"):
            if found[2] == "/results":
                return self._results(found[1])
            if found[2] == "/cancel":
                self.cancelled.add(found[1])
            return as_json(self._batch(found[1]))
        return error(404, "not_found_error", f"not found: {asked.path}")

    def _message(self, body: Any) -> Response:
        why = refusal_of(body)
        if why is not None:
            return error(400, "invalid_request_error", why)
        if body["model"] == "claude-retired":
            return error(404, "not_found_error", "model: claude-retired")
        asked = body["messages"][-1]["content"]
        said = self.says(asked)
        self.billed[str(asked)] += 1
        return as_json(message(held_to(body.get("output_config"), said), usage=self._usage(body)))

    def _usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        prefix = [block for block in body.get("system", []) if isinstance(block, dict)]
        marked = any("cache_control" in block for block in prefix)
        written = read = 0
        if marked:
            key = json.dumps(prefix, sort_keys=True)
            written, read = (0, 2000) if key in self.cached else (2000, 0)
            self.cached.add(key)
        return {
            "input_tokens": 11,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "output_tokens": 3,
        }

    def _submit(self, body: Any) -> Response:
        ids = [row["custom_id"] for row in body["requests"]]
        wrong = [one for one in ids if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one)]
        if wrong or len(set(ids)) != len(ids):
            return error(400, "invalid_request_error", "requests.0.custom_id: String should match pattern")
        name = f"msgbatch_{len(self.batches) + 1:02d}"
        self.batches[name] = body["requests"]
        self.made_at[name] = datetime.now(UTC).isoformat()
        return as_json(self._batch(name) | {"processing_status": "in_progress", "ended_at": None, "results_url": None})

    def _batch(self, name: str) -> dict[str, Any]:
        ended = self.polls(name) >= self.looks or name in self.cancelled
        count = len(self.batches[name])
        at = self.made_at[name]
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {
                "processing": 0 if ended else count,
                "succeeded": count if ended else 0,
                "errored": 0,
                "canceled": 0,
                "expired": 0,
            },
            "created_at": at,
            "expires_at": at,
            "ended_at": at if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{self.url}/v1/messages/batches/{name}/results" if ended else None,
        }

    def polls(self, name: str) -> int:
        """How often the state of a batch was asked for."""
        return sum(asked.method == "GET" and asked.path == f"/v1/messages/batches/{name}" for asked in self.asked)

    def result(self, row: dict[str, Any]) -> dict[str, Any]:
        """The result of a good row."""
        text = row["params"]["messages"][-1]["content"]
        self.billed[text] += 1
        return {"type": "succeeded", "message": message(self.says(text))}

    def _results(self, name: str) -> Response:
        if name not in self._results_of:
            rows = [(row["custom_id"], self._ended(name, row)) for row in reversed(self.batches[name])]
            lines = [json.dumps({"custom_id": key, "result": result}) for key, result in rows if result is not None]
            self._results_of[name] = "".join(line + "\n" for line in lines).encode()
        return Response(200, self._results_of[name], {"Content-Type": "application/x-jsonl"})

    def _ended(self, name: str, row: dict[str, Any]) -> dict[str, Any] | None:
        return {"type": "canceled"} if name in self.cancelled and self.polls(name) < self.looks else self.row(row)
