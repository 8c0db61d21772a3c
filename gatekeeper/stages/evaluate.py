"""Evaluate: answers of teacher and student on rows of the development or gate split, and their scores.

Where a judge decides, it is asked about each answer, and people's answers score those rows as well that have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatekeeper.models.base import Classifier
from gatekeeper.records import Completion, Item, Prediction, Score
from gatekeeper.run.asking import ask_samples
from gatekeeper.run.judging import judged_scores
from gatekeeper.run.session import Session
from gatekeeper.scorers import Judge
from gatekeeper.scorers.reference import score_prediction
from gatekeeper.store.predictions import insert_predictions, insert_scores, predictions_of, scores_of

Answers = Mapping[str, Sequence[Prediction]]
"""A model's answers by item id, in the order of their samples."""


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
    predictions = {item_id: [_prediction(one) for one in several] for item_id, several in answers.items()}
    _store(session, items, predictions, predictions)
    return [completion for item in items for completion in answers[item.id]]


def evaluate_student(session: Session, model: str, classifier: Classifier, items: Sequence[Item]) -> None:
    """Store the predictions and scores of a student on `items`; the teacher's must be stored before.

    Raises:
        BudgetExceededError: the next question to the judge does not fit; its verdicts so far are kept.
        ModelError: the judge cannot be used at all.
    """
    with session.store.read() as connection:
        known = _scored(session, scores_of(connection, session.fingerprint, model))
        missing = [item for item in items if item.id not in known]
        if not missing:
            return
        teacher = predictions_of(connection, session.fingerprint, session.teacher.info.fingerprint)
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
    _store(session, missing, predictions, _by_item(teacher))


def _by_eval(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.eval, []).append(item)
    return found


def _by_item(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    found: dict[str, list[Prediction]] = {}
    for prediction in sorted(predictions, key=lambda one: one.sample_index):
        found.setdefault(prediction.item_id, []).append(prediction)
    return found


def _prediction(completion: Completion) -> Prediction:
    confidence = max(completion.distribution.values()) if completion.distribution else None
    return Prediction(
        item_id=completion.item_id,
        model=completion.model,
        sample_index=completion.sample_index,
        output=completion.output,
        confidence=confidence,
        error_class=completion.error_class,
    )


def _scored(session: Session, scores: Sequence[Score]) -> set[str]:
    """Return the items that need no score any more: the judge is asked again where it could not be asked."""
    scorer = session.scorer_of(session.suite.eval.name)
    if not isinstance(scorer, Judge):
        return {score.item_id for score in scores}
    judged = (scorer.name, scorer.version)
    others = {item.id for item in session.other_rows()}
    return {
        score.item_id
        for score in scores
        if score.item_id in others or ((score.scorer, score.version) == judged and score.value is not None)
    }


def _store(session: Session, items: Sequence[Item], predictions: Answers, teacher: Answers) -> None:
    flat = [(item, one) for item in items for one in predictions[item.id]]
    by_judge = [(item, one) for item, one in flat if isinstance(session.scorer_of(item.eval), Judge)]
    scores = judged_scores(session, by_judge, f"judge on {items[0].split}") if by_judge else []
    for item, one in flat:
        judged_by = session.suite.eval_named(item.eval)
        if not isinstance(judged_by.scorer, Judge):
            references = None if judged_by.spec.data.target is not None else teacher.get(item.id, ())
            scores.append(score_prediction(judged_by.scorer, item, one, references))
    with session.store.write() as connection:
        insert_predictions(connection, session.fingerprint, [one for _, one in flat])
        insert_scores(connection, session.fingerprint, scores)
