"""What a check of inputs found: a record that every lint of the cost model returns."""

from __future__ import annotations

from typing import Literal

from gatekeeper.records import Record


class Finding(Record):
    """One thing in the inputs that is wrong, or that someone should look at."""

    severity: Literal["error", "warning"]
    """error: a bill cannot rest on this. warning: it may be right, and should be looked at."""
    place: str
    """What it is about, with its source: ``openai/gpt-4o: batch price (litellm 1.110.2, as of 2026-11-02)``."""
    message: str
    """What is wrong, with the numbers."""
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.place}: {self.message}\n  fix: {self.fix}"
