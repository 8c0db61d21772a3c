"""What a suite file says about money, as inputs of a worksheet: traffic, machines, hours, gates and prices.

The same for a suite that nobody has run and for a run that is finished; `from_suite` and `from_run` add the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from gatekeeper.cost.money import stored
from gatekeeper.cost.prices import Price
from gatekeeper.errors import InputError
from gatekeeper.records import Quantity
from gatekeeper.suite.spec import SuiteSpec
from gatekeeper.whatif.worksheet import TEACHER

Origin = Literal["measured", "priced", "assumed", "derived"]


def quantity(
    name: str,
    value: Decimal | float | int,
    unit: str,
    source: str,
    *,
    origin: Origin = "assumed",
    as_of: date | None = None,
) -> Quantity:
    """Return one input; what has more than the twelve decimals that are stored elsewhere is rounded to them."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    rounded = stored(number)
    return Quantity(
        name=name,
        value=rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded.normalize(),
        unit=unit,
        origin=origin,
        source=source,
        as_of=None if as_of is None else as_of.isoformat(),
    )


def free_name(wanted: str, spec: SuiteSpec) -> str:
    """Return the name for an option that a worksheet makes itself: `wanted`, with a _ where a model has it already.

    Raises:
        InputError: a student or baseline is called like the incumbent.
    """
    taken = {one.name for one in (*spec.students, *spec.baselines)}
    if TEACHER in taken:
        raise InputError(f"a student or baseline is called {TEACHER!r}, which is the incumbent", hint="rename it")
    while wanted in taken:
        wanted += "_"
    return wanted


def spec_inputs(spec: SuiteSpec, defaults: Collection[str]) -> Iterator[Quantity]:
    """Yield what the suite says of traffic, people, time and gates.

    Args:
        spec: the suite.
        defaults: key paths that the user left open, so that the suite's default holds.
    """
    costs, gate = spec.costs, spec.gates.cost
    rows: tuple[tuple[str, Decimal | float | int, str, str], ...] = (
        ("requests_per_month", spec.traffic.requests_per_month, "requests/month", "traffic.requests_per_month"),
        ("peak_to_average", spec.traffic.peak_to_average, "ratio", "traffic.peak_to_average"),
        ("engineering_hours", costs.engineering_hours, "h", "costs.engineering_hours"),
        ("usd_per_engineering_hour", costs.usd_per_hour, "USD/h", "costs.usd_per_hour"),
        ("operations_hours_per_month", costs.operations_hours_per_month, "h/month", "costs.operations_hours_per_month"),
        ("horizon_months", costs.horizon_months, "months", "costs.horizon_months"),
        ("discount_per_year", costs.discount_per_year, "share/year", "costs.discount_per_year"),
        ("gate.reduction", gate.reduction, "times", "gates.cost.reduction"),
        ("gate.payback_months", gate.payback_months, "months", "gates.cost.payback_months"),
    )
    for name, value, unit, key in rows:
        yield quantity(name, value, unit, _said(key, defaults))


def machine_inputs(name: str, spec: SuiteSpec, defaults: Collection[str]) -> Iterator[Quantity]:
    """Yield how the student `name` would be served. Its speed is not among it: only a run knows that."""
    serving = spec.serving
    rows: tuple[tuple[str, Decimal | float | int, str, str], ...] = (
        ("usd_per_hour", serving.cpu.usd_per_hour, "USD/h", "serving.cpu.usd_per_hour"),
        ("target_utilisation", serving.target_utilisation, "share", "serving.target_utilisation"),
        ("min_replicas", serving.min_replicas, "replicas", "serving.min_replicas"),
        ("redundancy", serving.redundancy, "replicas", "serving.redundancy"),
        ("overhead", serving.overhead, "share", "serving.overhead"),
    )
    for part, value, unit, key in rows:
        yield quantity(f"{name}.{part}", value, unit, _said(key, defaults))


def price_inputs(seller: str, price: Price, why_assumed: str = "", *, way: str = "") -> Iterator[Quantity]:
    """Yield the prices of one model, each with its source and date.

    Args:
        seller: name of the option that asks it.
        price: of the model.
        why_assumed: why the price is another model's; empty where it is its own.
        way: prefix of the names for another way of sending, for example ``batch_``.
    """
    listed = f", listed as {price.listed_as}" if price.listed_as else ""
    because = f"; assumed: {why_assumed}" if why_assumed else ""
    source = f"{price.source}: {price.model}{listed}{because}"
    origin: Origin = "assumed" if why_assumed else "priced"
    names = ("input_per_m", "output_per_m", "cached_input_per_m", *(() if way else ("cache_write_per_m",)))
    for name in names:
        value: Decimal | None = getattr(price, name)
        if value is not None:
            yield quantity(
                f"{seller}.{way}{name}", value, "USD/million tokens", source, origin=origin, as_of=price.as_of
            )
    if price.per_request and not way:
        yield quantity(
            f"{seller}.usd_per_call", price.per_request, "USD/request", source, origin=origin, as_of=price.as_of
        )


def _said(key: str, defaults: Collection[str]) -> str:
    return f"{key}, the suite's default" if key in defaults else key
