"""From the store to a `Dossier`: rows are read first, then everything derived is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gatekeeper.decide.judging import by_people
from gatekeeper.errors import GatekeeperError
from gatekeeper.gate.quality import RULE as QUALITY
from gatekeeper.gate.retention import groups_of
from gatekeeper.gate.slices import Parts
from gatekeeper.hashing import content_hash
from gatekeeper.report import quality
from gatekeeper.report.baselines import baseline_rows
from gatekeeper.report.budget import budget_facts, looks
from gatekeeper.report.candidates import candidates, rounds
from gatekeeper.report.costs import assumptions, money
from gatekeeper.report.data import DataFacts, Dossier, Lineage, PriceUse, RunFacts, SpendRow, TeacherFacts
from gatekeeper.report.data_gate import GateFacts, SliceRow
from gatekeeper.report.others import other_evals
from gatekeeper.report.part import part_facts
from gatekeeper.report.power import power_facts
from gatekeeper.report.rows import StoredRows, read_rows
from gatekeeper.report.slices import slice_rows
from gatekeeper.report.sources import sources
from gatekeeper.store.training import TrainingRun
from gatekeeper.whatif.sources.from_run import worksheet_of_run
from gatekeeper.whatif.worksheet import Worksheet

if TYPE_CHECKING:
    from gatekeeper.store.connection import Store


def dossier_from_store(store: Store, run: str) -> Dossier:
    """Return the dossier of a run that has its verdict.

    Raises:
        InputError: there is no such run, or it has no verdict yet.
        StoreLockedError: another process writes for longer than the store waits.
    """
    made = assemble(read_rows(store, run))
    return made.model_copy(update={"worksheet": _worksheet(store, run)})


def _worksheet(store: Store, run: str) -> Worksheet | None:
    """Return the numbers of the calculator; a dossier goes without where a run cannot have any, such as a price."""
    try:
        worksheet = worksheet_of_run(store.path, run)
    except GatekeeperError:
        return None
    # Single requests matter where a price has tiers only, and there are as many as development rows.
    tiers = any(option.tiers for option in worksheet.options)
    return worksheet if tiers else worksheet.model_copy(update={"requests": ()})


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
        candidates=candidates(rows),
        rounds=rounds(rows),
        ceiling=rows.gate.ceiling,
        gate=gate,
        budget=budget_facts(rows),
        part=part_facts(rows),
        others=other_evals(rows),
        baselines=baseline_rows(rows),
        slices=_slices(rows),
        confusions=quality.confusions(rows.dev, gold=gold),
        failures=quality.failures(rows.dev, gold=gold),
        failures_total=len(quality.wrong(rows.dev)),
        money=money(rows.costs),
        spend=tuple(_spend(row) for row in rows.spend),
        power=power_facts(rows, gate.requirement, result),
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
    model, gate = rows.facts.teacher, rows.gate.gate
    return TeacherFacts(
        name=model.name,
        kind=model.kind,
        fingerprint=model.fingerprint,
        priced_as=model.price_id,
        price_assumed=model.price_assumed,
        accuracy=quality.teacher_score(rows.gate.dev if gate is None else gate),
        accuracy_split="dev" if gate is None else "gate",
    )


def _gate(rows: StoredRows) -> tuple[GateFacts, quality.GateResult | None]:
    verdict, facts, look = rows.verdict.verdict, rows.facts, rows.look
    scores, level = rows.gate.judged(facts), rows.gate.level
    rule = next((one for one in verdict.rules if one.rule == QUALITY), None)
    result = None
    # The gate gives no value when rows are missing or the teacher failed on too many; then there is nothing to show.
    if rule is not None and rule.value is not None and scores is not None and level is not None:
        result = quality.gate_result(scores, r0=facts.requirement.retention, level=level, alpha=verdict.alpha)
    groups = None if scores is None else groups_of(scores.clusters)
    slices = facts.spec.gates.slices
    made = GateFacts(
        retention=result.retention if result else None,
        upper=result.upper if result else None,
        counts=quality.pair_counts(result.counts) if result else None,
        requirement=None if rule is None else rule.requirement,
        alpha=verdict.alpha,
        look_alpha=look.alpha if look else None,
        looks=looks(rows),
        looks_planned=verdict.looks_planned,
        slice_minimum=None if slices is None else slices.min,
        student_score=float(result.student.mean()) if result else None,
        teacher_score=float(result.teacher.mean()) if result else None,
        n_read=None if scores is None else scores.n_expected,
        n_planned=None if scores is None else facts.suite.split_counts.get("gate", scores.n_expected),
        teacher_failed=0 if scores is None else scores.failed,
        groups=None if groups is None else int(groups.max()) + 1,
        samples=facts.eval_spec.samples.teacher,
        labelled=None if scores is None else quality.labelled(scores),
    )
    return made, result


def _slices(rows: StoredRows) -> tuple[SliceRow, ...]:
    scores, level, gates = rows.gate.judged(rows.facts), rows.gate.level, rows.facts.spec.gates
    if scores is None or level is None or scores.missing:
        return ()
    parts: Parts = rows.gate.slices
    if scores.human is not None:
        scores, parts = by_people(scores, parts)
    return slice_rows(
        scores,
        parts,
        in_rule=() if gates.slices is None else gates.slices.by,
        minimum=gates.quality.retention if gates.slices is None else gates.slices.min,
        level=level,
        alpha=gates.quality.alpha,
    )


def _spend(row: dict[str, Any]) -> SpendRow:
    return SpendRow(
        purpose=row["purpose"],
        usd=Decimal(row["usd"]),
        calls=row["calls"],
        assumed=row["assumed"],
        unsettled=row["unsettled"],
    )


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
