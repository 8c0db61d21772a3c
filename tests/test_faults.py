"""Cells of the fault matrix (benchmarks/faults.py): what holds in the table holds here; and its checks can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fault_batches import ROW_FAULTS, as_row_fault, batch_cell
from benchmarks.fault_cells import cell
from benchmarks.fault_kinds import FAULTS
from benchmarks.faults import BATCHES, KEYS, PROVIDERS
from benchmarks.faults_page import wrongs
from benchmarks.kill_checks import Kill, Question, lost, paid_twice

BY_NAME = {fault.name: fault for fault in FAULTS}
FIRST = PROVIDERS[0]
QUICK = ("body cut half way", "401 in mid-run")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, key in KEYS.items():
        monkeypatch.setenv(variable, key)


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_lost_or_paid_twice(name: str, tmp_path: Path) -> None:
    found = cell(FIRST, BY_NAME[name], tmp_path)
    assert wrongs(found) == [] and found["ledger_usd"] == found["read_usd"]
    assert found["answered_first"] < 6, "the fault was met"
    assert (found["run_ended"] is not None) == BY_NAME[name].for_all


@pytest.mark.slow
@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.name)
def test_a_fault_of_every_kind_at_every_provider(provider: object, tmp_path: Path) -> None:
    for place, fault in enumerate(FAULTS):
        assert wrongs(cell(provider, fault, tmp_path / str(place))) == [], fault.name  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("provider", BATCHES, ids=lambda one: one.name)
def test_rows_of_a_batch_come_to_their_requests(provider: object, tmp_path: Path) -> None:
    for place, fault in enumerate((*ROW_FAULTS, *(as_row_fault(fault) for fault in FAULTS if fault.read))):
        found = batch_cell(provider, fault, tmp_path / str(place))  # type: ignore[arg-type]
        assert wrongs(found) == [] and found["exchanges"] == {}, fault.name
        assert (found["batches"] > 1) == (found["row"] is not None or fault.name in LOST), fault.name


LOST = ("batch expired", "missing custom_id")


@pytest.mark.slow
@pytest.mark.parametrize("provider", BATCHES, ids=lambda one: one.name)
def test_an_exchange_of_a_batch_that_fails_in_every_way(provider: object, tmp_path: Path) -> None:
    for place, fault in enumerate(fault for fault in FAULTS if not fault.read):
        found = batch_cell(provider, fault, tmp_path / str(place))  # type: ignore[arg-type]
        assert wrongs(found) == [] and found["live"] == 0, fault.name
        assert found["exchanges"] or found["run_ended"], f"{fault.name} was not met"


@pytest.mark.parametrize("provider", BATCHES, ids=lambda one: one.name)
def test_exchanges_that_say_nothing_are_repeated_and_nothing_is_paid_again(provider: object, tmp_path: Path) -> None:
    found = batch_cell(provider, BY_NAME["empty body"], tmp_path)  # type: ignore[arg-type]
    assert wrongs(found) == [] and found["batches"] == 1 and found["live"] == 0
    assert set(found["exchanges"]) == {"submit", "poll", "results"}
    assert set(found["exchanges"].values()) <= {"not_json", "empty_body"}


def test_a_cell_that_is_wrong_is_said() -> None:
    good = {"lost": 0, "paid_twice": 0, "ledger_usd": 2.0, "read_usd": 2.0}
    assert wrongs(good) == []
    assert wrongs({**good, "paid_twice": 3}) == ["3 paid twice"]
    assert wrongs({**good, "ledger_usd": 1.0}) == ["the ledger holds too little"]


def log(*texts: str) -> list[Question]:
    return [Question(text, 0.0, True) for text in texts]


def test_the_checks_of_killed_runs_can_fail() -> None:
    kill = Kill("generation", 3, {"a": "A", "b": "B"}, frozenset("c"), frozenset(), 0)
    final = {"a": "A", "b": "B", "c": "C", "d": "D"}
    good = log("a", "b", "c", "c", "d")
    assert (lost([kill], good, final), paid_twice([kill], good)) == (0, (1, 0))
    assert lost([kill], log("a", "b", "c", "c", "b"), final) == 1, "asked again after it had arrived"
    assert lost([kill], good, {**final, "b": "other"}) == 1 and lost([kill], good, {}) == 2
    assert paid_twice([kill], log("a", "b", "c", "c", "c", "b")) == (3, 2)
