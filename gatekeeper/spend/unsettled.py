"""Payments whose outcome nobody knows, with what is known about each; and what persons have said of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.records import Record
from gatekeeper.store.events import Event, events_of
from gatekeeper.store.rows import select
from gatekeeper.store.spend import Purpose

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RECONCILED = "spend_reconciled"
"""Kind of the event in which a person says what unsettled payments did cost: who, why, how, and each amount."""

_UNSETTLED = """
WITH numbered AS (
    SELECT *, split_part(key, '#', 1) AS asked, coalesce(TRY_CAST(split_part(key, '#', 2) AS INTEGER), 1) AS number
    FROM spend WHERE run = $run)
SELECT u.key, u.purpose, u.reserved, u.assumed, u."at", arg_min(r.settled, r.number) AS repeated_usd
FROM numbered u LEFT JOIN numbered r
  ON r.purpose = u.purpose AND r.asked = u.asked AND r.number > u.number AND r.state = 'settled' AND r.settled > 0
WHERE u.state = 'unsettled' GROUP BY ALL ORDER BY u."at", u.purpose, u.key"""


class Unsettled(Record):
    """One payment whose process ended before it could say what became of the request."""

    key: str
    purpose: Purpose
    reserved: Decimal = Field(description="upper bound in US dollars, at which it counts")
    assumed: bool = Field(description="the price is that of another model, and nobody sends a bill")
    at: datetime
    repeated_usd: Decimal | None = Field(
        default=None, description="what the same request did cost when it was sent again; None: it was not, or failed"
    )


def unsettled_of(connection: DuckDBPyConnection, run: str) -> list[Unsettled]:
    """Return the unsettled payments of a run that nobody has reconciled, by time, purpose and key."""
    known = said_of(connection, run)
    rows = (Unsettled(**row) for row in select(connection, _UNSETTLED, {"run": run}))
    return [one for one in rows if (one.key, one.purpose) not in known]


def reconciliations_of(connection: DuckDBPyConnection, run: str) -> list[Event]:
    """Return what persons have said about unsettled payments of a run, in order."""
    return events_of(connection, run, RECONCILED)


def said_of(connection: DuckDBPyConnection, run: str) -> dict[tuple[str, str], Decimal]:
    """Return what persons have said payments of a run did cost, by key and purpose."""
    return {
        (payment["key"], payment["purpose"]): Decimal(payment["usd"])
        for event in reconciliations_of(connection, run)
        for payment in event.detail["payments"]
    }
