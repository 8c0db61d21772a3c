"""The price of a model's tokens as a record, and how old a price may be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from gatekeeper.errors import InputError, PriceError
from gatekeeper.records import Record

DEFAULT_MAX_AGE_DAYS = 45
"""A price older than this is stale. Providers change prices about monthly; half a month on top is for updating."""

OWN_FILE = (
    "name your own price file under `prices` in the suite (a list of {model, input_per_m, output_per_m, as_of, source})"
)


class PriceTier(Record):
    """The prices of a request whose input is longer than `above_input_tokens`: they hold for all of its tokens."""

    above_input_tokens: int
    input_per_m: Decimal
    output_per_m: Decimal
    cached_input_per_m: Decimal | None = None
    cache_write_per_m: Decimal | None = None


class Price(Record):
    """What one model's tokens cost, in USD per million tokens."""

    model: str
    input_per_m: Decimal
    output_per_m: Decimal
    cached_input_per_m: Decimal | None = None
    """Of input that is read from a prompt cache. None: it costs the full input price."""
    source: str
    as_of: date
    tiers: tuple[PriceTier, ...] = ()
    per_request: Decimal = Decimal(0)
    listed_as: str = ""
    """The entry of the price book that matched, where its name is not `model`."""
    cache_write_per_m: Decimal | None = None
    """Of input that is written to a prompt cache. None: it costs the full input price."""

    def rates(self, input_tokens: Decimal) -> Price | PriceTier:
        """Return the prices that hold for a request with this many input tokens: the highest tier that it crosses."""
        chosen: Price | PriceTier = self
        for tier in sorted(self.tiers, key=lambda tier: tier.above_input_tokens):
            if input_tokens > tier.above_input_tokens:
                chosen = tier
        return chosen


def check_age(price: Price, *, at: date, max_age_days: int = DEFAULT_MAX_AGE_DAYS) -> Price:
    """Return `price`, or raise PriceError when it is more than `max_age_days` old at the date `at`."""
    day = day_of(at)
    age = (day - price.as_of).days
    if age > max_age_days:
        lists = [name for name in ("genai-prices", "litellm") if price.source.startswith(f"{name} ")]
        raise PriceError(
            f"the price of {price.model!r} is stale: {price.source} is as of {price.as_of}, "
            f"{age} days before {day} (limit {max_age_days})",
            hint=f"upgrade {lists[0]}, or {OWN_FILE}" if lists else "look the price up again and set its as_of",
        )
    return price


def day_of(at: date) -> date:
    """Return the day of a date, or of an aware datetime in UTC. A naive datetime is an InputError."""
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise InputError(f"the time of the price has no time zone: {at}", hint="give an aware datetime, or a date")
    return at.astimezone(UTC).date()


def with_standard_tiers(price: Price, standard: Price) -> Price:
    """Return a batch or flex price with the standard tiers that it does not list itself.

    A discount on long requests is looked up, never assumed: where none is listed, they cost the standard price.
    """
    listed = {tier.above_input_tokens for tier in price.tiers}
    missing = [tier for tier in standard.tiers if tier.above_input_tokens not in listed]
    if not missing:
        return price
    tiers = sorted((*price.tiers, *missing), key=lambda tier: tier.above_input_tokens)
    return price.model_copy(update={"tiers": tuple(tiers)})
