"""What a signature under a verdict says: the verdict, and the digests of everything that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatekeeper import __version__
from gatekeeper.errors import StoreError
from gatekeeper.hashing import content_hash
from gatekeeper.run.session import INPUTS
from gatekeeper.store.events import events_of
from gatekeeper.store.seals import rules_in_force
from gatekeeper.store.suites import run_of, suite_of
from gatekeeper.store.verdicts import verdict_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def statement_of(connection: DuckDBPyConnection, run: str) -> dict[str, Any]:
    """Return the statement about the verdict of `run`, in JSON values. The same store gives the same statement.

    Raises:
        StoreError: the run does not exist or has no verdict yet.
    """
    stored_run, stored = run_of(connection, run), verdict_of(connection, run)
    suite = suite_of(connection, stored_run.suite) if stored_run else None
    if stored is None or suite is None:
        raise StoreError(f"the run {run!r} has no verdict yet", hint="run the same loop again to continue it")
    rules = rules_in_force(connection, suite.gate_digest)
    amendments = [] if rules is None else [one for one in rules.amendments if one.at <= stored.decided_at]
    inputs = events_of(connection, run, INPUTS)
    return {
        "format": "gatekeeper verdict 1",
        "run": run,
        "suite": suite.name,
        "decision": stored.verdict.decision,
        "candidate": stored.verdict.candidate,
        "threshold": stored.verdict.threshold,
        "model": stored.model,
        "decided_at": stored.decided_at.isoformat(),
        "verdict_digest": content_hash(stored.verdict.model_dump(mode="json")),
        "evidence_digest": stored.evidence_digest,
        "suite_fingerprint": suite.fingerprint,
        "gate_digest": suite.gate_digest,
        "seal_digest": None if rules is None else rules.seal.digest,
        "amendment_digests": [one.digest for one in amendments],
        "inputs": inputs[-1].detail["files"] if inputs else {},
        "signed_with": __version__,
    }


def statement_changes(signed: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return the parts of a signed statement that the store does not bear out any more."""
    ignored = {"signed_with"}  # another version may check
    keys = sorted((signed.keys() | now.keys()) - ignored)
    return [key for key in keys if signed.get(key) != now.get(key)]
