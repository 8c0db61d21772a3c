"""How many requests per second: aiohttp by itself, gatekeeper's stream on top of it, the openai SDK by itself.

    python -m benchmarks.wire

A local server (benchmarks/wire_server.py, a process of its own) answers at once or after 50 ms. The three take turns,
so that the load of the machine meets all of them alike; read the ratios. Then the server answers 200 requests in a
second and refuses the others: how much of that is used, and does any item fail?
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import aiohttp
import openai

from benchmarks.results import ROOT, write_result
from gatekeeper.models.concurrency import ConcurrencyPolicy
from gatekeeper.models.limits import RateLimits
from gatekeeper.models.openai import OpenAIModel
from gatekeeper.records import Message, Request

SEED, REPEATS = 1, 3
REQUESTS = {"aiohttp": 1500, "gatekeeper": 1500, "openai SDK": 250}
CAP, BURST, CAPPED_REQUESTS, CAPPED_CONCURRENCY = 200, 100, 2000, 64
KEY = "sk-benchmark-0000"
TEXT = (
    "Is this message about a card that was lost or stolen? Answer yes or no. Message {number}: I cannot find my card."
)

Client = Callable[[str, int, int], None]
"""From base URL, number of requests and concurrency: send them all."""


@contextmanager
def serving(**options: object) -> Iterator[str]:
    """Run the server in a process; yield its URL."""
    given = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "benchmarks.wire_server", *given]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def questions(count: int) -> list[Request]:
    """Return `count` different requests."""
    texts = [TEXT.format(number=number) for number in range(count)]
    return [
        Request(item_id=str(number), text=text, messages=(Message(role="user", content=text),))
        for number, text in enumerate(texts)
    ]


def by_aiohttp(url: str, count: int, concurrency: int) -> None:
    """Send, and parse the JSON of the answers; nothing else."""
    numbers = iter(range(count))

    async def work(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            message = {"role": "user", "content": TEXT.format(number=number)}
            data = json.dumps({"model": "m", "messages": [message], "max_tokens": 16}).encode()
            async with session.post(f"{url}/v1/chat/completions", data=data) as response:
                json.loads(await response.read())

    async def everything() -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            await asyncio.gather(*(work(session) for _ in range(concurrency)))

    asyncio.run(everything())


def by_gatekeeper(url: str, count: int, concurrency: int) -> None:
    """Send from a source, and make the records: usage, body, content key."""
    policy = ConcurrencyPolicy(concurrency, fixed=True)
    model = OpenAIModel("m", base_url=f"{url}/v1", api_key=KEY, concurrency=policy)
    assert sum(answer.ok for answer in model.complete(iter(questions(count)))) == count


def by_sdk(url: str, count: int, concurrency: int) -> None:
    """Send, and let the SDK parse the answers."""
    numbers = iter(range(count))

    async def work(client: openai.AsyncOpenAI) -> None:
        for number in numbers:
            message: Any = {"role": "user", "content": TEXT.format(number=number)}
            await client.chat.completions.create(model="m", messages=[message], max_tokens=16)

    async def everything() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0) as client:
            await asyncio.gather(*(work(client) for _ in range(concurrency)))

    asyncio.run(everything())


CLIENTS: dict[str, Client] = {"aiohttp": by_aiohttp, "gatekeeper": by_gatekeeper, "openai SDK": by_sdk}


def speed(wait_s: float, concurrency: int) -> dict[str, Any]:
    """Return the median requests per second of each client, by the wall clock and by the CPU of this process."""
    wall: dict[str, list[float]] = {name: [] for name in CLIENTS}
    cpu: dict[str, list[float]] = {name: [] for name in CLIENTS}
    with serving(wait=wait_s) as url:
        for _ in range(REPEATS):
            for name, client in CLIENTS.items():
                began, began_cpu = time.perf_counter(), time.process_time()
                client(url, REQUESTS[name], concurrency)
                wall[name].append(REQUESTS[name] / (time.perf_counter() - began))
                cpu[name].append(REQUESTS[name] / (time.process_time() - began_cpu))
    return {
        "wait_ms": round(1000 * wait_s),
        "concurrency": concurrency,
        "per_second": {name: round(statistics.median(rates)) for name, rates in wall.items()},
        "per_cpu_second": {name: round(statistics.median(rates)) for name, rates in cpu.items()},
    }


def capped(wait_s: float, *, told: bool = False, **headers: float) -> dict[str, Any]:
    """Return what came through a server that refuses more than `CAP` requests in a second.

    Args:
        wait_s: seconds until an answer.
        told: the client knows the cap beforehand; what is missing then is the machine's.
        headers: options of the server for its refusals.
    """
    with serving(wait=wait_s, cap=CAP, burst=BURST, **headers) as url:
        model = OpenAIModel(
            "m",
            base_url=f"{url}/v1",
            api_key=KEY,
            concurrency=CAPPED_CONCURRENCY,
            rate_limits=RateLimits(requests_per_minute=60 * CAP if told else None),
            seed=SEED,
        )
        began = time.perf_counter()
        answers = list(model.complete(iter(questions(CAPPED_REQUESTS))))
        seconds = time.perf_counter() - began
        with urlopen(f"{url}/stats") as response:
            seen = json.loads(response.read())
    return {
        "wait_ms": round(1000 * wait_s),
        "told": told,
        "retry_after": bool(headers),
        "per_second": round(len(answers) / seconds, 1),
        "share_of_cap": round(len(answers) / seconds / CAP, 3),
        "failed": sum(not answer.ok for answer in answers),
        "refused": seen["refused"],
        "most_attempts": max(answer.attempts for answer in answers),
    }


def main() -> None:
    """Measure and write benchmarks/results/wire.json."""
    load_before = os.getloadavg()[0]
    rows = [speed(wait_s, concurrency) for wait_s in (0.0, 0.05) for concurrency in (64, 256)]
    cap_rows = [capped(0.05, told=True), capped(0.0), capped(0.05), capped(0.0, retry_after_ms=1000 / CAP)]
    write_result(
        "wire",
        seed=SEED,
        load={"before": round(load_before, 1), "after": round(os.getloadavg()[0], 1)},
        clients={"aiohttp": aiohttp.__version__, "openai": openai.__version__},
        requests=REQUESTS,
        repeats=REPEATS,
        rows=rows,
        cap={
            "per_second": CAP,
            "burst": BURST,
            "requests": CAPPED_REQUESTS,
            "concurrency": CAPPED_CONCURRENCY,
            "rows": cap_rows,
        },
    )


if __name__ == "__main__":
    main()
