"""The store opens, locks, migrates and fails as it says; other processes are real ones."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from store_samples import kill, start, wait_for

from gatekeeper.errors import StoreError, StoreLockedError, StoreVersionError
from gatekeeper.store import Store
from gatekeeper.store.migrations import MIGRATIONS, SCHEMA_VERSION
from gatekeeper.store.tables import TABLES
from gatekeeper.store.views import VIEWS

_WRITE = "INSERT INTO runs VALUES ('r', 's', 1, now(), NULL, 'running', NULL)"
_COUNT = "SELECT count(*) FROM runs"

_HOLDS = """
import sys
from gatekeeper.store import Store
store = Store(sys.argv[1])
with store.hold("run-of-the-child"):
    print("held", flush=True)
    sys.stdin.readline()
"""
_OPEN = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("open", flush=True)
sys.stdin.readline()
"""


def _one(store: Store, sql: str) -> object:
    with store.read() as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_new_store_has_tables_views_and_their_history(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "er" / "g.duckdb")
    with store.read() as connection:
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        versions = connection.execute("SELECT version, name FROM migrations ORDER BY version").fetchall()
        zone = connection.execute("SELECT current_setting('TimeZone')").fetchall()
    assert tables == {*TABLES, "migrations"}
    assert {name for (name,) in views} == set(VIEWS)
    assert versions == [
        (1, "create_tables"),
        (2, "create_views"),
        (3, "error_budget"),
        (4, "samples"),
        (5, "cache_writes"),
        (6, "batches"),
    ]
    assert zone == [("UTC",)]


def test_every_table_has_a_primary_key(tmp_path: Path) -> None:
    with Store(tmp_path / "g.duckdb").read() as connection:
        sql = "SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
        keyed = {name for (name,) in connection.execute(sql).fetchall()}
    assert keyed == {*TABLES, "migrations"}


def test_write_commits_or_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    with pytest.raises(KeyError), store.write() as connection:
        connection.execute(_WRITE)
        raise KeyError("stop")
    assert _one(store, _COUNT) == 0
    with store.write() as connection:
        connection.execute(_WRITE)
    assert _one(Store(tmp_path / "g.duckdb"), _COUNT) == 1


def test_read_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(duckdb.Error), Store(tmp_path / "g.duckdb").read() as connection:
        connection.execute(_WRITE)


def test_threads_take_turns(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb", wait_s=30)
    failures: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(3):
                with store.write() as connection:
                    connection.execute("INSERT INTO dropped VALUES (?, ?, 'x', 1)", [name, str(number)])
                _one(store, "SELECT count(*) FROM dropped")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert _one(store, "SELECT count(*) FROM dropped") == 9


def test_reading_inside_writing_is_a_clear_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    with pytest.raises(StoreLockedError, match="open in the other mode"), store.write(), store.read():
        pass
    assert _one(store, _COUNT) == 0


@pytest.mark.parametrize("mode", ["read", "write"])
def test_file_held_by_another_process_names_its_pid(tmp_path: Path, mode: str) -> None:
    store = Store(tmp_path / "g.duckdb", wait_s=0.2)
    child = start(_OPEN, store.path, mode)
    try:
        wait_for(child, "open")
        with pytest.raises(StoreLockedError, match=f"process {child.pid}") as caught, store.write():
            pass
        assert caught.value.hint
    finally:
        kill(child)
    with store.write() as connection:
        connection.execute(_WRITE)


def test_waits_for_a_reader_that_goes_away(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb", wait_s=60)
    child = start(_OPEN, store.path, "read")
    wait_for(child, "open")
    timer = threading.Timer(0.3, child.kill)
    timer.start()
    with store.write() as connection:
        connection.execute(_WRITE)
    timer.join()
    child.communicate()
    assert _one(store, _COUNT) == 1


def test_hold_is_exclusive_and_ends_with_a_killed_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    child = start(_HOLDS, store.path)
    try:
        wait_for(child, "held")
        with pytest.raises(StoreLockedError, match=rf"process {child.pid}, run run-of-the-child"), store.hold("mine"):
            pass
        assert _one(store, _COUNT) == 0, "the lock of a loop must not keep readers out"
    finally:
        kill(child)
    with store.hold("mine"):
        pass


def test_hold_is_exclusive_within_a_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    with store.hold("first"):
        with pytest.raises(StoreLockedError, match=f"process {os.getpid()}, run first"), store.hold("second"):
            pass
        child = start(_HOLDS, store.path)  # the failed try above must not have dropped the lock
        _, problem = child.communicate()
        assert "run first" in problem
    with store.hold("third"):
        pass


def test_store_of_version_1_is_migrated_after_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "g.duckdb"
    old = Store(path, migrations=MIGRATIONS[:1])
    with old.write() as connection:
        connection.execute(_WRITE)
    store = Store(path)
    assert _one(store, "SELECT max(version) FROM migrations") == SCHEMA_VERSION
    assert _one(store, "SELECT count(*) FROM spend_by_purpose") == 0
    assert _one(store, _COUNT) == 1
    copy = Store(tmp_path / "g.duckdb.v1.bak", migrations=MIGRATIONS[:1])
    assert _one(copy, _COUNT) == 1
    assert _one(copy, "SELECT max(version) FROM migrations") == 1


def test_every_earlier_version_opens(tmp_path: Path) -> None:
    assert SCHEMA_VERSION >= 2
    for version in range(1, SCHEMA_VERSION):
        path = tmp_path / f"v{version}.duckdb"
        Store(path, migrations=MIGRATIONS[:version])
        assert _one(Store(path), "SELECT max(version) FROM migrations") == SCHEMA_VERSION


def test_failed_migration_leaves_the_old_version(tmp_path: Path) -> None:
    path = tmp_path / "g.duckdb"
    Store(path)

    def half_way(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("CREATE TABLE half (x INTEGER)")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        Store(path, migrations=(*MIGRATIONS, half_way))
    store = Store(path)
    assert _one(store, "SELECT max(version) FROM migrations") == SCHEMA_VERSION
    assert _one(store, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'") == 0


def test_newer_store_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    with store.write() as connection:
        connection.execute(f"INSERT INTO migrations VALUES ({SCHEMA_VERSION + 1}, 'later', now())")
    with pytest.raises(StoreVersionError, match=f"schema version {SCHEMA_VERSION + 1}") as caught:
        Store(store.path)
    assert "upgrade" in str(caught.value)


def test_paths_that_cannot_be_a_store(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to have a header " * 500)
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    before = text.read_bytes(), foreign.read_bytes()
    for path, words in [
        (tmp_path, "is a folder"),
        (text, "not a DuckDB file"),
        (foreign, "'customers'"),
        (text / "under" / "g.duckdb", "cannot be"),
    ]:
        with pytest.raises(StoreError, match=words) as caught:
            Store(path)
        assert caught.value.hint, path
    assert before == (text.read_bytes(), foreign.read_bytes())
    with pytest.raises(StoreError, match="there is no store"):
        Store(tmp_path / "missing.duckdb", create=False)
    assert not (tmp_path / "missing.duckdb").exists()


def test_empty_file_of_a_killed_creation_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "g.duckdb"
    path.touch()
    assert _one(Store(path), _COUNT) == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an unprivileged user can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


_UNPRIVILEGED = """
import os, sys
import fcntl, zoneinfo  # all imports come first: afterwards the interpreter's own files may be out of reach
import duckdb, gatekeeper.store
from gatekeeper.errors import StoreError
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    store = gatekeeper.store.Store(sys.argv[1])
    with store.read() as connection:
        print("read", connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    with store.write():
        pass
except StoreError as error:
    print("refused", str(error).replace(chr(10), " "))
"""


def test_read_only_folder(open_folder: Path) -> None:
    store = Store(open_folder / "g.duckdb")
    store.path.chmod(0o444)
    open_folder.chmod(0o555)
    try:
        known, _ = start(_UNPRIVILEGED, store.path).communicate()
        new, _ = start(_UNPRIVILEGED, open_folder / "new.duckdb").communicate()
    finally:
        open_folder.chmod(0o755)
    assert known.startswith("read 0\nrefused")
    assert "may not be written" in known and "fix:" in known
    assert new.startswith("refused") and "fix:" in new


_FULL_DISK = """
import resource, sys
from gatekeeper.errors import StoreError
from gatekeeper.store import Store
store = Store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (store.path.stat().st_size + 300_000,) * 2)
try:
    with store.write() as connection:
        connection.execute("INSERT INTO dropped SELECT 'r', range::VARCHAR, uuid()::VARCHAR, 1 FROM range(200_000)")
    print("written")
except StoreError as error:
    print("refused", str(error).replace(chr(10), " "))
"""


def test_full_disk_is_a_clear_error_and_keeps_what_was_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    with store.write() as connection:
        connection.execute(_WRITE)
    answer, problem = start(_FULL_DISK, store.path).communicate()
    assert answer.startswith("refused"), problem
    assert "the disk is full" in answer and "free disk space" in answer
    assert _one(store, _COUNT) == 1
    assert _one(store, "SELECT count(*) FROM dropped") == 0
