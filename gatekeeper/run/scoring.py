"""From answers to stored predictions and scores, whoever has answered.

Where a judge decides, it is asked about each answer, and people's answers score those rows as well that have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatekeeper.records import Completion, Item, Prediction, Score
from gatekeeper.run.judging import judged_scores
from gatekeeper.run.session import Session
from gatekeeper.scorers import Judge
from gatekeeper.scorers.reference import score_prediction
from gatekeeper.store.predictions import insert_predictions, insert_scores, predictions_of, scores_of
from gatekeeper.suite.suite import Suite

Answers = Mapping[str, Sequence[Prediction]]
"""A model's answers by item id, in the order of their samples."""


def prediction_of(completion: Completion) -> Prediction:
    """Return a completion as the scorer sees it."""
    confidence = max(completion.distribution.values()) if completion.distribution else None
    return Prediction(
        item_id=completion.item_id,
        model=completion.model,
        sample_index=completion.sample_index,
        output=completion.output,
        confidence=confidence,
        error_class=completion.error_class,
    )


def unscored(session: Session, model: str, items: Sequence[Item]) -> list[Item]:
    """Return the items that need a score of `model` still: a judge is asked again where it could not be asked."""
    with session.store.read() as connection:
        known = _scored(session, scores_of(connection, session.fingerprint, model))
    return [item for item in items if item.id not in known]


def _scored(session: Session, scores: Sequence[Score]) -> set[str]:
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


def teacher_answers(session: Session) -> Answers:
    """Return the teacher's stored answers: what the others are scored against where there is no gold."""
    with session.store.read() as connection:
        found = predictions_of(connection, session.fingerprint, session.teacher.info.fingerprint)
    by_item: dict[str, list[Prediction]] = {}
    for prediction in sorted(found, key=lambda one: one.sample_index):
        by_item.setdefault(prediction.item_id, []).append(prediction)
    return by_item


def store_answers(session: Session, items: Sequence[Item], predictions: Answers, teacher: Answers) -> None:
    """Score answers to `items` and store them with their scores.

    Args:
        predictions: to each of `items`.
        teacher: the teacher's answers, by item id.

    Raises:
        BudgetExceededError: the next question to the judge does not fit; its verdicts so far are kept.
        ModelError: the judge cannot be used at all.
    """
    flat = [(item, one) for item in items for one in predictions[item.id]]
    by_judge = [(item, one) for item, one in flat if isinstance(session.scorer_of(item.eval), Judge)]
    scores = judged_scores(session, by_judge, f"judge on {items[0].split}") if by_judge else []
    scores += rule_scores(session.suite, flat, teacher)
    with session.store.write() as connection:
        insert_predictions(connection, session.fingerprint, [one for _, one in flat])
        insert_scores(connection, session.fingerprint, scores)


def rule_scores(suite: Suite, answers: Sequence[tuple[Item, Prediction]], teacher: Answers) -> list[Score]:
    """Return the scores of answers whose scorer asks nobody; those that a judge decides are left out.

    Args:
        answers: each with its item.
        teacher: the teacher's answers, by item id: what the others are scored against where there is no gold.
    """
    scores = []
    for item, one in answers:
        judged_by = suite.eval_named(item.eval)
        if not isinstance(judged_by.scorer, Judge):
            references = None if judged_by.spec.data.target is not None else teacher.get(item.id, ())
            scores.append(score_prediction(judged_by.scorer, item, one, references))
    return scores
