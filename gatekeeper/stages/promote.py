"""Promote: record which artifact replaces the teacher from now on, then point to it."""

from __future__ import annotations

from gatekeeper.records import Verdict
from gatekeeper.run.session import Session
from gatekeeper.store.pointers import sync_pointers
from gatekeeper.store.verdicts import promotions_of, record_promotion

WHO = "loop"
"""Who promotes here, in the table `promotions`."""


def promote(session: Session, artifact: str, verdict: Verdict) -> None:
    """Record the promotion of the artifact, then make the pointer file say the same. Twice is once."""
    with session.store.write() as connection:
        earlier = promotions_of(connection, session.suite.name)
        # A run that is called again must not push aside what a later run has promoted.
        if not any((one.run, one.artifact, one.who) == (session.run, artifact, WHO) for one in earlier):
            record_promotion(
                connection,
                suite_name=session.suite.name,
                suite=session.fingerprint,
                run=session.run,
                artifact=artifact,
                who=WHO,
                why=verdict.sentence,
                threshold=verdict.threshold,
            )
    sync_pointers(session.store)
