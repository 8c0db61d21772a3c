"""Small rows for the tests of the store, and a way to run a real process against a store."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from duckdb import DuckDBPyConnection

from gatekeeper.cost.prices import Price
from gatekeeper.records import (
    Completion,
    Estimate,
    Example,
    Item,
    Measurement,
    Message,
    Prediction,
    Quantity,
    RuleResult,
    Score,
    Split,
    Usage,
    Verdict,
)
from gatekeeper.store import Store
from gatekeeper.store.batches import Batch, insert_batches
from gatekeeper.store.completions import insert_completions
from gatekeeper.store.events import Event, insert_events
from gatekeeper.store.gate_reads import insert_gate_read
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.store.looks import reserve_look
from gatekeeper.store.predictions import Result, insert_predictions, insert_results, insert_scores
from gatekeeper.store.rows import insert_rows
from gatekeeper.store.seals import amend_rules, seal_rules
from gatekeeper.store.signatures import insert_signature
from gatekeeper.store.spend import Spend, insert_costs, insert_prices, insert_reservations, insert_settlements
from gatekeeper.store.suites import (
    Run,
    StoredModel,
    StoredSuite,
    insert_items,
    insert_models,
    insert_run,
    insert_suite,
)
from gatekeeper.store.training import (
    Artifact,
    Dropped,
    TrainingRun,
    insert_artifacts,
    insert_dropped,
    insert_examples,
    insert_measurements,
    insert_training_runs,
)
from gatekeeper.store.verdicts import StoredVerdict, insert_verdict, record_promotion

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SUITE = "b2:5u17e"
GATE = "b2:9a7e"
RULES = {"gates": {"quality": {"retention": 0.95}}}

SUITE_ROW = StoredSuite(
    fingerprint=SUITE,
    name="headlines",
    spec={"suite": "headlines", "seed": 7},
    gate_digest=GATE,
    split_counts={"pool": 2, "gate": 1},
    registered_at=NOON,
)
RUN = Run(run="run-1", suite=SUITE, seed=7, started_at=NOON, machine="2 cores")
MODEL = StoredModel(fingerprint="b2:7eac", name="teacher", kind="chat", place="local", price_id="a/b", detail={"x": 1})
EXAMPLE = Example(id="b2:e1", text="rain", label="weather", distribution={"weather": 1.0}, source="mined", round=1,
                  item_id="p1")  # fmt: skip
TRAINING_RUN = TrainingRun(
    run="run-1", round=1, student="linear", examples_digest="b2:ee", recipe={"c": 1.0}, seed=7, model="b2:57d",
    artifact="b2:a7", n_examples=1, seconds=0.5,
)  # fmt: skip
ARTIFACT = Artifact(digest="b2:a7", kind="linear", files={"w.safetensors": "b2:f1"}, bytes=10, created_at=NOON)
PRICE = Price(
    model="a/b", input_per_m=Decimal("0.15"), output_per_m=Decimal("0.6"), source="book", as_of=date(2026, 2, 1)
)
QUANTITY = Quantity(name="monthly baseline", value=Decimal("1234567890.5"), unit="USD", origin="derived", source="f")


def item(item_id: str, split: Split, text: str = "", **more: object) -> Item:
    """Return a small item."""
    content = text or f"text of {item_id}"
    turns = (Message(role="system", content="Be brief."), Message(role="user", content=content))
    values = {"eval": "headlines", "cluster": item_id, "target": "weather", "slices": {"language": "en"}, **more}
    return Item.model_validate({"id": item_id, "split": split, "text": content, "messages": turns, **values})


def completion(key: str, item_id: str, output: str | None = "weather", **more: object) -> Completion:
    """Return a completion, a failed one when `output` is None."""
    values = {"error_class": None if output else "timeout", "usage": Usage(input_tokens=5, output_tokens=1), **more}
    known = {"request_key": key, "item_id": item_id, "model": "b2:7eac", "output": output}
    return Completion.model_validate({**known, **values})


def estimate(value: float | None) -> Estimate:
    """Return an estimate over ten rows."""
    return Estimate(value=value, lower=0.5, upper=1.0, confidence=0.9, method="wilson", n_expected=10, n_scored=9,
                    n_failed=1)  # fmt: skip


def verdict() -> Verdict:
    """Return a verdict with one rule."""
    rule = RuleResult(
        rule="gates.quality.retention", outcome="pass", value=0.99, bound=0.96, requirement=0.95, margin=0.01,
        sentence="retention is at least 0.96",
    )  # fmt: skip
    return Verdict(
        decision="promote", candidate="linear", sentence="may replace", rules=(rule,), looks_spent=1, looks_planned=5,
        alpha=0.05,
    )  # fmt: skip


MEASUREMENT = Measurement(
    model="b2:57d", throughput_rps=estimate(5000.0), latency_p50_ms=1.0, latency_p95_ms=estimate(2.0), batch_size=64,
    cores=2, machine="2 cores", measured_at=NOON,
)  # fmt: skip


def fill(store: Store) -> None:
    """Put a few rows into every table."""
    with store.write() as connection:
        insert_suite(connection, SUITE_ROW)
        insert_items(connection, SUITE, [item("p1", "pool"), item("d1", "dev"), item("g1", "gate")])
        insert_run(connection, RUN)
        insert_models(connection, [MODEL])
        model = MODEL.fingerprint
        insert_predictions(connection, SUITE, [Prediction(item_id="d1", model=model, output="weather", confidence=0.9)])
        score = Score(item_id="d1", model=model, scorer="route", version="1", value=1.0)
        insert_scores(connection, SUITE, [score])
        metrics = ("retention", "accuracy", "teacher_accuracy", "agreement")
        insert_results(connection, [result(metric) for metric in metrics])
        insert_examples(connection, "run-1", [EXAMPLE])
        insert_dropped(connection, [Dropped(run="run-1", item_id="p9", reason="duplicate", round=1)])
        insert_training_runs(connection, [TRAINING_RUN])
        insert_artifacts(connection, [ARTIFACT])
        insert_measurements(connection, "run-1", [MEASUREMENT])
        insert_prices(connection, [PRICE])
        insert_costs(connection, "run-1", [QUANTITY])
        insert_events(connection, [Event(run="run-1", seq=1, kind="round", detail={"n": 1}, at=NOON)])
        fill_money_and_verdict(connection)
        sealed = {"run": "run-1", "source": "items", "key": "g1", "digest": "d"}
        insert_rows(connection, "evidence", [sealed])


def fill_money_and_verdict(connection: DuckDBPyConnection) -> None:
    """The second half of `fill`."""
    pay = Spend(run="run-1", key="k1", purpose="generate", reserved=Decimal("0.02"), assumed=True, at=NOON)
    insert_reservations(connection, [pay, pay.model_copy(update={"key": "k2"})])
    paid = pay.model_copy(update={"settled": Decimal("0.01"), "state": "settled"})
    insert_settlements(connection, [paid])
    insert_completions(connection, SUITE, [(completion("k1", "p1"), NOON)])
    keys = row_keys([item("g1", "gate").text])
    reserve_look(connection, GATE, keys, 0.05, 5, run="run-1", round=1, student="linear", model="b2:57d", at=NOON)
    fill_rules_and_readers(connection)
    insert_batches(connection, [BATCH])
    stored = StoredVerdict(run="run-1", model="b2:57d", verdict=verdict(), evidence_digest="b2:ev", decided_at=NOON)
    insert_verdict(connection, stored)
    record_promotion(
        connection,
        suite_name="headlines", suite=SUITE, run="run-1", artifact="b2:a7", who="loop", why="passed", at=NOON,
    )  # fmt: skip


def fill_rules_and_readers(connection: DuckDBPyConnection) -> None:
    """The third part of `fill`."""
    seal_rules(connection, GATE, RULES, run="run-1", who="ann", at=NOON)
    weaker = {"gates": {"quality": {"retention": 0.9}}}
    amend_rules(connection, GATE, weaker, who="ann", reason="it was a slip", at=NOON)
    insert_gate_read(connection, GATE, who="ann", what="wrong rows", n_rows=1, run="run-1", at=NOON)
    insert_signature(
        connection, "run-1", key_id="b2:5e", public_key="PEM", statement={"run": "run-1"}, signature="c2ln", who="ann",
        at=NOON,
    )  # fmt: skip


BATCH = Batch(
    batch="b2:ba", run="run-1", model="b2:57d", purpose="generate", provider_id="batch_1", state="open",
    requests=("k2",), made_at=NOON, deadline=NOON + timedelta(hours=24), at=NOON,
)  # fmt: skip


def result(metric: str, value: float | None = 0.97) -> Result:
    """Return one metric of round 1 on dev."""
    return Result(
        run="run-1", round=1, student="linear", split="dev", model="b2:57d", metric=metric, estimate=estimate(value)
    )


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process with `code`; its arguments are in ``sys.argv[1:]``."""
    command = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=Path(__file__).parent)  # fmt: skip


def wait_for(process: subprocess.Popen[str], word: str) -> str:
    """Return the first line of the process that starts with `word`."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line.strip()
    assert process.stderr is not None
    raise AssertionError(f"the process ended without {word!r}: {process.stderr.read()}")


def kill(process: subprocess.Popen[str]) -> None:
    """End a process with SIGKILL and wait for it."""
    process.kill()
    process.communicate()
