"""The session of one run: everything that its stages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gatekeeper.cost.prices import Price
from gatekeeper.hashing import content_hash, short
from gatekeeper.models.base import Model
from gatekeeper.records import Item, Split
from gatekeeper.run.progress import Progress
from gatekeeper.store.connection import Store
from gatekeeper.store.events import Event, insert_events, next_seq
from gatekeeper.store.journal import Journal
from gatekeeper.store.spend import Budget
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.suite import Suite

SUITE = "suite"
"""Kind of the event that holds suite and eval as they were when the run began, with every default filled in."""
TEACHER = "teacher"
"""Kind of the event that names the teacher of a run."""
VERSIONS = "versions"
"""Kind of the event that names the versions of gatekeeper, Python and the packages that results depend on."""
TEACHER_COST = "teacher_cost"
"""Kind of the event that holds what one answer of the teacher costs, as a `RequestCost`."""


@dataclass
class Session:
    """One run on one store.

    Attributes:
        run: id of the run; the same suite, data and seed give the same id, so that the same command continues.
        fingerprint: of the suite with its items; results with different fingerprints are never paired.
        price: what the teacher's answers cost.
    """

    run: str
    fingerprint: str
    suite: Suite
    items: ItemSet
    store: Store
    journal: Journal
    budget: Budget
    teacher: Model
    price: Price
    progress: Progress
    seed: int
    by_split: Mapping[str, tuple[Item, ...]] = field(init=False)

    def __post_init__(self) -> None:
        splits: dict[str, list[Item]] = {}
        for item in sorted(self.items.items, key=lambda item: item.id):
            splits.setdefault(item.split, []).append(item)
        self.by_split = {name: tuple(rows) for name, rows in splits.items()}

    def split(self, name: Split) -> tuple[Item, ...]:
        """Return the items of one split in the order of their ids."""
        return self.by_split.get(name, ())

    def rng(self, *purpose: object) -> np.random.Generator:
        """Return a generator that depends on the run's seed and on what it is for, and on nothing else."""
        return np.random.default_rng([self.seed, int(content_hash([str(part) for part in purpose])[3:], 16)])

    def note(self, kind: str, **detail: Any) -> None:
        """Write an event, once: the same event of a continued run is left out."""
        with self.store.write() as connection:
            wanted = content_hash(detail)
            known = connection.execute(
                "SELECT detail FROM events WHERE run = ? AND kind = ?", [self.run, kind]
            ).fetchall()
            if any(content_hash(_parsed(row[0])) == wanted for row in known):
                return
            event = Event(
                run=self.run, seq=next_seq(connection, self.run), kind=kind, detail=detail, at=datetime.now(UTC)
            )
            insert_events(connection, [event])


def run_id(suite: Suite, items_digest: str, seed: int) -> str:
    """Return the id of the run of a suite on its data with a seed; a run whose budget is raised stays the same run."""
    identity = {
        "spec": suite.spec.model_dump(mode="json", exclude={"loop": {"budget_usd"}}),
        "fingerprint": suite.fingerprint(items_digest),
        "seed": seed,
    }
    return f"{suite.name}-{short(content_hash(identity))}"


def _parsed(text: str) -> Any:
    import json

    return json.loads(text)
