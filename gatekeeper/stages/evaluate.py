"""Evaluate: answers of teacher and student on one split, their scores, and the paired arrays that are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import StoreError
from gatekeeper.models.base import Classifier
from gatekeeper.records import Completion, Item, Prediction, Score, Split
from gatekeeper.run.asking import ask
from gatekeeper.run.session import Session
from gatekeeper.store.predictions import insert_predictions, insert_scores, predictions_of, scores_of


@dataclass(frozen=True)
class Paired:
    """Scores of two models on the same items.

    Attributes:
        item_ids: shape (n,), sorted.
        student: shape (n,), in [0, 1]; NaN where there is no score.
        teacher: the same for the teacher; NaN where it failed.
    """

    item_ids: tuple[str, ...]
    student: NDArray[np.float64]
    teacher: NDArray[np.float64]


def evaluate_teacher(session: Session, split: Split) -> list[Completion]:
    """Ask the teacher about each item of `split`, store its predictions and scores, and return its answers."""
    items = session.split(split)
    answers = ask(session, items, "evaluate", f"teacher on {split}")
    _store(session, items, [_prediction(answers[item.id]) for item in items], _references(session, items, answers))
    return [answers[item.id] for item in items]


def evaluate_student(session: Session, model: str, classifier: Classifier, split: Split) -> None:
    """Store the predictions and scores of a student on `split`; the teacher's must be stored before."""
    items = session.split(split)
    with session.store.read() as connection:
        known = {row.item_id for row in scores_of(connection, session.fingerprint, model, split=split)}
        teacher = predictions_of(connection, session.fingerprint, session.teacher.info.fingerprint, split)
    if len(known) == len(items):
        return
    probabilities = classifier.predict([item.text for item in items])
    best = probabilities.argmax(axis=1)
    predictions = [
        Prediction(
            item_id=item.id,
            model=model,
            output=classifier.labels[column],
            confidence=float(probabilities[row, column]),
        )
        for row, (item, column) in enumerate(zip(items, best, strict=True))
    ]
    outputs = {prediction.item_id: prediction for prediction in teacher}
    _store(session, items, predictions, _references(session, items, outputs))


def paired(session: Session, model: str, split: Split) -> Paired:
    """Return the scores of teacher and student `model` on `split`, aligned by item.

    Raises:
        StoreError: scores exist under another version of the scorer only.
    """
    scorer = session.suite.eval.scorer
    with session.store.read() as connection:
        columns = [
            {
                score.item_id: score.value
                for score in scores_of(connection, session.fingerprint, name, scorer.name, scorer.version, split)
            }
            for name in (model, session.teacher.info.fingerprint)
        ]
    item_ids = tuple(item.id for item in session.split(split))
    if not any(columns[0].values()) and not columns[0]:
        raise StoreError(f"no scores of {model} on {split} under {scorer.name} {scorer.version}")
    arrays = [
        np.array([np.nan if column.get(key) is None else column[key] for key in item_ids], dtype=np.float64)
        for column in columns
    ]
    return Paired(item_ids, arrays[0], arrays[1])


def is_fidelity(session: Session) -> bool:
    """Whether there are no gold answers, so that scores are agreement with the teacher."""
    return session.suite.eval.spec.data.target is None


def _prediction(completion: Completion) -> Prediction:
    confidence = max(completion.distribution.values()) if completion.distribution else None
    return Prediction(
        item_id=completion.item_id,
        model=completion.model,
        output=completion.output,
        confidence=confidence,
        error_class=completion.error_class,
    )


def _references(
    session: Session, items: Sequence[Item], teacher: Mapping[str, Prediction] | Mapping[str, Completion]
) -> list[Item]:
    """Return the items with what a right answer is: gold, or the teacher's answer where nobody knows it."""
    if not is_fidelity(session):
        return list(items)
    return [item.model_copy(update={"target": teacher[item.id].output}) for item in items]


def _store(
    session: Session, items: Sequence[Item], predictions: Sequence[Prediction], references: Sequence[Item]
) -> None:
    scores = [
        _score(session, reference, prediction) for reference, prediction in zip(references, predictions, strict=True)
    ]
    with session.store.write() as connection:
        insert_predictions(connection, session.fingerprint, predictions)
        insert_scores(connection, session.fingerprint, scores)


def _score(session: Session, reference: Item, prediction: Prediction) -> Score:
    scorer = session.suite.eval.scorer
    if prediction.error_class is not None:
        # An infrastructure error is no wrong answer: it has no score, and the gate counts it both ways.
        return Score(
            item_id=prediction.item_id,
            model=prediction.model,
            scorer=scorer.name,
            version=scorer.version,
            value=None,
            reason=prediction.error_class,
        )
    return scorer.score(reference, prediction.output, model=prediction.model)
