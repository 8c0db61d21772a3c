"""Open a session: read and check everything, register it in the store, replay what a killed process left."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from gatekeeper import __version__
from gatekeeper.hashing import hash_file
from gatekeeper.run.baselines import baseline_prices_of, baselines_of
from gatekeeper.run.machine import machine_name, package_versions
from gatekeeper.run.progress import Progress, Silent
from gatekeeper.run.session import INPUTS, JUDGE, SUITE, TEACHER, VERSIONS, PricedModel, Session, run_id
from gatekeeper.run.teacher import in_batches_of, judge_of, judge_price_of, price_of, teacher_of
from gatekeeper.scorers import Judge
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
from gatekeeper.suite.spec import MajorityBaseline, TeacherSpec
from gatekeeper.suite.suite import Suite
from gatekeeper.suite.terms import require_terms

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
        InputError: the teacher's terms restrict training, and the suite says nothing about them.
        DataError: the data does not fit the eval.
        PriceError: the teacher, the judge or a baseline has no price, or an old one.
        StoreLockedError: another loop holds the store.
        ModelError: the teacher, the judge or a baseline cannot be loaded.
    """
    shown = progress if progress is not None else Silent()
    chosen = suite.loop.seed if seed is None else seed
    require_terms(suite)
    items = load_items(suite)
    today = datetime.now(UTC).date()
    price, judge_price = price_of(suite, today), judge_price_of(suite, today)
    baseline_prices = baseline_prices_of(suite, today)
    in_batches = {role: in_batches_of(suite, spec, role, today) for role, spec in _asked_of(suite)}
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
        judge = judge_of(suite, judge_price, in_batches.get(JUDGE))
        baselines = baselines_of(suite, baseline_prices, in_batches, teacher, items, store, run, shown)
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
                in_batches=in_batches.get(TEACHER),
                judge=judge,
                baselines=baselines,
            )
            _register_models(session)
            yield session


def _asked_of(suite: Suite) -> Iterator[tuple[str, TeacherSpec]]:
    """Yield (role, spec) of each model that may be asked."""
    yield TEACHER, suite.teacher
    if suite.judge is not None:
        yield JUDGE, suite.judge
    yield from ((one.name, one) for one in suite.baselines if not isinstance(one, MajorityBaseline))


def _register(suite: Suite, items: ItemSet, store: Store, run: str, seed: int) -> None:
    now = datetime.now(UTC)
    with store.write() as connection:
        fingerprint = register_suite(connection, suite, items, now)
        insert_run(
            connection,
            Run(run=run, suite=fingerprint, seed=seed, started_at=now, machine=machine_name()),
        )


def register_suite(connection: DuckDBPyConnection, suite: Suite, items: ItemSet, now: datetime) -> str:
    """Write a suite and its items into the store where they are not there yet; returns the suite's fingerprint."""
    fingerprint = suite.fingerprint(items.digest)
    stored = StoredSuite(
        fingerprint=fingerprint,
        name=suite.name,
        spec=_as_written(suite),
        gate_digest=items.gate_digest,
        split_counts=items.counts,
        duplicates=items.duplicates,
        assumed=[list(pair) for pair in suite.assumed],
        registered_at=now,
    )
    insert_suite(connection, stored)
    insert_items(connection, fingerprint, items.items)
    return fingerprint


def _as_written(suite: Suite, judge: str = "") -> dict[str, Any]:
    """Return suite and eval with every default filled in, so that a later version re-derives from the same values.

    Args:
        judge: fingerprint of the model that judges; it is part of the version of a judge's scores.
    """
    scorers = {f"{one.name}/{name}": scorer for one in suite.evals for name, scorer in one.scorers.items()}
    judges = {name: scorer.by(judge) for name, scorer in scorers.items() if isinstance(scorer, Judge)}
    rubrics = {"rubrics": {name: scorer.rubric for name, scorer in judges.items()}} if judges else {}
    return rubrics | {
        "suite": _json_like(suite.spec),
        "eval": _json_like(suite.eval.spec),
        "others": [_json_like(one.spec) for one in suite.others],
        "scorers": {name: scorer.version for name, scorer in (scorers | judges).items()},
        "labels": list(suite.eval.labels),
        "prompt": None if suite.prompt is None else [suite.prompt.system, suite.prompt.user],
    }


def _json_like(spec: BaseModel) -> Any:
    # Money is a number in the files; the shortest text of the float is the Decimal again.
    return json.loads(json.dumps(spec.model_dump(mode="python", exclude_none=True), default=float))


def _register_models(session: Session) -> None:
    judge = session.judge
    fingerprint = "" if judge is None else judge.model.info.fingerprint
    with session.store.write() as connection:
        insert_models(connection, [_stored(session.asked_teacher, session.suite.teacher.model)])
        insert_prices(connection, [session.price])
        if judge is not None and session.suite.judge is not None:
            insert_models(connection, [_stored(judge, session.suite.judge.model)])
            insert_prices(connection, [judge.price])
        asked = [(one.asked, one.spec.model) for one in session.baselines if one.asked is not None]
        insert_models(connection, [_stored(one, kind) for one, kind in asked])
        insert_prices(connection, [one.price for one, _ in asked])
        note = partial(session.note_within, connection)
        note(SUITE, **_as_written(session.suite, fingerprint))
        note(INPUTS, files=_digests(session.suite))
        note(TEACHER, fingerprint=session.teacher.info.fingerprint)
        if judge is not None:
            note(JUDGE, fingerprint=fingerprint)
        note(VERSIONS, gatekeeper=__version__, python=platform.python_version(), **package_versions())


def _stored(asked: PricedModel, kind: str) -> StoredModel:
    info = asked.model.info
    return StoredModel(
        fingerprint=info.fingerprint,
        name=info.name,
        kind=kind,
        place=info.place,
        price_id=info.price_id,
        price_assumed=info.price_assumed,
    )


def _digests(suite: Suite) -> dict[str, str]:
    """Return the digest of each file that the suite names, by its path below the suite's root."""
    return {os.path.relpath(path.resolve(), suite.root): hash_file(path) for path in suite.files}


def _say_data(progress: Progress, run: str, items: ItemSet) -> None:
    counts = ", ".join(f"{count:,} {split}" for split, count in items.counts.items() if count)
    dropped = sum(count for kind, count in items.duplicates.items() if kind != "conflicting_labels")
    progress.say(f"run {run}", style="bold")
    progress.say(f"data: {counts}; {dropped:,} duplicate rows left out before anything is paid")
