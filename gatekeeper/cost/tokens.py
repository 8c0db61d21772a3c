"""The price of one request from its tokens: the formula that every other amount for an API rests on.

    k = ((tau_in - tau_cr - tau_cw) p_in + tau_cr p_cr + tau_cw p_cw + tau_out p_out) / 1,000,000 + p_req

tau_in counts all input tokens, tau_cr those read from a prompt cache, tau_cw those written to one, tau_out the output;
p are USD per million tokens and p_req USD per request. Source: cost design 4.2, API.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from gatekeeper.cost.prices import Price
from gatekeeper.errors import InputError
from gatekeeper.records import Record, Usage

MILLION = Decimal(1_000_000)


class RequestTokens(Record):
    """Tokens of one request. They may be fractions, since a what-if scales means."""

    input_tokens: Decimal
    """tau_in: all input, what was read from a cache and written to one included."""
    output_tokens: Decimal = Decimal(0)
    cached_input_tokens: Decimal = Decimal(0)
    """tau_cr: part of the input that was read from a prompt cache."""
    cache_write_tokens: Decimal = Decimal(0)
    """tau_cw: part of the input that was written to a prompt cache."""

    @classmethod
    def of_usage(cls, usage: Usage) -> RequestTokens:
        """Return the tokens that a provider reported."""
        return cls(
            input_tokens=Decimal(usage.input_tokens),
            output_tokens=Decimal(usage.output_tokens),
            cached_input_tokens=Decimal(usage.cached_input_tokens),
            cache_write_tokens=Decimal(usage.cache_write_tokens),
        )


class TokenParts(NamedTuple):
    """What the parts of one request cost in USD."""

    fresh_input: Decimal
    cached_input: Decimal
    cache_write: Decimal
    output: Decimal
    fee: Decimal


def token_cost(tokens: RequestTokens, price: Price, *, standard: Price | None = None) -> Decimal:
    """Return k, what one request costs in USD, unrounded.

    Args:
        tokens: of this request. Prices that rise with the input's length are chosen by it, so price each request and
            then sum: the price of summed tokens is not the sum of the prices.
        price: of the way it is sent (standard, batch or flex).
        standard: the undiscounted price of the same model. Discounts do not stack: where `price` gives no price of its
            own for cached tokens, theirs is the standard one.

    Raises:
        InputError: there are no tokens (unknown is not free), or counts are impossible.
    """
    _check(tokens, price)
    return sum(_terms(tokens, price, standard), Decimal(0)) / MILLION + price.per_request


def token_parts(tokens: RequestTokens, price: Price, *, standard: Price | None = None) -> TokenParts:
    """Return the parts that `token_cost` adds up. Arguments and errors are the same."""
    _check(tokens, price)
    fresh, cached, written, output = _terms(tokens, price, standard)
    return TokenParts(fresh / MILLION, cached / MILLION, written / MILLION, output / MILLION, price.per_request)


def _terms(tokens: RequestTokens, price: Price, standard: Price | None) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return (fresh input, cached input, cache write, output) in millionths of a USD."""
    rates = price.rates(tokens.input_tokens)
    other = (price if standard is None else standard).rates(tokens.input_tokens)
    cached_rate = _first(rates.cached_input_per_m, other.cached_input_per_m, rates.input_per_m)
    write_rate = _first(rates.cache_write_per_m, other.cache_write_per_m, rates.input_per_m)
    fresh = tokens.input_tokens - tokens.cached_input_tokens - tokens.cache_write_tokens
    return (
        fresh * rates.input_per_m,
        tokens.cached_input_tokens * cached_rate,
        # Nothing written costs a plain 0, whose digits leave those of the sum alone.
        tokens.cache_write_tokens * write_rate if tokens.cache_write_tokens else Decimal(0),
        tokens.output_tokens * rates.output_per_m,
    )


def _first(looked_up: Decimal | None, standard: Decimal | None, plain: Decimal) -> Decimal:
    if looked_up is not None:
        return looked_up
    return plain if standard is None else standard


def _check(tokens: RequestTokens, price: Price) -> None:
    cached, written = tokens.cached_input_tokens, tokens.cache_write_tokens
    counts = (tokens.input_tokens, tokens.output_tokens, cached, written)
    finite = all(count.is_finite() for count in counts)
    if not finite or min(*counts, tokens.input_tokens - cached - written) < 0:
        raise InputError(
            f"a request to {price.model!r} has impossible token counts: {tokens.input_tokens} input "
            f"({cached} cached, {written} written to a cache), {tokens.output_tokens} output",
            hint="cached and written tokens are parts of the input; no count is below 0",
        )
    if tokens.input_tokens == 0 and tokens.output_tokens == 0:
        raise InputError(
            f"a request to {price.model!r} has no token counts, so its cost is unknown",
            hint="leave failed requests out, and count tokens where the provider does not report them",
        )
