"""The price book: what the installed package genai-prices lists.

The book is read from the installed package only; nothing here starts its updates over the network.
"""

from __future__ import annotations

import difflib
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gatekeeper.cost.prices.entry import PriceEntry
from gatekeeper.cost.prices.records import OWN_FILE, Price, PriceTier, with_standard_tiers
from gatekeeper.errors import PriceError

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_QUIET_DAYS = 14
"""The book of genai-prices 0.2.3 learns of a change every few days; a longer gap before a start date means that the
change was announced ahead of time."""

_VARIANTS = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""How the book names the ways of sending."""


def no_price(model_id: str) -> PriceError:
    """Return the error for a model that nothing prices; it names the nearest models of the book."""
    provider_id, _, name = model_id.partition("/")
    form = "" if provider_id and name else ": a model is named provider/model"
    return PriceError(f"no price for {model_id!r}{form}{_nearest(model_id)}", hint=OWN_FILE)


def find_in_book(model_id: str) -> tuple[Provider, ModelInfo] | None:
    """Return the entry of the book for ``provider/model``: by the book's own rules, then by the name of the entry."""
    provider_id, _, name = model_id.partition("/")
    if not provider_id or not name:
        return None
    try:
        return price_book().find_provider_model(name, None, provider_id, None)
    except LookupError:
        named = (
            (provider, model)
            for provider in price_book().providers
            for model in provider.models
            if f"{provider.id}/{model.id}" == model_id
        )
        return next(named, None)


def prices_at(model_id: str, model: ModelInfo, at: date) -> ModelPrice:
    """Return the standard prices of a book entry at a date. PriceError: they need the hour, and `at` has none."""
    from genai_prices.types import TimeOfDateConstraint

    if isinstance(at, datetime):
        return model.get_prices(at)
    by_hour = isinstance(model.prices, list) and any(
        isinstance(entry.constraint, TimeOfDateConstraint) for entry in model.prices
    )
    if by_hour:
        raise PriceError(
            f"the price of {model_id!r} depends on the hour of the day, and only the date {at} is given", hint=OWN_FILE
        )
    return model.get_prices(datetime.combine(at, time(12), tzinfo=UTC))


def book_price(model_id: str, found: tuple[Provider, ModelInfo], prices: ModelPrice) -> Price:
    """Return `prices` of a book entry as a Price.

    Raises:
        PriceError: the entry has no price for input or output tokens, or they are $0.
    """
    from importlib.metadata import version

    source = f"genai-prices {version('genai-prices')}"
    listed = f"{found[0].id}/{found[1].id}"
    keys = {
        "input_per_m": "input_mtok",
        "output_per_m": "output_mtok",
        "cached_input_per_m": "cache_read_mtok",
        "cache_write_per_m": "cache_write_mtok",
    }
    values: dict[str, Any] = {field: getattr(prices, key) for field, key in keys.items()}
    for field in ("input_per_m", "output_per_m"):
        if values[field] is None:
            raise PriceError(f"{source} lists {model_id!r} without a price ({field})", hint=OWN_FILE)
    base = {field: _rate(value, 0) for field, value in values.items()}
    if base["input_per_m"] == 0 and base["output_per_m"] == 0:
        raise PriceError(f"{source} lists {model_id!r} at $0, which no bill can rest on", hint=OWN_FILE)
    starts = sorted({tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
    per_thousand = getattr(prices, "requests_kcount", None)
    return Price(
        model=model_id,
        source=source,
        as_of=snapshot_date(),
        listed_as="" if listed == model_id else listed,
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
def price_book() -> DataSnapshot:
    """Return the installed price book."""
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
        for provider in price_book().providers
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
    raise PriceError("the installed price book has no date that its age could be told from", hint=OWN_FILE)


def _nearest(model_id: str) -> str:
    names = [f"{provider.id}/{model.id}" for provider in price_book().providers for model in provider.models]
    close = difflib.get_close_matches(model_id.lower(), names, n=3, cutoff=0.5)
    if not close and "/" not in model_id:
        close = [name for name in names if name.partition("/")[2] == model_id.lower()][:3]
    return f"; nearest: {', '.join(close)}" if close else ""


def book_entry(model_id: str, at: date) -> PriceEntry | None:
    """Return what the book says about ``provider/model`` at a date, None where it does not list it.

    A listed model whose price is unusable (none, $0, by the hour where `at` has none) has the reason in `problem`.
    """
    from importlib.metadata import version

    found = find_in_book(model_id)
    if found is None:
        return None
    listed = f"{found[0].id}/{found[1].id}"
    fields: dict[str, Any] = {
        "model": model_id,
        "source": f"genai-prices {version('genai-prices')}",
        "as_of": snapshot_date(),
        "listed_as": "" if listed == model_id else listed,
    }
    try:
        standard = book_price(model_id, found, prices_at(model_id, found[1], at))
    except PriceError as error:
        return PriceEntry.model_validate({**fields, "problem": error.message})
    ways = {way: _variant(model_id, found, at, when, standard) for way, when in _VARIANTS.items()}
    return PriceEntry.model_validate({**fields, "standard": standard, **ways})


def _variant(
    model_id: str, found: tuple[Provider, ModelInfo], at: date, when: dict[str, str], standard: Price
) -> Price | None:
    """Return the price of requests that are sent as `when` says, None where the book has none for input and output.

    What such a price leaves out (mostly the cache) is not filled from the standard price, so that a reader sees what is
    listed. Requests pay the standard price there.
    """
    from genai_prices.types import ModelPrice

    moment = at if isinstance(at, datetime) else datetime.combine(at, time(12), tzinfo=UTC)
    rates: dict[str, Any] = {}
    # Older versions of the book have no variants.
    for variant in getattr(found[1], "price_variants", None) or ():
        if variant.when == when and (variant.constraint is None or variant.constraint.active(moment)):
            for key, rate in variant.prices.__dict__.items():
                if rate is not None:
                    rates.setdefault(key, rate)
    if "input_mtok" not in rates or "output_mtok" not in rates:
        return None
    price = book_price(model_id, found, ModelPrice(**rates))
    return with_standard_tiers(price.model_copy(update={"per_request": standard.per_request}), standard)
