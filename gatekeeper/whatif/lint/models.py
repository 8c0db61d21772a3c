"""What looks wrong about the models of a worksheet, by all that the price lists know about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from gatekeeper.cost.findings import Finding
from gatekeeper.cost.prices.book import known_prices
from gatekeeper.cost.prices.entry import PriceEntry
from gatekeeper.cost.prices.lint import lint_prices
from gatekeeper.cost.prices.records import Price
from gatekeeper.whatif.sheet import Sheet
from gatekeeper.whatif.worksheet import AT_THE_TEACHER, FINE_TUNED, TEACHER, Option, Worksheet

_RATES = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m")


def lint_models(sheet: Sheet) -> Iterator[Finding]:
    """Yield what looks wrong about the prices of each model at an API.

    Prices that were typed into the worksheet are held against the lists, as a price file of the user's own would be.
    """
    worksheet = sheet.worksheet
    for option in worksheet.options:
        sold = option.name == TEACHER or option.kind in FINE_TUNED | {"cheaper_api"}
        if not sold or "/" not in option.model or (option.kind in AT_THE_TEACHER and option.name != TEACHER):
            continue
        own = {**sheet.own_prices, **_typed(worksheet, option)}
        prices = known_prices(option.model, at=worksheet.as_of, own=own)
        if len(prices.entries) == 1 and option.model in own:
            continue  # nobody lists it, so there is nothing to hold the user's own price against
        for one in lint_prices(prices, at=worksheet.as_of):
            if option.retires is None or ": retires" not in one.place:  # its day is held against the payback
                yield one


def _typed(worksheet: Worksheet, option: Option) -> Mapping[str, PriceEntry]:
    """Return the prices of an option that come from no list, as an entry of a price file."""
    found = {name: worksheet.quantity(f"{option.name}.{name}") for name in _RATES}
    first = found["input_per_m"]
    if first is None or first.origin != "assumed":
        return {}
    rates: dict[str, Decimal] = {name: one.value for name, one in found.items() if one and one.value is not None}
    about = {"model": option.model, "source": first.source, "as_of": worksheet.as_of}
    price = Price.model_validate({**about, **rates})
    return {option.model: PriceEntry.model_validate({**about, "own": True, "standard": price})}
