"""The files ``promoted/<suite>.json``: what is promoted, for readers that have no DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gatekeeper.errors import StoreError
from gatekeeper.store.connection import Store
from gatekeeper.store.durable import file_name, replace_file
from gatekeeper.store.verdicts import Promotion, promotions_of


def sync_pointers(store: Store) -> list[str]:
    """Make every file ``promoted/<suite>.json`` say what the newest promotion of its suite says.

    The row wins: call this at every start, and after a promotion committed.

    Returns:
        The suite names whose pointer was missing, broken or different, and is mended now.

    Raises:
        StoreError: a pointer cannot be written.
    """
    with store.read() as connection:
        names = [name for (name,) in connection.execute("SELECT DISTINCT suite_name FROM promotions").fetchall()]
        current = [promotions_of(connection, name)[0] for name in sorted(names)]
    return [one.suite_name for one in current if _point(pointer_path(store, one.suite_name), one)]


def pointer_path(store: Store, suite_name: str) -> Path:
    """Return where the pointer of a suite name lies."""
    return store.promoted_folder / f"{file_name(suite_name, 'suite name')}.json"


def _point(path: Path, promotion: Promotion) -> bool:
    wanted: dict[str, Any] = promotion.model_dump(mode="json")
    try:
        if json.loads(path.read_text(encoding="utf-8")) == wanted:
            return False
    except (OSError, ValueError):
        pass  # missing or broken: it is written anew
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(wanted, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StoreError(
            f"the pointer {path} cannot be written: {error.strerror}",
            hint="make the folder writable and run again; the promotion itself is in the store",
        ) from error
    return True
