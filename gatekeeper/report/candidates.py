"""The candidates of a run and what each of its rounds learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatekeeper.records import Estimate
from gatekeeper.report import quality
from gatekeeper.report.costs import usd_per_million
from gatekeeper.report.data import Candidate, CandidateState, Round
from gatekeeper.stages.assess import FALLBACK
from gatekeeper.store.training import TrainingRun

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows


def candidates(rows: StoredRows) -> tuple[Candidate, ...]:
    """Return each trained student, and after it the same with the teacher as its fallback where that was tried."""
    made: list[Candidate] = []
    for one in rows.training:
        made.append(_candidate(rows, one, part=False))
        if _dev_result(rows, one, f"{FALLBACK}retention") is not None:
            made.append(_candidate(rows, one, part=True))
    return tuple(made)


def rounds(rows: StoredRows) -> tuple[Round, ...]:
    """Return what each round learnt from, and the looks that it spent."""
    numbers = sorted({row["round"] for row in [*rows.examples, *rows.dropped]} | {one.round for one in rows.training})
    return tuple(_round(rows, number) for number in numbers)


def _candidate(rows: StoredRows, one: TrainingRun, *, part: bool) -> Candidate:
    speed = rows.measurements.get(one.model, {})
    recipe = one.recipe.get("recipe") if isinstance(one.recipe, dict) else one.recipe
    prefix = FALLBACK if part else ""
    return Candidate(
        student=one.student,
        round=one.round,
        recipe=str(recipe or ""),
        model=one.model,
        n_examples=one.n_examples,
        retention=_dev_result(rows, one, f"{prefix}retention"),
        accuracy=_dev_result(rows, one, f"{prefix}accuracy"),
        training_seconds=one.seconds,
        throughput_rps=speed.get("throughput_rps"),
        latency_p50_ms=speed.get("latency_p50_ms"),
        latency_p95_ms=speed.get("latency_p95_ms"),
        usd_per_million=usd_per_million(rows.costs, speed),
        state=_state(rows, one, part),
        part=part,
    )


def _state(rows: StoredRows, one: TrainingRun, part: bool) -> CandidateState:
    wanted = (one.run, one.model, part)
    found = (look for look in rows.facts.looks if (look.run, look.model, look.threshold is not None) == wanted)
    look = next(found, None)
    return "not sent to the gate" if look is None else "passed the gate" if look.passed else "failed the gate"


def _dev_result(rows: StoredRows, one: TrainingRun, metric: str) -> Estimate | None:
    wanted = (one.round, one.student, "dev", metric)
    found = (row for row in rows.results if (row.round, row.student, row.split, row.metric) == wanted)
    row = next(found, None)
    return None if row is None else quality.finite(row.estimate)


def _round(rows: StoredRows, number: int) -> Round:
    examples = [row for row in rows.examples if row["round"] == number]
    known = ("pass_probability", f"{FALLBACK}pass_probability")
    chances = [row.estimate.value for row in rows.results if row.round == number and row.metric in known]
    return Round(
        round=number,
        random_examples=sum(row["n"] for row in examples if row["source"] == "random"),
        mined_examples=sum(row["n"] for row in examples if row["source"] == "mined"),
        mined_labels={row["label"]: row["n"] for row in examples if row["source"] == "mined"},
        dropped={row["reason"]: row["n"] for row in rows.dropped if row["round"] == number},
        pass_probability=max((chance for chance in chances if chance is not None), default=None),
        looks=tuple(one.look for one in rows.facts.looks if (one.run, one.round) == (rows.run.run, number)),
    )
