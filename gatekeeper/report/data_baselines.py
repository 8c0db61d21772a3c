"""The row of a dossier that shows one baseline."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from gatekeeper.records import Estimate, Outcome, Record


class BaselineRow(Record):
    """One baseline; `retention` is of the teacher's quality, on the rows of `split`."""

    name: str
    model: str
    outcome: Outcome
    retention: Estimate | None
    split: Literal["dev", "gate"]
    n: int
    usd_per_request: Decimal | None
    month_usd: Decimal | None
    teacher_month_usd: Decimal | None
    price_assumed: bool
    held_against: bool
    """It is the cheapest model that passes, so the student's saving counts against it."""
    suffices: bool
    """It meets the requirement on cost by itself, so nobody needs a student."""
