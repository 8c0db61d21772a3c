"""A store that is only read, as it lies there."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from gatekeeper.errors import StoreError, StoreVersionError
from gatekeeper.store.connection import Store


class StoreAsItIs(Store):
    """A store that is neither made, nor brought to the present schema, nor written: for whoever only asks.

    Args:
        path: the DuckDB file, which must be there.
        wait_s: seconds during which a locked file is tried again.

    Raises:
        StoreError: there is no store, or the file is none.
        StoreVersionError: the store has an older or a newer schema than this gatekeeper.
        StoreLockedError: another process holds it for longer than `wait_s`.
    """

    def __init__(self, path: Path | str, *, wait_s: float = 5.0) -> None:
        super().__init__(path, wait_s=wait_s, create=False)

    def write(self) -> NoReturn:
        """Refuse: raises StoreError."""
        raise StoreError(f"the store {self.path} was opened to be read only")

    def _migrate(self, version: int) -> None:
        raise StoreVersionError(
            f"the store {self.path} has schema version {version}, this gatekeeper reads {len(self._migrations)}",
            hint="the next `gatekeeper loop` on it brings it up to date",
        )
