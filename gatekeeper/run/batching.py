"""Ask in batches: hand over what has no answer, wait, read, and hand over again exactly what failed.

What a batch holds is in the journal before the batch exists. So a restart waits for the batches that are there instead
of paying for their requests again, whether or not their ids were written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from gatekeeper.models.batch import Batching
from gatekeeper.models.errors import FAILURES
from gatekeeper.records import Completion
from gatekeeper.run.batch_desk import BatchDesk
from gatekeeper.run.questions import Missing
from gatekeeper.run.session import PricedModel, Session
from gatekeeper.store.batches import Batch
from gatekeeper.store.spend import Purpose

MOST_TRIES = 3
"""Batches that a request is put into; after that it is asked live, where it has tries of its own."""


def ask_in_batches(
    session: Session, asked: PricedModel, missing: Missing, left_open: Sequence[Batch], purpose: Purpose
) -> dict[str, Completion]:
    """Return the answers that came in batches, and the failures that no other try would mend, by request key.

    What is left is to be asked live: requests that batches did not answer by their deadline, or not in three tries, and
    all of them where the suite does not prefer batches. Batches that are still open at the provider are read first;
    where the suite does not prefer batches any more they are cancelled, and what they have answered is kept.

    Args:
        session: whose budget and journal are used.
        asked: the model.
        missing: requests without an answer.
        left_open: batches of the model that earlier processes left open.
        purpose: what the money is for.

    Raises:
        BudgetExceededError: the next request does not fit; the answers so far are kept.
        ModelError: the provider does not take a batch, fails it, or cannot be reached.
        KeyboardInterrupt: somebody wants to stop; open batches stay at the provider, and the same command reads them.
    """
    if not isinstance(asked.model, Batching):
        return {}
    desk = BatchDesk(session, asked, missing)
    waiting = desk.picked_up(left_open)
    answers: dict[str, Completion] = {}
    tries: Counter[str] = Counter()
    deadline = _deadline(asked, waiting)
    while True:
        stopped = None
        if deadline is not None and datetime.now(UTC) < deadline:
            again = _worth_a_batch(missing, answers, waiting, tries)
            made, stopped = desk.handed_over(again, purpose, deadline)
            waiting += made
        if not waiting and stopped is not None:
            raise stopped
        if not waiting:
            return answers
        for batch in desk.as_they_end(waiting):
            for key, completion in desk.read(batch).items():
                tries[key] += 1
                if completion is not None and not _worth_another_try(completion):
                    answers[key] = completion.model_copy(update={"raw": None})
                    session.progress.advance()
        waiting = []


def _deadline(asked: PricedModel, waiting: Collection[Batch]) -> datetime | None:
    """Return until when requests are handed over: over restarts and repetitions it counts from the first batch."""
    if asked.in_batches is None:
        return None
    mine = datetime.now(UTC) + timedelta(hours=asked.in_batches.deadline_hours)
    return min([mine, *(batch.deadline for batch in waiting)])


def _worth_a_batch(
    missing: Missing, answers: Collection[str], waiting: Collection[Batch], tries: Counter[str]
) -> Missing:
    in_hand = {key for batch in waiting for key in batch.requests}
    often = {key for key, count in tries.items() if count >= MOST_TRIES}
    return missing.without({*answers, *in_hand, *often})


def _worth_another_try(completion: Completion) -> bool:
    return completion.error_class is not None and FAILURES[completion.error_class].retryable
