"""Ask a model: from the store where it has answered already, else reserve, call, settle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from gatekeeper.cost.usage import request_cost
from gatekeeper.errors import BudgetExceededError, InputError
from gatekeeper.records import Completion, Item, Request
from gatekeeper.run.session import PricedModel, Session
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.spend import Purpose
from gatekeeper.suite.prompt import render
from gatekeeper.suite.spec import TeacherSpec
from gatekeeper.suite.suite import Suite


def request_of(suite: Suite, item: Item, sample_index: int = 0, *, spec: TeacherSpec | None = None) -> Request:
    """Return what a model is asked about `item`; questions that differ in `sample_index` alone are repeats.

    Args:
        spec: of the model, by default the teacher; all are asked the same, each with its own parameters.
    """
    return Request(
        item_id=item.id,
        text=item.text,
        messages=render(suite, item),
        params=params_of(suite.teacher if spec is None else spec),
        sample_index=sample_index,
    )


def params_of(spec: TeacherSpec | None) -> dict[str, Any]:
    """Return the parameters that each request to a model of the suite carries."""
    params = getattr(spec, "params", None)
    return {} if params is None else dict(params.model_dump(mode="json", exclude_none=True))


def ask(session: Session, items: Sequence[Item], purpose: Purpose, label: str) -> dict[str, Completion]:
    """Return the teacher's completion for each item, by item id; failed ones carry their error class.

    What the store knows is not asked again. Every answer is in the journal when it arrives, and in the tables when this
    returns.

    Raises:
        BudgetExceededError: the next call does not fit; the answers so far are kept.
        ModelError: the teacher cannot be used at all (wrong key, endpoint down).
    """
    return {item_id: found[0] for item_id, found in ask_samples(session, items, purpose, label, 1).items()}


def ask_samples(
    session: Session, items: Sequence[Item], purpose: Purpose, label: str, samples: int
) -> dict[str, list[Completion]]:
    """Return several completions for each item, by item id: `samples` of them, in the order of their sample index.

    Sample 0 is the answer that `ask` returns, and sample j keeps its key whatever `samples` is, so more samples ask for
    the new ones only. All items are asked once before any is asked again. The rest is as in `ask`: each sample has its
    own reservation, journal line and row, and a failed one stands in its place with its error class.

    Samples of a teacher that always answers the same (a local encoder, greedy decoding, an endpoint at temperature 0
    with a fixed seed) are copies: they are billed like others, show no variance within an item, and tell no more than
    one of them. A replayed teacher has the answers that were recorded and no others.

    Args:
        items: what to ask about.
        purpose: what the money is for.
        label: what the progress line says.
        samples: answers wanted for each item, 1 or more.

    Raises:
        InputError: fewer than one sample.
        BudgetExceededError: the next call does not fit; the answers so far are kept.
        ModelError: the teacher cannot be used at all (wrong key, endpoint down).
    """
    if samples < 1:
        raise InputError(f"{samples} samples of each item cannot be asked for", hint="ask for 1 or more")
    distinct = {item.id: item for item in items}.values()
    requests = [request_of(session.suite, item, number) for number in range(samples) for item in distinct]
    found: dict[str, list[Completion]] = {item.id: [] for item in distinct}
    for answer in ask_model(session, session.asked_teacher, requests, purpose, label):
        found[answer.item_id].append(answer)
    return found


def ask_model(
    session: Session, asked: PricedModel, requests: Sequence[Request], purpose: Purpose, label: str
) -> list[Completion]:
    """Return the completion of each request, in their order, as `ask` does for the teacher.

    Requests that are the same but for their item are asked once.

    Args:
        asked: the model, and by which price its answers are paid.
    """
    keys = [request.key(asked.model.info.fingerprint) for request in requests]
    with session.store.read() as connection:
        known = completions_by_key(connection, list(dict.fromkeys(keys)))
    answers = {key: completion for key, completion in known.items() if completion.ok}
    missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in answers}
    if missing:
        answers |= _call(session, asked, missing, purpose, label)
    return [
        answers[key].model_copy(update={"item_id": request.item_id})
        for key, request in zip(keys, requests, strict=True)
    ]


def _call(
    session: Session, asked: PricedModel, missing: dict[str, Request], purpose: Purpose, label: str
) -> dict[str, Completion]:
    arrived: dict[str, Completion] = {}
    stopped: list[BudgetExceededError] = []
    assumed = asked.model.info.price_assumed
    session.progress.start(label, len(missing))
    try:
        for completion in asked.model.complete(_reserved(session, asked, missing, purpose, stopped)):
            arrived[completion.request_key] = completion
            _record(session, completion)
            session.budget.settle(completion.request_key, purpose, _price_of(asked, completion))
            session.progress.spent(session.budget.spent, assumed=assumed)
            session.progress.advance()
    finally:
        session.progress.finish()
        session.journal.commit()
    if stopped:
        raise stopped[0]
    return arrived


def _reserved(
    session: Session,
    asked: PricedModel,
    missing: dict[str, Request],
    purpose: Purpose,
    stopped: list[BudgetExceededError],
) -> Iterator[Request]:
    """Yield requests whose upper bound is reserved; end at the first one that does not fit."""
    for key, request in missing.items():
        bound = request_cost(asked.model.upper_bound(request), asked.price)
        try:
            session.budget.reserve(key, purpose, bound, assumed=asked.model.info.price_assumed)
        except BudgetExceededError as error:
            stopped.append(error)
            return
        yield request


def _record(session: Session, completion: Completion) -> None:
    session.journal.append("completion", {**completion.model_dump(mode="json"), "suite": session.fingerprint})


def _price_of(asked: PricedModel, completion: Completion) -> Decimal:
    usage = completion.usage
    # A request that failed before the provider counted tokens was not charged.
    return request_cost(usage, asked.price) if usage.input_tokens or usage.output_tokens else Decimal(0)
