"""What a request costs with an option that an API serves, from the worksheet's prices and tokens.

Where a price has tiers and the worksheet holds single requests, each is priced on its own and then the mean is taken.
Without tiers the price is linear in the tokens, so that the mean request costs the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gatekeeper.cost.api import ApiPrices, ApiUse, api_cost
from gatekeeper.cost.prices import Price, PriceTier
from gatekeeper.cost.tokens import RequestTokens
from gatekeeper.whatif.worksheet import AT_THE_TEACHER, TEACHER, Option, Values, Worksheet

ZERO = Decimal(0)
_TOKENS = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens")


def api_usd_per_request(
    worksheet: Worksheet, option: Option, values: Values, *, batch_share: Decimal | None = None
) -> Decimal:
    """Return c, the mean USD of one request.

    Args:
        worksheet: holds tokens and prices.
        option: who is asked.
        values: of the worksheet.
        batch_share: share that is sent in batches; None: the option's own.

    Raises:
        InputError: a price or count is missing or impossible.
        PriceError: a share is sent in a way that has no price.
    """
    seller = TEACHER if option.kind in AT_THE_TEACHER else option.name
    tiers = worksheet.option(TEACHER).tiers if seller == TEACHER else option.tiers
    prices = prices_of(values, seller, model=option.model or option.name, tiers=tiers, as_of=worksheet.as_of)
    use = ApiUse(
        batch_share=_batch_share(option, seller, values) if batch_share is None else batch_share,
        retry_rate=values.default(f"{seller}.retry_rate", ZERO),
    )
    return api_cost(_requests(worksheet, option, values, tiers), prices, use).usd


def prices_of(values: Values, seller: str, *, model: str, tiers: Sequence[PriceTier], as_of: date) -> ApiPrices:
    """Return the prices ``<seller>.input_per_m`` and so on; the batch price is there where its two prices are given."""
    standard = Price(
        model=model,
        input_per_m=values[f"{seller}.input_per_m"],
        output_per_m=values[f"{seller}.output_per_m"],
        cached_input_per_m=values.optional(f"{seller}.cached_input_per_m"),
        cache_write_per_m=values.optional(f"{seller}.cache_write_per_m"),
        per_request=values.default(f"{seller}.usd_per_call", ZERO),
        tiers=tuple(tiers),
        source="worksheet",
        as_of=as_of,
    )
    batch = None
    if f"{seller}.batch_input_per_m" in values and f"{seller}.batch_output_per_m" in values:
        batch = Price(
            model=model,
            input_per_m=values[f"{seller}.batch_input_per_m"],
            output_per_m=values[f"{seller}.batch_output_per_m"],
            cached_input_per_m=values.optional(f"{seller}.batch_cached_input_per_m"),
            per_request=standard.per_request,
            source="worksheet",
            as_of=as_of,
        )
    return ApiPrices(standard=standard, batch=batch)


def mean_tokens(option: Option, values: Values) -> RequestTokens:
    """Return the tokens of the mean request to an option: its own counts, else the ones that hold for all."""
    return RequestTokens.model_validate(
        {
            name: values.either(f"{option.name}.{name}", name)
            if f"{option.name}.{name}" in values or name in values
            else ZERO
            for name in _TOKENS
        }
    )


def _batch_share(option: Option, seller: str, values: Values) -> Decimal:
    own = values.optional(f"{option.name}.batch_share")
    return values.default(f"{seller}.batch_share", ZERO) if own is None else own


def requests_of(worksheet: Worksheet, option: Option, values: Values) -> list[RequestTokens]:
    """Return the worksheet's single requests as an option sees them: scaled so that their mean is the option's mean."""
    mean, sample = mean_tokens(option, values), worksheet.requests
    factors = {}
    for name in _TOKENS:
        total = sum((getattr(one, name) for one in sample), ZERO)
        factors[name] = getattr(mean, name) * len(sample) / total if total else None
    return [
        RequestTokens.model_validate(
            {
                name: getattr(mean, name) if factor is None else getattr(one, name) * factor
                for name, factor in factors.items()
            }
        )
        for one in sample
    ]


def _requests(worksheet: Worksheet, option: Option, values: Values, tiers: Sequence[PriceTier]) -> list[RequestTokens]:
    mean, sample = mean_tokens(option, values), worksheet.requests
    if not tiers or not sample:
        return [mean]
    # Where no request reaches a tier, the price is linear in the tokens, and the mean request costs the mean.
    total = sum((one.input_tokens for one in sample), ZERO)
    longest = max(one.input_tokens for one in sample) * len(sample)
    if longest * mean.input_tokens <= min(tier.above_input_tokens for tier in tiers) * total:
        return [mean]
    return requests_of(worksheet, option, values)
