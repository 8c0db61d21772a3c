"""Every record comes back from its table as it went in, and values that do not fit are named."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from store_samples import (
    ARTIFACT,
    EXAMPLE,
    MEASUREMENT,
    MODEL,
    NOON,
    RUN,
    SUITE,
    SUITE_ROW,
    TRAINING_RUN,
    completion,
    fill,
    item,
    result,
    verdict,
)

from gatekeeper.errors import StoreError
from gatekeeper.records import Prediction, Score
from gatekeeper.store import Store, incoming, rows
from gatekeeper.store.completions import completions_by_key, insert_completions
from gatekeeper.store.predictions import (
    insert_predictions,
    insert_results,
    insert_scores,
    predictions_of,
    results_of,
    scores_of,
)
from gatekeeper.store.rows import insert_rows
from gatekeeper.store.suites import (
    insert_items,
    insert_run,
    items_of,
    models_of,
    run_of,
    runs_of,
    set_run_state,
    suite_of,
    suites_of,
)
from gatekeeper.store.tables import TABLES
from gatekeeper.store.training import (
    artifact_of,
    dropped_of,
    examples_of,
    insert_examples,
    measurements_of,
    training_runs_of,
)
from gatekeeper.store.verdicts import insert_verdict, rules_of, verdict_of


@pytest.fixture(scope="module", params=[True, False], ids=["by Arrow", "by lists"])
def filled(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A store with a few rows in every table, which went in by one way or the other."""
    path = tmp_path_factory.mktemp("filled") / "g.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setattr(incoming, "MANY_ROWS", 0)
            patch.setattr(rows, "_ROWS_AT_ONCE", 1)
        fill(Store(path))
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Store:
    """A copy of it."""
    return Store(Path(shutil.copy(filled, tmp_path / "g.duckdb")))


def test_every_table_is_filled(store: Store) -> None:
    with store.read() as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        counts = {name: len(connection.execute(f"FROM {name}").fetchall()) for name in names}
    assert set(counts) == {*TABLES, "migrations"}
    assert min(counts.values()) >= 1, counts


def test_records_come_back_as_they_went_in(store: Store) -> None:
    with store.read() as connection:
        assert suite_of(connection, SUITE) == SUITE_ROW
        assert suites_of(connection, "headlines") == [SUITE_ROW]
        assert suite_of(connection, "b2:0") is None
        assert run_of(connection, "run-1") == RUN
        assert runs_of(connection, SUITE) == [RUN]
        assert models_of(connection) == models_of(connection, [MODEL.fingerprint]) == {MODEL.fingerprint: MODEL}
        assert models_of(connection, []) == {}
        assert items_of(connection, SUITE, "gate") == [item("g1", "gate")]
        assert [one.id for one in items_of(connection, SUITE)] == ["d1", "g1", "p1"]
        assert examples_of(connection, "run-1") == [EXAMPLE]
        assert examples_of(connection, "run-1", up_to_round=0) == []
        assert [row.reason for row in dropped_of(connection, "run-1")] == ["duplicate"]
        assert training_runs_of(connection, "run-1", round=1, student="linear") == [TRAINING_RUN]
        assert training_runs_of(connection, "run-1", round=2) == []
        assert artifact_of(connection, "b2:a7") == ARTIFACT
        assert measurements_of(connection, "run-1") == {MEASUREMENT.model: MEASUREMENT}
        assert completions_by_key(connection, ["k1", "k2"]) == {"k1": completion("k1", "p1")}
        assert results_of(connection, "run-1", metric="retention") == [result("retention")]
        stored = verdict_of(connection, "run-1")
        assert stored is not None and stored.verdict == verdict() and stored.decided_at == NOON
        assert rules_of(connection, "run-1") == list(verdict().rules)


def test_a_second_insert_changes_nothing(store: Store) -> None:
    with store.write() as connection:
        assert insert_items(connection, SUITE, [item("p1", "pool", text="changed"), item("p2", "pool")]) == 1
        assert insert_run(connection, RUN.model_copy(update={"seed": 8})) == 0
        assert insert_examples(connection, "run-1", [EXAMPLE.model_copy(update={"round": 2})]) == 0
        assert items_of(connection, SUITE, "pool")[0] == item("p1", "pool")
        assert run_of(connection, "run-1") == RUN
        stored = verdict_of(connection, "run-1")
        assert stored is not None
        other = stored.model_copy(update={"verdict": verdict().model_copy(update={"decision": "reject"})})
        assert insert_verdict(connection, other) == 0
        assert verdict_of(connection, "run-1") == stored


def test_the_newest_result_wins(store: Store) -> None:
    with store.write() as connection:
        insert_results(connection, [result("retention", 0.5), result("retention", None)])
        assert results_of(connection, "run-1", metric="retention") == [result("retention", None)]


def test_failed_predictions_and_scores_give_way_to_good_ones_only(store: Store) -> None:
    bad = Prediction(item_id="p1", model="m", output=None, error_class="timeout")
    good = Prediction(item_id="p1", model="m", output="sport", confidence=0.5)
    unscored = Score(item_id="p1", model="m", scorer="route", version="1", value=None, reason="no output")
    scored = unscored.model_copy(update={"value": 0.0, "reason": None})
    with store.write() as connection:
        for prediction in (bad, good, bad):
            insert_predictions(connection, SUITE, [prediction])
        for score in (unscored, scored, unscored):
            insert_scores(connection, SUITE, [score])
        assert predictions_of(connection, SUITE, "m", "pool") == [good]
        assert predictions_of(connection, SUITE, "m", "dev") == []
        assert scores_of(connection, SUITE, "m", "route", "1", "pool") == [scored]
        assert scores_of(connection, SUITE, "m", "route", "2") == []


def test_a_run_ends(store: Store) -> None:
    with store.write() as connection:
        set_run_state(connection, "run-1", "promoted", NOON + timedelta(hours=1))
        run = run_of(connection, "run-1")
        with pytest.raises(StoreError, match="no run 'run-9'"):
            set_run_state(connection, "run-9", "promoted")
    assert run is not None and (run.state, run.finished_at) == ("promoted", NOON + timedelta(hours=1))


def test_times_come_back_in_utc(store: Store) -> None:
    with store.read() as connection:
        run = run_of(connection, "run-1")
    assert run is not None and run.started_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latency_s": float("nan")}, "column latency_s, row request_key=k9: nan"),
        ({"arrived_at": datetime(2026, 3, 1)}, "no time zone"),  # noqa: DTZ001
        ({"attempts": "many"}, "column attempts"),
        ({"distribution": {"a": float("inf")}}, "column distribution"),
    ],
)
def test_values_that_do_not_fit_are_named(store: Store, change: dict[str, object], words: str) -> None:
    with store.write() as connection:
        row = dict(zip(*_first_row(connection), strict=True))
        row.update({"request_key": "k9", "distribution": None, **change})
        with pytest.raises(StoreError, match=words):
            insert_rows(connection, "completions", [{**row, "request_key": "k8", **_fine()}, row])
        assert completions_by_key(connection, ["k8", "k9"]) == {}


def _fine() -> dict[str, object]:
    return {"latency_s": 1.0, "arrived_at": NOON, "attempts": 1, "distribution": None}


def _first_row(connection: object) -> tuple[list[str], tuple[object, ...]]:
    cursor = connection.execute("SELECT * FROM completions LIMIT 1")  # type: ignore[attr-defined]
    return [column[0] for column in cursor.description], cursor.fetchone()


def test_hostile_text_is_stored(store: Store) -> None:
    text = "nul \x00, emoji \U0001f600, quote ' \" ; DROP TABLE items; -- \u202e\ufeff"
    odd = completion("k5", "p1", text, raw=text, distribution={text: 1.0})
    with store.write() as connection:
        insert_completions(connection, SUITE, [(odd, NOON)])
        assert completions_by_key(connection, ["k5"]) == {"k5": odd}
        lone = {"run": "r", "item_id": "i", "reason": "half \ud800 a pair", "round": 1}
        insert_rows(connection, "dropped", [lone, {**lone, "item_id": "j", "reason": "fine"}])
        assert sorted(row.reason for row in dropped_of(connection, "r")) == ["fine", "half \ufffd a pair"]


def test_money_keeps_twelve_digits_and_large_sums(store: Store) -> None:
    price = {"model_id": "m", "source": "s", "as_of": NOON.date(), "output_per_m": None, "cached_input_per_m": None}
    amount = Decimal("12345678901234567890123456.123456789012")
    with store.write() as connection:
        insert_rows(connection, "prices", [{**price, "input_per_m": amount, "detail": {}}])
        found = connection.execute("SELECT input_per_m, output_per_m FROM prices WHERE model_id = 'm'").fetchone()
    assert found == (amount, None)


def test_nothing_to_insert_is_fine(store: Store) -> None:
    with store.write() as connection:
        assert insert_rows(connection, "dropped", []) == 0
