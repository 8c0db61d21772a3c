"""Batches: many requests handed over at once, answered within a day, at a lower price.

A provider gives rows back in any order, may lose some and may repeat some. So a row is known by its custom id alone,
which is the request's key, and every request that was submitted gets exactly one completion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from gatekeeper.errors import ModelError
from gatekeeper.models.answers import Answer
from gatekeeper.models.errors import FAILURES, Failure, brief, of_exception, of_status, scrub
from gatekeeper.models.tokens import count_request
from gatekeeper.models.wire import Reply
from gatekeeper.records import Completion, Request, Usage


@dataclass(frozen=True)
class BatchState:
    """How far a batch is.

    `done`: its results can be read, or there will be none; `says` is the provider's own word.
    """

    done: bool
    says: str
    failed: ModelError | None = None
    """Why nothing of it was answered or billed; None: it did not fail as a whole."""


class Batches(Protocol):
    """One model of a provider, asked in batches. Each method is one exchange with the provider and tries once."""

    secrets: tuple[str, ...]
    """Texts that must appear in no record."""
    takes_names: bool
    """Whether the provider keeps the name of a batch, so that `created` is sure of it."""
    most_requests: int
    """The most requests that the provider takes in one batch."""
    most_bytes: int
    """The most bytes of one batch."""

    def size_of(self, key: str, request: Request, params: Mapping[str, Any]) -> int:
        """Return the bytes that a request takes in a batch."""
        ...

    def submit(self, requests: Mapping[str, Request], params: Mapping[str, Any], name: str) -> str:
        """Hand over requests by their keys and return the provider's id of the batch.

        Args:
            requests: each by `Request.key`.
            params: of the model; a request's own come on top.
            name: of the batch, by which `created` finds it again where the provider takes one.

        Raises:
            ModelError: the batch was not accepted, or nobody knows whether it was.
        """
        ...

    def created(self, name: str, count: int, since: datetime) -> list[str]:
        """Return the provider's ids of batches that may be the one of this name; its own results tell in the end.

        Args:
            name: that `submit` was given.
            count: of its requests.
            since: it was not created before.

        Raises:
            ModelError: the provider cannot say.
        """
        ...

    def cancel(self, batch: str) -> None:
        """Ask for the end of a batch; what it has answered by then can be read once `poll` says that it is done.

        Raises:
            ModelError: the provider did not take it.
        """
        ...

    def poll(self, batch: str) -> BatchState:
        """Return how far a batch is.

        Raises:
            ModelError: the provider cannot say.
        """
        ...

    def results(self, batch: str) -> list[tuple[str, Reply]]:
        """Return (custom id, reply) of each row that came back, in the provider's order.

        Raises:
            ModelError: they cannot be read, or the batch is not done.
        """
        ...


@runtime_checkable
class Batching(Protocol):
    """A model that can be asked in batches."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Parameters of each request; a request's own come on top."""
        ...

    @property
    def interrupts(self) -> int:
        """How often it was told to stop."""
        ...

    def batches(self) -> Batches:
        """Return how, with the same key, endpoint and parameters.

        Raises:
            ModelError: its provider takes none.
        """
        ...


@dataclass(frozen=True)
class Gathered:
    """What became of the requests of a batch.

    Attributes:
        completions: one of each request, by its key.
        repeated: custom ids that came more than once.
        unknown: custom ids that nobody submitted.
    """

    completions: dict[str, Completion]
    repeated: tuple[str, ...]
    unknown: tuple[str, ...]


def custom_id(key: str) -> str:
    """Return a request's key in the letters that all providers take: letters, digits, `_` and `-`, at most 64."""
    return key.replace(":", "_")


def gather(
    requests: Mapping[str, Request], rows: Iterable[tuple[str, Reply]], fingerprint: str, secrets: Sequence[str] = ()
) -> Gathered:
    """Return the completion of each request of a batch; a request without a row fails as `missing`.

    Of a repeated row the first good answer counts, so that a repetition can neither change nor lose an answer.

    Args:
        requests: what was submitted, by key.
        rows: what came back.
        fingerprint: of the model.
        secrets: texts that must appear in no record.
    """
    by_id = {custom_id(key): key for key in requests}
    found: dict[str, Reply] = {}
    repeated, unknown = [], []
    for row, reply in rows:
        if row not in by_id:
            unknown.append(row)
            continue
        if row in found:
            repeated.append(row)
        if row not in found or (found[row].failure is not None and reply.failure is None):
            found[row] = reply
    completions = {
        key: _completion(request, key, found.get(custom_id(key), _MISSING), fingerprint, secrets)
        for key, request in requests.items()
    }
    return Gathered(completions, tuple(dict.fromkeys(repeated)), tuple(dict.fromkeys(unknown)))


def failed(kind: str, message: str, raw: str | None = None) -> Reply:
    """Return the reply of a row that holds no answer, for the reason `kind`."""
    return Reply(Answer(error_class=kind, error_message=message), raw, FAILURES[kind])


def batch_error(error: Exception, what: str, secrets: Sequence[str], *, creating: bool = False) -> ModelError:
    """Return the error of an exchange that failed, from an exception of an SDK.

    Args:
        creating: the exchange was to create a batch; an endpoint that does not know how is told from a wrong model.
    """
    status = getattr(error, "status_code", None)
    body = getattr(error, "body", None)
    cause: Failure = of_status(status, {"error": body}) if isinstance(status, int) else of_exception(error)
    if isinstance(error, ValueError | AttributeError):  # a web page, for one: an SDK gives what is no JSON as text
        cause = FAILURES["not_utf8" if isinstance(error, UnicodeDecodeError) else "not_json"]
    hint = _NO_BATCHES if creating and cause.kind == "model_not_found" else cause.hint
    return ModelError(brief(f"{what}: {error}", *secrets), kind=cause.kind, retryable=cause.retryable, hint=hint)


def _completion(request: Request, key: str, reply: Reply, fingerprint: str, secrets: Sequence[str]) -> Completion:
    answer = reply.answer
    usage = answer.usage
    if usage is None:
        usage = count_request(request, answer.output) if reply.failure is None else Usage(reported=False)
    return Completion(
        request_key=key,
        item_id=request.item_id,
        model=fingerprint,
        sample_index=request.sample_index,
        output=answer.output,
        distribution=answer.distribution,
        raw=None if reply.raw is None else scrub(reply.raw, *secrets),
        finish_reason=answer.finish_reason,
        usage=usage,
        error_class=answer.error_class,
        error_message=None if answer.error_message is None else brief(answer.error_message, *secrets),
    )


def rows_of_results(batch: str, rows: list[tuple[str, Reply]]) -> list[tuple[str, Reply]]:
    """Return the rows of a batch's results as they are; results without any row are read again, not paid again.

    Raises:
        ModelError: there is no row.
    """
    if rows:
        return rows
    cause = FAILURES["empty_body"]
    raise ModelError(f"the results of batch {batch} hold no row", kind=cause.kind, retryable=True, hint=cause.hint)


def made_since(listed: Iterable[Any], since: datetime) -> Iterator[Any]:
    """Yield the batches of an account, as its SDK lists them with the newest first, that were not created before.

    `created_at` is a datetime, or seconds since 1970.
    """
    oldest = since - timedelta(seconds=_CLOCKS_DIFFER_S)
    for batch in islice(listed, _LISTED):
        at = batch.created_at
        if (at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)) < oldest:
            return
        yield batch


_LISTED = 10_000
"""Batches of an account that are looked through for one whose id was never written down."""
BATCH_TIMEOUT_S = 600.0
"""Seconds of one exchange: files are large."""
_NO_BATCHES = "where the endpoint takes no batches, set `prefer: live`; else check base_url and the model's name"
_CLOCKS_DIFFER_S = 300
"""Seconds by which a provider's clock may be behind."""

_MISSING = failed("missing", "the results of the batch lack this request")
