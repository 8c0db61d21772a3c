"""Anthropic's Message Batches, by the anthropic SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gatekeeper.errors import ModelError
from gatekeeper.models.anthropic import API, message_body
from gatekeeper.models.anthropic_answers import error_class
from gatekeeper.models.batch import (
    BATCH_TIMEOUT_S,
    BatchState,
    batch_error,
    custom_id,
    failed,
    made_since,
    rows_of_results,
)
from gatekeeper.models.errors import FAILURES
from gatekeeper.models.extras import needs
from gatekeeper.models.reader import Reader
from gatekeeper.models.wire import Reply, answered, merged
from gatekeeper.records import Request


class AnthropicBatches:
    """One model of Anthropic's, asked in batches; `gatekeeper.models.batch.Batches` says what each method is for.

    A batch is never submitted twice by the SDK: its retries are off.

    Args:
        model: name at the provider.
        base_url: endpoint without `/v1`, None for the provider's own.
        api_key: of the account that the batches belong to.
        reader: how answers are read.
        cache: the system prompt is kept in the provider's cache.
        timeout_s: seconds of one exchange.
    """

    takes_names = False
    most_requests = 100_000
    most_bytes = 240_000_000
    """The provider takes 256 MB."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "",
        reader: Reader | None = None,
        cache: bool = False,
        timeout_s: float = BATCH_TIMEOUT_S,
    ) -> None:
        with needs("teachers"):
            import anthropic
        self.model, self.cache = model, cache
        self.reader = reader or Reader("messages")
        self.secrets: tuple[str, ...] = (api_key,)
        self._client: Any = anthropic.Anthropic(
            api_key=api_key or "none", base_url=base_url or API, max_retries=0, timeout=timeout_s
        )

    def size_of(self, key: str, request: Request, params: Mapping[str, Any]) -> int:
        """Return the bytes of its row and the comma after it, as ASCII: the SDK's own writing is no longer."""
        return len(json.dumps(self._row(key, request, params))) + 1

    def _row(self, key: str, request: Request, params: Mapping[str, Any]) -> dict[str, Any]:
        body = message_body(request, merged(params, request.params), cache=self.cache)
        return {"custom_id": custom_id(key), "params": {"model": self.model, **body}}

    def submit(self, requests: Mapping[str, Request], params: Mapping[str, Any], name: str) -> str:
        """Create a batch. The provider takes no name, so `created` goes by time and number of requests."""
        rows = [self._row(key, request, params) for key, request in requests.items()]
        try:
            return str(self._client.messages.batches.create(requests=rows).id)
        except Exception as error:
            raise batch_error(error, "the batch was not accepted", self.secrets, creating=True) from error

    def created(self, name: str, count: int, since: datetime) -> list[str]:
        """Return the batches of so many requests since then: one of them may be it, whose results name its requests."""
        try:
            listed = made_since(self._client.messages.batches.list(limit=100), since)
            return [str(one.id) for one in listed if sum(one.request_counts.to_dict().values()) == count]
        except Exception as error:
            raise batch_error(error, "the list of batches cannot be read", self.secrets) from error

    def cancel(self, batch: str) -> None:
        """Cancel it; rows that are being answered still are."""
        try:
            self._client.messages.batches.cancel(batch)
        except Exception as error:
            raise batch_error(error, f"batch {batch} cannot be cancelled", self.secrets) from error

    def poll(self, batch: str) -> BatchState:
        """Ask for the state of a batch."""
        try:
            says = str(self._client.messages.batches.retrieve(batch).processing_status)
        except Exception as error:
            raise batch_error(error, f"the state of batch {batch} cannot be read", self.secrets) from error
        return BatchState(says == "ended", says)

    def results(self, batch: str) -> list[tuple[str, Reply]]:
        """Read the results; each row has an answer, an error, or the reason why nobody tried."""
        if not self.poll(batch).done:
            raise ModelError(f"batch {batch} is not done", kind="unexpected", retryable=True, hint="poll it first")
        try:
            rows = [
                (row.custom_id, row.result.to_dict(mode="json")) for row in self._client.messages.batches.results(batch)
            ]
        except Exception as error:
            raise batch_error(error, f"the results of batch {batch} cannot be read", self.secrets) from error
        return rows_of_results(batch, [(name, _reply(result, self.reader)) for name, result in rows])


def _reply(result: dict[str, Any], reader: Reader) -> Reply:
    kind, raw = result.get("type"), json.dumps(result, ensure_ascii=False)
    if kind == "succeeded":
        message = result.get("message")
        return answered(reader.answer(message), json.dumps(message, ensure_ascii=False))
    if kind == "errored":
        cause, said = error_class(result.get("error"), "server")
        return Reply(failed(cause, said).answer, raw, FAILURES[cause])
    return failed("expired" if kind == "expired" else "not_sent", f"the row was {kind}", raw)
