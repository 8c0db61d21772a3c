"""kill -9 at any moment: the same command ends as if nothing had happened, and what was answered is not asked again."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tiny_suite import (
    ROUND,
    ROWS,
    Teacher,
    call,
    change,
    contents,
    http_server,
    http_teacher,
    loop,
    rows_of,
    start,
    write_suite,
)

from benchmarks.kill_checks import arrived as on_disk
from gatekeeper.store.lines import encode_line

CONCURRENCY = 4
DEV, GATE = ROWS["dev"], ROWS["gate"]
"""Requests in the order in which the undisturbed run sends them: dev, round 1, the gate at the first look, round 2."""
ASKED = "SELECT text FROM items JOIN completions USING (suite, item_id)"


@pytest.fixture(scope="module")
def server() -> Iterator[Teacher]:
    """One endpoint for all runs: its address is part of the teacher's identity."""
    with http_server() as teacher:
        yield teacher


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody killed."""

    suite: Path
    store: Path
    rows: dict[str, list[tuple[Any, ...]]]
    usd: float


@pytest.fixture(scope="module")
def undisturbed(server: Teacher, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """One run for comparison."""
    folder = tmp_path_factory.mktemp("undisturbed")
    suite = write_suite(folder / "suite", http_teacher(server.url, concurrency=CONCURRENCY))
    run = loop(suite, folder / "store" / "g.duckdb")
    assert run.finished.code == 0, run.finished.said
    assert len(server.log) == DEV + ROUND + GATE + ROUND and max(server.counts.values()) == 1
    return Undisturbed(suite, run.store, contents(run.store), spent(run.store))


@pytest.fixture(autouse=True)
def _clear(server: Teacher, undisturbed: Undisturbed) -> None:
    server.clear()


def spent(store: Path) -> float:
    """US dollars of teacher calls, open reservations at their upper bound."""
    sql = "SELECT sum(coalesce(settled, reserved)) FROM spend WHERE purpose <> 'train'"
    return float(rows_of(store, sql)[0][0])


def arrived(store: Path) -> set[str]:
    """The texts whose answers had arrived when the process was killed: from the tables and from the journal."""
    return set(on_disk(store)[0])


def check_continued(undisturbed: Undisturbed, store: Path, server: Teacher, known: set[str]) -> None:
    """Run the same command to its end and compare with the run that nobody killed."""
    done = call("loop", undisturbed.suite, "--store", store)
    assert done.code == 0, done.said
    again = {text: count for text, count in server.counts.items() if count > 1}
    assert not known & again.keys(), "an answer that had arrived was asked for again"
    assert sum(again.values()) - len(again) <= CONCURRENCY, again
    assert set(server.counts) == {text for (text,) in rows_of(store, ASKED)}
    found = contents(store)
    for table, rows in undisturbed.rows.items():
        assert found[table] == rows, table
    unsettled = rows_of(store, "SELECT count(*) FROM spend WHERE state <> 'settled'")[0][0]
    assert unsettled <= CONCURRENCY
    assert spent(store) >= undisturbed.usd - 1e-9  # what was in flight counts, so the ledger is never optimistic
    assert not list(store.with_name(store.name + ".journal").rglob("*.jsonl"))
    verified = call("verify", "--store", store)
    assert verified.code == 0, verified.said


def kill_at_request(number: int, undisturbed: Undisturbed, server: Teacher, store: Path) -> None:
    """Start the loop, kill it at its request number `number`, and run it again."""
    server.run_and_kill(lambda count, _: count == number, "loop", undisturbed.suite, "--store", store)
    assert len(server.log) <= number + CONCURRENCY
    known = arrived(store)
    assert number - CONCURRENCY <= len(known) < number
    check_continued(undisturbed, store, server, known)


@pytest.mark.slow
def test_killed_during_the_gate(undisturbed: Undisturbed, server: Teacher, tmp_path: Path) -> None:
    # The look is reserved, and some gate rows are answered.
    kill_at_request(DEV + ROUND + GATE // 2, undisturbed, server, tmp_path / "g.duckdb")


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, id="first request"),
        pytest.param(DEV // 2, id="development split"),
        pytest.param(DEV + 1, id="first text of round 1"),
        pytest.param(DEV + ROUND // 2, id="generation of round 1"),
        pytest.param(DEV + ROUND + 1, id="first gate row"),
        pytest.param(DEV + ROUND + GATE, id="last gate row"),
        pytest.param(DEV + ROUND + GATE + 1, id="after round 1"),
        pytest.param(DEV + ROUND + GATE + ROUND, id="last text of round 2"),
    ],
)
def test_killed_at_a_request(number: int, undisturbed: Undisturbed, server: Teacher, tmp_path: Path) -> None:
    kill_at_request(number, undisturbed, server, tmp_path / "g.duckdb")


def trained(count: int) -> Callable[[Path], bool]:
    """Whether so many students have their weights on disk; their rows may not be in the tables yet."""
    return lambda store: len(list(store.with_name(store.name + ".artifacts").glob("[!.]*"))) >= count


def is_promoted(store: Path) -> bool:
    """Whether the pointer is written, which is after the verdict and before the run's state and the report."""
    return (store.parent / "promoted" / "tiny.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(trained(1), id="first student on disk"),
        pytest.param(trained(2), id="second student on disk"),
        pytest.param(is_promoted, id="pointer written"),
    ],
)
def test_killed_when_a_file_appears(
    moment: Callable[[Path], bool], undisturbed: Undisturbed, server: Teacher, tmp_path: Path
) -> None:
    store = tmp_path / "g.duckdb"
    process = start("loop", undisturbed.suite, "--store", store)
    while not moment(store):
        assert process.poll() is None, process.communicate()
        time.sleep(0.0005)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    check_continued(undisturbed, store, server, arrived(store))


def move_into_the_future(store: Path) -> None:
    """Add a day to every time in the tables and in the journal, as if the clock went back by it after the kill."""
    columns = "SELECT table_name, column_name FROM duckdb_columns() WHERE data_type = 'TIMESTAMP WITH TIME ZONE'"
    moved = rows_of(store, f"{columns} AND NOT internal AND table_name IN (SELECT table_name FROM duckdb_tables())")
    assert {"spend", "looks", "seals", "events", "completions"} <= {table for table, _ in moved}
    for table, column in moved:
        change(store, f'UPDATE {table} SET "{column}" = "{column}" + INTERVAL 1 DAY')
    for path in store.with_name(store.name + ".journal").rglob("*.jsonl"):
        lines = [json.loads(line)["line"] for line in path.read_bytes().splitlines()]
        path.write_bytes(
            b"".join(
                encode_line(
                    one["kind"], one["run"], datetime.fromisoformat(one["at"]) + timedelta(days=1), one["payload"]
                )
                for one in lines
            )
        )


@pytest.mark.slow
def test_killed_and_then_the_clock_goes_back(undisturbed: Undisturbed, server: Teacher, tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    number = DEV + ROUND + GATE + ROUND // 2  # after a look, in the middle of round 2
    server.run_and_kill(lambda count, _: count == number, "loop", undisturbed.suite, "--store", store)
    known = arrived(store)
    move_into_the_future(store)
    assert arrived(store) == known
    check_continued(undisturbed, store, server, known)


@pytest.mark.slow
def test_a_second_loop_on_the_same_store_ends_at_once_and_names_the_first(
    undisturbed: Undisturbed, server: Teacher, tmp_path: Path
) -> None:
    store = tmp_path / "g.duckdb"
    first = start("loop", undisturbed.suite, "--store", store)
    while not server.log:
        assert first.poll() is None, first.communicate()
        time.sleep(0.001)
    second = call("loop", undisturbed.suite, "--store", store)
    assert second.code == 1 and f"process {first.pid}" in second.said, second.said
    first.communicate(timeout=240)
    assert first.returncode == 0 and max(server.counts.values()) == 1


@pytest.mark.slow
def test_killed_again_and_again(undisturbed: Undisturbed, server: Teacher, tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    known: set[str] = set()
    position = 0
    moments = (20, DEV + 10, DEV + ROUND + 30, DEV + ROUND + GATE + 20)
    for number in moments:
        server.run_and_kill(lambda count, _, at=number: count >= at, "loop", undisturbed.suite, "--store", store)
        assert not known & {one.text for one in server.log[position:]}
        known, position = arrived(store), len(server.log)
    done = call("loop", undisturbed.suite, "--store", store)
    assert done.code == 0, done.said
    assert not known & {one.text for one in server.log[position:]}
    assert len(server.log) - len(server.counts) <= len(moments) * CONCURRENCY
    found = contents(store)
    for table, rows in undisturbed.rows.items():
        assert found[table] == rows, table
