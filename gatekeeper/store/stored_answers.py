"""Which questions a store has answers to, and what they took: in its tables, and in journals that are not in them yet.

Nothing is written, so a killed run's journal stays where it is. Of gate rows only keys are compared, and no answer,
score or token count is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gatekeeper.records import Completion, Usage
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.connection import Store
from gatekeeper.store.recovery import read_journal
from gatekeeper.store.rows import select
from gatekeeper.store.spend import Purpose, Spend, spend_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Waiting:
    """What journals hold that no table has yet, of runs that were killed or that go on now."""

    completions: tuple[Completion, ...] = ()
    payments: tuple[Spend, ...] = ()
    """Reservations and settlements, in their order."""


def waiting_in(store: Store) -> Waiting:
    """Return what waits in the journals of a store. Damaged lines are left out; the next run names them."""
    records: list[object] = []
    for path in sorted(store.journal_folder.glob("*/*.jsonl")):
        try:
            records += [line.record for line in read_journal(path)[0]]
        except FileNotFoundError:  # a run has just brought it into the tables
            continue
    return Waiting(
        tuple(one for one in records if isinstance(one, Completion)),
        tuple(one for one in records if isinstance(one, Spend)),
    )


def answered_keys(connection: DuckDBPyConnection, waiting: Waiting, keys: Sequence[str]) -> set[str]:
    """Return those of these request keys that have an answer, so that they are not asked again."""
    sql = """SELECT request_key FROM completions WHERE request_key IN (SELECT unnest($keys::VARCHAR[]))
             AND error_class IS NULL AND output IS NOT NULL"""
    stored = {str(row["request_key"]) for row in select(connection, sql, {"keys": list(keys)})}
    return stored | ({one.request_key for one in waiting.completions if one.ok} & set(keys))


def reported_usages(connection: DuckDBPyConnection, waiting: Waiting, keys: Sequence[str]) -> list[Usage]:
    """Return the tokens that providers reported for the answers to these questions; not for those of gate rows."""
    stored = completions_by_key(connection, keys)
    wanted = set(keys)
    late = {one.request_key: one for one in waiting.completions if one.ok and one.request_key in wanted}
    found: Iterator[Completion] = iter((stored | late).values())
    return [one.usage for one in found if one.ok and one.usage.reported and one.usage.input_tokens]


def asked_by(connection: DuckDBPyConnection, waiting: Waiting, run: str, purpose: Purpose) -> set[str]:
    """Return the request keys that a run has paid for, for one purpose, whatever came of it."""
    sql = "SELECT DISTINCT split_part(key, '#', 1) AS key FROM spend WHERE run = $run AND purpose = $purpose"
    stored = {str(row["key"]) for row in select(connection, sql, {"run": run, "purpose": purpose})}
    late = (one for one in waiting.payments if one.run == run and one.purpose == purpose)
    return stored | {one.key.partition("#")[0] for one in late}


def spent_by(connection: DuckDBPyConnection, waiting: Waiting, run: str) -> Decimal:
    """Return what a run has spent in US dollars; what is not settled counts at its upper bound."""
    amounts = {
        (one.key, one.purpose): one.reserved if one.settled is None else one.settled
        for one in spend_of(connection, run)
    }
    for one in waiting.payments:
        if one.run == run and one.settled is not None:
            amounts[one.key, one.purpose] = one.settled
        elif one.run == run:
            amounts.setdefault((one.key, one.purpose), one.reserved)
    return sum(amounts.values(), Decimal(0))


def judged_keys(connection: DuckDBPyConnection, suite: str, judge: str) -> set[str]:
    """Return the request keys of a judge's verdicts about answers to rows outside the gate split.

    How many questions about gate answers there were would tell how often models agree there.
    """
    sql = """SELECT request_key FROM completions JOIN items USING (suite, item_id)
             WHERE suite = $suite AND model = $judge AND split <> 'gate' AND error_class IS NULL AND output IS NOT NULL
             AND request_key IN (SELECT split_part(key, '#', 1) FROM spend WHERE purpose = 'judge')"""
    return {str(row["request_key"]) for row in select(connection, sql, {"suite": suite, "judge": judge})}
