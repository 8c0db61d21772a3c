"""Input files: are the suite, the data and all else that it names byte for byte what the run has read?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import StoreError
from gatekeeper.hashing import hash_file
from gatekeeper.run.session import INPUTS
from gatekeeper.store.events import events_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def changed_inputs(connection: DuckDBPyConnection, run: str, root: Path | None) -> tuple[int | None, list[str]]:
    """Return how many files below `root` were compared, and which are not what the run has read.

    Args:
        root: the root folder of the suite; None: nothing is compared.

    Raises:
        StoreError: the run wrote no digests of its files down.
    """
    if root is None:
        return None, []
    events = events_of(connection, run, INPUTS)
    if not events:
        raise StoreError(f"the run {run!r} has no digests of its input files", hint="leave --inputs out")
    files: dict[str, str] = events[-1].detail["files"]
    problems = []
    for name, digest in sorted(files.items()):
        path = root / name
        if not path.is_file():
            problems.append(f"input {path}: is missing")
        elif hash_file(path) != digest:
            problems.append(f"input {path}: is not what the run has read")
    return len(files), problems
