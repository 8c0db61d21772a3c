"""Evaluate: teacher, baselines and trained students side by side on the development split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import facts_of
from gatekeeper.decide.scores import dev_scores
from gatekeeper.errors import InputError
from gatekeeper.gate.retention import PairedScores, dev_retention
from gatekeeper.models import load_classifier
from gatekeeper.records import Estimate, Record
from gatekeeper.run.session import Session
from gatekeeper.stages import baselines, evaluate
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.store.artifacts import open_artifact
from gatekeeper.store.training import training_runs_of


class Standing(Record):
    """One model on the development split. `retention` is None for the teacher itself, `round` for what was not trained
    here: teacher and baselines."""

    name: str
    round: int | None
    model: str
    accuracy: Estimate
    retention: Estimate | None


def evaluate_students(session: Session, names: Sequence[str] = ()) -> list[Standing]:
    """Return teacher, baselines and the run's trained students (those in `names`, else all) on the development split.

    Raises:
        InputError: a name that is not a trained student of this run.
    """
    with session.store.read() as connection:
        trained = [one for one in training_runs_of(connection, session.run) if one.round > 0]
    unknown = sorted(set(names) - {one.student for one in trained})
    if unknown or not trained:
        have = ", ".join(sorted({one.student for one in trained})) or "none"
        raise InputError(
            f"no trained student {', '.join(unknown) or 'at all'} in run {session.run} (trained: {have})",
            hint=f"train with `gatekeeper loop {session.suite.path}` on this store first",
        )
    rows = session.split("dev")
    evaluate.evaluate_teacher(session, rows, "teacher on dev")
    baselines.evaluate_baselines(session)
    standings: list[Standing] = []
    for one in trained:
        if names and one.student not in names:
            continue
        classifier = load_classifier(open_artifact(session.store, one.model))
        evaluate.evaluate_student(session, one.model, classifier, rows)
        with session.store.read() as connection:
            chosen = Chosen(one.student, one.round, one.model, None)
            scores = dev_scores(connection, facts_of(connection, session.run), chosen)
        if not standings:
            standings += [_teacher(session, scores), *_baselines(session)]
        standings.append(_standing(session, chosen, scores, one.round))
    return standings


def _teacher(session: Session, scores: PairedScores) -> Standing:
    info = session.teacher.info
    return Standing(
        name=info.name, round=None, model=info.fingerprint, accuracy=_accuracy(scores.teacher), retention=None
    )


def _baselines(session: Session) -> list[Standing]:
    """Return each baseline; it has no round, since it was not trained here."""
    with session.store.read() as connection:
        facts = facts_of(connection, session.run)
        chosen = [Chosen(one.name, 0, one.model, None) for one in facts.baselines]
        return [_standing(session, one, dev_scores(connection, facts, one), None) for one in chosen]


def _standing(session: Session, chosen: Chosen, scores: PairedScores, round_number: int | None) -> Standing:
    return Standing(
        name=chosen.student,
        round=round_number,
        model=chosen.model,
        accuracy=_accuracy(scores.student),
        retention=dev_retention(scores, session.suite.gates.quality.alpha),
    )


def _accuracy(scores: NDArray[np.float64]) -> Estimate:
    scored = np.isfinite(scores)
    return estimate_mean(scores[scored], len(scores), int((~scored).sum()))
