"""Scores of a candidate and the teacher, read from the store as arrays: one row per item, in one order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import Facts, people_of, primary_of
from gatekeeper.gate.retention import HumanScores, PairedScores
from gatekeeper.records import Split
from gatekeeper.stats.coverage import accepted, blend_scores
from gatekeeper.suite.spec import EvalSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class ItemScores:
    """Scores on the rows of one split of one eval.

    Attributes:
        student: shape (n,), in [0, 1], NaN where there is no score.
        teacher: the same for the teacher.
        confidence: of the student's answer, shape (n,), NaN where unknown.
        clusters: shape (n,), numbers; None where the eval has no clusters.
        human: people's scores of the rows that have them, where a judge decides; None where none does.
    """

    student: NDArray[np.float64]
    teacher: NDArray[np.float64]
    confidence: NDArray[np.float64]
    clusters: NDArray[np.int64] | None
    human: HumanScores | None = None


@dataclass(frozen=True)
class RowOrder:
    """The rows of one split of one eval, and the order in which they are judged.

    Attributes:
        spec: the eval.
        split: its split.
        size: how many rows these are.
        places: shape (rows of the table `items`,), by their rowid: the row's place, -1 for one that is not among them.
    """

    spec: EvalSpec
    split: Split
    size: int
    places: NDArray[np.int32]

    def arrange(self, rows: NDArray[np.int64], values: NDArray[Any], absent: float) -> NDArray[Any]:
        """Return one value per row in this order.

        Args:
            rows: shape (k,), rowids in the table `items`, none of them twice.
            values: shape (k,), the value of each.
            absent: what stands where a row has no value.
        """
        places = self.places[rows]
        found = places >= 0
        arranged = np.full(self.size, absent, dtype=values.dtype)
        arranged[places[found]] = values[found]
        return arranged


# The tables are joined one at a time to the ids of the items and nothing else is sorted or grouped, so that a million
# rows take seconds, and memory stays far below what the texts would take.
_ROWS = "FROM items WHERE suite = $suite AND split = $split AND eval = $eval"
_JOINED = f"SELECT row, value FROM ({{source}}) JOIN (SELECT rowid AS row, item_id {_ROWS}) USING (item_id)"
_OF_MODEL = "FROM scores WHERE suite = $suite AND scorer = $scorer AND model = $model"
_SCORES = f"SELECT item_id, value {_OF_MODEL} AND version = $version"
# A sample of an answer is a row of its own; its item counts once, with the mean of its samples.
_MEANS = f"""SELECT item_id, avg(value ORDER BY version, sample_index) AS value {_OF_MODEL}
             AND ($version IS NULL OR version = $version) GROUP BY item_id"""
_CONFIDENCES = """SELECT item_id, confidence AS value FROM predictions
                  WHERE suite = $suite AND model = $model AND sample_index = 0"""
_CODES = f"""SELECT rowid AS row, code FROM items
             JOIN (SELECT unnest($names) AS name, unnest(range(len($names))) AS code) ON name = slices[$column]
             {_ROWS.removeprefix("FROM items ")}"""


def row_order(
    connection: DuckDBPyConnection,
    facts: Facts,
    split: Split,
    *,
    eval_name: str | None = None,
    first: int | None = None,
) -> RowOrder:
    """Return the order of the rows of a split: by id, as sums of floats depend on it in their last digits.

    Args:
        eval_name: the eval; the one that decides by default.
        first: only the rows that a look reads first, as many, in the order in which it reads them. That depends on the
            split alone, so that every look reads the same rows first. All rows by default.
    """
    spec = facts.eval_named(eval_name or facts.eval_spec.eval)
    wanted, named = _wanted(facts, spec, split, first)
    by_id = " ORDER BY item_id" if first is None else ""
    rows = _fetch(connection, f"SELECT rowid AS row {wanted}{by_id}", named)["row"]
    last = connection.execute("SELECT coalesce(max(rowid), -1) FROM items").fetchall()[0][0]
    places = np.full(last + 1, -1, dtype=np.int32)
    places[rows] = np.arange(rows.size, dtype=np.int32)
    return RowOrder(spec, split, rows.size, places)


def scores_of_items(
    connection: DuckDBPyConnection,
    facts: Facts,
    model: str,
    split: Split,
    *,
    eval_name: str | None = None,
    first: int | None = None,
    order: RowOrder | None = None,
) -> ItemScores:
    """Return the scores of `model` and of the teacher.

    Args:
        model: fingerprint of the student.
        split: of the eval.
        eval_name: the eval; the one that decides by default.
        first: only the rows that a look reads first, as many; all by default.
        order: of these rows, where the caller has it already.
    """
    if order is None:
        order = row_order(connection, facts, split, eval_name=eval_name, first=first)
    decides, people = primary_of(order.spec), people_of(order.spec)
    pair = (model, facts.teacher.fingerprint)
    student, teacher = (_scores(connection, facts, order, one, decides) for one in pair)
    return ItemScores(
        student=student,
        teacher=teacher,
        confidence=_joined(connection, facts, order, _CONFIDENCES, {"model": model}),
        clusters=None if order.spec.data.cluster is None else _clusters(connection, facts, order),
        human=None
        if people is None
        else HumanScores(*(_scores(connection, facts, order, one, people) for one in pair)),
    )


def _scores(
    connection: DuckDBPyConnection, facts: Facts, order: RowOrder, model: str, scorer: str
) -> NDArray[np.float64]:
    named = {"model": model, "scorer": scorer, "version": facts.versions.get(f"{order.spec.eval}/{scorer}")}
    several = connection.execute(
        f"SELECT coalesce(max(sample_index), 0) > 0 {_OF_MODEL}",
        {"suite": facts.suite.fingerprint, "scorer": scorer, "model": model},
    ).fetchall()[0][0]
    source = _MEANS if several or named["version"] is None else _SCORES
    return _joined(connection, facts, order, source, named)


def _joined(
    connection: DuckDBPyConnection, facts: Facts, order: RowOrder, source: str, named: dict[str, Any]
) -> NDArray[np.float64]:
    """Return the values of a query for (item_id, value) in `order`; NaN where there is none."""
    found = _fetch(connection, _JOINED.format(source=source), _named(facts, order.spec, order.split) | named)
    return order.arrange(found["row"], _floats(found["value"]), math.nan)


def _clusters(connection: DuckDBPyConnection, facts: Facts, order: RowOrder) -> NDArray[np.int64]:
    sql = f"SELECT rowid AS row, dense_rank() OVER (ORDER BY cluster_id) AS cluster {_ROWS}"
    found = _fetch(connection, sql, _named(facts, order.spec, order.split))
    return order.arrange(found["row"], found["cluster"], -1)


def slice_codes(
    connection: DuckDBPyConnection,
    facts: Facts,
    column: str,
    *,
    first: int | None = None,
    order: RowOrder | None = None,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return which slice each gate row is in, shape (n,), as an index into the names; -1 where it is in none.

    The names are those of the whole split. Other arguments are as in `scores_of_items`.
    """
    if order is None:
        order = row_order(connection, facts, "gate", first=first)
    named = _named(facts, order.spec, order.split) | {"column": column}
    sql = f"SELECT DISTINCT slices[$column] AS name {_ROWS} AND slices[$column] IS NOT NULL ORDER BY name"
    names = [str(name) for (name,) in connection.execute(sql, named).fetchall()]
    found = _fetch(connection, _CODES, named | {"names": names})
    return order.arrange(found["row"], found["code"], -1), tuple(names)


def outputs_of_items(
    connection: DuckDBPyConnection, facts: Facts, model: str, *, first: int | None = None
) -> dict[str | None, int]:
    """Return how often the student gave each answer to gate rows; None where it gave none."""
    wanted, named = _wanted(facts, facts.eval_spec, "gate", first)
    rows = connection.execute(
        f"""SELECT p.output, count(*) FROM (SELECT item_id {wanted}) AS wanted
            LEFT JOIN predictions p ON p.suite = $suite AND p.model = $model AND p.item_id = wanted.item_id
              AND p.sample_index = 0
            GROUP BY p.output""",
        named | {"model": model},
    ).fetchall()
    return {output: int(n) for output, n in rows}


def _wanted(facts: Facts, spec: EvalSpec, split: Split, first: int | None) -> tuple[str, dict[str, Any]]:
    """Return the end of a query for all rows, or for the first ones in the order of a look, and what it binds."""
    named = _named(facts, spec, split)
    if first is None:
        return _ROWS, named
    named |= {"order": facts.suite.gate_digest, "first": first}
    return f"{_ROWS} ORDER BY sha256($order || item_id) LIMIT $first", named


def _named(facts: Facts, spec: EvalSpec, split: Split) -> dict[str, Any]:
    return {"suite": facts.suite.fingerprint, "split": split, "eval": spec.eval}


def _fetch(connection: DuckDBPyConnection, sql: str, named: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return dict(connection.execute(sql, named).fetchnumpy())


def _floats(column: NDArray[Any]) -> NDArray[np.float64]:
    """Return a column with NaN for NULL."""
    return np.asarray(np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan), dtype=np.float64)


def dev_scores(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen) -> PairedScores:
    """Return the scores of what would answer, and of the teacher, on the development split."""
    return paired(scores_of_items(connection, facts, chosen.model, "dev"), chosen, fidelity=facts.fidelity)


def paired(found: ItemScores, chosen: Chosen, *, fidelity: bool) -> PairedScores:
    """Return the scores of what would answer: the student, or where it is not sure enough the teacher."""
    student, human = found.student, found.human
    if fidelity:
        # Where the teacher failed there is no answer to agree with. The student's 0 is the worse of both ways.
        student = np.where(np.isnan(found.teacher), 0.0, student)
    if chosen.threshold is not None:
        student = blend_scores(student, found.teacher, found.confidence, chosen.threshold)
        if human is not None:
            both = blend_scores(human.student, human.teacher, found.confidence, chosen.threshold)
            human = HumanScores(both, human.teacher)
    return PairedScores(
        student,
        found.teacher,
        len(student),
        fidelity=fidelity,
        clusters=found.clusters,
        left=None if chosen.threshold is None else ~accepted(found.confidence, chosen.threshold),
        human=human,
    )
