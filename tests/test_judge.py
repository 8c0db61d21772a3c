"""A judge that is a model: asked once, paid once, corrected by people, and unable to promote what people would not."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_suite import (
    LABELS,
    PRICE,
    Run,
    Teacher,
    call,
    change,
    copy_store,
    good_answer,
    http_server,
    loop,
    make_rows,
    merged,
    rows_of,
    teacher_says,
    write_jsonl,
    write_yaml,
)

from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.facts import Facts, facts_of
from gatekeeper.decide.judging import by_people, judge_against_people
from gatekeeper.decide.scores import ItemScores, paired, scores_of_items
from gatekeeper.errors import DataError, SuiteError
from gatekeeper.gate.retention import HumanScores, PairedScores, judge_retention
from gatekeeper.models import build_judge
from gatekeeper.records import Completion, Item, Message, Prediction, Request
from gatekeeper.run.judging import Judging
from gatekeeper.run.sealing import rules_of
from gatekeeper.scorers.judge import NOT_A_VERDICT, Judge, verdict_of
from gatekeeper.stats.judged import judged
from gatekeeper.store.connection import Store
from gatekeeper.store.firewall import OpenItems
from gatekeeper.store.seals import changes_between
from gatekeeper.suite.data import load_items
from gatekeeper.suite.load import load_suite
from gatekeeper.suite.spec import ReplayTeacher

ROWS = {"pool": 300, "dev": 40, "gate": 300}
LABELLED = 210
"""Gate rows with people's answers; 200 are needed at a retention of 0.95."""
RUBRIC = "Message: {{ input }}\nQueue: {{ output }}\nIs this the right queue? Say yes or no."
MISTAKEN = ("password", "login")
"""Texts with one of these words are what a bad student gets wrong."""
PAIRS = "SELECT count(DISTINCT (item_id, trim(output))) FROM predictions"


def asked(text: str, label: str) -> str:
    return RUBRIC.replace("{{ input }}", text).replace("{{ output }}", label)


def accepts(question: str, lenient: float) -> bool:
    """Yes to the right queue, and with probability `lenient` to a wrong one; the same question, the same answer."""
    message, queue = question.splitlines()[:2]
    right = queue.removeprefix("Queue: ") == teacher_says(message.removeprefix("Message: "))
    return right or random.Random(question).random() < lenient


def write_judged(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    labelled: int = LABELLED,
    bad: bool = False,
    lenient: float = 0.0,
    rows: Mapping[str, int] = ROWS,
) -> Path:
    """Write a suite whose deciding scorer is a judge. People disagree with teacher and judge on a few rows.

    Args:
        labelled: gate rows that have people's answers; every second development row has one.
        bad: whether students learn from wrong answers to texts with a word of `MISTAKEN`.
        lenient: how often the judge accepts a wrong answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answers, verdicts = [], []
    for split, count in rows.items():
        made: list[dict[str, Any]] = [dict(row) for row in make_rows(split, count)]
        for place, row in enumerate(made):
            right = teacher_says(row["text"])
            confused = bad and split == "pool" and not set(MISTAKEN).isdisjoint(row["text"].split())
            answers.append({"item_id": row["id"], "output": "billing" if confused else right, "usage": USAGE})
            questions = [asked(row["text"], label) for label in LABELS] if split != "pool" else []
            verdicts += [{"input": one, "output": "Yes." if accepts(one, lenient) else "No."} for one in questions]
            if random.Random(row["id"]).random() < 0.06:
                row["label"] = LABELS[LABELS.index(right) - 1]
            if (split == "gate" and place >= labelled) or (split == "dev" and place % 2):
                row["label"] = None
        write_jsonl(folder / f"{split}.jsonl", made)
    write_jsonl(folder / "answers.jsonl", answers)
    write_jsonl(folder / "verdicts.jsonl", verdicts)
    splits = {split: {"jsonl": f"{split}.jsonl"} for split in rows}
    suite = {
        "version": 1,
        "suite": "judged",
        "evals": [
            {
                "version": 1,
                "eval": "judged",
                "data": {"id": "id", "input": "text", "target": "label", "splits": splits},
                "task": {"labels": list(LABELS)},
                "scorers": {"helpful": {"judge": {"rubric": RUBRIC, "people": "gold"}}, "gold": "exact"},
                "primary": "helpful",
            }
        ],
        "teacher": {"model": "replay", "answers": {"jsonl": "answers.jsonl"}, "priced_as": PRICE},
        "judge": {"model": "replay", "answers": {"jsonl": "verdicts.jsonl"}, "priced_as": PRICE},
        "students": [{"name": "linear", "recipe": "linear"}],
        "traffic": {"requests_per_month": 500_000_000},
        "gates": {"quality": {"retention": 0.95, "looks": 1, "look_when": 0.0}, "cost": {"reduction": 2}},
        "loop": {"rounds": 1, "examples_per_round": 300, "budget_usd": 10},
    }
    return write_yaml(folder / "suite.yaml", merged(suite, changes or {}))


USAGE = {"input_tokens": 40, "output_tokens": 2}


def facts_and_scores(store: Path, split: Any = "gate") -> tuple[Facts, ItemScores]:
    with Store(store, create=False).read() as connection:
        run, model = connection.execute("SELECT run, model FROM verdicts").fetchall()[0]
        facts = facts_of(connection, run)
        return facts, scores_of_items(connection, facts, model, split)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A student as good as its teacher, and a judge that is right."""
    folder = tmp_path_factory.mktemp("good")
    return loop(write_judged(folder / "suite"), folder / "store" / "g.duckdb")


def test_a_good_student_is_promoted_with_some_rows_labelled(good: Run) -> None:
    assert good.finished.code == 0, good.finished.said
    quality = good.verdict["rules"][0]
    assert quality["outcome"] == "pass"
    assert f"300 gate rows, {LABELLED} of them judged by people as well" in quality["sentence"]
    facts, found = facts_and_scores(good.store)
    assert found.human is not None and np.isfinite(found.student).all() and not facts.fidelity
    assert int(np.isfinite(found.human.student).sum()) == LABELLED
    assert np.nanmean(found.human.teacher) < 0.97, "people are stricter than the judge, or nothing is corrected here"


def test_each_answer_is_judged_once_and_paid_for_in_the_same_budget(good: Run) -> None:
    paid = rows_of(good.store, "SELECT key, state, settled > 0, assumed FROM spend WHERE purpose = 'judge'")
    assert len(paid) == rows_of(good.store, PAIRS)[0][0] == ROWS["dev"] + ROWS["gate"]
    assert {row[1:] for row in paid} == {("settled", True, True)} and not any("#" in key for key, *_ in paid)
    judge = rows_of(good.store, "SELECT detail ->> '$.fingerprint' FROM events WHERE kind = 'judge'")[0][0]
    assert rows_of(good.store, f"SELECT price_id FROM models WHERE fingerprint = '{judge}'") == [(PRICE,)]
    scores = dict(rows_of(good.store, "SELECT scorer, count(value) FROM scores GROUP BY scorer"))
    labelled = LABELLED + ROWS["dev"] // 2
    assert scores == {"helpful": 2 * (ROWS["dev"] + ROWS["gate"]), "gold": 2 * labelled}


def test_what_was_judged_on_gate_rows_stays_behind_the_firewall(good: Run) -> None:
    sql = "SELECT suite, list(request_key) FROM completions JOIN items USING (suite, item_id) WHERE split = '{}' {}"
    by_judge = "AND model = (SELECT detail ->> '$.fingerprint' FROM events WHERE kind = 'judge') GROUP BY suite"
    (suite, closed), (_, dev) = (rows_of(good.store, sql.format(split, by_judge))[0] for split in ("gate", "dev"))
    assert len(closed) == ROWS["gate"] and len(dev) == ROWS["dev"]
    open_items = OpenItems(Store(good.store, create=False), suite)
    assert open_items.completions(closed) == {}
    assert open_items.completions(dev).keys() == set(dev)
    for (model,) in rows_of(good.store, "SELECT DISTINCT model FROM scores"):
        assert {score.item_id[:3] for score in open_items.scores(model, "helpful")} == {"dev"}


def test_verify_scores_again_from_what_the_judge_has_said(good: Run, tmp_path: Path) -> None:
    before = rows_of(good.store, "SELECT count(*) FROM scores")[0][0]
    done = call("verify", "--store", good.store)
    assert done.code == 0 and f"{before:,} scores" in done.said, done.said
    store = copy_store(good.store, tmp_path / "changed")
    change(store, "UPDATE completions SET output = 'No.' WHERE output = 'Yes.' AND item_id = 'gate-0000'")
    done = call("verify", "--store", store)
    assert done.code == 1 and "item gate-0000" in done.said and "is 1.0, scoring gives 0.0" in done.said, done.said
    store = copy_store(good.store, tmp_path / "gone")
    change(store, "DELETE FROM completions WHERE output = 'Yes.' AND item_id = 'gate-0001'")
    assert "is 1.0, scoring gives None" in call("verify", "--store", store).said


@pytest.mark.slow
def test_a_naive_judge_cannot_promote_a_bad_student(tmp_path: Path) -> None:
    run = loop(write_judged(tmp_path / "suite", bad=True, lenient=0.9), tmp_path / "store" / "g.duckdb")
    assert run.finished.code in (10, 11), run.finished.said
    quality = run.verdict["rules"][0]
    facts, found = facts_and_scores(run.store)
    chosen = Chosen("linear", 1, "", None)
    ours = paired(found, chosen, fidelity=False)
    alpha = facts.requirement.alpha
    alone = PairedScores(ours.student, ours.teacher, ours.n_expected)
    assert judge_retention(alone, 0.95, alpha, alpha).passed, "the judge alone must be fooled, or nothing is shown"
    assert quality["outcome"] != "pass" and quality["value"] < 0.95
    assert quality["value"] == judge_retention(ours, 0.95, alpha, alpha).estimate.value
    assert "groups" not in (quality["settle"] or "")
    with Store(run.store, create=False).read() as connection:
        against = judge_against_people(connection, facts, "gate")
        dev = judge_against_people(connection, facts)
    assert against is not None and dev is not None and dev.answers < against.answers
    agreement = rows_of_gate(run.store)
    assert against.answers == len(agreement)
    wrong = [judge for judge, people in agreement if not people]
    assert against.rates.specificity.value == pytest.approx(1 - sum(wrong) / len(wrong))
    assert (against.rates.specificity.value or 0) < 0.3 < (against.rates.sensitivity.value or 0)


def rows_of_gate(store: Path) -> list[tuple[bool, bool]]:
    """Judge and people on each distinct answer to a labelled gate row, without the query under test."""
    sql = """SELECT item_id, model, scorer, value, output FROM scores JOIN predictions USING (item_id, model)
             WHERE starts_with(item_id, 'gate')"""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for item, _, scorer, value, output in rows_of(store, sql):
        found.setdefault((item, output), {})[scorer] = value == 1.0
    return [(one["helpful"], one["gold"]) for one in found.values() if "gold" in one]


@pytest.mark.slow
def test_too_few_labels_cost_no_look_and_the_verdict_says_what_they_would_cost(tmp_path: Path) -> None:
    costs = {"costs": {"usd_per_label": 0.25}}
    run = loop(write_judged(tmp_path / "suite", costs, labelled=150), tmp_path / "store" / "g.duckdb")
    assert run.finished.code == 11, run.finished.said
    quality = run.verdict["rules"][0]
    assert rows_of(run.store, "SELECT count(*) FROM looks") == [(0,)]
    assert "People have labelled 150 of the 300 gate rows" in quality["sentence"] and "200" in quality["sentence"]
    assert "50 more gate rows" in quality["settle"] and "$12.50" in quality["settle"]
    assert call("verify", "--store", run.store).code == 0


def verdict_body(text: str, lenient: float = 0.0) -> bytes:
    body = json.loads(good_answer(text))
    body["choices"][0]["message"]["content"] = "Yes" if accepts(text, lenient) else "No, it is not."
    return json.dumps(body).encode()


@pytest.fixture
def server() -> Iterator[Teacher]:
    """A judge behind HTTP."""
    with http_server(lambda _, text: (200, "application/json", verdict_body(text))) as judge:
        yield judge


SMALL = {"pool": 120, "dev": 20, "gate": 210}


def http_judged(folder: Path, server: Teacher, **more: Any) -> Path:
    judge = {"model": "openai/judge", "base_url": server.url, "concurrency": 4, "answers": None, **more}
    return write_judged(folder, {"judge": judge}, rows=SMALL)


@pytest.mark.slow
def test_killed_while_the_judge_answers_the_run_goes_on_and_pays_nothing_twice(server: Teacher, tmp_path: Path) -> None:
    suite, store = http_judged(tmp_path / "suite", server), tmp_path / "store" / "g.duckdb"
    server.run_and_kill(lambda number, _: number == SMALL["dev"] + 90, "loop", suite, "--store", store)
    first = len(server.log)
    done = call("loop", suite, "--store", store)
    assert done.code == 0, done.said
    assert sum(count > 1 for count in server.counts.values()) <= 4, "only what was in flight may be asked again"
    assert len(server.counts) == rows_of(store, PAIRS)[0][0] and len(server.log) < first + SMALL["gate"]
    assert rows_of(store, "SELECT count(*) FROM spend WHERE purpose = 'judge' AND state <> 'settled'")[0][0] <= 4
    assert rows_of(store, "SELECT count(*) FROM scores WHERE value IS NULL") == [(0,)]
    assert call("verify", "--store", store).code == 0
    asked_before = len(server.log)
    assert call("loop", suite, "--store", store).code == 0 and len(server.log) == asked_before


def test_the_budget_holds_for_the_judge_and_what_it_said_is_kept(server: Teacher, tmp_path: Path) -> None:
    # The teacher's answers to dev cost $0.005, a question to the judge at most about $0.0015.
    suite = http_judged(tmp_path / "suite", server)
    text = suite.read_text().replace("budget_usd: 10", "budget_usd: 0.008")
    suite.write_text(text)
    store = tmp_path / "store" / "g.duckdb"
    done = call("loop", suite, "--store", store)
    assert done.code == 12 and "judge call" in done.said, done.said
    assert 0 < len(server.log) < SMALL["dev"]
    spent = rows_of(store, "SELECT sum(coalesce(settled, reserved)) FROM spend")[0][0]
    assert spent <= Decimal("0.008")
    said = rows_of(store, "SELECT count(*) FROM completions WHERE output IN ('Yes', 'No, it is not.')")[0][0]
    assert said == len(server.log)


def test_a_judge_that_gives_no_verdict_is_told_apart_from_one_that_refuses(tmp_path: Path) -> None:
    body = json.dumps(
        {
            "choices": [{"message": {"role": "assistant", "content": "It depends."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 2},
        }
    ).encode()
    with http_server(lambda *_: (200, "application/json", body)) as judge:
        suite = http_judged(tmp_path / "suite", judge)
        done = call("loop", suite, "--store", tmp_path / "g.duckdb")
    assert done.code == 1 and "neither yes nor no to any of 20 answers" in done.said and "It depends." in done.said
    assert len(judge.log) == SMALL["dev"], "nothing more is asked then"


def test_an_unpriced_judge_stops_before_anything_is_asked(tmp_path: Path) -> None:
    suite = write_judged(tmp_path / "suite", {"judge": {"priced_as": None}}, rows=SMALL)
    done = call("loop", suite, "--store", tmp_path / "g.duckdb")
    assert done.code == 13 and "judge: the replay judge has no price" in done.said, done.said
    assert not (tmp_path / "g.duckdb").exists() or rows_of(tmp_path / "g.duckdb", "FROM completions") == []


def test_recorded_verdicts_are_found_by_what_was_asked_and_never_by_the_item(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "verdicts.jsonl",
        [{"item_id": "a", "input": "one?", "output": "yes"}, {"item_id": "a", "input": "two?", "output": "no"}],
    )
    spec = ReplayTeacher.model_validate({"model": "replay", "answers": {"jsonl": str(path)}})
    said = build_judge(spec).complete(
        Request(item_id="a", text=text, messages=(Message(role="user", content=text),)) for text in ("two?", "three?")
    )
    assert [(one.output, one.error_class) for one in said] == [("no", None), (None, "not_recorded")]
    write_jsonl(path, [{"item_id": "a", "output": "yes"}])
    with pytest.raises(DataError, match="input: is missing"):
        build_judge(spec)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", 1.0),
        ("Yes.", 1.0),
        ("  **YES**, since", 1.0),
        ("no", 0.0),
        ("No, yes would be wrong", 0.0),
        ("Not at all", None),
        ("yesterday", None),
        ("Answer: yes", None),
        ("no_answer", None),
        ("...", None),
        ("", None),
    ],
)
def test_a_verdict_is_the_first_word(text: str, value: float | None) -> None:
    assert verdict_of(text) == value


def test_what_a_judge_cannot_say_is_no_score_and_what_it_does_not_accept_is_none() -> None:
    judge = Judge("helpful", RUBRIC, "gold", "b2:m")
    said = Completion(request_key="k", item_id="i", model="b2:m", output="maybe")
    assert judge.value("billing", said) == (0.0, NOT_A_VERDICT)
    assert judge.value(None, None) == (0.0, "no answer")
    assert judge.value("billing", None)[0] is None
    failed = Completion(request_key="k", item_id="i", model="b2:m", error_class="timeout")
    assert judge.value("billing", failed) == (None, "the judge: timeout")
    others = (judge.by("b2:n"), Judge("helpful", RUBRIC + " ", "gold", "b2:m"), Judge("helpful", RUBRIC, "x", "b2:m"))
    assert judge.version not in {one.version for one in others} and len({one.version for one in others}) == 3


def test_the_same_answer_is_the_same_question_whoever_gave_it() -> None:
    judging = Judging(Judge("helpful", RUBRIC, "gold", "b2:m"), {"max_tokens": 1}, LABELS)
    item = Item(id="i", eval="e", split="gate", cluster="i", text="where is it", messages=())
    keys = {
        judging.key(item, Prediction(item_id="i", model=model, output=output))
        for model, output in (("teacher", " billing\n"), ("student", "billing"))
    }
    assert len(keys) == 1 and None not in keys
    assert judging.key(item, Prediction(item_id="i", model="m", output="shipping")) not in keys
    request = judging.request(item, Prediction(item_id="i", model="m", output="billing"))
    assert request is not None and request.text == asked("where is it", "billing") and request.item_id == "i"
    assert judging.key(item, Prediction(item_id="i", model="m", output=None)) is None
    lost = Prediction(item_id="i", model="m", output=None, error_class="timeout")
    assert judging.score(item, lost, {}).value is None


@pytest.mark.parametrize("seed", range(30))
def test_a_student_that_is_right_where_its_teacher_is_keeps_exactly_all(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(210, 400))
    labelled = np.isin(np.arange(rows), generator.permutation(rows)[: int(generator.integers(200, rows + 1))])
    people = (generator.random(int(labelled.sum())) < 0.93).astype(float)
    judge = (generator.random(rows) < 0.97).astype(float)
    estimate = judged(people, people, judge, judge, labelled, r0=0.95, alpha=0.05).estimate
    assert [estimate.value, estimate.lower, estimate.upper] == pytest.approx([1, 1, 1], abs=1e-6)


def test_where_the_teacher_answers_its_scores_by_people_count_as_well() -> None:
    nan = float("nan")
    student, teacher = np.array([1.0, 0, 1, 1]), np.array([0.0, 1, 1, 1])
    human = HumanScores(np.array([0.0, 0, nan, 1]), np.array([1.0, 1, nan, 0]))
    found = ItemScores(student, teacher, np.array([0.9, 0.1, 0.9, 0.1]), None, human)
    part = paired(found, Chosen("s", 1, "m", None, threshold=0.5), fidelity=False)
    assert part.student.tolist() == [1, 1, 1, 1] and part.human is not None
    assert part.human.student[[0, 1, 3]].tolist() == [0, 1, 0] and np.isnan(part.human.student[2])
    whole = paired(found, Chosen("s", 1, "m", None), fidelity=False)
    assert whole.human is human
    rows, parts = by_people(whole, {"lang": (np.array([0, 1, 1, -1]), ("de", "en"))})
    assert rows.human is None and rows.student.tolist() == [0, 0, 1] and rows.teacher.tolist() == [1, 1, 0]
    assert parts["lang"][0].tolist() == [0, 1, -1] and parts["lang"][1] == ("de", "en")


def _rubric(text: Any) -> dict[str, Any]:
    return {"helpful": {"judge": {"rubric": text, "people": "gold"}}, "gold": "exact"}


ENCODER = {"model": "encoder", "init": "package:x/y", "answers": None}
MISTAKES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    # changes of the suite, of its eval, key path, message and hint
    ({"judge": None}, {}, "judge", "no model is named for it"),
    ({"judge": ENCODER}, {}, "judge.model", "valid: chat, replay, openai/<name>"),
    ({"judge": {"modl": 1}}, {}, "judge.modl", "unknown key"),
    ({"judge": {"answers": {"jsonl": "none.jsonl"}}}, {}, "judge.answers.jsonl", "does not exist"),
    ({}, {"scorers": {"gold": "exact"}, "primary": "gold"}, "judge", "nothing asks this model"),
    ({}, {"primary": "gold"}, "scorers.helpful.judge", "not `primary`, so nothing would ask it"),
    ({}, {"scorers": {"helpful": {"judge": {"rubric": RUBRIC, "people": "gld"}}, "gold": "exact"}},
     "scorers.helpful.judge.people", "did you mean `gold`"),
    ({}, {"scorers": {"helpful": {"judge": {"rubric": RUBRIC, "people": "helpful"}}}},
     "scorers.helpful.judge.people", "is a judge itself"),
    ({}, {"scorers": {"helpful": {"judge": {"rubric": RUBRIC}}, "gold": "exact"}},
     "scorers.helpful.judge.people", "a required key is missing"),
    ({}, {"scorers": {"helpful": {"judge": {"rubric": RUBRIC, "people": "gold"}, "exact": {}}, "gold": "exact"}},
     "scorers.helpful", "needs exactly one of exact, judge"),
    ({}, {"scorers": _rubric("{{ input }} {{ outptu }}")}, "scorers.helpful.judge.rubric", "names outptu, and only"),
    ({}, {"scorers": _rubric("{{ input }} {{ output")}, "scorers.helpful.judge.rubric", "not valid"),
    ({}, {"scorers": _rubric("{{ input }} {{ output.__class__ }}")}, "scorers.helpful.judge.rubric", "not valid"),
    ({}, {"scorers": _rubric("{{ input }}: right?")}, "scorers.helpful.judge.rubric", "never uses `output`"),
    ({}, {"scorers": _rubric("{{ output }}: right?")}, "scorers.helpful.judge.rubric", "never uses `input`"),
    ({}, {"scorers": _rubric({"file": "none.md"})}, "scorers.helpful.judge.rubric.file", "does not exist"),
    ({}, {"scorers": _rubric(5)}, "scorers.helpful.judge.rubric", "should be a text"),
    ({}, {"data": {"target": None}}, "data.target", "corrected by people's answers"),
    ({}, {"data": {"cluster": "id"}}, "data.cluster", "rows that belong together"),
    ({}, {"task": {"labels": ["billing", "Billing", "shipping", "account"]}}, "task.labels", "cannot tell"),
]  # fmt: skip


@pytest.mark.parametrize(("suite", "evaluation", "path", "message"), MISTAKES)
def test_a_mistake_is_one_problem_with_place_and_fix(
    suite: dict[str, Any], evaluation: dict[str, Any], path: str, message: str, tmp_path: Path
) -> None:
    problem = problem_of(tmp_path, suite, evaluation)
    assert problem.path.removeprefix("evals[0].") == path
    assert message in str(problem)


def problem_of(folder: Path, suite: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Any:
    path = changed(folder, suite, evaluation)
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    assert len(caught.value.problems) == 1, caught.value
    return caught.value.problems[0]


def changed(folder: Path, suite: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Path:
    """Write a small judged suite with changes; `scorers` are replaced as a whole."""
    import yaml

    path = write_judged(folder, suite, rows=SMALL)
    content = yaml.safe_load(path.read_text())
    inline = content["evals"][0]
    if "scorers" in evaluation:
        inline["scorers"] = {}
    content["evals"][0] = merged(inline, evaluation)
    return write_yaml(path, content)


def test_only_the_eval_that_decides_may_be_judged(tmp_path: Path) -> None:
    other = {
        "version": 1,
        "eval": "other",
        "role": "guard",
        "data": {"source": {"jsonl": "dev.jsonl"}, "input": "text", "target": "label"},
        "task": {"labels": list(LABELS)},
        "scorers": _rubric(RUBRIC),
        "primary": "helpful",
    }
    path = write_judged(tmp_path, rows=SMALL)
    import yaml

    content = yaml.safe_load(path.read_text())
    write_yaml(path, {**content, "evals": [*content["evals"], other]})
    with pytest.raises(SuiteError, match="only the eval of `role: main` may be judged"):
        load_suite(path)


def test_a_rubric_from_a_file_is_read_and_digested(tmp_path: Path) -> None:
    (tmp_path / "rubric.md").write_text(RUBRIC, encoding="utf-8")
    suite = load_suite(changed(tmp_path, {}, {"scorers": _rubric({"file": "rubric.md"})}))
    scorer = suite.eval.scorer
    assert isinstance(scorer, Judge) and scorer.rubric == RUBRIC and suite.eval.gold.name == "gold"
    assert {tmp_path / "rubric.md", tmp_path / "verdicts.jsonl"} <= set(suite.files)


def test_only_rows_that_a_judge_scores_may_do_without_a_right_answer(tmp_path: Path) -> None:
    items = load_items(load_suite(write_judged(tmp_path / "judged", rows=SMALL, labelled=205)))
    assert sum(item.target is None for item in items.split("gate")) == 5
    exact = changed(tmp_path / "exact", {"judge": None}, {"scorers": {"gold": "exact"}, "primary": "gold"})
    write_jsonl(exact.parent / "dev.jsonl", [{"id": "a", "text": "lost parcel", "label": None}])
    with pytest.raises(DataError, match=r"(?s)1 rows of the split dev have no right answer.*only the pool may"):
        load_items(load_suite(exact))


def test_judge_and_rubric_are_part_of_what_makes_results_comparable(tmp_path: Path) -> None:
    def fingerprint(suite: dict[str, Any], evaluation: dict[str, Any]) -> str:
        return load_suite(changed(tmp_path, {"judge": OPENAI | suite}, evaluation)).fingerprint("b2:items")

    base = fingerprint({}, {})
    assert fingerprint({}, {}) == base == fingerprint({"concurrency": 2, "priced_as": PRICE}, {})
    others = [
        fingerprint({"model": "openai/b"}, {}),
        fingerprint({"params": {"temperature": 0}}, {}),
        fingerprint({}, {"scorers": _rubric(RUBRIC + " Please.")}),
        fingerprint({}, {"scorers": _rubric(RUBRIC) | {"gold": {"exact": {"normalize": ["strip"]}}}}),
    ]
    assert len({base, *others}) == 5
    assumed = dict(load_suite(changed(tmp_path, {"judge": OPENAI}, {})).assumed)
    assert assumed["judge.params.max_tokens"] == 16


def test_another_judge_or_another_correction_loosens_sealed_rules(tmp_path: Path) -> None:
    def rules(judge: dict[str, Any], scorers: dict[str, Any]) -> dict[str, Any]:
        suite = load_suite(changed(tmp_path, {"judge": OPENAI | judge}, {"scorers": scorers}))
        return rules_of(suite, load_items(suite))

    base = rules({}, _rubric(RUBRIC) | {"lax": "exact"})
    assert changes_between(base, rules({"concurrency": 2}, _rubric(RUBRIC) | {"lax": "exact"})) == []
    (other,) = changes_between(base, rules({"model": "openai/b"}, _rubric(RUBRIC) | {"lax": "exact"}))
    assert other.key == "judge.model"
    lax = {"helpful": {"judge": {"rubric": RUBRIC, "people": "lax"}}, "gold": "exact", "lax": "exact"}
    (people,) = changes_between(base, rules({}, lax))
    assert people.key == "scorers.judged/helpful" and other.loosening and people.loosening


OPENAI: dict[str, Any] = {"model": "openai/a", "answers": None}
