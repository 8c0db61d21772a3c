"""A worksheet's ranges, prices and scores reach the simulation as what they are."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from tiny_suite import call, promoted
from usage_files import CASCADE, write_usage

from gatekeeper.cost.uncertainty.summary import Uncertainty
from gatekeeper.whatif.sheet import Sheet
from gatekeeper.whatif.uncertain import simulate_sheet
from gatekeeper.whatif.usage.file import read_usage
from gatekeeper.whatif.vary import npv_of


def sheet_of(folder: Path, *options: dict[str, object], **changes: object) -> Sheet:
    return read_usage(write_usage(folder, *options, **changes), today=date(2026, 11, 25))


def simulated(sheet: Sheet, name: str = "student") -> Uncertainty:
    return simulate_sheet(sheet, name, n_draws=500, seed=7)


@pytest.mark.parametrize("name", ["student", "cascade"])
def test_a_range_of_no_width_gives_the_plan_in_every_draw(tmp_path: Path, name: str) -> None:
    hours = {"value": 80, "low": 79.9999, "high": 80.0001}
    sheet = sheet_of(tmp_path, dict(CASCADE), one_time={"engineering_hours": hours})
    found = simulated(sheet, name).program
    plan = float(npv_of(sheet.worksheet, name))
    assert found.npv_usd.p10 is not None and found.npv_usd.p90 is not None
    assert float(found.npv_usd.p10) == pytest.approx(plan, abs=0.02)
    assert float(found.npv_usd.p90) == pytest.approx(plan, abs=0.02)


def test_hours_ahead_alone_are_uncertain_where_others_are_spent(tmp_path: Path) -> None:
    one_time = {"deployment_hours": {"value": 20, "low": 10, "high": 60}}
    found = simulated(sheet_of(tmp_path, one_time=one_time)).inputs
    assert [(one.name, one.parameters) for one in found] == [
        ("engineering_hours", {"low": 10.0, "mode": 20.0, "high": 60.0})
    ]


def test_operations_in_hours_are_drawn_in_dollars(tmp_path: Path) -> None:
    operations = {"usd_per_month": None, "hours_per_month": {"value": 5, "low": 3, "high": 9}}
    found = simulated(sheet_of(tmp_path, operations=operations)).inputs
    assert found[0].parameters == {"low": 300.0, "mode": 500.0, "high": 900.0}


def test_price_lists_that_differ_are_drawn_and_an_own_price_is_certain(tmp_path: Path) -> None:
    """Above 200,000 tokens the two lists differ for this model; its own contract is no doubt about the price."""
    teacher = {"model": "anthropic/claude-sonnet-4-5", "input_per_m": None, "output_per_m": None}
    teacher |= {"batch_input_per_m": None, "batch_output_per_m": None}
    changes = {"teacher": teacher, "tokens": {"input": 250_000}}
    sheet = sheet_of(tmp_path, **changes)
    prices = sheet.prices["teacher"]
    if len(prices.entries) < 2 or not prices.disagreements:
        pytest.skip("the installed price lists agree about this model, or one is not installed")
    assert [one.name for one in simulated(sheet).inputs] == ["baseline_price"]
    entry = {
        "model": teacher["model"],
        "input_per_m": 2,
        "output_per_m": 8,
        "as_of": "2026-11-20",
        "source": "contract",
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([entry]))
    hours = {"engineering_hours": {"value": 80, "low": 40, "high": 160}}
    own = sheet_of(tmp_path, **changes, prices="own.yaml", one_time=hours)
    assert [one.name for one in simulated(own).inputs] == ["engineering_hours"]


def test_a_run_brings_its_scores_and_the_worth_of_further_rows() -> None:
    store = promoted().store
    said = call("cost", "what-if", "--run", "latest", "--store", store, "--json", "--mc", "500")
    assert said.code == 0, said.said
    answer = json.loads(said.out)
    found = Uncertainty.model_validate_json(json.dumps(answer["uncertainty"]))
    assert {"quality", "baseline_requests"} <= {one.name for one in found.inputs}
    assert found.rows is not None and found.rows.rows == 100 and found.rows.cost_usd > 0
    assert answer["option"] == "linear"
    assert Decimal(answer["results"]["linear.saving_usd"]) > 0
