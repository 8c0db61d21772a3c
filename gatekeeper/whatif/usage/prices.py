"""Prices of the models that a usage file names: looked up, and listed as inputs with source and date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from gatekeeper.cost.prices.records import Price, PriceTier
from gatekeeper.records import Quantity
from gatekeeper.whatif.names import OF_OPTION

if TYPE_CHECKING:
    from gatekeeper.cost.prices.entry import ModelPrices, PriceEntry

_RATES = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m")
_BATCH = ("input_per_m", "output_per_m", "cached_input_per_m")


def looked_up(model: str, *, at: date, own: Mapping[str, PriceEntry]) -> ModelPrices:
    """Return all prices of ``provider/model``.

    Raises:
        PriceError: it has none, or they are too old.
    """
    from gatekeeper.cost.prices.book import all_prices

    return all_prices(model, at=at, own=own)


def price_inputs(seller: str, prices: ModelPrices, *, hosted: bool) -> Iterator[Quantity]:
    """Yield the prices of a model as inputs ``<seller>.input_per_m`` and so on.

    Args:
        seller: name of the option.
        prices: of its model.
        hosted: whether it is billed by the hour as well.
    """
    if prices.standard is not None:
        yield from _rates(seller, "", _RATES, prices.standard)
        if prices.standard.per_request:
            yield _priced(f"{seller}.usd_per_call", prices.standard.per_request, prices.standard)
    if prices.batch is not None:
        yield from _rates(seller, "batch_", _BATCH, prices.batch)
    training = prices.entry_of("training_per_m")
    if prices.training_per_m is not None and training is not None:
        yield _priced(f"{seller}.training_per_m", prices.training_per_m, training)
    hosting = prices.entry_of("hosting_usd_per_hour")
    if hosted and prices.hosting_usd_per_hour is not None and hosting is not None:
        yield _priced(f"{seller}.hosting_usd_per_hour", prices.hosting_usd_per_hour, hosting)


def tiers_of(prices: ModelPrices) -> tuple[PriceTier, ...]:
    """Return the standard prices for long inputs."""
    return () if prices.standard is None else prices.standard.tiers


def _rates(seller: str, way: str, names: tuple[str, ...], price: Price) -> Iterator[Quantity]:
    for name in names:
        value: Decimal | None = getattr(price, name)
        if value is not None:
            yield _priced(f"{seller}.{way}{name}", value, price)


def _priced(key: str, value: Decimal, source: Price | PriceEntry) -> Quantity:
    return Quantity(
        name=key,
        value=value,
        unit=OF_OPTION[key.rpartition(".")[2]].unit,
        origin="priced",
        source=f"{source.source}: {source.listed_as or source.model}",
        as_of=source.as_of.isoformat(),
    )
