"""A saving counts against the cheapest model that is good enough: verdicts, money, resuming, verifying, bad suites."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_suite import Gated, run_gate
from hypothesis import given
from hypothesis import strategies as st
from tiny_suite import (
    LABELS,
    Teacher,
    call,
    change,
    copy_store,
    http_server,
    make_rows,
    merged,
    rows_of,
    teacher_says,
    write_jsonl,
    write_suite,
    write_yaml,
)

from gatekeeper.cost.case import Baseline
from gatekeeper.cost.prices import Price
from gatekeeper.cost.scenario import Scenario, compare
from gatekeeper.cost.serving import Serving
from gatekeeper.cost.usage import price_requests
from gatekeeper.errors import BudgetExceededError
from gatekeeper.gate.bill import scenario_of
from gatekeeper.gate.quality import RULE as QUALITY
from gatekeeper.records import Estimate, Measurement, Usage
from gatekeeper.report.data import Dossier
from gatekeeper.report.sources import shown_numbers
from gatekeeper.report.write import write_report
from gatekeeper.store.connection import Store
from gatekeeper.store.seals import changes_between
from gatekeeper.store.spend import costs_of
from gatekeeper.suite import load_suite
from gatekeeper.verify.run import verify_run

pytestmark = pytest.mark.slow

REDUCTION, PAYBACK = "gates.cost.reduction", "gates.cost.payback_months"
PRICES = [
    {"model": "acme/cheap", "input_per_m": 0.02, "output_per_m": 0.1, "as_of": "2026-11-01", "source": "a contract"},
    {"model": "acme/dear", "input_per_m": 50, "output_per_m": 250, "as_of": "2026-11-01", "source": "a contract"},
]
CHEAP_USD, TEACHER_USD, DEAR_USD = Decimal("0.000001"), Decimal("0.00025"), Decimal("0.0025")
"""Of one answer: 40 tokens in and 2 out."""
ROWS = {"pool": 240, "dev": 60, "gate": 60}
FEW_DEV = {**ROWS, "dev": 20}
"""So few development rows show nothing: even a perfect copy of the teacher stays open on them."""
QUICK = {"gates": {"quality": {"looks": 1}}, "loop": {"rounds": 2}}
"""One look has the whole error, so a good student passes in its first round."""


def recorded(folder: Path, name: str, rows: Mapping[str, int], *, wrong: float, price: str) -> dict[str, Any]:
    """A recorded baseline that gives a wrong answer to the first rows of each split, as a share of them."""
    answers = []
    for split, count in rows.items():
        for place, row in enumerate(make_rows(split, count)):
            right = teacher_says(row["text"])
            output = LABELS[(LABELS.index(right) + 1) % 3] if place < wrong * count else right
            # `finish_reason` tells two files of the same answers apart.
            usage = {"input_tokens": 40, "output_tokens": 2}
            answers.append({"item_id": row["id"], "output": output, "usage": usage, "finish_reason": name})
    write_jsonl(folder / f"{name}.jsonl", answers)
    return {"name": name, "model": "replay", "answers": {"jsonl": f"{name}.jsonl"}, "priced_as": price}


def baseline_suite(folder: Path, *, rows: Mapping[str, int] = ROWS, **changes: Any) -> Path:
    """A suite with a recorded baseline `cheap`, whose answers are the teacher's at a small part of its price."""
    path = write_suite(folder, merged(QUICK, changes), rows=rows)
    (folder / "prices.yaml").write_text(yaml.safe_dump(PRICES), encoding="utf-8")
    baselines = [recorded(folder, "cheap", rows, wrong=0.0, price="acme/cheap")]
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    return write_yaml(path, {"prices": "prices.yaml", "baselines": baselines, **suite})


def edited(path: Path, changes: Mapping[str, Any]) -> Path:
    return write_yaml(path, merged(yaml.safe_load(path.read_text(encoding="utf-8")), changes))


def costs(done: Gated) -> dict[str, Any]:
    with done.store.read() as connection:
        return {name: one.value for name, one in costs_of(connection, done.run).items()}


def count(done: Gated, rest: str) -> int:
    return int(rows_of(done.store.path, f"SELECT count(*) FROM {rest}")[0][0])


def asked_on_gate(done: Gated, name: str = "cheap") -> int:
    """How many gate rows the baseline of this name has answered."""
    return count(
        done,
        f"""predictions JOIN items USING (suite, item_id) JOIN events ON detail ->> '$.fingerprint' = predictions.model
            WHERE split = 'gate' AND kind = 'baseline' AND detail ->> '$.name' = '{name}'""",
    )


@pytest.mark.slow
def test_a_cheap_model_that_passes_on_dev_makes_a_student_needless(tmp_path: Path) -> None:
    done = run_gate(baseline_suite(tmp_path), tmp_path / "g.duckdb")
    assert done.verdict.decision == "reject"
    assert done.rule(REDUCTION).outcome == "fail" and done.rule(PAYBACK).outcome == "fail"
    said = done.verdict.sentence
    assert said.startswith("Do not distil: cheap already passes and costs $500.00 a month (an assumed price)")
    assert "a factor of 250 less than the teacher ($125,000.00)" in said and "Reject linear" in said
    assert "on 60 development rows" in said
    money = costs(done)
    assert money["baseline_usd_per_month"] == money["baseline.cheap.month_usd"] == 500
    assert money["teacher_month_usd"] == 125_000 and money["teacher_reduction"] > 10
    assert done.rule(REDUCTION).value == pytest.approx(float(500 / money["candidate_usd_per_month"]), rel=1e-9)
    assert money["saving_usd_per_month"] < 0 < money["teacher_saving_usd_per_month"]
    assert "with cheap, the cheapest model that passes" in done.rule(REDUCTION).sentence
    assert asked_on_gate(done) == count(done, "looks") == 0, "dev settles it, so no gate row is paid for"
    assert count(done, "training_runs") == 1, "no later round can change it"
    assert "cheap passes, and no student can save enough against it" in done.said


@pytest.mark.slow
def test_what_is_no_alternative_changes_nothing(tmp_path: Path) -> None:
    path = baseline_suite(tmp_path / "with")
    several = [
        recorded(tmp_path / "with", "bad", ROWS, wrong=0.6, price="acme/cheap"),
        recorded(tmp_path / "with", "unsure", ROWS, wrong=0.1, price="acme/cheap"),
        recorded(tmp_path / "with", "dear", ROWS, wrong=0.0, price="acme/dear"),
        "majority",
    ]
    done = run_gate(edited(path, {"baselines": several}), tmp_path / "with.duckdb")
    plain = run_gate(edited(path, {"baselines": None}), tmp_path / "without.duckdb")
    assert done.verdict.decision == plain.verdict.decision == "promote"
    left = "bad (fails on quality), unsure (is not shown to keep enough), majority (fails on quality)"
    assert done.rule(REDUCTION).sentence.endswith(f" Not counted as an alternative: {left}.")
    with_them, without = costs(done), costs(plain)
    assert with_them["baseline_usd_per_month"] == without["baseline_usd_per_month"] == 125_000
    assert with_them["baseline.majority.month_usd"] == 0 and with_them["baseline.dear.month_usd"] == 1_250_000
    assert [name for name in without if "." in name or name.startswith(("teacher_month", "teacher_red"))] == []
    quality, same = done.rule(QUALITY), plain.rule(QUALITY)
    assert (quality.value, quality.bound, quality.outcome) == (same.value, same.bound, same.outcome)
    asked = {name: asked_on_gate(done, name) for name in ("bad", "unsure", "dear", "majority")}
    assert asked == {"bad": 0, "unsure": ROWS["gate"], "dear": 0, "majority": 0}
    pool = [row["label"] for row in make_rows("pool", ROWS["pool"])]
    always = "SELECT DISTINCT output FROM predictions JOIN models ON model = fingerprint WHERE kind = 'majority'"
    assert rows_of(done.store.path, always) == [(max(sorted(set(pool)), key=pool.count),)]
    assert call("verify", "--store", done.store.path).code == 0


@pytest.mark.slow
def test_against_the_teacher_alone_nothing_else_counts(tmp_path: Path) -> None:
    """Without right answers, too: there the majority is that of the teacher's answers."""
    path = baseline_suite(tmp_path, gates={"cost": {"vs": "teacher"}})
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    del suite["evals"][0]["data"]["target"]
    done = run_gate(write_yaml(path, {**suite, "baselines": [*suite["baselines"], "majority"]}), tmp_path / "g.duckdb")
    assert done.verdict.decision == "promote" and done.verdict.sentence.startswith("Promote linear")
    assert "Baselines do not count here" in done.rule(REDUCTION).sentence
    assert costs(done)["baseline_usd_per_month"] == 125_000
    assert asked_on_gate(done) == 0, "its answers could change nothing"
    dev = [teacher_says(row["text"]) for row in make_rows("dev", ROWS["dev"])]
    always = "SELECT DISTINCT output FROM predictions JOIN models ON model = fingerprint WHERE kind = 'majority'"
    assert rows_of(done.store.path, always) == [(max(sorted(set(dev)), key=dev.count),)]


@pytest.mark.slow
def test_a_student_may_be_cheaper_than_a_baseline_that_passes(tmp_path: Path) -> None:
    path = baseline_suite(tmp_path, traffic={"requests_per_month": 10_000_000_000})
    done = run_gate(path, tmp_path / "g.duckdb")
    assert done.verdict.decision == "promote" and done.verdict.sentence.startswith("Promote linear")
    assert costs(done)["baseline_usd_per_month"] == 10_000 and asked_on_gate(done) == ROWS["gate"]


@pytest.mark.slow
def test_calls_of_a_baseline_count_against_the_budget(tmp_path: Path) -> None:
    path, store = baseline_suite(tmp_path), tmp_path / "g.duckdb"
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    suite["baselines"][0]["priced_as"] = "acme/dear"
    suite["loop"]["budget_usd"] = float(ROWS["dev"] * TEACHER_USD + 30 * DEAR_USD)
    with pytest.raises(BudgetExceededError):
        run_gate(write_yaml(path, suite), store)
    paid = "SELECT settled FROM spend WHERE purpose = 'evaluate'"
    assert sorted(rows_of(store, paid)) == [(TEACHER_USD,)] * ROWS["dev"] + [(DEAR_USD,)] * 30
    done = run_gate(edited(path, {"loop": {"budget_usd": 10}}), store)
    assert done.verdict.decision == "promote"
    assert count(done, "spend WHERE settled = 0.0025") == ROWS["dev"], "what was answered is not paid again"


@pytest.fixture(scope="module")
def server() -> Iterator[Teacher]:
    """An endpoint whose model is as good as the teacher."""
    with http_server() as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize(
    "at",
    [
        pytest.param(FEW_DEV["dev"] // 2, id="development rows", marks=pytest.mark.slow),
        pytest.param(FEW_DEV["dev"] + ROWS["gate"] // 2, id="gate rows"),
    ],
)
def test_a_killed_run_goes_on_without_asking_a_baseline_twice(tmp_path: Path, server: Teacher, at: int) -> None:
    server.clear()
    path, store = baseline_suite(tmp_path, rows=FEW_DEV), tmp_path / "g.duckdb"
    small = {"name": "small", "model": "openai/small", "base_url": server.url, "concurrency": 1}
    edited(path, {"baselines": [{**small, "priced_as": "acme/cheap"}]})
    server.run_and_kill(lambda count, _: count == at, "loop", path, "--store", store)
    assert len(server.log) == at
    done = run_gate(path, store)
    assert done.verdict.sentence.startswith("Do not distil: small") and f"on {ROWS['gate']} gate rows" in (
        done.verdict.sentence
    )
    texts = FEW_DEV["dev"] + ROWS["gate"]
    assert len(server.counts) == texts and len(server.log) <= texts + 2, "only what was under way is asked again"
    usd = """SELECT sum(coalesce(settled, reserved)), count(*) FILTER (state = 'settled')
             FROM spend JOIN completions ON split_part(key, '#', 1) = request_key JOIN models ON fingerprint = model
             WHERE name LIKE '%small%'"""
    spent, settled = rows_of(store, usd)[0]
    assert spent >= texts * CHEAP_USD and settled == texts
    assert call("verify", "--store", store).code == 0


@dataclass(frozen=True)
class Decided:
    """A run whose baseline was left open by dev and passed on gate rows."""

    suite: Path
    store: Path
    run: str


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    folder = tmp_path_factory.mktemp("decided")
    suite = baseline_suite(folder / "suite", rows=FEW_DEV)
    store = folder / "store" / "g.duckdb"
    done = run_gate(suite, store)
    assert done.verdict.decision == "reject" and f"on {ROWS['gate']} gate rows" in done.verdict.sentence
    assert done.rule(REDUCTION).outcome == "fail" and done.verdict.rules[0].rule == QUALITY
    assert asked_on_gate(done) == ROWS["gate"] and count(done, "looks") == 1
    assert count(done, "training_runs") == 1, "no later round can change it"
    return Decided(suite, store, done.run)


_MODEL = "(SELECT detail ->> '$.fingerprint' FROM events WHERE kind = 'baseline')"
_GATE_ROW = "(SELECT item_id FROM items WHERE split = 'gate' ORDER BY item_id LIMIT 1)"
TAMPERED = {
    "scores": (f"UPDATE scores SET value = 0 WHERE model = {_MODEL}", ["table scores", REDUCTION, "do not distil"]),
    "one score": (f"UPDATE scores SET value = 0 WHERE model = {_MODEL} AND item_id = {_GATE_ROW}", ["gate-0000"]),
    "a prediction": (f"DELETE FROM predictions WHERE model = {_MODEL} AND item_id = {_GATE_ROW}", ["gate-0000"]),
    "an answer": (f"UPDATE completions SET output = 'x' WHERE model = {_MODEL}", ["table completions"]),
    "its cost": (
        """UPDATE events SET detail = json_merge_patch(detail, '{"cost": {"usd": "0.001"}}') WHERE kind = 'baseline'""",
        ["table events", REDUCTION, "baseline.cheap.month_usd"],
    ),
    "the baseline": ("DELETE FROM events WHERE kind = 'baseline'", ["table events", "has not answered in run"]),
    "its month": ("UPDATE costs SET value = 1 WHERE name = 'baseline.cheap.month_usd'", ["baseline.cheap.month_usd"]),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_verify_notices_what_was_changed_about_a_baseline(decided: Decided, tmp_path: Path, what: str) -> None:
    store = copy_store(decided.store, tmp_path / "copy")
    assert verify_run(Store(store), decided.run).problems == ()
    statement, named = TAMPERED[what]
    change(store, statement)
    problems = "\n".join(verify_run(Store(store), decided.run).problems).lower()
    assert [text for text in named if text.lower() not in problems] == [], problems


def test_evaluate_shows_baselines_beside_the_students(decided: Decided) -> None:
    answer = json.loads(call("evaluate", decided.suite, "--store", decided.store, "--json").out)
    assert [row["name"] for row in answer][:2] == ["replay", "cheap"] and answer[-1]["name"] == "linear"
    cheap = answer[1]
    assert cheap["round"] is None and cheap["retention"]["value"] == 1.0
    assert cheap["accuracy"]["n_scored"] == FEW_DEV["dev"]


def test_the_report_shows_baselines_and_what_to_do(decided: Decided, tmp_path: Path) -> None:
    dossier = write_report(Store(decided.store), decided.run, tmp_path)
    row = dossier.baselines[0]
    assert (row.name, row.outcome, row.split, row.n) == ("cheap", "pass", "gate", ROWS["gate"])
    assert row.held_against and row.suffices and row.price_assumed and row.month_usd == 500
    assert row.retention is not None and row.retention.lower is not None and row.retention.lower > 0.9
    text = (tmp_path / "report.md").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("# Reject. Do not distil: cheap already passes and costs &#36;500 a month")
    assert "| cheap (replay) | passed | 100.0 % |" in text and "| Monthly bill, cheap | &#36;500 |" in text
    assert "1. Use cheap as it is" in text and "Keep the teacher" not in text
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'data-number="([^"]+)"', page))
    assert {"baselines.cheap.retention", "baselines.cheap.n", "costs.baseline.cheap.month_usd"} <= ids
    assert ids <= shown_numbers(dossier).keys()
    again = Dossier.model_validate_json((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert again == dossier


def test_rules_hold_what_a_student_is_held_against(decided: Decided) -> None:
    sealed = json.loads(rows_of(decided.store, "SELECT content FROM seals")[0][0])
    assert sealed["baselines"]["cheap"]["model"] == "replay" and sealed["gates"]["cost"]["vs"] == "best_passing"
    refused = call("loop", edited(decided.suite, {"gates": {"cost": {"vs": "teacher"}}}), "--store", decided.store)
    edited(decided.suite, {"gates": {"cost": {"vs": "best_passing"}}})
    assert refused.code == 2 and "gates.cost.vs was best_passing and is teacher" in refused.said


def sealed(vs: str | None, *names: str, **models: str) -> dict[str, Any]:
    cost = {"reduction": 2.0} | ({} if vs is None else {"vs": vs})
    return {"gates": {"cost": cost}, "baselines": {name: {"model": models.get(name, "replay")} for name in names}}


@pytest.mark.parametrize(
    ("old", "new", "loosened"),
    [
        (sealed(None), sealed("best_passing", "a"), []),
        (sealed(None), sealed("teacher", "a"), []),
        (sealed("best_passing", "a"), sealed("best_passing", "a", "b"), []),
        (sealed("teacher", "a"), sealed("best_passing", "a"), []),
        (sealed("best_passing", "a"), sealed("teacher", "a"), ["gates.cost.vs"]),
        (sealed("best_passing", "a", "b"), sealed("best_passing", "b"), ["baselines.a"]),
        (sealed("best_passing", "a"), sealed("best_passing", "a", a="openai/x"), ["baselines.a.model"]),
    ],
)
def test_another_baseline_is_stricter_and_one_less_is_looser(
    old: dict[str, Any], new: dict[str, Any], loosened: list[str]
) -> None:
    found = changes_between(old, new)
    assert found and [one.key for one in found if one.loosening] == loosened


@pytest.mark.parametrize(
    ("baselines", "said"),
    [
        (["majority", {"model": "majority"}], "the name 'majority' is another baseline's already"),
        ([{"model": "majority", "name": "linear"}], "the name 'linear' is a student's already"),
        ([{"model": "majority", "name": "teacher"}], "the name 'teacher' is the teacher's already"),
        (["majority", {"model": "majority", "name": "two"}], "'two' is the same model as the baseline 'majority'"),
        (
            [{"name": "again", "model": "replay", "answers": {"jsonl": "answers.jsonl"}, "priced_as": "a/b"}],
            "'again' is the same model as the teacher itself",
        ),
        ([{"model": "replay", "answers": {"jsonl": "cheap.jsonl"}}], "baselines[0].name: a required key is missing"),
        ([{"name": "gone", "model": "replay", "answers": {"jsonl": "gone.jsonl"}}], "the file does not exist"),
        (["antrophic/x"], "is no baseline's short form"),
        ([{"name": "x", "model": "majorty"}], "did you mean `majority`?"),
        ([{"name": "x", "model": "openai/x", "base_url": "ftp://x"}], "should start with http"),
        ([{"name": "x", "model": "encoder", "init": "a/b"}], "the encoder's head learns from right answers"),
    ],
)
def test_a_suite_with_a_bad_baseline_is_refused(tmp_path: Path, baselines: list[Any], said: str) -> None:
    path = edited(baseline_suite(tmp_path), {"baselines": baselines})
    done = call("loop", path, "--store", tmp_path / "g.duckdb")
    assert done.code == 2 and said in done.said, done.said


def test_the_same_answers_under_another_name_are_refused(tmp_path: Path) -> None:
    path = baseline_suite(tmp_path)
    (tmp_path / "cheap.jsonl").write_bytes((tmp_path / "answers.jsonl").read_bytes())
    done = call("loop", path, "--store", tmp_path / "g.duckdb")
    assert done.code == 2 and "'cheap' gives the same answers as the teacher" in done.said


def test_a_baseline_without_a_price_stops_before_anything_is_asked(tmp_path: Path) -> None:
    path = baseline_suite(tmp_path)
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    suite["baselines"][0]["priced_as"] = "acme/unknown"
    done = call("loop", write_yaml(path, suite), "--store", tmp_path / "g.duckdb")
    assert done.code == 13 and "acme/unknown" in done.said, done.said
    del suite["baselines"][0]["priced_as"]
    done = call("loop", write_yaml(path, suite), "--store", tmp_path / "g.duckdb")
    assert done.code == 13 and "baselines.cheap" in done.said, done.said
    assert not (tmp_path / "g.duckdb").exists() or rows_of(tmp_path / "g.duckdb", "SELECT 1 FROM completions") == []


def test_a_short_form_is_a_named_model(tmp_path: Path) -> None:
    path = edited(baseline_suite(tmp_path), {"baselines": ["openai/org/small:v2", "majority"]})
    first, second = load_suite(path).baselines
    assert (first.name, first.model) == ("org-small-v2", "openai/org/small:v2") and second.name == "majority"


def test_new_keys_of_costs_reach_the_comparison(tmp_path: Path) -> None:
    changes = {
        "costs": {
            "engineering_hours": 80,
            "deployment_hours": 10,
            "labels_usd": 36,
            "horizon_months": 6,
            "discount_per_year": 0.0,
        },
        "serving": {"overhead": 0.25},
    }
    path = write_suite(tmp_path, changes)
    base = scenario(())
    assert base.teacher is not None and base.throughput is not None
    made = scenario_of(
        load_suite(path).spec,
        teacher=base.teacher,
        price_assumed=False,
        measurement=Measurement(
            model="m",
            throughput_rps=base.throughput,
            latency_p50_ms=1.0,
            latency_p95_ms=base.throughput,
            batch_size=1,
            cores=4,
            machine="x",
            measured_at=datetime(2026, 11, 1, tzinfo=UTC),
        ),
        loop_spend=Decimal(3),
        teacher_share=Estimate(value=0.0, n_expected=0, n_scored=0, n_failed=0),
    )
    found = compare(made)
    case, listed = found.expected, {one.name: one for one in found.quantities}
    assert case.program_usd == 3 + 36 + 8000
    assert case.forward_usd == 1000 and listed["deployment_hours"].value == 10
    assert case.overhead_usd == case.machines_usd / 4 > 0
    assert case.npv_usd == pytest.approx(6 * case.saving_usd - case.program_usd)
    assert listed["horizon_months"].source == "costs.horizon_months"
    edited(path, {"costs": {"deployment_hours": 81}})
    refused = call("check", path)
    assert refused.code == 2 and "`deployment_hours` (81) is above `engineering_hours` (80)" in refused.said


def scenario(baselines: tuple[Baseline, ...], **changes: Any) -> Scenario:
    flat = Price(
        model="t/t", input_per_m=Decimal(5), output_per_m=Decimal(25), source="x", as_of=date(2026, 11, 1)
    )  # fmt: skip
    rps = Estimate(value=500.0, lower=300.0, upper=800.0, n_expected=7, n_scored=7, n_failed=0)
    fields: dict[str, Any] = {
        "requests_per_month": 3_000_000,
        "peak_to_average": Decimal(4),
        "teacher": price_requests([Usage(input_tokens=40, output_tokens=2)], flat),
        "serving": Serving(
            usd_per_hour=Decimal("0.2"), target_utilisation=Decimal("0.6"), min_replicas=2, redundancy=1
        ),
        "throughput": rps,
        "operations_hours_per_month": Decimal(4),
        "usd_per_hour": Decimal(100),
        "engineering_hours": Decimal(80),
        "loop_spend_usd": Decimal(3),
        "baselines": baselines,
    }
    return Scenario(**{**fields, **changes})


def bid(name: str, usd_per_m: Decimal, passes: bool) -> Baseline:
    price = Price(model=f"x/{name}", input_per_m=usd_per_m, output_per_m=usd_per_m, source="x", as_of=date(2026, 11, 1))
    return Baseline(name=name, cost=price_requests([Usage(input_tokens=40, output_tokens=2)], price), passes=passes)


bids = st.lists(
    st.tuples(st.decimals(0, 20, places=2), st.booleans()), max_size=4
).map(lambda drawn: tuple(bid(f"b{place}", *one) for place, one in enumerate(drawn)))  # fmt: skip


@given(bids)
def test_baselines_only_ever_make_a_saving_smaller(drawn: tuple[Baseline, ...]) -> None:
    alone, among = compare(scenario(())), compare(scenario(drawn))
    counted = [one.usd for one in drawn if one.passes]
    least = min([TEACHER_USD, *counted])
    assert among.expected.baseline_usd == least * 3_000_000
    for before, after in ((alone.expected, among.expected), (alone.pessimistic, among.pessimistic)):
        assert before is not None and after is not None
        assert after.saving_usd <= before.saving_usd and after.candidate_usd == before.candidate_usd
        assert after.reduction is not None and before.reduction is not None and after.reduction <= before.reduction
        assert after.payback_months is None or after.payback_months >= before.payback_months  # type: ignore[operator]
    against_teacher = compare(scenario(drawn, vs="teacher"))
    assert against_teacher.expected == alone.expected


def test_the_teacher_wins_a_tie_and_a_fixed_answer_costs_nothing() -> None:
    same = bid("same", Decimal(5), True).model_copy(update={"cost": scenario(()).teacher})
    assert compare(scenario((same,))).expected.baseline == "teacher"
    free = compare(scenario((same, Baseline(name="fixed", cost=None, passes=True)))).expected
    assert free.baseline == "fixed" and free.baseline_usd == 0 and free.reduction == 0
    assert free.payback_months is None and free.saving_percent is None


def test_an_assumed_price_marks_what_rests_on_it_and_nothing_else() -> None:
    assumed = bid("small", Decimal("0.1"), True).model_copy(update={"price_assumed": True})
    rows = {one.name: one for one in compare(scenario((assumed,))).quantities}
    for name in ("baseline_usd_per_month", "saving_usd_per_month", "reduction", "baseline.small.month_usd"):
        assert rows[name].origin == "assumed" and "priced as x/small" in rows[name].source, name
    for name in ("teacher_month_usd", "teacher_reduction", "candidate_usd_per_month"):
        assert rows[name].origin == "derived", name
    assert "baseline.small.usd_per_request" in rows["baseline_usd_per_month"].source
