"""Waiting for a provider's batches: how often it is asked, how long its failures are borne, and when to leave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from gatekeeper.errors import ModelError
from gatekeeper.run.progress import Progress

CREATION_TRIES = 4
LEAST_PAUSE_S, MOST_PAUSE_S = 0.5, 60.0
SHARE_OF_WAIT = 0.1
"""The pause between two looks grows with the time that was waited, so that an end is seen at most a tenth later."""
BORNE_S = 1800.0
"""Seconds for which a provider that fails is asked again."""
_STEP_S = 0.1
T = TypeVar("T")


class Patience:
    """How one model's batches are waited for.

    Args:
        progress: who is told.
        interrupts: gives how often somebody wanted to stop.
    """

    def __init__(self, progress: Progress, interrupts: Callable[[], int]) -> None:
        self._progress, self._interrupts = progress, interrupts
        self._failing_since: float | None = None

    def turns(self) -> Iterator[None]:
        """Yield at once, and then after longer and longer pauses.

        Raises:
            KeyboardInterrupt: somebody wants to stop.
        """
        began = time.monotonic()
        while True:
            yield
            self.rest(min(max((time.monotonic() - began) * SHARE_OF_WAIT, LEAST_PAUSE_S), MOST_PAUSE_S))

    def rest(self, seconds: float = LEAST_PAUSE_S) -> None:
        """Pause. Raises as `turns`."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._interrupts():
                self._progress.say("open batches stay at the provider; the same command reads them", style="yellow")
                raise KeyboardInterrupt
            time.sleep(min(left, _STEP_S))

    def tried(self, exchange: Callable[[], T]) -> T | None:
        """Return what an exchange gives; None: it failed in a way that may pass.

        Raises:
            ModelError: it will not pass, or no exchange has worked for half an hour.
        """
        try:
            given = exchange()
        except ModelError as error:
            now = time.monotonic()
            since = self._failing_since = now if self._failing_since is None else self._failing_since
            if not error.retryable or now - since > BORNE_S:
                raise
            return None
        self._failing_since = None
        return given

    def until_it_works(self, exchange: Callable[[], T | None]) -> T:
        """Return what an exchange gives as soon as it gives something. Raises as `turns` and `tried`."""
        for _ in self.turns():
            given = self.tried(exchange)
            if given is not None:
                return given
        raise AssertionError("turns never end")
