"""Evaluate: answers of teacher and student on rows of the development or gate split, and their scores."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.models.base import Classifier
from gatekeeper.records import Completion, Item, Prediction
from gatekeeper.run.asking import ask_samples
from gatekeeper.run.scoring import prediction_of, store_answers, teacher_answers, unscored
from gatekeeper.run.session import Session

STORED_AT_ONCE = 10_000
"""Items whose predictions and scores are made and stored together, so that memory does not grow with all of them."""


def evaluate_teacher(session: Session, items: Sequence[Item], label: str) -> list[Completion]:
    """Ask the teacher about each of `items`, store its predictions and scores, and return its answers.

    Each row is asked as often as its eval's `samples.teacher` says.

    Raises:
        BudgetExceededError: the next call does not fit; the answers so far are kept.
        ModelError: the teacher or the judge cannot be used at all.
    """
    answers: dict[str, list[Completion]] = {}
    for name, rows in _by_eval(items).items():
        samples = session.suite.eval_named(name).spec.samples.teacher
        answers |= ask_samples(session, rows, "evaluate", label, samples)
    for begin in range(0, len(items), STORED_AT_ONCE):
        part = items[begin : begin + STORED_AT_ONCE]
        predictions = {item.id: [prediction_of(one) for one in answers[item.id]] for item in part}
        store_answers(session, part, predictions, predictions)
    return [completion for item in items for completion in answers[item.id]]


def evaluate_student(session: Session, model: str, classifier: Classifier, items: Sequence[Item]) -> None:
    """Store the predictions and scores of a student on `items`; the teacher's must be stored before.

    Raises:
        BudgetExceededError: the next question to the judge does not fit; its verdicts so far are kept.
        ModelError: the judge cannot be used at all.
    """
    missing = unscored(session, model, items)
    if not missing:
        return
    probabilities = classifier.predict([item.text for item in missing])
    best = probabilities.argmax(axis=1)
    predictions = {
        item.id: [
            Prediction(
                item_id=item.id,
                model=model,
                output=classifier.labels[column],
                confidence=float(probabilities[row, column]),
            )
        ]
        for row, (item, column) in enumerate(zip(missing, best, strict=True))
    }
    store_answers(session, missing, predictions, teacher_answers(session))


def _by_eval(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.eval, []).append(item)
    return found
