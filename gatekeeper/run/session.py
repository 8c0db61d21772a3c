"""The session of one run: everything that its stages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from gatekeeper.cost.prices import Price
from gatekeeper.hashing import content_hash, short
from gatekeeper.models.base import Model
from gatekeeper.records import Item, Split
from gatekeeper.run.progress import Progress
from gatekeeper.scorers import Judge, Scorer
from gatekeeper.store.connection import Store
from gatekeeper.store.events import Event, insert_events, next_seq
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.store.journal import Journal
from gatekeeper.store.spend import Budget
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import BaselineSpec
from gatekeeper.suite.suite import Suite, spec_identity

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUITE = "suite"
"""Kind of the event that holds suite and eval as they were when the run began, with every default filled in."""
TEACHER = "teacher"
"""Kind of the event that names the teacher of a run."""
JUDGE = "judge"
"""Kind of the event that names the model that judges answers, in a run whose deciding scorer is a judge."""
BASELINE = "baseline"
"""Kind of the events that name each baseline's model, and hold what one of its answers costs as a `RequestCost`; no
cost: its answers cost nothing."""
OTHER_EVALS = "other evals"
"""Key of the gate rows that do not belong to the eval that decides."""
INPUTS = "inputs"
"""Kind of the event that holds the digest of each file that the suite names, by its path below the suite's root."""
VERSIONS = "versions"
"""Kind of the event that names the versions of gatekeeper, Python and the packages that results depend on."""
TEACHER_COST = "teacher_cost"
"""Kind of the event that holds what one answer of the teacher costs, as a `RequestCost`."""


@dataclass(frozen=True)
class InBatches:
    """How a model is asked in batches.

    Attributes:
        price: of an answer that comes in a batch.
        deadline_hours: after which what a batch has not answered is asked live.
    """

    price: Price
    deadline_hours: float


@dataclass(frozen=True)
class PricedModel:
    """A model that is asked, and what its answers cost.

    Attributes:
        price: of an answer that comes live; bills and verdicts go by it, however answers came.
        in_batches: how it is asked in batches; None: it is asked live.
    """

    model: Model
    price: Price
    in_batches: InBatches | None = None


@dataclass(frozen=True)
class Baseline:
    """A baseline of the suite: a cheaper model that might already be good enough.

    Attributes:
        asked: the model with its price; None where one label answers everything, which costs nothing.
    """

    spec: BaselineSpec
    asked: PricedModel | None

    @property
    def name(self) -> str:
        """Its name in the suite."""
        return self.spec.name


@dataclass
class Session:
    """One run on one store.

    Attributes:
        run: id of the run; the same suite, data and seed give the same id, so that the same command continues.
        fingerprint: of the suite with its items; results with different fingerprints are never paired.
        price: what the teacher's answers cost.
        in_batches: how the teacher is asked in batches; None: it is asked live.
        judge: the model that judges answers; None where no scorer asks one.
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
    in_batches: InBatches | None = None
    judge: PricedModel | None = None
    baselines: tuple[Baseline, ...] = ()
    by_split: Mapping[str, tuple[Item, ...]] = field(init=False)
    _row_keys: frozenset[str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        splits: dict[str, list[Item]] = {}
        for item in sorted(self.items.items, key=lambda item: item.id):
            splits.setdefault(item.split if item.eval == self.suite.eval.name else OTHER_EVALS, []).append(item)
        self.by_split = {name: tuple(rows) for name, rows in splits.items()}

    @property
    def asked_teacher(self) -> PricedModel:
        """The teacher with its price."""
        return PricedModel(self.teacher, self.price, self.in_batches)

    def scorer_of(self, eval_name: str) -> Scorer | Judge:
        """Return the scorer that decides an eval; a judge with the model that it asks."""
        scorer = self.suite.eval_named(eval_name).scorer
        if isinstance(scorer, Judge) and self.judge is not None:
            return scorer.by(self.judge.model.info.fingerprint)
        return scorer

    def split(self, name: Split) -> tuple[Item, ...]:
        """Return the items of one split of the eval that decides, in the order of their ids."""
        return self.by_split.get(name, ())

    def gate_rows(self) -> tuple[Item, ...]:
        """Return the gate rows of the eval that decides, in the order in which every look reads them."""
        digest = self.items.gate_digest
        return tuple(sorted(self.split("gate"), key=lambda item: sha256(f"{digest}{item.id}".encode()).hexdigest()))

    def gate_row_keys(self) -> frozenset[str]:
        """Return the identity of each gate row of the eval that decides, by which looks are charged."""
        if self._row_keys is None:
            self._row_keys = row_keys(item.text for item in self.split("gate"))
        return self._row_keys

    def other_rows(self) -> tuple[Item, ...]:
        """Return the rows of the evals of the roles ood and guard, which are all gate rows."""
        return self.by_split.get(OTHER_EVALS, ())

    def rng(self, *purpose: object) -> np.random.Generator:
        """Return a generator that depends on the run's seed and on what it is for, and on nothing else."""
        return rng_of(self.seed, *purpose)

    def note(self, kind: str, **detail: Any) -> None:
        """Write an event, once: the same event of a continued run is left out.

        A run that has its verdict is closed: what it rests on says nothing new any more, not even after an upgrade.
        """
        with self.store.write() as connection:
            self.note_within(connection, kind, **detail)

    def note_within(self, connection: DuckDBPyConnection, kind: str, **detail: Any) -> None:
        """Write an event as `note` does, in a transaction that is open already."""
        if connection.execute("SELECT 1 FROM verdicts WHERE run = ?", [self.run]).fetchall():
            return
        wanted = content_hash(detail)
        known = connection.execute("SELECT detail FROM events WHERE run = ? AND kind = ?", [self.run, kind]).fetchall()
        if any(content_hash(_parsed(row[0])) == wanted for row in known):
            return
        event = Event(run=self.run, seq=next_seq(connection, self.run), kind=kind, detail=detail, at=datetime.now(UTC))
        insert_events(connection, [event])


def rng_of(seed: int, *purpose: object) -> np.random.Generator:
    """Return the generator of a run's seed for one purpose; see `Session.rng`."""
    return np.random.default_rng([seed, int(content_hash([str(part) for part in purpose])[3:], 16)])


def run_id(suite: Suite, items_digest: str, seed: int) -> str:
    """Return the id of the run of a suite on its data with a seed; a run whose budget is raised stays the same run."""
    spec = spec_identity(suite.spec)
    del spec["loop"]["budget_usd"]
    identity = {
        "spec": spec,
        "fingerprint": suite.fingerprint(items_digest),
        "seed": seed,
    }
    return f"{suite.name}-{short(content_hash(identity))}"


def _parsed(text: str) -> Any:
    import json

    return json.loads(text)
