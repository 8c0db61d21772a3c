"""Worksheets from a suite and from a run: their bills are those of the verdict, and what is unknown stays unknown."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from gate_suite import run_gate, write_gate_suite
from test_baselines import baseline_suite
from tiny_suite import PRICE, ROWS, change, copy_store, promoted, rows_of, write_suite

from gatekeeper import check_suite
from gatekeeper.cost.money import round_cents
from gatekeeper.errors import InputError, StoreError
from gatekeeper.models.tokens import estimate_tokens
from gatekeeper.records import Message
from gatekeeper.suite.load import load_suite
from gatekeeper.whatif.sources.from_run import worksheet_of_run
from gatekeeper.whatif.sources.from_suite import worksheet_of_suite
from gatekeeper.whatif.sources.teacher_ways import repeated_tokens
from gatekeeper.whatif.table import table_of
from gatekeeper.whatif.worksheet import Values, Worksheet


def costs_of(store: Path) -> dict[str, Decimal | None]:
    """The quantities of the stored verdict, by name."""
    return dict(rows_of(store, "SELECT name, value FROM costs"))


def value(worksheet: Worksheet, name: str) -> Decimal:
    return Values(worksheet)[name]


def same(one: Decimal | None, other: Decimal | None, places: str = "0.000001") -> bool:
    assert one is not None and other is not None
    return abs(one - other) <= Decimal(places)


def check_against_verdict(worksheet: Worksheet, store: Path, name: str, baseline: str = "teacher") -> None:
    """The row of an option is, to the cent, what the verdict says of the candidate."""
    costs, table = costs_of(store), table_of(worksheet)
    row = table.row(name)
    assert table.baseline == row.compared_with == baseline
    assert row.bill is not None and row.outlook is not None, row.missing
    bill, base = row.bill, row.outlook.baseline
    assert round_cents(base.usd) == round_cents(costs["baseline_usd_per_month"] or Decimal(0)) > 0
    assert round_cents(bill.usd) == round_cents(costs["candidate_usd_per_month"] or Decimal(0)) > 0
    assert round_cents(bill.machines_usd) == round_cents(costs["machines_usd_per_month"] or Decimal(0)) > 0
    assert same(bill.overhead_usd, costs["overhead_usd_per_month"])
    assert same(bill.operations_usd, costs["operations_usd_per_month"])
    assert same(row.outlook.reduction, costs["reduction"])
    assert same(row.outlook.program.one_time_usd, costs["program_usd"])
    assert same(row.outlook.forward.one_time_usd, costs["forward_usd"])
    assert same(row.outlook.program.payback_months, costs["payback_months"])
    assert same(row.outlook.forward.payback_months, costs["payback_forward_months"])
    assert same(row.outlook.program.npv_usd, costs["npv_usd"], "0.005")


def test_a_run_s_worksheet_gives_the_bills_of_its_verdict() -> None:
    run = promoted()
    worksheet = worksheet_of_run(run.store)
    check_against_verdict(worksheet, run.store, "linear")
    row = table_of(worksheet).row("linear")
    assert row.passes is True and row.quality is not None and row.quality > Decimal("0.8")
    assert worksheet.option("linear").passes_source.startswith("verdict of run tiny-")
    speed = worksheet.quantity("linear.capacity_rps")
    assert speed is not None and speed.origin == "measured" and speed.as_of is not None
    assert len(worksheet.requests) == ROWS["dev"]
    assert {request.input_tokens for request in worksheet.requests} == {Decimal(40)}
    spent = rows_of(run.store, "SELECT sum(coalesce(settled, reserved)) FROM spend")[0][0]
    assert value(worksheet, "spent_usd") == spent > 0
    assert value(worksheet, "teacher.quality") == 1


def test_every_key_of_a_bill_and_the_teacher_s_part_agree_with_the_verdict_too(tmp_path: Path) -> None:
    """All keys of the suite that reach a bill, at values that no default has, and a student that hands requests on."""
    changes = {
        "traffic": {"requests_per_month": 300_000_000, "peak_to_average": 3},
        "serving": {"cpu": {"usd_per_hour": 0.31, "cores": 1}, "redundancy": 2, "target_utilisation": 0.5,
                    "overhead": 0.2, "min_replicas": 4},
        "costs": {"engineering_hours": 70, "deployment_hours": 30, "usd_per_hour": 90, "horizon_months": 9,
                  "discount_per_year": 0.2, "operations_hours_per_month": 3},
        "partial": {"max_teacher_share": 0.7},
        "loop": {"rounds": 2, "examples_per_round": 300},
    }  # fmt: skip
    gates = {"quality": {"retention": 0.9, "looks": 2, "look_when": 0.2}}
    rows = {"pool": 800, "dev": 600, "gate": 600}
    done = run_gate(write_gate_suite(tmp_path, gates, rows=rows, hard=0.3, changes=changes), tmp_path / "g.duckdb")
    assert done.verdict.threshold is not None and done.verdict.teacher_share is not None
    worksheet = worksheet_of_run(done.store.path, done.run)
    check_against_verdict(worksheet, done.store.path, "cascade")
    table = table_of(worksheet)
    assert float(value(worksheet, "cascade.teacher_share")) == pytest.approx(done.verdict.teacher_share)
    assert (table.row("cascade").passes, table.row("linear").passes) == (True, None)
    alone, blended, teacher = (value(worksheet, f"{name}.quality") for name in ("linear", "cascade", "teacher"))
    assert alone < blended <= teacher == 1
    assert value(worksheet, "deployment_hours") == 30


@pytest.mark.slow
@pytest.mark.parametrize("vs", ["best_passing", "teacher"])
def test_the_baseline_of_the_verdict_is_that_of_the_table(tmp_path: Path, vs: str) -> None:
    done = run_gate(baseline_suite(tmp_path, loop={"rounds": 1}, gates={"cost": {"vs": vs}}), tmp_path / "g.duckdb")
    worksheet = worksheet_of_run(done.store.path)
    held = "cheap" if vs == "best_passing" else "teacher"
    costs, table = costs_of(done.store.path), table_of(worksheet)
    row = table.row("linear")
    assert table.baseline == row.compared_with == held and row.outlook is not None
    assert round_cents(row.outlook.baseline.usd) == costs["baseline_usd_per_month"]
    assert same(row.outlook.saving_usd, costs["saving_usd_per_month"])
    if vs == "best_passing":
        assert table.row("cheap").passes is True and value(worksheet, "cheap.quality") == 1
        assert table.advice.startswith("Do not distil: cheap passes the gate and costs $500.00 a month")
    else:
        assert "cheap" not in {one.name for one in worksheet.options}
        assert any("gates.cost.vs: teacher" in note for note in worksheet.notes)


def test_a_run_without_a_student_has_no_speed_and_a_run_before_its_teacher_is_no_worksheet(tmp_path: Path) -> None:
    run = promoted()
    store = copy_store(run.store, tmp_path / "copy")
    for table in ("results", "measurements", "verdicts", "looks", "training_runs"):
        change(store, f"DELETE FROM {table}")
    table = table_of(worksheet_of_run(store))
    assert "linear.capacity_rps is not given" in table.row("linear").missing
    assert any("no verdict yet" in note for note in worksheet_of_run(store).notes)
    change(store, "DELETE FROM events WHERE kind = 'teacher_cost'")
    with pytest.raises(StoreError, match="ended before the teacher answered"):
        worksheet_of_run(store)
    with pytest.raises(StoreError, match="no run 'gone'"):
        worksheet_of_run(store, "gone")


# --- before anything ran ---


def test_a_suite_s_worksheet_plans_the_calls_and_the_month_that_check_plans(tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path / "suite"))
    worksheet, plan = worksheet_of_suite(suite), check_suite(suite)
    table = table_of(worksheet)
    teacher = table.row("teacher")
    assert teacher.bill is not None and same(teacher.bill.usd, plan.teacher_usd_per_month, "0.01")
    calls = value(worksheet, "generation_examples") + value(worksheet, "evaluation_rows")
    assert calls == plan.teacher_calls
    with_speed = worksheet.model_copy(
        update={"inputs": (*worksheet.inputs, worksheet.inputs[0].model_copy(update={"name": "linear.capacity_rps"}))}
    )
    one_time = table_of(with_speed).row("linear").one_time
    assert one_time is not None
    lines = {line.name: line.ahead_usd for line in one_time.lines}
    assert same(lines["generation"] + lines["evaluation"], plan.teacher_usd, "0.0001")
    assert lines["engineering"] == suite.costs.usd_per_hour * Decimal(str(suite.costs.engineering_hours))


def test_what_a_suite_cannot_know_is_missing_or_marked_as_assumed(tmp_path: Path) -> None:
    worksheet = worksheet_of_suite(load_suite(write_suite(tmp_path / "suite", {"partial": {}})))
    assert worksheet.quantity("linear.capacity_rps") is None
    table = table_of(worksheet)
    assert "linear.capacity_rps is not given" in table.row("linear").missing
    assert value(worksheet, "cascade.teacher_share") == Decimal("0.5")
    tokens, price = worksheet.quantity("input_tokens"), worksheet.quantity("teacher.input_per_m")
    assert tokens is not None and (tokens.origin, "estimated" in tokens.source) == ("assumed", True)
    assert price is not None and price.origin == "assumed" and f"priced as {PRICE}" in price.source and price.as_of
    default = worksheet.quantity("engineering_hours")
    assert default is not None and "the suite's default" in default.source
    said = worksheet.quantity("requests_per_month")
    assert said is not None and said.source == "traffic.requests_per_month"
    assert len({one.name for one in worksheet.inputs}) == len(worksheet.inputs)


def test_a_real_teacher_s_price_is_priced_and_its_retirement_known(tmp_path: Path) -> None:
    changes = {"teacher": {"answers": None, "priced_as": None, "model": "openai/gpt-4o"}}
    worksheet = worksheet_of_suite(load_suite(write_suite(tmp_path / "suite", changes)), at=date(2026, 11, 25))
    price = worksheet.quantity("teacher.input_per_m")
    assert price is not None and price.origin == "priced" and "genai-prices" in price.source
    assert worksheet.option("teacher").retires is not None
    assert value(worksheet, "teacher.batch_input_per_m") == value(worksheet, "teacher.input_per_m") / 2


def test_a_long_prompt_is_cached_and_half_of_the_month_is_saved_in_batches(tmp_path: Path) -> None:
    """A prompt of 5,000 tokens that all requests begin with; what the cheaper ways save is computed by hand."""
    words = "Answer with one of the queues and nothing else. " * 417
    changes = {"prompt": {"system": words, "user": "Message: {{ input }}"}}
    suite = load_suite(write_suite(tmp_path / "suite", changes))
    worksheet = worksheet_of_suite(suite)
    prefix = estimate_tokens([words])[0] + 4 + estimate_tokens(["Message: "])[0]
    assert value(worksheet, "caching.cached_input_tokens") == prefix
    table = table_of(worksheet)
    volume, million = Decimal(suite.traffic.requests_per_month), Decimal(1_000_000)
    cheaper = (
        volume * prefix * (value(worksheet, "teacher.input_per_m") - value(worksheet, "teacher.cached_input_per_m"))
    )
    teacher, caching = table.row("teacher").bill, table.row("caching").bill
    assert teacher is not None and caching is not None
    assert same(teacher.usd - caching.usd, cheaper / million)
    assert table.baseline == "caching" and table.advice.startswith("Do not distil: caching")
    half = table_of(worksheet.with_values({"batch.batch_share": Decimal(1)})).row("batch").bill
    assert half is not None and same(half.usd, teacher.usd / 2)
    short = worksheet_of_suite(load_suite(write_suite(tmp_path / "short", {"prompt": {"system": words[:400]}})))
    assert value(short, "caching.cached_input_tokens") == 0
    assert any("caching saves nothing as it stands: 104 tokens begin every request" in note for note in short.notes)


def test_repeated_tokens_are_those_before_the_first_difference() -> None:
    def chat(*texts: str) -> list[Message]:
        return [Message(role=role, content=text) for role, text in zip(("system", "user"), texts, strict=False)]  # type: ignore[arg-type]

    assert repeated_tokens([chat("a" * 40, "b" * 8 + "x"), chat("a" * 40, "b" * 8 + "y")]) == 10 + 4 + 2
    assert repeated_tokens([chat("x" + "a" * 40), chat("y" + "a" * 40)]) == 0
    assert repeated_tokens([chat("a" * 40, "b"), chat("a" * 40)]) == 14
    assert repeated_tokens([chat("a" * 40)]) == 0


def test_models_that_are_called_like_an_option_get_along(tmp_path: Path) -> None:
    changes = {"students": [{"name": "caching", "recipe": "linear"}]}
    worksheet = worksheet_of_suite(load_suite(write_suite(tmp_path / "one", changes)))
    assert [one.name for one in worksheet.options if one.kind == "caching"] == ["caching_"]
    with pytest.raises(InputError, match="called 'teacher'"):
        worksheet_of_suite(
            load_suite(write_suite(tmp_path / "two", {"students": [{"name": "teacher", "recipe": "linear"}]}))
        )
