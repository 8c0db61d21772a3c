"""The APIs of OpenAI and of whatever is compatible with them, by aiohttp: several times as fast as by the SDK."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from gatekeeper.models.extras import needs
from gatekeeper.models.openai_bodies import OPENAI_URL, PATHS, OpenAIApi, most_output_tokens, request_body
from gatekeeper.models.reader import Reader
from gatekeeper.models.wire import Reply, answered, refused, timeout_of, unanswered
from gatekeeper.records import Request

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

KEEP_ALIVE_S = 15.0
"""Idle connections are closed after this time, before most servers close them in the middle of a request."""


class OpenAIHttpWire:
    """One model of one endpoint.

    Credentials in the URL are sent as basic authentication in the place of the key, as the SDK does. Proxies are those
    of the environment. Redirects are not followed: a POST would arrive as a GET, and the address is wrong anyway.

    Args:
        model: name at the endpoint.
        base_url: endpoint, None for OpenAI's own.
        api_key: sent as the bearer token.
        api: which API is spoken there.
        reader: how its answers are read.
        timeout_s: seconds of one try, from connecting to the last byte; None: by the limit of the answer.
        headers: sent with each request on top.
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
        headers: Mapping[str, str] | None = None,
    ) -> None:
        with needs("teachers"):
            import aiohttp  # noqa: F401 - a missing package is said here, not in the first request
        self.name = model
        self.endpoint = show_endpoint(base_url)
        parts = urlsplit(base_url or OPENAI_URL)
        user, _, host = parts.netloc.rpartition("@")
        self._url = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + PATHS[api], parts.query, ""))
        self._base_url, self._api, self._reader = base_url, api, reader
        self._timeout_s = timeout_s
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": _basic(user) if user else f"Bearer {api_key or 'none'}",
            **(headers or {}),
        }
        self._session: Any = None
        self._proxy: str | None = None

    async def open(self) -> None:
        """Open a pool of kept-alive connections; the caller bounds how many are used at once."""
        import aiohttp

        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE_S,
            ssl=trusted() if self._url.startswith("https") else False,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._proxy = proxy_of(self._url)  # once: aiohttp's trust_env looks it up, and reads ~/.netrc, at each request

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        """Send one request once."""
        import aiohttp

        data = json_bytes(request_body(self._api, self.name, request, params, self._base_url))
        timeout = aiohttp.ClientTimeout(total=timeout_of(self._timeout_s, most_output_tokens(params)))
        try:
            async with self._session.post(
                self._url, data=data, allow_redirects=False, proxy=self._proxy, timeout=timeout
            ) as response:
                body: bytes = await response.read()
        except Exception as error:
            return unanswered(error)
        if 200 <= response.status < 300:
            return answered(self._reader.read(body), body.decode("utf-8", "replace"), response.headers)
        return refused_with(response.status, body, response.headers)

    def most_output_tokens(self, params: Mapping[str, Any]) -> int:
        """Return the limit of the answer."""
        return most_output_tokens(params)


def show_endpoint(base_url: str | None) -> str:
    """Return the endpoint without credentials and query."""
    if base_url is None:
        return "the provider's own endpoint"
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for `url`, None where there is none or the host is exempt."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def json_bytes(value: Any) -> bytes:
    """Return `value` as JSON in UTF-8; what has no UTF-8 (half a surrogate pair) is escaped."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def refused_with(status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Return the reply of a status other than 2xx, with what its body says if that is JSON."""
    text = body.decode("utf-8", "replace")
    if 300 <= status < 400:
        text = f"moved to {headers.get('location', 'nowhere')} {text}"
    value = None
    with suppress(ValueError):
        value = json.loads(text)
    return refused(status, text, headers, value)


def trusted() -> ssl.SSLContext:
    """Return what certificates are checked by: those of the machine, and certifi's where it is installed."""
    context = ssl.create_default_context()
    with suppress(ImportError, OSError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _basic(user: str) -> str:
    name, _, password = user.partition(":")
    return "Basic " + base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode("ascii")
