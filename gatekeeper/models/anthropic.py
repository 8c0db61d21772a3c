"""Anthropic's Messages API, by the anthropic SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatekeeper.models.anthropic_answers import error_class
from gatekeeper.models.endpoints import shown_url
from gatekeeper.models.errors import FAILURES
from gatekeeper.models.extras import needs
from gatekeeper.models.reader import Reader
from gatekeeper.models.wire import Reply, answered, refused, timeout_of, unanswered
from gatekeeper.records import Request

API = "https://api.anthropic.com"
DEFAULT_MAX_TOKENS = 16


class AnthropicWire:
    """Speaks the Messages API; `gatekeeper.models.wire.Wire` says what each method is for.

    The SDK takes its address from the environment where none is given. Here the address is always given, so that the
    endpoint of the fingerprint is the one that is asked.

    Args:
        model: name at the provider.
        base_url: endpoint without `/v1`, None for the provider's own.
        api_key: sent in a header that the SDK chooses.
        reader: how its answers are read.
        cache: the system prompt is kept in the provider's cache; like `cache` in `params`, but no part of an identity.
        timeout_s: seconds of one try; None: by the limit of the answer.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "",
        reader: Reader | None = None,
        cache: bool = False,
        timeout_s: float | None = None,
    ) -> None:
        with needs("teachers"):
            import anthropic  # noqa: F401 - a missing package is said here, not in the first request
        self.name = model
        self.base_url = base_url or API
        self.api_key = api_key
        self.reader = reader or Reader("messages")
        self.cache = cache
        self.timeout_s = timeout_s
        self._client: Any = None

    @property
    def endpoint(self) -> str:
        """The endpoint without credentials and query."""
        return shown_url(self.base_url)

    def most_output_tokens(self, params: Mapping[str, Any]) -> int:
        """Return `max_tokens`, which bounds thinking and answer together."""
        return int(params.get("max_tokens") or DEFAULT_MAX_TOKENS)

    async def open(self) -> None:
        """Make the client, with its own retries off."""
        import anthropic

        self._client = anthropic.AsyncAnthropic(api_key=self.api_key or "none", base_url=self.base_url, max_retries=0)

    async def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        """Send one request once."""
        import anthropic

        body = message_body(request, params, cache=self.cache)
        timeout = timeout_of(self.timeout_s, self.most_output_tokens(params))
        fixed = {key: body.pop(key) for key in ("messages", "system", "max_tokens") if key in body}
        try:
            # extra_body takes any parameter as it stands; the SDK would refuse names that it does not know
            response = await self._client.messages.with_raw_response.create(
                model=self.name, **fixed, extra_body=body, timeout=timeout
            )
            raw = response.http_response.content
        except anthropic.APIStatusError as error:
            return _refused(error)
        except Exception as error:
            return unanswered(error)
        return answered(self.reader.read(raw), raw.decode("utf-8", "replace"), response.http_response.headers)


def message_body(request: Request, params: Mapping[str, Any], *, cache: bool = False) -> dict[str, Any]:
    """Return the parameters of a message without its model, for a single request or a row of a batch.

    System turns become the top-level `system`. With `cache` the last of them ends a cached prefix, which covers
    all that comes before it; a request without a system turn has nothing that the next one would share.

    Args:
        request: what is asked.
        params: of the request; `cache` is ours, everything else is the provider's.
        cache: the same as `cache` in `params`; either is enough.
    """
    given = {"max_tokens": DEFAULT_MAX_TOKENS, **params}
    cache = given.pop("cache", False) or cache
    system = [{"type": "text", "text": turn.content} for turn in request.messages if turn.role == "system"]
    turns = [{"role": turn.role, "content": turn.content} for turn in request.messages if turn.role != "system"]
    blocks: list[dict[str, Any]] = [*system]
    if blocks and cache:
        blocks[-1] = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return {"messages": turns, **({"system": blocks} if blocks else {}), **given}


def _refused(error: Any) -> Reply:
    """Return the reply of a status other than 2xx; its body may name a cause that the status hides."""
    text = error.response.content.decode("utf-8", "replace")
    reply = refused(int(error.status_code), text, error.response.headers, error.body)
    if error_class(error.body)[0] != "quota":
        return reply
    return replace(reply, failure=FAILURES["quota"], answer=replace(reply.answer, error_class="quota"))
