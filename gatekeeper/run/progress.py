"""What a run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from gatekeeper.models.traffic import Traffic
from gatekeeper.records import Completion


class Purse(Protocol):
    """The money of a run, in US dollars. Reading it costs a lock, so a view reads it when it draws, not per answer."""

    @property
    def spent(self) -> Decimal:
        """Spent so far; what is reserved counts at its upper bound."""
        ...

    @property
    def cap(self) -> Decimal:
        """The most that may be spent."""
        ...


@dataclass(frozen=True)
class Watch:
    """What a view may read about a stage that asks a model, at any time and from any thread.

    Attributes:
        role: the key of the suite that names the model: `teacher`, `judge`, or `baselines.<name>`.
        purse: the run's money.
        assumed: whether the price is that of another model.
        on_gate: whether gate rows are asked about; then a view shows counts, and nothing that depends on the answers.
        traffic: gives what the requests are doing; None for a model that sends none, and before the first.
    """

    role: str
    purse: Purse
    assumed: bool
    on_gate: bool
    traffic: Callable[[], Traffic | None]


class Progress(Protocol):
    """Shows what a run does; the command line has one for terminals.

    A counted piece of work is `start`, then `advance` for each item, then `finish`. `answered` adds what an answer cost
    and does not count it. `advance` and `answered` are called for every item, so they only add numbers up.
    """

    def say(self, text: str, *, style: str = "") -> None:
        """Show one line that stays."""

    def start(self, label: str, total: int, watch: Watch | None = None) -> None:
        """Begin a counted piece of work.

        Args:
            label: what is done, for people.
            total: items that there are to do.
            watch: where the rest can be read, when a model is asked.
        """

    def advance(self, count: int = 1) -> None:
        """Count `count` more items as done."""

    def answered(self, completion: Completion, usd: Decimal) -> None:
        """Add the tokens, the price (US dollars) and the failure, if it is one, of an answer."""

    def finish(self) -> None:
        """End the counted piece of work, done or not."""


class Silent:
    """Shows nothing."""

    def say(self, text: str, *, style: str = "") -> None:
        """Show nothing."""

    def start(self, label: str, total: int, watch: Watch | None = None) -> None:
        """Show nothing."""

    def advance(self, count: int = 1) -> None:
        """Show nothing."""

    def answered(self, completion: Completion, usd: Decimal) -> None:
        """Show nothing."""

    def finish(self) -> None:
        """Show nothing."""
