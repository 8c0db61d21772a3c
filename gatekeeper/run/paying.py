"""What stands around every call that costs money: its upper bound is reserved before, its answer kept and paid after.

One request at a time, in a batch, or by whatever way an answer comes: who asks goes through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial

from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import bound_cost, request_cost
from gatekeeper.errors import BudgetExceededError
from gatekeeper.records import Completion, Request, Usage
from gatekeeper.run.session import PricedModel, Session
from gatekeeper.store.spend import Answer, Purpose

_REMEMBERED = 4096
"""Numbers of tokens whose price is remembered."""


class Payments:
    """The payments for answers of one model in one session, for one purpose.

    Args:
        session: whose budget and journal are used.
        asked: the model, and by which price its answers are paid.
        purpose: what the money is for.
    """

    def __init__(self, session: Session, asked: PricedModel, purpose: Purpose) -> None:
        self._session, self._asked, self._purpose = session, asked, purpose
        self._cost = _remembered(request_cost, asked.price)
        self._bound_cost = _remembered(bound_cost, asked.price)
        self.stopped: BudgetExceededError | None = None
        """Why `reserved` ended last time before the last request; None where everything has fitted."""

    def reserve(self, key: str, request: Request) -> None:
        """Set aside the upper bound of one request; it may be sent when this returns.

        Args:
            key: of the request, `request.key(fingerprint)`.
            request: what is asked.

        Raises:
            BudgetExceededError: it does not fit; nothing is reserved.
        """
        bound = self._bound_cost(self._asked.model.upper_bound(request))
        assumed = self._asked.model.info.price_assumed
        self._session.budget.reserve(key, self._purpose, bound, assumed=assumed)

    def reserved(self, requests: Mapping[str, Request]) -> Iterator[Request]:
        """Yield requests (by key) one at a time, each when its upper bound is reserved; end where one does not fit."""
        self.stopped = None
        for key, request in requests.items():
            if not self.fits(key, request):
                return
            yield request

    def fits(self, key: str, request: Request) -> bool:
        """Reserve the upper bound of one request where it fits; where it does not, `stopped` says why."""
        try:
            self.reserve(key, request)
        except BudgetExceededError as error:
            self.stopped = error
            return False
        return True

    def keep(self, completion: Completion) -> None:
        """Write down an answer that arrived, or why none did, and settle what was reserved for it.

        The answer survives the end of this process when this returns.
        """
        usd = self.price_of(completion)
        answer = Answer(self._session.fingerprint, completion)
        self._session.budget.settle(completion.request_key, self._purpose, usd, answer=answer)
        self._session.progress.answered(completion, usd)

    def keep_of_batch(self, completion: Completion, since: datetime) -> None:
        """Write down an answer of a batch as `keep` does, also where an earlier process reserved the money.

        Where another run has reserved it, the answer is kept and that run's reservation stays at its upper bound.

        Args:
            completion: the answer, or why none did come.
            since: the batch was made then.
        """
        if self._session.budget.resume(completion.request_key, self._purpose, since):
            self.keep(completion)
            return
        self._session.journal.completion(self._session.fingerprint, completion)
        self._session.progress.answered(completion, Decimal(0))

    def release(self, key: str, since: datetime) -> None:
        """Give back what was reserved for a request of a batch that was never sent, or not billed at all."""
        if self._session.budget.resume(key, self._purpose, since):
            self._session.budget.settle(key, self._purpose, Decimal(0))

    def price_of(self, completion: Completion) -> Decimal:
        """Return what an answer did cost, in US dollars; a request that failed before tokens were counted is free."""
        usage = completion.usage
        return self._cost(usage) if usage.input_tokens or usage.output_tokens else Decimal(0)


def _remembered(cost: Callable[..., Decimal], price: Price) -> Callable[[Usage], Decimal]:
    """Return `cost` at one price; the same numbers of tokens come again and again, and exact decimals take time."""
    return lru_cache(maxsize=_REMEMBERED)(partial(cost, price=price))
