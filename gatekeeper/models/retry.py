"""When to try again: full jitter, bounded by attempts and by a deadline.

The SDK's own retry is switched off: it reports no attempts, has no deadline, and ignores a Retry-After above a minute.
These few lines take the clock and the dice as arguments, so that tests need not wait.
"""

from __future__ import annotations

import email.utils
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of all tries of one request; times in seconds.

    `refused_attempts`: tries when the last one was refused for a rate limit (429). That is no fault of the request, and
    a limit by the minute outlasts the waits of six tries.
    """

    attempts: int = 6
    deadline_s: float = 300.0
    base_s: float = 0.5
    cap_s: float = 30.0
    refused_attempts: int = 12

    def wait(
        self,
        attempt: int,
        elapsed_s: float,
        retry_after_s: float | None,
        dice: random.Random,
        *,
        refused: bool = False,
        paced: bool = False,
    ) -> float | None:
        """Return the seconds to wait after the failed try number `attempt` (from 1), or None to give up.

        Full jitter (Brooker 2015): uniform between 0 and min(cap, base * 2^(attempt - 1)). A Retry-After is obeyed,
        with the jitter on top so that many clients do not come back at once.

        Args:
            attempt: number of the try that failed.
            elapsed_s: since the first try was sent.
            retry_after_s: what the endpoint asked for.
            dice: source of the jitter.
            refused: the try was refused for a rate limit.
            paced: requests are sent at the rate that the endpoint takes, so the waits need not grow.
        """
        if attempt >= (max(self.attempts, self.refused_attempts) if refused else self.attempts):
            return None
        jitter = dice.uniform(0, self.base_s if paced else min(self.cap_s, self.base_s * 2 ** (attempt - 1)))
        pause = jitter if retry_after_s is None else retry_after_s + min(jitter, self.base_s)
        return None if elapsed_s + pause > self.deadline_s else pause


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), None where there is none that makes sense."""
    exact = headers.get("retry-after-ms")
    value = headers.get("retry-after")
    try:
        if exact is not None:
            return max(0.0, float(exact) / 1000)
        if value is None:
            return None
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(value or "")
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
