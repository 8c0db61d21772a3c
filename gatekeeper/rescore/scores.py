"""Scores of stored answers on the development split: as they were, and as the suite's scorers give them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatekeeper.decide.facts import primary_of
from gatekeeper.records import Completion, Estimate, Item, Prediction, Score
from gatekeeper.run.judging import Judging
from gatekeeper.run.scoring import Answers, rule_scores
from gatekeeper.scorers import Judge
from gatekeeper.scorers.reference import score_prediction
from gatekeeper.store.rows import select
from gatekeeper.store.suites import StoredSuite, suites_of
from gatekeeper.suite.spec import EvalSpec
from gatekeeper.suite.suite import Suite

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Values = dict[tuple[str, int], float | None]
"""Scores by item id and sample."""

_DEV = """SELECT s.item_id, s.sample_index, s.value, i.text FROM scores s JOIN items i USING (suite, item_id)
          WHERE s.suite = $suite AND s.model = $model AND s.scorer = $scorer AND i.split = 'dev' AND i.eval = $eval
          ORDER BY s.item_id, s.sample_index, s.version"""


@dataclass(frozen=True)
class Now:
    """Scores as the suite says now.

    Attributes:
        scores: of all scorers that have a part in the decision.
        unjudged: answers that the judge was never asked about, by item id and sample; they have no score.
    """

    scores: tuple[Score, ...]
    unjudged: tuple[tuple[str, int], ...] = ()

    def values(self, scorer: str) -> Values:
        """Return the scores by one scorer."""
        return {(one.item_id, one.sample_index): one.value for one in self.scores if one.scorer == scorer}


def scores_now(
    suite: Suite,
    answers: Sequence[tuple[Item, Prediction]],
    teacher: Answers,
    judging: Judging | None,
    verdicts: Mapping[str, Completion],
) -> Now:
    """Score answers to development rows with the suite's present scorers. Nobody is asked.

    Args:
        suite: as it is now.
        answers: each with its item.
        teacher: the teacher's answers, by item id.
        judging: how answers are judged; None where no judge decides, or nobody knows which model it is.
        verdicts: what the judge has said, by request key.
    """
    if not isinstance(suite.eval.scorer, Judge):
        return Now(tuple(rule_scores(suite, answers, teacher)))
    gold = suite.eval.gold
    scores = [score_prediction(gold, item, one) for item, one in answers if item.target is not None]
    unjudged = []
    for item, one in answers:
        if judging is None or judging.key(item, one) not in verdicts:
            unjudged.append((item.id, one.sample_index))
        else:
            scores.append(judging.score(item, one, verdicts))
    return Now(tuple(scores), tuple(unjudged))


def scores_before(
    connection: DuckDBPyConnection, suite: Suite, fingerprint: str, model: str, items: Mapping[str, Item]
) -> tuple[str | None, Values]:
    """Return the version of the suite that has scores of a model, and these scores of rows that are the same now.

    The present version goes first, then the others of this name, the newest first.

    Args:
        connection: to the store.
        suite: as it is now.
        fingerprint: of the suite with its items.
        model: fingerprint of the model that answered.
        items: the development rows of today, by id.
    """
    versions = suites_of(connection, suite.name)[::-1]
    for one in sorted(versions, key=lambda version: version.fingerprint != fingerprint):
        spec = _eval_of(one)
        named = {"suite": one.fingerprint, "model": model, "scorer": primary_of(spec), "eval": spec.eval}
        found: Values = {
            (row["item_id"], row["sample_index"]): row["value"]
            for row in select(connection, _DEV, named)
            if row["item_id"] in items and items[row["item_id"]].text == row["text"]
        }
        if found:
            return one.fingerprint, found
    return None, {}


def _eval_of(stored: StoredSuite) -> EvalSpec:
    return EvalSpec.model_validate(stored.spec["eval"])


def mean_of(values: Values, rows: int) -> Estimate:
    """Return the mean score, an item counting once with the mean of its samples, as `evaluate` shows it.

    Args:
        values: scores.
        rows: development rows that there are; those without a score are not in the mean.
    """
    from gatekeeper.stats.intervals import estimate_mean

    by_item: dict[str, list[float]] = {}
    for (item_id, _), value in values.items():
        by_item.setdefault(item_id, []).extend([] if value is None else [value])
    means = [sum(several) / len(several) for several in by_item.values() if several]
    return estimate_mean(means, rows, len(by_item) - len(means))
