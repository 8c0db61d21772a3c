"""What a run tells whoever watches it."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol


class Progress(Protocol):
    """Shows what a run does; the command line has one for terminals."""

    def say(self, text: str, *, style: str = "") -> None:
        """Show one line that stays."""

    def start(self, label: str, total: int) -> None:
        """Begin a counted piece of work."""

    def advance(self, count: int = 1) -> None:
        """Count `count` more items as done."""

    def spent(self, total: Decimal, *, assumed: bool) -> None:
        """Show how much the run has spent so far."""

    def finish(self) -> None:
        """End the counted piece of work."""


class Silent:
    """Shows nothing."""

    def say(self, text: str, *, style: str = "") -> None:
        """Show nothing."""

    def start(self, label: str, total: int) -> None:
        """Show nothing."""

    def advance(self, count: int = 1) -> None:
        """Show nothing."""

    def spent(self, total: Decimal, *, assumed: bool) -> None:
        """Show nothing."""

    def finish(self) -> None:
        """Show nothing."""
