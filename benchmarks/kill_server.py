"""A provider that keeps books: an OpenAI-compatible endpoint in a process of its own that writes down each request.

    python -m benchmarks.kill_server

It prints its URL, and serves until its standard input ends. Who asks is told by the key, so one endpoint can serve many
runs: `GET /log?key=K` is every request of K in its order, `GET /wait?key=K&marker=M&after=N` says whether a
request later than the N-th has text that the pattern M finds; it waits up to a second for one.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import zlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass

from aiohttp import web

from benchmarks.from_tests import good_answer

LEAST_WAIT_S, MOST_WAIT_S = 0.02, 0.12
LONG_POLL_S = 1.0


@dataclass
class Question:
    """One request that arrived. `written`: its whole answer went out to whoever had asked."""

    text: str
    at: float
    written: bool = False


class Books:
    """All requests by key."""

    def __init__(self) -> None:
        self.questions: dict[str, list[Question]] = defaultdict(list)
        self.more = asyncio.Condition()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Write the request down, wait, answer, and note whether all of the answer could be written."""
        text = str((await request.json())["messages"][-1]["content"])
        question = Question(text, time.monotonic())
        self.questions[request.headers["Authorization"].removeprefix("Bearer ")].append(question)
        async with self.more:
            self.more.notify_all()
        await asyncio.sleep(wait_of(text))
        response = web.Response(body=good_answer(text), content_type="application/json")
        with suppress(ConnectionError):  # whoever asked is gone
            await response.prepare(request)
            await response.write_eof()
            question.written = True
        return response

    async def log(self, request: web.Request) -> web.Response:
        """Say what one key has asked."""
        asked = self.questions[request.query["key"]]
        return web.json_response([asdict(question) for question in asked])

    async def wait(self, request: web.Request) -> web.Response:
        """Answer as soon as a request with the marker has come."""
        asked, marker = self.questions[request.query["key"]], request.query["marker"]
        after = int(request.query["after"])

        def has_come() -> bool:
            return any(re.search(marker, question.text) for question in asked[after:])

        try:
            async with asyncio.timeout(LONG_POLL_S), self.more:
                await self.more.wait_for(has_come)
        except TimeoutError:
            return web.json_response(False)
        return web.json_response(True)


def wait_of(text: str) -> float:
    """Return the seconds until the answer to a text; a function of the text, so that answers overtake each other."""
    return LEAST_WAIT_S + (MOST_WAIT_S - LEAST_WAIT_S) * zlib.crc32(text.encode()) / 2**32


async def _serve() -> None:
    books = Books()
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/chat/completions", books.chat),
            web.get("/log", books.log),
            web.get("/wait", books.wait),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(json.dumps(f"http://{host}:{port}"), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
