"""An exclusive lock beside a file that ends with its process, also when that is killed.

POSIX record locks are used because they belong to the process, not to an open file: a forked worker that outlives its
killed parent does not keep the lock. Their price is that a second open and close of the same file in the same process
would drop the lock, so a lock that this process holds is looked up in ``_HELD`` and its file is never opened again.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gatekeeper.errors import StoreError, StoreLockedError

_HELD: dict[Path, str] = {}
_GUARD = threading.Lock()


class ExclusiveLock:
    """The right to be the only one that does `what`; used as a context manager.

    Args:
        path: the lock file; it is created, and removed when the lock is released.
        what: what is locked, for the message, e.g. ``"the store x.duckdb"``.
        owner: the run that holds the lock; written into the lock file together with the process id.
    """

    def __init__(self, path: Path, what: str, owner: str) -> None:
        self.path = path.absolute()
        self.what = what
        self.owner = owner
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock now.

        Raises:
            StoreLockedError: someone holds it; the message names the process id and the run.
            StoreError: the lock file cannot be written, or this system has no such locks.
        """
        if sys.platform == "win32":
            raise StoreError("the store's lock needs POSIX file locks", hint="run in WSL, Linux or macOS")
        with _GUARD:
            if self.path in _HELD:
                raise self._held_by(os.getpid(), _HELD[self.path])
            self._descriptor = self._open_and_lock()
            _HELD[self.path] = self.owner

    def _open_and_lock(self) -> int:
        import fcntl

        while True:
            descriptor = self._open()
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                pid, owner = _holder(descriptor)
                os.close(descriptor)
                raise self._held_by(pid, owner) from error
            if _is_file(descriptor, self.path):
                break
            os.close(descriptor)  # the last holder removed this file after it was opened here
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "run": self.owner}).encode(), 0)
        return descriptor

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"cannot write the lock file {self.path}: {error.strerror}",
                hint="make the folder of the store writable, or name another store",
            ) from error

    def _held_by(self, pid: int | None, owner: str) -> StoreLockedError:
        return StoreLockedError(
            f"{self.what} is held by process {pid if pid is not None else 'unknown'}, run {owner}",
            hint="wait until that process ends, or stop it; a lock ends with its process",
        )

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        with _GUARD:
            if self._descriptor is None:
                return
            _HELD.pop(self.path, None)
            with suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> ExclusiveLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> tuple[int | None, str]:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return int(holder["pid"]), str(holder["run"])
    except (ValueError, KeyError, TypeError):
        return None, "unknown"
