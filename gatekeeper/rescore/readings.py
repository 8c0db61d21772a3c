"""The stored answers of one model to the questions of a suite, found by their request keys and read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gatekeeper.models.reader import Reader
from gatekeeper.models.reread import answer_again, as_read
from gatekeeper.records import Completion, Item, Prediction, Request
from gatekeeper.run.asking import request_of
from gatekeeper.run.scoring import prediction_of
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.connection import Store
from gatekeeper.suite.spec import TeacherSpec
from gatekeeper.suite.suite import Suite

_AT_ONCE = 5_000
"""Answers that are read from the store in one query, with their bodies."""


@dataclass(frozen=True)
class AskedModel:
    """A model of the suite whose answers are looked for.

    Attributes:
        name: as the suite names it.
        spec: of the model.
        fingerprint: of the model.
        reader: of its bodies; None where answers have none.
        samples: how often it is asked about a row of dev and gate, by the name of the eval; 1 where absent.
    """

    name: str
    spec: TeacherSpec
    fingerprint: str
    reader: Reader | None
    samples: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Readings:
    """What there is. Counts are of answers, `expected` is of questions.

    Attributes:
        predictions: by item id, in the order of their samples; left empty where nobody wants them.
    """

    expected: int = 0
    answers: int = 0
    reread: int = 0
    unreadable: int = 0
    predictions: dict[str, list[Prediction]] = field(default_factory=dict)


def readings_of(store: Store, suite: Suite, model: AskedModel, items: Sequence[Item], *, keep: bool) -> Readings:
    """Read the stored answers of a model to `items` again.

    Args:
        store: nothing is written there.
        suite: as it is now.
        model: whose answers are looked for.
        items: of one split.
        keep: whether the answers are wanted; otherwise they are counted and forgotten.
    """
    found = Readings()
    questions = _questions(suite, model, items)
    while chunk := list(islice(questions, _AT_ONCE)):
        with store.read() as connection:
            stored = completions_by_key(connection, list({key for key, _ in chunk}))
        for key, request in chunk:
            found.expected += 1
            completion = stored.get(key)
            if completion is not None:
                _count(found, completion, model.reader, request.item_id if keep else None)
    return found


def _count(found: Readings, completion: Completion, reader: Reader | None, item_id: str | None) -> None:
    """Add one stored completion, and where an item is named the answer to it."""
    answer = answer_again(completion, reader)
    now = as_read(completion, answer)
    if not now.ok:
        return
    found.answers += 1
    found.reread += now.output != completion.output
    found.unreadable += answer is not None and (answer.error_class is not None or answer.output is None)
    if item_id is not None:
        prediction = prediction_of(now).model_copy(update={"item_id": item_id})
        found.predictions.setdefault(item_id, []).append(prediction)


def _questions(suite: Suite, model: AskedModel, items: Sequence[Item]) -> Iterator[tuple[str, Request]]:
    """Yield each question with its key, item by item in the order of the samples."""
    for item in items:
        samples = 1 if item.split == "pool" else model.samples.get(item.eval, 1)
        for number in range(samples):
            request = request_of(suite, item, number, spec=model.spec)
            yield request.key(model.fingerprint), request
