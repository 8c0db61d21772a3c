"""What looks wrong about the prices of a model: units, ratios, age, retirement, sources that differ.

The checks are those of the cost design, section 9. A finding never changes a price.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from gatekeeper.cost.findings import Finding
from gatekeeper.cost.prices.book import how_to_get
from gatekeeper.cost.prices.entry import WAYS, Disagreement, ModelPrices, PriceEntry
from gatekeeper.cost.prices.records import DEFAULT_MAX_AGE_DAYS, OWN_FILE, Price, check_age, day_of
from gatekeeper.errors import PriceError

BATCH_RATIOS = (Decimal("0.5"), Decimal("0.8"), Decimal(1))
"""Batch price over standard price that providers are known to use."""
MAX_DISAGREEMENT_PERCENT = Decimal(5)
"""Sources that differ by more are worth a look. Default of the gate `price_freshness`."""
_OWN = "your own price file"
_UNITS = ((Decimal(1000), "thousand tokens"), (Decimal(1_000_000), "token"))
_NEAR = Decimal(2)
"""A ratio within this factor of a unit error is taken for one: the price may have changed as well."""


def lint_prices(
    prices: ModelPrices,
    *,
    at: date,
    needed_until: date | None = None,
    max_age_days: int = DEFAULT_MAX_AGE_DAYS,
    max_disagreement_percent: Decimal = MAX_DISAGREEMENT_PERCENT,
) -> tuple[Finding, ...]:
    """Return what looks wrong about `prices` (of `known_prices`), errors first.

    Args:
        at: the day that the prices are wanted for.
        needed_until: the day until which the model has to exist, for example that of the payback.
        max_age_days: older prices are stale.
        max_disagreement_percent: sources may differ by this much.
    """
    found = [
        *_unpriced(prices),
        *_stale(prices, at, max_age_days),
        *_differences(prices, max_disagreement_percent),
        *_output_below_input(prices),
        *_batch_ratio(prices),
        *_retirement(prices, day_of(at), needed_until),
        *_unknown(prices),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity != "error"))


def _unpriced(prices: ModelPrices) -> Iterator[Finding]:
    if prices.standard is None:
        reasons = [f"{entry.source}: {entry.problem}" for entry in prices.entries if entry.problem]
        message = f"has no standard price ({'; '.join(reasons) or 'no source lists it'})"
        yield Finding(severity="error", place=prices.model, message=message, fix=OWN_FILE)


def _stale(prices: ModelPrices, at: date, max_age_days: int) -> Iterator[Finding]:
    told = set()
    for way in WAYS:
        price: Price | None = getattr(prices, way)
        if price is None or price.source in told:
            continue
        try:
            check_age(price, at=at, max_age_days=max_age_days)
        except PriceError as error:
            told.add(price.source)
            yield Finding(
                severity="error" if way == "standard" else "warning",
                place=_place(price, way),
                message=error.message,
                fix=error.hint or OWN_FILE,
            )


def _differences(prices: ModelPrices, limit: Decimal) -> Iterator[Finding]:
    """One finding per kind of price and pair of sources. What is off by a unit is told as that, not as a difference."""
    groups: dict[tuple[str, ...], list[Disagreement]] = {}
    for difference in prices.disagreements:
        unit = _unit_error(difference) or ""
        if unit or difference.percent is None or difference.percent > limit:
            sources = (difference.first_source, difference.second_source)
            groups.setdefault((difference.field.partition(".")[0], *sources, unit), []).append(difference)
    for (kind, first, second, unit), members in groups.items():
        numbers = "; ".join(_numbers(difference) for difference in members)
        place = f"{prices.model}: {kind}: {first} against {second}"
        if unit:
            message = f"{numbers}: one of them looks to be USD per {unit}, not per million tokens"
            fix = "write the price in USD per million tokens"
            yield Finding(severity="error", place=place, message=message, fix=fix)
            continue
        own = any(difference.own for difference in members)
        yield Finding(
            severity="warning",
            place=place,
            message=f"{numbers} (limit {limit} %)" if kind in WAYS else numbers,
            fix=f"right if you agreed on it with the provider; else correct {_OWN}"
            if own
            else f"look it up at the provider, and give the right value in {_OWN}",
        )


def _numbers(difference: Disagreement) -> str:
    """Write a difference: ``input_per_m above 200,000 input tokens 6 against 3, 100 % apart``."""
    name = difference.field.rpartition(".")[2]
    above = f" above {difference.above_input_tokens:,} input tokens" if difference.above_input_tokens else ""
    percent = "" if difference.percent is None else f", {difference.percent:.0f} % apart"
    return f"{name}{above} {difference.first} against {difference.second}{percent}"


def _unit_error(difference: Disagreement) -> str | None:
    if difference.percent is None:
        return None
    ratio = 1 + difference.percent / 100
    return next((name for factor, name in _UNITS if factor / _NEAR <= ratio <= factor * _NEAR), None)


def _output_below_input(prices: ModelPrices) -> Iterator[Finding]:
    for way in WAYS:
        price: Price | None = getattr(prices, way)
        if price is not None and price.output_per_m < price.input_per_m:
            yield Finding(
                severity="warning",
                place=_place(price, way),
                message=f"output costs ${price.output_per_m} and input ${price.input_per_m} per million tokens; "
                "output is hardly ever the cheaper one",
                fix="look the price up at the provider; the two may be exchanged",
            )


def _batch_ratio(prices: ModelPrices) -> Iterator[Finding]:
    batch, standard = prices.batch, prices.standard
    if batch is None or standard is None:
        return
    for name in ("input", "output"):
        discounted, full = getattr(batch, f"{name}_per_m"), getattr(standard, f"{name}_per_m")
        ratio = discounted / full if full else None
        if ratio is None or round(ratio, 2) not in BATCH_RATIOS:
            shown = "undefined" if ratio is None else f"{ratio:.3f}"
            known = ", ".join(str(known) for known in BATCH_RATIOS)
            yield Finding(
                severity="warning",
                place=_place(batch, "batch"),
                message=f"batch {name} costs ${discounted} per million tokens and standard {name} ${full} "
                f"({standard.source}): ratio {shown}, none of {known}",
                fix="look both up at the provider; a discount of one list may belong to another list's price",
            )


def _retirement(prices: ModelPrices, day: date, needed_until: date | None) -> Iterator[Finding]:
    entry = prices.entry_of("retires")
    if prices.retires is None or entry is None:
        return
    place = f"{prices.model}: retires ({entry.source}, as of {entry.as_of})"
    fix = f"plan with another model{_successor(entry)}, or give the right day as `retires` in your own price file"
    if prices.retires <= day:
        message = f"stopped on {prices.retires}, and {day} is not before that"
        yield Finding(severity="error", place=place, message=message, fix=fix)
    elif needed_until is not None and prices.retires < needed_until:
        message = f"stops on {prices.retires}, and is needed until {needed_until}"
        yield Finding(severity="warning", place=place, message=message, fix=fix)


def _successor(entry: PriceEntry) -> str:
    return f" ({entry.source} names {entry.successor})" if entry.successor else ""


def _unknown(prices: ModelPrices) -> Iterator[Finding]:
    """Only a source that knows days of retirement and lists the model tells by None that none is announced."""
    knows = [entry for entry in prices.entries if entry.tells_retirement]
    if prices.retires is None and not knows:
        yield Finding(
            severity="warning",
            place=f"{prices.model}: retires",
            message="no source that knows days of retirement lists this model, so one may be near",
            fix=how_to_get(prices, "retires"),
        )


def _place(price: Price, way: str) -> str:
    return f"{price.model}: {way} price ({price.source}, as of {price.as_of})"
