"""A local HTTP server that can answer well and badly: the ground of the servers that speak a provider's protocol."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Response:
    """What the server sends back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    reset: bool = False
    """True: the connection is reset and nothing is sent."""
    cut: bool = False
    """True: the connection ends in the middle of the body."""


def as_json(value: Any, status: int = 200, **headers: str) -> Response:
    """A response with a JSON body; header names are written with `_`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, json.dumps(value).encode(), {**JSON, **named})


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    nth: int = 0
    """Its place among the requests of the server, from 1. Those that are in flight together see one number each."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Answer = Callable[[Asked], Response]


class LocalApi:
    """Serves on a free port; `fault` may answer a request in place of `answer`, and says None where it does not."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.fault: Callable[[Asked], Response | None] = lambda asked: None
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._serve("POST")

            def do_GET(self) -> None:
                self._serve("GET")

            def _serve(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                lowered = {name.lower(): value for name, value in self.headers.items()}
                with api.lock:
                    asked = Asked(method, self.path, lowered, body, len(api.asked) + 1)
                    api.asked.append(asked)
                _send(self, api.fault(asked) or api.answer(asked))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def _send(handler: BaseHTTPRequestHandler, response: Response) -> None:
    if response.after_s:
        time.sleep(response.after_s)
    if response.reset:
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        return
    handler.close_connection = handler.close_connection or response.cut
    try:
        handler.send_response(response.status)
        for name, value in response.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(response.body) + (1000 if response.cut else 0)))
        handler.end_headers()
        handler.wfile.write(response.body)
    except OSError:
        handler.close_connection = True  # whoever asked is gone


@contextmanager
def serving(api: LocalApi) -> Iterator[LocalApi]:
    """Serve until the block ends."""
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.server.shutdown()
        api.server.server_close()
        thread.join()
