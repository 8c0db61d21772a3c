"""A model behind an API: whatever wire it is spoken to by, asked with the same patience, pace and bookkeeping."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gatekeeper.errors import ModelError
from gatekeeper.hashing import content_hash
from gatekeeper.models.base import ModelInfo
from gatekeeper.models.batch import Batches
from gatekeeper.models.concurrency import ConcurrencyPolicy
from gatekeeper.models.limits import RateLimits
from gatekeeper.models.reader import Reader
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.models.stream import Stream
from gatekeeper.models.tokens import bound_input, bound_params
from gatekeeper.models.traffic import Traffic
from gatekeeper.models.wire import Wire, WireFactory, merged
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
        identity: what else tells this model from others with the same name, endpoint and parameters.
        reader: reads the bodies of its answers again when they are in the store; None: they stay as they were read.
        writes_cache: the provider may write input to a prompt cache, at a price of its own.
        batches: makes the client of the provider's batches; None: it takes none.
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
        identity: Mapping[str, Any] | None = None,
        reader: Reader | None = None,
        writes_cache: bool = True,
        batches: Callable[[], Batches] | None = None,
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
        self.reader = reader
        self._writes_cache = writes_cache
        self.new_batches = batches
        """Makes the client of the provider's batches; None: it takes none."""
        self._wire: Wire = new_wire()
        self._stream: Stream | None = None
        self._earlier = (0, 0)
        self.interrupts = 0
        """How often whoever listens for Ctrl-C was asked to stop; see `interrupt`."""
        self._info = ModelInfo(
            name=self._wire.name,
            fingerprint=content_hash(
                {"model": self._wire.name, "endpoint": self.endpoint, "params": self.params, **(identity or {})}
            ),
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

    @property
    def traffic(self) -> Traffic | None:
        """What the requests are doing now, and were refused and tried again over the life of this model; None: none."""
        if self._stream is None:
            return None
        now, (refused, retries) = self._stream.traffic, self._earlier
        return now._replace(refused=refused + now.refused, retries=retries + now.retries)

    def interrupt(self, times: int) -> None:
        """Tell the running or next call of `complete` how often it was interrupted; a signal handler may call this.

        Unlike an exception in the middle of the caller's work this is heeded between two answers. Once: what is in
        flight is still yielded, and `KeyboardInterrupt` comes after it. Twice: it comes at once. 0 begins anew.
        """
        self.interrupts = times
        if self._stream is not None:
            self._stream.wake()

    def batches(self) -> Batches:
        """Return how the same model is asked in batches.

        Raises:
            ModelError: its provider takes none.
        """
        if self.new_batches is None:
            hint = "set `prefer: live`"
            raise ModelError(f"{self.endpoint} takes no batches", kind="bad_request", hint=hint)
        return self.new_batches()

    def upper_bound(self, request: Request) -> Usage:
        """Return a bound on the tokens: the bytes of the input and of schemas, and the limit of the answer."""
        params = merged(self.params, request.params)
        given = bound_input(request) + bound_params(params)
        return Usage(
            input_tokens=given,
            output_tokens=self._wire.most_output_tokens(params),
            cache_write_tokens=given if self._writes_cache else 0,
            reported=False,
        )

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
            before = self.traffic
            self._earlier = (0, 0) if before is None else (before.refused, before.retries)
            self._stream = stream
            yield from stream.answers(requests)
