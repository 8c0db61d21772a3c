"""One call of `complete`: requests are pulled in the caller's thread, sent in another, and yielded as they arrive."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING

from gatekeeper.models.sending import Sender
from gatekeeper.models.traffic import Traffic
from gatekeeper.records import Completion, Request

if TYPE_CHECKING:
    from gatekeeper.models.api import ApiModel

THREAD = "gatekeeper-requests"


Arrival = Completion | Exception | None
"""What the loop tells the caller's thread; None: there is room for another request though none has ended."""


class Stream:
    """A loop in its own thread, and the requests that it has not answered yet; a context manager."""

    def __init__(self, model: ApiModel) -> None:
        self._sender = Sender(model, lambda: self._arrive(None))
        self._model = model
        self._heeded = 0
        self._most = model.concurrency_policy.most
        self._inbox: deque[Request] = deque()
        self._called = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrivals: SimpleQueue[list[Arrival]] = SimpleQueue()
        self._outbox: list[Arrival] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=THREAD, daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._sender.open(), self._loop).result()
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        finally:
            self._end_thread()

    @property
    def traffic(self) -> Traffic:
        """What the requests are doing; may be read from any thread."""
        return self._sender.traffic

    def wake(self) -> None:
        """Let `answers` look whether it was interrupted; a signal handler may call this, for the queue is reentrant."""
        self._arrivals.put([])

    def answers(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Keep the places filled and yield what arrives; see `ApiModel.complete`."""
        source = iter(requests)
        ended: BaseException | None = None
        more = True
        pulled = 0
        arrived: deque[Arrival] = deque()
        while True:
            try:
                self._heed_interrupts()
                while more and self._has_room(pulled):
                    request = next(source, None)
                    if request is None:
                        more = False
                        break
                    pulled += 1
                    self._hand_over(request)
                if pulled == 0:
                    break
                if not arrived:
                    arrived.extend(self._arrivals.get())
            except (Exception, KeyboardInterrupt) as error:  # the caller's: a budget that is used up, for one
                if ended is not None:  # the second Ctrl-C: what is in flight is given up
                    raise
                more, ended = False, error
                self._hurry(error)
                continue
            arrival = arrived.popleft() if arrived else None
            if arrival is None:
                continue
            pulled -= 1
            if isinstance(arrival, Exception):
                raise arrival
            yield arrival
        if self._sender.stop is not None:
            raise self._sender.stop
        if ended is not None:
            raise ended

    def _heed_interrupts(self) -> None:
        if self._model.interrupts > self._heeded:
            self._heeded += 1
            raise KeyboardInterrupt

    def _has_room(self, pulled: int) -> bool:
        sender = self._sender
        return sender.stop is None and pulled < self._most and pulled - sender.resting < sender.limit.value

    def _hurry(self, error: BaseException) -> None:
        """After Ctrl-C what is on its way still arrives; nothing else is sent, and nothing is tried again."""
        if isinstance(error, KeyboardInterrupt):
            self._loop.call_soon_threadsafe(self._sender.end_waits)

    def _hand_over(self, request: Request) -> None:
        self._inbox.append(request)
        if not self._called:  # one wake-up of the loop for all that come until it looks
            self._called = True
            self._loop.call_soon_threadsafe(self._take_over)

    def _take_over(self) -> None:
        self._called = False
        while self._inbox:
            task = self._loop.create_task(self._answer(self._inbox.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request) -> None:
        try:
            self._arrive(await self._sender.answer(request))
        except Exception as error:
            self._arrive(error)

    def _arrive(self, arrival: Arrival) -> None:
        if not self._outbox:  # one wake-up of the caller for all that come in one turn of the loop
            self._loop.call_soon(self._deliver)
        self._outbox.append(arrival)

    def _deliver(self) -> None:
        self._arrivals.put(self._outbox)
        self._outbox = []

    async def _close(self) -> None:
        self._inbox.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()
        await self._loop.shutdown_asyncgens()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
