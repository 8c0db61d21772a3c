"""The stream of requests against real local servers: how many at once, how fast, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.wire_server import Connection, Endpoint
from gatekeeper.models.answers import Answer
from gatekeeper.models.api import ApiModel
from gatekeeper.models.base import Model
from gatekeeper.models.concurrency import START, ConcurrencyPolicy
from gatekeeper.models.limits import RateLimits
from gatekeeper.models.openai import OpenAIModel, is_near
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.models.stream import THREAD
from gatekeeper.models.wire import Reply, answered
from gatekeeper.records import Completion, Message, Request

ROOT = Path(__file__).parent.parent


class Crowded(Endpoint):
    """Refuses whoever comes while `places` requests are being answered."""

    places = 6

    def lets_through(self) -> bool:
        return self.in_flight < self.places


@contextmanager
def served(endpoint: Endpoint) -> Iterator[str]:
    """Serve `endpoint` from a thread; yield its base URL."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: Connection(endpoint), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def ask(number: int) -> Request:
    text = f"question {number}"
    return Request(item_id=str(number), text=text, messages=(Message(role="user", content=text),))


def run(url: str, count: int, most: int, **options: Any) -> list[Completion]:
    policy = RetryPolicy(base_s=0.02)
    options = {"concurrency": ConcurrencyPolicy(most), "policy": policy, "seed": 1} | options
    return list(OpenAIModel("m", base_url=url, **options).complete(ask(n) for n in range(count)))


def test_more_and_more_requests_are_in_flight_while_nothing_fails() -> None:
    endpoint = Endpoint(wait_s=0.01)
    with served(endpoint) as url:
        assert all(answer.ok for answer in run(url, START, 32))
        assert endpoint.most_in_flight <= START, "it begins with few"
        answers = run(url, 300, 32)
    assert all(answer.ok for answer in answers) and len({answer.item_id for answer in answers}) == 300
    assert START < endpoint.most_in_flight <= 32


def test_a_fixed_number_is_in_flight_from_the_beginning() -> None:
    endpoint = Endpoint(wait_s=0.05)
    with served(endpoint) as url:
        run(url, 20, 20, concurrency=ConcurrencyPolicy(20, fixed=True))
    assert endpoint.most_in_flight == 20


def test_a_server_with_few_places_is_not_flooded_and_no_item_fails() -> None:
    adaptive, flooded = Crowded(wait_s=0.01), Crowded(wait_s=0.01)
    with served(adaptive) as url:
        answers = run(url, 200, 64)
    with served(flooded) as url:
        run(url, 200, 64, concurrency=ConcurrencyPolicy(64, fixed=True))
    assert all(answer.ok for answer in answers) and adaptive.answered == 200
    assert adaptive.refused < min(60, flooded.refused)


@pytest.mark.parametrize("retry_after_ms", [None, 10.0])
def test_no_item_fails_at_a_hard_cap(retry_after_ms: float | None) -> None:
    endpoint = Endpoint(cap=300, burst=10, retry_after_ms=retry_after_ms)
    with served(endpoint) as url:
        answers = run(url, 300, 64, policy=RetryPolicy())
    assert all(answer.ok for answer in answers) and endpoint.answered == 300
    assert 0 < endpoint.refused < 300


def test_the_rate_that_the_suite_gives_is_kept_to() -> None:
    endpoint = Endpoint(cap=45, burst=25)
    with served(endpoint) as url:
        began = time.monotonic()
        answers = run(url, 35, 16, rate_limits=RateLimits(requests_per_minute=1200))
        taken = time.monotonic() - began
    assert all(answer.attempts == 1 for answer in answers) and endpoint.refused == 0
    assert taken >= (35 - 20) / 20 - 0.01


def test_what_was_pulled_and_not_yielded_yet_never_exceeds_the_places() -> None:
    """So money is reserved for `most` requests at once and for no more, whatever arrives together."""
    open_requests = worst = 0

    def source() -> Iterator[Request]:
        nonlocal open_requests, worst
        for number in range(60):
            open_requests += 1
            worst = max(worst, open_requests)
            yield ask(number)

    with served(Endpoint(wait_s=0.005)) as url:
        for most in (1, 5):
            model = OpenAIModel("m", base_url=url, concurrency=ConcurrencyPolicy(most))
            for _ in model.complete(source()):
                open_requests -= 1
            assert (open_requests, worst) == (0, most)
            worst = 0


class Local:
    """A wire without a network: what it says is a function of the text and of how often it was asked."""

    name, endpoint = "local", "nowhere"

    def __init__(self, say: Any) -> None:
        self._say = say
        self.opened = self.closed = 0

    async def open(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    async def send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        await asyncio.sleep(0.001)
        return self._say(request, params)

    def most_output_tokens(self, params: Mapping[str, Any]) -> int:
        return int(params["most"])


def test_any_wire_will_do_and_a_fault_of_it_fails_one_request() -> None:
    wires: list[Local] = []

    def say(request: Request, params: Mapping[str, Any]) -> Reply:
        if request.item_id == "3":
            raise ZeroDivisionError("a slip")
        return answered(Answer(output=str(params["most"])), "body with a secret-word in it")

    def make() -> Local:
        wires.append(Local(say))
        return wires[-1]

    model = ApiModel(make, params={"most": 5}, secrets=["secret-word", ""], price_id="x/y")
    assert isinstance(model, Model) and model.upper_bound(ask(1)).output_tokens == 5
    answers = {answer.item_id: answer for answer in model.complete(ask(n) for n in range(6))}
    bad = answers.pop("3")
    assert (bad.error_class, bad.error_message, bad.attempts) == ("unexpected", "ZeroDivisionError: a slip", 1)
    assert len(answers) == 5 and all(answer.ok and answer.output == "5" for answer in answers.values())
    assert {answer.raw for answer in answers.values()} == {"body with a *** in it"}
    assert [(wire.opened, wire.closed) for wire in wires] == [(0, 0), (1, 1)]


def test_closing_early_cancels_what_is_in_flight_and_ends_thread_and_wire() -> None:
    wire = Local(lambda request, params: answered(Answer(output="x"), ""))
    answers = ApiModel(lambda: wire, params={"most": 1}).complete(ask(n) for n in range(1000))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert wire.closed == 1 and THREAD not in {thread.name for thread in threading.enumerate()}


def test_a_wire_that_cannot_open_says_so_and_leaves_no_thread() -> None:
    class Shut(Local):
        async def open(self) -> None:
            raise OSError("no such socket")

    with pytest.raises(OSError, match="no such socket"):
        list(ApiModel(lambda: Shut(None), params={"most": 1}).complete([ask(1)]))
    assert THREAD not in {thread.name for thread in threading.enumerate()}


INTERRUPTED = """
    import signal, sys
    from gatekeeper.models.concurrency import ConcurrencyPolicy
    from gatekeeper.models.openai import OpenAIModel
    from gatekeeper.records import Message, Request

    def source():
        for n in range(1000):
            yield Request(item_id=str(n), text="q", messages=(Message(role="user", content="q"),))

    model = OpenAIModel("m", base_url=sys.argv[1], concurrency=ConcurrencyPolicy(5, fixed=True))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
    print("ready", flush=True)
    try:
        for answer in model.complete(source()):
            print(answer.item_id, answer.ok, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def interrupted(endpoint: Endpoint, times: int) -> tuple[list[str], float]:
    """Interrupt a process that waits for five answers; return what it said, and the seconds that it lived on."""
    with served(endpoint) as url:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(INTERRUPTED), url],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        while endpoint.in_flight < 5:
            time.sleep(0.01)
        began = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        said, _ = process.communicate(timeout=30)
        return said.splitlines(), time.monotonic() - began


@pytest.mark.slow
def test_ctrl_c_waits_for_the_answers_in_flight_and_sends_nothing_else() -> None:
    endpoint = Endpoint(wait_s=1.0)
    said, _ = interrupted(endpoint, 1)
    assert said[-1] == "interrupted"
    assert sorted(said[:-1]) == [f"{n} True" for n in range(5)]
    assert endpoint.answered == 5


@pytest.mark.slow
def test_a_second_ctrl_c_waits_for_nothing() -> None:
    said, lived = interrupted(Endpoint(wait_s=20.0), 2)
    assert said == ["interrupted"] and lived < 15


def test_near_endpoints_are_known_by_their_address() -> None:
    near = ("http://localhost:1/v1", "http://127.0.0.1/v1", "http://10.0.0.3:8000/v1", "http://[::1]/v1")
    assert all(is_near(url) for url in near)
    assert not any(is_near(url) for url in (None, "https://api.openai.com/v1", "http://8.8.8.8/v1"))
