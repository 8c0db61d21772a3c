"""The task for inspect_ai: one question for each row, right if the answer equals the label. Runs in its environment."""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task  # type: ignore[untyped-decorator,unused-ignore]
def yes_or_no(rows: str) -> Task:
    """Return the task over the rows of a JSONL file, each with id, question and label."""
    lines = Path(rows).read_text(encoding="utf-8").splitlines()
    samples = [
        Sample(id=row["id"], input=row["question"], target=row["label"]) for row in (json.loads(line) for line in lines)
    ]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=exact())
