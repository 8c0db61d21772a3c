"""What a person sees while a loop runs: a live bar on a terminal, plain lines elsewhere. All of it on stderr."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

PLAIN_EVERY_S = 10.0
BAR_WIDTH = 28


class TerminalProgress:
    """Shows stages, counts, pace and money spent.

    Args:
        stream: where to write.
        quiet: True shows nothing.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._console = Console(file=stream, quiet=quiet, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._label, self._total, self._done = "", 0, 0
        self._spent = Decimal(0)
        self._assumed = False
        self._began = self._printed = time.monotonic()

    def say(self, text: str, *, style: str = "") -> None:
        """Show one line that stays."""
        self._console.print(Text(text, style=style))

    def start(self, label: str, total: int) -> None:
        """Begin a counted piece of work."""
        self.finish()
        self._label, self._total, self._done = label, total, 0
        self._began = self._printed = time.monotonic()
        if self._console.is_terminal and not self._console.quiet:
            self._live = Live(console=self._console, get_renderable=self._line, refresh_per_second=8, transient=True)
            self._live.start()

    def advance(self, count: int = 1) -> None:
        """Count `count` more items as done."""
        self._done += count
        now = time.monotonic()
        if self._live is None and now - self._printed > PLAIN_EVERY_S:
            self._printed = now
            self._console.print(Text(f"    {self._label}: {self._counted()}", style="dim"))

    def spent(self, total: Decimal, *, assumed: bool) -> None:
        """Show how much the run has spent so far."""
        self._spent, self._assumed = total, assumed

    def finish(self) -> None:
        """End the counted piece of work."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self) -> Table:
        share = self._done / self._total if self._total else 0.0
        filled = min(int(share * BAR_WIDTH), BAR_WIDTH)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(f"    {self._label}"),
            Text("━" * filled, style="cyan") + Text("━" * (BAR_WIDTH - filled), style="dim"),
            self._counted(),
        )
        return grid

    def _counted(self) -> str:
        elapsed = max(time.monotonic() - self._began, 1e-6)
        money = f"${self._spent:.2f} spent{' (assumed)' if self._assumed else ''}"
        return f"{self._done:,}/{self._total:,}  {self._done / elapsed:,.0f}/s  {money}"
