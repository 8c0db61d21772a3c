"""How one provider is spoken to: one try of one request. When, how often and how many at once is not its affair.

A wire lives inside one asyncio loop. `gatekeeper.models.api.ApiModel` opens one for each call of `complete`, sends
through it, and closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gatekeeper.models.answers import Answer
from gatekeeper.models.errors import FAILURES, Failure, of_exception, of_status
from gatekeeper.models.limits import RateHints, read_rate_hints
from gatekeeper.models.retry import retry_after
from gatekeeper.records import Request


@dataclass(frozen=True, slots=True)
class Reply:
    """One try: what came back, or why nothing did."""

    answer: Answer
    raw: str | None
    """The body as received; None when none arrived."""
    failure: Failure | None
    """A row of `gatekeeper.models.errors.FAILURES`; None: an answer arrived."""
    retry_after_s: float | None = None
    """Seconds that the provider asked to wait."""
    remaining: RateHints | None = None
    """What the rate-limit headers say, where there were any."""

    @property
    def reached(self) -> bool:
        """Whether the endpoint said anything at all."""
        return self.raw is not None


class Wire(Protocol):
    """One provider, as one model of it is asked. All async methods run inside one asyncio loop.

    Building one is cheap and opens no connection: the identity of a model is read from a wire that is never opened.
    """

    @property
    def name(self) -> str:
        """Name of the model at the provider."""
        ...

    @property
    def endpoint(self) -> str:
        """Where requests go, for people and for the fingerprint: without credentials and query."""
        ...

    async def open(self) -> None:
        """Get ready to send; called once, before the first `send`."""
        ...

    async def close(self) -> None:
        """Close all connections; called once, after the last `send` has ended or was cancelled."""
        ...

    async def send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        """Send one request once, without any retry of an SDK. A failure is a `Reply`, never an exception.

        Args:
            request: what is asked.
            params: the model's parameters with the request's own on top.
        """
        ...

    def most_output_tokens(self, params: Mapping[str, Any]) -> int:
        """Return the most tokens that an answer with `params` can have."""
        ...


WireFactory = Callable[[], Wire]


def merged(params: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's parameters with a request's own on top; where both have an object, its parts are merged.

    So a format of the model (`text.format`) stands beside what a suite says of the same object (`text.verbosity`).
    """
    both = {**params, **own}
    for key, value in params.items():
        if isinstance(value, dict) and isinstance(own.get(key), dict):
            both[key] = {**value, **own[key]}
    return both


LEAST_TIMEOUT_S = 60.0
SLOWEST_TOKENS_PER_S = 20.0
"""An answer is waited for at least as long as a slow model needs to write it to its limit."""


def timeout_of(given: float | None, most_output_tokens: int) -> float:
    """Return the seconds of one try: those that were given, else by the limit of the answer."""
    return LEAST_TIMEOUT_S + most_output_tokens / SLOWEST_TOKENS_PER_S if given is None else given


def answered(answer: Answer, raw: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return the reply of a body that arrived with HTTP 200: its answer, or the class of what is wrong with it.

    Args:
        answer: what was read from the body.
        raw: the body.
        headers: of the response, names in lower case or a case-insensitive mapping.
    """
    failure = FAILURES[answer.error_class] if answer.error_class else None
    return Reply(answer, raw, failure, None, read_rate_hints(headers) if headers else None)


def refused(status: int, text: str, headers: Mapping[str, str], body: Any = None) -> Reply:
    """Return the reply of an HTTP status other than 2xx.

    Args:
        status: of the response.
        text: the body.
        headers: names in lower case or a case-insensitive mapping.
        body: the parsed JSON of the body, if it was JSON; an ``error`` in it says more than the status.
    """
    failure = of_status(status, body)
    message = f"HTTP {status}: {text.strip() or '(empty body)'}"
    answer = Answer(error_class=failure.kind, error_message=message)
    return Reply(answer, text, failure, retry_after(headers), read_rate_hints(headers))


def unanswered(error: BaseException) -> Reply:
    """Return the reply of an exception that came instead of an HTTP answer."""
    failure = of_exception(error)
    cause = error.__cause__ or error
    return Reply(Answer(error_class=failure.kind, error_message=f"{type(cause).__name__}: {cause}"), None, failure)
