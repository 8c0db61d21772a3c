"""What litellm's exceptions mean: it names some failures by another class than the endpoint did, so all of it is read.

Seen with litellm 1.110: a body that is no JSON is an `APIConnectionError`, an `InternalServerError` or a
`BadRequestError` by provider; a connection that was refused is an `InternalServerError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.models.answers import Answer
from gatekeeper.models.errors import CODES, FAILURES, Failure, of_exception, of_status
from gatekeeper.models.limits import read_rate_hints
from gatekeeper.models.retry import retry_after
from gatekeeper.models.wire import Reply

_UNREADABLE = (
    "unable to get json response",
    "error converting to valid response",
    "empty or invalid response from llm endpoint",
    "provider returned a response with no 'choices'",
)
_NO_ANSWER = {"ConnectError", "ReadError", "RemoteProtocolError", "ClientConnectionError", "ClientPayloadError"}
"""Classes of httpx and aiohttp for connections that failed or broke."""
_BY_NAME = {
    "Timeout": "timeout",
    "ContentPolicyViolationError": "content_filter",
    "PaymentRequiredError": "quota",
    "UnsupportedParamsError": "bad_request",
}


def reply_of(error: BaseException) -> Reply:
    """Return the reply of an exception that litellm raised instead of giving an answer."""
    headers = _headers(error)
    failure = _failure(error, bool(headers))
    message = str(error).split("\nTraceback (most recent call last)")[0].strip()
    raw = message if headers else None  # litellm keeps no body; what it says of one is what there is
    answer = Answer(error_class=failure.kind, error_message=f"{type(error).__name__}: {message}")
    return Reply(answer, raw, failure, retry_after(headers), read_rate_hints(headers) if headers else None)


def provider_headers(headers: object) -> dict[str, str]:
    """Return response headers under the names that the provider gave them, in lower case."""
    if not isinstance(headers, Mapping):
        return {}
    return {str(name).lower().removeprefix("llm_provider-"): str(value) for name, value in headers.items()}


def _failure(error: BaseException, answered: bool) -> Failure:
    text = str(error).casefold()
    named = next((_BY_NAME[one.__name__] for one in type(error).__mro__ if one.__name__ in _BY_NAME), None)
    if named is not None:
        return FAILURES[named]
    if any(words in text for words in _UNREADABLE) or isinstance(error.__context__, KeyError):
        return FAILURES["not_json"]
    if not answered and any(_is_connection(one) for one in _chain(error)):
        return FAILURES["connection"]
    fields = (str(getattr(one, name, "")) for one in _chain(error) for name in ("code", "type", "body"))
    told = " ".join([str(error), *fields])
    code = next((CODES[code] for code in CODES if code in told), None)
    if code is not None:
        return FAILURES[code]
    if "overloaded_error" in text:
        return FAILURES["overloaded"]
    status = getattr(error, "status_code", None)
    return of_status(status, None) if isinstance(status, int) and status >= 400 else of_exception(error)


def _is_connection(error: BaseException) -> bool:
    return isinstance(error, OSError) or bool({one.__name__ for one in type(error).__mro__} & _NO_ANSWER)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__


def _headers(error: BaseException) -> dict[str, str]:
    """Return the headers of the response that the endpoint sent; none where it sent none."""
    found = provider_headers(getattr(error, "litellm_response_headers", None))
    return found or provider_headers(getattr(getattr(error, "response", None), "headers", None))
