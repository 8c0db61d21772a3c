"""A worksheet from a suite that nobody has run: what is known before a cent is spent, and what is missing.

A student's speed is missing, so its row has no numbers until `<student>.capacity_rps` is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from gatekeeper.cost.prices import DEFAULT_MAX_AGE_DAYS, Price
from gatekeeper.cost.prices.entry import PriceEntry
from gatekeeper.cost.prices.file import parse_price_entries
from gatekeeper.cost.tokens import RequestTokens
from gatekeeper.models.tokens import count_request
from gatekeeper.records import Quantity, Usage
from gatekeeper.run.asking import request_of
from gatekeeper.run.baselines import baseline_prices_of
from gatekeeper.run.teacher import NO_LIMIT_DAYS, price_of
from gatekeeper.suite.data import ItemSet, load_items
from gatekeeper.suite.prompt import render
from gatekeeper.suite.spec import MajorityBaseline
from gatekeeper.suite.suite import Suite
from gatekeeper.whatif.defaults import with_defaults
from gatekeeper.whatif.sources.spec_inputs import free_name, machine_inputs, price_inputs, quantity, spec_inputs
from gatekeeper.whatif.sources.teacher_ways import Ways, further_prices, repeated_tokens, ways_of
from gatekeeper.whatif.worksheet import TEACHER, Option, Worksheet

PRICED_ITEMS = 500
"""Development rows that stand for the traffic."""
_TOKENS = "estimated: 4 bytes a token, an answer as long as the longest label; mean of {n:,} development rows"
_CASCADE_SHARE = "partial.max_teacher_share, the most that the suite allows; a run measures it"


def worksheet_of_suite(suite: Suite, *, items: ItemSet | None = None, at: date | None = None) -> Worksheet:
    """Return the money of a suite as a worksheet, with all defaults as inputs of their own.

    Args:
        suite: a loaded suite.
        items: of the suite, where they are loaded already.
        at: the date that prices are wanted for; today by default.

    Raises:
        DataError: the data does not fit the eval.
        PriceError: the teacher or a baseline has no price, or an old one.
        InputError: a student or baseline is called like the incumbent.
    """
    items = load_items(suite) if items is None else items
    today = at or datetime.now(UTC).date()
    price, reason = price_of(suite, today), _stand_in(suite.teacher.priced_as, "the teacher")
    usages = sampled_usages(suite, items)
    defaults = frozenset(key for key, _ in suite.assumed)
    ways, retires = _ways(suite, items, price, today, reason, _mean(usages).input_tokens)
    generated, evaluated = planned_calls(suite, items)
    inputs = [
        *spec_inputs(suite.spec, defaults),
        *_token_inputs(usages),
        *price_inputs(TEACHER, price, reason),
        *ways.inputs,
        quantity("generation_examples", generated, "examples", "loop.rounds x loop.examples_per_round, or the pool"),
        quantity("generation_batch_share", 0, "share", "the loop asks at the standard price"),
        quantity("evaluation_rows", evaluated, "rows", "development and gate rows of all evals, each sample counted"),
        *_baseline_inputs(suite, today),
    ]
    options = [
        Option(
            name=TEACHER,
            kind="incumbent",
            model=price.model,
            tiers=price.tiers,
            retires=None if reason else retires,  # a stand-in itself does not retire
            passes_source="the incumbent",
        ),
        *ways.options,
        *_baseline_options(suite, today),
    ]
    for student in suite.students:
        options.append(Option(name=student.name, kind="cpu", model=student.recipe))
        inputs += machine_inputs(student.name, suite.spec, defaults)
    if suite.partial is not None:
        cascade = free_name("cascade", suite.spec)
        options.append(Option(name=cascade, kind="cascade", of=suite.students[0].name))
        share = suite.partial.max_teacher_share
        inputs.append(quantity(f"{cascade}.teacher_share", share, "share", _CASCADE_SHARE))
    return with_defaults(
        Worksheet(
            name=suite.name,
            as_of=today,
            inputs=tuple(inputs),
            options=tuple(options),
            requests=tuple(RequestTokens.of_usage(usage) for usage in usages),
            notes=ways.notes,
        )
    )


def sampled_usages(suite: Suite, items: ItemSet) -> list[Usage]:
    """Return the estimated tokens of requests about the first development rows, with answers as the longest label."""
    longest = max(suite.eval.labels, key=len)
    return [count_request(request_of(suite, item), longest) for item in items.split("dev")[:PRICED_ITEMS]]


def planned_calls(suite: Suite, items: ItemSet) -> tuple[int, int]:
    """Return the most calls of the teacher: (examples to learn from, answers to development and gate rows).

    Each pool row is asked once, each row of an eval as often as `samples.teacher` says.
    """
    rows = Counter(item.eval for item in items.items if item.split == "gate")
    pool = min(suite.loop.rounds * suite.loop.examples_per_round, items.counts["pool"])
    gate = sum(rows[one.name] * one.spec.samples.teacher for one in suite.evals)
    return pool, items.counts["dev"] * suite.eval.spec.samples.teacher + gate


def _mean(usages: Sequence[Usage]) -> RequestTokens:
    n = Decimal(len(usages))
    return RequestTokens(
        input_tokens=sum((Decimal(usage.input_tokens) for usage in usages), Decimal(0)) / n,
        output_tokens=sum((Decimal(usage.output_tokens) for usage in usages), Decimal(0)) / n,
    )


def _token_inputs(usages: Sequence[Usage]) -> Iterator[Quantity]:
    mean, source = _mean(usages), _TOKENS.format(n=len(usages))
    yield quantity("input_tokens", mean.input_tokens, "tokens/request", source)
    yield quantity("output_tokens", mean.output_tokens, "tokens/request", source)


def _ways(
    suite: Suite, items: ItemSet, price: Price, today: date, reason: str, mean_input: Decimal
) -> tuple[Ways, date | None]:
    prices = further_prices(
        price,
        at=today,
        own=_own_prices(suite.prices),
        max_age_days=NO_LIMIT_DAYS if reason else DEFAULT_MAX_AGE_DAYS,
    )
    requests = [render(suite, item) for item in items.split("dev")[:PRICED_ITEMS]]
    ways = ways_of(
        suite.spec,
        prices,
        repeated=repeated_tokens(requests),
        mean_input=mean_input,
        why_assumed=reason,
        known="estimated from development rows",
    )
    return ways, prices.retires


def _own_prices(path: Path | None) -> dict[str, PriceEntry] | None:
    return None if path is None else parse_price_entries(path.read_text(encoding="utf-8"), file=str(path))


def _baseline_inputs(suite: Suite, today: date) -> Iterator[Quantity]:
    prices = baseline_prices_of(suite, today)
    for one in suite.baselines:
        if isinstance(one, MajorityBaseline):
            yield from fixed_answer_inputs(one.name)
        else:
            yield from price_inputs(one.name, prices[one.name], _stand_in(one.priced_as, f"the baseline {one.name}"))


def fixed_answer_inputs(name: str) -> Iterator[Quantity]:
    """Yield the prices of a baseline that always gives the same answer: nothing."""
    for part in ("input_per_m", "output_per_m"):
        source = "a fixed answer costs nothing"
        yield quantity(f"{name}.{part}", 0, "USD/million tokens", source, origin="derived")


def _baseline_options(suite: Suite, today: date) -> Iterator[Option]:
    prices = baseline_prices_of(suite, today)
    for one in suite.baselines:
        price = prices.get(one.name)
        model = "majority" if price is None else price.model
        yield Option(name=one.name, kind="cheaper_api", model=model, tiers=() if price is None else price.tiers)


def _stand_in(priced_as: str | None, who: str) -> str:
    return "" if priced_as is None else f"{who} is a stand-in, priced as {priced_as}"
