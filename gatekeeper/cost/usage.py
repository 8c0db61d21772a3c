"""What requests cost. Each request is priced on its own, and only then summed or averaged.

The order matters: long inputs cost more per token, so the price of summed tokens is not the sum of the prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.cost.prices import Price
from gatekeeper.cost.tokens import RequestTokens, token_cost
from gatekeeper.errors import InputError
from gatekeeper.records import Record, Usage


class RequestCost(Record):
    """The mean cost of one request over a set of priced requests."""

    usd: Decimal
    price: Price
    n_requests: int
    n_reported: int
    """Requests whose tokens the provider reported; the others were counted with a local tokenizer."""
    mean_input_tokens: Decimal
    mean_cached_input_tokens: Decimal
    mean_output_tokens: Decimal
    mean_cache_write_tokens: Decimal = Decimal(0)


def request_cost(usage: Usage, price: Price) -> Decimal:
    """Return what one request costs in USD, unrounded.

    Raises:
        InputError: the usage has no tokens (it is unknown, which is not free), a negative count, or more cached and
            written than input tokens.
    """
    return token_cost(RequestTokens.of_usage(usage), price)


def bound_cost(bound: Usage, price: Price) -> Decimal:
    """Return the most that one request can cost in USD, from a bound on its tokens. Raises as `request_cost`.

    Args:
        bound: the most tokens of each kind. Input that may be written to a cache is priced as whichever is more, a
            write or plain input.
    """
    if not bound.cache_write_tokens:
        return request_cost(bound, price)
    plain = bound.model_copy(update={"cache_write_tokens": 0})
    return max(request_cost(bound, price), request_cost(plain, price))


def mean_request_cost(usages: Sequence[Usage], price: Price) -> Decimal:
    """Return the mean cost in USD of one request: each is priced, then the mean is taken.

    Raises:
        InputError: `usages` is empty, or one of them cannot be priced.
    """
    return price_requests(usages, price).usd


def price_requests(usages: Sequence[Usage], price: Price) -> RequestCost:
    """Return the mean cost of one request with what it rests on. Raises as `mean_request_cost`."""
    if not usages:
        raise InputError(
            f"no requests to price for {price.model!r}: the mean cost of none is undefined",
            hint="run the model on at least one item first",
        )
    n = Decimal(len(usages))
    return RequestCost(
        usd=sum((request_cost(usage, price) for usage in usages), Decimal(0)) / n,
        price=price,
        n_requests=len(usages),
        n_reported=sum(usage.reported for usage in usages),
        mean_input_tokens=sum(usage.input_tokens for usage in usages) / n,
        mean_cached_input_tokens=sum(usage.cached_input_tokens for usage in usages) / n,
        mean_output_tokens=sum(usage.output_tokens for usage in usages) / n,
        mean_cache_write_tokens=sum(usage.cache_write_tokens for usage in usages) / n,
    )
