"""Verdicts with their rules, and promotions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.hashing import content_hash
from gatekeeper.records import Record, RuleResult, Verdict
from gatekeeper.store.durable import file_name
from gatekeeper.store.rows import from_json, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class StoredVerdict(Record):
    """A verdict with what it rests on."""

    run: str
    model: str = Field(description="fingerprint of the candidate")
    verdict: Verdict
    evidence_digest: str = Field(description="content hash of everything that the gate was given")
    decided_at: datetime


class Promotion(Record):
    """One promotion; a rollback is a promotion of an earlier artifact."""

    id: str
    suite_name: str
    suite: str
    run: str
    artifact: str
    replaced: str | None = Field(default=None, description="the artifact that was promoted before")
    threshold: float | None = Field(
        default=None, description="it answers where its confidence is at least this, the teacher elsewhere"
    )
    who: str
    why: str
    promoted_at: datetime


def insert_verdict(connection: DuckDBPyConnection, stored: StoredVerdict) -> int:
    """Insert a verdict and its rules; a run's verdict is final, a second one is left out. Returns the new verdicts."""
    verdict = stored.verdict
    row = {
        "run": stored.run,
        "candidate": verdict.candidate,
        "model": stored.model,
        "decision": verdict.decision,
        "sentence": verdict.sentence,
        "verdict": verdict.model_dump(mode="json"),
        "evidence_digest": stored.evidence_digest,
        "decided_at": stored.decided_at,
    }
    new = insert_rows(connection, "verdicts", [row])
    if new:
        insert_rows(connection, "rules", ({**dict(rule), "run": stored.run} for rule in verdict.rules))
    return new


def verdict_of(connection: DuckDBPyConnection, run: str) -> StoredVerdict | None:
    """Return the verdict of a run."""
    found = select(connection, "SELECT * FROM verdicts WHERE run = ?", [run])
    if not found:
        return None
    row = found[0]
    return StoredVerdict(
        run=row["run"],
        model=row["model"],
        verdict=Verdict.model_validate(from_json(row["verdict"])),
        evidence_digest=row["evidence_digest"],
        decided_at=row["decided_at"],
    )


def rules_of(connection: DuckDBPyConnection, run: str) -> list[RuleResult]:
    """Return the rules of a run's verdict as the table holds them, by rule."""
    rows = select(connection, "SELECT * EXCLUDE (run) FROM rules WHERE run = ? ORDER BY rule", [run])
    return [RuleResult(**row) for row in rows]


def record_promotion(
    connection: DuckDBPyConnection,
    *,
    suite_name: str,
    suite: str,
    run: str,
    artifact: str,
    who: str,
    why: str,
    threshold: float | None = None,
    at: datetime | None = None,
) -> Promotion:
    """Promote `artifact` for a suite name, on all traffic or where its confidence is at least `threshold`.

    Call `pointers.sync_pointers` after the transaction.

    When the same artifact of the same run is what is promoted already, that promotion is returned and nothing changes,
    so that a crash promotes once. Times never go backwards within one suite name, whatever the clock does.
    """
    file_name(suite_name, "suite name")
    earlier = promotions_of(connection, suite_name)
    last = earlier[0] if earlier else None
    if last is not None and (last.run, last.artifact) == (run, artifact):
        return last
    moment = at or datetime.now(UTC)
    if last is not None:
        moment = max(moment, last.promoted_at + timedelta(microseconds=1))
    replaced = None if last is None else last.artifact
    identity = {"suite_name": suite_name, "run": run, "artifact": artifact, "number": len(earlier) + 1}
    promotion = Promotion(
        id=content_hash(identity),
        suite_name=suite_name,
        suite=suite,
        run=run,
        artifact=artifact,
        replaced=replaced,
        threshold=threshold,
        who=who,
        why=why,
        promoted_at=moment,
    )
    insert_rows(connection, "promotions", [dict(promotion)])
    return promotion


def promotions_of(connection: DuckDBPyConnection, suite_name: str) -> list[Promotion]:
    """Return the promotions of a suite name, the newest, which is in force, first."""
    sql = "SELECT * FROM promotions WHERE suite_name = ? ORDER BY promoted_at DESC, id"
    return [Promotion(**row) for row in select(connection, sql, [suite_name])]
