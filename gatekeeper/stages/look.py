"""Look: spend one look at the gate split, and write down how it went. The loop learns one bit of it."""

from __future__ import annotations

from gatekeeper.errors import StoreError
from gatekeeper.records import RuleResult
from gatekeeper.run.candidate import Assessment, Candidate
from gatekeeper.run.judging import labels_of
from gatekeeper.run.sealing import seal_gate
from gatekeeper.run.session import Session
from gatekeeper.store.gate_budget import next_alpha_of
from gatekeeper.store.looks import Look, looks_of, reserve_look, settle_look


def next_alpha(session: Session) -> float | None:
    """Return the error probability that the next look would get, or None when the gate split is used up.

    Looks count over all runs and suites of the store, and over all splits that share rows with this one.
    """
    quality = session.suite.gates.quality
    with session.store.read() as connection:
        return next_alpha_of(
            connection, session.items.gate_digest, session.gate_row_keys(), quality.alpha, quality.looks
        )


def look_of(session: Session, candidate: Candidate) -> Look | None:
    """Return the look that this run has spent on `candidate` before it was interrupted, or None."""
    with session.store.read() as connection:
        looks = looks_of(connection, session.items.gate_digest)
    wanted = (session.run, candidate.model, candidate.threshold)
    return next((look for look in looks if (look.run, look.model, look.threshold) == wanted), None)


def looked_threshold(session: Session, candidate: Candidate) -> float | None:
    """Return the threshold with which this run has spent a look on the candidate as a student with a fallback."""
    with session.store.read() as connection:
        looks = looks_of(connection, session.items.gate_digest)
    own = (look for look in looks if (look.run, look.model) == (session.run, candidate.model))
    return next((look.threshold for look in own if look.threshold is not None), None)


def is_worth_a_look(session: Session, assessment: Assessment) -> bool:
    """Whether development results make a pass likely enough, and nothing else already stands in the way."""
    likely = assessment.pass_probability >= session.suite.gates.quality.look_when
    return assessment.affordable and likely and _can_correct(session)


def _can_correct(session: Session) -> bool:
    """Whether people have labelled as many gate rows as a result that a judge has scored needs to pass."""
    labels = labels_of(session.suite, session.split("gate"))
    return labels is None or not labels.missing


def spend_look(session: Session, candidate: Candidate) -> Look | None:
    """Spend the next look on `candidate` before any gate row is read, and seal the rules; None when none is left."""
    quality = session.suite.gates.quality
    with session.store.write() as connection:
        look = reserve_look(
            connection,
            session.items.gate_digest,
            session.gate_row_keys(),
            quality.alpha,
            quality.looks,
            run=session.run,
            round=candidate.round,
            student=candidate.student,
            model=candidate.model,
            threshold=candidate.threshold,
        )
        if look is not None:
            seal_gate(connection, session)
    return look


def close_look(session: Session, look: Look, quality: RuleResult, *, passed: bool, read: int | None) -> None:
    """Settle a look with the joint outcome of its gate; `read` is how many rows it read, None for all.

    Raises:
        StoreError: the look is settled with another outcome.
    """
    if quality.outcome != "pass" and passed:
        raise StoreError(f"look {look.look} cannot pass without the quality rule")
    with session.store.write() as connection:
        settle_look(connection, look, passed=passed, statistic=quality.value, bound=quality.bound, n_read=read)
