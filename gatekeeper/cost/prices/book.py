"""Everything that is known about the price of a model: standard, batch and flex, fine-tuning, retirement, and doubts.

Each value comes from the first source that has it: the user's own file, the price book (genai-prices), litellm's list.
The standard price is that of the first source that lists the model at all: where the price book says that a price
depends on the hour, another list is no way around it. Source: cost design, introduction; gate `price_freshness`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from gatekeeper.cost.api import ApiPrices
from gatekeeper.cost.prices.entry import WAYS, ModelPrices, PriceEntry, PriceField, disagreements_of
from gatekeeper.cost.prices.genai import book_entry, no_price
from gatekeeper.cost.prices.litellm import list_entry
from gatekeeper.cost.prices.litellm_list import price_list
from gatekeeper.cost.prices.records import (
    DEFAULT_MAX_AGE_DAYS,
    OWN_FILE,
    Price,
    check_age,
    day_of,
    with_standard_tiers,
)
from gatekeeper.errors import PriceError

OWN_SOURCE = "own price file"
BOOK_SOURCE = "genai-prices"
_INSTALL = 'pip install "gatekeeper-distill[teachers]", which brings the price list of litellm'
_OWN_KEYS: dict[PriceField, str] = {
    "standard": "input_per_m and output_per_m",
    "batch": "batch_input_per_m and batch_output_per_m",
    "flex": "flex_input_per_m and flex_output_per_m",
}


def all_prices(
    model_id: str,
    *,
    at: date,
    own: Mapping[str, PriceEntry] | None = None,
    max_age_days: int = DEFAULT_MAX_AGE_DAYS,
) -> ModelPrices:
    """Return all prices of ``provider/model`` at a date, for a bill.

    A price of batch, flex or priority that is too old is left out and named in `withheld`, so that only a bill which
    needs it fails. A day of retirement does not grow old: it was announced.

    Args:
        model_id: for example ``openai/gpt-4o`` or ``openai/ft:gpt-4o-mini-2024-07-18``.
        at: the date that the prices are wanted for; an aware datetime for models whose price depends on the hour.
        own: the user's prices (``parse_price_entries``).
        max_age_days: a price whose `as_of` lies further before `at` than this is refused.

    Raises:
        PriceError: the model has no standard price, it is stale, or litellm's list is installed and damaged.
        InputError: `at` is a naive datetime.
    """
    entries, consulted = _entries(model_id, at, own)
    if not entries:
        raise no_price(model_id)
    if entries[0].standard is None:
        problem = entries[0].problem or f"{entries[0].source} lists it without one"
        raise PriceError(f"no price for {model_id!r}: {entries[0].source}: {problem}", hint=OWN_FILE)
    check_age(entries[0].standard, at=at, max_age_days=max_age_days)
    return _merged(model_id, entries, consulted, limit=(at, max_age_days))


def known_prices(model_id: str, *, at: date, own: Mapping[str, PriceEntry] | None = None) -> ModelPrices:
    """Return what is known about ``provider/model``, however little or old, for display and for `lint_prices`.

    Raises:
        PriceError: litellm's list is installed and damaged.
        InputError: `at` is a naive datetime.
    """
    entries, consulted = _entries(model_id, at, own)
    return _merged(model_id, entries, consulted, limit=None)


def api_prices(prices: ModelPrices) -> ApiPrices:
    """Return the prices in the form that `api_cost` takes. Raises PriceError where there is no standard price."""
    if prices.standard is None:
        raise no_price(prices.model)
    return ApiPrices(standard=prices.standard, batch=prices.batch, flex=prices.flex)


def how_to_get(prices: ModelPrices, field: PriceField) -> str:
    """Return what a user can do about a value that is None: a hint for messages."""
    withheld = [reason for reason in prices.withheld if reason.startswith(f"{field}:")]
    if withheld:
        return f"{withheld[0]}; upgrade that package"
    own = f"give {_OWN_KEYS.get(field, field)} in your own price file"
    listed = field in ("batch", "flex", "retires")
    return f"{_INSTALL}; or {own}" if listed and not _has_list(prices) else own


def _has_list(prices: ModelPrices) -> bool:
    return any(source.startswith("litellm ") for source in prices.consulted)


def _entries(
    model_id: str, at: date, own: Mapping[str, PriceEntry] | None
) -> tuple[tuple[PriceEntry, ...], tuple[str, ...]]:
    """Return (what each source says, the winning one first; the sources that were looked into)."""
    day_of(at)
    second = price_list()
    entries = (
        (own or {}).get(model_id),
        book_entry(model_id, at),
        None if second is None else list_entry(model_id, second),
    )
    consulted = [*([OWN_SOURCE] if own else []), BOOK_SOURCE, *([second.source] if second else [])]
    return tuple(entry for entry in entries if entry is not None), tuple(consulted)


def _merged(
    model_id: str, entries: tuple[PriceEntry, ...], consulted: tuple[str, ...], *, limit: tuple[date, int] | None
) -> ModelPrices:
    standard = entries[0].standard if entries else None
    withheld: list[str] = []
    fields: dict[str, Any] = {way: _pick(way, entries, standard, limit, withheld) for way in WAYS[1:]}
    for field in ("training_per_m", "hosting_usd_per_hour", "retires"):
        fields[field] = next((getattr(entry, field) for entry in entries if getattr(entry, field) is not None), None)
    return ModelPrices(
        model=model_id,
        standard=standard,
        **fields,
        entries=entries,
        disagreements=disagreements_of(entries),
        withheld=tuple(withheld),
        consulted=consulted,
    )


def _pick(
    way: Literal["standard", "batch", "flex", "priority"],
    entries: tuple[PriceEntry, ...],
    standard: Price | None,
    limit: tuple[date, int] | None,
    withheld: list[str],
) -> Price | None:
    """Return the first price of `way` that is not too old; those that are, go to `withheld` with the reason."""
    for entry in entries:
        price: Price | None = getattr(entry, way)
        if price is None:
            continue
        try:
            if limit is not None:
                check_age(price, at=limit[0], max_age_days=limit[1])
        except PriceError as error:
            withheld.append(f"{way}: {error.message}")
            continue
        other = standard is not None and standard.source != price.source
        return with_standard_tiers(price, standard) if other and standard is not None else price
    return None
