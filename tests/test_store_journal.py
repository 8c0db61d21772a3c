"""Nothing that a journal took is lost: processes are killed, files torn and damaged, disks full."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from store_samples import SUITE, completion, kill, start, wait_for

from gatekeeper.errors import StoreError, StoreLockedError
from gatekeeper.records import Prediction, Score
from gatekeeper.store import Journal, Store, recover
from gatekeeper.store.completions import completions_by_key, completions_of
from gatekeeper.store.events import events_of
from gatekeeper.store.lines import decode_line, encode_line
from gatekeeper.store.recovery import read_journal
from gatekeeper.store.spend import Answer, Budget, spend_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store that gives up on a lock soon."""
    return Store(tmp_path / "g.duckdb", wait_s=0.3)


def _count(store: Store, table: str) -> int:
    with store.read() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def _leave(store: Store, run: str, lines: list[bytes]) -> Path:
    """Write a journal file as a killed process leaves it."""
    path = store.journal_folder / run / "0001.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(lines))
    return path


def _line(number: int, kind: str = "completion", run: str = "run-1") -> bytes:
    payload = {**completion(f"k{number}", f"p{number}").model_dump(mode="json"), "suite": SUITE}
    return encode_line(kind, run, datetime(2026, 3, 1, tzinfo=UTC), payload)


def test_every_kind_reaches_its_table(store: Store) -> None:
    with Journal(store, "run-1") as journal:
        journal.completion(SUITE, completion("k1", "p1", distribution={"weather": 0.75, "sport": 0.25}))
        journal.prediction(SUITE, Prediction(item_id="p1", model="m", output="weather"))
        journal.score(SUITE, Score(item_id="p1", model="m", scorer="route", version="1", value=None, reason="empty"))
        journal.append("spend_reserved", {"key": "k1", "purpose": "generate", "reserved": "0.5", "assumed": False})
        journal.append("spend_settled", {"key": "k1", "purpose": "generate", "settled": "0.2", "assumed": False})
        journal.event("round_began", round=1)
        journal.event("round_ended", round=1)
        assert _count(store, "completions") == 0, "lines wait for the commit"
    with store.read() as connection:
        stored = completions_of(connection, SUITE, "b2:7eac")
        assert stored == [completion("k1", "p1", distribution={"weather": 0.75, "sport": 0.25})]
        assert [(event.seq, event.kind) for event in events_of(connection, "run-1")] == [
            (1, "round_began"),
            (2, "round_ended"),
        ]
        (spend,) = spend_of(connection, "run-1")
        assert (spend.reserved, spend.settled, spend.state) == (Decimal("0.5"), Decimal("0.2"), "settled")
    assert (_count(store, "predictions"), _count(store, "scores")) == (1, 1)
    assert not (store.journal_folder / "run-1").exists()


def test_events_go_on_counting_after_a_restart(store: Store) -> None:
    for _ in range(2):
        with Journal(store, "run-1") as journal:
            journal.event("start")
    with store.read() as connection:
        assert [event.seq for event in events_of(connection, "run-1")] == [1, 2]


def test_commits_by_itself(store: Store) -> None:
    with Journal(store, "run-1", commit_lines=10) as journal:
        for number in range(25):
            journal.completion(SUITE, completion(f"k{number}", "p"))
        assert _count(store, "completions") == 20
    assert _count(store, "completions") == 25


def test_a_reader_of_another_process_ends_no_run(store: Store) -> None:
    child = start("import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True);"
                  "sys.stdin.readline()", store.path)  # fmt: skip
    wait_for(child, "open")
    with Journal(store, "run-1", commit_lines=10) as journal:
        for number in range(15):
            journal.completion(SUITE, completion(f"k{number}", "p"))
        with pytest.raises(StoreLockedError):
            journal.commit()
        kill(child)
        journal.commit()
        assert _count(store, "completions") == 15


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("letter", {}),
        ("completion", {"request_key": "k"}),
        ("prediction", {"item_id": "p", "model": "m", "output": "x"}),
        ("spend_reserved", {"key": "k", "purpose": "beer", "reserved": "1", "assumed": False}),
        ("event", {"kind": "x", "detail": {"value": float("nan")}}),
        ("event", {"kind": "x", "detail": {"value": object()}}),
    ],
)
def test_wrong_lines_are_refused_at_once(store: Store, kind: str, payload: dict[str, object]) -> None:
    with Journal(store, "run-1") as journal:
        with pytest.raises(StoreError, match=kind):
            journal.append(kind, payload)
        journal.event("still usable")
    assert _count(store, "events") == 1


_APPENDS = """
import sys
from store_samples import SUITE, completion
from gatekeeper.store import Journal, Store
journal = Journal(Store(sys.argv[1]), "run-1", commit_lines=int(sys.argv[2]))
for number in range(100_000):
    journal.completion(SUITE, completion(f"k{number}", f"p{number}"))
    if number % 50 == 0:
        print("wrote", number + 1, flush=True)
"""


@pytest.mark.parametrize("commit_lines", [100_000, 150])
def test_a_killed_process_loses_no_line(store: Store, commit_lines: int) -> None:
    child = start(_APPENDS, store.path, commit_lines)
    for _ in range(8):
        written = int(wait_for(child, "wrote").split()[1])
    kill(child)
    found = recover(store)
    assert found.corrupt == ()
    assert _count(store, "completions") >= written
    with store.read() as connection:
        numbers = connection.execute("SELECT request_key[2:]::INT AS n FROM completions ORDER BY n").fetchall()
    assert [number for (number,) in numbers] == list(range(len(numbers))), "no line in between is missing"
    assert recover(store).lines == 0
    assert not list(store.journal_folder.rglob("*.jsonl"))


def test_a_journal_that_opens_brings_in_what_its_run_left(store: Store) -> None:
    _leave(store, "run-1", [_line(1), _line(2)])
    with Journal(store, "run-1") as journal:
        assert _count(store, "completions") == 2
        journal.completion(SUITE, completion("k3", "p3"))
    assert _count(store, "completions") == 3


def test_torn_last_line_is_dropped(store: Store) -> None:
    whole = [_line(1), _line(2), _line(3)]
    for cut in (1, 20, len(whole[2]) // 2, len(whole[2]) - 2):
        _leave(store, f"run-{cut}", [*whole[:2], whole[2][:cut]])
    found = recover(store)
    assert (found.lines, found.torn, found.corrupt) == (8, 4, ())
    assert _count(store, "completions") == 2


def test_last_line_without_its_newline_is_whole(store: Store) -> None:
    _leave(store, "run-1", [_line(1), _line(2)[:-1]])
    found = recover(store)
    assert (found.lines, found.torn) == (2, 0)


def test_last_line_with_a_wrong_checksum_is_torn(store: Store) -> None:
    _leave(store, "run-1", [_line(1), _line(2).replace(b'"p2"', b'"p7"')])
    found = recover(store)
    assert (found.lines, found.torn) == (1, 1)


def test_damaged_line_in_the_middle_is_named_and_the_good_ones_kept(store: Store) -> None:
    path = _leave(store, "run-1", [_line(1), _line(2).replace(b'"p2"', b'"p7"'), _line(3)])
    _leave(store, "run-2", [_line(4, run="run-2")])
    with pytest.raises(StoreError) as caught:
        recover(store)
    assert f"{path}, line 2" in str(caught.value)
    assert _count(store, "completions") == 3
    assert not path.exists()
    assert path.with_name("0001.jsonl.bad").exists()
    again = recover(store)
    assert (again.lines, again.corrupt) == (0, ())


def test_damage_can_be_had_as_an_answer(store: Store) -> None:
    _leave(store, "run-1", [b"noise\n", _line(1)])
    (message,) = recover(store, strict=False).corrupt
    assert "line 1" in message


def test_replay_twice_is_replay_once(store: Store) -> None:
    path = _leave(store, "run-1", [_line(1), _line(1), _line(2)])
    data = path.read_bytes()
    recover(store)
    with store.read() as connection:
        before = connection.execute("SELECT * FROM completions ORDER BY ALL").fetchall()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    recover(store)
    with store.read() as connection:
        assert connection.execute("SELECT * FROM completions ORDER BY ALL").fetchall() == before
    assert len(before) == 2


def test_good_completion_is_never_replaced_and_a_failed_one_is(store: Store) -> None:
    cases = [("a", None, "a"), (None, "b", "b"), ("a", "b", "a"), (None, None, None)]
    with Journal(store, "run-1") as journal:
        for first, second, _ in cases:
            journal.completion(SUITE, completion(f"apart {first} {second}", "p1", first))
        journal.commit()
        for first, second, _ in cases:
            journal.completion(SUITE, completion(f"apart {first} {second}", "p1", second))
            journal.completion(SUITE, completion(f"together {first} {second}", "p1", first))
            journal.completion(SUITE, completion(f"together {first} {second}", "p1", second))
    keys = {f"{how} {first} {second}": kept for how in ("apart", "together") for first, second, kept in cases}
    with store.read() as connection:
        stored = completions_by_key(connection, list(keys))
    assert {key: one.output for key, one in stored.items()} == keys
    assert all((one.error_class is None) == (keys[key] is not None) for key, one in stored.items())


def test_a_live_run_is_left_alone(store: Store) -> None:
    child = start(_APPENDS, store.path, 100_000)
    try:
        wait_for(child, "wrote")
        found = recover(store)
        assert found.alive == ("run-1",) and found.lines == 0
        with pytest.raises(StoreLockedError, match=f"process {child.pid}"):
            Journal(store, "run-1")
    finally:
        kill(child)
    assert recover(store).lines > 0


def test_threads_share_a_journal(store: Store) -> None:
    with Journal(store, "run-1", commit_lines=64) as journal:

        def work(name: int) -> None:
            for number in range(100):
                journal.event("tick", name=name, number=number)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with store.read() as connection:
        assert [event.seq for event in events_of(connection, "run-1")] == list(range(1, 401))


def test_lines_are_synced_soon_without_further_lines(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = threading.Event()
    real = os.fsync

    def watched(descriptor: int) -> None:
        real(descriptor)
        synced.set()

    with Journal(store, "run-1") as journal:
        monkeypatch.setattr("gatekeeper.store.journal.os.fsync", watched)
        journal.event("one")
        assert synced.wait(30)


def test_an_exception_keeps_the_lines_and_is_what_the_caller_sees(store: Store) -> None:
    with pytest.raises(KeyError), Journal(store, "run-1") as journal:
        journal.event("one")
        raise KeyError("stop")
    assert _count(store, "events") == 1
    with pytest.raises(StoreError, match="closed"):
        journal.event("two")


_FULL = """
import resource, sys
from store_samples import SUITE, completion
from gatekeeper.errors import StoreError
from gatekeeper.store import Journal, Store
journal = Journal(Store(sys.argv[1]), "run-1", commit_lines=100_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
done = 0
try:
    while True:
        journal.completion(SUITE, completion(f"k{done}", f"p{done}"))
        done += 1
except StoreError as error:
    print("full", done, str(error).replace(chr(10), " "), flush=True)
sys.stdin.readline()
"""


def test_full_disk_keeps_every_line_that_was_taken(store: Store) -> None:
    child = start(_FULL, store.path)
    answer = wait_for(child, "full")
    kill(child)
    done = int(answer.split()[1])
    assert done > 10 and "free disk space" in answer
    found = recover(store)
    assert (found.lines, found.torn, found.corrupt) == (done, 0, ())


def test_a_run_name_cannot_leave_the_folder(store: Store) -> None:
    with pytest.raises(ValueError, match="cannot be a file name"):
        Journal(store, "../elsewhere")


def test_lines_say_when_they_were_written(store: Store) -> None:
    line = decode_line(_line(1).rstrip(b"\n"))
    assert line.at == datetime(2026, 3, 1, tzinfo=UTC)
    assert line.record == completion("k1", "p1")


OLD_LINES = (
    b'{"crc32":"58ff92f9","line":{"kind":"completion","run":"run-1","at":"2026-03-01T12:30:15.250000+00:00","payload":'
    b'{"request_key":"k1","item_id":"p1","model":"b2:7eac","sample_index":0,"output":"weather","distribution":'
    b'{"weather":0.75,"sport":0.25},"raw":null,"finish_reason":null,"usage":{"input_tokens":5,"output_tokens":1,'
    b'"cached_input_tokens":0,"reported":true},"latency_s":null,"attempts":1,"error_class":null,"error_message":null,'
    b'"suite":"b2:5u17e"}}}\n',
    b'{"crc32":"40a6c793","line":{"kind":"spend_reserved","run":"run-1","at":"2026-03-01T12:30:15.250000+00:00",'
    b'"payload":{"key":"k1","purpose":"generate","reserved":"0.005000000000","assumed":false}}}\n',
    b'{"crc32":"a2c344e4","line":{"kind":"spend_settled","run":"run-1","at":"2026-03-01T12:30:15.250000+00:00",'
    b'"payload":{"key":"k1","purpose":"generate","settled":"0.000225000000","assumed":false}}}\n',
)
"""As the version before answer and settlement came in one write left them behind."""


def test_lines_of_an_earlier_version_are_replayed(store: Store) -> None:
    _leave(store, "run-1", list(OLD_LINES))
    assert recover(store).lines == 3
    with store.read() as connection:
        assert completions_by_key(connection, ["k1"]) == {
            "k1": completion("k1", "p1", distribution={"weather": 0.75, "sport": 0.25})
        }
        (spend,) = spend_of(connection, "run-1")
    assert (spend.reserved, spend.settled, spend.state) == (Decimal("0.005"), Decimal("0.000225"), "settled")


def test_what_is_in_the_file_and_what_is_in_memory_say_the_same(store: Store) -> None:
    """Lines that were written from records are read back as those records."""
    said = completion("k1", "p1", distribution={"weather": 0.75, "sport": 0.25})
    said = said.model_copy(update={"raw": '{"a": "\\u00e9 \ud83d"}', "latency_s": 0.25})
    with Journal(store, "run-1") as journal:
        budget = Budget(Decimal(1), journal)
        budget.reserve("k1", "generate", Decimal("0.005"))
        budget.settle("k1", "generate", Decimal("0.000225"), answer=Answer(SUITE, said))
        journal.prediction(SUITE, Prediction(item_id="p1", model="m", output="weather", confidence=0.75))
        journal.score(SUITE, Score(item_id="p1", model="m", scorer="route", version="1", value=1.0))
        lines, torn, corrupt = read_journal(store.journal_folder / "run-1" / "0001.jsonl")
    assert (torn, corrupt) == (0, ())
    assert [line.kind for line in lines] == ["spend_reserved", "completion", "spend_settled", "prediction", "score"]
    assert lines[1].record == said and lines[1].suite == SUITE
    assert (lines[0].record.reserved, lines[2].record.settled) == (Decimal("0.005"), Decimal("0.000225"))
    assert lines[3].record == Prediction(item_id="p1", model="m", output="weather", confidence=0.75)
    assert lines[4].record.value == 1.0


def test_an_answer_that_nothing_is_reserved_for_is_kept_all_the_same(store: Store) -> None:
    with Journal(store, "run-1") as journal, pytest.raises(StoreError, match="nothing is reserved"):
        Budget(Decimal(1), journal).settle("k1", "generate", Decimal(0), answer=Answer(SUITE, completion("k1", "p1")))
    assert _count(store, "completions") == 1


def test_an_exception_between_file_and_memory_loses_no_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come after the line was written and before anything else is done with it."""
    real = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        real(descriptor, data)
        raise KeyboardInterrupt

    with Journal(store, "run-1") as journal:
        monkeypatch.setattr("gatekeeper.store.journal.os.write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.completion(SUITE, completion("k1", "p1"))
        monkeypatch.undo()
        journal.completion(SUITE, completion("k2", "p2"))
    assert _count(store, "completions") == 2
