"""A provider that keeps books: an OpenAI-compatible endpoint in a process of its own that writes down each request.

    python -m benchmarks.kill_server

It prints its URL, and serves until its standard input ends. Who asks is told by the key, so one endpoint can serve many
runs: `GET /log?key=K` is every request of K in its order, `GET /seen?key=K` how often K has asked, handed over or
looked after anything, and `GET /wait?key=K&marker=M&after=N` says whether something later than the N-th of these has
text that the pattern M finds; it waits up to a second for one. Batches are in benchmarks/kill_batches.py.
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
from benchmarks.kill_batches import Account, key_of

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
        self.seen: dict[str, list[str]] = defaultdict(list)
        """Texts in the order in which something was done about them; a batch counts by all of its texts at once."""
        self.more = asyncio.Condition()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Write the request down, wait, answer, and note whether all of the answer could be written."""
        text = str((await request.json())["messages"][-1]["content"])
        question = await self.asked(key_of(request), text)
        await asyncio.sleep(wait_of(text))
        response = web.Response(body=good_answer(text), content_type="application/json")
        with suppress(ConnectionError):  # whoever asked is gone
            await response.prepare(request)
            await response.write_eof()
            question.written = True
        return response

    async def asked(self, key: str, text: str) -> Question:
        """Write down that somebody has asked, who will be billed for it."""
        question = Question(text, time.monotonic())
        self.questions[key].append(question)
        await self.see(key, text)
        return question

    async def see(self, key: str, text: str) -> None:
        """Note that somebody has done something about a text, or about several of them."""
        self.seen[key].append(text)
        async with self.more:
            self.more.notify_all()

    async def count(self, request: web.Request) -> web.Response:
        """Say how often one key has done anything."""
        return web.json_response(len(self.seen[request.query["key"]]))

    async def log(self, request: web.Request) -> web.Response:
        """Say what one key has asked."""
        asked = self.questions[request.query["key"]]
        return web.json_response([asdict(question) for question in asked])

    async def wait(self, request: web.Request) -> web.Response:
        """Answer as soon as a request with the marker has come."""
        seen, marker = self.seen[request.query["key"]], request.query["marker"]
        after = int(request.query["after"])

        def has_come() -> bool:
            return any(re.search(marker, text) for text in seen[after:])

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
    account = Account(books.asked, books.see)
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/chat/completions", books.chat),
            *account.routes(),
            web.get("/log", books.log),
            web.get("/seen", books.count),
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
