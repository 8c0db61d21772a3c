"""What must be true of a run that was killed: no arrived answer lost, none paid twice but what was in flight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.from_tests import rows_of
from gatekeeper.store.recovery import read_journal

Arrived = Mapping[str, str]
"""The stored body of each answer that is on disk, by the text that was asked."""


@dataclass(frozen=True)
class Question:
    """One request as the provider saw it; `written`: all of its answer went out."""

    text: str
    at: float
    written: bool


@dataclass(frozen=True)
class Kill:
    """What was on disk and what was not when a process was killed.

    Attributes:
        stage: what the process was doing, as it was aimed at.
        asked: requests that the run had sent until then, over all its processes.
        arrived: answers that are whole lines of the journal, or rows.
        in_flight: texts that this process had asked and whose answers have not arrived.
        unread: those of them whose answer the provider had written in full.
        torn: half-written last lines of the journal.
    """

    stage: str
    asked: int
    arrived: Arrived
    in_flight: frozenset[str]
    unread: frozenset[str]
    torn: int


def arrived(store: Path) -> tuple[dict[str, str], int]:
    """Return the answers that are on disk, from the tables and the journal, and how many journal lines are torn.

    An answer has arrived when its line in the journal is whole: it is read back by its checksum, as a restart does it.
    """
    answers: dict[str, str] = dict(rows_of(store, "SELECT item_id, raw FROM completions WHERE output IS NOT NULL"))
    torn = 0
    for path in sorted(store.with_name(store.name + ".journal").rglob("*.jsonl")):
        lines, half, corrupt = read_journal(path)
        if corrupt:
            raise AssertionError("; ".join(corrupt))
        torn += half
        answers |= {one.record.item_id: one.record.raw for one in lines if one.kind == "completion" and one.record.ok}
    texts: dict[str, str] = dict(rows_of(store, "SELECT item_id, text FROM items"))
    return {texts[item_id]: raw for item_id, raw in answers.items()}, torn


def kill_of(stage: str, store: Path, log: Sequence[Question], before: int) -> Kill:
    """Return what was there when a process was killed that had sent the requests of `log` from `before` on."""
    on_disk, torn = arrived(store) if store.exists() else ({}, 0)
    mine = [question for question in log[before:] if question.text not in on_disk]
    return Kill(
        stage=stage,
        asked=len(log),
        arrived=on_disk,
        in_flight=frozenset(question.text for question in mine),
        unread=frozenset(question.text for question in mine if question.written),
        torn=torn,
    )


def lost(kills: Sequence[Kill], log: Sequence[Question], final: Arrived) -> int:
    """Return how many answers that had arrived at a kill were asked for again, or are not there at the end."""
    gone = set()
    for kill in kills:
        again = {question.text for question in log[kill.asked :]}
        gone |= {text for text, raw in kill.arrived.items() if text in again or final.get(text) != raw}
    return len(gone)


def paid_twice(kills: Sequence[Kill], log: Sequence[Question]) -> tuple[int, int]:
    """Return how many requests were sent again, and how many of them were not in flight at a kill."""
    asked = Counter(question.text for question in log)
    may = Counter(text for kill in kills for text in kill.in_flight)
    again = sum(count - 1 for count in asked.values())
    return again, sum(max(0, count - 1 - may[text]) for text, count in asked.items())


def differing(expected: Mapping[str, Sequence[Any]], found: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the tables whose rows differ."""
    return [table for table, rows in expected.items() if found[table] != rows]
