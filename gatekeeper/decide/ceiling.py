"""The teacher as a ceiling on the development split, read from the store. No gate row is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.facts import Facts, gold_of
from gatekeeper.decide.judging import judge_against_people
from gatekeeper.gate.ceiling import NO_ANSWER, Ceiling, CeilingRows, ceiling_of_rows
from gatekeeper.records import Prediction
from gatekeeper.scorers import Exact, build_scorer
from gatekeeper.stats.agreement import JudgeRates
from gatekeeper.store.predictions import predictions_of, scores_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TARGETS = "SELECT item_id, target FROM items WHERE suite = ? AND split = 'dev' AND eval = ? ORDER BY item_id"


def ceiling_of(
    connection: DuckDBPyConnection,
    facts: Facts,
    student: str | None = None,
    *,
    retention: float | None = None,
    judge: JudgeRates | None = None,
) -> Ceiling | None:
    """Return what the development split says of the teacher of a run.

    Args:
        student: fingerprint of the model that is compared with it; None for the teacher alone.
        retention: share of the teacher's quality that is asked for; the run's own by default.
        judge: rates of a judge model against people, where one scores; those on the development split by default.

    Returns:
        None when the teacher has not answered any development row yet.
    """
    rows = rows_of(connection, facts, student)
    if rows is None:
        return None
    asked = facts.requirement.retention if retention is None else retention
    against = judge_against_people(connection, facts) if judge is None else None
    return ceiling_of_rows(rows, asked, judge=judge if against is None else against.rates)


def rows_of(connection: DuckDBPyConnection, facts: Facts, student: str | None) -> CeilingRows | None:
    """Return the answers to development rows as arrays, in the order of item ids; None without any of the teacher.

    Where a judge decides, these are the rows that people have labelled, scored by their answers.
    """
    found = connection.execute(_TARGETS, [facts.suite.fingerprint, facts.eval_spec.eval]).fetchall()
    found = [(item_id, target) for item_id, target in found if facts.people is None or target is not None]
    places = {item_id: place for place, (item_id, _) in enumerate(found)}
    normalize = _normalizer(facts)
    asked = _answers(connection, facts, facts.teacher.fingerprint, places)
    if not asked:
        return None
    k = 1 + max(one.sample_index for one in asked)
    teacher: list[list[str | None]] = [[None] * k for _ in places]
    for one in asked:
        teacher[places[one.item_id]][one.sample_index] = _normal(one, normalize)
    targets = None
    if not facts.fidelity:
        targets = [NO_ANSWER if target is None else normalize(target) for _, target in found]
    scores = _scores(connection, facts, facts.teacher.fingerprint, places, k)
    if student is None:
        return CeilingRows(targets, teacher, scores)
    own: list[str | None] = [None] * len(places)
    for one in _answers(connection, facts, student, places):
        if one.sample_index == 0:
            own[places[one.item_id]] = _normal(one, normalize)
    return CeilingRows(targets, teacher, scores, own, _scores(connection, facts, student, places, 1)[:, 0])


def _answers(connection: DuckDBPyConnection, facts: Facts, model: str, places: Collection[str]) -> Sequence[Prediction]:
    found = predictions_of(connection, facts.suite.fingerprint, model, "dev")
    return [one for one in found if one.item_id in places]


def _scores(
    connection: DuckDBPyConnection, facts: Facts, model: str, places: dict[str, int], k: int
) -> NDArray[np.float64]:
    """Return the scores of k samples of each row, shape (n, k), NaN where there is none."""
    scorer = gold_of(facts.eval_spec)
    version = facts.versions.get(f"{facts.eval_spec.eval}/{scorer}")
    table = np.full((len(places), k), np.nan)
    for score in scores_of(connection, facts.suite.fingerprint, model, scorer, version, "dev"):
        if score.value is not None and score.sample_index < k:
            table[places[score.item_id], score.sample_index] = score.value
    return table


def _normalizer(facts: Facts) -> Callable[[str], str]:
    """Return how the scorer that rests on right answers sees a text, so that labels are compared as it does."""
    name = gold_of(facts.eval_spec)
    scorer = build_scorer(name, facts.eval_spec.scorers[name])
    return scorer.normalize if isinstance(scorer, Exact) else str


def _normal(prediction: Prediction, normalize: Callable[[str], str]) -> str | None:
    """Return the answer, "" when the model gave none, None when the request failed."""
    if prediction.error_class is not None:
        return None
    return NO_ANSWER if prediction.output is None else normalize(prediction.output)
