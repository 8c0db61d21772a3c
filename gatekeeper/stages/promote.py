"""Promote: record which artifact replaces the teacher from now on, then point to it."""

from __future__ import annotations

from gatekeeper.run.session import Session
from gatekeeper.store.pointers import sync_pointers
from gatekeeper.store.verdicts import record_promotion


def promote(session: Session, artifact: str, why: str) -> None:
    """Record the promotion of the artifact, then make the pointer file say the same. Twice is once."""
    with session.store.write() as connection:
        record_promotion(
            connection,
            suite_name=session.suite.name,
            suite=session.fingerprint,
            run=session.run,
            artifact=artifact,
            who="loop",
            why=why,
        )
    sync_pointers(session.store)
