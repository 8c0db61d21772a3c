"""A tiny suite that a linear student learns in a second, a teacher behind real HTTP, and the command line."""

from __future__ import annotations

import atexit
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from gatekeeper.cli.main import main

_TOPICS = {
    "billing": "invoice charge payment card receipt balance fee debit credit statement",
    "shipping": "parcel courier tracking delivery package warehouse dispatch customs postage carrier",
    "account": "password login username profile email reset locked signin verification device",
}
_FILLERS = "please hello my the today about question again still need help with thanks since order week really just"
WORDS = {label: words.split() for label, words in _TOPICS.items()}
LABELS = tuple(WORDS)
NOISE = _FILLERS.split()
PRICE = "anthropic/claude-opus-4-5"
TOKEN = "zqgate"
"""Each gate text holds one word that begins like this and occurs nowhere else."""
ROWS = {"pool": 800, "dev": 60, "gate": 38}
"""Of 38 gate rows none may be lost: the first of two looks needs 39 even for a perfect student, the second needs 33. So
the run has two rounds, and does not depend on how good a student is exactly. Speed is measured on the pool."""
REASON = "a test with rules of its own"
"""Given where a suite goes on with gate rows that another suite has looked at."""
ROUND = 100
"""Examples of one round."""


def make_rows(split: str, count: int, *, learnable: bool = True) -> list[dict[str, str]]:
    """`count` texts of one split with their labels; the same arguments give the same rows."""
    dice = random.Random(f"{split} {learnable}")
    rows = []
    for number in range(count):
        label = dice.choice(LABELS)
        topic = dice.sample(WORDS[label], 2) if learnable else []
        words = topic + dice.sample(NOISE, 5) + [f"{split}{number}" if split != "gate" else f"{TOKEN}{number}"]
        dice.shuffle(words)
        rows.append({"id": f"{split}-{number:04d}", "text": " ".join(words), "label": label})
    return rows


def teacher_says(text: str) -> str:
    """The teacher's answer to a learnable text, which is right."""
    hits = {label: len(set(words) & set(text.split())) for label, words in WORDS.items()}
    return max(LABELS, key=lambda label: hits[label])


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write one JSON object per line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` on top, mapping by mapping; None removes a key."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def write_suite(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    rows: Mapping[str, int] = ROWS,
    learnable: bool = True,
    name: str = "tiny",
) -> Path:
    """Write data, recorded answers and suite.yaml into `folder`; `changes` are merged into the suite."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    for split, count in rows.items():
        made = make_rows(split, count, learnable=learnable)
        write_jsonl(folder / f"{split}.jsonl", made)
        answers += [
            {
                "item_id": row["id"],
                "output": teacher_says(row["text"]) if learnable else row["label"],
                "usage": {"input_tokens": 40, "output_tokens": 2},
            }
            for row in made
        ]
    write_jsonl(folder / "answers.jsonl", answers)
    suite = {
        "version": 1,
        "suite": name,
        "evals": [
            {
                "version": 1,
                "eval": "tiny",
                "data": {
                    "id": "id",
                    "input": "text",
                    "target": "label",
                    "splits": {split: {"jsonl": f"{split}.jsonl"} for split in rows},
                },
                "task": {"labels": list(LABELS)},
            }
        ],
        "teacher": {"model": "replay", "answers": {"jsonl": "answers.jsonl"}, "priced_as": PRICE},
        "students": [{"name": "linear", "recipe": "linear"}],
        "traffic": {"requests_per_month": 500_000_000},
        "gates": {"quality": {"retention": 0.9, "looks": 2, "look_when": 0.0}, "cost": {"reduction": 2}},
        "loop": {"rounds": 3, "examples_per_round": ROUND, "budget_usd": 10},
    }
    return write_yaml(folder / "suite.yaml", merged(suite, changes or {}))


def write_yaml(path: Path, content: Mapping[str, Any]) -> Path:
    """Write `content` as YAML."""
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
    return path


def http_teacher(base_url: str, **changes: Any) -> dict[str, Any]:
    """The changes that put the teacher behind an endpoint."""
    teacher = {"model": "openai/tiny", "base_url": base_url, "concurrency": 4, "priced_as": PRICE}
    return {"teacher": {"answers": None, **teacher, **changes}}


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that it printed, white space joined."""
        return " ".join((self.out + " " + self.err).split())


def environment(**more: str) -> dict[str, str]:
    """The environment of a process under test: one thread, no colours."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "200", **more}


def gatekeeper(*arguments: str | Path, before: str = "", **environ: str) -> Finished:
    """Run the command line as a process; `before` is Python that it runs first."""
    command, env = _command(arguments, before), environment(**environ)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)
    return Finished(done.returncode, done.stdout, done.stderr)


def call(*arguments: str | Path) -> Finished:
    """Run the command line in this process: the same entry, without the seconds that a start takes."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    assert isinstance(end.value.code, int)
    return Finished(int(end.value.code), out.getvalue(), err.getvalue())


def start(*arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    """Start the command line as a process and do not wait for it."""
    command, env = _command(arguments, ""), environment(**environ)
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _command(arguments: Sequence[str | Path], before: str) -> list[str]:
    if not before:
        return [sys.executable, "-m", "gatekeeper", *map(str, arguments)]
    code = f"import sys\n{before}\nfrom gatekeeper.cli.main import main\nmain(sys.argv[1:])"
    return [sys.executable, "-c", code, *map(str, arguments)]


def rows_of(store: Path, sql: str) -> list[tuple[Any, ...]]:
    """Run a query on a store."""
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def change(store: Path, sql: str) -> None:
    """Run a statement on a store."""
    with duckdb.connect(str(store)) as connection:
        connection.execute(sql)


TABLES = {
    "items": "*",
    "completions": "* EXCLUDE (latency_s, attempts, arrived_at)",
    "predictions": "*",
    "scores": "*",
    "examples": "*",
    "dropped": "*",
    "training_runs": "* EXCLUDE (seconds)",
    "results": "*",
    "looks": "* EXCLUDE (reserved_at)",
    "verdicts": "run, candidate, model, decision, sentence",
    "promotions": "suite_name, suite, run, artifact, replaced, who, why",
    "runs": "run, suite, seed, state",
}
"""What two runs of the same suite must have in common: everything but times, speeds and what follows from them."""


def contents(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of a store by table, without times and speeds."""
    return _tables(store, TABLES)


def everything(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a store by table."""
    return _tables(store, {name: "*" for (name,) in rows_of(store, "SELECT table_name FROM duckdb_tables()")})


def _tables(store: Path, columns: Mapping[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(store), read_only=True) as connection:
        found = {name: connection.execute(f"SELECT {kept} FROM {name}").fetchall() for name, kept in columns.items()}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def copy_store(store: Path, folder: Path) -> Path:
    """Copy a store with what lies beside it."""
    shutil.copytree(store.parent, folder)
    return folder / store.name


@dataclass(frozen=True)
class Run:
    """A loop that ran to its end."""

    suite: Path
    store: Path
    finished: Finished

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict that the command printed."""
        answer: dict[str, Any] = json.loads(self.finished.out)["verdict"]
        return answer


def loop(suite: Path, store: Path) -> Run:
    """Run the loop of a suite in this process, with its answer as JSON; a copied store may hold other rules."""
    return Run(suite, store, call("loop", suite, "--store", store, "--json", "--reason", REASON))


@cache
def promoted() -> Run:
    """One run that ends in a promotion, shared by all tests; copy its store before you change it."""
    folder = Path(tempfile.mkdtemp(prefix="gatekeeper-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    suite, store = write_suite(folder / "suite"), folder / "store" / "g.duckdb"
    return Run(suite, store, gatekeeper("loop", suite, "--store", store, "--json"))


@dataclass
class Asked:
    """One request that reached the server."""

    text: str
    answered: bool = False


@dataclass
class Teacher:
    """An OpenAI-compatible endpoint that answers from the text and writes down what it is asked."""

    url: str
    log: list[Asked] = field(default_factory=list)
    kill: Callable[[int, str], bool] | None = None
    process: subprocess.Popen[str] | None = None
    _started: threading.Event = field(default_factory=threading.Event)

    @property
    def counts(self) -> Counter[str]:
        """How often each text was asked."""
        return Counter(asked.text for asked in self.log)

    def clear(self) -> None:
        """Forget what was asked."""
        self.log, self.kill, self.process = [], None, None
        self._started.clear()

    def run_and_kill(self, when: Callable[[int, str], bool], *arguments: str | Path) -> str:
        """Start a command and kill -9 it while it waits for the first answer for which `when(number, text)` holds.

        Returns what it printed, after checking that it was alive until then.
        """
        self._started.clear()
        self.kill = when
        self.process = start(*arguments)
        self._started.set()
        out, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == -signal.SIGKILL, f"it ended before it was killed:\n{out}"
        self.kill = None
        return out

    def receive(self, text: str) -> Asked:
        """Write down a request; kill the asking process if this is the moment."""
        asked = Asked(text)
        self.log.append(asked)
        when = self.kill
        if when is not None and when(len(self.log), text):
            self.kill = None
            assert self._started.wait(30) and self.process is not None
            self.process.kill()
            self.process.wait()
        return asked


@contextmanager
def http_server(reply: Callable[[Teacher, str], tuple[int, str, bytes]] | None = None) -> Iterator[Teacher]:
    """Serve on a free local port; `reply` gives (status, content type, body) instead of a good answer."""
    teacher = Teacher("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            text = json.loads(self.rfile.read(size))["messages"][-1]["content"]
            asked = teacher.receive(text)
            time.sleep(0.005)
            status, kind, body = reply(teacher, text) if reply else (200, "application/json", good_answer(text))
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                asked.answered = True
            except OSError:
                self.close_connection = True  # whoever asked is gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    teacher.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield teacher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def good_answer(text: str) -> bytes:
    """The body of the teacher's answer to `text`."""
    choice = {"index": 0, "message": {"role": "assistant", "content": teacher_says(text)}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 40, "completion_tokens": 2}
    return json.dumps(
        {"id": "x", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice], "usage": usage}
    ).encode()
