"""Open a session: read and check everything, register it in the store, replay what a killed process left."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from gatekeeper import __version__
from gatekeeper.cost.prices import Price
from gatekeeper.models.base import Model
from gatekeeper.run.machine import machine_name, package_versions
from gatekeeper.run.progress import Progress, Silent
from gatekeeper.run.session import SUITE, TEACHER, VERSIONS, Session, run_id
from gatekeeper.run.teacher import price_of, teacher_of
from gatekeeper.store.artifacts import sweep
from gatekeeper.store.connection import Store
from gatekeeper.store.journal import Journal
from gatekeeper.store.pointers import sync_pointers
from gatekeeper.store.recovery import recover
from gatekeeper.store.spend import Budget, insert_prices
from gatekeeper.store.suites import (
    Run,
    StoredModel,
    StoredSuite,
    insert_items,
    insert_models,
    insert_run,
    insert_suite,
)
from gatekeeper.suite.data import ItemSet, load_items
from gatekeeper.suite.suite import Suite


@contextmanager
def open_session(
    suite: Suite, store: Store, *, progress: Progress | None = None, seed: int | None = None
) -> Iterator[Session]:
    """Hold the store for one run of `suite` and yield its session.

    Nothing is paid before data, prices and store have been checked.

    Args:
        suite: a loaded suite.
        store: where everything is kept.
        progress: who watches; nobody by default.
        seed: of everything random; the suite's `loop.seed` by default.

    Raises:
        DataError: the data does not fit the eval.
        PriceError: the teacher has no price, or an old one.
        StoreLockedError: another loop holds the store.
        ModelError: the teacher cannot be loaded.
    """
    shown = progress if progress is not None else Silent()
    chosen = suite.loop.seed if seed is None else seed
    items = load_items(suite)
    price = price_of(suite, datetime.now(UTC).date())
    run = run_id(suite, items.digest, chosen)
    with store.hold(run):
        recovery = recover(store)
        sweep(store)
        sync_pointers(store)
        if recovery.lines:
            shown.say(f"brought {recovery.lines:,} lines of an interrupted run into the store", style="yellow")
        _register(suite, items, store, run, chosen)
        _say_data(shown, run, items)
        teacher = teacher_of(suite, items, store, run, shown)
        with Journal(store, run) as journal:
            session = Session(
                run=run,
                fingerprint=suite.fingerprint(items.digest),
                suite=suite,
                items=items,
                store=store,
                journal=journal,
                budget=Budget.load(store, journal, suite.loop.budget_usd),
                teacher=teacher,
                price=price,
                progress=shown,
                seed=chosen,
            )
            _register_teacher(session, teacher, price)
            yield session


def _register(suite: Suite, items: ItemSet, store: Store, run: str, seed: int) -> None:
    fingerprint = suite.fingerprint(items.digest)
    now = datetime.now(UTC)
    spec = _as_written(suite)
    with store.write() as connection:
        insert_suite(
            connection,
            StoredSuite(
                fingerprint=fingerprint,
                name=suite.name,
                spec=spec,
                gate_digest=items.gate_digest,
                split_counts=items.counts,
                duplicates=items.duplicates,
                assumed=[list(pair) for pair in suite.assumed],
                registered_at=now,
            ),
        )
        insert_items(connection, fingerprint, items.items)
        insert_run(
            connection,
            Run(run=run, suite=fingerprint, seed=seed, started_at=now, machine=machine_name()),
        )


def _as_written(suite: Suite) -> dict[str, Any]:
    """Return suite and eval with every default filled in, so that a later version re-derives from the same values."""
    return {
        "suite": _json_like(suite.spec),
        "eval": _json_like(suite.eval.spec),
        "labels": list(suite.eval.labels),
        "prompt": None if suite.prompt is None else [suite.prompt.system, suite.prompt.user],
    }


def _json_like(spec: BaseModel) -> Any:
    # Money is a number in the files; the shortest text of the float is the Decimal again.
    return json.loads(json.dumps(spec.model_dump(mode="python", exclude_none=True), default=float))


def _register_teacher(session: Session, teacher: Model, price: Price) -> None:
    info = teacher.info
    model = StoredModel(
        fingerprint=info.fingerprint,
        name=info.name,
        kind=session.suite.teacher.model,
        place=info.place,
        price_id=info.price_id,
        price_assumed=info.price_assumed,
    )
    with session.store.write() as connection:
        insert_models(connection, [model])
        insert_prices(connection, [price])
    session.note(SUITE, **_as_written(session.suite))
    session.note(TEACHER, fingerprint=info.fingerprint)
    session.note(VERSIONS, gatekeeper=__version__, python=platform.python_version(), **package_versions())


def _say_data(progress: Progress, run: str, items: ItemSet) -> None:
    counts = ", ".join(f"{count:,} {split}" for split, count in items.counts.items() if count)
    dropped = sum(count for kind, count in items.duplicates.items() if kind != "conflicting_labels")
    progress.say(f"run {run}", style="bold")
    progress.say(f"data: {counts}; {dropped:,} duplicate rows left out before anything is paid")
