"""What a dossier needs from the store, read in one short connection in which nothing is computed or rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatekeeper.decide import Facts, facts_of
from gatekeeper.errors import InputError, StoreError
from gatekeeper.records import Quantity
from gatekeeper.run.session import SUITE
from gatekeeper.store.events import events_of
from gatekeeper.store.looks import Look
from gatekeeper.store.predictions import Result, results_of
from gatekeeper.store.rows import select
from gatekeeper.store.spend import costs_of
from gatekeeper.store.suites import Run, run_of
from gatekeeper.store.training import TrainingRun, training_runs_of
from gatekeeper.store.verdicts import StoredVerdict, verdict_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from gatekeeper.store.connection import Store

Row = dict[str, Any]

VERSIONS = "versions"
"""Kind of the event that holds the versions of the packages that the run used."""

JUDGED = """
SELECT items.item_id, items.text, items.target, items.slices, teacher.output AS teacher_output,
       student.output AS student_output, student.confidence, teacher_score.value AS teacher_value,
       student_score.value AS student_value
FROM items
LEFT JOIN predictions AS teacher ON (teacher.suite, teacher.item_id) = (items.suite, items.item_id)
     AND teacher.model = $teacher
LEFT JOIN predictions AS student ON (student.suite, student.item_id) = (items.suite, items.item_id)
     AND student.model = $student
LEFT JOIN scores AS teacher_score ON (teacher_score.suite, teacher_score.item_id) = (items.suite, items.item_id)
     AND teacher_score.model = $teacher AND teacher_score.scorer = $scorer AND teacher_score.version = $version
LEFT JOIN scores AS student_score ON (student_score.suite, student_score.item_id) = (items.suite, items.item_id)
     AND student_score.model = $student AND student_score.scorer = $scorer AND student_score.version = $version
WHERE items.suite = $suite AND items.split = $split
ORDER BY items.item_id"""
"""Both models side by side on one split, one row per item, with NULL where an answer or a score is missing."""

EXAMPLES = (
    """SELECT round, source, label, count(*) AS n FROM examples WHERE run = ? GROUP BY ALL ORDER BY n DESC, label"""
)
DROPPED = "SELECT round, reason, count(*) AS n FROM dropped WHERE run = ? GROUP BY ALL ORDER BY n DESC, reason"
SPENT = """
SELECT purpose, assumed, count(*) AS calls, sum(coalesce(settled, reserved)) AS usd,
       count(*) FILTER (state <> 'settled') AS unsettled
FROM spend WHERE run = ? GROUP BY ALL ORDER BY usd DESC, purpose"""
PRICES = """
SELECT model_id, source, as_of, input_per_m, output_per_m FROM prices WHERE model_id = ? ORDER BY as_of DESC, source"""


@dataclass(frozen=True)
class StoredRows:
    """The rows of one run's dossier.

    Attributes:
        version: of the scorer that decides.
        gate: empty when no look was spent on the candidate.
    """

    run: Run
    facts: Facts
    verdict: StoredVerdict
    version: str
    prompt: Any
    versions: Row
    training: list[TrainingRun]
    results: list[Result]
    measurements: dict[str, Row]
    costs: dict[str, Quantity]
    dev: list[Row]
    gate: list[Row]
    examples: list[Row]
    dropped: list[Row]
    spend: list[Row]
    prices: list[Row]

    @property
    def look(self) -> Look | None:
        """The look that this run spent on the candidate of the verdict."""
        wanted = (self.run.run, self.verdict.model)
        return next((one for one in self.facts.looks if (one.run, one.model) == wanted), None)


def read_rows(store: Store, run: str) -> StoredRows:
    """Read the rows of one run.

    Raises:
        InputError: there is no such run, or it has no verdict yet.
        StoreLockedError: another process writes for longer than the store waits.
    """
    with store.read() as connection:
        return _read(connection, run)


def _read(connection: DuckDBPyConnection, run: str) -> StoredRows:
    stored_run, verdict = run_of(connection, run), verdict_of(connection, run)
    if stored_run is None:
        raise InputError(f"there is no run {run!r} in the store", hint=_known_runs(connection))
    if verdict is None:
        raise InputError(
            f"run {run!r} has no verdict yet (it is {stored_run.state})",
            hint="run the same loop again: it continues where it stopped",
        )
    facts = facts_of(connection, run)
    version = _version(connection, facts)
    looked = any((look.run, look.model) == (run, verdict.model) for look in facts.looks)
    names = {
        "suite": facts.suite.fingerprint,
        "teacher": facts.teacher.fingerprint,
        "student": verdict.model,
        "scorer": facts.scorer,
        "version": version,
    }
    return StoredRows(
        run=stored_run,
        facts=facts,
        verdict=verdict,
        version=version,
        prompt=_detail(connection, run, SUITE).get("prompt"),
        versions=_detail(connection, run, VERSIONS),
        # round 0 is the head of a stand-in teacher, which is no candidate
        training=[one for one in training_runs_of(connection, run) if one.round > 0],
        results=results_of(connection, run),
        measurements=_by_model(connection, run),
        costs=costs_of(connection, run),
        dev=select(connection, JUDGED, names | {"split": "dev"}),
        gate=select(connection, JUDGED, names | {"split": "gate"}) if looked else [],
        examples=select(connection, EXAMPLES, [run]),
        dropped=select(connection, DROPPED, [run]),
        spend=select(connection, SPENT, [run]),
        prices=select(connection, PRICES, [facts.teacher.price_id]),
    )


def _known_runs(connection: DuckDBPyConnection) -> str:
    rows = select(connection, "SELECT run FROM runs ORDER BY started_at DESC LIMIT 5")
    return "runs in it: " + ", ".join(row["run"] for row in rows) if rows else "the store has no run: gatekeeper loop"


def _detail(connection: DuckDBPyConnection, run: str, kind: str) -> Row:
    """Return the detail of a run's last event of one kind, empty where there is none."""
    found = events_of(connection, run, kind)
    return dict(found[-1].detail) if found else {}


def _version(connection: DuckDBPyConnection, facts: Facts) -> str:
    """Return the version of the deciding scorer under which the teacher has the most scores."""
    rows = select(
        connection,
        """SELECT version, count(*) AS n FROM scores WHERE suite = ? AND model = ? AND scorer = ?
           GROUP BY version ORDER BY n DESC, version DESC""",
        [facts.suite.fingerprint, facts.teacher.fingerprint, facts.scorer],
    )
    if not rows:
        raise StoreError(f"run {facts.run!r} has no scores of its teacher", hint="run the same loop again")
    return str(rows[0]["version"])


def _by_model(connection: DuckDBPyConnection, run: str) -> dict[str, Row]:
    sql = """SELECT model, throughput_rps, latency_p50_ms, latency_p95_ms, machine, payload FROM measurements
             WHERE run = ? ORDER BY model"""
    return {row["model"]: row for row in select(connection, sql, [run])}
