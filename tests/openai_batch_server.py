"""OpenAI's files and batches beside its live APIs: a batch is done at the second look, and its books are kept."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from local_api import Asked, Response, as_json
from openai_server import KEY, OpenAIServer, Says

Row = dict[str, Any]
_CODES = {"expired": "batch_expired", "cancelled": "batch_cancelled"}


def text_of(row: Row) -> str:
    """The text that a row of a batch asks about."""
    return str(row["body"]["messages"][-1]["content"])


class OpenAIBatchServer(OpenAIServer):
    """One account; `billed` counts how often the answer to each text was made, in batches and live."""

    def __init__(self, says: Says = str.upper) -> None:
        super().__init__(says)
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.billed: Counter[str] = Counter()
        self.looks = 2
        """Looks at a batch until it has ended."""
        self.status = "completed"
        """How batches end."""
        self.errors: list[dict[str, Any]] = [{"code": "c", "message": "bad url", "line": 3}]
        """Of a batch that fails as a whole."""
        self.row: Callable[[Row], Row | None] = self.good
        """The result of a row; None: the provider lost it."""

    def good(self, row: Row) -> Row:
        """A good row of the output file."""
        self.billed[text_of(row)] += 1
        body = json.loads(self._chat(row["body"]).body)
        return {"response": {"status_code": 200, "request_id": "r", "body": body}, "error": None}

    def late(self, row: Row) -> Row:
        """A row that nobody came to."""
        code = _CODES.get(self.status, "batch_expired")
        return {"response": None, "error": {"code": code, "message": "not executed in time"}}

    def rows_of(self, name: str) -> list[Row]:
        """What a batch asks."""
        return [json.loads(line) for line in self.files[self.batches[name]["input_file_id"]].splitlines()]

    def _route(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return as_json({"error": {"message": "bad key", "code": "invalid_api_key"}}, 401)
        where = (asked.method, asked.path.partition("?")[0])
        if where == ("POST", "/v1/files"):
            return self._file(asked)
        if where == ("POST", "/v1/batches"):
            return self._create(asked.json)
        if where == ("GET", "/v1/batches"):
            return as_json({"object": "list", "data": list(reversed(self.batches.values())), "has_more": False})
        if found := re.fullmatch(r"/v1/batches/(\w+)(/cancel)?", where[1]):
            if found[1] not in self.batches:
                return as_json({"error": {}}, 404)
            return as_json(self._cancel(found[1]) if found[2] else self._look(found[1]))
        if found := re.fullmatch(r"/v1/files/(\w+)/content", where[1]):
            return Response(200, self.files[found[1]])
        if asked.method == "POST" and asked.path == "/v1/chat/completions":
            self.billed[asked.json["messages"][-1]["content"]] += 1
        return super()._route(asked)

    def _file(self, asked: Asked) -> Response:
        content = re.search(rb'name="file"; filename="batch.jsonl".*?\r\n\r\n(.*?)\r\n--', asked.body, re.DOTALL)
        assert content is not None and b'name="purpose"\r\n\r\nbatch' in asked.body
        name = f"file{len(self.files)}"
        self.files[name] = content[1]
        about = {"bytes": len(content[1]), "created_at": 1, "filename": "batch.jsonl", "purpose": "batch"}
        return as_json({"id": name, "object": "file", "status": "processed", **about})

    def _create(self, body: Any) -> Response:
        assert body["endpoint"] == "/v1/chat/completions" and body["completion_window"] == "24h"
        name = f"batch{len(self.batches)}"
        at = int(time.time())
        self.batches[name] = {"id": name, "object": "batch", "created_at": at, "status": "in_progress", **body}
        return as_json(self.batches[name])

    def _cancel(self, name: str) -> dict[str, Any]:
        if self.batches[name]["status"] == "in_progress":
            self.batches[name]["status"] = "cancelling"
        return self.batches[name]

    def _look(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        looked = sum(asked.path.endswith(f"/{name}") for asked in self.asked)
        if "output_file_id" in batch or (batch["status"] == "in_progress" and looked < self.looks):
            return batch
        batch["status"] = "cancelled" if batch["status"] == "cancelling" else self.status
        if batch["status"] == "failed":
            return batch | {"errors": {"object": "list", "data": self.errors}}
        answers = [(row["custom_id"], self.row(row)) for row in reversed(self.rows_of(name))]
        lines = [json.dumps({"id": "r", "custom_id": one, **row}) for one, row in answers if row is not None]
        good = [line for line in lines if '"error": null' in line]
        self.files[f"out_{name}"] = "".join(line + "\n" for line in good).encode()
        self.files[f"err_{name}"] = "".join(line + "\n" for line in lines if line not in good).encode()
        failed = f"err_{name}" if len(lines) > len(good) else None
        batch |= {"output_file_id": f"out_{name}" if good else None, "error_file_id": failed}
        return batch
