"""Ctrl-C while answers are paid for: none is lost, whatever the process was doing at that moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tiny_suite import Teacher, environment, good_answer, http_server, http_teacher, rows_of, write_suite

from gatekeeper.models.base import Model
from gatekeeper.records import Completion, Request
from gatekeeper.run.interrupts import heeding_interrupts

ROWS = {"pool": 20, "dev": 400, "gate": 20}
ASKING = """
    import signal, sys, time
    from pathlib import Path
    from gatekeeper.run.opening import open_session
    from gatekeeper.run.progress import Silent
    from gatekeeper.stages.evaluate import evaluate_teacher
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite

    class Slow(Silent):
        def advance(self, count=1):
            time.sleep(0.002)  # so that most signals come while the caller has an answer in hand

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
    with open_session(load_suite(Path(sys.argv[1])), Store(sys.argv[2]), progress=Slow()) as session:
        try:
            evaluate_teacher(session, session.split("dev"), "asking")
        finally:
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            print("asked until", session.budget.spent, flush=True)
"""
LOOP = """
    import signal, sys
    from gatekeeper.cli.main import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(["loop", sys.argv[1], "--store", sys.argv[2], "--quiet"])
"""


def start(code: str, suite: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), str(suite), str(store)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def interrupt(process: subprocess.Popen[str], teacher: Teacher, after: int, pause_s: float) -> str:
    """Send SIGINT when the server has seen `after` requests and `pause_s` more have passed; return what was said."""
    while len(teacher.log) < after:
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    time.sleep(pause_s)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    return said


def check_nothing_lost(teacher: Teacher, store: Path) -> None:
    """Every answer that the server gave is in the table, paid, and no reservation is open."""
    answered = {one.text for one in teacher.log if one.answered}
    sql = "SELECT text FROM items JOIN completions USING (suite, item_id) WHERE error_class IS NULL"
    assert {text for (text,) in rows_of(store, sql)} == answered
    assert len(teacher.log) == len(answered), "what was sent was waited for"
    assert rows_of(store, "SELECT count(*) FROM spend WHERE state <> 'settled'") == [(0,)]
    assert rows_of(store, "SELECT count(*) FROM spend WHERE settled > 0") == [(len(answered),)]
    assert not list(store.with_name(store.name + ".journal").rglob("*.jsonl"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_one_ctrl_c_at_a_random_moment_loses_no_answer(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    store = tmp_path / "g.duckdb"
    with http_server() as teacher:
        suite = write_suite(tmp_path, http_teacher(teacher.url, concurrency=16), rows=ROWS)
        process = start(ASKING, suite, store)
        said = interrupt(process, teacher, dice.randrange(1, 250), dice.random() / 50)
        assert process.returncode == -signal.SIGINT and "KeyboardInterrupt" in said and "asked until" in said
        assert 0 < len(teacher.log) < ROWS["dev"]
        check_nothing_lost(teacher, store)


@pytest.mark.slow
def test_the_command_drains_saves_and_says_130_and_the_next_one_asks_the_rest(tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    with http_server() as teacher:
        suite = write_suite(tmp_path, http_teacher(teacher.url, concurrency=16), rows=ROWS)
        process = start(LOOP, suite, store)
        said = interrupt(process, teacher, 40, 0.01)
        assert process.returncode == 130 and "interrupted" in said, said
        check_nothing_lost(teacher, store)
        assert rows_of(store, "SELECT state FROM runs") == [("interrupted",)]
        process = start(ASKING, suite, store)
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert set(teacher.counts.values()) == {1} and len(teacher.log) == ROWS["dev"]


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_wait_and_keeps_what_arrived(tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    hanging = threading.Event()

    def reply(teacher: Teacher, text: str) -> tuple[int, str, bytes]:
        if len(teacher.log) > 20:
            hanging.wait(60)
        return 200, "application/json", good_answer(text)

    with http_server(reply) as teacher:
        suite = write_suite(tmp_path, http_teacher(teacher.url, concurrency=8), rows=ROWS)
        process = start(ASKING, suite, store)
        while len(teacher.log) < 21:
            time.sleep(0.001)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # the first one waits for what is in flight
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=50)
        assert process.returncode == -signal.SIGINT and time.monotonic() - began < 30
        answered = sum(one.answered for one in teacher.log)
        hanging.set()
        assert rows_of(store, "SELECT count(*) FROM completions WHERE output IS NOT NULL") == [(answered,)]
        open_ones = rows_of(store, "SELECT count(*) FROM spend WHERE state <> 'settled'")[0][0]
        assert open_ones == len(teacher.log) - answered, "what was in flight may have been paid, so it counts"


class Told:
    """A model that notes what it is told."""

    info = None

    def __init__(self) -> None:
        self.times: list[int] = []

    def interrupt(self, times: int) -> None:
        self.times.append(times)

    def upper_bound(self, request: Request) -> None:
        raise NotImplementedError

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        raise NotImplementedError


@pytest.fixture
def told() -> Iterator[Model]:
    """A model, in a process in which Ctrl-C does what Python lets it do."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield Told()  # type: ignore[misc]
    signal.signal(signal.SIGINT, before)


def times(model: Model) -> list[int]:
    assert isinstance(model, Told)
    return model.times


def test_ctrl_c_goes_to_the_model_and_is_raised_at_the_end(told: Model) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), heeding_interrupts(told):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the block ran to its end")
    assert done and times(told) == [0, 1, 2, 0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with heeding_interrupts(told):
        pass
    assert times(told)[4:] == [0, 0], "an earlier Ctrl-C is over"


def test_the_third_ctrl_c_stops_what_is_being_done(told: Model) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), heeding_interrupts(told):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        done.append("the block ran to its end")
    assert not done and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_is_what_the_caller_sees(told: Model) -> None:
    with pytest.raises(ValueError, match="mine"), heeding_interrupts(told):
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("mine")


@pytest.mark.parametrize("own", [signal.SIG_IGN, lambda *_: None])
def test_a_handler_of_the_application_stays(told: Model, own: signal.Handlers) -> None:
    signal.signal(signal.SIGINT, own)
    with heeding_interrupts(told):
        assert signal.getsignal(signal.SIGINT) is own
        os.kill(os.getpid(), signal.SIGINT)
    assert times(told) == [] and signal.getsignal(signal.SIGINT) is own


def test_in_another_thread_nothing_changes(told: Model) -> None:
    seen: list[object] = []

    def work() -> None:
        with heeding_interrupts(told):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler] and times(told) == []
