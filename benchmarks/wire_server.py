"""A local OpenAI-compatible endpoint that costs little: HTTP/1.1 by hand, one fixed answer, a wait, a cap.

    python -m benchmarks.wire_server [--wait 0.05] [--cap 200 --burst 20] [--retry-after-ms 5]

Prints its URL, and serves until its standard input ends. `GET /stats` says what it has seen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

BODY = json.dumps(
    {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 1,
        "model": "local",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41},
    }
).encode()
REFUSED = b'{"error": {"message": "rate limit", "type": "requests", "code": "rate_limit_exceeded"}}'


@dataclass
class Endpoint:
    """What the server does, and what it has seen.

    Args:
        wait_s: seconds from the end of a request to its answer.
        cap: requests answered in a second, None for any number; the others get 429.
        burst: requests that the cap lets through at once after a pause.
        retry_after_ms: in the header `retry-after-ms` of a refusal, None for no header.
    """

    wait_s: float = 0.0
    cap: float | None = None
    burst: float = 20.0
    retry_after_ms: float | None = None
    in_flight: int = 0
    most_in_flight: int = 0
    answered: int = 0
    refused: int = 0
    level: float = field(default=0.0, init=False)
    at: float = field(default=0.0, init=False)

    def lets_through(self) -> bool:
        """Take one from the bucket that the cap fills."""
        if self.cap is None:
            return True
        now = time.monotonic()
        self.level = min(self.burst, self.level + (now - self.at) * self.cap)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def stats(self) -> bytes:
        """Return what `GET /stats` says."""
        seen = {"answered": self.answered, "refused": self.refused, "most_in_flight": self.most_in_flight}
        return json.dumps(seen).encode()


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests on it come one after the other."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = _content_length(head)
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            if head.startswith(b"GET"):
                self._write(b"200 OK", self._endpoint.stats())
            else:
                self._answer()

    def _answer(self) -> None:
        endpoint = self._endpoint
        if not endpoint.lets_through():
            endpoint.refused += 1
            ms = endpoint.retry_after_ms
            self._write(b"429 Too Many Requests", REFUSED, b"" if ms is None else b"retry-after-ms: %d\r\n" % ms)
            return
        endpoint.in_flight += 1
        endpoint.most_in_flight = max(endpoint.most_in_flight, endpoint.in_flight)
        if endpoint.wait_s:
            asyncio.get_running_loop().call_later(endpoint.wait_s, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        self._endpoint.in_flight -= 1
        self._endpoint.answered += 1
        self._write(b"200 OK", BODY)

    def _write(self, status: bytes, body: bytes, headers: bytes = b"") -> None:
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
        self._transport.write(head % (status, headers, len(body)) + body)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _serve(endpoint: Endpoint) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(endpoint), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wait", type=float, default=0.0, help="seconds until an answer")
    parser.add_argument("--cap", type=float, help="answers in a second")
    parser.add_argument("--burst", type=float, default=20.0)
    parser.add_argument("--retry-after-ms", type=float)
    given = parser.parse_args()
    asyncio.run(_serve(Endpoint(given.wait, given.cap, given.burst, given.retry_after_ms)))


if __name__ == "__main__":
    main()
