"""The numbers of one stage while it runs: counts, pace, tokens, money, and what they come to at its end.

What is called for each item only adds up; everything else is computed when somebody looks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from gatekeeper.models.traffic import Traffic
from gatekeeper.records import Completion
from gatekeeper.run.progress import Watch
from gatekeeper.run.session import JUDGE

RECENT_S = 10.0
"""The pace is that of the last seconds, so that it shows a halt and a start."""
NOT_SENT = "not_sent"
"""Class of what was handed over and not sent, since the run stopped; it has not failed."""
LEAST_S = 0.25
"""Below this time a pace is mostly chance."""

Outlook = Literal["holds", "tight", "is too small"]


class StageCounts:
    """One stage.

    Args:
        label: what is done.
        total: items to do.
        watch: of a stage that asks a model.
        clock: seconds from any start, monotonic.
    """

    def __init__(
        self, label: str, total: int, watch: Watch | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.label, self.total, self.watch = label, total, watch
        self.done = self.priced = self.failed = self.not_sent = 0
        self.input_tokens = self.output_tokens = 0
        self.usd = Decimal(0)
        self.failures: dict[str, int] = {}
        self._clock = clock
        self._began = clock()
        self._spent_before = Decimal(0) if watch is None else watch.purse.spent
        before = None if watch is None else watch.traffic()
        self._traffic_before = (0, 0) if before is None else (before.refused, before.retries)
        self._seen: deque[tuple[float, int]] = deque([(self._began, 0)])

    def answered(self, completion: Completion, usd: Decimal) -> None:
        """Add tokens, price and failure of an answer."""
        usage = completion.usage
        self.priced += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.usd += usd
        if completion.error_class == NOT_SENT:
            self.not_sent += 1
        elif completion.error_class is not None:
            self.failed += 1
            self.failures[completion.error_class] = self.failures.get(completion.error_class, 0) + 1

    def look(self) -> None:
        """Remember how far the stage is now; the pace is computed from such looks."""
        now = self._clock()
        self._seen.append((now, self.done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - RECENT_S:
            self._seen.popleft()

    @property
    def hides_counts(self) -> bool:
        """Whether even counts tell how good answers are: a judge is asked about those gate answers that are new.

        Answers that are the same are judged once, so the number of questions about a student is how often it differs
        from the teacher.
        """
        return self.watch is not None and self.watch.on_gate and self.watch.role == JUDGE

    @property
    def traffic(self) -> Traffic | None:
        """What the requests of this stage are doing; None where none are sent."""
        now = None if self.watch is None else self.watch.traffic()
        refused, retries = self._traffic_before
        return None if now is None else now._replace(refused=now.refused - refused, retries=now.retries - retries)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    @property
    def recent_rate(self) -> float | None:
        """Items per second over the last `RECENT_S`, up to the last look; None: too early to say."""
        (first, before), (last, done) = self._seen[0], self._seen[-1]
        return (done - before) / (last - first) if last - first >= LEAST_S and done else None

    @property
    def mean_rate(self) -> float | None:
        """Items per second since the start."""
        elapsed = self.elapsed_s
        return self.done / elapsed if elapsed > 0 and self.done else None

    @property
    def left_s(self) -> float | None:
        """Seconds to the end at the present pace; None while nothing arrives."""
        rate = self.recent_rate
        return (self.total - self.done) / rate if rate else None

    @property
    def stage_usd(self) -> Decimal | None:
        """US dollars of the whole stage: those so far, and as much for each item that is left as for one until now.

        None before the first answer; failures alone tell nothing of what answers cost.
        """
        answered = self.priced - self.failed - self.not_sent
        return self.usd / self.priced * self.total if answered else None

    @property
    def run_usd(self) -> Decimal | None:
        """US dollars that the run will have spent when this stage ends; None before the first answer."""
        stage = self.stage_usd
        return None if stage is None else self._spent_before + stage

    @property
    def missing_usd(self) -> Decimal:
        """US dollars by which the forecast is above the budget; 0 where it fits, and where nobody can say."""
        run = self.run_usd
        return Decimal(0) if run is None or self.watch is None else max(run - self.watch.purse.cap, Decimal(0))

    @property
    def outlook(self) -> Outlook | None:
        """Whether the budget holds to the end of this stage; None: nobody can say yet.

        It is tight when the forecast fits, and not together with what is reserved now: a request is sent only when its
        upper bound fits, so the last ones may not be.
        """
        run = self.run_usd
        if self.watch is None or run is None:
            return None
        purse = self.watch.purse
        if run > purse.cap:
            return "is too small"
        reserved = purse.spent - self._spent_before - self.usd
        return "holds" if self.done >= self.total or run + reserved <= purse.cap else "tight"
