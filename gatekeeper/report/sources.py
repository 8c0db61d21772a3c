"""The id of each shown number, the number itself, and the SQL that gives it where a plain query does.

The SQL has its values written in, so that a person can paste it into any DuckDB shell on the store.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from gatekeeper.report.costs import FIELDS
from gatekeeper.report.data import Candidate, Dossier
from gatekeeper.stages.assess import FALLBACK

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows

Shown = float | int | Decimal | None

_PAIRS = {
    "both_right": (True, True),
    "student_only": (False, True),
    "teacher_only": (True, False),
    "both_wrong": (False, False),
}
"""Cell of the paired table to whether teacher and student are right."""


def shown_numbers(dossier: Dossier) -> dict[str, Shown]:
    """Return the numbers that a dossier shows, by id. `sources` has the SQL of most of them."""
    shown: dict[str, Shown] = {f"split.{name}": n for name, n in dossier.data.splits.items()}
    shown |= {f"duplicates.{kind}": n for kind, n in dossier.data.duplicates.items()}
    if dossier.gate.counts is not None:
        shown |= {f"gate.counts.{name}": n for name, n in dossier.gate.counts.model_dump().items()}
    if dossier.gate.retention is not None:
        retention = dossier.gate.retention
        shown |= {f"gate.retention.{name}": getattr(retention, name) for name in ("value", "lower", "upper")}
    if dossier.teacher.accuracy is not None:
        shown["teacher.accuracy.value"] = dossier.teacher.accuracy.value
    for rule in dossier.verdict.rules:
        shown |= {
            f"rules.{rule.rule}.{name}": getattr(rule, name) for name in ("value", "bound", "requirement", "margin")
        }
    for look in dossier.gate.looks:
        shown |= {f"looks.{look.look}.alpha": look.alpha, f"looks.{look.look}.bound": look.bound}
    names = ("alpha", "spent", "inherited", "left", "next_alpha")
    shown |= {f"budget.{name}": getattr(dossier.budget, name) for name in names}
    for curve in dossier.power.curves:
        shown[f"power.{curve.retention:g}.rows"] = curve.rows_needed
        shown[f"power.{curve.retention:g}.now"] = curve.chance_now
    for one in dossier.others:
        fields = ("n", "teacher", "student", "sure", "sure_on_main")
        shown |= {f"others.{one.eval}.{field}": getattr(one, field) for field in fields}
    for row in dossier.baselines:
        kept = None if row.retention is None else row.retention.value
        shown |= {f"baselines.{row.name}.retention": kept, f"baselines.{row.name}.n": row.n}
    if dossier.part is not None:
        share = dossier.part.teacher_share
        shown |= {
            "part.threshold": dossier.part.threshold,
            "part.teacher_share": None if share is None else share.value,
        }
    for slice_row in dossier.slices:
        name = f"slices.{slice_row.slice}.{slice_row.value}"
        shown |= {f"{name}.n": slice_row.n, f"{name}.teacher": slice_row.teacher, f"{name}.student": slice_row.student}
        shown[f"{name}.retention"] = None if slice_row.retention is None else slice_row.retention.value
    return shown | _of_rounds(dossier) | _of_money(dossier)


def _of_rounds(dossier: Dossier) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}
    for one in dossier.candidates:
        name = candidate_id(one)
        fields = (
            "n_examples",
            "training_seconds",
            "throughput_rps",
            "latency_p50_ms",
            "latency_p95_ms",
            "usd_per_million",
        )
        shown |= {f"{name}.{field}": getattr(one, field) for field in fields}
        shown[f"{name}.retention"] = None if one.retention is None else one.retention.value
        shown[f"{name}.accuracy"] = None if one.accuracy is None else one.accuracy.value
    for row in dossier.rounds:
        shown |= {f"rounds.{row.round}.random": row.random_examples, f"rounds.{row.round}.mined": row.mined_examples}
        shown[f"rounds.{row.round}.pass_probability"] = row.pass_probability
    shown |= {f"confusions.{place}": one.n for place, one in enumerate(dossier.confusions, start=1)}
    return shown


def _of_money(dossier: Dossier) -> dict[str, Shown]:
    shown: dict[str, Shown] = {f"money.{field}": getattr(dossier.money, field) for field in FIELDS}
    shown |= {f"costs.{one.name}": one.value for one in dossier.money.quantities}
    for row in dossier.spend:
        shown |= {f"spend.{row.purpose}.{row.kind}.calls": row.calls, f"spend.{row.purpose}.{row.kind}.usd": row.usd}
    if dossier.spend:
        shown["spend.total"] = sum((row.usd for row in dossier.spend), start=Decimal(0))
    return shown


def candidate_id(one: Candidate) -> str:
    """Return what the ids of a candidate's numbers begin with."""
    return f"candidates.{one.student}.{one.round}{'.part' if one.part else ''}"


def sources(rows: StoredRows, dossier: Dossier) -> dict[str, str]:
    """Return the SQL behind each number of `shown_numbers` that is a plain query over the store."""
    found = _quality_sql(rows, dossier) | _round_sql(rows, dossier) | _money_sql(rows, dossier)
    shown = shown_numbers(dossier)
    return {name: sql for name, sql in found.items() if shown.get(name) is not None}


def _quality_sql(rows: StoredRows, dossier: Dossier) -> dict[str, str]:
    run, items = literal(rows.run.run), _items(rows)
    found = {
        f"split.{name}": f"SELECT count(*) FROM items WHERE {items} AND split = {literal(name)}"
        for name in dossier.data.splits
    }
    for rule in dossier.verdict.rules:
        for field in ("value", "bound", "requirement", "margin"):
            where = f"run = {run} AND rule = {literal(rule.rule)}"
            found[f"rules.{rule.rule}.{field}"] = f"SELECT {field} FROM rules WHERE {where}"
    for look in dossier.gate.looks:
        where = f"gate_digest = {literal(rows.facts.suite.gate_digest)} AND look = {look.look}"
        found[f"looks.{look.look}.alpha"] = f"SELECT alpha FROM looks WHERE {where}"
        found[f"looks.{look.look}.bound"] = f"SELECT bound FROM looks WHERE {where}"
    all_read = dossier.teacher.accuracy_split == "dev" or dossier.gate.n_read == dossier.gate.n_planned
    if all_read and rows.gate.dev.human is None:
        found["teacher.accuracy.value"] = _mean_score(
            rows, rows.facts.teacher.fingerprint, dossier.teacher.accuracy_split
        )
    return found | _gate_sql(rows, dossier)


def _gate_sql(rows: StoredRows, dossier: Dossier) -> dict[str, str]:
    """Return the SQL of numbers over all gate rows; no plain query has the rows of a look that stopped early."""
    found: dict[str, str] = {}
    scores, gate = rows.gate.gate, dossier.gate
    if scores is None or gate.n_read != gate.n_planned:
        return found
    # With teacher failures the table takes the reading that is worse for the student, with a threshold the teacher's
    # answers where the student is not sure; no plain query does either.
    if not gate.teacher_failed and dossier.verdict.threshold is None and gate.samples == 1:
        found |= {f"gate.counts.{name}": _pairs(rows, *right) for name, right in _PAIRS.items()}
    for one in dossier.slices:
        where = f"{_items(rows)} AND split = 'gate' AND slices[{literal(one.slice)}] = {literal(one.value)}"
        found[f"slices.{one.slice}.{one.value}.n"] = f"SELECT count(*) FROM items WHERE {where}"
    return found


def _round_sql(rows: StoredRows, dossier: Dossier) -> dict[str, str]:
    run = literal(rows.run.run)
    found: dict[str, str] = {}
    for one in dossier.candidates:
        name, prefix = candidate_id(one), FALLBACK if one.part else ""
        trained = f"FROM training_runs WHERE run = {run} AND round = {one.round} AND student = {literal(one.student)}"
        found[f"{name}.n_examples"] = f"SELECT n_examples {trained}"
        found[f"{name}.training_seconds"] = f"SELECT seconds {trained}"
        for metric in ("retention", "accuracy"):
            found[f"{name}.{metric}"] = (
                f"SELECT value FROM results WHERE run = {run} AND round = {one.round} "
                f"AND student = {literal(one.student)} AND split = 'dev' AND metric = '{prefix}{metric}'"
            )
        for field in ("throughput_rps", "latency_p50_ms", "latency_p95_ms"):
            where = f"run = {run} AND model = {literal(one.model)}"
            found[f"{name}.{field}"] = f"SELECT {field} FROM measurements WHERE {where}"
    for row in dossier.rounds:
        for source in ("random", "mined"):
            where = f"run = {run} AND round = {row.round} AND source = '{source}'"
            found[f"rounds.{row.round}.{source}"] = f"SELECT count(*) FROM examples WHERE {where}"
        where = f"run = {run} AND round = {row.round} AND metric IN ('pass_probability', '{FALLBACK}pass_probability')"
        found[f"rounds.{row.round}.pass_probability"] = f"SELECT max(value) FROM results WHERE {where}"
    return found


def _money_sql(rows: StoredRows, dossier: Dossier) -> dict[str, str]:
    run = literal(rows.run.run)
    one_cost = f"SELECT value FROM costs WHERE run = {run} AND name = "
    found = {f"money.{field}": one_cost + literal(name) for field, name in FIELDS.items()}
    found |= {f"costs.{row.name}": one_cost + literal(row.name) for row in dossier.money.quantities}
    total = f"SELECT sum(coalesce(settled, reserved)) FROM spend WHERE run = {run}"
    found["spend.total"] = total
    for row in dossier.spend:
        where = f"purpose = {literal(row.purpose)} AND {'assumed' if row.assumed else 'NOT assumed'}"
        found[f"spend.{row.purpose}.{row.kind}.usd"] = f"{total} AND {where}"
        found[f"spend.{row.purpose}.{row.kind}.calls"] = f"SELECT count(*) FROM spend WHERE run = {run} AND {where}"
    return found


def _items(rows: StoredRows) -> str:
    """Return the condition of the items of the eval that decides."""
    return f"suite = {literal(rows.facts.suite.fingerprint)} AND eval = {literal(rows.facts.eval_spec.eval)}"


def _scores(rows: StoredRows, model: str) -> str:
    """Return the mean score of each item, of one model."""
    return (
        f"(SELECT suite, item_id, avg(value) AS value FROM scores WHERE model = {literal(model)} AND scorer = "
        f"{literal(rows.facts.scorer)} AND version = {literal(rows.version)} GROUP BY ALL)"
    )


def _mean_score(rows: StoredRows, model: str, split: str) -> str:
    return (
        f"SELECT avg(value) FROM items JOIN {_scores(rows, model)} USING (suite, item_id) "
        f"WHERE {_items(rows)} AND split = {literal(split)}"
    )


def _pairs(rows: StoredRows, teacher: bool, student: bool) -> str:
    models = (rows.facts.teacher.fingerprint, "teacher"), (rows.verdict.model, "student")
    joined = " ".join(f"JOIN {_scores(rows, model)} AS {name} USING (suite, item_id)" for model, name in models)
    return (
        f"SELECT count(*) FROM items {joined} WHERE {_items(rows)} AND split = 'gate' "
        f"AND teacher.value {'>' if teacher else '<='} 0.5 AND student.value {'>' if student else '<='} 0.5"
    )


def literal(text: str) -> str:
    """Return `text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
