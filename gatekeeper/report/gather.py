"""From the store to a `Dossier`: rows are read first, then everything derived is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gatekeeper.hashing import content_hash
from gatekeeper.records import Estimate
from gatekeeper.report import quality
from gatekeeper.report.costs import assumptions, money, usd_per_million
from gatekeeper.report.data import (
    Candidate,
    DataFacts,
    Dossier,
    GateFacts,
    Lineage,
    Look,
    PowerFacts,
    PriceUse,
    Round,
    RunFacts,
    SpendRow,
    TeacherFacts,
)
from gatekeeper.report.rows import StoredRows, read_rows
from gatekeeper.report.sentences import QUALITY
from gatekeeper.report.sources import sources
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.stats.power import rows_needed
from gatekeeper.stats.spending import look_alphas
from gatekeeper.store.training import TrainingRun

if TYPE_CHECKING:
    from gatekeeper.store.connection import Store

POWER = 0.8


def dossier_from_store(store: Store, run: str) -> Dossier:
    """Return the dossier of a run that has its verdict.

    Raises:
        InputError: there is no such run, or it has no verdict yet.
        StoreLockedError: another process writes for longer than the store waits.
    """
    return assemble(read_rows(store, run))


def assemble(rows: StoredRows) -> Dossier:
    """Return the dossier of stored rows. Pure."""
    gold = not rows.facts.fidelity
    gate, result = _gate(rows)
    made = Dossier(
        suite=rows.facts.suite.name,
        description=rows.facts.eval_spec.description,
        decided_at=rows.verdict.decided_at,
        assumed=assumptions(rows),
        verdict=rows.verdict.verdict,
        run=_run(rows),
        teacher=_teacher(rows),
        candidates=tuple(_candidate(rows, one) for one in rows.training),
        rounds=_rounds(rows),
        gate=gate,
        slices=quality.slice_rows(rows.gate),
        confusions=quality.confusions(rows.dev, gold=gold),
        failures=quality.failures(rows.dev, gold=gold),
        failures_total=len(quality.wrong(rows.dev)),
        money=money(rows.costs),
        spend=tuple(_spend(row) for row in rows.spend),
        power=_power(rows, gate, result),
        data=_data(rows, gold),
        lineage=_lineage(rows),
    )
    return made.model_copy(update={"sources": sources(rows, made)})


def _run(rows: StoredRows) -> RunFacts:
    run = rows.run
    return RunFacts(
        run=run.run,
        state=run.state,
        seed=run.seed,
        started_at=run.started_at,
        finished_at=run.finished_at,
        machine=run.machine or "",
    )


def _teacher(rows: StoredRows) -> TeacherFacts:
    model = rows.facts.teacher
    return TeacherFacts(
        name=model.name,
        kind=model.kind,
        fingerprint=model.fingerprint,
        priced_as=model.price_id,
        price_assumed=model.price_assumed,
        accuracy=quality.accuracy(rows.gate or rows.dev, "teacher_value"),
        accuracy_split="gate" if rows.gate else "dev",
    )


def _gate(rows: StoredRows) -> tuple[GateFacts, quality.GateResult | None]:
    verdict = rows.verdict.verdict
    look = rows.look
    requirement = next((rule.requirement for rule in verdict.rules if rule.rule == QUALITY), None)
    result = None if look is None else quality.gate_result(rows.gate, look_alpha=look.alpha, alpha=verdict.alpha)
    facts = GateFacts(
        retention=result.retention if result else None,
        upper=result.upper if result else None,
        counts=quality.pair_counts(result.counts) if result else None,
        requirement=requirement,
        alpha=verdict.alpha,
        look_alpha=look.alpha if look else None,
        looks=tuple(
            Look(
                look=one.look, alpha=one.alpha, run=one.run, round=one.round, student=one.student,
                reserved_at=one.reserved_at, passed=one.passed, bound=one.bound,
            )
            for one in rows.facts.looks
        ),
        looks_planned=verdict.looks_planned,
    )  # fmt: skip
    return facts, result


def _candidate(rows: StoredRows, one: TrainingRun) -> Candidate:
    speed = rows.measurements.get(one.model, {})
    look = next((look for look in rows.facts.looks if (look.run, look.model) == (one.run, one.model)), None)
    recipe = one.recipe.get("recipe") if isinstance(one.recipe, dict) else one.recipe
    return Candidate(
        student=one.student,
        round=one.round,
        recipe=str(recipe or ""),
        model=one.model,
        n_examples=one.n_examples,
        retention=_dev_result(rows, one, "retention"),
        accuracy=_dev_result(rows, one, "accuracy"),
        training_seconds=one.seconds,
        throughput_rps=speed.get("throughput_rps"),
        latency_p50_ms=speed.get("latency_p50_ms"),
        latency_p95_ms=speed.get("latency_p95_ms"),
        usd_per_million=usd_per_million(rows.costs, speed),
        state="not sent to the gate" if look is None else "passed the gate" if look.passed else "failed the gate",
    )


def _dev_result(rows: StoredRows, one: TrainingRun, metric: str) -> Estimate | None:
    wanted = (one.round, one.student, "dev", metric)
    found = (row for row in rows.results if (row.round, row.student, row.split, row.metric) == wanted)
    row = next(found, None)
    return None if row is None else quality.finite(row.estimate)


def _rounds(rows: StoredRows) -> tuple[Round, ...]:
    numbers = sorted({row["round"] for row in [*rows.examples, *rows.dropped]} | {one.round for one in rows.training})
    return tuple(_round(rows, number) for number in numbers)


def _round(rows: StoredRows, number: int) -> Round:
    examples = [row for row in rows.examples if row["round"] == number]
    chances = [row.estimate.value for row in rows.results if (row.round, row.metric) == (number, "pass_probability")]
    looks = [look.look for look in rows.facts.looks if (look.run, look.round) == (rows.run.run, number)]
    return Round(
        round=number,
        random_examples=sum(row["n"] for row in examples if row["source"] == "random"),
        mined_examples=sum(row["n"] for row in examples if row["source"] == "mined"),
        mined_labels={row["label"]: row["n"] for row in examples if row["source"] == "mined"},
        dropped={row["reason"]: row["n"] for row in rows.dropped if row["round"] == number},
        pass_probability=max((chance for chance in chances if chance is not None), default=None),
        look=looks[0] if looks else None,
    )


def _spend(row: dict[str, Any]) -> SpendRow:
    return SpendRow(
        purpose=row["purpose"],
        usd=Decimal(row["usd"]),
        calls=row["calls"],
        assumed=row["assumed"],
        unsettled=row["unsettled"],
    )


def _power(rows: StoredRows, gate: GateFacts, result: quality.GateResult | None) -> PowerFacts:
    n_gate = rows.facts.suite.split_counts.get("gate", len(rows.gate))
    teacher = quality.accuracy(rows.gate or rows.dev, "teacher_value")
    required, look_alpha = gate.requirement, gate.look_alpha
    if look_alpha is None:
        look_alpha = look_alphas(gate.alpha, gate.looks_planned)[0]
    smallest = needed = None
    if required is not None and teacher is not None and teacher.value:
        smallest = smallest_passable_n(required, look_alpha, teacher.value)
    counts = result.counts if result else quality.dev_counts(rows.dev)
    if rows.verdict.verdict.decision == "inconclusive" and required is not None and counts is not None:
        needed = rows_needed(counts, required, gate.alpha, POWER)
    return PowerFacts(n_gate=n_gate, smallest_passable_n=smallest, rows_needed=needed)


def _data(rows: StoredRows, gold: bool) -> DataFacts:
    found = rows.facts.suite.duplicates if isinstance(rows.facts.suite.duplicates, dict) else {}
    duplicates = {str(kind): n for kind, n in found.items() if isinstance(n, int)}
    return DataFacts(
        splits={name: n for name, n in rows.facts.suite.split_counts.items() if n},
        duplicates=duplicates,
        contamination=sum(n for kind, n in duplicates.items() if kind.endswith("_in_gate")),
        gold=gold,
    )


def _lineage(rows: StoredRows) -> Lineage:
    trained: Sequence[TrainingRun] = [one for one in rows.training if one.model == rows.verdict.model]
    return Lineage(
        suite_fingerprint=rows.facts.suite.fingerprint,
        gate_digest=rows.facts.suite.gate_digest,
        prompt_digest=None if rows.prompt is None else content_hash(rows.prompt),
        scorers={rows.facts.scorer: rows.version},
        teacher_fingerprint=rows.facts.teacher.fingerprint,
        student_fingerprint=rows.verdict.model,
        artifact=trained[-1].artifact if trained else None,
        examples_digest=trained[-1].examples_digest if trained else None,
        evidence_digest=rows.verdict.evidence_digest,
        prices=tuple(
            PriceUse(
                model=row["model_id"],
                input_per_m=row["input_per_m"],
                output_per_m=row["output_per_m"],
                source=row["source"],
                as_of=str(row["as_of"]),
            )
            for row in rows.prices
        ),
        packages={name: str(version) for name, version in sorted(rows.versions.items())},
        seed=rows.run.seed,
        machine=rows.run.machine or "",
    )
