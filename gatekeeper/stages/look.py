"""Look: spend one look at the gate split, and write down how it went. The loop learns one bit of it."""

from __future__ import annotations

from gatekeeper.errors import StoreError
from gatekeeper.records import RuleResult
from gatekeeper.run.candidate import Assessment, Candidate
from gatekeeper.run.session import Session
from gatekeeper.stats import spending
from gatekeeper.stats.spending import look_alphas
from gatekeeper.store.looks import Look, looks_of, reserve_look, settle_look


def planned_alphas(session: Session) -> tuple[float, ...]:
    """Return the error probability of each planned look; later looks get more, and they sum to alpha."""
    quality = session.suite.gates.quality
    return look_alphas(quality.alpha, quality.looks)


def next_alpha(session: Session) -> float | None:
    """Return the error probability that the next look would get, or None when the gate split is used up.

    Looks count over all runs and suites of the store.
    """
    with session.store.read() as connection:
        looks = looks_of(connection, session.items.gate_digest)
    return spending.next_alpha(planned_alphas(session), [look.alpha for look in looks])


def look_of(session: Session, candidate: Candidate) -> Look | None:
    """Return the look that this run has spent on `candidate` before it was interrupted, or None."""
    with session.store.read() as connection:
        looks = looks_of(connection, session.items.gate_digest)
    return next((look for look in looks if (look.run, look.model) == (session.run, candidate.model)), None)


def is_worth_a_look(session: Session, assessment: Assessment) -> bool:
    """Whether development results make a pass likely enough, and nothing else already stands in the way."""
    return assessment.affordable and assessment.pass_probability >= session.suite.gates.quality.look_when


def spend_look(session: Session, candidate: Candidate) -> Look | None:
    """Spend the next look on `candidate` before any gate row is read; None when all looks are spent."""
    with session.store.write() as connection:
        return reserve_look(
            connection,
            session.items.gate_digest,
            planned_alphas(session),
            run=session.run,
            round=candidate.round,
            student=candidate.student,
            model=candidate.model,
        )


def close_look(session: Session, look: Look, quality: RuleResult, *, passed: bool) -> None:
    """Settle a look with the joint outcome of its gate.

    Raises:
        StoreError: the look is settled with another outcome.
    """
    if quality.outcome != "pass" and passed:
        raise StoreError(f"look {look.look} cannot pass without the quality rule")
    with session.store.write() as connection:
        settle_look(connection, look, passed=passed, statistic=quality.value, bound=quality.bound)
