"""The store: one DuckDB file that is open only for moments.

DuckDB lets one process write, and then no other process reads. So every connection here is short, and whoever finds the
file taken tries again for a few seconds.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import StoreError, StoreLockedError, StoreVersionError
from gatekeeper.store.locks import ExclusiveLock
from gatekeeper.store.migrations import MIGRATIONS, Migration, apply_migration, version_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25

# One lock per file: DuckDB refuses a reading and a writing connection to one file in one process, so threads take
# turns.
_TURNS: dict[Path, threading.RLock] = {}
_TURNS_GUARD = threading.Lock()


class Store:
    """One store: the DuckDB file, and the folders beside it.

    Args:
        path: the DuckDB file. It is created, with its parents, unless `create` is False.
        wait_s: seconds during which a locked file is tried again.
        create: whether a missing file is made; readers pass False.
        migrations: the schema's history; only tests pass another one.

    Raises:
        StoreError: the path cannot be a store (a folder, another kind of file, not writable, missing).
        StoreVersionError: a newer gatekeeper wrote it.
        StoreLockedError: another process holds it for longer than `wait_s`.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        wait_s: float = 5.0,
        create: bool = True,
        migrations: tuple[Migration, ...] = MIGRATIONS,
    ) -> None:
        self.path = Path(path).absolute()
        self.wait_s = wait_s
        self._migrations = migrations
        with _TURNS_GUARD:
            self._turn = _TURNS.setdefault(self.path, threading.RLock())
        self._prepare(create)

    @property
    def journal_folder(self) -> Path:
        """Where runs write what is not yet in the tables."""
        return self.path.with_name(self.path.name + ".journal")

    @property
    def artifacts_folder(self) -> Path:
        """Where weights lie, named by their digest."""
        return self.path.with_name(self.path.name + ".artifacts")

    @property
    def promoted_folder(self) -> Path:
        """Where one pointer file per suite says what is promoted."""
        return self.path.with_name("promoted")

    @contextmanager
    def read(self) -> Iterator[DuckDBPyConnection]:
        """Open a short connection that can only read. Do not render, train or wait while it is open.

        Raises:
            StoreLockedError: another process writes for longer than `wait_s`.
            StoreError: the file cannot be read.
        """
        with self._connection(read_only=True) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[DuckDBPyConnection]:
        """Open a short connection that is one transaction: committed at the end, rolled back on any exception.

        Raises:
            StoreLockedError: another process has the file open for longer than `wait_s`.
            StoreError: the file cannot be written (disk full, read-only folder); nothing of the transaction is kept.
        """
        with self._connection(read_only=False) as connection:
            connection.execute("BEGIN TRANSACTION")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(Exception):  # the cause is what the caller must see, not a rollback that failed after it
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Be the only loop on this store until the block or the process ends.

        Raises:
            StoreLockedError: another loop holds it; the message names its process id and run.
        """
        with ExclusiveLock(self.path.with_name(self.path.name + ".lock"), f"the store {self.path}", run):
            yield

    @contextmanager
    def _connection(self, *, read_only: bool) -> Iterator[DuckDBPyConnection]:
        import duckdb

        if not self._turn.acquire(timeout=self.wait_s):
            raise StoreLockedError(
                f"another thread of this process has {self.path} open", hint="keep connections short"
            )
        try:
            connection = self._connect(read_only)
            try:
                yield connection
            except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
                # a full disk shows as any of the three, by where the transaction was
                raise _store_error(self.path, error) from error
            finally:
                with suppress(duckdb.Error):  # closing writes a checkpoint; what was committed is in the log already
                    connection.close()
        finally:
            self._turn.release()

    def _connect(self, read_only: bool) -> DuckDBPyConnection:
        import duckdb

        deadline = time.monotonic() + self.wait_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                connection = duckdb.connect(
                    str(self.path), read_only=read_only, config={"autoinstall_known_extensions": "false"}
                )
                connection.execute("SET TimeZone = 'UTC'")
                return connection
            except duckdb.ConnectionException as error:
                raise StoreLockedError(
                    f"this process has {self.path} open in the other mode (read or write)",
                    hint="close the open connection before the next one is opened",
                ) from error
            except duckdb.Error as error:
                if "lock on file" not in str(error):
                    raise _store_error(self.path, error) from error
                if time.monotonic() + pause > deadline:
                    raise _locked_error(self.path, self.wait_s, error) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _prepare(self, create: bool) -> None:
        if self.path.is_dir():
            raise StoreError(f"the store {self.path} is a folder", hint="name a file, e.g. --store gatekeeper.duckdb")
        exists = self._exists()
        if not exists and not create:
            raise StoreError(f"there is no store at {self.path}", hint="check --store, or run a loop first")
        if not exists:
            self._make_parent()
        version = self._stored_version() if exists else 0
        newest = len(self._migrations)
        if version > newest:
            raise StoreVersionError(
                f"the store {self.path} has schema version {version}; this gatekeeper knows versions up to {newest}",
                hint="upgrade gatekeeper, or name another store",
            )
        if version < newest:
            self._migrate(version)

    def _exists(self) -> bool:
        try:
            return self.path.stat().st_size > 0
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be reached: {error.strerror}", hint="check --store"
            ) from error

    def _make_parent(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():  # empty, left by a process that was killed before DuckDB wrote the header
                self.path.unlink()
        except OSError as error:
            raise StoreError(
                f"the folder {self.path.parent} of the store cannot be made or written: {error.strerror}",
                hint="name a store in a folder that you may write to",
            ) from error

    def _stored_version(self) -> int:
        with self.read() as connection:
            return version_of(connection, self.path)

    def _migrate(self, version: int) -> None:
        with self.hold("migration"):
            if version > 0:
                self._copy_aside(version)
            with self.write() as connection:
                for number, step in enumerate(self._migrations, start=1):
                    # asked again inside the transaction: another process may have been faster
                    if number > version_of(connection, self.path):
                        apply_migration(connection, number, step)

    def _copy_aside(self, version: int) -> None:
        with self._connection(read_only=False) as connection:
            connection.execute("CHECKPOINT")  # so that the one file is the whole store
        target = self.path.with_name(f"{self.path.name}.v{version}.bak")
        partial = target.with_name(target.name + ".partial")
        try:
            # No connection of this process is open here: closing a second descriptor would drop DuckDB's file lock.
            shutil.copy2(self.path, partial)
            partial.replace(target)
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be copied to {target} before its migration: {error.strerror}",
                hint="free disk space, or move the store to a folder that you may write to",
            ) from error


_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"No space left|File too large|quota exceeded",
        "the disk is full",
        "free disk space and run again; what was committed is kept",
    ),
    (
        r"not a valid DuckDB|valid DuckDB database file",
        "the file is not a DuckDB file",
        "name another file with --store; this one was left as it is",
    ),
    (r"Is a directory", "the path is a folder", "name a file, e.g. --store gatekeeper.duckdb"),
    (
        r"Permission denied|Read-only file system|read-only",
        "the file or its folder may not be written or read",
        "change the permissions, or name a store in another folder",
    ),
    (r"No such file", "the file is not there", "check --store"),
    (
        r"newer version|storage version|read a database file with version",
        "another version of DuckDB wrote the file",
        "install the version of duckdb that wrote it, or a newer one",
    ),
)


def _store_error(path: Path, error: Exception) -> StoreError:
    text = str(error)
    for pattern, cause, hint in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return StoreError(f"the store {path}: {cause} ({_first_line(text)})", hint=hint)
    return StoreError(
        f"the store {path} failed: {_first_line(text)}", hint="check the disk and the file, then run again"
    )


def _locked_error(path: Path, wait_s: float, error: Exception) -> StoreLockedError:
    found = re.search(r"PID (\d+)", str(error))
    who = f"process {found.group(1)}" if found else "another process"
    return StoreLockedError(
        f"the store {path} was held by {who} for more than {wait_s:g} s",
        hint="close the program that has it open (a DuckDB shell, a notebook), then run again",
    )


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
