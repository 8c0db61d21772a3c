"""A closed loop of callers: the load under which latency is measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WARM_UP_ROUNDS = 2
"""Answers of each caller before any is recorded: after one round every caller waits behind all the others."""
PAUSE_S = 1e-4
"""Seconds between an answer and the caller's next question: about a round trip to a service on the same machine. The
caller's thread lets go of the interpreter's lock meanwhile. Without it one thread kept the lock for many answers in a
row: 8 callers of a student that takes 0.4 ms saw a median of 0.3 ms and a 95th percentile of 33 ms."""


@dataclass(frozen=True)
class Loaded:
    """What a closed loop has shown.

    Attributes:
        latencies: seconds of each recorded answer, in the order of asking, shape (n,), n >= 1.
        rate: questions per second of all callers together, None for a single one.
    """

    latencies: NDArray[np.float64]
    rate: float | None


def closed_loop(
    answer: Callable[[Sequence[str]], object],
    texts: Sequence[str],
    *,
    callers: int,
    answers: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Loaded:
    """Measure how long answers take while `callers` ask at the same time.

    Each caller is a thread that sends one text, waits for its answer, pauses for `PAUSE_S` and sends the next. All of
    them share this process, so a model that holds the interpreter's lock answers one caller at a time, as in one
    process of a service. An answer is timed from the moment at which its question was due, so that a caller that could
    not get the lock to ask counts as waiting.

    What is recorded is decided by the order of asking: after `WARM_UP_ROUNDS` of each caller come `answers` that count,
    and the callers go on, unrecorded, until the last of those has arrived. So every recorded answer had the whole load
    beside it, and slow ones are not cut off at the end.

    The rate of a closed loop falls when the model slows down. It tells how long answers take at this number of callers,
    and nothing of a stream of requests that does not wait (Schroeder, Wierman & Harchol-Balter, NSDI 2006).

    Args:
        answer: answers texts; called with one text at a time, from all threads.
        texts: asked in this order by all callers together, from the front again when they run out.
        callers: threads that ask at the same time, 1 or more.
        answers: how many are recorded, 1 or more.
        seconds: no answer is recorded that is asked later than this after the first recorded one.
        clock: seconds from any start, monotonic.

    Raises:
        Exception: what `answer` raises, once all callers have ended.
    """
    return _Loop(answer, texts, callers, _Window(WARM_UP_ROUNDS * callers, answers, seconds), clock).run()


class _Window(NamedTuple):
    first: int
    answers: int
    seconds: float


class _Loop:
    def __init__(
        self,
        answer: Callable[[Sequence[str]], object],
        texts: Sequence[str],
        callers: int,
        window: _Window,
        clock: Callable[[], float],
    ) -> None:
        self._answer, self._texts, self._window, self._clock = answer, texts, window, clock
        self._pause = min(_slept(clock) for _ in range(20))
        self._guard = threading.Lock()
        self._together = threading.Barrier(callers)
        self._threads = [
            threading.Thread(target=self._call, name=f"caller {number}", daemon=True) for number in range(callers)
        ]
        self._asked = 0
        self._awaited = 0
        self._opened = 0.0
        self._closed = False
        self._stopped = False
        self._error: BaseException | None = None
        self._found: dict[int, tuple[float, float]] = {}

    def run(self) -> Loaded:
        """Let the callers ask until all that is recorded has arrived."""
        try:
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.join()
        finally:  # an interrupt, or a thread that could not start, must not leave the others asking
            self._stopped = True
            self._together.abort()
        if self._error is not None:
            raise self._error
        begin, end = np.array([self._found[number] for number in sorted(self._found)], dtype=np.float64).T
        span = float(begin.max() - begin.min())
        return Loaded(end - begin, (len(begin) - 1) / span if span > 0 else None)

    def _call(self) -> None:
        try:
            self._together.wait()
            due = self._clock()
            while (ticket := self._next()) is not None:
                number, recorded = ticket
                begin = min(due, self._clock())
                self._answer([self._texts[number % len(self._texts)]])
                end = self._clock()
                if recorded:
                    self._arrived(number, begin, end)
                due = end + self._pause
                time.sleep(PAUSE_S)
        except threading.BrokenBarrierError:
            return
        except BaseException as error:  # it belongs to whoever called `run`
            if self._error is None:
                self._error = error
            self._stopped = True

    def _next(self) -> tuple[int, bool] | None:
        """Return the number of the next question and whether it is recorded; None when all is done."""
        first, answers, seconds = self._window
        with self._guard:
            number, now = self._asked, self._clock()
            if number == first:
                self._opened = now
            late = number > first and now - self._opened > seconds
            self._closed = self._closed or number >= first + answers or late
            if self._stopped or (self._closed and not self._awaited):
                return None
            recorded = number >= first and not self._closed
            self._asked += 1
            self._awaited += recorded
            return number, recorded

    def _arrived(self, number: int, begin: float, end: float) -> None:
        with self._guard:
            self._found[number] = begin, end
            self._awaited -= 1


def _slept(clock: Callable[[], float]) -> float:
    """Return how long a pause really takes; the system adds to it."""
    start = clock()
    time.sleep(PAUSE_S)
    return clock() - start
