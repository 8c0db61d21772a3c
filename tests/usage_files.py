"""Usage files for tests: the golden case G01, and files with other numbers made from it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

G01: dict[str, Any] = {
    "version": 1,
    "name": "G01",
    "as_of": "2026-11-25",
    "requests_per_month": 1_000_000,
    "tokens": {"input": 1200, "output": 300},
    "teacher": {
        "model": "openai/gpt-4o",
        "input_per_m": 2.50,
        "output_per_m": 10,
        "batch_input_per_m": 1.25,
        "batch_output_per_m": 5,
    },
    "options": [
        {
            "name": "student",
            "kind": "fine_tuned_tokens",
            "passes": True,
            "input_per_m": 0.30,
            "output_per_m": 1.20,
            "training_per_m": 3,
            "tokens": {"input": 400},
        }
    ],
    "one_time": {
        "generation_examples": 20_000,
        "generation_batch_share": 1,
        "training_tokens_per_example": 700,
        "training_epochs": 3,
        "evaluation_rows": 2000,
        "label_rows": 1000,
        "label_votes": 3,
        "usd_per_label": 0.012,
        "engineering_hours": 80,
        "usd_per_engineering_hour": 100,
    },
    "operations": {"usd_per_month": 500},
}

CASCADE = {"name": "cascade", "kind": "cascade", "of": "student", "teacher_share": 0.25, "verifier_usd": 0.00002}


def write_usage(folder: Path, *options: dict[str, Any], **changes: Any) -> Path:
    """Write G01 with further options and other top-level keys; a mapping is merged into the one that is there."""
    tree = deepcopy(G01)
    tree["options"] += [dict(one) for one in options]
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            tree[key] |= value
        else:
            tree[key] = value
    path = folder / "usage.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return path
