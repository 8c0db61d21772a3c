"""Scores against what a right answer is: gold where it is known, else the teacher's own answers.

Without gold a student is scored by its agreement with each of the teacher's answers to the item, and an answer of the
teacher by its agreement with the teacher's other answers to it. So a teacher that contradicts itself is not scored as
perfect, and a student is not blamed for that. With one answer per item the teacher agrees with itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.records import Item, Prediction, Score
from gatekeeper.scorers import Scorer


def score_prediction(
    scorer: Scorer, item: Item, prediction: Prediction, teacher: Sequence[Prediction] | None = None
) -> Score:
    """Score one answer.

    Args:
        scorer: of the item's eval.
        item: with its target, where there is gold.
        prediction: the answer. One that an infrastructure error kept from arriving is not wrong: it has no score.
        teacher: the teacher's answers to this item, where there is no gold; None where there is.
    """
    if prediction.error_class is not None:
        return _made(scorer, prediction, None, prediction.error_class)
    if teacher is None:
        found = scorer.score(item, prediction.output, model=prediction.model)
        return _made(scorer, prediction, found.value, found.reason)
    own = prediction.model == teacher[0].model if teacher else False
    others = [one for one in teacher if not own or one.sample_index != prediction.sample_index]
    targets = [one.output for one in (others or teacher) if one.error_class is None]
    scores = [scorer.score(item.model_copy(update={"target": target}), prediction.output) for target in targets]
    values = [score.value for score in scores if score.value is not None]
    if not values:
        return _made(scorer, prediction, None, "the teacher has no answer to agree with")
    return _made(scorer, prediction, sum(values) / len(values), next((s.reason for s in scores if s.reason), None))


def _made(scorer: Scorer, prediction: Prediction, value: float | None, reason: str | None) -> Score:
    return Score(
        item_id=prediction.item_id,
        model=prediction.model,
        scorer=scorer.name,
        version=scorer.version,
        sample_index=prediction.sample_index,
        value=value,
        reason=reason,
    )
