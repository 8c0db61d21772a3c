"""Assess: what the development split, the clock and the bill say of a candidate, before the gate split is touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatekeeper.models.measure import measure
from gatekeeper.records import Estimate, Measurement
from gatekeeper.run.candidate import Candidate
from gatekeeper.run.machine import machine_name
from gatekeeper.run.session import Session
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.stats.paired import paired_counts, retention_binary
from gatekeeper.stats.power import probability_of_pass
from gatekeeper.store.predictions import Result, insert_results, results_of
from gatekeeper.store.training import insert_measurements, measurements_of

TEXTS_MEASURED = 2000


def dev_estimates(
    session: Session, candidate: Candidate, student: np.ndarray, teacher: np.ndarray, *, alpha: float | None
) -> tuple[Estimate, float]:
    """Estimate retention on the development split and the chance that one look at the gate split passes.

    What an interrupted run has stored is returned as it is: its chance belongs to the look that was next then.
    Items without a teacher score are left out here and counted as failed; the gate is stricter.

    Args:
        student: scores, shape (n,), NaN where there is none.
        teacher: the same for the teacher.
        alpha: error probability of the next look; None when all looks are spent, and then the chance is 0.

    Returns:
        (retention with its interval at the suite's whole alpha, chance in [0, 1]). Both are stored as results.
    """
    known = _stored(session, candidate)
    if known is not None:
        return known
    quality = session.suite.gates.quality
    scored = np.isfinite(student) & np.isfinite(teacher)
    failed = int((~scored).sum())
    right, reference = student[scored] > 0.5, teacher[scored] > 0.5
    retention = retention_binary(right, reference, alpha=quality.alpha, n_failed=failed)
    chance = 0.0
    if alpha is not None and scored.any():
        chance = probability_of_pass(
            paired_counts(right, reference),
            len(session.split("gate")),
            quality.retention,
            alpha,
            session.rng("pass probability", candidate.round, candidate.student),
        )
    total = len(student)
    estimates = {
        "retention": retention,
        "accuracy": estimate_mean(right.astype(float), total, failed),
        "teacher_accuracy": estimate_mean(reference.astype(float), total, failed),
        "pass_probability": Estimate(
            value=chance,
            method="posterior predictive of one look",
            n_expected=total,
            n_scored=total - failed,
            n_failed=failed,
        ),
    }
    _store(session, candidate, estimates)
    return retention, chance


def _stored(session: Session, candidate: Candidate) -> tuple[Estimate, float] | None:
    with session.store.read() as connection:
        rows = results_of(connection, session.run, split="dev", student=candidate.student)
    found = {row.metric: row.estimate for row in rows if row.round == candidate.round and row.model == candidate.model}
    if not {"retention", "pass_probability"} <= found.keys():
        return None
    return found["retention"], found["pass_probability"].value or 0.0


def _store(session: Session, candidate: Candidate, estimates: dict[str, Estimate]) -> None:
    results = [
        Result(
            run=session.run,
            round=candidate.round,
            student=candidate.student,
            split="dev",
            model=candidate.model,
            metric=metric,
            estimate=estimate,
        )
        for metric, estimate in estimates.items()
    ]
    with session.store.write() as connection:
        insert_results(connection, results)


def measured(session: Session, candidate: Candidate) -> Measurement:
    """Return the candidate's speed on this machine, measured once per run over distinct texts of the pool."""
    with session.store.read() as connection:
        known = measurements_of(connection, session.run)
    if candidate.model in known:
        return known[candidate.model]
    result = measure(
        candidate.classifier,
        sample_texts(session),
        seed=session.seed,
        machine=machine_name(),
        name=candidate.model,
    )
    with session.store.write() as connection:
        insert_measurements(connection, session.run, [result])
    return result


def sample_texts(session: Session) -> Sequence[str]:
    """Return distinct texts of the suite's own lengths for measuring speed, drawn from the pool."""
    pool = session.split("pool")
    chosen = session.rng("texts to measure").permutation(len(pool))[:TEXTS_MEASURED]
    return [pool[index].text for index in sorted(chosen)]
