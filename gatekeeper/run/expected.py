"""What one request is expected to take, and at most: tokens and US dollars, in the mean over a sample of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import bound_cost, price_requests
from gatekeeper.models.base import Model
from gatekeeper.models.counting import counter_of
from gatekeeper.models.tokens import bound_input, count_request
from gatekeeper.records import Record, Request, Usage
from gatekeeper.run.asking import params_of
from gatekeeper.run.teacher import in_batches_of, price_of_model
from gatekeeper.suite.spec import TeacherSpec
from gatekeeper.suite.spec_models import ReplayTeacher
from gatekeeper.suite.suite import Suite

LEAST_ANSWERS = 20
"""Stored answers from which their mean tokens say more than a count before asking."""
DEFAULT_MAX_TOKENS = 16


class Expected(Record):
    """One request, in the mean over a sample."""

    usd: Decimal
    most_usd: Decimal
    """What is reserved before it is sent."""
    input_tokens: Decimal
    output_tokens: Decimal
    most_output_tokens: Decimal
    counted: str
    """How the tokens were counted, for people."""


@dataclass(frozen=True)
class Asked:
    """A model that a plan is made for.

    Attributes:
        spec: as the suite names it.
        price: of its answers.
        batch: whether they come in batches; then the price is that of a batch.
        model: the model itself, where it is built; it knows its own upper bound.
        usages: what providers have reported for its stored answers to questions of the same kind.
    """

    spec: TeacherSpec
    price: Price
    batch: bool = False
    model: Model | None = None
    usages: Sequence[Usage] = ()


def asked_of(
    suite: Suite,
    spec: TeacherSpec,
    role: str,
    at: date,
    models: Mapping[str, Model] | None = None,
    usages: Mapping[str, Sequence[Usage]] | None = None,
) -> Asked:
    """Return a model of a suite as a plan needs it.

    Args:
        role: `teacher`, `judge`, or the name of a baseline.
        at: the date that prices are wanted for.
        models: those that are built, by role.
        usages: of stored answers, by role.

    Raises:
        PriceError: it has no price, an old one, or none for batches where it is asked in batches.
    """
    price, in_batches = price_of_model(suite, spec, role, at), in_batches_of(suite, spec, role, at)
    return Asked(
        spec=spec,
        price=price if in_batches is None else in_batches.price,
        batch=in_batches is not None,
        model=(models or {}).get(role),
        usages=(usages or {}).get(role, ()),
    )


def expected_of(asked: Asked, requests: Sequence[Request], answer: str) -> Expected:
    """Return what one of `requests` takes.

    Args:
        asked: the model.
        requests: a sample, 1 or more.
        answer: a usual one; its length is that of an answer where none is stored.
    """
    usages, counted = _usages(asked, requests, answer)
    cost = price_requests(usages, asked.price)
    bounds = [_bound(asked, request) for request in requests]
    known = [bound for bound in bounds if bound is not None]
    return Expected(
        usd=cost.usd,
        most_usd=max([cost.usd, *_means([bound_cost(bound, asked.price) for bound in known])]),
        input_tokens=cost.mean_input_tokens,
        output_tokens=cost.mean_output_tokens,
        most_output_tokens=max([cost.mean_output_tokens, *_means([Decimal(bound.output_tokens) for bound in known])]),
        counted=counted,
    )


def _usages(asked: Asked, requests: Sequence[Request], answer: str) -> tuple[Sequence[Usage], str]:
    if isinstance(asked.spec, ReplayTeacher) and asked.model is not None:
        recorded = [asked.model.upper_bound(request) for request in requests]
        known = [usage for usage in recorded if usage.reported]
        if known:
            return known, "as recorded"
    if len(asked.usages) >= LEAST_ANSWERS:
        return asked.usages, f"mean of {len(asked.usages):,} stored answers"
    counter = counter_of(asked.spec)
    return [count_request(request, answer, counter.tokens) for request in requests], counter.how


def _bound(asked: Asked, request: Request) -> Usage | None:
    """Return what is reserved for a request; None: a local model that answers with a label takes what is expected."""
    if asked.model is not None:
        return asked.model.upper_bound(request)
    params = params_of(asked.spec)
    if not params:
        return None
    limit = params.get("max_completion_tokens") or params.get("max_tokens") or DEFAULT_MAX_TOKENS
    return Usage(input_tokens=bound_input(request), output_tokens=int(limit), reported=False)


def _means(values: Sequence[Decimal]) -> list[Decimal]:
    return [sum(values, Decimal(0)) / len(values)] if values else []
