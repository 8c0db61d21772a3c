"""What the price sources say about one model, each on its own and taken together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from gatekeeper.cost.prices.records import Price
from gatekeeper.records import Record

PriceField = Literal["standard", "batch", "flex", "priority", "training_per_m", "hosting_usd_per_hour", "retires"]
WAYS: tuple[Literal["standard", "batch", "flex", "priority"], ...] = ("standard", "batch", "flex", "priority")
"""The ways of sending a request that have prices of their own."""
_RATES = ("input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m")


class PriceEntry(Record):
    """What one source lists for one model. None: the source does not say."""

    model: str
    source: str
    as_of: date
    own: bool = False
    """From the user's own price file."""
    listed_as: str = ""
    """Name of the entry in the source, where it is not `model`."""
    standard: Price | None = None
    batch: Price | None = None
    flex: Price | None = None
    priority: Price | None = None
    training_per_m: Decimal | None = None
    """USD per million tokens that a fine-tuning reads, all epochs counted."""
    hosting_usd_per_hour: Decimal | None = None
    """USD per hour that a fine-tuned model is kept ready, used or not."""
    retires: date | None = None
    """The day that the provider stops the model."""
    tells_retirement: bool = False
    """The source knows days of retirement, so that None in `retires` means that none is announced."""
    successor: str | None = None
    """The model that the source names in place of a retired one."""
    problem: str | None = None
    """Why the model is listed and still has no standard price."""


class Disagreement(Record):
    """Two sources that give different values for one thing. Prices are USD per million tokens."""

    field: str
    """For example ``standard.input_per_m`` or ``retires``."""
    above_input_tokens: int = 0
    """The two differ for requests whose input is longer than this; where no request is, it does not matter."""
    first_source: str
    first: Decimal | date
    """The value that wins."""
    second_source: str
    second: Decimal | date
    percent: Decimal | None
    """100 x |first - second| / the smaller one, so that the order does not matter. None: a date, or one is 0."""
    own: bool
    """One of the two is the user's own file, which may differ from public prices on purpose."""


class ModelPrices(Record):
    """What is known about one model: each value from the first source that has it."""

    model: str
    standard: Price | None
    """None only in what `known_prices` returns."""
    batch: Price | None = None
    flex: Price | None = None
    priority: Price | None = None
    training_per_m: Decimal | None = None
    hosting_usd_per_hour: Decimal | None = None
    retires: date | None = None
    entries: tuple[PriceEntry, ...] = ()
    """One per source that lists the model, the winning one first."""
    disagreements: tuple[Disagreement, ...] = ()
    withheld: tuple[str, ...] = ()
    """Prices that exist and are not used, each with the reason."""
    consulted: tuple[str, ...] = ()
    """All sources that were looked into, whether they list the model or not."""

    def entry_of(self, field: PriceField) -> PriceEntry | None:
        """Return the entry that the value of `field` comes from; None where no source has one."""
        value = getattr(self, field)
        if value is None:
            return None
        if isinstance(value, Price):
            return next((entry for entry in self.entries if entry.source == value.source), None)
        return next((entry for entry in self.entries if getattr(entry, field) == value), None)


def disagreements_of(entries: tuple[PriceEntry, ...]) -> tuple[Disagreement, ...]:
    """Return every difference between every pair of entries, in their order.

    A value that one source lacks is no difference. Tiers are compared at each length where a source changes its price.
    """
    return tuple(
        difference
        for index, first in enumerate(entries)
        for second in entries[index + 1 :]
        for difference in _differences(first, second)
    )


def _differences(first: PriceEntry, second: PriceEntry) -> Iterator[Disagreement]:
    theirs = _values(second, first)
    for (field, above), one in _values(first, second).items():
        two = theirs[field, above]
        if one is None or two is None or one == two:
            continue
        percent = None
        if isinstance(one, Decimal) and isinstance(two, Decimal) and min(one, two) > 0:
            percent = 100 * abs(one - two) / min(one, two)
        yield Disagreement(
            field=field,
            above_input_tokens=above,
            first_source=first.source,
            first=one,
            second_source=second.source,
            second=two,
            percent=percent,
            own=first.own or second.own,
        )


def _values(entry: PriceEntry, other: PriceEntry) -> dict[tuple[str, int], Decimal | date | None]:
    """Return the values of `entry` by (field, length), with prices at every tier that it or `other` has."""
    values: dict[tuple[str, int], Decimal | date | None] = {
        ("training_per_m", 0): entry.training_per_m,
        ("hosting_usd_per_hour", 0): entry.hosting_usd_per_hour,
        ("retires", 0): entry.retires,
    }
    for way in WAYS:
        price: Price | None = getattr(entry, way)
        theirs: Price | None = getattr(other, way)
        if price is None or theirs is None:
            continue
        # No fee is the default of a Price, so a source that is silent about fees does not say that there is none.
        values[f"{way}.per_request", 0] = price.per_request or None
        starts = {tier.above_input_tokens for tier in (*price.tiers, *theirs.tiers)}
        for start in (0, *sorted(starts)):
            rates = price.rates(Decimal(start + 1)) if start else price
            values |= {(f"{way}.{field}", start): getattr(rates, field) for field in _RATES}
    return values
