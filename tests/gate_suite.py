"""A tiny suite with every kind of rule of the gate, and a way to run it without a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tiny_suite import LABELS, make_rows, merged, teacher_says, write_jsonl, write_suite

from gatekeeper.loop import run_loop
from gatekeeper.records import RuleResult, Verdict
from gatekeeper.run.opening import open_session
from gatekeeper.run.progress import Silent
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

ROWS = {"pool": 600, "dev": 200, "gate": 240}
LANGUAGES = ("en", "de", "fr")


@dataclass(frozen=True)
class Gated:
    """One run of the loop."""

    verdict: Verdict
    store: Store
    run: str
    said: list[str]

    def rule(self, key: str) -> RuleResult:
        """One rule of the verdict."""
        return next(rule for rule in self.verdict.rules if rule.rule == key)


class Lines(Silent):
    """A progress that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str, *, style: str = "") -> None:
        """Keep one line."""
        self.said.append(text)


def write_gate_suite(
    folder: Path,
    gates: Mapping[str, Any],
    *,
    rows: Mapping[str, int] = ROWS,
    hard: float = 0.0,
    changes: Mapping[str, Any] | None = None,
    evals: tuple[str, ...] = (),
) -> Path:
    """Write a suite with the slice column `language`; `gates` are merged into its gates.

    Args:
        hard: share of the rows of each split whose label has nothing to do with their text.
        evals: further evals: `safety` (guard, like the task), `harm` (guard, no text tells its labels), `scope`
            (inputs that the task is not about, without right answers).
    """
    path = write_suite(folder, {"gates": gates}, rows=rows)
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    answers = [_answer(row["id"], row["label"]) for split in rows for row in _split(folder, split, rows[split], hard)]
    suite["evals"][0]["data"]["slices"] = ["language"]
    for name in evals:
        found = _other(name)
        write_jsonl(folder / f"{name}.jsonl", found)
        answers += [_answer(f"{name}/{row['id']}", row.get("label", LABELS[0])) for row in found]
        suite["evals"].append(_eval(name))
    write_jsonl(folder / "answers.jsonl", answers)
    path.write_text(yaml.safe_dump(merged(suite, changes or {}), sort_keys=False), encoding="utf-8")
    return path


def run_gate(suite: Path, store: Path, *, reason: str | None = None) -> Gated:
    """Run the loop of a suite to its verdict."""
    opened, lines = Store(store), Lines()
    with open_session(load_suite(suite), opened, progress=lines) as session:
        verdict = run_loop(session, reason=reason)
    return Gated(verdict, opened, session.run, lines.said)


def _split(folder: Path, split: str, count: int, hard: float) -> list[dict[str, str]]:
    easy = make_rows(split, count - round(hard * count))
    strange = make_rows(f"{split}x", round(hard * count), learnable=False)
    made = [{**row, "language": LANGUAGES[place % 3]} for place, row in enumerate([*easy, *strange])]
    write_jsonl(folder / f"{split}.jsonl", made)
    return made


def _other(name: str) -> list[dict[str, str]]:
    if name == "scope":
        return [{"id": f"o{place}", "text": f"lorem{place} ipsum{place} dolor{place}"} for place in range(60)]
    return make_rows(name, 60, learnable=name == "safety")


def _eval(name: str) -> dict[str, Any]:
    data = {"source": {"jsonl": f"{name}.jsonl"}, "id": "id", "input": "text"}
    role = "ood" if name == "scope" else "guard"
    target = {} if name == "scope" else {"target": "label"}
    return {"version": 1, "eval": name, "role": role, "data": data | target, "task": {"labels": list(LABELS)}}


def _answer(item_id: str, output: str) -> dict[str, Any]:
    return {"item_id": item_id, "output": output, "usage": {"input_tokens": 40, "output_tokens": 2}}


__all__ = ["ROWS", "Gated", "run_gate", "teacher_says", "write_gate_suite"]
