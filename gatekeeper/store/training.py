"""Examples and what was left out, training runs, artifacts and measurements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gatekeeper.records import Example, Measurement, Record
from gatekeeper.store.rows import from_json, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Dropped(Record):
    """One item that curation left out."""

    run: str
    item_id: str
    reason: str
    round: int


class TrainingRun(Record):
    """One fit of one student."""

    run: str
    round: int
    student: str
    examples_digest: str
    recipe: Any = Field(description="the recipe with all its parameters, JSON-like")
    seed: int
    model: str = Field(description="fingerprint of the fitted model")
    artifact: str | None = Field(default=None, description="digest of the stored weights")
    n_examples: int
    seconds: float | None = None


class Artifact(Record):
    """One folder of weights, named by its digest."""

    digest: str
    kind: str
    files: dict[str, str] = Field(description="relative name of each file to its digest")
    bytes: int
    created_at: datetime


def insert_examples(connection: DuckDBPyConnection, run: str, examples: Iterable[Example]) -> int:
    """Insert examples; one that the run has already keeps its round. Returns the number of new rows."""
    return insert_rows(connection, "examples", (_example_row(run, example) for example in examples))


def examples_of(connection: DuckDBPyConnection, run: str, up_to_round: int | None = None) -> list[Example]:
    """Return the examples of a run (up to and with a round), by round and example id."""
    sql = "SELECT * FROM examples WHERE run = $run AND ($last IS NULL OR round <= $last) ORDER BY round, example_id"
    return [_example(row) for row in select(connection, sql, {"run": run, "last": up_to_round})]


def insert_dropped(connection: DuckDBPyConnection, dropped: Iterable[Dropped]) -> int:
    """Insert what curation left out; returns the number of new rows."""
    return insert_rows(connection, "dropped", (dict(row) for row in dropped))


def dropped_of(connection: DuckDBPyConnection, run: str) -> list[Dropped]:
    """Return what curation left out in a run, by round and item id."""
    rows = select(connection, "SELECT * FROM dropped WHERE run = ? ORDER BY round, item_id", [run])
    return [Dropped(**row) for row in rows]


def insert_training_runs(connection: DuckDBPyConnection, training_runs: Iterable[TrainingRun]) -> int:
    """Insert training runs; returns the number of new rows."""
    return insert_rows(connection, "training_runs", (dict(row) for row in training_runs))


def training_runs_of(
    connection: DuckDBPyConnection, run: str, *, round: int | None = None, student: str | None = None
) -> list[TrainingRun]:
    """Return the training runs of a run (of one round, of one student), by round and student."""
    sql = """SELECT * FROM training_runs WHERE run = $run AND ($round IS NULL OR round = $round)
             AND ($student IS NULL OR student = $student) ORDER BY round, student"""
    rows = select(connection, sql, {"run": run, "round": round, "student": student})
    return [TrainingRun(**{**row, "recipe": from_json(row["recipe"])}) for row in rows]


def insert_artifacts(connection: DuckDBPyConnection, artifacts: Iterable[Artifact]) -> int:
    """Insert the rows of stored artifacts; returns the number of new rows."""
    return insert_rows(connection, "artifacts", (dict(artifact) for artifact in artifacts))


def artifact_of(connection: DuckDBPyConnection, digest: str) -> Artifact | None:
    """Return the row of one artifact."""
    found = select(connection, "SELECT * FROM artifacts WHERE digest = ?", [digest])
    return Artifact(**{**found[0], "files": from_json(found[0]["files"])}) if found else None


def insert_measurements(connection: DuckDBPyConnection, run: str, measurements: Iterable[Measurement]) -> int:
    """Insert measurements; the newest of one (run, model) wins. Returns the number of rows."""
    return insert_rows(connection, "measurements", (_measured_row(run, one) for one in measurements), replace=True)


def measurements_of(connection: DuckDBPyConnection, run: str) -> dict[str, Measurement]:
    """Return the measurements of a run, by model fingerprint."""
    rows = select(connection, "SELECT model, payload FROM measurements WHERE run = ? ORDER BY model", [run])
    return {row["model"]: Measurement.model_validate_json(row["payload"]) for row in rows}


def _example_row(run: str, example: Example) -> dict[str, Any]:
    row = dict(example)
    return {**row, "run": run, "example_id": row.pop("id")}


def _example(row: dict[str, Any]) -> Example:
    same = {name: row[name] for name in ("item_id", "text", "label", "source", "round")}
    return Example(id=row["example_id"], distribution=from_json(row["distribution"]), **same)


def _measured_row(run: str, measurement: Measurement) -> dict[str, Any]:
    return {
        "run": run,
        "model": measurement.model,
        "payload": measurement.model_dump(mode="json"),
        "throughput_rps": measurement.throughput_rps.value,
        "latency_p50_ms": measurement.latency_p50_ms,
        "latency_p95_ms": measurement.latency_p95_ms.value,
        "machine": measurement.machine,
        "measured_at": measurement.measured_at,
    }
