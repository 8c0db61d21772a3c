"""What a dossier needs from the store, read in one short connection in which nothing is computed or rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatekeeper.decide.facts import Facts, facts_of
from gatekeeper.errors import InputError, StoreError
from gatekeeper.records import Quantity
from gatekeeper.report.rows_gate import GateRows, read_gate
from gatekeeper.run.session import SUITE, VERSIONS
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

JUDGED = """
WITH judged AS (
    SELECT item_id, avg(value) FILTER (model = $teacher) AS teacher_value,
           avg(value) FILTER (model = $student) AS student_value
    FROM scores WHERE suite = $suite AND scorer = $scorer AND version = $version AND model IN ($teacher, $student)
    GROUP BY item_id)
SELECT items.item_id, items.text, items.target, teacher.output AS teacher_output, student.output AS student_output,
       student.confidence, teacher_value, student_value
FROM items LEFT JOIN judged USING (item_id)
LEFT JOIN predictions AS teacher ON (teacher.suite, teacher.item_id) = (items.suite, items.item_id)
     AND teacher.model = $teacher AND teacher.sample_index = 0
LEFT JOIN predictions AS student ON (student.suite, student.item_id) = (items.suite, items.item_id)
     AND student.model = $student AND student.sample_index = 0
WHERE items.suite = $suite AND items.split = 'dev' AND items.eval = $eval
ORDER BY items.item_id"""
"""Both models side by side on dev, one row per item: its first answers and its mean scores, NULL where one is missing.

Rows of the gate split are read as scores only (`rows_gate`), so that no text of them can get into a report."""

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
        dev: rows of the development split, with text.
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
    gate: GateRows
    examples: list[Row]
    dropped: list[Row]
    spend: list[Row]
    prices: list[Row]

    @property
    def look(self) -> Look | None:
        """The look that this run spent on the candidate of the verdict."""
        return self.gate.chosen.look


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
    # round 0 is the head of a stand-in teacher, which is no candidate
    training = [one for one in training_runs_of(connection, run) if one.round > 0]
    trained_in = next((one.round for one in training if one.model == verdict.model), 0)
    names = {
        "suite": facts.suite.fingerprint,
        "teacher": facts.teacher.fingerprint,
        "student": verdict.model,
        "scorer": facts.scorer,
        "version": version,
        "eval": facts.eval_spec.eval,
    }
    return StoredRows(
        run=stored_run,
        facts=facts,
        verdict=verdict,
        version=version,
        prompt=_detail(connection, run, SUITE).get("prompt"),
        versions=_detail(connection, run, VERSIONS),
        training=training,
        results=results_of(connection, run),
        measurements=_by_model(connection, run),
        costs=costs_of(connection, run),
        dev=select(connection, JUDGED, names),
        gate=read_gate(connection, facts, verdict, trained_in),
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
    """Return the version of the deciding scorer; in an old store, the one under which the teacher has most scores."""
    known = facts.versions.get(f"{facts.eval_spec.eval}/{facts.scorer}")
    if known is not None:
        return known
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
