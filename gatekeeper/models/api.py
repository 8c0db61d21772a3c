"""A model behind an API: whatever wire it is spoken to by, asked with the same patience, pace and bookkeeping."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gatekeeper.hashing import content_hash
from gatekeeper.models.base import ModelInfo
from gatekeeper.models.concurrency import ConcurrencyPolicy
from gatekeeper.models.limits import RateLimits
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.models.stream import Stream
from gatekeeper.models.tokens import bound_input
from gatekeeper.models.wire import Wire, WireFactory
from gatekeeper.records import Completion, Request, Usage


class ApiModel:
    """Sends requests as fast as the endpoint takes them, within the policy, and yields answers as they arrive.

    Args:
        new_wire: builds the wire; called once for the identity of the model, and once for each call of `complete`.
        params: of each request; a request's own `params` come on top.
        concurrency: requests in flight: a policy, or the most of them.
        rate_limits: known limits of the endpoint; limits that show in headers and refusals are found without them.
        policy: tries and deadline of a request.
        price_id: provider/name of the price; `price_assumed` says that it is another model's.
        secrets: texts (keys, passwords) that must appear in no record and no error.
        seed: of the jitter between tries.
    """

    def __init__(
        self,
        new_wire: WireFactory,
        *,
        params: Mapping[str, Any] | None = None,
        concurrency: ConcurrencyPolicy | int = 16,
        rate_limits: RateLimits | None = None,
        policy: RetryPolicy | None = None,
        price_id: str | None = None,
        price_assumed: bool = False,
        secrets: Sequence[str] = (),
        seed: int | None = None,
    ) -> None:
        self.new_wire = new_wire
        self.params = dict(params or {})
        self.concurrency_policy = ConcurrencyPolicy(concurrency) if isinstance(concurrency, int) else concurrency
        self.rate_limits = rate_limits or RateLimits()
        self.policy = policy or RetryPolicy()
        self.secrets = tuple(secrets)
        self.dice = random.Random(seed)
        self._wire: Wire = new_wire()
        self._info = ModelInfo(
            name=self._wire.name,
            fingerprint=content_hash({"model": self._wire.name, "endpoint": self.endpoint, "params": self.params}),
            place="api",
            price_id=price_id,
            price_assumed=price_assumed,
        )

    @property
    def info(self) -> ModelInfo:
        """Identity and price; the fingerprint covers name, endpoint and parameters."""
        return self._info

    @property
    def endpoint(self) -> str:
        """The endpoint without credentials and query, for people and for the fingerprint."""
        return self._wire.endpoint

    def upper_bound(self, request: Request) -> Usage:
        """Return a bound on the tokens: the bytes of the input, and the limit of the answer."""
        limit = self._wire.most_output_tokens({**self.params, **request.params})
        return Usage(input_tokens=bound_input(request), output_tokens=limit, reported=False)

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request; see `gatekeeper.models.base.Model`.

        Requests are pulled in the caller's thread, one for each free place. When `requests` itself raises, answers in
        flight are still yielded before the exception goes on. So they are after Ctrl-C, but nothing is tried again
        then, and what was pulled and not sent yet is yielded as `not_sent`; a second Ctrl-C gives up what is in flight.

        Raises:
            ModelError: every request would fail: the key is wrong, the model does not exist, there is no credit, the
                endpoint was never reached or never spoke this protocol, or it asks for a longer wait than the deadline
                allows. Answers in flight are yielded first.
        """
        with Stream(self) as stream:
            yield from stream.answers(requests)
