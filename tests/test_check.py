"""The plan of a gate: its numbers are those of the gate's own tests and looks, and the store is only read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml
from noisy_suite import OTHERS, ROWS, SAMPLES, finished, write_noisy
from scipy.special import ndtri
from tiny_suite import call, change, copy_store, merged, rows_of, write_jsonl, write_suite, write_yaml

from gatekeeper import check_suite
from gatekeeper.check import Plan
from gatekeeper.check.looks import Looks, basis_of, power_rows
from gatekeeper.check.parts import slices_plan
from gatekeeper.check.plan import Basis
from gatekeeper.check.stored import Answered
from gatekeeper.errors import StoreError
from gatekeeper.gate.guards import guard_rule
from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.slices import slices_rule
from gatekeeper.records import Item, Message
from gatekeeper.stats.paired import PairedCounts, ratio_score_z_array, smallest_passable_n
from gatekeeper.stats.power import cell_probabilities, power, rows_for_power
from gatekeeper.stats.reach import detectable_below
from gatekeeper.stats.spending import look_alphas
from gatekeeper.stats.tetrachoric import tetrachoric
from gatekeeper.store import Store
from gatekeeper.store.as_it_is import StoreAsItIs
from gatekeeper.store.gate_budget import budget_of
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.suite.load import load_suite
from gatekeeper.suite.spec import SlicesGate

ASSUMED = Basis(teacher_accuracy=0.92, teacher_origin="assumed", correlation=0.7, correlation_origin="assumed")


def plan_of(suite: Path, store: Path | None = None) -> Plan:
    return check_suite(load_suite(suite), store=store)


def with_data(suite: Path, **changes: str | None) -> Path:
    """Change keys of the first eval's data; None removes one."""
    content = yaml.safe_load(suite.read_text())
    content["evals"][0]["data"] = merged(content["evals"][0]["data"], changes)
    return write_yaml(suite, content)


def looks_of(alpha: float = 0.05, looks: int = 5, interim: int = 1) -> Looks:
    alphas = look_alphas(alpha, looks)
    return Looks(alphas, alphas[0], alphas[-1], alpha, interim)


def bytes_beside(store: Path) -> dict[str, str]:
    """Every file of the store's folder with its hash."""
    return {
        path.relative_to(store.parent).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.parent.rglob("*"))
        if path.is_file()
    }


# --- power at the planned looks ---


@pytest.mark.slow
def test_chances_are_those_of_the_looks_and_the_same_student_has_that_of_the_last() -> None:
    rows = power_rows(500, 0.95, looks_of(), ASSUMED, Decimal("0.11"))
    assert [row.retention for row in rows] == [0.96, 0.97, 0.99, 1.0]
    alphas = look_alphas(0.05, 5)
    for row in rows:
        each = [power(500, row.retention, 0.95, 0.92, 0.7, alpha) for alpha in alphas]
        assert (row.first_look, row.last_look) == (each[0], each[-1])
        assert row.all_looks_same_student == max(each)
        assert row.all_looks_fresh_students == pytest.approx(1 - np.prod([1 - one for one in each]))
        assert row.rows_for_80_percent == rows_for_power(row.retention, 0.95, 0.92, 0.7, alphas[-1])
        assert row.rows_in_one_look == rows_for_power(row.retention, 0.95, 0.92, 0.7, 0.05)
        assert row.rows_for_80_percent is not None and row.missing_rows == max(0, row.rows_for_80_percent - 500)
        assert row.missing_usd == row.missing_rows * Decimal("0.11")
        assert row.share_of_rows == 1.0


@pytest.mark.slow
def test_a_student_is_passed_as_often_as_said_whether_it_stays_or_is_trained_afresh() -> None:
    """Simulated: one student at five looks, and five students that are right on other rows, with one teacher."""
    n, true, repeats, rng = 500, 0.98, 3000, np.random.default_rng(8)
    same = fresh = 0
    row = next(r for r in power_rows(n, 0.96, looks_of(), ASSUMED, Decimal(0)) if r.retention == true)
    critical = -ndtri(np.array(look_alphas(0.05, 5)))
    cut_teacher, cut_student = ndtri(0.92), ndtri(true * 0.92)
    for _ in range(repeats):
        item = rng.normal(size=n)
        teacher = item * np.sqrt(0.7) + rng.normal(size=n) * np.sqrt(0.3) < cut_teacher
        passed = []
        for look in range(5):
            student = item * np.sqrt(0.7) + rng.normal(size=n) * np.sqrt(0.3) < cut_student
            a, b, c = (student & teacher).sum(), (student & ~teacher).sum(), (~student & teacher).sum()
            z = float(ratio_score_z_array(a, b, c, 0.96))
            passed.append(z > critical[look])
            if look == 0:
                same += bool((z > critical).any())
        fresh += any(passed)
    assert same / repeats == pytest.approx(row.all_looks_same_student, abs=0.025)
    assert row.all_looks_same_student < fresh / repeats < row.all_looks_fresh_students


@pytest.mark.slow
def test_stops_save_rows_and_cost_a_little_power() -> None:
    whole, stopped = (power_rows(600, 0.95, looks_of(looks=1, interim=k), ASSUMED, Decimal(0)) for k in (1, 5))
    for one, five in zip(whole, stopped, strict=True):
        assert one.last_look - 0.03 < five.last_look < one.last_look
        assert five.share_of_rows < one.share_of_rows == 1.0
        assert one.rows_for_80_percent is not None and five.rows_for_80_percent is not None
        assert one.rows_for_80_percent <= five.rows_for_80_percent <= 1.15 * one.rows_for_80_percent
    shares = [row.share_of_rows for row in stopped]
    assert shares == sorted(shares, reverse=True) and shares[-1] < 0.75


@pytest.mark.slow
def test_a_suite_says_what_it_takes_to_pass_at_all(tmp_path: Path) -> None:
    plan = plan_of(write_suite(tmp_path / "few", rows={"pool": 90, "dev": 40, "gate": 30}))
    first, last = look_alphas(0.05, 2)
    assert plan.smallest_gate_rows == smallest_passable_n(0.9, first, 0.92)
    assert plan.smallest_gate_rows_last == smallest_passable_n(0.9, last, 0.92)
    assert plan.least_gate_rows == smallest_passable_n(0.9, first, 1.0)
    assert any("30 rows: even a student identical to the teacher cannot pass" in one for one in plan.warnings)
    assert plan.least_gate_rows is not None and plan.smallest_gate_rows is not None
    assert plan.least_gate_rows < plan.smallest_gate_rows
    rows = {"pool": 90, "dev": 40, "gate": plan.least_gate_rows}
    enough = plan_of(write_suite(tmp_path / "enough", rows=rows))
    assert any("only if the teacher does better than 0.92 there" in one for one in enough.warnings)


# --- what it rests on ---


def test_without_a_store_teacher_and_correlation_are_assumed(tmp_path: Path) -> None:
    plan = plan_of(write_noisy(tmp_path / "suite"), tmp_path / "nothing.duckdb")
    assert (plan.basis.teacher_accuracy, plan.basis.correlation) == (0.92, 0.7)
    assert (plan.basis.teacher_origin, plan.basis.correlation_origin) == ("assumed", "assumed")
    assert (plan.budget, plan.ceiling) == (None, None)
    assert not (tmp_path / "nothing.duckdb").exists()


def test_without_right_answers_the_teacher_agrees_with_itself_and_nobody_is_paid_for_labels(tmp_path: Path) -> None:
    gold = plan_of(write_suite(tmp_path / "gold"))
    plan = plan_of(with_data(write_suite(tmp_path / "fidelity"), target=None))
    assert (plan.basis.teacher_accuracy, plan.basis.teacher_origin) == (1.0, "by definition")
    assert gold.usd_per_gate_row == gold.usd_per_request + Decimal("0.10")
    assert plan.usd_per_gate_row == plan.usd_per_request


@pytest.mark.slow
def test_a_store_with_answers_measures_both_and_says_with_which_counts() -> None:
    run = finished(1)
    plan = plan_of(run.suite, run.store)
    counts = rows_of(
        run.store,
        """WITH judged AS (
               SELECT item_id, max(value) FILTER (model IN (SELECT model FROM training_runs)) AS student,
                      max(value) FILTER (model NOT IN (SELECT model FROM training_runs)) AS teacher
               FROM scores JOIN items USING (suite, item_id) WHERE split = 'dev' GROUP BY item_id)
           SELECT count(*) FILTER (student = 1 AND teacher = 1), count(*) FILTER (student = 1 AND teacher = 0),
                  count(*) FILTER (student = 0 AND teacher = 1), count(*) FILTER (student = 0 AND teacher = 0)
           FROM judged""",
    )[0]
    basis = plan.basis
    assert basis.counts == counts and sum(counts) == ROWS["dev"] == basis.teacher_rows
    assert basis.teacher_accuracy == pytest.approx((counts[0] + counts[2]) / ROWS["dev"])
    assert basis.correlation == tetrachoric(PairedCounts(*counts))
    assert (basis.teacher_origin, basis.correlation_origin) == ("measured", "measured")
    assert (basis.student, basis.run) == ("linear (round 1)", run.run)
    cells = cell_probabilities(1.0, basis.teacher_accuracy, basis.correlation)
    assert plan.ceiling is not None and plan.ceiling.teacher is not None
    assert cells.both + cells.teacher_only == pytest.approx(plan.ceiling.teacher.value)
    said = call("check", run.suite, "--store", run.store).said
    assert f"measured on {ROWS['dev']} development rows" in said
    assert f"measured with linear (round 1): {counts[0]} both right, {counts[1]} student only" in said


def test_few_answers_are_not_taken_for_a_measurement() -> None:
    assert basis_of(False, 1, None) == ASSUMED
    few = plan_of(finished(1).suite, finished(1).store)
    assert few.ceiling is not None
    answered = Answered("run", few.ceiling, teacher_mean=0.5, teacher_rows=29, counts=PairedCounts(9, 5, 5, 10))
    assert basis_of(False, 1, answered).teacher_origin == "assumed"
    assert basis_of(False, 1, answered).correlation_origin == "assumed"
    never = Answered("run", few.ceiling, teacher_mean=0.0, teacher_rows=100, counts=PairedCounts(0, 50, 0, 50))
    assert basis_of(False, 1, never).teacher_accuracy == 0.92


@pytest.mark.slow
def test_other_gates_are_planned_with_the_same_answers_and_another_scorer_is_not(tmp_path: Path) -> None:
    run = finished(1)
    folder = tmp_path / "suite"
    stricter = {"gates": {"quality": {"retention": 0.8, "looks": 7}}}
    plan = plan_of(write_noisy(folder, stricter, samples=1), run.store)
    assert plan.retention == 0.8 and plan.basis.teacher_origin == "measured"
    assert plan.ceiling is not None and plan.ceiling.retention == 0.8
    other = load_suite(folder / "suite.yaml")
    content = yaml.safe_load((folder / "suite.yaml").read_text())
    content["evals"][0]["scorers"] = {"exact": {"exact": {"normalize": ["strip"]}}}
    write_yaml(folder / "suite.yaml", content)
    assert load_suite(folder / "suite.yaml").eval.scorer.version != other.eval.scorer.version
    assert plan_of(folder / "suite.yaml", run.store).basis.teacher_origin == "assumed"


# --- the store is only read ---


@pytest.mark.slow
def test_the_store_is_read_and_nothing_beside_it_changes(tmp_path: Path) -> None:
    run = finished()
    store = copy_store(run.store, tmp_path / "copy")
    before = bytes_beside(store)
    assert call("check", run.suite, "--store", store, "--json").code == 0
    assert bytes_beside(store) == before
    store.chmod(0o444)
    assert plan_of(run.suite, store).ceiling is not None
    with pytest.raises(StoreError, match="read only"):
        StoreAsItIs(store).write()


def test_a_store_of_another_version_is_left_as_it_is(tmp_path: Path) -> None:
    run = finished()
    for change_version, hint in (
        ("DELETE FROM migrations WHERE version = (SELECT max(version) FROM migrations)", "the next `gatekeeper loop`"),
        ("INSERT INTO migrations VALUES (99, 'later', now())", "upgrade gatekeeper"),
    ):
        store = copy_store(run.store, tmp_path / hint[:4])
        change(store, change_version)
        before = bytes_beside(store)
        plan = plan_of(run.suite, store)
        assert plan.basis.teacher_origin == "assumed" and plan.budget is None
        assert any("nothing was read from it" in one and hint in one for one in plan.warnings)
        assert bytes_beside(store) == before


def test_a_file_that_is_no_store_is_an_error_and_an_empty_one_is_none(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    (tmp_path / "empty.duckdb").touch()
    assert plan_of(suite, tmp_path / "empty.duckdb").budget is None
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
    with pytest.raises(StoreError, match="something else"):
        plan_of(suite, other)


@pytest.mark.slow
def test_looks_that_were_spent_are_gone(tmp_path: Path) -> None:
    run = finished()
    store = copy_store(run.store, tmp_path / "copy")
    plan = plan_of(run.suite, store)
    texts = [text for (text,) in rows_of(store, "SELECT text FROM items WHERE split = 'gate' AND eval = 'noisy'")]
    gate = rows_of(store, "SELECT DISTINCT gate_digest FROM looks")[0][0]
    with Store(store).read() as connection:
        budget = budget_of(connection, gate, row_keys(texts), 0.05, 3)
    assert plan.budget == budget and budget.looks_spent == 1
    assert plan.alphas == pytest.approx(look_alphas(0.05, 3)[1:]) and plan.alphas[0] == budget.next_alpha
    assert plan.power[-1].first_look == pytest.approx(
        power(ROWS["gate"], 1.0, 0.6, plan.basis.teacher_accuracy, plan.basis.correlation, plan.alphas[0])
    )
    change(store, "INSERT INTO looks BY NAME SELECT * REPLACE (look + 1 AS look, 0.045 AS alpha) FROM looks")
    used_up = plan_of(run.suite, store)
    assert used_up.alphas == () and used_up.budget is not None and used_up.budget.next_alpha is None
    assert "this gate split is used up: 2 looks at it" in used_up.warnings[0]
    for row in used_up.power:
        assert (row.first_look, row.last_look, row.all_looks_same_student, row.all_looks_fresh_students) == (0, 0, 0, 0)
        assert row.missing_rows == row.rows_for_80_percent, "only fresh rows help"


# --- calls and money ---


def test_the_calls_that_are_planned_are_those_that_a_loop_makes() -> None:
    """Every row of every eval, as often as it is asked; the one look of this loop reads all gate rows."""
    run = finished()
    plan = plan_of(run.suite)
    made = rows_of(run.store, "SELECT count(*) FROM completions")[0][0]
    assert rows_of(run.store, "SELECT count(*) FROM looks")[0][0] == 1
    assert plan.teacher_calls == made == ROWS["pool"] + SAMPLES * (ROWS["dev"] + ROWS["gate"] + sum(OTHERS.values()))
    assert plan.usd_per_gate_row == SAMPLES * plan.usd_per_request + Decimal("0.10")


# --- slices, other evals, copies, clusters ---


def gate_items(sizes: Mapping[str, int]) -> list[Item]:
    return [
        Item(id=f"{name}{n}", eval="e", split="gate", cluster=f"{name}{n}", text=f"{name} {n}",
             messages=(Message(role="user", content="x"),), slices={"language": name})
        for name, count in sizes.items() for n in range(count)
    ]  # fmt: skip


def test_slices_are_planned_as_the_rule_will_judge_them() -> None:
    """At the smallest number of rows the rule itself decides, with one row less it does not."""
    looks = looks_of(looks=2)
    strict = SlicesGate(by=("language",), min=0.85, prove=True)
    plan = slices_plan(strict, gate_items({"en": 60, "de": 40, "fr": 9}), looks, ASSUMED)
    assert plan is not None and plan.smallest_above is not None and plan.smallest_below is not None
    assert [(one.name, one.rows) for one in plan.slices] == [
        ("language = fr", 9), ("language = de", 40), ("language = en", 60)
    ]  # fmt: skip
    for rows, outcome in ((plan.smallest_above, "pass"), (plan.smallest_above - 1, "inconclusive")):
        part = {"language": (np.zeros(rows, dtype=np.int64), ("en",))}
        scores = PairedScores(np.ones(rows), np.ones(rows), rows)
        assert slices_rule(scores, part, strict, looks.last, looks.whole).outcome == outcome
    mild = SlicesGate(by=("language",), min=0.85)
    for rows, outcome in ((plan.smallest_below, "fail"), (plan.smallest_below - 1, "pass")):
        student = np.r_[np.zeros(rows), np.ones(100)]
        codes = np.r_[np.zeros(rows, dtype=np.int64), np.ones(50, dtype=np.int64), np.full(50, 2, dtype=np.int64)]
        scores = PairedScores(student, np.ones(rows + 100), rows + 100)
        assert (
            slices_rule(scores, {"language": (codes, ("fr", "de", "en"))}, mild, looks.last, looks.whole).outcome
            == outcome
        )
    chances = [one.chance_above for one in plan.slices]
    assert chances == [power(one.rows, 1.0, 0.85, 0.92, 0.7, looks.last) for one in plan.slices]
    assert plan.all_at_most == chances[0] and plan.all_at_least == 0.0
    relaxed = slices_plan(mild, gate_items({"en": 60}), looks, ASSUMED)
    assert relaxed is not None and relaxed.slices[0].chance_above is None and relaxed.all_at_most is None
    assert slices_plan(None, [], looks, ASSUMED) is None


def test_a_slice_is_shown_below_at_its_share_of_the_whole_error() -> None:
    plan = slices_plan(
        SlicesGate(by=("language",), min=0.85), gate_items({"en": 90, "fr": 25, "de": 25}), looks_of(), ASSUMED
    )
    assert plan is not None
    assert [one.shown_below for one in plan.slices] == [
        detectable_below(rows, 0.85, 0.92, 0.7, 0.05 / 3) for rows in (25, 25, 90)
    ]


def test_other_evals_are_planned_with_their_rows() -> None:
    plan = plan_of(finished().suite)
    found = {one.rule: one for one in plan.others}
    assert list(found) == ["gates.ood.strange.retention", "gates.ood.strange.auroc", "gates.guards.safe"]
    assert [one.rows for one in plan.others] == [60, 60, 30]
    level = look_alphas(0.05, 3)[-1]
    kept, area, guard = plan.others
    assert kept.chance == power(60, 1.0, 0.5, 0.92, 0.7, level)
    assert kept.smallest == smallest_passable_n(0.5, level, 1.0)
    assert area.chance is None and area.least_auroc is not None and 0.6 < area.least_auroc < 0.8
    assert guard.smallest is not None and guard.smallest > 30
    for rows, outcome in ((guard.smallest, "pass"), (guard.smallest - 1, "inconclusive")):
        scores = PairedScores(np.ones(rows), np.ones(rows), rows)
        assert guard_rule("safe", scores, 0.02, level, 0.05).outcome == outcome
    assert any("gates.guards.safe: with 30 rows a student identical to the teacher" in one for one in plan.warnings)


@pytest.mark.slow
def test_copies_of_gate_rows_are_counted_and_their_share_is_judged(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    clean = plan_of(suite)
    assert (clean.copies.share, clean.copies.outcome) == (0.0, "pass")
    gate = [json.loads(line) for line in (suite.parent / "gate.jsonl").read_text().splitlines()]
    pool = [json.loads(line) for line in (suite.parent / "pool.jsonl").read_text().splitlines()][:200]
    exact = [{**row, "id": f"x{n}"} for n, row in enumerate(gate[:9])]
    near = [{**row, "id": f"n{n}", "text": f"{row['text']} indeed"} for n, row in enumerate(gate[9:20])]
    write_jsonl(suite.parent / "pool.jsonl", [*pool, *exact, *near])
    plan = plan_of(suite)
    assert (plan.copies.exact["pool"], plan.copies.near["pool"]) == (9, 11)
    assert plan.copies.share == pytest.approx(20 / 220) and plan.copies.max_share == 0.05
    assert plan.copies.outcome == "inconclusive"
    assert any("were copies of gate rows" in one for one in plan.warnings)
    assert "9 exact and 11 near copies of gate rows left out" in call("check", suite, "--store", tmp_path / "no").said


def test_rows_in_clusters_are_worth_fewer(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite", {"gates": {"quality": {"looks": 1}}}, rows=ROWS | {"gate": 40})
    for split in ("pool", "dev", "gate"):
        file = suite.parent / f"{split}.jsonl"
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        write_jsonl(file, [{**row, "thread": f"{split}{n // 4}"} for n, row in enumerate(rows)])
    said = plan_of(with_data(suite, cluster="thread")).warnings
    assert any("the 40 gate rows come in 10 clusters" in one and "worth 10 of them" in one for one in said)
    assert any("need at least 50 clusters to pass, and there are 10" in one for one in said)


# --- what is printed ---


@pytest.mark.slow
def test_the_table_and_the_document_hold_the_whole_plan(tmp_path: Path) -> None:
    run = finished(1)
    plan = plan_of(run.suite, run.store)
    said = call("check", run.suite, "--store", run.store, "--json")
    assert said.code == 0
    assert Plan.model_validate_json(said.out) == plan
    shown = call("check", run.suite, "--store", run.store).said
    for words in (
        "chance to pass retention above 60% with 120 gate rows",
        "its chance lies between both columns",
        "gate rows for a chance of 80 %; one more row costs",
        "slices, of which none may be shown below 50%",
        "gates.ood.strange.auroc",
        "is left on this gate split after 1 of 3 planned looks",
        "so a student must be right on",
        "always answering",
    ):
        assert words in shown, words
    assert all(" ".join(warning.split()) in shown for warning in plan.warnings)
    assert call("check", run.suite, "--store", run.store, "--quiet").out == ""


@pytest.mark.slow
@pytest.mark.parametrize("interim", [1, 4])
def test_expected_rows_are_shown_when_a_look_may_stop(tmp_path: Path, interim: int) -> None:
    suite = write_suite(tmp_path / "suite", {"gates": {"quality": {"interim": interim, "looks": 1}}})
    assert ("rows read" in call("check", suite, "--store", tmp_path / "no").said) == (interim > 1)


def test_a_poor_teacher_is_warned_of(tmp_path: Path) -> None:
    """A teacher that is wrong on every third row: said with what a share of it is worth."""
    run = finished(1)
    store = copy_store(run.store, tmp_path / "copy")
    change(
        store,
        """UPDATE scores SET value = 0 WHERE model IN (SELECT fingerprint FROM models)
           AND item_id IN (SELECT item_id FROM items WHERE split = 'dev' AND hash(item_id) % 2 = 0)""",
    )
    plan = plan_of(run.suite, store)
    assert plan.ceiling is not None and plan.ceiling.teacher is not None and plan.ceiling.teacher.value is not None
    share = plan.ceiling.teacher.value
    assert share < 0.8
    expected = f"60 % of a teacher that is right {100 * share:.1f}".removesuffix(".0")
    assert any(one.startswith(expected) for one in plan.warnings)
