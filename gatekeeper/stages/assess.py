"""Assess: what the development split, the clock and the bill say of a candidate, before the gate split is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gatekeeper.gate.blend import BlendChoice, choose_blend
from gatekeeper.gate.forecast import chance_to_pass, complete_rows
from gatekeeper.gate.retention import PairedScores, dev_retention
from gatekeeper.models.measure import measure
from gatekeeper.records import Estimate, Measurement
from gatekeeper.run.candidate import Candidate
from gatekeeper.run.machine import machine_name
from gatekeeper.run.session import Session
from gatekeeper.stats.intervals import estimate_mean
from gatekeeper.store.predictions import Result, insert_results, results_of
from gatekeeper.store.training import insert_measurements, measurements_of

TEXTS_MEASURED = 2000
_LOOSELY: dict[str, int] = {"answers": 200, "runs": 1}
"""How latency is measured where no rule rests on it: as information, in a fraction of the time."""
FALLBACK = "fallback."
"""Begins the names of results of a student with the teacher as its fallback."""

Estimates = tuple[Estimate, float]
"""Retention, and the chance to pass a look."""


def dev_estimates(session: Session, candidate: Candidate, dev: PairedScores, *, alpha: float | None) -> Estimates:
    """Estimate retention on the development split and the chance that one look at the gate split passes.

    What an interrupted run has stored is returned as it is: its chance belongs to the look that was next then.
    Items without a teacher score are left out here and counted as failed; the gate is stricter.

    Args:
        dev: scores of what would answer, the student or the student with its fallback.
        alpha: error probability of the next look; None when all looks are spent, and then the chance is 0.

    Returns:
        (retention with its interval at the suite's whole alpha, chance in [0, 1]). Both are stored as results.
    """
    known = _stored(session, candidate)
    if known is not None:
        return known
    quality = session.suite.gates.quality
    retention = dev_retention(dev, quality.alpha)
    rows = complete_rows(dev)
    rng = session.rng("pass probability", candidate.round, candidate.student)
    gate = len(session.split("gate"))
    chance = 0.0 if alpha is None else chance_to_pass(dev, gate, quality.retention, alpha, rng)
    total, failed = dev.n_expected, dev.n_expected - rows.n_expected
    _store(
        session,
        candidate,
        {
            "retention": retention,
            "accuracy": estimate_mean(rows.student, total, failed),
            "teacher_accuracy": estimate_mean(rows.teacher, total, failed),
            "pass_probability": Estimate(
                value=chance,
                method="posterior predictive of one look",
                n_expected=total,
                n_scored=total - failed,
                n_failed=failed,
            ),
        },
    )
    return retention, chance


def choose_part(
    session: Session, candidate: Candidate, dev: PairedScores, confidence: NDArray[np.float64], alpha: float | None
) -> BlendChoice:
    """Choose the part of the traffic that the candidate could take over, on the development split.

    Args:
        dev: the student's and the teacher's scores, shape (n,). Rows on which the teacher failed are left out here;
            the gate is stricter.
        confidence: the student's, shape (n,), NaN where unknown.
        alpha: error probability of the next look; None when all looks are spent.
    """
    partial, quality = session.suite.partial, session.suite.gates.quality
    assert partial is not None
    rows = complete_rows(dev)
    rng_of = ("part of the traffic", candidate.round, candidate.student)

    def chance(scores: NDArray[np.float64]) -> float:
        if alpha is None:
            return 0.0
        gate = len(session.split("gate"))
        return chance_to_pass(replace(rows, student=scores), gate, quality.retention, alpha, session.rng(*rng_of))

    return choose_blend(
        rows.student,
        rows.teacher,
        confidence[np.isfinite(dev.student) & np.isfinite(dev.teacher)],
        r0=quality.retention,
        delta=partial.delta,
        max_teacher_share=partial.max_teacher_share,
        clusters=rows.clusters,
        chance=chance,
        least_chance=quality.look_when,
    )


def _name(candidate: Candidate, metric: str) -> str:
    """Return the name of a result: a student with a fallback has results of its own."""
    return metric if candidate.threshold is None else f"{FALLBACK}{metric}"


def _stored(session: Session, candidate: Candidate) -> Estimates | None:
    with session.store.read() as connection:
        rows = results_of(connection, session.run, split="dev", student=candidate.student)
    found = {row.metric: row.estimate for row in rows if row.round == candidate.round and row.model == candidate.model}
    retention, chance = (found.get(_name(candidate, metric)) for metric in ("retention", "pass_probability"))
    return None if retention is None or chance is None else (retention, chance.value or 0.0)


def _store(session: Session, candidate: Candidate, estimates: dict[str, Estimate]) -> None:
    results = [
        Result(
            run=session.run,
            round=candidate.round,
            student=candidate.student,
            split="dev",
            model=candidate.model,
            metric=_name(candidate, metric),
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
    latency = session.suite.gates.latency
    result = measure(
        candidate.classifier,
        sample_texts(session),
        seed=session.seed,
        machine=machine_name(),
        name=candidate.model,
        **_LOOSELY if latency is None else {"concurrency": latency.concurrency},
    )
    with session.store.write() as connection:
        insert_measurements(connection, session.run, [result])
    return result


def sample_texts(session: Session) -> Sequence[str]:
    """Return distinct texts of the suite's own lengths for measuring speed, drawn from the pool."""
    pool = session.split("pool")
    chosen = session.rng("texts to measure").permutation(len(pool))[:TEXTS_MEASURED]
    return [pool[index].text for index in sorted(chosen)]
