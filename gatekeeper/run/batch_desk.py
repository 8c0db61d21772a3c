"""One batch after another at a provider: written down, reserved, created, waited for, read, and paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import takewhile
from typing import Any

from gatekeeper.errors import BudgetExceededError, ModelError
from gatekeeper.hashing import content_hash
from gatekeeper.models.batch import Batches, Batching, custom_id, gather
from gatekeeper.records import Completion, Request
from gatekeeper.run.batch_waiting import CREATION_TRIES, Patience
from gatekeeper.run.paying import Payments
from gatekeeper.run.questions import Missing
from gatekeeper.run.session import PricedModel, Session
from gatekeeper.store.batches import Batch, provider_ids
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.spend import Purpose

_REFUSED = frozenset({"auth", "quota", "model_not_found", "moved", "bad_request", "rate_limit"})
"""After these there is no batch. After any other failure of its creation there may be one whose id nobody has read."""


class BatchDesk:
    """The batches of one model in one session.

    Args:
        session: whose budget and journal are used.
        asked: the model, which takes batches, and their price.
        missing: the requests that are asked about now.
    """

    def __init__(self, session: Session, asked: PricedModel, missing: Missing) -> None:
        assert isinstance(asked.model, Batching)
        self._session, self._missing = session, missing
        self._in_batches, self._model = asked.in_batches, asked.model
        self._fingerprint = asked.model.info.fingerprint
        self._priced = PricedModel(asked.model, asked.price if asked.in_batches is None else asked.in_batches.price)
        self._patience = Patience(session.progress, lambda: self._model.interrupts)
        self._failed: dict[str, ModelError] = {}
        self._ids: set[str] = set()

    @cached_property
    def _client(self) -> Batches:
        return self._model.batches()

    def picked_up(self, left_open: Sequence[Batch]) -> list[Batch]:
        """Return those of the batches that earlier processes left open which hold one of the requests.

        One whose id was never written down is looked for at the provider; where there is none, what was reserved for it
        is given back.
        """
        if left_open:
            with self._session.store.read() as connection:
                self._ids = set(provider_ids(connection))
        found = []
        for batch in left_open:
            if not any(key in self._missing for key in batch.requests):
                continue
            there = batch if batch.provider_id is not None else self._looked_for(batch)
            if there is None:
                self._drop(batch)
                continue
            self._say(f"picking up batch {there.provider_id}: {len(there.requests):,} requests")
            found.append(there)
        return found

    def handed_over(
        self, missing: Missing, purpose: Purpose, deadline: datetime
    ) -> tuple[list[Batch], BudgetExceededError | None]:
        """Create batches of requests, and return them with what kept the budget from taking more; None: nothing did.

        Raises:
            ModelError: the provider does not take a batch.
        """
        payments = self._payments(purpose)
        made: list[Batch] = []
        for requests in self._parts(missing):
            batch = self._intended(requests, purpose, deadline)
            self._session.journal.batch(batch)
            fitting = dict(takewhile(lambda pair: payments.fits(*pair), requests.items()))
            if not fitting:
                self._drop(batch)
                break
            if len(fitting) < len(requests):
                batch = self._noted(batch, requests=tuple(fitting))
            self._leave_if_interrupted(batch)
            made.append(self._created(batch, fitting))
            if payments.stopped is not None:
                break
        return made, payments.stopped

    def as_they_end(self, waiting: Sequence[Batch]) -> Iterator[Batch]:
        """Yield each batch when it has ended; one that is late is cancelled and yielded when that is done."""
        left, cancelled = list(waiting), set[str]()
        for _ in self._patience.turns():
            for batch in list(left):
                provider_id = _id_of(batch)
                state = self._patience.tried(lambda: self._client.poll(provider_id))  # noqa: B023 - called at once
                if state is None:
                    continue
                if not state.done:
                    if self._is_late(batch) and provider_id not in cancelled and self._cancelled(provider_id):
                        cancelled.add(provider_id)
                    continue
                if state.failed is not None:
                    self._failed[batch.batch] = state.failed
                left.remove(batch)
                yield batch
            if not left:
                return

    def read(self, batch: Batch) -> dict[str, Completion | None]:
        """Return what became of those requests of a batch that are asked about now; each is on disk, and paid.

        None: it failed with its whole batch, for a reason that passes.

        Raises:
            ModelError: the results cannot be read, or the batch failed as a whole, for a reason that does not pass.
        """
        failure = self._failed.get(batch.batch)
        if failure is not None:
            self._drop(batch)
            if not failure.retryable:
                raise failure
            self._say(f"{failure}; its requests are handed over again")
            return dict.fromkeys(batch.requests)
        rows = self._patience.until_it_works(lambda: self._client.results(_id_of(batch)))
        requests = {key: self._missing[key] for key in batch.requests if key in self._missing}
        found = gather(requests, rows, self._fingerprint, self._client.secrets).completions
        payments = self._payments(batch.purpose)
        for completion in found.values():
            payments.keep_of_batch(completion, batch.made_at)
        self._close(batch, found)
        return dict(found)

    def _cancelled(self, provider_id: str) -> bool:
        try:
            self._client.cancel(provider_id)
        except ModelError:  # it may have ended just now; the next look tells
            return False
        self._say(f"batch {provider_id} is cancelled at its deadline; what it has not answered is asked live")
        return True

    def _parts(self, missing: Missing) -> Iterator[dict[str, Request]]:
        """Yield requests by key, as many at once as the provider takes in one batch."""
        part: dict[str, Request] = {}
        size = 0
        for key, request in missing.items():
            one = self._client.size_of(key, request, self._model.params)
            if part and (len(part) >= self._client.most_requests or size + one > self._client.most_bytes):
                yield part
                part, size = {}, 0
            part[key] = request
            size += one
        if part:
            yield part

    def _intended(self, requests: Mapping[str, Request], purpose: Purpose, deadline: datetime) -> Batch:
        now, run = datetime.now(UTC), self._session.run
        return Batch(
            batch=content_hash([run, purpose, now.isoformat(), list(requests)]),
            run=run,
            model=self._fingerprint,
            purpose=purpose,
            requests=tuple(requests),
            made_at=now,
            deadline=deadline,
            at=now,
        )

    def _created(self, batch: Batch, requests: Mapping[str, Request]) -> Batch:
        """Create a batch at the provider once, also where the reply to its creation is lost."""
        for last in (*[False] * (CREATION_TRIES - 1), True):
            try:
                provider_id = self._client.submit(requests, self._model.params, batch.batch)
            except ModelError as error:
                if error.kind in _REFUSED and (last or not error.retryable):
                    self._drop(batch)
                    raise
                if last:
                    raise
                self._patience.rest()
                there = None if error.kind in _REFUSED else self._looked_for(batch)
                if there is not None:
                    return there
            else:
                hours = (batch.deadline - datetime.now(UTC)).total_seconds() / 3600
                self._say(f"batch {provider_id}: {len(requests):,} requests, to be answered within {hours:.3g} hours")
                return self._opened(batch, provider_id)
        raise AssertionError("the last try returns or raises")

    def _looked_for(self, batch: Batch) -> Batch | None:
        """Return a batch that may have been created, with its id, if it was; None: it was not."""
        names = frozenset(map(custom_id, batch.requests))
        candidates = self._patience.until_it_works(
            lambda: self._client.created(batch.batch, len(batch.requests), batch.made_at)
        )
        for provider_id in candidates:
            if provider_id not in self._ids and (self._client.takes_names or self._holds(provider_id, names)):
                return self._opened(batch, provider_id)
        return None

    def _holds(self, provider_id: str, names: frozenset[str]) -> bool:
        """Wait for the end of a batch that nobody knows, and return whether it has answered one of these requests."""
        self._say(f"waiting for batch {provider_id}, to see whether it is one whose id was lost")
        self._patience.until_it_works(lambda: self._client.poll(provider_id).done or None)
        rows = self._patience.until_it_works(lambda: self._client.results(provider_id))
        return any(row in names for row, _ in rows)

    def _close(self, batch: Batch, found: Mapping[str, Completion]) -> None:
        """Write down that a batch is read, or which of its requests nobody has asked for yet."""
        others = [key for key in batch.requests if key not in found]
        if others:
            with self._session.store.read() as connection:
                known = completions_by_key(connection, others)
            others = [key for key in others if key not in known]
        self._noted(batch, requests=tuple(others), state="open" if others else "read")

    def _drop(self, batch: Batch) -> None:
        payments = self._payments(batch.purpose)
        for key in batch.requests:
            payments.release(key, batch.made_at)
        self._noted(batch, requests=(), state="dropped")

    def _opened(self, batch: Batch, provider_id: str) -> Batch:
        self._ids.add(provider_id)
        return self._noted(batch, provider_id=provider_id, state="open")

    def _noted(self, batch: Batch, **changes: Any) -> Batch:
        changed = batch.model_copy(update={**changes, "at": datetime.now(UTC)})
        self._session.journal.batch(changed)
        return changed

    def _leave_if_interrupted(self, batch: Batch) -> None:
        if self._model.interrupts:
            self._drop(batch)
            raise KeyboardInterrupt

    def _is_late(self, batch: Batch) -> bool:
        return self._in_batches is None or datetime.now(UTC) >= batch.deadline

    def _payments(self, purpose: Purpose) -> Payments:
        return Payments(self._session, self._priced, purpose)

    def _say(self, text: str) -> None:
        self._session.progress.say(text, style="dim")


def _id_of(batch: Batch) -> str:
    assert batch.provider_id is not None, "it was created, or it was dropped"
    return batch.provider_id
