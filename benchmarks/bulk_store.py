"""A throwaway store that holds one suite with very many gate rows, and runs on it that wait for their verdict.

The rows go from arrays through Arrow and SQL into the tables, never through Python objects. What they hold is what the
loop would have written: items, both models' predictions and scores, a look, a measurement, the teacher's price. Only
the row keys of the gate ledger are made in SQL as well, where the loop hashes each normalised text.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from benchmarks.bulk_rows import LABELS, NO_LABEL, Kind, Rows, draw_rows
from gatekeeper import __version__
from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import price_requests
from gatekeeper.records import Estimate, Measurement, Usage
from gatekeeper.run.session import SUITE, TEACHER, TEACHER_COST, VERSIONS
from gatekeeper.scorers import ScorerSpec, build_scorer
from gatekeeper.stats.spending import look_alphas
from gatekeeper.store.connection import Store
from gatekeeper.store.events import Event, insert_events
from gatekeeper.store.looks import Look
from gatekeeper.store.rows import insert_rows
from gatekeeper.store.spend import insert_prices
from gatekeeper.store.suites import Run, StoredModel, StoredSuite, insert_models, insert_run, insert_suite
from gatekeeper.store.training import TrainingRun, insert_measurements, insert_training_runs
from gatekeeper.suite.spec import EvalSpec, SuiteSpec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FINGERPRINT, GATE, MODEL, TEACHER_MODEL = "b2:suite", "b2:gate", "b2:student", "b2:teacher"
EVAL, STUDENT, ALPHA, LOOKS = "requests", "linear", 0.05, 5
DEV = 2_000
RUNS = {"not shown to be below": False, "each shown to be above": True}
"""The runs of a store, with the value of `gates.slices.prove`."""
SCORER = build_scorer("exact", ScorerSpec.model_validate("exact"))

_PRICE = Price(
    model="example/teacher",
    input_per_m=Decimal(5),
    output_per_m=Decimal(25),
    source="made up for the benchmark",
    as_of=date(2026, 1, 1),
)


def build_store(path: Path, kind: Kind, n: int, seed: int) -> Rows:
    """Write a store with `n` gate rows and the runs of `RUNS`; return the gate rows as they were drawn."""
    rng = np.random.default_rng(seed)
    gate, dev = draw_rows(kind, n, rng), draw_rows(kind, DEV, rng)
    store = Store(path)
    with store.write() as connection:
        insert_suite(
            connection,
            StoredSuite(
                fingerprint=FINGERPRINT,
                name="bulk",
                spec=suite_spec(kind, prove=False),
                gate_digest=GATE,
                split_counts={"pool": n, "dev": DEV, "gate": n},
                duplicates={},
                registered_at=NOON,
            ),
        )
        insert_models(
            connection,
            [
                StoredModel(
                    fingerprint=TEACHER_MODEL, name="teacher", kind="replay", place="api", price_id=_PRICE.model
                ),
                StoredModel(fingerprint=MODEL, name=STUDENT, kind="linear", place="local"),
            ],
        )
        insert_prices(connection, [_PRICE])
        for split, rows in {"dev": dev, "gate": gate}.items():
            _insert_bulk(connection, split, rows)
        connection.execute(
            "INSERT INTO gate_rows SELECT $gate, 'b2:' || md5(text) FROM items WHERE split = 'gate'", {"gate": GATE}
        ).fetchall()
        for number, (run, prove) in enumerate(RUNS.items(), start=1):
            _insert_run(connection, run, kind, number, prove=prove)
    return gate


def suite_spec(kind: Kind, *, prove: bool) -> dict[str, Any]:
    """Return the suite as its file would have it."""
    return {
        "version": 1,
        "suite": "bulk",
        "evals": [_eval_spec(kind)],
        "teacher": {"model": "replay", "answers": {"jsonl": "answers.jsonl"}},
        "students": [{"name": STUDENT, "recipe": "linear"}],
        "traffic": {"requests_per_month": 500_000_000},
        "gates": {
            "quality": {"retention": 0.95, "looks": LOOKS, "confidence": 1 - ALPHA},
            "slices": {"by": ["region"], "min": 0.95, "prove": prove},
            "format": {"parses": 0.99},
            "latency": {"p95_ms": 50.0},
            "cost": {"reduction": 2.0, "payback_months": 6.0},
        },
    }


def _eval_spec(kind: Kind) -> dict[str, Any]:
    clusters = {"cluster": "thread"} if kind == "in clusters" else {}
    data = {"source": {"jsonl": "rows.jsonl"}, "input": "text", "target": "label", "slices": ["region"], **clusters}
    return {"version": 1, "eval": EVAL, "data": data, "task": {"labels": list(LABELS)}}


def _insert_bulk(connection: DuckDBPyConnection, split: str, rows: Rows) -> None:
    """Insert items, predictions and scores of one split."""
    failed = np.isnan(rows.teacher)
    table = pa.table(
        {
            "number": np.arange(rows.student.size),
            "student": rows.student,
            "teacher": pa.array(rows.teacher, mask=failed),
            "said": rows.said,
            "teacher_said": pa.array(rows.teacher_said, mask=failed),
            "target": rows.target,
            "confidence": rows.confidence,
            "region": rows.region,
            "cluster": rows.cluster,
        }
    )
    named = {
        "suite": FINGERPRINT,
        "split": split,
        "eval": EVAL,
        "model": MODEL,
        "teacher": TEACHER_MODEL,
        "scorer": SCORER.name,
        "version": SCORER.version,
        "labels": list(LABELS),
        "no_label": NO_LABEL,
    }
    connection.register("bulk", table)
    try:
        for statement in _BULK:
            used = {name: value for name, value in named.items() if f"${name}" in statement}
            connection.execute(statement, used).fetchall()
    finally:
        connection.unregister("bulk")


# Ids are as long, and in as random an order, as the content hashes that rows without an id of their own get.
_ID = "'b2:' || md5($split || number) AS item_id"
_BULK = (
    f"""INSERT INTO items (suite, item_id, eval, split, cluster_id, text, messages, target, slices)
        SELECT $suite, {_ID}, $eval, $split, 'thread ' || cluster, text, [['user', text]]::JSON, $labels[target + 1],
               MAP {{'region': 'region ' || region}}
        FROM (SELECT *, $split || ' request ' || number || ' of thread ' || cluster || ' in region ' || region AS text
              FROM bulk)""",
    f"""INSERT INTO predictions (suite, model, item_id, output, confidence, error_class, sample_index)
        SELECT $suite, $model, {_ID}, coalesce($labels[said + 1], $no_label), confidence, NULL, 0 FROM bulk""",
    f"""INSERT INTO predictions (suite, model, item_id, output, confidence, error_class, sample_index)
        SELECT $suite, $teacher, {_ID}, $labels[teacher_said + 1], NULL,
               CASE WHEN teacher IS NULL THEN 'timeout' END, 0 FROM bulk""",
    f"""INSERT INTO scores (suite, model, item_id, scorer, version, value, reason, sample_index)
        SELECT $suite, $model, {_ID}, $scorer, $version, student, NULL, 0 FROM bulk""",
    f"""INSERT INTO scores (suite, model, item_id, scorer, version, value, reason, sample_index)
        SELECT $suite, $teacher, {_ID}, $scorer, $version, teacher,
               CASE WHEN teacher IS NULL THEN 'timeout' END, 0 FROM bulk""",
)


def _insert_run(connection: DuckDBPyConnection, run: str, kind: Kind, look: int, *, prove: bool) -> None:
    """Insert a run that has spent look number `look`, up to the moment at which its verdict is derived."""
    suite, spec = suite_spec(kind, prove=prove), _eval_spec(kind)
    SuiteSpec.model_validate(suite)
    EvalSpec.model_validate(spec)
    cost = price_requests([Usage(input_tokens=400, output_tokens=8)], _PRICE)
    details: dict[str, dict[str, Any]] = {
        SUITE: {
            "suite": suite,
            "eval": spec,
            "others": [],
            "scorers": {f"{EVAL}/{SCORER.name}": SCORER.version},
            "labels": list(LABELS),
        },
        TEACHER: {"fingerprint": TEACHER_MODEL},
        TEACHER_COST: cost.model_dump(mode="json"),
        VERSIONS: {"gatekeeper": __version__},
    }
    insert_run(connection, Run(run=run, suite=FINGERPRINT, seed=0, started_at=NOON))
    events = [
        Event(run=run, seq=seq, kind=kind_of, detail=detail, at=NOON)
        for seq, (kind_of, detail) in enumerate(details.items(), start=1)
    ]
    insert_events(connection, events)
    insert_measurements(connection, run, [_measurement()])
    trained = TrainingRun(
        run=run, round=1, student=STUDENT, examples_digest="", recipe={}, seed=0, model=MODEL, n_examples=0
    )
    insert_training_runs(connection, [trained])
    spent = Look(
        gate_digest=GATE,
        look=look,
        alpha=look_alphas(ALPHA, LOOKS)[look - 1],
        run=run,
        round=1,
        student=STUDENT,
        model=MODEL,
        reserved_at=NOON,
    )
    insert_rows(connection, "looks", [dict(spent)])


def _measurement() -> Measurement:
    def estimate(value: float, spread: float) -> Estimate:
        return Estimate(
            value=value,
            lower=value * (1 - spread),
            upper=value * (1 + spread),
            confidence=0.95,
            n_expected=1_000,
            n_scored=1_000,
            n_failed=0,
        )

    return Measurement(
        model=MODEL,
        throughput_rps=estimate(5_000.0, 0.1),
        latency_p50_ms=2.0,
        latency_p95_ms=estimate(8.0, 0.2),
        batch_size=64,
        cores=2,
        machine="made up for the benchmark",
        measured_at=NOON,
    )
