"""Files and batches of the provider that keeps books (benchmarks/kill_server.py), in OpenAI's form."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from benchmarks.from_tests import good_answer

BATCH_S = 20.0
"""Seconds from the creation of a batch to its end."""


class Account:
    """All batches of all keys.

    Args:
        asked: writes down a text that is billed to a key.
        see: notes that a key has done something about texts.
    """

    def __init__(self, asked: Callable[[str, str], Awaitable[Any]], see: Callable[[str, str], Awaitable[None]]) -> None:
        self._asked, self._see = asked, see
        self._files: dict[str, list[dict[str, Any]]] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return where it is served."""
        return [
            web.post("/v1/files", self.upload),
            web.post("/v1/batches", self.create),
            web.get("/v1/batches", self.listed),
            web.get("/v1/batches/{id}", self.look),
            web.get("/v1/files/{id}/content", self.content),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file; nothing is billed yet."""
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        name = f"file-{len(self._files)}"
        self._files[name] = [json.loads(line) for line in file.file.read().splitlines()]
        await self._see(key_of(request), _texts(self._files[name]))
        about = {"bytes": 1, "created_at": 1, "filename": "batch.jsonl", "purpose": "batch", "status": "processed"}
        return web.json_response({"id": name, "object": "file", **about})

    async def create(self, request: web.Request) -> web.Response:
        """Create a batch: from now on each of its rows is billed."""
        body = await request.json()
        name = f"batch-{len(self._batches)}"
        self._batches[name] = {
            **{"id": name, "object": "batch", "status": "in_progress", "created_at": int(time.time())},
            **body,
            "ends": time.monotonic() + BATCH_S,
        }
        self._owners[name] = key_of(request)
        for row in self._files[body["input_file_id"]]:
            await self._asked(key_of(request), _text(row))
        return web.json_response(self._shown(name))

    async def listed(self, request: web.Request) -> web.Response:
        """List the batches of whoever asks, the newest first."""
        own = [self._shown(name) for name in reversed(self._batches) if self._owners[name] == key_of(request)]
        return web.json_response({"object": "list", "data": own, "has_more": False})

    async def look(self, request: web.Request) -> web.Response:
        """Say how far a batch is."""
        name = request.match_info["id"]
        await self._see(key_of(request), _texts(self._files[self._batches[name]["input_file_id"]]))
        return web.json_response(self._shown(name))

    async def content(self, request: web.Request) -> web.Response:
        """Send the answers of a batch."""
        rows = self._files[self._batches[request.match_info["id"].removeprefix("out-")]["input_file_id"]]
        lines = [
            {
                "custom_id": row["custom_id"],
                "response": {"status_code": 200, "body": json.loads(good_answer(_text(row)))},
                "error": None,
            }
            for row in reversed(rows)
        ]
        return web.Response(text="".join(json.dumps(line) + "\n" for line in lines))

    def _shown(self, name: str) -> dict[str, Any]:
        batch = dict(self._batches[name])
        if batch.pop("ends") > time.monotonic():
            return batch
        return {**batch, "status": "completed", "output_file_id": f"out-{name}"}


def key_of(request: web.Request) -> str:
    """Return who asks."""
    return request.headers["Authorization"].removeprefix("Bearer ")


def _text(row: dict[str, Any]) -> str:
    return str(row["body"]["messages"][-1]["content"])


def _texts(rows: list[dict[str, Any]]) -> str:
    return "\n".join(map(_text, rows))
