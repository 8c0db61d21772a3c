"""What a model's tokens cost: the price book of the package genai-prices, and the prices that a user gives.

The book is read from the installed package only; nothing here starts its updates over the network. A model without a
price, or with a price that is too old, is an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import InputError, PriceError
from gatekeeper.records import Record

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice

DEFAULT_MAX_AGE_DAYS = 45
"""A price older than this is stale. Providers change prices about monthly; half a month on top is for updating."""

_QUIET_DAYS = 14
"""The book of genai-prices 0.2.3 learns of a change every few days; a longer gap before a start date means that the
change was announced ahead of time."""

_OWN_FILE = (
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


def find_price(
    model_id: str,
    *,
    at: date,
    own: Mapping[str, Price] | None = None,
    max_age_days: int = DEFAULT_MAX_AGE_DAYS,
) -> Price:
    """Return the price of ``provider/model`` at a date.

    Args:
        model_id: for example ``openai/gpt-4o``.
        at: the date that the price is wanted for; an aware datetime for models whose price depends on the hour.
        own: the user's prices (``parse_prices``); they win over the book.
        max_age_days: a price whose `as_of` lies further before `at` than this is refused.

    Raises:
        PriceError: the model has no price, or the price is stale.
        InputError: `at` is a naive datetime.
    """
    if isinstance(at, datetime) and at.tzinfo is None:
        raise InputError(f"the time of the price has no time zone: {at}", hint="give an aware datetime, or a date")
    price = own.get(model_id) if own else None
    return check_age(price or _book_price(model_id, at), at=at, max_age_days=max_age_days)


def check_age(price: Price, *, at: date, max_age_days: int = DEFAULT_MAX_AGE_DAYS) -> Price:
    """Return `price`, or raise PriceError when it is more than `max_age_days` old at the date `at`."""
    day = at.astimezone(UTC).date() if isinstance(at, datetime) else at
    age = (day - price.as_of).days
    if age > max_age_days:
        raise PriceError(
            f"the price of {price.model!r} is stale: {price.source} is as of {price.as_of}, "
            f"{age} days before {day} (limit {max_age_days})",
            hint=f"upgrade genai-prices, or {_OWN_FILE}",
        )
    return price


def _book_price(model_id: str, at: date) -> Price:
    from importlib.metadata import version

    provider_id, _, name = model_id.partition("/")
    if not provider_id or not name:
        raise PriceError(
            f"no price for {model_id!r}: a model is named provider/model{_nearest(model_id)}", hint=_OWN_FILE
        )
    try:
        provider, model = _snapshot().find_provider_model(name, None, provider_id, None)
    except LookupError:
        raise PriceError(f"no price for {model_id!r}{_nearest(model_id)}", hint=_OWN_FILE) from None
    listed = f"{provider.id}/{model.id}"
    return _as_price(
        model_id,
        _prices_at(model_id, model, at),
        source=f"genai-prices {version('genai-prices')}",
        as_of=snapshot_date(),
        listed_as="" if listed == model_id else listed,
    )


def _prices_at(model_id: str, model: ModelInfo, at: date) -> ModelPrice:
    from genai_prices.types import TimeOfDateConstraint

    if isinstance(at, datetime):
        return model.get_prices(at)
    by_hour = isinstance(model.prices, list) and any(
        isinstance(entry.constraint, TimeOfDateConstraint) for entry in model.prices
    )
    if by_hour:
        raise PriceError(
            f"the price of {model_id!r} depends on the hour of the day, and only the date {at} is given", hint=_OWN_FILE
        )
    return model.get_prices(datetime.combine(at, time(12), tzinfo=UTC))


def _as_price(model_id: str, prices: ModelPrice, *, source: str, as_of: date, listed_as: str) -> Price:
    keys = {
        "input_per_m": "input_mtok",
        "output_per_m": "output_mtok",
        "cached_input_per_m": "cache_read_mtok",
        "cache_write_per_m": "cache_write_mtok",
    }
    values: dict[str, Any] = {field: getattr(prices, key) for field, key in keys.items()}
    for field in ("input_per_m", "output_per_m"):
        if values[field] is None:
            raise PriceError(f"{source} lists {model_id!r} without a price ({field})", hint=_OWN_FILE)
    base = {field: _rate(value, 0) for field, value in values.items()}
    if base["input_per_m"] == 0 and base["output_per_m"] == 0:
        raise PriceError(f"{source} lists {model_id!r} at $0, which no bill can rest on", hint=_OWN_FILE)
    starts = sorted({tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
    per_thousand = getattr(prices, "requests_kcount", None)
    return Price(
        model=model_id,
        source=source,
        as_of=as_of,
        listed_as=listed_as,
        per_request=Decimal(0) if per_thousand is None else _rate(per_thousand, 0) / 1000,
        tiers=tuple(
            PriceTier.model_validate(
                {"above_input_tokens": start, **{field: _rate(value, start + 1) for field, value in values.items()}}
            )
            for start in starts
        ),
        **base,
    )


def _rate(value: Any, input_tokens: int) -> Any:
    """Return the USD per million tokens that a book entry (a Decimal, tiers, or None) charges at this input length."""
    tiers = getattr(value, "tiers", None)
    if tiers is None:
        return value
    chosen = value.base
    for tier in tiers:
        if input_tokens > tier.start:
            chosen = tier.price
    return chosen


@cache
def _snapshot() -> DataSnapshot:
    # A snapshot of our own: the package's global one can be replaced by an update that another library started.
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


@cache
def snapshot_date() -> date:
    """Return the date of the installed price book: the youngest price change that it knows to have happened.

    The package states no date of its own. Changes that were announced ahead of time are left out, so the book can
    only look older than it is.
    """
    from genai_prices.types import StartDateConstraint

    starts = {
        entry.constraint.start_date
        for provider in _snapshot().providers
        for model in provider.models
        if isinstance(model.prices, list)
        for entry in model.prices
        if isinstance(entry.constraint, StartDateConstraint)
    }
    return youngest_change(starts)


def youngest_change(starts: set[date]) -> date:
    """Return the last of `starts` that follows another one within two weeks; later ones were announced ahead.

    Raises:
        PriceError: no date follows another one that closely, so that the book has no known date.
    """
    ordered = sorted(starts)
    for before, day in reversed(list(pairwise(ordered))):
        if day - before <= timedelta(days=_QUIET_DAYS):
            return day
    raise PriceError("the installed price book has no date that its age could be told from", hint=_OWN_FILE)


def _nearest(model_id: str) -> str:
    names = [f"{provider.id}/{model.id}" for provider in _snapshot().providers for model in provider.models]
    close = difflib.get_close_matches(model_id.lower(), names, n=3, cutoff=0.5)
    if not close and "/" not in model_id:
        close = [name for name in names if name.partition("/")[2] == model_id.lower()][:3]
    return f"; nearest: {', '.join(close)}" if close else ""
