"""What a model's tokens cost: the price book of the package genai-prices, and the prices that a user gives.

A model without a price, or with a price that is too old, is an error. Prices of batch and flex, retirement, and what a
second list says, are in `prices.book`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gatekeeper.cost.prices.genai import book_price, find_in_book, no_price, prices_at, snapshot_date, youngest_change
from gatekeeper.cost.prices.records import DEFAULT_MAX_AGE_DAYS, Price, PriceTier, check_age, day_of

__all__ = ["DEFAULT_MAX_AGE_DAYS", "Price", "PriceTier", "check_age", "find_price", "snapshot_date", "youngest_change"]


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
    day_of(at)
    price = own.get(model_id) if own else None
    return check_age(price or _book_price(model_id, at), at=at, max_age_days=max_age_days)


def _book_price(model_id: str, at: date) -> Price:
    found = find_in_book(model_id)
    if found is None:
        raise no_price(model_id)
    return book_price(model_id, found, prices_at(model_id, found[1], at))
