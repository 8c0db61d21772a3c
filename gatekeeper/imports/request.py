"""One request of a log, whatever wrote it, and the table that holds the tokens of many."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, overload

from gatekeeper.cost.tokens import RequestTokens
from gatekeeper.imports.fields import Unreadable


class TokenCounts(NamedTuple):
    """Tokens of one request. `input` counts all of the input; `cached` and `written` are parts of it."""

    input: int
    output: int
    cached: int = 0
    written: int = 0


class LoggedRequest(NamedTuple):
    """What a log says about one request."""

    models: tuple[str, ...]
    """The model that was asked for, then the one that answered where the log names another."""
    tokens: TokenCounts | None
    """None: not reported."""
    failed: bool
    start: float | None = None
    """Seconds since 1970."""
    seconds: float | None = None
    """How long the answer took."""
    retries: int | None = None
    """How often it was sent again; None: not said."""
    response_id: str | None = None


def checked(counts: TokenCounts) -> TokenCounts | None:
    """Return the counts; None where all are 0, which is what writers put where they know none.

    Raises:
        Unreadable: the cached parts are more than the input.
    """
    if counts.cached + counts.written > counts.input:
        raise Unreadable(
            f"{counts.cached} cached and {counts.written} written tokens are more than the {counts.input} input tokens"
        )
    return counts if counts.input or counts.output else None


class TokenTable(Sequence[RequestTokens]):
    """The tokens of many requests in 32 bytes each; a `RequestTokens` is made when one is asked for."""

    def __init__(self) -> None:
        self._columns = tuple(array("q") for _ in TokenCounts._fields)

    def add(self, counts: TokenCounts) -> None:
        """Append one request."""
        for column, tokens in zip(self._columns, counts, strict=True):
            column.append(tokens)

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> RequestTokens: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RequestTokens, ...]: ...
    def __getitem__(self, index: int | slice) -> RequestTokens | tuple[RequestTokens, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        return _tokens(TokenCounts(*(column[index] for column in self._columns)))

    def __iter__(self) -> Iterator[RequestTokens]:
        return (_tokens(counts) for counts in self.counts())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenTable) and self._columns == other._columns

    def counts(self) -> Iterator[TokenCounts]:
        """Yield the rows as plain numbers."""
        return (TokenCounts(*row) for row in zip(*self._columns, strict=True))

    def sums(self) -> TokenCounts:
        """Return the totals of all requests."""
        return TokenCounts(*(sum(column) for column in self._columns))


def _tokens(counts: TokenCounts) -> RequestTokens:
    return RequestTokens(
        input_tokens=Decimal(counts.input),
        output_tokens=Decimal(counts.output),
        cached_input_tokens=Decimal(counts.cached),
        cache_write_tokens=Decimal(counts.written),
    )
