"""Ask the teacher: from the store where it has answered already, else reserve, call, settle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from gatekeeper.cost.usage import request_cost
from gatekeeper.errors import BudgetExceededError
from gatekeeper.records import Completion, Item, Request
from gatekeeper.run.session import Session
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.spend import Purpose
from gatekeeper.suite.prompt import render
from gatekeeper.suite.suite import Suite


def request_of(suite: Suite, item: Item) -> Request:
    """Return what the teacher is asked about `item`."""
    params = getattr(suite.teacher, "params", None)
    return Request(
        item_id=item.id,
        text=item.text,
        messages=render(suite, item),
        params={} if params is None else params.model_dump(mode="json", exclude_none=True),
    )


def ask(session: Session, items: Sequence[Item], purpose: Purpose, label: str) -> dict[str, Completion]:
    """Return the teacher's completion for each item, by item id; failed ones carry their error class.

    What the store knows is not asked again. Every answer is in the journal when it arrives, and in the tables when this
    returns.

    Raises:
        BudgetExceededError: the next call does not fit; the answers so far are kept.
        ModelError: the teacher cannot be used at all (wrong key, endpoint down).
    """
    requests = {item.id: request_of(session.suite, item) for item in items}
    keys = {item_id: request.key(session.teacher.info.fingerprint) for item_id, request in requests.items()}
    with session.store.read() as connection:
        known = completions_by_key(connection, list(keys.values()))
    answers = {key: completion for key, completion in known.items() if completion.ok}
    missing = {keys[item_id]: request for item_id, request in requests.items() if keys[item_id] not in answers}
    if missing:
        answers |= _call(session, missing, purpose, label)
    return {item_id: answers[key].model_copy(update={"item_id": item_id}) for item_id, key in keys.items()}


def _call(session: Session, missing: dict[str, Request], purpose: Purpose, label: str) -> dict[str, Completion]:
    arrived: dict[str, Completion] = {}
    stopped: list[BudgetExceededError] = []
    assumed = session.teacher.info.price_assumed
    session.progress.start(label, len(missing))
    try:
        for completion in session.teacher.complete(_reserved(session, missing, purpose, stopped)):
            arrived[completion.request_key] = completion
            _record(session, completion)
            session.budget.settle(completion.request_key, purpose, _price_of(session, completion))
            session.progress.spent(session.budget.spent, assumed=assumed)
            session.progress.advance()
    finally:
        session.progress.finish()
        session.journal.commit()
    if stopped:
        raise stopped[0]
    return arrived


def _reserved(
    session: Session, missing: dict[str, Request], purpose: Purpose, stopped: list[BudgetExceededError]
) -> Iterator[Request]:
    """Yield requests whose upper bound is reserved; end at the first one that does not fit."""
    for key, request in missing.items():
        bound = request_cost(session.teacher.upper_bound(request), session.price)
        try:
            session.budget.reserve(key, purpose, bound, assumed=session.teacher.info.price_assumed)
        except BudgetExceededError as error:
            stopped.append(error)
            return
        yield request


def _record(session: Session, completion: Completion) -> None:
    session.journal.append("completion", {**completion.model_dump(mode="json"), "suite": session.fingerprint})


def _price_of(session: Session, completion: Completion) -> Decimal:
    usage = completion.usage
    # A request that failed before the provider counted tokens was not charged.
    return request_cost(usage, session.price) if usage.input_tokens or usage.output_tokens else Decimal(0)
