"""What a start does first: bring in what killed processes left in their journals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import StoreError, StoreLockedError
from gatekeeper.store.connection import Store
from gatekeeper.store.durable import sync_folder
from gatekeeper.store.lines import Line, apply_lines, decode_line
from gatekeeper.store.locks import ExclusiveLock
from gatekeeper.store.spend import mark_unsettled


@dataclass(frozen=True)
class Replay:
    """What came out of the journal files of one run."""

    lines: int = 0
    torn: int = 0
    corrupt: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recovery:
    """What a recovery did.

    Attributes:
        runs: runs whose files were replayed.
        alive: runs that a process has open now; they are left alone.
        lines: lines that are in the tables now.
        torn: half-written last lines that were dropped.
        unsettled: reservations whose outcome nobody knows; they count at their upper bound.
        corrupt: one message per damaged line, with file and line number.
    """

    runs: tuple[str, ...]
    alive: tuple[str, ...]
    lines: int
    torn: int
    unsettled: int
    corrupt: tuple[str, ...]


def recover(store: Store, *, strict: bool = True) -> Recovery:
    """Replay the journals of all runs that no process has open, and mark their open reservations as unsettled.

    Args:
        store: the store.
        strict: whether damaged lines raise after everything else is recovered; otherwise they are in the answer.

    Raises:
        StoreError: a line in the middle of a file is damaged. The good lines are in the store and the file is moved
            aside as ``.bad``, so that the next call goes on without it.
    """
    replays: dict[str, Replay] = {}
    alive: list[str] = []
    for folder in sorted(path for path in _listing(store.journal_folder) if path.is_dir()):
        lock = run_lock(store, folder.name)
        try:
            lock.acquire()
        except StoreLockedError:
            alive.append(folder.name)
            continue
        try:
            replays[folder.name] = replay_files(store, folder)
        finally:
            lock.release()
    with store.write() as connection:
        unsettled = mark_unsettled(connection, alive)
    found = Recovery(
        runs=tuple(name for name, replay in replays.items() if replay.lines or replay.torn or replay.corrupt),
        alive=tuple(alive),
        lines=sum(replay.lines for replay in replays.values()),
        torn=sum(replay.torn for replay in replays.values()),
        unsettled=unsettled,
        corrupt=tuple(message for replay in replays.values() for message in replay.corrupt),
    )
    if strict and found.corrupt:
        raise StoreError("\n".join(found.corrupt), hint="all good lines are in the store; run again to go on")
    return found


def run_lock(store: Store, run: str) -> ExclusiveLock:
    """Return the lock that the one process holds which has the journal of `run` open."""
    return ExclusiveLock(store.journal_folder / f"{run}.lock", f"the journal of run {run}", run)


def replay_files(store: Store, folder: Path) -> Replay:
    """Bring the files of one journal folder into the tables and remove them; the caller holds the run's lock.

    Each file is one transaction. A file with a damaged line in the middle is moved aside as ``.bad``.

    Raises:
        StoreError: the store cannot be written; the files stay.
    """
    total = Replay()
    for path in sorted(path for path in _listing(folder) if path.suffix == ".jsonl"):
        lines, torn, corrupt = read_journal(path)
        if lines:
            with store.write() as connection:
                apply_lines(connection, lines)
        if corrupt:
            path.replace(_free_name(path))
        else:
            path.unlink()
        total = Replay(total.lines + len(lines), total.torn + torn, total.corrupt + corrupt)
    if folder.is_dir():
        if not any(folder.iterdir()):
            folder.rmdir()
        sync_folder(folder.parent)
    return total


def read_journal(path: Path) -> tuple[list[Line], int, tuple[str, ...]]:
    """Return a journal file's good lines, how many last lines were torn (0 or 1), and a message per damaged line."""
    pieces = path.read_bytes().split(b"\n")
    if pieces[-1] == b"":
        pieces.pop()
    lines: list[Line] = []
    bad: list[tuple[int, str]] = []
    for number, piece in enumerate(pieces, start=1):
        try:
            lines.append(decode_line(piece))
        except (ValueError, KeyError, TypeError) as error:
            bad.append((number, str(error).splitlines()[0]))
    torn = bool(bad) and bad[-1][0] == len(pieces)
    if torn:
        bad.pop()  # the last line was being written when its process ended
    return lines, int(torn), tuple(f"{path}, line {number} is damaged: {why}" for number, why in bad)


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _free_name(path: Path) -> Path:
    name = path.with_name(path.name + ".bad")
    number = 2
    while name.exists():
        name = path.with_name(f"{path.name}.{number}.bad")
        number += 1
    return name
