"""The records of a plan: the calls of each stage, training, and what a store knows of them already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gatekeeper.records import Decision, Record, Split, Usage
from gatekeeper.run.expected import Expected
from gatekeeper.store.spend import Purpose


class PlannedCalls(Record):
    """The calls of one stage to one model, at most."""

    stage: str
    model: str
    purpose: Purpose
    split: Split
    """Whose rows are asked about."""
    calls: int
    stored: int = 0
    """Of `calls`: those whose answer the store has, so that they are not sent."""
    each: Expected
    """One call."""
    batch: bool = False
    """Whether they are sent in batches, at the price of a batch."""
    assumed: bool
    """The price is that of another model, which this one stands in for."""

    @property
    def left(self) -> int:
        """Calls that are sent."""
        return self.calls - self.stored

    @property
    def usd_per_call(self) -> Decimal:
        """Expected."""
        return self.each.usd

    @property
    def usd(self) -> Decimal:
        """Expected, of all calls that are sent."""
        return self.left * self.each.usd

    @property
    def most_usd(self) -> Decimal:
        """At most, of all calls that are sent."""
        return self.left * self.each.most_usd

    @property
    def input_tokens(self) -> int:
        """Expected, of all calls that are sent."""
        return round(self.left * self.each.input_tokens)

    @property
    def output_tokens(self) -> int:
        """Expected, of all calls that are sent."""
        return round(self.left * self.each.output_tokens)

    @property
    def most_output_tokens(self) -> int:
        """At most, of all calls that are sent."""
        return round(self.left * self.each.most_output_tokens)


class PlannedTraining(Record):
    """The trainings of a loop, at most. They are charged by their time, at the price of one replica."""

    trainings: int
    trained: int = 0
    """Of `trainings`: those that the store has."""
    usd_per_hour: Decimal
    seconds: float | None = None
    """Expected, of those that are left; None: none like it was timed yet."""

    @property
    def usd(self) -> Decimal | None:
        """Expected, of those that are left."""
        return None if self.seconds is None else self.usd_per_hour * Decimal(str(self.seconds)) / 3600


class LoopPlan(Record):
    """What a loop takes at most."""

    lines: tuple[PlannedCalls, ...]
    training: PlannedTraining | None
    """None: what is planned trains nothing."""
    budget_usd: Decimal
    spent_usd: Decimal = Decimal(0)
    """Of the budget, by the run that this would continue."""
    verdict: Decision | None = None
    """Of the run that this would continue; then nothing is left to do."""
    notes: tuple[str, ...] = ()
    """What the plan could not find out, and what stands in the loop's way."""

    @property
    def calls(self) -> int:
        """Of all lines."""
        return sum(line.calls for line in self.lines)

    @property
    def stored(self) -> int:
        """Of all lines."""
        return sum(line.stored for line in self.lines)

    @property
    def usd(self) -> Decimal:
        """Expected, of all calls that are sent."""
        return sum((line.usd for line in self.lines), Decimal(0))

    @property
    def most_usd(self) -> Decimal:
        """At most, of all calls that are sent."""
        return sum((line.most_usd for line in self.lines), Decimal(0))

    @property
    def left_usd(self) -> Decimal:
        """What is left of the budget; never below 0."""
        return max(self.budget_usd - self.spent_usd, Decimal(0))


@dataclass(frozen=True)
class Known:
    """What a store knows of a suite.

    Attributes:
        stored: calls by role and split that need not be sent.
        usages: reported tokens of stored answers, by role.
        trained: trainings of the run that are done.
        seconds: that the trainings which are left take, None where nobody knows.
        spent_usd: by the run so far.
        verdict: of the run.
    """

    stored: Mapping[tuple[str, Split], int] = field(default_factory=dict)
    usages: Mapping[str, Sequence[Usage]] = field(default_factory=dict)
    trained: int = 0
    seconds: float | None = None
    spent_usd: Decimal = Decimal(0)
    verdict: Decision | None = None
