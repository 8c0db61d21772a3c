"""OpenAI's batch files, by the openai SDK: upload, create, poll, download the output and the errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gatekeeper.errors import ModelError
from gatekeeper.models.batch import (
    BATCH_TIMEOUT_S,
    BatchState,
    batch_error,
    custom_id,
    failed,
    made_since,
    rows_of_results,
)
from gatekeeper.models.extras import needs
from gatekeeper.models.openai_bodies import PATHS, OpenAIApi, request_body
from gatekeeper.models.reader import Reader
from gatekeeper.models.wire import Reply, answered, merged, refused
from gatekeeper.records import Request

METADATA = "gatekeeper_batch"
_LATER = frozenset({"token_limit_exceeded", "rate_limit_exceeded"})
"""Codes of a batch that failed since too many requests were waiting; the same batch may be created later."""
_CUT_SHORT = {"expired", "cancelled"}
_READABLE = {"completed", *_CUT_SHORT}
"""States that end with results, though not always with all of them."""


class OpenAIBatches:
    """One model of an OpenAI-compatible provider, asked in batches; see `gatekeeper.models.batch.Batches`.

    Each batch carries its name as metadata, so that one whose id was never written down is found again.
    The SDK's retries are off, so that none is created twice.

    Args:
        model: name at the provider.
        base_url: endpoint, None for the provider's own.
        api_key: of the account that files and batches belong to.
        api: which API the rows are for.
        reader: how answers are read; None: those of `api`, without labels.
        timeout_s: seconds of one exchange.
    """

    takes_names = True
    most_requests = 50_000
    most_bytes = 190_000_000
    """The provider takes 200 MB; whether millions are meant or powers of two, it does not say."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "",
        api: OpenAIApi = "chat",
        reader: Reader | None = None,
        timeout_s: float = BATCH_TIMEOUT_S,
    ) -> None:
        with needs("teachers"):
            import openai
        self.model, self.base_url, self.api = model, base_url, api
        self.reader = reader or Reader(api)
        self.secrets: tuple[str, ...] = (api_key,)
        self._client: Any = openai.OpenAI(
            api_key=api_key or "none", base_url=base_url, max_retries=0, timeout=timeout_s
        )

    def file_of(self, requests: Mapping[str, Request], params: Mapping[str, Any]) -> bytes:
        """Return the batch file of requests: one JSON object per line, the same for the same requests."""
        return b"".join(self._line(key, request, params) for key, request in requests.items())

    def size_of(self, key: str, request: Request, params: Mapping[str, Any]) -> int:
        """Return the bytes of its line in the file."""
        return len(self._line(key, request, params))

    def _line(self, key: str, request: Request, params: Mapping[str, Any]) -> bytes:
        body = request_body(self.api, self.model, request, merged(params, request.params), self.base_url)
        row = {"custom_id": custom_id(key), "method": "POST", "url": self._url, "body": body}
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    @property
    def _url(self) -> str:
        """The path that the rows are for, as the provider names it: whatever the base URL is."""
        return f"/v1{PATHS[self.api]}"

    def submit(self, requests: Mapping[str, Request], params: Mapping[str, Any], name: str) -> str:
        """Upload the file and create a batch of it."""
        content = self.file_of(requests, params)
        try:
            file = self._client.files.create(file=("batch.jsonl", content), purpose="batch")
            batch = self._client.batches.create(
                input_file_id=file.id,
                endpoint=self._url,
                completion_window="24h",
                metadata={METADATA: name},
            )
            return str(batch.id)
        except Exception as error:
            raise batch_error(error, "the batch was not accepted", self.secrets, creating=True) from error

    def created(self, name: str, count: int, since: datetime) -> list[str]:
        """Return the batches whose metadata is the name: one or none."""
        try:
            listed = made_since(self._client.batches.list(limit=100), since)
            return [str(one.id) for one in listed if (one.metadata or {}).get(METADATA) == name]
        except Exception as error:
            raise batch_error(error, "the list of batches cannot be read", self.secrets) from error

    def cancel(self, batch: str) -> None:
        """Cancel it; that takes up to ten minutes at the provider."""
        try:
            self._client.batches.cancel(batch)
        except Exception as error:
            raise batch_error(error, f"batch {batch} cannot be cancelled", self.secrets) from error

    def poll(self, batch: str) -> BatchState:
        """Ask for the state of a batch; one that failed as a whole says why."""
        state = self._state(batch)
        if state.status == "failed":
            listed = state.errors.data if state.errors is not None and state.errors.data else []
            why = "; ".join(f"line {one.line}: {one.message}" for one in listed) or "no reason is given"
            later = bool(listed) and all(one.code in _LATER for one in listed)
            failure = ModelError(
                f"batch {batch} failed: {why}",
                kind="rate_limit" if later else "batch_failed",
                retryable=later,
                hint="run again later" if later else "mend what it names, then run again; nothing of it was billed",
            )
            return BatchState(True, "failed", failure)
        return BatchState(state.status in _READABLE, str(state.status))

    def results(self, batch: str) -> list[tuple[str, Reply]]:
        """Download the output and the error file, whichever there are; a batch that was cut short may have neither."""
        state = self._state(batch)
        if state.status not in _READABLE:
            raise ModelError(f"batch {batch} is not done", kind="unexpected", retryable=True, hint="poll it first")
        files = [file for file in (state.output_file_id, state.error_file_id) if file is not None]
        rows = [row for file in files for row in self._rows(batch, file)]
        return rows if not files and state.status in _CUT_SHORT else rows_of_results(batch, rows)

    def _state(self, batch: str) -> Any:
        try:
            state = self._client.batches.retrieve(batch)
            state.status  # noqa: B018 - what is no batch has none
            return state
        except Exception as error:
            raise batch_error(error, f"the state of batch {batch} cannot be read", self.secrets) from error

    def _rows(self, batch: str, file: str) -> Iterator[tuple[str, Reply]]:
        try:
            text = self._client.files.content(file).content.decode("utf-8")
        except Exception as error:
            raise batch_error(error, f"the results of batch {batch} cannot be read", self.secrets) from error
        for line in text.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # its request has no row then, and is missing
            if isinstance(row, dict) and isinstance(row.get("custom_id"), str):
                yield row["custom_id"], self._reply(row, line)

    def _reply(self, row: dict[str, Any], line: str) -> Reply:
        response, error = row.get("response"), row.get("error")
        if isinstance(response, dict) and isinstance(response.get("status_code"), int):
            body, status = response.get("body"), response["status_code"]
            text = json.dumps(body, ensure_ascii=False)
            return answered(self.reader.answer(body), text) if status == 200 else refused(status, text, {}, body)
        said = error if isinstance(error, dict) else {}
        kind = "expired" if said.get("code") == "batch_expired" else "server"
        return failed(kind, f"{said.get('code')}: {said.get('message')}", line)
