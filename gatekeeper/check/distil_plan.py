"""The records of the question "should this be distilled at all?": one line per reason, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import Field

from gatekeeper.records import Estimate, Record

Speaks = Literal["for", "against", "open"]


class DistilLine(Record):
    """One reason for or against a student. A line is never only a score."""

    key: str
    question: str
    outcome: Speaks = Field(description="for: it speaks for a student; against: against one; open: not known yet")
    value: Decimal | None = Field(description="what was found; None: it cannot be known yet")
    threshold: Decimal | None = Field(description="what it is held against; None: there is no such number")
    unit: str
    source: str = Field(description="where the threshold comes from")
    sentence: str
    change: str = Field(description="what would change the answer")
    numbers: dict[str, Decimal | None] = Field(default_factory=dict, description="everything else that was computed")


class DistilPlan(Record):
    """All lines, in the order in which they matter."""

    lines: tuple[DistilLine, ...]
    advice: str = Field(description="what follows from them, in one sentence")
    seed: int = Field(description="of the rows that were drawn and of the bootstrap")

    def line(self, key: str) -> DistilLine:
        """Return the line of that key."""
        return next(one for one in self.lines if one.key == key)


def rounded(value: Decimal | float | None) -> Decimal | None:
    """Return a number with six decimals at most and no zeros at its end; None stays None."""
    if value is None:
        return None
    short = round(Decimal(str(value)), 6)
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short.normalize()


def line_of(
    key: str,
    question: str,
    outcome: Speaks,
    value: Decimal | float | None,
    threshold: Decimal | float | None,
    unit: str,
    source: str,
    sentence: str,
    change: str,
    numbers: Mapping[str, Decimal | float | None],
) -> DistilLine:
    """Return a line; its numbers are rounded to six decimals."""
    return DistilLine(
        key=key,
        question=question,
        outcome=outcome,
        value=rounded(value),
        threshold=rounded(threshold),
        unit=unit,
        source=source,
        sentence=sentence,
        change=change,
        numbers={name: rounded(one) for name, one in numbers.items()},
    )


def span(estimate: Estimate) -> str:
    """Return a share with its interval, in words."""
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value or 0.0:.1%}"
    return f"{estimate.value:.1%} ({estimate.lower:.1%} to {estimate.upper:.1%})"


def advice_of(lines: tuple[DistilLine, ...]) -> str:
    """Return what follows: what speaks against is named first, then what is open."""
    against = [one.question for one in lines if one.outcome == "against"]
    still_open = [one.question for one in lines if one.outcome == "open"]
    waiting = f" Open: {' '.join(still_open)}" if still_open else ""
    first = next((one for one in lines if one.outcome == "against" and one.key == "cheaper"), None)
    if first is not None:
        return first.sentence + waiting
    if against:
        return f"Think before you distil. Against it: {' '.join(against)}{waiting}"
    return f"Nothing that is known speaks against distilling.{waiting}"
