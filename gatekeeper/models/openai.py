"""Any OpenAI-compatible endpoint, by the openai SDK."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from gatekeeper.errors import ModelError
from gatekeeper.hashing import content_hash
from gatekeeper.models.answers import Answer, read_answer
from gatekeeper.models.base import ModelInfo
from gatekeeper.models.errors import FAILURES, Failure, brief, of_exception, of_status, scrub
from gatekeeper.models.extras import needs
from gatekeeper.models.retry import RetryPolicy, retry_after
from gatekeeper.models.tokens import bound_input, count_request
from gatekeeper.records import Completion, Request, Usage

DEFAULT_MAX_TOKENS = 16
GIVE_UP_AFTER = 5
"""Failed connections in a row, with no answer ever, after which the endpoint counts as down."""


class OpenAIModel:
    """Sends up to `concurrency` requests at once and yields answers as they arrive.

    Args:
        model: name at the endpoint.
        base_url: endpoint, None for the provider's own.
        api_key: sent as the bearer token; it appears in no record and no error.
        params: of each request; a request's own `params` come on top.
        labels: labels that the logprobs of the first token are read for.
        price_id: provider/name of the price; `price_assumed` says that it is another model's.
        policy: tries and deadline of a request.
        timeout_s: seconds of one try.
        seed: of the jitter between tries.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "",
        params: Mapping[str, Any] | None = None,
        concurrency: int = 16,
        labels: Sequence[str] = (),
        price_id: str | None = None,
        price_assumed: bool = False,
        policy: RetryPolicy | None = None,
        timeout_s: float = 60.0,
        seed: int | None = None,
    ) -> None:
        with needs("teachers"):
            import openai  # noqa: F401 - a missing package is said here, not in the first request
        self.model = model
        self.params = {"max_tokens": DEFAULT_MAX_TOKENS, **(params or {})}
        self.labels = tuple(labels)
        self.concurrency = concurrency
        self.policy = policy or RetryPolicy()
        self.timeout_s = timeout_s
        self.base_url = base_url
        self.api_key = api_key
        self.dice = random.Random(seed)
        self._info = ModelInfo(
            name=model,
            fingerprint=content_hash({"model": model, "endpoint": self.endpoint, "params": self.params}),
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
        if self.base_url is None:
            return "the provider's own endpoint"
        parts = urlsplit(self.base_url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))

    def upper_bound(self, request: Request) -> Usage:
        """Return a bound on the tokens: the bytes of the input, and the limit of the answer."""
        params = {**self.params, **request.params}
        limit = params.get("max_completion_tokens") or params["max_tokens"]
        return Usage(input_tokens=bound_input(request), output_tokens=int(limit), reported=False)

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request; see `gatekeeper.models.base.Model`.

        Requests are pulled in the caller's thread, one for each free place. When `requests` itself raises, answers in
        flight are still yielded before the exception goes on.

        Raises:
            ModelError: every request would fail: the key is wrong, the model does not exist, there is no credit, or the
                endpoint was never reached. Answers in flight are yielded first.
        """
        with _Run(self) as run:
            yield from run.stream(requests)


@dataclass
class _Result:
    """One try."""

    answer: Answer
    raw: str | None
    failure: Failure | None
    retry_after_s: float | None
    latency_s: float = 0.0


class _Run:
    """One call of `complete`: a loop in its own thread, and what its requests have in common."""

    def __init__(self, model: OpenAIModel) -> None:
        import openai

        self.model = model
        self.stop: ModelError | None = None
        self._answered = False
        self._failed_connections = 0
        self._not_before = 0.0
        self._done: queue.Queue[Completion | BaseException] = queue.Queue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai", daemon=True)
        self._client = openai.AsyncOpenAI(
            api_key=model.api_key or "none",
            base_url=model.base_url,
            max_retries=0,
            timeout=model.timeout_s,
        )

    def __enter__(self) -> _Run:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Keep the places filled and yield what arrives."""
        source = iter(requests)
        in_flight = 0
        ended: BaseException | None = None
        open_source = True
        while True:
            while open_source and self.stop is None and in_flight < self.model.concurrency:
                try:
                    request = next(source)
                except StopIteration:
                    open_source = False
                except Exception as error:  # the caller's: a budget that is used up, for one
                    open_source, ended = False, error
                else:
                    self._send(request)
                    in_flight += 1
            if in_flight == 0:
                break
            result = self._done.get()
            in_flight -= 1
            if isinstance(result, BaseException):
                raise result
            yield result
        if self.stop is not None:
            raise self.stop
        if ended is not None:
            raise ended

    def _send(self, request: Request) -> None:
        def arrived(future: Future[Completion]) -> None:
            error = None if future.cancelled() else future.exception()
            if error is not None:
                self._done.put(error)
            elif not future.cancelled():
                self._done.put(future.result())

        asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).add_done_callback(arrived)

    async def _close(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
        await self._loop.shutdown_asyncgens()

    async def _answer(self, request: Request) -> Completion:
        """Try until there is an answer, or no hope for one."""
        start = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            await self._wait_for_turn()
            began = time.monotonic()
            result = await self._try(request)
            result.latency_s = time.monotonic() - began
            if result.failure is None or not result.failure.retryable or self.stop is not None:
                break
            elapsed = time.monotonic() - start
            pause = self.model.policy.wait(attempt, elapsed, result.retry_after_s, self.model.dice)
            if pause is None:
                break
            if result.retry_after_s is not None:  # the limit is the endpoint's, so all requests heed it
                self._not_before = max(self._not_before, time.monotonic() + result.retry_after_s)
            await asyncio.sleep(pause)
            if self.stop is not None:
                break
        return self._completion(request, result, attempt)

    async def _wait_for_turn(self) -> None:
        while self.stop is None and (pause := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(pause)

    async def _try(self, request: Request) -> _Result:
        import openai

        params = {**self.model.params, **request.params}
        messages: Any = [{"role": message.role, "content": message.content} for message in request.messages]
        try:
            # extra_body takes any parameter as it stands; the SDK would refuse names that it does not know
            response = await self._client.chat.completions.with_raw_response.create(
                model=self.model.model, messages=messages, extra_body=params
            )
            body = response.http_response.content
        except openai.APIStatusError as error:
            return self._failed_status(error)
        except Exception as error:
            return self._failed_without_answer(error)
        self._answered = True
        answer = read_answer(body, self.model.labels)
        failure = FAILURES[answer.error_class] if answer.error_class else None
        return _Result(answer, body.decode("utf-8", "replace"), failure, None)

    def _failed_status(self, error: Any) -> _Result:
        self._answered = True
        status = int(error.status_code)
        text = error.response.content.decode("utf-8", "replace")
        failure = of_status(status, {"error": error.body} if isinstance(error.body, dict) else None)
        message = f"HTTP {status}: {text.strip() or '(empty body)'}"
        answer = Answer(error_class=failure.kind, error_message=message)
        self._maybe_stop(failure, message)
        return _Result(answer, text, failure, retry_after(error.response.headers))

    def _failed_without_answer(self, error: Exception) -> _Result:
        failure = of_exception(error)
        cause = error.__cause__ or error
        message = f"{type(cause).__name__}: {cause}"
        if failure.kind == "connection":
            self._failed_connections += 1
            if not self._answered and self._failed_connections >= GIVE_UP_AFTER:
                reached = f"could not be reached, {GIVE_UP_AFTER} tries in a row ({message})"
                self._end(failure, f"{self.model.endpoint} {reached}")
        return _Result(Answer(error_class=failure.kind, error_message=message), None, failure, None)

    def _maybe_stop(self, failure: Failure, message: str) -> None:
        if failure.stops:
            self._end(failure, f"model {self.model.model!r} at {self.model.endpoint}: {message}")

    def _end(self, failure: Failure, message: str) -> None:
        if self.stop is None:
            text = brief(message, self.model.api_key)
            self.stop = ModelError(text, kind=failure.kind, retryable=failure.retryable, hint=failure.hint)

    def _completion(self, request: Request, result: _Result, attempts: int) -> Completion:
        answer, fingerprint, key = result.answer, self.model.info.fingerprint, self.model.api_key
        usage = answer.usage
        if usage is None:
            # an answer without usage was paid for all the same; a failed request without a body was not
            billed = result.failure is None or answer.finish_reason is not None
            usage = count_request(request, answer.output) if billed else Usage(reported=False)
        return Completion(
            request_key=request.key(fingerprint),
            item_id=request.item_id,
            model=fingerprint,
            sample_index=request.sample_index,
            output=answer.output,
            distribution=answer.distribution,
            raw=None if result.raw is None else scrub(result.raw, key),
            finish_reason=answer.finish_reason,
            usage=usage,
            latency_s=result.latency_s,
            attempts=attempts,
            error_class=answer.error_class,
            error_message=None if answer.error_message is None else brief(answer.error_message, key),
        )
