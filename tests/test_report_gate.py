"""The gate in a dossier out of real stores: it shows what the gate judged, and nothing that the gate did not see."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import facts_of
from gatekeeper.decide.scores import paired, scores_of_items
from gatekeeper.gate.retention import dev_retention
from gatekeeper.loop import run_loop
from gatekeeper.report import Dossier, dossier_from_store, render_html, render_markdown, render_terminal, shown_numbers
from gatekeeper.report.power import curves
from gatekeeper.run.opening import open_session
from gatekeeper.stats.paired import PairedCounts
from gatekeeper.stats.power import cell_probabilities, power_of_cells
from gatekeeper.stats.tetrachoric import tetrachoric
from gatekeeper.store import Store
from gatekeeper.store.gate_reads import insert_gate_read
from gatekeeper.store.verdicts import verdict_of
from gatekeeper.suite.load import load_suite

TOPICS = {
    "billing": ["invoice", "charge", "payment", "card", "receipt", "balance", "fee", "debit"],
    "shipping": ["parcel", "courier", "tracking", "delivery", "package", "warehouse", "customs", "postage"],
    "access": ["password", "login", "username", "profile", "reset", "locked", "signin", "verification"],
}
LABELS = list(TOPICS)
NOISE = [
    "please",
    "hello",
    "my",
    "the",
    "today",
    "about",
    "question",
    "again",
    "still",
    "need",
    "help",
    "with",
    "thanks",
    "since",
    "order",
    "week",
]
FOREIGN = ["weather", "football", "recipe", "movie", "holiday", "garden", "melody"]
ANSWERS = 2
"""Answers of the teacher to each row."""

Row = dict[str, str]


def make_rows(name: str, count: int, *, blank: float = 0.0, foreign: bool = False) -> list[Row]:
    """Texts with one topic word; a share `blank` of them has none, so that only a teacher can know the answer."""
    draw = random.Random(name)
    rows = []
    for number in range(count):
        label, language = draw.choice(LABELS), draw.choices(["en", "de", "cy"], [6, 3, 1])[0]
        topic = [] if draw.random() < blank else draw.sample(TOPICS[label], 1)
        if foreign:
            topic = draw.sample(FOREIGN, 3)
        words = [*topic, *draw.sample(NOISE, 4), f"z{name}{number}"]
        draw.shuffle(words)
        rows.append({"id": f"{name}{number}", "text": " ".join(words), "label": label, "language": language})
    return rows


def write_data(folder: Path, rows: Mapping[str, Sequence[Row]]) -> None:
    """Write the rows of each eval and two recorded answers to each row; one in thirty answers is wrong."""
    draw = random.Random(11)
    answers = []
    for prefix, several in rows.items():
        (folder / f"{prefix or 'main'}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in several))
        for row in several:
            for _ in range(ANSWERS):
                output = row["label"] if draw.random() < 29 / 30 else draw.choice(LABELS)
                item = f"{prefix}/{row['id']}" if prefix else row["id"]
                answers.append({"item_id": item, "input": row["text"], "output": output})
    (folder / "answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))


def an_eval(name: str, file: str, **more: Any) -> dict[str, Any]:
    """An eval over one of the files."""
    data = {"source": {"jsonl": file}, "id": "id", "input": "text", "target": "label", **more.pop("data", {})}
    return {"version": 1, "eval": name, "data": data, "task": {"labels": LABELS}, **more}


def run(folder: Path, evals: list[dict[str, Any]], store: Path, **more: Any) -> tuple[Store, str]:
    """Run a suite over these evals; returns its store and run."""
    suite = {
        "version": 1,
        "suite": "tickets",
        "evals": evals,
        "teacher": {
            "model": "replay",
            "answers": {"jsonl": "answers.jsonl"},
            "priced_as": "anthropic/claude-opus-4-5",
        },
        "students": [{"name": "linear", "recipe": "linear"}],
        "traffic": {"requests_per_month": 300_000_000},
        "loop": {"rounds": 1, "examples_per_round": 400},
        **more,
    }
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(suite, sort_keys=False))
    opened = Store(store)
    with open_session(load_suite(path), opened) as session:
        run_loop(session)
    return opened, session.run


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A student that passes a look that stops early, with two answers to each row and two other evals."""
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("full")
    rows = {"": make_rows("m", 2400), "chat": make_rows("c", 150, foreign=True), "vip": make_rows("v", 150)}
    rows[""] += [{**rows[""][n], "id": f"copy{n}"} for n in range(60)]
    write_data(folder, rows)
    evals = [
        an_eval("tickets", "main.jsonl", data={"slices": ["language"]}, samples={"teacher": ANSWERS}),
        an_eval("chat", "chat.jsonl", role="ood"),
        an_eval("vip", "vip.jsonl", role="guard"),
    ]
    gates = {
        "quality": {"retention": 0.9, "looks": 2, "interim": 3, "look_when": 0.0},
        "slices": {"by": ["language"], "min": 0.8},
        "ood": [{"eval": "chat", "auroc": 0.7}],
        "guards": {"margin": 0.1},
        "cost": {"reduction": 2},
    }
    return run(folder, evals, folder / "g.duckdb", gates=gates)


@pytest.fixture(scope="module")
def shown(full: tuple[Store, str]) -> Dossier:
    return dossier_from_store(*full)


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A student that a fifth of the requests tells nothing, so that only a part is its own."""
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("part")
    write_data(folder, {"": make_rows("p", 3000, blank=0.2)})
    return run(
        folder,
        [an_eval("tickets", "main.jsonl", data={"slices": ["language"]})],
        folder / "g.duckdb",
        gates={"quality": {"retention": 0.93}, "cost": {"reduction": 1.2}},
        partial={"max_teacher_share": 0.6},
        loop={"rounds": 1, "examples_per_round": 900},
    )


def rule_of(made: Dossier, key: str) -> Any:
    return next(rule for rule in made.verdict.rules if rule.rule == key)


def test_the_shown_numbers_are_those_that_the_gate_judged(shown: Dossier) -> None:
    quality = rule_of(shown, "gates.quality.retention")
    retention, gate = shown.gate.retention, shown.gate
    assert retention is not None and gate.n_read is not None and gate.n_planned is not None
    assert (retention.value, retention.lower) == (quality.value, quality.bound)
    assert gate.n_read == retention.n_scored < gate.n_planned == shown.data.splits["gate"]
    assert gate.looks[-1].n_read == gate.n_read
    assert gate.student_score is not None and gate.teacher_score is not None
    assert gate.student_score / gate.teacher_score == pytest.approx(quality.value)
    weakest = min(shown.slices, key=lambda row: row.retention.value if row.retention and row.retention.value else 9.0)
    slices = rule_of(shown, "gates.slices.min")
    assert weakest.retention is not None
    assert (weakest.retention.value, weakest.retention.upper) == (slices.value, slices.bound)
    assert sum(row.n for row in shown.slices) == gate.n_read
    assert {row.told for row in shown.slices} <= {"above", "unclear"} and all(row.in_rule for row in shown.slices)


def test_several_answers_to_a_row_make_one_row(full: tuple[Store, str], shown: Dossier) -> None:
    assert shown.gate.samples == ANSWERS
    assert len({row.item_id for row in shown.failures}) == len(shown.failures)
    assert shown.failures_total <= shown.data.splits["dev"]
    assert sum(row.n for row in shown.confusions) <= shown.failures_total
    with full[0].read() as connection:
        each = connection.execute("SELECT count(*) FROM scores JOIN items USING (suite, item_id)").fetchall()[0][0]
    assert each > shown.data.splits["dev"] + shown.data.splits["gate"], "the store has more scores than rows"


def test_other_evals_have_rows_of_their_own_and_no_part_in_the_main_one(
    full: tuple[Store, str], shown: Dossier
) -> None:
    assert [(row.eval, row.role, row.n) for row in shown.others] == [("chat", "ood", 150), ("vip", "guard", 150)]
    assert [row.rules for row in shown.others] == [("gates.ood.chat.auroc",), ("gates.guards.vip",)]
    chat, vip = shown.others
    assert chat.student is not None and vip.student is not None and chat.student < 0.6 < vip.student
    assert chat.sure is not None and chat.sure_on_main is not None and chat.sure < chat.sure_on_main
    with full[0].read() as connection:
        rows = connection.execute("SELECT count(*) FROM items WHERE split = 'gate'").fetchall()[0][0]
    assert rows == shown.data.splits["gate"] + 300


def test_no_text_of_a_gate_row_is_shown_whatever_its_eval(full: tuple[Store, str], shown: Dossier) -> None:
    with full[0].read() as connection:
        texts = [text for (text,) in connection.execute("SELECT text FROM items WHERE split = 'gate'").fetchall()]
    assert len(texts) > 300
    for page in (render_html(shown), render_markdown(shown), render_terminal(shown), shown.model_dump_json()):
        assert not [text for text in texts if text in page]


def test_each_number_with_sql_comes_out_of_the_store_again(full: tuple[Store, str], shown: Dossier) -> None:
    numbers = shown_numbers(shown)
    with full[0].read() as connection:
        for name, sql in shown.sources.items():
            value = connection.execute(sql).fetchall()[0][0]
            assert float(value) == pytest.approx(float(numbers[name] or 0), rel=1e-12), name
    assert not [name for name in shown.sources if name.startswith(("slices.", "gate.counts."))], "a part was read"


def test_copies_of_gate_rows_are_counted(shown: Dossier) -> None:
    duplicates = shown.data.duplicates
    assert duplicates["pool_in_gate"] > 0
    share = rule_of(shown, "gates.leakage.max_share").value
    assert share == pytest.approx(duplicates["pool_in_gate"] / (duplicates["pool_in_gate"] + shown.data.splits["pool"]))
    assert "were left out before anything was paid" in render_html(shown)


def test_the_budget_tells_of_looks_seal_and_readers(full: tuple[Store, str], shown: Dossier) -> None:
    budget, (store, run_id) = shown.budget, full
    assert (budget.looks_spent, budget.looks_planned, len(budget.seals)) == (1, 2, 1)
    assert budget.spent == pytest.approx(shown.gate.looks[0].alpha)
    assert budget.left == pytest.approx(budget.alpha - budget.spent)
    assert budget.seals[0].run == run_id and budget.amendments == budget.reads == ()
    with store.write() as connection:
        verdict, facts = verdict_of(connection, run_id), facts_of(connection, run_id)
        assert verdict is not None
        for who, minutes in (("ann", -1), ("bo", 1)):
            at = verdict.decided_at + timedelta(minutes=minutes)
            insert_gate_read(connection, facts.suite.gate_digest, who=who, what="wrong rows", n_rows=3, at=at)
    again = dossier_from_store(*full)
    assert [(one.who, one.after_verdict) for one in again.budget.reads] == [("ann", False), ("bo", True)]
    assert "last to ann" in render_terminal(again) and "last to ann" in " ".join(render_html(again).split())


@pytest.mark.slow
def test_rules_that_were_loosened_on_the_same_rows_are_marked(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    write_data(tmp_path, {"": make_rows("s", 900)})
    evals, store = [an_eval("tickets", "main.jsonl")], tmp_path / "g.duckdb"
    looks = {"looks": 3, "look_when": 0.0}
    run(tmp_path, evals, store, gates={"quality": {"retention": 0.999, **looks}, "cost": {"reduction": 2}})
    rows = make_rows("s", 900) + make_rows("t", 100)
    write_data(tmp_path, {"": rows})
    suite = yaml.safe_load((tmp_path / "suite.yaml").read_text())
    suite["gates"]["quality"]["retention"] = 0.8
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(suite))
    opened = Store(store)
    with open_session(load_suite(tmp_path / "suite.yaml"), opened) as session:
        run_loop(session, reason="nobody needs 99.9")
    made = dossier_from_store(opened, session.run)
    change = made.budget.amendments[0]
    assert change.reason == "nobody needs 99.9" and not change.after_verdict
    assert [one.loosening for one in change.changes if "retention" in one.sentence] == [True]
    assert made.budget.looks_elsewhere == 1
    assert 0 < made.budget.rows_used < made.budget.rows
    assert made.budget.inherited == pytest.approx(0.05 / 6 * made.budget.rows_used / made.budget.rows)
    assert [seal.shared_rows for seal in made.budget.seals] == [None, made.budget.rows_used]
    assert "nobody needs 99.9" in render_markdown(made)


@pytest.mark.slow
def test_a_part_of_the_traffic_is_shown_as_it_was_judged(part: tuple[Store, str]) -> None:
    made = dossier_from_store(*part)
    facts = made.part
    assert made.verdict.threshold is not None and facts is not None and facts.decides
    assert facts.threshold == made.verdict.threshold == made.gate.looks[-1].threshold
    quality = rule_of(made, "gates.quality.retention")
    assert made.gate.retention is not None and made.gate.retention.lower == quality.bound
    assert facts.teacher_share is not None and facts.teacher_share.value == made.verdict.teacher_share
    chosen = next(point for point in facts.curve if point.threshold == facts.threshold)
    assert facts.together is not None and facts.alone is not None
    assert chosen.retention == pytest.approx(facts.together.value)
    assert facts.curve[-1].retention == pytest.approx(facts.alone.value) and facts.curve[-1].coverage == 1
    assert facts.calibration_error is not None and facts.calibration_error_mapped is not None
    assert facts.calibration_error_mapped < facts.calibration_error
    assert [row.part for row in made.candidates] == [False, True]
    assert [row.state for row in made.candidates][1] == "passed the gate"
    assert not [name for name in made.sources if name.startswith("gate.counts.")]


def test_the_student_alone_is_what_the_mistakes_are_of(part: tuple[Store, str]) -> None:
    store, run_id = part
    made = dossier_from_store(store, run_id)
    with store.read() as connection:
        facts, verdict = facts_of(connection, run_id), verdict_of(connection, run_id)
        assert verdict is not None
        found = scores_of_items(connection, facts, verdict.model, "dev")
    alone = paired(found, Chosen("linear", 1, verdict.model, None), fidelity=False)
    assert made.failures_total == int((found.student == 0).sum())
    assert made.part is not None and made.part.alone is not None
    assert dev_retention(alone, 0.05).value == pytest.approx(made.part.alone.value)


@pytest.mark.slow
def test_the_power_curves_are_those_of_the_measured_scores(part: tuple[Store, str]) -> None:
    made = dossier_from_store(*part)
    power, counts = made.power, made.gate.counts
    assert counts is not None and power.teacher_accuracy is not None and power.alpha is not None
    table = PairedCounts(counts.both_right, counts.student_only, counts.teacher_only, counts.both_wrong)
    assert power.correlation == tetrachoric(table)
    assert (power.alpha, power.look) == (made.gate.look_alpha, 1)
    assert [round(curve.retention, 4) for curve in power.curves] == [0.94, 0.95, 0.97, 1.0]
    for curve in power.curves:
        cells = cell_probabilities(curve.retention, power.teacher_accuracy, power.correlation or 0.0)
        rows, chances = zip(*curve.points, strict=True)
        assert power.n_gate in rows and rows == tuple(sorted(set(rows)))
        assert np.diff(chances).min() > -0.05, "rising but for the sawtooth of whole counts"
        assert curve.chance_now == dict(curve.points)[power.n_gate]
        assert curve.chance_now == pytest.approx(power_of_cells(cells, power.n_gate, 0.93, power.alpha), abs=1e-4)
        assert curve.rows_needed is not None
        assert power_of_cells(cells, curve.rows_needed, 0.93, power.alpha) >= 0.8 - 0.005


@pytest.mark.slow
def test_a_requirement_near_one_has_fewer_curves() -> None:
    made = curves(500, 0.985, 0.9, 0.7, 0.05)
    assert [round(curve.retention, 4) for curve in made] == [0.995, 1.0]
    assert all(rows >= 1 for curve in made for rows, _ in curve.points)


@pytest.mark.slow
def test_the_same_store_gives_the_same_dossier(full: tuple[Store, str], part: tuple[Store, str]) -> None:
    for store, run_id in (full, part):
        made = dossier_from_store(store, run_id)
        assert dossier_from_store(store, run_id) == made
        assert Dossier.model_validate_json(made.model_dump_json()) == made
