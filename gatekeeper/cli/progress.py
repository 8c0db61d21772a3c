"""What a person sees while a loop runs: a live view on a terminal, plain lines elsewhere. All of it on stderr."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gatekeeper.cli.stage_counts import StageCounts
from gatekeeper.cli.stage_lines import ASCII, Marks, closing_lines, live_lines, plain_line, stopping_line
from gatekeeper.records import Completion
from gatekeeper.run.progress import Watch

PLAIN_EVERY_S = 10.0
LOOK_EVERY_S = 0.5
FRAMES_PER_S = 4


class TerminalProgress:
    """Shows stages with their counts, pace, traffic and money.

    On a terminal the view is redrawn in place. Elsewhere, and on a dumb terminal, it is a line every `plain_every_s`.
    Either way one line for each stage stays.

    Args:
        stream: where to write.
        quiet: True shows nothing.
        plain_every_s: seconds between two plain lines.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False, plain_every_s: float = PLAIN_EVERY_S) -> None:
        self._console = Console(file=stream, quiet=quiet, highlight=False, soft_wrap=True)
        self._on_terminal = stream.isatty() and not self._console.is_dumb_terminal
        self._marks = ASCII if self._console.options.ascii_only else Marks()
        self._quiet, self._plain_every_s = quiet, plain_every_s
        self._counts: StageCounts | None = None
        self._live: Live | None = None
        self._lines: _PlainLines | None = None

    def say(self, text: str, *, style: str = "") -> None:
        """Show one line that stays; on a terminal it is wrapped between words, and goes on below its first word."""
        self._print(Text(text, style=style))

    def start(self, label: str, total: int, watch: Watch | None = None) -> None:
        """Begin a counted piece of work."""
        self.finish()
        self._counts = StageCounts(label, total, watch)
        if self._quiet:
            return
        if self._on_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self._view,
                refresh_per_second=FRAMES_PER_S,
                transient=True,
                redirect_stdout=False,  # what a verb prints there is for another program
            )
            self._live.start()
        else:
            self._lines = _PlainLines(self, self._counts, self._plain_every_s)
            self._lines.start()

    def advance(self, count: int = 1) -> None:
        """Count `count` more items as done."""
        if self._counts is not None:
            self._counts.done += count

    def answered(self, completion: Completion, usd: Decimal) -> None:
        """Add tokens, price and failure of an answer."""
        if self._counts is not None:
            self._counts.answered(completion, usd)

    def finish(self) -> None:
        """End the counted piece of work; what was done, at what pace and price, stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._lines is not None:
            self._lines.stop()
            self._lines = None
        counts, self._counts = self._counts, None
        if counts is not None:
            for line in closing_lines(counts):
                self._print(line)

    def say_plainly(self, counts: StageCounts, *, stopping: bool) -> None:
        """Show a running stage as one line."""
        text = stopping_line(counts) if stopping else plain_line(counts)
        self._print(Text(text, style="dim"))

    def _view(self) -> Group:
        counts = self._counts
        if counts is None:
            return Group()
        counts.look()
        return Group(*live_lines(counts, self._console.width, self._marks))

    def _print(self, line: Text) -> None:
        if not self._on_terminal:
            self._console.print(line)
            return
        indent = len(line.plain) - len(line.plain.lstrip(" "))
        if cell_len(line.plain) > self._console.width > indent + 20:
            first, *rest = line[indent:].wrap(self._console, self._console.width - indent - 2)
            hanging = Text(" " * (indent + 2))
            line = Text("\n").join([Text(" " * indent) + first, *(hanging + one for one in rest)])
        self._console.print(line)


class _PlainLines(threading.Thread):
    """Shows a stage from time to time, also while nothing arrives; and at once that it stops."""

    def __init__(self, shown: TerminalProgress, counts: StageCounts, every_s: float) -> None:
        super().__init__(name="gatekeeper-progress", daemon=True)
        self._shown, self._counts, self._every_s = shown, counts, every_s
        self._over = threading.Event()

    def run(self) -> None:
        """Look at the stage until it is over."""
        printed, stopping = time.monotonic(), False
        while not self._over.wait(min(LOOK_EVERY_S, self._every_s)):
            self._counts.look()
            traffic = self._counts.traffic
            if traffic is not None and traffic.ending and not stopping:
                stopping = True
                self._shown.say_plainly(self._counts, stopping=True)
            elif time.monotonic() - printed >= self._every_s:
                printed = time.monotonic()
                self._shown.say_plainly(self._counts, stopping=False)

    def stop(self) -> None:
        """End, before anything else is shown."""
        self._over.set()
        self.join()
