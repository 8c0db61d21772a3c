"""What a store knows of a run that would go on: answers, trainings, money, and a verdict. The store is only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gatekeeper.models.base import Model
from gatekeeper.records import Item, Split, Usage
from gatekeeper.run.asking import request_of
from gatekeeper.run.built import roles_of
from gatekeeper.run.planned import Known
from gatekeeper.run.session import BASELINE, JUDGE, TEACHER, rng_of, run_id
from gatekeeper.stages.mine import choose
from gatekeeper.store.connection import Store
from gatekeeper.store.events import events_of
from gatekeeper.store.rows import select
from gatekeeper.store.stored_answers import (
    Waiting,
    answered_keys,
    asked_by,
    judged_keys,
    reported_usages,
    spent_by,
    waiting_in,
)
from gatekeeper.store.training import dropped_of, examples_of, training_runs_of
from gatekeeper.store.verdicts import verdict_of
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import TeacherSpec
from gatekeeper.suite.suite import Suite

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

USAGES = 500
"""Stored answers whose tokens are looked at, for each model."""


def already(store: Store, suite: Suite, items: ItemSet, models: Mapping[str, Model]) -> tuple[Known, dict[str, str]]:
    """Return (what the store has, for each role whose answers could not be counted: why).

    Args:
        models: of the suite, those that are built, by role; the fingerprints of others come from the run's events.
    """
    with store.read() as connection:
        waiting = waiting_in(store)
        found = _Already(connection, waiting, suite, items)
        stored: dict[tuple[str, Split], int] = {}
        usages: dict[str, Sequence[Usage]] = {}
        missing: dict[str, str] = {}
        for role, spec in roles_of(suite):
            fingerprint = models[role].info.fingerprint if role in models else found.fingerprint_of(role)
            if fingerprint is None:
                missing[role] = f"stored answers of {role} are not counted: its model is known once a run has loaded it"
            elif role == JUDGE:
                keys = judged_keys(connection, suite.fingerprint(items.digest), fingerprint)
                stored[role, "dev"] = len(keys)
                usages[role] = reported_usages(connection, waiting, sorted(keys)[:USAGES])
            else:
                counts, usages[role] = found.answers_of(role, spec, fingerprint)
                stored |= {(role, split): count for split, count in counts.items()}
        verdict = verdict_of(connection, found.run)
        trained, seconds = found.trainings()
        known = Known(
            stored=stored,
            usages=usages,
            trained=trained,
            seconds=seconds,
            spent_usd=spent_by(connection, waiting, found.run),
            verdict=None if verdict is None else verdict.verdict.decision,
        )
    return known, missing


class _Already:
    def __init__(self, connection: DuckDBPyConnection, waiting: Waiting, suite: Suite, items: ItemSet) -> None:
        self._connection, self._waiting, self._suite, self._items = connection, waiting, suite, items
        self.run = run_id(suite, items.digest, suite.loop.seed)

    def fingerprint_of(self, role: str) -> str | None:
        """Return the fingerprint that the run has written down for a model; None: it has not come that far."""
        if role in (TEACHER, JUDGE):
            events = events_of(self._connection, self.run, role)
        else:
            events = [one for one in events_of(self._connection, self.run, BASELINE) if one.detail["name"] == role]
        return str(events[0].detail["fingerprint"]) if events else None

    def answers_of(self, role: str, spec: TeacherSpec, fingerprint: str) -> tuple[dict[Split, int], list[Usage]]:
        """Return (calls that are not sent, by split; reported tokens of answers to rows outside the gate)."""
        suite, own = self._suite, self._suite.eval.name
        gate = [item for item in self._items.items if item.split == "gate" and (role == TEACHER or item.eval == own)]
        rows: dict[Split, Sequence[Item]] = {"dev": self._items.split("dev"), "gate": gate}
        keys = {split: self._keys(role, spec, fingerprint, items) for split, items in rows.items()}
        known = {split: answered_keys(self._connection, self._waiting, keys[split]) for split in keys}
        counts = {split: len(found) for split, found in known.items()}
        open_keys = known["dev"]
        if role == TEACHER:
            pool = {request_of(suite, item).key(fingerprint): item for item in self._pool()}
            answered = answered_keys(self._connection, self._waiting, list(pool))
            counts["pool"] = self._of_pool(pool, answered)
            open_keys = open_keys | answered
        return counts, reported_usages(self._connection, self._waiting, sorted(open_keys)[:USAGES])

    def _keys(self, role: str, spec: TeacherSpec, fingerprint: str, items: Sequence[Item]) -> list[str]:
        samples = {one.name: one.spec.samples.teacher if role == TEACHER else 1 for one in self._suite.evals}
        return [
            request_of(self._suite, item, number, spec=spec).key(fingerprint)
            for item in items
            for number in range(samples[item.eval])
        ]

    def _pool(self) -> list[Item]:
        return sorted(self._items.split("pool"), key=lambda item: item.id)

    def _of_pool(self, pool: Mapping[str, Item], answered: set[str]) -> int:
        """Return how many of the texts that the loop asks about are not sent.

        They are those that had their turn in this run or were answered in it, those of the first round, which is drawn
        by the seed, and as many of the others as cannot be avoided. Later rounds depend on students that are not
        trained yet: what they find in the store is not counted.
        """
        loop = self._suite.loop
        planned = min(loop.rounds * loop.examples_per_round, len(pool))
        examples, dropped = examples_of(self._connection, self.run), dropped_of(self._connection, self.run)
        turned = {one.item_id for one in examples} | {one.item_id for one in dropped}
        paid = asked_by(self._connection, self._waiting, self.run, "generate")
        sure = turned | {pool[key].id for key in answered & paid}
        if not turned:
            sure |= {pool[key].id for key in answered} & self._first_picks(list(pool.values()))
        return min(planned, max(len(sure), planned + len(answered) - len(pool)))

    def _first_picks(self, pool: Sequence[Item]) -> set[str]:
        loop = self._suite.loop
        picks = choose(
            [item.text for item in pool],
            None,
            [],
            count=loop.examples_per_round,
            share=loop.mine.share,
            rng=rng_of(loop.seed, "mine", 1),
        )
        return {pool[pick.index].id for pick in picks}

    def trainings(self) -> tuple[int, float | None]:
        """Return (trainings of the run that are done, seconds of those that are left; None: no like was timed)."""
        loop = self._suite.loop
        done = {(one.student, one.round) for one in training_runs_of(self._connection, self.run) if one.round > 0}
        seconds: float | None = 0.0
        for student in self._suite.students:
            rate = self._seconds_per_example(student.name, student.model_dump(mode="json"))
            for number in range(1, loop.rounds + 1):
                if (student.name, number) in done:
                    continue
                examples = min(number * loop.examples_per_round, self._items.counts["pool"])
                seconds = None if rate is None or seconds is None else seconds + rate * examples
        return len(done), seconds

    def _seconds_per_example(self, student: str, recipe: object) -> float | None:
        rows = select(
            self._connection,
            "SELECT run, round FROM training_runs WHERE student = $student AND round > 0 AND seconds IS NOT NULL",
            {"student": student},
        )
        runs = {str(row["run"]) for row in rows}
        timed = [
            one
            for run in runs
            for one in training_runs_of(self._connection, run, student=student)
            if one.round > 0 and one.seconds is not None and one.recipe == recipe
        ]
        examples = sum(one.n_examples for one in timed)
        return sum(one.seconds or 0.0 for one in timed) / examples if examples else None
