"""A suite whose teacher is not always right and does not always say the same, with slices and all roles of evals."""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tiny_suite import LABELS, PRICE, make_rows, merged, teacher_says, write_jsonl, write_yaml

from gatekeeper.loop import run_loop
from gatekeeper.run.opening import open_session
from gatekeeper.store import Store
from gatekeeper.suite.load import load_suite

ROWS = {"pool": 150, "dev": 80, "gate": 120}
OTHERS = {"strange": 60, "safe": 30}
SAMPLES = 2
LANGUAGES = ("en", "de", "fr")


@dataclass(frozen=True)
class Finished:
    """A suite and the store in which its loop ran to a verdict."""

    suite: Path
    store: Path
    run: str


def write_noisy(folder: Path, changes: Mapping[str, Any] | None = None, *, samples: int = SAMPLES) -> Path:
    """Write data, recorded answers and suite.yaml into `folder`; every third text says nothing of its label."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(5)
    answers = []
    for split, count in (ROWS | OTHERS).items():
        rows: list[dict[str, str]] = []
        for number, row in enumerate(make_rows(split, count)):
            vague = number % 3 == 0
            label = dice.choice(LABELS) if vague else teacher_says(row["text"])
            rows.append({**row, "label": label, "language": dice.choices(LANGUAGES, [6, 3, 1])[0]})
            for _ in range(samples):
                output = label if dice.random() < (0.75 if vague else 0.95) else dice.choice(LABELS)
                usage = {"input_tokens": 40, "output_tokens": 2}
                answers.append({"input": row["text"], "output": output, "usage": usage})
        write_jsonl(folder / f"{split}.jsonl", rows)
    write_jsonl(folder / "answers.jsonl", answers)
    return write_yaml(folder / "suite.yaml", merged(_suite(samples), changes or {}))


def _suite(samples: int) -> dict[str, Any]:
    task = {"labels": list(LABELS)}
    columns = {"id": "id", "input": "text", "target": "label"}
    splits = {split: {"jsonl": f"{split}.jsonl"} for split in ROWS}
    others = [
        {
            "version": 1,
            "eval": name,
            "role": role,
            "data": {**columns, "source": {"jsonl": f"{name}.jsonl"}},
            "task": task,
            "samples": {"teacher": samples},
        }
        for name, role in (("strange", "ood"), ("safe", "guard"))
    ]
    main = {
        "version": 1,
        "eval": "noisy",
        "data": {**columns, "slices": ["language"], "splits": splits},
        "task": task,
        "samples": {"teacher": samples},
    }
    return {
        "version": 1,
        "suite": "noisy",
        "evals": [main, *others],
        "teacher": {"model": "replay", "answers": {"jsonl": "answers.jsonl"}, "priced_as": PRICE},
        "students": [{"name": "linear", "recipe": "linear"}],
        "traffic": {"requests_per_month": 500_000_000},
        "gates": {
            "quality": {"retention": 0.6, "looks": 3, "look_when": 0.0},
            "slices": {"by": ["language"], "min": 0.5},
            "ood": [{"eval": "strange", "retention": 0.5, "auroc": 0.6}],
            "cost": {"reduction": 2},
        },
        "loop": {"rounds": 1, "examples_per_round": 150, "budget_usd": 10},
    }


@cache
def finished(samples: int = SAMPLES) -> Finished:
    """One loop over the suite to its verdict, shared by all tests; copy its store before you change it."""
    folder = Path(tempfile.mkdtemp(prefix="gatekeeper-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path, store = write_noisy(folder / "suite", samples=samples), folder / "store" / "g.duckdb"
    with open_session(load_suite(path), Store(store)) as session:
        run_loop(session)
        return Finished(path, store, session.run)
