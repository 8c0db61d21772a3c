"""Predictions, scores and results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gatekeeper.records import Estimate, Prediction, Record, Score, Split
from gatekeeper.store.rows import Row, insert_rows, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Result(Record):
    """One metric of one student in one round, on one split."""

    run: str
    round: int
    student: str
    split: Split
    model: str
    metric: str
    estimate: Estimate


def insert_predictions(connection: DuckDBPyConnection, suite: str, predictions: Iterable[Prediction]) -> int:
    """Insert predictions; returns the number of rows that are new or better.

    A prediction without an output (the model failed) gives way to a later one with an output, never the reverse.
    """
    return insert_rows(
        connection,
        "predictions",
        ({**vars(prediction), "suite": suite} for prediction in predictions),
        good=lambda row: _has(row, "output"),
        good_sql="old.output IS NOT NULL",
    )


def insert_scores(connection: DuckDBPyConnection, suite: str, scores: Iterable[Score]) -> int:
    """Insert scores; returns the number of rows that are new or better.

    A score without a value gives way to a later one with a value, never the reverse.
    """
    return insert_rows(
        connection,
        "scores",
        ({**vars(score), "suite": suite} for score in scores),
        good=lambda row: _has(row, "value"),
        good_sql="old.value IS NOT NULL",
    )


def predictions_of(
    connection: DuckDBPyConnection, suite: str, model: str, split: Split | None = None
) -> list[Prediction]:
    """Return a model's predictions on a suite (on one split), by item id; gate items included."""
    sql = """SELECT predictions.* FROM predictions JOIN items USING (suite, item_id)
             WHERE suite = $suite AND model = $model AND ($split IS NULL OR split = $split)
             ORDER BY item_id, sample_index"""
    rows = select(connection, sql, {"suite": suite, "model": model, "split": split})
    return [prediction_from_row(row) for row in rows]


def scores_of(
    connection: DuckDBPyConnection,
    suite: str,
    model: str,
    scorer: str | None = None,
    version: str | None = None,
    split: Split | None = None,
) -> list[Score]:
    """Return a model's scores on a suite (of one scorer, of one version, on one split), by item id; gate included."""
    sql = """SELECT scores.* FROM scores JOIN items USING (suite, item_id)
             WHERE suite = $suite AND model = $model AND ($scorer IS NULL OR scorer = $scorer)
             AND ($version IS NULL OR version = $version) AND ($split IS NULL OR split = $split)
             ORDER BY item_id, scorer, version, sample_index"""
    named = {"suite": suite, "model": model, "scorer": scorer, "version": version, "split": split}
    return [score_from_row(row) for row in select(connection, sql, named)]


def insert_results(connection: DuckDBPyConnection, results: Iterable[Result]) -> int:
    """Insert results; the newest of one (run, round, student, split, metric) wins. Returns the number of rows."""
    return insert_rows(connection, "results", (_result_row(result) for result in results), replace=True)


def results_of(
    connection: DuckDBPyConnection,
    run: str,
    *,
    split: Split | None = None,
    metric: str | None = None,
    student: str | None = None,
) -> list[Result]:
    """Return the results of a run, by round, student, split and metric."""
    sql = """SELECT * FROM results WHERE run = $run AND ($split IS NULL OR split = $split)
             AND ($metric IS NULL OR metric = $metric) AND ($student IS NULL OR student = $student)
             ORDER BY round, student, split, metric"""
    named = {"run": run, "split": split, "metric": metric, "student": student}
    return [_result(row) for row in select(connection, sql, named)]


def prediction_from_row(row: dict[str, Any]) -> Prediction:
    """Return the prediction of one row of the table `predictions`."""
    return Prediction(**{name: row[name] for name in Prediction.model_fields})


def score_from_row(row: dict[str, Any]) -> Score:
    """Return the score of one row of the table `scores`."""
    return Score(**{name: row[name] for name in Score.model_fields})


def _has(row: Row, name: str) -> bool:
    return row[name] is not None


def _result_row(result: Result) -> dict[str, Any]:
    row = dict(result)
    estimate: Estimate = row.pop("estimate")
    return {**row, **dict(estimate)}


def _result(row: dict[str, Any]) -> Result:
    estimate = Estimate(**{name: row.pop(name) for name in Estimate.model_fields})
    return Result(estimate=estimate, **row)
