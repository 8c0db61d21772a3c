"""Score the stored answers again and compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gatekeeper.decide.facts import Facts
from gatekeeper.decide.judging import judging_of
from gatekeeper.records import Completion, Item, Prediction, Score
from gatekeeper.scorers import build_scorer
from gatekeeper.scorers.reference import score_prediction
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.predictions import predictions_of, scores_of
from gatekeeper.store.suites import items_of
from gatekeeper.store.training import training_runs_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def rescored(connection: DuckDBPyConnection, facts: Facts) -> tuple[int, list[str]]:
    """Return how many scores were made again, and what differs. A judge is not asked: what it said is in the store."""
    suite = facts.suite.fingerprint
    items = {item.id: item for item in items_of(connection, suite)}
    teacher = _by_item(predictions_of(connection, suite, facts.teacher.fingerprint))
    models = {one.model for one in training_runs_of(connection, facts.run)} | {facts.teacher.fingerprint}
    models |= {one.model for one in facts.baselines}
    again = _Rescoring(facts, items, teacher)
    count, problems = 0, []
    for model in sorted(models):
        predictions = _by_item(predictions_of(connection, suite, model))
        again.read_verdicts(connection, predictions)
        for score in scores_of(connection, suite, model):
            count += 1
            answers = predictions.get(score.item_id, [])
            answer = next((one for one in answers if one.sample_index == score.sample_index), None)
            problems += again.compare(score, answer)
    return count, problems


def _by_item(predictions: list[Prediction]) -> dict[str, list[Prediction]]:
    found: dict[str, list[Prediction]] = {}
    for prediction in sorted(predictions, key=lambda one: one.sample_index):
        found.setdefault(prediction.item_id, []).append(prediction)
    return found


class _Rescoring:
    """Scores stored answers again, with the scorers of the suite as it was when the run began."""

    def __init__(self, facts: Facts, items: dict[str, Item], teacher: dict[str, list[Prediction]]) -> None:
        self._items, self._teacher = items, teacher
        evals = (facts.eval_spec, *facts.others)
        self._gold = {spec.eval: spec.data.target is not None for spec in evals}
        self._scorers = {
            (spec.eval, name): build_scorer(name, scorer)
            for spec in evals
            for name, scorer in spec.scorers.items()
            if scorer.judge is None
        }
        self._eval, self._judging = facts.eval_spec.eval, judging_of(facts)
        self._verdicts: dict[str, Completion] = {}

    def read_verdicts(self, connection: DuckDBPyConnection, predictions: Mapping[str, Sequence[Prediction]]) -> None:
        """Read what the judge has said about the answers of one model."""
        if self._judging is None:
            return
        judged = [
            (item, one)
            for item_id, several in predictions.items()
            if (item := self._items.get(item_id)) is not None and item.eval == self._eval
            for one in several
        ]
        keys = {key for item, one in judged if (key := self._judging.key(item, one)) is not None}
        self._verdicts = completions_by_key(connection, sorted(keys))

    def compare(self, score: Score, answer: Prediction | None) -> list[str]:
        """Return what is wrong with one stored score."""
        place = f"table scores, item {score.item_id}, model {score.model}"
        item = self._items.get(score.item_id)
        if answer is None or item is None:
            return [f"{place}: its prediction or item is missing"]
        again = self._again(score, item, answer)
        if again is None:
            return []  # made by another version of the scorer; its digest still vouches for the row
        return [] if again.value == score.value else [f"{place}: is {score.value}, scoring gives {again.value}"]

    def _again(self, score: Score, item: Item, answer: Prediction) -> Score | None:
        made_by = (score.scorer, score.version)
        judging = self._judging
        if judging is not None and item.eval == self._eval and made_by == (judging.judge.name, judging.judge.version):
            return judging.score(item, answer, self._verdicts)
        scorer = self._scorers.get((item.eval, score.scorer))
        if scorer is None or scorer.version != score.version:
            return None
        references = None if self._gold[item.eval] else self._teacher.get(item.id, [])
        return score_prediction(scorer, item, answer, references)
