"""The two processes that benchmarks/asking.py compares: gatekeeper's whole way of asking, and the least that could do.

    python -m benchmarks.asking_clients gatekeeper SUITE STORE
    python -m benchmarks.asking_clients raw ROWS.jsonl STORE URL CONCURRENCY
    python -m benchmarks.asking_clients start SUITE STORE

Each begins with an empty store and ends when every answer is in a table of it; `start` asks nothing. The last line on
standard output is one JSON object: seconds of the asking alone, with what came between the last answer and its row;
gatekeeper's holds those of opening and of each tenth of the answers as well.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

TENTHS = 10


def by_gatekeeper(suite: str, store: str) -> dict[str, Any]:
    """Ask the teacher of a suite about its development split, as `gatekeeper evaluate` does; score and store."""
    from gatekeeper.run.opening import open_session
    from gatekeeper.run.progress import Silent
    from gatekeeper.stages.evaluate import evaluate_teacher
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    class Watch(Silent):
        """Notes when each answer was counted as done."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def advance(self, count: int = 1) -> None:
            """Note the time once for each answer."""
            self.times += [time.perf_counter()] * count

    watch = Watch()
    began = time.perf_counter()
    with open_session(load_suite(Path(suite)), Store(store), progress=watch) as session:
        rows = session.split("dev")
        opened = time.perf_counter()
        answers = evaluate_teacher(session, rows, "asking")
        ended = time.perf_counter()
        assert len(answers) == len(rows) and all(one.ok for one in answers)
    return {"open_s": opened - began, "ask_s": ended - opened, "tenths_s": tenths(opened, watch.times)}


def start(suite: str, store: str) -> dict[str, Any]:
    """Import what asking needs, and open a session."""
    from gatekeeper.run.opening import open_session
    from gatekeeper.stages.evaluate import evaluate_teacher  # noqa: F401 - its import belongs to the start
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    began = time.perf_counter()
    with open_session(load_suite(Path(suite)), Store(store)):
        return {"open_s": time.perf_counter() - began}


def tenths(began: float, times: list[float]) -> list[float]:
    """Return the seconds of each tenth of the answers."""
    edges = [began, *(times[len(times) * part // TENTHS - 1] for part in range(1, TENTHS + 1))]
    return [round(later - earlier, 4) for earlier, later in pairwise(edges)]


def by_hand(rows: str, store: str, url: str, concurrency: str) -> dict[str, Any]:
    """Post every row by aiohttp, parse the JSON of the answers, and insert them from one Arrow table."""
    import aiohttp
    import duckdb
    import pyarrow as pa

    texts = {row["id"]: row["text"] for row in map(json.loads, Path(rows).read_text(encoding="utf-8").splitlines())}
    found: list[tuple[str, str, int, int, str]] = []

    async def work(session: aiohttp.ClientSession, waiting: Any) -> None:
        for row_id, text in waiting:
            message = {"role": "user", "content": text}
            data = json.dumps({"model": "m", "messages": [message], "max_tokens": 16}).encode()
            async with session.post(f"{url}/v1/chat/completions", data=data) as response:
                body = await response.read()
            value = json.loads(body)
            usage, answer = value["usage"], value["choices"][0]["message"]["content"]
            found.append((row_id, answer, usage["prompt_tokens"], usage["completion_tokens"], body.decode()))

    async def everything() -> None:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
            waiting = iter(texts.items())
            await asyncio.gather(*(work(session, waiting) for _ in range(int(concurrency))))

    began = time.perf_counter()
    asyncio.run(everything())
    columns = ("row_id", "output", "input_tokens", "output_tokens", "raw")
    incoming = pa.table([list(values) for values in zip(*found, strict=True)], names=list(columns))
    with duckdb.connect(store) as connection:
        connection.register("incoming", incoming)
        connection.execute("CREATE TABLE answers AS SELECT * FROM incoming")
    return {"ask_s": time.perf_counter() - began}


if __name__ == "__main__":
    ways: dict[str, Callable[..., dict[str, Any]]] = {"gatekeeper": by_gatekeeper, "raw": by_hand, "start": start}
    print(json.dumps(ways[sys.argv[1]](*sys.argv[2:])))
