"""The files and the command of each tool for one run, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.asking import write_suite
from benchmarks.results import ROOT

TASKS = Path(__file__).parent / "tasks"
QUESTION = "Is this message about a card? Answer yes or no.\n"
CONCURRENCY = 64
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""No tool talks to anybody but the local server; wrong answers are no failure of the command."""


@dataclass(frozen=True)
class Place:
    """Where one run happens.

    Args:
        folder: new and empty for this run, the working folder and home of the process.
        tool: the folder of the tool's environment.
        url: of the server.
        rows: how many are asked.
    """

    folder: Path
    tool: Path
    url: str
    rows: int


Prepare = Callable[[Place], list[str]]
"""Writes the task's files into the folder, and returns the command."""


def variables(place: Place) -> dict[str, str]:
    """Return the environment variables of a run: a home of its own, keys that mean nothing, no telemetry."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HF_", "INSPECT_"))}
    # Every tool was compiled when it was installed; gatekeeper may keep what it compiles as well.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    own = {
        "HOME": str(place.folder / "home"),
        "OPENAI_API_KEY": "none",
        "LOCAL_API_KEY": "none",
        "LOCAL_BASE_URL": f"{place.url}/v1",
        "PATH": f"{place.tool / 'bin'}{os.pathsep}{kept.get('PATH', '')}",
        "PYTHONPATH": str(ROOT) if place.tool == Path(sys.prefix) else "",
    }
    return kept | QUIET | own


def _rows(place: Place) -> list[dict[str, str]]:
    """Write gatekeeper's suite, and return its rows with the question as it is sent."""
    write_suite(place.folder, place.rows, place.url, CONCURRENCY)
    lines = (place.folder / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {"id": row["id"], "question": QUESTION + row["text"], "label": row["label"]} for row in map(json.loads, lines)
    ]


def _write_lines(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def inspect(*options: str) -> Prepare:
    """By its command, with these options."""

    def prepare(place: Place) -> list[str]:
        _write_lines(place.folder / "rows.jsonl", _rows(place))
        shutil.copy(TASKS / "yes_or_no_inspect.py", place.folder)
        task = ["yes_or_no_inspect.py", "-T", "rows=rows.jsonl", "--model", "openai-api/local/m"]
        return [str(place.tool / "bin" / "inspect"), "eval", *task, *options]

    return prepare


def inspect_header(place: Place) -> list[str]:
    """Return the command that prints the head of the log."""
    (log,) = place.folder.glob("logs/*.eval")
    return [str(place.tool / "bin" / "inspect"), "log", "dump", "--header-only", str(log)]


def _lm_eval_files(place: Place) -> None:
    _write_lines(place.folder / "rows.jsonl", _rows(place))
    shutil.copy(TASKS / "yes_or_no_lm_eval.yaml", place.folder)


def lm_eval(place: Place) -> list[str]:
    """By its command, with what it needs to ask a chat endpoint and to keep the samples."""
    _lm_eval_files(place)
    arguments = f"model=m,base_url={place.url}/v1/chat/completions"
    run = ["run", "--model", "local-chat-completions", "--model_args", arguments, "--apply_chat_template"]
    kept = ["--output_path", "out", "--log_samples"]
    return [str(place.tool / "bin" / "lm_eval"), *run, "--tasks", "yes_or_no", "--include_path", ".", *kept]


def lm_eval_from_python(place: Place) -> list[str]:
    """By its functions: the command line reads all task files that come with it, which takes longer than the asking."""
    _lm_eval_files(place)
    return [str(place.tool / "bin" / "python"), str(TASKS / "yes_or_no_lm_eval.py"), place.url, str(CONCURRENCY)]


def promptfoo(*options: str) -> Prepare:
    """By its command, with these options."""

    def prepare(place: Place) -> list[str]:
        asked = [{"vars": {name: row[name] for name in ("question", "label")}} for row in _rows(place)]
        _write_lines(place.folder / "tests.jsonl", asked)
        server = {"apiBaseUrl": f"{place.url}/v1", "max_tokens": 16}
        config = {
            "prompts": ["{{question}}"],
            "providers": [{"id": "openai:chat:m", "config": server}],
            "defaultTest": {"assert": [{"type": "equals", "value": "{{label}}"}]},
            "tests": "file://tests.jsonl",
        }
        (place.folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        program = place.tool / "node" / "node_modules" / "promptfoo" / "dist" / "src" / "entrypoint.js"
        return [str(place.tool / "bin" / "node"), str(program), "eval", *options]

    return prepare


def pydantic_evals(client: str, concurrency: int | None) -> Prepare:
    """By a script, since it has no command: the client, and how many cases at once (None: all)."""

    def prepare(place: Place) -> list[str]:
        _write_lines(place.folder / "rows.jsonl", _rows(place))
        given = [client, "rows.jsonl", "report.json", place.url, *([str(concurrency)] if concurrency else [])]
        return [str(place.tool / "bin" / "python"), str(TASKS / "yes_or_no_pydantic_evals.py"), *given]

    return prepare


def gatekeeper(concurrency: int | None) -> Prepare:
    """As `gatekeeper evaluate` asks a teacher; None leaves the concurrency out of the suite."""

    def prepare(place: Place) -> list[str]:
        suite = write_suite(place.folder, place.rows, place.url, CONCURRENCY)
        if concurrency is None:
            written = yaml.safe_load(suite.read_text(encoding="utf-8"))
            del written["teacher"]["concurrency"]
            suite.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
        return [sys.executable, "-m", "benchmarks.asking_clients", "gatekeeper", str(suite), "store.duckdb"]

    return prepare


def raw(place: Place) -> list[str]:
    """By aiohttp and one insert."""
    _write_lines(place.folder / "rows.jsonl", [{**row, "text": row["question"]} for row in _rows(place)])
    given = ["rows.jsonl", "store.duckdb", place.url, str(CONCURRENCY)]
    return [sys.executable, "-m", "benchmarks.asking_clients", "raw", *given]
