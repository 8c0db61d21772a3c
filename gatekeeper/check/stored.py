"""What a store already knows of a suite: its teacher, a first student, and the error that is left of its gate split.

The store is read as it lies there. No gate answer or score is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gatekeeper.decide.candidates import Chosen, choose
from gatekeeper.decide.ceiling import rows_of
from gatekeeper.decide.facts import Facts, facts_of
from gatekeeper.errors import StoreError, StoreVersionError
from gatekeeper.gate.ceiling import Ceiling, CeilingRows, ceiling_of_rows
from gatekeeper.gate.retention import is_binary
from gatekeeper.records import Example, Quantity
from gatekeeper.stats.paired import PairedCounts, paired_counts
from gatekeeper.store.as_it_is import StoreAsItIs
from gatekeeper.store.gate_budget import GateBudget, budget_of
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.store.suites import Run, StoredSuite, runs_of, suites_of
from gatekeeper.store.training import examples_of
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import GatesSpec
from gatekeeper.suite.suite import Suite
from gatekeeper.whatif.sources.from_run import speed_inputs
from gatekeeper.whatif.sources.run_facts import measured_students

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Answered:
    """What the first answers to development rows say.

    Attributes:
        ceiling: the teacher, and the student where there is one.
        teacher_mean: mean score of the teacher over its scored rows, None where there is none.
        teacher_rows: how many these are.
        student: "linear (round 2)"; None before the first training.
        counts: rows by who was right, on the first answer of each; None without a student, or where a score is
            neither 0 nor 1.
        examples: the teacher's answers to pool rows that are learned from.
        speeds: measured requests per second of students, as inputs of a worksheet.
    """

    run: str
    ceiling: Ceiling
    teacher_mean: float | None
    teacher_rows: int
    student: str | None = None
    counts: PairedCounts | None = None
    examples: tuple[Example, ...] = ()
    speeds: tuple[Quantity, ...] = ()


@dataclass(frozen=True)
class Stored:
    """What was found; all None without a store. `note` says why a store that is there was not read."""

    budget: GateBudget | None = None
    answered: Answered | None = None
    note: str | None = None


def read_store(path: Path | None, suite: Suite, items: ItemSet) -> Stored:
    """Return what the store at `path` knows of `suite`; nothing when there is no file.

    Raises:
        StoreError: the file is no store, or cannot be read.
        StoreLockedError: another process writes for too long.
    """
    if path is None or not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return Stored()
    try:
        store = StoreAsItIs(path)
    except StoreVersionError as error:
        return Stored(note=f"{error.message}, so nothing was read from it; {error.hint}")
    quality = suite.gates.quality
    keys = row_keys(item.text for item in items.split("gate"))
    with store.read() as connection:
        budget = budget_of(connection, items.gate_digest, keys, quality.alpha, quality.looks)
        found = _first_answers(connection, suite, items)
        if found is None:
            return Stored(budget)
        run, chosen, rows = found
        examples = tuple(examples_of(connection, run))
        speeds = _speeds(connection, run, chosen, suite.serving.cpu.cores)
    return Stored(budget, replace(_answered(run, chosen, rows, quality.retention), examples=examples, speeds=speeds))


def _first_answers(
    connection: DuckDBPyConnection, suite: Suite, items: ItemSet
) -> tuple[str, Chosen | None, CeilingRows] | None:
    """Return run, candidate and answers of the newest run in which the teacher has answered development rows."""
    for run in _runs(connection, suite, items):
        try:
            facts = facts_of(connection, run.run)
        except StoreError:
            continue  # it ended before the teacher had answered
        chosen = _chosen(connection, facts)
        rows = rows_of(connection, facts, None if chosen is None else chosen.model)
        if rows is not None:
            return run.run, chosen, rows
    return None


def _answered(run: str, chosen: Chosen | None, rows: CeilingRows, retention: float) -> Answered:
    scored = rows.teacher_scores[np.isfinite(rows.teacher_scores).any(axis=1)]
    return Answered(
        run=run,
        ceiling=ceiling_of_rows(rows, retention),
        teacher_mean=float(np.nanmean(scored, axis=1).mean()) if len(scored) else None,
        teacher_rows=len(scored),
        student=None if chosen is None else f"{chosen.student} (round {chosen.round})",
        counts=_counts(rows.student_scores, rows.teacher_scores[:, 0]),
    )


def _chosen(connection: DuckDBPyConnection, facts: Facts) -> Chosen | None:
    try:
        return choose(connection, facts)
    except StoreError:
        return None  # no student is trained yet


def _speeds(connection: DuckDBPyConnection, run: str, chosen: Chosen | None, cores: int) -> tuple[Quantity, ...]:
    """Return the measured speed of each student of a run; none where no student was trained yet."""
    students = measured_students(connection, facts_of(connection, run), chosen)
    return tuple(one for name, (_, speed) in students.items() for one in speed_inputs(name, speed, cores))


def _counts(student: NDArray[np.float64] | None, teacher: NDArray[np.float64]) -> PairedCounts | None:
    if student is None:
        return None
    both = np.isfinite(student) & np.isfinite(teacher)
    if not both.any() or not is_binary(student[both]) or not is_binary(teacher[both]):
        return None
    return paired_counts(student[both], teacher[both])


def _runs(connection: DuckDBPyConnection, suite: Suite, items: ItemSet) -> Iterator[Run]:
    """Yield the runs on this suite, the newest first; then those on the same suite with other gates.

    The gates are part of a suite's identity, and they are what a plan is made for: changing them changes no answer.
    """
    fingerprint = suite.fingerprint(items.digest)
    yield from runs_of(connection, fingerprint)
    for stored in reversed(suites_of(connection, suite.name)):
        if stored.fingerprint != fingerprint and _differs_in_gates_only(stored, suite, items):
            yield from runs_of(connection, stored.fingerprint)


def _differs_in_gates_only(stored: StoredSuite, suite: Suite, items: ItemSet) -> bool:
    try:
        gates = GatesSpec.model_validate(stored.spec["suite"]["gates"])
    except (KeyError, TypeError, ValidationError):  # written by an earlier version
        return False
    twin = replace(suite, spec=suite.spec.model_copy(update={"gates": gates}))
    return twin.fingerprint(items.digest) == stored.fingerprint
