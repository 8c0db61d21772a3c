"""What a worksheet takes from the store: who answered, how well, how fast, at what price, and what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.cost.tokens import RequestTokens
from gatekeeper.decide.baselines import baselines_of_verdict
from gatekeeper.decide.candidates import Chosen, choose
from gatekeeper.decide.facts import Facts, facts_of
from gatekeeper.decide.priced import Fallback, fallback_of
from gatekeeper.decide.scores import paired, scores_of_items
from gatekeeper.errors import StoreError
from gatekeeper.gate.baseline import BaselineResult
from gatekeeper.records import Measurement, Split, Verdict
from gatekeeper.store.predictions import results_of
from gatekeeper.store.rows import select
from gatekeeper.store.spend import spent_of
from gatekeeper.store.suites import run_of
from gatekeeper.store.training import measurements_of
from gatekeeper.store.verdicts import verdict_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What a teacher said as the judge of answers is no request of the traffic.
_REQUESTS = """SELECT COLUMNS('^(input|cached_input|cache_write|output)_tokens$') FROM completions
    JOIN items USING (suite, item_id)
    WHERE suite = $suite AND model = $teacher AND split = 'dev' AND eval = $eval AND input_tokens > 0
      AND error_class IS NULL AND output IS NOT NULL
      AND request_key NOT IN (SELECT split_part(key, '#', 1) FROM spend WHERE purpose = 'judge')
    ORDER BY item_id, sample_index, request_key"""


@dataclass(frozen=True)
class Answerer:
    """A student of a run: what stands for it, and how good it is.

    Attributes:
        chosen: the candidate of the verdict, or the student's latest model.
        quality: mean score of its own answers; None where it is not known.
        blended: the same with the teacher's answers where it hands requests on; None where it hands on none.
        rows: which rows were scored.
        measurement: its speed; None where it was not measured.
    """

    chosen: Chosen
    quality: Decimal | None
    blended: Decimal | None
    rows: str
    measurement: Measurement | None


@dataclass(frozen=True)
class RunFacts:
    """A run as a worksheet needs it.

    Attributes:
        started: the day that it began.
        candidate: name of the student that the verdict is or would be about; None before the first training.
        answerers: by name of the student, those that have answered development rows.
        fallback: requests that the candidate leaves to the teacher.
        baselines: as the verdict counts them; empty before the first training.
        baseline_quality: mean score by name.
        requests: tokens of the teacher's answers to development rows, those that this suite asked for first.
    """

    facts: Facts
    started: date
    verdict: Verdict | None
    candidate: str | None
    answerers: dict[str, Answerer]
    fallback: Fallback | None
    baselines: tuple[BaselineResult, ...]
    teacher_quality: Decimal | None
    baseline_quality: dict[str, Decimal | None]
    spent_usd: Decimal
    requests: tuple[RequestTokens, ...]


def read_run(connection: DuckDBPyConnection, run: str) -> RunFacts:
    """Return what the store knows of a run.

    Raises:
        StoreError: there is no such run, or it ended before the teacher was priced.
    """
    facts, found = facts_of(connection, run), run_of(connection, run)
    assert found is not None, "a run with facts is in the store"
    verdict = verdict_of(connection, run)
    chosen = _chosen(connection, facts)
    read = None if chosen is None or chosen.look is None else chosen.look.n_read
    qualities = {one.name: _means(connection, facts, Chosen(one.name, 0, one.model, None)) for one in facts.baselines}
    return RunFacts(
        facts=facts,
        started=found.started_at.date(),
        verdict=None if verdict is None else verdict.verdict,
        candidate=None if chosen is None else chosen.student,
        answerers=_answerers(connection, facts, chosen),
        fallback=None if chosen is None else fallback_of(connection, facts, chosen),
        baselines=() if chosen is None else baselines_of_verdict(connection, facts, chosen, read),
        teacher_quality=_teacher_quality(connection, facts, chosen),
        baseline_quality={name: means[0] for name, means in qualities.items()},
        spent_usd=spent_of(connection, run),
        requests=_requests(connection, facts),
    )


def _chosen(connection: DuckDBPyConnection, facts: Facts) -> Chosen | None:
    try:
        return choose(connection, facts)
    except StoreError:
        return None  # no student is trained yet


def measured_students(
    connection: DuckDBPyConnection, facts: Facts, candidate: Chosen | None
) -> dict[str, tuple[Chosen, Measurement | None]]:
    """Return what stands for each student of a run with its speed: the candidate, else its latest model.

    No gate row is read.
    """
    measured = measurements_of(connection, facts.run)
    latest = {
        row.student: Chosen(row.student, row.round, row.model, None)
        for row in sorted(results_of(connection, facts.run, split="dev"), key=lambda row: row.round)
    }
    if candidate is not None:
        latest[candidate.student] = candidate
    return {name: (one, measured.get(one.model)) for name, one in latest.items()}


def _answerers(connection: DuckDBPyConnection, facts: Facts, candidate: Chosen | None) -> dict[str, Answerer]:
    found = {}
    for name, (one, measurement) in measured_students(connection, facts, candidate).items():
        quality, blended = _means(connection, facts, one)
        rows = "development rows" if one.look is None else "gate rows"
        found[name] = Answerer(one, quality, blended, f"{rows} of run {facts.run}", measurement)
    return found


def _means(connection: DuckDBPyConnection, facts: Facts, one: Chosen) -> tuple[Decimal | None, Decimal | None]:
    """Return the mean score of a model's own answers, and with the teacher's where it hands requests on."""
    split: Split = "dev" if one.look is None else "gate"
    scores = scores_of_items(connection, facts, one.model, split, first=None if one.look is None else one.look.n_read)
    own = _mean(scores.student)
    if one.threshold is None:
        return own, None
    return own, _mean(paired(scores, one, fidelity=facts.fidelity).student)


def _teacher_quality(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen | None) -> Decimal | None:
    """Return the teacher's mean score on the rows of the candidate; 1 without gold, where it agrees with itself."""
    if facts.fidelity and facts.eval_spec.samples.teacher == 1:
        return Decimal(1)
    if chosen is None or chosen.look is None:
        return _mean(scores_of_items(connection, facts, facts.teacher.fingerprint, "dev").teacher)
    return _mean(scores_of_items(connection, facts, chosen.model, "gate", first=chosen.look.n_read).teacher)


def _mean(values: NDArray[np.float64]) -> Decimal | None:
    known = values[np.isfinite(values)]
    return Decimal(repr(float(known.mean()))) if known.size else None


def _requests(connection: DuckDBPyConnection, facts: Facts) -> tuple[RequestTokens, ...]:
    named = {"suite": facts.suite.fingerprint, "teacher": facts.teacher.fingerprint, "eval": facts.eval_spec.eval}
    rows = select(connection, _REQUESTS, named)
    return tuple(RequestTokens.model_validate({**row, **_written(row)}) for row in rows)


def _written(row: Mapping[str, Any]) -> dict[str, int]:
    """Return the tokens written to a cache; rows from before they were counted have none."""
    return {"cache_write_tokens": row.get("cache_write_tokens") or 0}
