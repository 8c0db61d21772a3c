"""What requests to an API cost: standard, batch and flex prices, retries, fees and the hosting of a fine-tuned model.

    c_api = (1 + rho) mean over requests i of [(1 - beta - phi) k_std(i) + beta k_batch(i) + phi k_flex(i)]
    F     = F_host H

beta and phi are the shares that are sent as batch and as flex, rho the share of requests that are sent again. Each
request is priced on its own (`token_parts`), then the mean is taken. Source: cost design 4.2, API and FT API.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.cost.prices import Price
from gatekeeper.cost.serving import HOURS_PER_MONTH
from gatekeeper.cost.tokens import RequestTokens, token_parts
from gatekeeper.errors import InputError, PriceError
from gatekeeper.records import Record

ZERO = Decimal(0)


class ApiPrices(Record):
    """What one model costs in each way of sending. A way without a price of its own cannot be used."""

    standard: Price
    batch: Price | None = None
    flex: Price | None = None
    minimum_per_request: Decimal = ZERO
    """USD that a request costs at least, however few tokens it has."""


class ApiUse(Record):
    """How requests are sent."""

    batch_share: Decimal = ZERO
    """beta: share of the requests that may wait for a batch."""
    flex_share: Decimal = ZERO
    """phi: share that is sent at the flex price."""
    retry_rate: Decimal = ZERO
    """rho: requests that are sent again, per request. A retry costs as much as the request."""


class ApiCost(Record):
    """The mean cost of one request and its parts, in USD. The parts add up to `usd`."""

    usd: Decimal
    """c_api."""
    fresh_input_usd: Decimal
    cached_input_usd: Decimal
    cache_write_usd: Decimal
    output_usd: Decimal
    fees_usd: Decimal
    """Fees per request, and what a minimum adds."""
    retries_usd: Decimal
    n_requests: int


def api_cost(requests: Sequence[RequestTokens], prices: ApiPrices, use: ApiUse | None = None) -> ApiCost:
    """Return c_api, the mean cost of one request.

    Args:
        requests: the tokens of each request of a sample.
        prices: of the model.
        use: how the requests are sent; all standard and none twice where it is not given.

    Raises:
        InputError: there are no requests, one has impossible token counts, or a share is outside 0 to 1.
        PriceError: a share is sent in a way that has no price: a discount is looked up, never assumed.
    """
    if not requests:
        raise InputError("no requests to price: the mean cost of none is undefined", hint="give at least one request")
    ways = _ways(prices, ApiUse() if use is None else use)
    sums = [ZERO] * 5
    for tokens in requests:
        for share, price in ways:
            for index, part in enumerate(_charged(tokens, price, prices)):
                sums[index] += share * part
    n = Decimal(len(requests))
    fresh, cached, written, output, fees = (total / n for total in sums)
    once = fresh + cached + written + output + fees
    retries = once * require_zero_or_more(ZERO if use is None else use.retry_rate, "retry_rate")
    return ApiCost(
        usd=once + retries,
        fresh_input_usd=fresh,
        cached_input_usd=cached,
        cache_write_usd=written,
        output_usd=output,
        fees_usd=fees,
        retries_usd=retries,
        n_requests=len(requests),
    )


def hosting_cost(usd_per_hour: Decimal, *, hours: Decimal = HOURS_PER_MONTH) -> Decimal:
    """Return F = F_host H: what hosting a fine-tuned model costs in a month, used or not. 0 where it is serverless."""
    return require_zero_or_more(usd_per_hour, "usd_per_hour of hosting") * require_positive(hours, "hours")


def _ways(prices: ApiPrices, use: ApiUse) -> list[tuple[Decimal, Price]]:
    """Return the (share, price) of each way of sending that has a share above 0."""
    shares = {"batch": use.batch_share, "flex": use.flex_share}
    for name, share in shares.items():
        require_zero_or_more(share, f"{name}_share")
    standard = 1 - use.batch_share - use.flex_share
    if standard < 0:
        raise InputError(
            f"batch_share ({use.batch_share}) and flex_share ({use.flex_share}) add up to more than 1",
            hint="the rest is sent at the standard price",
        )
    ways = [(standard, prices.standard)] if standard else []
    for name, share in shares.items():
        price: Price | None = getattr(prices, name)
        if share and price is None:
            raise PriceError(
                f"{prices.standard.model!r} has no {name} price, and {share} of its requests would be sent that way",
                hint=f"give its {name} price, or set the {name} share to 0",
            )
        if share and price is not None:
            ways.append((share, price))
    return ways


def _charged(tokens: RequestTokens, price: Price, prices: ApiPrices) -> tuple[Decimal, ...]:
    """Return the five parts of one request; what the minimum adds is among the fees."""
    parts = token_parts(tokens, price, standard=prices.standard)
    missing = max(ZERO, prices.minimum_per_request - sum(parts, ZERO))
    return (*parts[:4], parts.fee + missing)
