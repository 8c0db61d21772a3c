"""A dossier out of a real store: a small loop runs once, and every number that it shows is asked for again in SQL."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.errors import InputError
from gatekeeper.loop import run_loop
from gatekeeper.report import (
    Dossier,
    dossier_from_store,
    headline,
    render_html,
    render_markdown,
    shown_numbers,
    write_report,
)
from gatekeeper.report.rows import read_rows
from gatekeeper.run.opening import open_session
from gatekeeper.store import Store
from gatekeeper.suite.load import load_suite

WORDS = {
    "billing": ["invoice", "charge", "refund", "card"],
    "shipping": ["parcel", "late", "tracking", "courier"],
    "access": ["password", "login", "locked", "reset"],
}
SUITE = """
version: 1
suite: tickets
evals:
  - version: 1
    eval: tickets
    description: Which queue does a request belong to?
    data: {source: {jsonl: log.jsonl}, id: id, target: label, slices: [language]}
    task: {labels: [billing, shipping, access]}
teacher: {model: replay, answers: {jsonl: answers.jsonl}, priced_as: anthropic/claude-opus-4-5}
students: [{name: linear, recipe: linear, labels: hard}]
traffic: {requests_per_month: 300_000_000}
gates: {quality: {retention: 0.8}, cost: {reduction: 2}}
loop: {rounds: 1, examples_per_round: 200}
"""


def write_suite(folder: Path) -> Path:
    """Write a suite of 700 requests; some have only a word of another queue, and the teacher errs now and then."""
    draw = random.Random(3)
    rows, answers = [], []
    for number in range(700):
        label = draw.choice(list(WORDS))
        topic = label if draw.random() < 0.9 else draw.choice(list(WORDS))
        noise = draw.choices(["please", "help", "now", "again"], k=3)
        text = " ".join([*draw.choices(WORDS[topic], k=1), *noise, f"n{number}"])
        rows.append({"id": f"t{number}", "input": text, "label": label, "language": draw.choice(["en", "it's"])})
        answers.append({"item_id": f"t{number}", "output": label if draw.random() < 0.95 else draw.choice(list(WORDS))})
    for name, lines in (("log", rows), ("answers", answers)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = folder / "suite.yaml"
    path.write_text(SUITE)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("tickets")
    store = Store(folder / "store.duckdb")
    with open_session(load_suite(write_suite(folder)), store) as session:
        run_loop(session)
    yield store, session.run


@pytest.fixture(scope="module")
def made(finished: tuple[Store, str]) -> Dossier:
    return dossier_from_store(*finished)


def test_each_number_with_sql_comes_out_of_the_store_again(finished: tuple[Store, str], made: Dossier) -> None:
    shown = shown_numbers(made)
    assert len(made.sources) > 60
    with finished[0].read() as connection:
        for name, sql in made.sources.items():
            row = connection.execute(sql).fetchone()
            assert row is not None, name
            assert float(row[0]) == pytest.approx(float(shown[name] or 0), rel=1e-12), name


def test_the_dossier_tells_of_this_run(made: Dossier) -> None:
    counts = made.gate.counts
    assert made.suite == "tickets"
    assert made.description == "Which queue does a request belong to?"
    assert counts is not None
    assert counts.both_right + counts.student_only + counts.teacher_only + counts.both_wrong == made.data.splits["gate"]
    assert made.gate.retention is not None
    assert made.gate.retention.value == pytest.approx(
        (counts.both_right + counts.student_only) / (counts.both_right + counts.teacher_only)
    )
    assert [(one.student, one.round, one.n_examples) for one in made.candidates] == [("linear", 1, 200)]
    assert [(one.random_examples, one.mined_examples) for one in made.rounds] == [(200, 0)]
    assert {(row.slice, row.value) for row in made.slices} == {("language", "en"), ("language", "it's")}
    assert sum(row.n for row in made.slices) == made.data.splits["gate"]
    assert made.lineage.packages["duckdb"]
    assert made.lineage.artifact == made.lineage.student_fingerprint


def test_the_gate_bound_is_the_one_of_the_verdict(made: Dossier) -> None:
    quality = made.verdict.rules[0]
    assert made.gate.retention is not None
    assert (made.gate.retention.value, made.gate.retention.lower) == (quality.value, quality.bound)
    assert made.gate.requirement == quality.requirement == 0.8


def test_a_stand_ins_price_is_the_first_assumption(made: Dossier) -> None:
    names = [one.name for one in made.assumed]
    assert names[:2] == ["teacher price", "traffic.requests_per_month"]
    assert made.assumed[0].value == "anthropic/claude-opus-4-5"
    assert "serving.cpu.usd_per_hour" in names
    assert not [name for name in names if name.startswith(("loop.", "data."))]
    assert all(row.assumed for row in made.spend)


def test_no_text_of_the_gate_split_is_shown(finished: tuple[Store, str], made: Dossier) -> None:
    store, _ = finished
    with store.read() as connection:
        texts = [row[0] for row in connection.execute("SELECT text FROM items WHERE split = 'gate'").fetchall()]
    assert len(texts) == made.data.splits["gate"]
    assert made.failures, "some dev items are shown"
    for page in (render_html(made), render_markdown(made), made.model_dump_json()):
        assert not [text for text in texts if text in page]


def test_the_money_is_that_of_the_cost_rules(made: Dossier) -> None:
    money = made.money
    assert money.baseline_monthly is not None and money.candidate_monthly is not None
    assert money.saving_monthly == money.baseline_monthly - money.candidate_monthly
    reduction = next(rule for rule in made.verdict.rules if rule.rule == "gates.cost.reduction")
    assert float(money.reduction or 0) == pytest.approx(reduction.value)
    per_request = next(one.value for one in money.quantities if one.name == "serving_usd_per_request")
    assert float(made.candidates[0].usd_per_million or 0) == pytest.approx(float(per_request or 0) * 1e6, rel=1e-5)


def test_the_store_is_free_while_a_report_is_rendered(finished: tuple[Store, str]) -> None:
    store, run = finished
    rows = read_rows(store, run)
    with store.write() as connection:  # would fail if the reader still held the file
        connection.execute("SELECT 1")
    assert rows.run.run == run


@pytest.mark.slow
def test_the_same_store_gives_the_same_dossier(finished: tuple[Store, str], made: Dossier) -> None:
    assert dossier_from_store(*finished) == made
    assert Dossier.model_validate_json(made.model_dump_json()) == made
    assert headline(made).startswith(("Promote.", "Inconclusive.", "Reject."))


@pytest.mark.slow
def test_a_report_is_three_files(finished: tuple[Store, str], made: Dossier, tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "one"
    assert write_report(*finished, folder) == made
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    assert Dossier.model_validate_json((folder / "report.json").read_text()) == made
    assert (folder / "report.html").read_text() == render_html(made)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(*finished, in_the_way / "report")


def test_an_unknown_run_is_refused_with_the_known_ones(finished: tuple[Store, str]) -> None:
    store, run = finished
    with pytest.raises(InputError, match="no run 'nope'") as caught:
        dossier_from_store(store, "nope")
    assert run in str(caught.value.hint)


def test_a_run_without_a_verdict_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    with open_session(load_suite(write_suite(tmp_path)), store) as session:
        pass
    with pytest.raises(InputError, match="has no verdict yet"):
        dossier_from_store(store, session.run)
