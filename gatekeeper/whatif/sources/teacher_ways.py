"""Ways to pay less for the same answers of the teacher: a prompt cache, batches, and both.

They need no student and no evaluation. An option is made where its price is known; how much of the traffic it can
serve is an input. What cannot be known from here is 0 and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import takewhile

from gatekeeper.cost.prices import Price
from gatekeeper.cost.prices.book import all_prices
from gatekeeper.cost.prices.entry import ModelPrices, PriceEntry
from gatekeeper.errors import PriceError
from gatekeeper.models.tokens import TOKENS_PER_MESSAGE, estimate_tokens
from gatekeeper.records import Message, Quantity
from gatekeeper.suite.spec import SuiteSpec
from gatekeeper.whatif.sources.spec_inputs import free_name, price_inputs, quantity
from gatekeeper.whatif.worksheet import TEACHER, Option

LEAST_CACHED = {"openai": 1024}
LEAST_CACHED_ELSEWHERE = 4096
LEAST_CACHED_SOURCE = (
    "providers cache no shorter prefix: OpenAI from 1,024 tokens, Anthropic from 512 to 4,096 depending on the model "
    "(the largest counts here); prompt caching pages of both, read 2026-11-25"
)
"""Tokens below which a prompt prefix is not cached, by provider."""


@dataclass(frozen=True)
class Ways:
    """Options at the teacher's prices with their inputs, and what to tell."""

    inputs: tuple[Quantity, ...] = ()
    options: tuple[Option, ...] = ()
    notes: tuple[str, ...] = ()


def further_prices(price: Price, *, at: date, own: dict[str, PriceEntry] | None, max_age_days: int) -> ModelPrices:
    """Return the other prices of a model whose standard price is known; only that one where no source has more."""
    try:
        return all_prices(price.model, at=at, own=own, max_age_days=max_age_days)
    except PriceError:
        return ModelPrices(model=price.model, standard=price)


def repeated_tokens(requests: Sequence[Sequence[Message]]) -> int:
    """Return about how many tokens all requests begin with: system prompt, instructions, examples.

    0 for fewer than two requests: nothing can repeat. Tokens are estimated from bytes.
    """
    if len(requests) < 2:
        return 0
    whole, tokens = True, 0
    for turns in zip(*requests, strict=False):
        first = turns[0]
        if not whole or any(turn.role != first.role for turn in turns):
            break
        shared = _common([turn.content for turn in turns])
        whole = all(turn.content == shared for turn in turns)
        tokens += TOKENS_PER_MESSAGE * whole + estimate_tokens([shared])[0]
    return tokens


def ways_of(
    spec: SuiteSpec,
    prices: ModelPrices,
    *,
    repeated: int,
    mean_input: Decimal,
    known: str,
    why_assumed: str = "",
    cached: Decimal = Decimal(0),
    writes: bool = False,
) -> Ways:
    """Return the options that the teacher's prices allow.

    Args:
        spec: the suite, for names that are taken.
        prices: of the teacher, or of the model that it stands in for.
        repeated: tokens that all requests begin with.
        mean_input: tokens of the mean request: no more can be read from a cache.
        known: where `repeated` comes from.
        why_assumed: why prices are another model's.
        cached: tokens of the mean request that the provider reads from a cache today; caching saves these and more.
        writes: some requests write to a cache today; where each one finds its prefix there, none does.
    """
    standard, batch = prices.standard, prices.batch
    has_cache = standard is not None and standard.cached_input_per_m is not None
    inputs: list[Quantity] = []
    options: list[Option] = []
    notes: list[str] = []
    names = {kind: free_name(kind, spec) for kind in ("caching", "batch", "caching_and_batch")}
    tokens = _cached_tokens(prices.model, repeated, mean_input, known, cached)
    share = "nothing says how many requests can wait for hours: set it, up to 1"
    if has_cache:
        options.append(Option(name=names["caching"], kind="caching", model=prices.model))
        inputs += _in_the_cache(names["caching"], tokens, writes)
        if not tokens.value:
            notes.append(f"caching saves nothing as it stands: {tokens.source}")
    if batch is not None:
        inputs += price_inputs(TEACHER, batch, why_assumed, way="batch_")
        options.append(Option(name=names["batch"], kind="batch", model=prices.model))
        inputs.append(quantity(f"{names['batch']}.batch_share", 0, "share", share))
    if has_cache and batch is not None:
        both = names["caching_and_batch"]
        options.append(Option(name=both, kind="caching_and_batch", model=prices.model))
        inputs += _in_the_cache(both, tokens, writes)
        inputs.append(quantity(f"{both}.batch_share", 0, "share", share))
    notes += [f"not used: {reason}" for reason in prices.withheld if reason.startswith("batch:")]
    return Ways(tuple(inputs), tuple(options), tuple(notes))


def _in_the_cache(name: str, tokens: Quantity, writes: bool) -> list[Quantity]:
    found = [tokens.model_copy(update={"name": f"{name}.cached_input_tokens"})]
    if writes:
        why = "each request finds its prefix in the cache"
        found.append(quantity(f"{name}.cache_write_tokens", 0, "tokens/request", why))
    return found


def _cached_tokens(model: str, repeated: int, mean_input: Decimal, known: str, today: Decimal) -> Quantity:
    least = LEAST_CACHED.get(model.partition("/")[0], LEAST_CACHED_ELSEWHERE)
    tokens, source = Decimal(0), f"{repeated:,} tokens begin every request ({known})"
    if repeated < least:
        source += f", fewer than {least:,}: {LEAST_CACHED_SOURCE}"
    else:
        tokens, source = min(Decimal(repeated), mean_input), f"{source}, and each request finds them in the cache"
    if today > tokens:
        tokens, source = today, "as many as today; " + source
    return quantity("cached_input_tokens", tokens, "tokens/request", source)


def _common(texts: Sequence[str]) -> str:
    low, high = min(texts), max(texts)  # what the first and the last in order share, all share
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
