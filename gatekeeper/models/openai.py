"""Any OpenAI-compatible endpoint: by aiohttp, or by the openai SDK where that is asked for."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from gatekeeper.models.api import ApiModel
from gatekeeper.models.batch import Batches
from gatekeeper.models.concurrency import ConcurrencyPolicy
from gatekeeper.models.extras import needs
from gatekeeper.models.limits import RateLimits
from gatekeeper.models.openai_bodies import DEFAULT_MAX_TOKENS, OpenAIApi, most_output_tokens, request_body
from gatekeeper.models.openai_http import OpenAIHttpWire, refused_with, show_endpoint
from gatekeeper.models.reader import Reader
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.models.structured import chat_format, responses_format
from gatekeeper.models.wire import Reply, WireFactory, answered, merged, timeout_of, unanswered
from gatekeeper.records import Request


class OpenAIModel(ApiModel):
    """A model behind an OpenAI-compatible endpoint.

    Both APIs go by aiohttp, with a base URL and without. The SDK does the same several times more slowly; it is used
    where aiohttp is not installed.

    Args:
        model: name at the endpoint.
        base_url: endpoint; None: OPENAI_BASE_URL of the environment, else OpenAI's own.
        api_key: sent as the bearer token; it appears in no record and no error.
        params: of each request; a request's own `params` come on top.
        concurrency: requests in flight: the most of them, or a policy. With a number the limit adapts; for an endpoint
            on this machine or a private network it stops where more in flight bring no more answers, too.
        labels: labels that logprobs are read for.
        api: which API of the endpoint is asked: Chat Completions or Responses.
        structured: the endpoint holds the answer to the labels, by a JSON schema.
        price_id: provider/name of the price; `price_assumed` says that it is another model's.
        policy: tries and deadline of a request.
        rate_limits: known limits of the endpoint.
        timeout_s: seconds of one try; None: by the limit of the answer.
        seed: of the jitter between tries.
        client: what speaks HTTP; None: aiohttp where it is installed.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "",
        params: Mapping[str, Any] | None = None,
        concurrency: ConcurrencyPolicy | int = 16,
        labels: Sequence[str] = (),
        api: OpenAIApi = "chat",
        structured: bool = False,
        price_id: str | None = None,
        price_assumed: bool = False,
        policy: RetryPolicy | None = None,
        rate_limits: RateLimits | None = None,
        timeout_s: float | None = None,
        seed: int | None = None,
        client: Literal["aiohttp", "sdk"] | None = None,
    ) -> None:
        base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        if isinstance(concurrency, int):
            concurrency = ConcurrencyPolicy(concurrency, by_rate=is_near(base_url))
        given: dict[str, Any] = {"max_tokens": DEFAULT_MAX_TOKENS, **(params or {})}
        if structured:
            given = merged(responses_format(labels) if api == "responses" else chat_format(labels), given)
        reader = Reader(api, tuple(labels), structured)
        options: dict[str, Any] = {
            "base_url": base_url,
            "api_key": api_key,
            "api": api,
            "reader": reader,
            "timeout_s": timeout_s,
        }
        made: WireFactory = partial(OpenAISdkWire, model, **options)
        if client == "aiohttp" or (client is None and find_spec("aiohttp") is not None):
            made = partial(OpenAIHttpWire, model, **options, headers=_account_headers() if base_url is None else {})
        super().__init__(
            made,
            params=given,
            identity={} if api == "chat" else {"api": api},
            reader=reader,
            concurrency=concurrency,
            rate_limits=rate_limits,
            policy=policy,
            price_id=price_id,
            price_assumed=price_assumed,
            batches=partial(_batches, model, base_url, api_key, api, reader),
            secrets=[api_key, *_passwords(base_url)],
            seed=seed,
        )


class OpenAISdkWire:
    """One model of one endpoint, by the SDK. Its own retries are off: they report nothing and know no deadline.

    Args:
        model: name at the endpoint.
        base_url: endpoint, None for OpenAI's own.
        api_key: sent as the bearer token.
        api: which API is spoken there.
        reader: how its answers are read.
        timeout_s: seconds of each step of one try: connecting, writing, reading; None: by the limit of the answer.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "",
        api: OpenAIApi = "chat",
        reader: Reader,
        timeout_s: float | None = None,
    ) -> None:
        with needs("teachers"):
            import openai  # noqa: F401 - a missing package is said here, not in the first request
        self.name = model
        self.endpoint = show_endpoint(base_url)
        self._base_url, self._api_key, self._timeout_s = base_url, api_key, timeout_s
        self._api, self._reader = api, reader
        self._client: Any = None

    async def open(self) -> None:
        """Open the client."""
        import openai

        self._client = openai.AsyncOpenAI(api_key=self._api_key or "none", base_url=self._base_url, max_retries=0)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()

    async def send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        """Send one request once."""
        import openai

        given = request_body(self._api, self.name, request, params, self._base_url)
        asked = "input" if self._api == "responses" else "messages"
        fixed: dict[str, Any] = {key: given.pop(key) for key in ("model", asked)}
        resource = self._client.responses if self._api == "responses" else self._client.chat.completions
        try:
            # extra_body takes any parameter as it stands; the SDK would refuse names that it does not know
            response = await resource.with_raw_response.create(
                **fixed, extra_body=given, timeout=timeout_of(self._timeout_s, most_output_tokens(params))
            )
            body = response.http_response.content
        except openai.APIStatusError as error:
            return refused_with(int(error.status_code), error.response.content, error.response.headers)
        except Exception as error:
            return unanswered(error)
        raw = body.decode("utf-8", "replace")
        return answered(self._reader.read(body), raw, response.http_response.headers)

    def most_output_tokens(self, params: Mapping[str, Any]) -> int:
        """Return the limit of the answer."""
        return most_output_tokens(params)


def _batches(model: str, base_url: str | None, api_key: str, api: OpenAIApi, reader: Reader) -> Batches:
    from gatekeeper.models.openai_batch import OpenAIBatches

    return OpenAIBatches(model, base_url=base_url, api_key=api_key, api=api, reader=reader)


def is_near(base_url: str | None) -> bool:
    """Whether an endpoint is on this machine or, by its address, on a private network."""
    host = urlsplit(base_url or "").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _passwords(base_url: str | None) -> list[str]:
    """Return the password in the URL as it stands there and as it is meant."""
    password = urlsplit(base_url or "").password
    return [] if password is None else [password, unquote(password)]


def _account_headers() -> dict[str, str]:
    """Return which organization and project pay at OpenAI, as the SDK reads them from the environment."""
    names = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
    return {header: os.environ[name] for header, name in names.items() if os.environ.get(name)}
