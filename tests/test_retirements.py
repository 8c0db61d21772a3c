"""Models that their provider stops: who is warned of, on which day, by `check` and by the loop."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from local_api import serving
from openai_server import KEY, OpenAIServer
from tiny_suite import call, teacher_says, write_suite

from gatekeeper import check_suite
from gatekeeper.run.retirements import retirements_of
from gatekeeper.suite.load import load_suite

AT = date(2026, 11, 25)


def price(model: str, retires: str | None) -> dict[str, Any]:
    entry = {"model": model, "input_per_m": 1.0, "output_per_m": 2.0, "as_of": "2026-11-20", "source": "contract"}
    return entry | ({} if retires is None else {"retires": retires})


def suite_of(folder: Path, prices: list[dict[str, Any]], **changes: Any) -> Path:
    teacher = {"model": "openai/kept", "base_url": "http://127.0.0.1:9/v1", "answers": None, "priced_as": None}
    given = {"teacher": teacher, "prices": "prices.yaml", **changes}
    suite = write_suite(folder, given)
    (suite.parent / "prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    return suite


def said(suite: Path, at: date = AT) -> list[str]:
    return list(retirements_of(load_suite(suite), at))


@pytest.mark.parametrize(
    ("retires", "words"),
    [
        (None, None),
        ("2026-11-25", "was stopped on 2026-11-25"),
        ("2026-11-26", "stops on 2026-11-26"),
        ("2027-11-24", "within the 12 months"),
        ("2027-11-25", None),
    ],
)
def test_the_day_decides(tmp_path: Path, retires: str | None, words: str | None) -> None:
    found = said(suite_of(tmp_path, [price("openai/kept", retires)]))
    assert [words in one and "the teacher openai/kept" in one for one in found if words] == ([True] if words else [])
    assert len(found) == (words is not None)


def test_the_horizon_of_the_suite_counts(tmp_path: Path) -> None:
    prices = [price("openai/kept", "2027-03-01")]
    assert said(suite_of(tmp_path / "a", prices, costs={"horizon_months": 3})) == []
    assert len(said(suite_of(tmp_path / "b", prices, costs={"horizon_months": 4}))) == 1


def test_baselines_are_named_and_stand_ins_are_not(tmp_path: Path) -> None:
    baselines = [
        {"name": "old", "model": "openai/old", "base_url": "http://127.0.0.1:9/v1"},
        {"name": "here", "model": "openai/mine", "base_url": "http://127.0.0.1:9/v1", "priced_as": "openai/old"},
        "majority",
    ]
    prices = [price("openai/kept", None), price("openai/old", "2026-01-01")]
    (only,) = said(suite_of(tmp_path, prices, baselines=baselines))
    assert only.startswith("the baseline old openai/old was stopped on 2026-01-01")


def test_check_warns(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, [price("openai/kept", "2026-12-24")])
    warnings = check_suite(load_suite(suite), at=AT).warnings
    assert [one for one in warnings if "stops on 2026-12-24" in one]


@pytest.mark.slow
def test_the_loop_warns_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(OpenAIServer(teacher_says)) as api:
        teacher = {"model": "openai/kept", "base_url": f"{api.url}/v1", "answers": None, "priced_as": None}
        fresh = {**price("openai/kept", "2026-01-01"), "as_of": datetime.now(UTC).date().isoformat()}
        suite = suite_of(tmp_path, [fresh], teacher=teacher, loop={"rounds": 1, "examples_per_round": 60})
        done = call("loop", suite, "--store", tmp_path / "g.duckdb")
    assert "was stopped on 2026-01-01" in done.said and api.asked
