"""The journal of a run: what cannot be had again for free is on disk before it is in the tables.

``<store>.journal/<run>/NNNN.jsonl`` holds one line per thing, each with its own checksum. A file is removed only after
the transaction that brought all its lines into the tables has committed. Files that a killed process left behind are
replayed at the next start; since every insert leaves alone what is there, twice is once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from gatekeeper.errors import StoreError, StoreLockedError
from gatekeeper.records import Completion, Prediction, Score
from gatekeeper.store.batches import Batch
from gatekeeper.store.connection import Store
from gatekeeper.store.durable import file_name, sync_folder
from gatekeeper.store.events import next_seq
from gatekeeper.store.lines import Line, apply_lines, encode_line, parse_line, payload_of
from gatekeeper.store.locks import ExclusiveLock
from gatekeeper.store.recovery import replay_files, run_lock
from gatekeeper.store.spend import Answer, Spend

SYNC_SECONDS = 0.5
"""The longest time that a line waits for its fsync. A killed process loses nothing; a power cut can lose this much."""
SYNC_LINES = 256
"""The most lines that wait for their fsync."""


class Journal:
    """The open journal of one run; a context manager, safe to share between threads.

    Files that an earlier process of the same run left are replayed when it opens.

    Args:
        store: the store that the lines go to.
        run: the run; it is the name of the journal's folder.
        commit_lines: lines after which the journal commits by itself.

    Raises:
        StoreLockedError: another process has the journal of this run open.
        StoreError: the folder cannot be written, or a file that was left is corrupt.
    """

    def __init__(self, store: Store, run: str, *, commit_lines: int = 6_000) -> None:
        self.run = file_name(run, "run")
        self.folder = store.journal_folder / run
        self._store = store
        self._commit_lines = commit_lines
        self._commit_at = commit_lines
        self._guard = threading.RLock()
        self._pending: list[Line] = []
        self._unsynced = 0
        self._timer: threading.Timer | None = None
        self._late_error: OSError | None = None
        self._seq: int | None = None
        self._descriptor: int | None = None
        self._lock: ExclusiveLock = run_lock(store, run)
        self._lock.acquire()
        try:
            left = replay_files(store, self.folder)
            if left.corrupt:
                raise StoreError("; ".join(left.corrupt), hint="the good lines are in the store; run again to go on")
            self._begin_file(1)
        except BaseException:
            self._lock.release()
            raise

    def append(self, kind: str, payload: dict[str, Any]) -> None:
        """Write one line; it survives the end of this process from now on.

        Do not call it while this thread has a connection of the store open.

        Args:
            kind: completion, prediction, score (payload: the record's ``model_dump(mode="json")`` and ``suite``),
                spend_reserved, spend_settled, or event (``kind`` and ``detail``). For records that exist already
                there are methods of their own.
            payload: JSON-like.

        Raises:
            StoreError: the payload does not fit its kind, or the line cannot be written.
        """
        with self._guard:
            self._check_usable()
            if kind == "event":
                if self._seq is None:
                    with self._store.read() as connection:
                        self._seq = next_seq(connection, self.run)
                payload = {**payload, "seq": self._seq}
            at = datetime.now(UTC)
            try:
                line = parse_line(kind, self.run, at, payload)
                data = encode_line(kind, self.run, at, payload)
            except (ValueError, TypeError, KeyError) as error:
                raise _wrong(kind, error) from error
            self._add([line], data)
            if self._seq is not None:
                self._seq += kind == "event"

    def completion(self, suite: str, completion: Completion) -> None:
        """Append an answer that arrived for the suite with fingerprint `suite`."""
        self._append(Line("completion", suite, datetime.now(UTC), completion))

    def prediction(self, suite: str, prediction: Prediction) -> None:
        """Append a prediction."""
        self._append(Line("prediction", suite, datetime.now(UTC), prediction))

    def score(self, suite: str, score: Score) -> None:
        """Append a score."""
        self._append(Line("score", suite, datetime.now(UTC), score))

    def reservation(self, payment: Spend) -> None:
        """Append a reservation; what it pays for may be sent when this returns."""
        self._append(Line("spend_reserved", None, payment.at, payment))

    def settlement(self, payment: Spend, answer: Answer | None = None) -> None:
        """Append what a payment did cost, and before it, in the same write, the answer that was paid."""
        lines = [] if answer is None else [Line("completion", answer.suite, payment.at, answer.completion)]
        self._append(*lines, Line("spend_settled", None, payment.at, payment))

    def batch(self, batch: Batch) -> None:
        """Append what is known of a batch; it is on disk, also against a power cut, when this returns."""
        self._append(Line("batch", None, batch.at, batch))
        self.sync()

    def event(self, kind: str, **detail: Any) -> None:
        """Append an event of the run; its place in the order and its time are filled in."""
        self.append("event", {"kind": kind, "detail": detail})

    def sync(self) -> None:
        """Make all lines durable against a power cut.

        Raises:
            StoreError: the disk refused.
        """
        with self._guard:
            self._check_usable()
            try:
                self._sync()
            except OSError as error:
                raise self._failed(error) from error

    def commit(self) -> None:
        """Bring all lines into the tables in one transaction and begin a new file.

        Raises:
            StoreLockedError: someone else has the store open; the lines stay in the journal, and a later call goes on.
            StoreError: the store cannot be written; the lines stay in the journal.
        """
        with self._guard:
            self.sync()
            if not self._pending:
                return
            with self._store.write() as connection:
                apply_lines(connection, self._pending)
            self._pending = []
            self._commit_at = self._commit_lines
            self._next_file()

    def close(self) -> None:
        """Commit, remove the empty journal and release the run; a second call does nothing.

        Raises:
            StoreError: the commit failed; the lines stay on disk and are replayed at the next start.
        """
        with self._guard:
            if self._descriptor is None:
                return
            try:
                self.commit()
            finally:
                self._end()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        with suppress(StoreError):  # what failed first is what the caller must see; the lines are on disk
            self.close()

    def _append(self, *lines: Line) -> None:
        """Write lines whose records were checked when they were made, all at once."""
        with self._guard:
            self._check_usable()
            try:
                data = b"".join(encode_line(line.kind, self.run, line.at, payload_of(line)) for line in lines)
            except (ValueError, TypeError) as error:
                raise _wrong(lines[0].kind, error) from error
            self._add(lines, data)

    def _add(self, lines: Sequence[Line], data: bytes) -> None:
        # First, so that a Ctrl-C in between leaves no line that is in the file alone, which a commit would remove.
        self._pending.extend(lines)
        try:
            self._write(data)
        except OSError as error:
            del self._pending[-len(lines) :]
            raise self._failed(error) from error
        self._unsynced += len(lines)
        self._sync_soon()
        if len(self._pending) >= self._commit_at:
            self._commit_by_itself()

    def _check_usable(self) -> None:
        if self._descriptor is None:
            raise StoreError(f"the journal of run {self.run} is closed")
        if self._late_error is not None:
            error, self._late_error = self._late_error, None
            raise self._failed(error) from error

    def _write(self, data: bytes) -> None:
        assert self._descriptor is not None
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(28, "No space left on device")
        except OSError:
            os.ftruncate(self._descriptor, self._size)  # half a line must not stand before the next one
            raise
        self._size += len(data)

    def _sync_soon(self) -> None:
        if self._unsynced >= SYNC_LINES:
            self.sync()
        elif self._timer is None:
            self._timer = threading.Timer(SYNC_SECONDS, self._sync_late)
            self._timer.daemon = True
            self._timer.start()

    def _sync(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsynced and self._descriptor is not None:
            os.fsync(self._descriptor)
            self._unsynced = 0

    def _sync_late(self) -> None:
        with self._guard:
            self._timer = None
            try:
                self._sync()
            except OSError as error:
                self._late_error = error

    def _commit_by_itself(self) -> None:
        try:
            self.commit()
        except StoreLockedError:
            # A person who reads for a while must not end a run: the lines are safe, and the next batch tries again.
            self._commit_at = len(self._pending) + self._commit_lines

    def _begin_file(self, number: int) -> None:
        path = self.folder / f"{number:04d}.jsonl"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
            sync_folder(self.folder)
        except OSError as error:
            raise self._failed(error) from error
        self._path, self._number, self._descriptor, self._size = path, number, descriptor, 0

    def _next_file(self) -> None:
        old, path = self._descriptor, self._path
        self._begin_file(self._number + 1)
        if old is not None:
            os.close(old)
        path.unlink(missing_ok=True)

    def _end(self) -> None:
        with suppress(OSError):
            self._sync()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if not self._pending:
            with suppress(OSError):  # an empty file or folder that stays does no harm
                self._path.unlink(missing_ok=True)
                self.folder.rmdir()
        self._lock.release()

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(
            f"the journal in {self.folder} cannot be written: {error.strerror or error}",
            hint="free disk space or make the folder writable, then run again; what was written is kept",
        )


def _wrong(kind: str, error: Exception) -> StoreError:
    return StoreError(f"a journal line of kind {kind!r} is wrong: {error}")
