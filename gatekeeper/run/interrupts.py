"""Ctrl-C while answers are paid for: it is heeded between two answers, so that none is lost half way to the journal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, runtime_checkable

from gatekeeper.models.base import Model

AT_ONCE = 3
"""From this one on Ctrl-C stops whatever is being done; the answers are on disk."""


@runtime_checkable
class Interruptible(Protocol):
    """A model that can be told to stop."""

    def interrupt(self, times: int) -> None:
        """Say how often it was interrupted: 1 lets arrive what is in flight, 2 does not wait for it, 0 begins anew."""
        ...


@contextmanager
def heeding_interrupts(model: Model) -> Iterator[None]:
    """While the block runs, Ctrl-C goes to the model instead of raising an exception in the middle of something.

    The first lets arrive what is in flight, the second gives it up, the third stops at once. The handler that was there
    before is put back. Nothing changes in another thread than the main one, where the application has a handler of its
    own or ignores the signal, and for a model that cannot be told: there Ctrl-C does what it did.

    Raises:
        KeyboardInterrupt: at the end, if there was a Ctrl-C and nobody has raised it yet.
    """
    if not isinstance(model, Interruptible) or not _is_ours_to_take():
        yield
        return
    times = 0

    def heed(number: int, frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        if times >= AT_ONCE:
            signal.default_int_handler(number, frame)
        model.interrupt(times)

    model.interrupt(0)
    signal.signal(signal.SIGINT, heed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        model.interrupt(0)
    if times:
        raise KeyboardInterrupt


def _is_ours_to_take() -> bool:
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
