"""Models of a suite that their provider stops, or has stopped, by the days that the price lists carry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gatekeeper.cost.lifetime import months_between
from gatekeeper.cost.prices.book import known_prices
from gatekeeper.cost.prices.file import parse_price_entries
from gatekeeper.run.session import JUDGE
from gatekeeper.run.teacher import TEACHER
from gatekeeper.suite.spec_api import ApiSpec
from gatekeeper.suite.suite import Suite


def retirements_of(suite: Suite, at: date) -> Iterator[str]:
    """Yield a sentence for each model that has stopped at the day `at`, or stops before savings end to count.

    A stand-in (`priced_as`) does not stop when the model does whose price it carries. A model without a known day may
    stop all the same.

    Raises:
        PriceError: a price list is damaged.
        InputError: the suite's own price file is.
    """
    own = None
    if suite.prices is not None:
        own = parse_price_entries(suite.prices.read_text(encoding="utf-8"), file=str(suite.prices))
    months = suite.costs.horizon_months
    for who, model in _asked(suite):
        prices = known_prices(model.removeprefix("litellm/"), at=at, own=own)
        entry = prices.entry_of("retires")
        if prices.retires is None or entry is None:
            continue
        said = f"{who} {prices.model}"
        if prices.retires <= at:
            yield f"{said} was stopped on {prices.retires} ({entry.source}): requests to it may fail"
        elif months_between(at, prices.retires) < months:
            yield (
                f"{said} stops on {prices.retires} ({entry.source}), within the {months} months that savings are "
                "counted for (costs.horizon_months); what replaces it may cost something else"
            )


def _asked(suite: Suite) -> Iterator[tuple[str, str]]:
    """Yield (who, name of the model) of all that are asked over the network and have a price of their own."""
    baselines = ((f"the baseline {one.name}", one) for one in suite.spec.baselines)
    for who, spec in ((f"the {TEACHER}", suite.teacher), (f"the {JUDGE}", suite.judge), *baselines):
        if isinstance(spec, ApiSpec) and spec.priced_as is None:
            yield who, spec.model
