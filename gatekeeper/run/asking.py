"""Ask a model: from the store where it has answered already, else reserve, call, settle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from gatekeeper.errors import InputError
from gatekeeper.models.reader import Reader
from gatekeeper.models.reread import read_again, reader_in
from gatekeeper.records import Completion, Item, Request, Usage
from gatekeeper.run.batching import ask_in_batches
from gatekeeper.run.interrupts import heeding_interrupts
from gatekeeper.run.paying import Payments
from gatekeeper.run.progress import Watch
from gatekeeper.run.questions import Missing, Questions
from gatekeeper.run.session import PricedModel, Session
from gatekeeper.run.watching import watch_of
from gatekeeper.store.batches import Batch, open_batches
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.spend import Purpose
from gatekeeper.suite.identity import identity_params
from gatekeeper.suite.prompt import render
from gatekeeper.suite.spec import TeacherSpec
from gatekeeper.suite.suite import Suite

_LOOKED_UP_AT_ONCE = 5_000
"""Answers that are read from the store in one query; their bodies are many times as long as what is kept."""


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
    """Return the parameters that each request to a model of the suite carries, and that its key covers."""
    params = getattr(spec, "params", None)
    return {} if params is None else identity_params(params)


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
    distinct = list({item.id: item for item in items}.values())

    def question(place: int) -> Request:
        number, of = divmod(place, len(distinct))
        return request_of(session.suite, distinct[of], number)

    requests = Questions(question, samples * len(distinct))
    found: dict[str, list[Completion]] = {item.id: [] for item in distinct}
    for answer in ask_model(session, session.asked_teacher, requests, purpose, label):
        found[answer.item_id].append(answer)
    return found


def ask_model(
    session: Session, asked: PricedModel, requests: Sequence[Request], purpose: Purpose, label: str
) -> list[Completion]:
    """Return the completion of each request, in their order, as `ask` does for the teacher.

    Requests that are the same but for their item are asked once. The bodies of the answers stay in the store: `raw` is
    None here.

    Args:
        asked: the model, and by which price its answers are paid.
        requests: each is looked at several times, and none is kept.
    """
    fingerprint = asked.model.info.fingerprint
    keys, item_ids = [], []
    for request in requests:
        keys.append(request.key(fingerprint))
        item_ids.append(request.item_id)
    # what a judge has said stays as it was read: its scores are made again from that when a verdict is verified
    reader = None if purpose == "judge" else reader_in(asked.model)
    answers, left_open = _known(session, keys, reader, fingerprint)
    places = {key: place for place, key in enumerate(keys) if key not in answers}
    if places:
        watch = watch_of(session, asked, (item_ids[place] for place in places.values()))
        answers |= _call(session, asked, Missing(requests, places), left_open, purpose, label, watch)
    return [_about(item_id, answers[key]) for key, item_id in zip(keys, item_ids, strict=True)]


def _known(
    session: Session, keys: Sequence[str], reader: Reader | None, fingerprint: str
) -> tuple[dict[str, Completion], list[Batch]]:
    """Return the answers that the store has, by request key, and the model's batches that have more of them.

    Answers are as `reader` reads their bodies, and without these.
    """
    answers: dict[str, Completion] = {}
    with session.store.read() as connection:
        for begin in range(0, len(keys), _LOOKED_UP_AT_ONCE):
            found = completions_by_key(connection, list(dict.fromkeys(keys[begin : begin + _LOOKED_UP_AT_ONCE])))
            read = ((key, read_again(completion, reader)) for key, completion in found.items())
            answers |= {key: _without_body(completion) for key, completion in read if completion.ok}
        return answers, open_batches(connection, fingerprint)


def _without_body(answer: Completion) -> Completion:
    """Return an answer as it is kept in memory, of which there may be very many: without its body."""
    kept = {**vars(answer), "raw": None, "usage": _shared(answer.usage)}
    return Completion.model_construct(**kept)


@lru_cache(maxsize=4096)
def _shared(usage: Usage) -> Usage:
    """Return one and the same object for the same counts of tokens."""
    return usage


def _about(item_id: str, answer: Completion) -> Completion:
    return answer if answer.item_id == item_id else answer.model_copy(update={"item_id": item_id})


def _call(
    session: Session,
    asked: PricedModel,
    missing: Missing,
    left_open: Sequence[Batch],
    purpose: Purpose,
    label: str,
    watch: Watch,
) -> dict[str, Completion]:
    payments = Payments(session, asked, purpose)
    session.progress.start(label, len(missing), watch)
    with heeding_interrupts(asked.model):
        try:
            arrived = ask_in_batches(session, asked, missing, left_open, purpose)
            missing = missing.without(arrived)
            while missing:
                for completion in asked.model.complete(payments.reserved(missing)):
                    payments.keep(completion)
                    arrived[completion.request_key] = _without_body(completion)
                    session.progress.advance()
                left = missing.without(arrived)
                if payments.stopped is None or len(left) == len(missing):
                    break
                missing = left  # what was reserved for those in flight and not used may make room for others
        finally:
            session.progress.finish()
            session.journal.commit()
    if payments.stopped is not None:
        raise payments.stopped
    return arrived
