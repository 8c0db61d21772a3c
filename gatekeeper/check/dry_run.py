"""A dry run: what `loop` would send and spend now, stage by stage. Nothing is sent, and nothing is written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from gatekeeper.check.already import already
from gatekeeper.errors import InputError, StoreVersionError
from gatekeeper.run.built import built_models
from gatekeeper.run.plan import plan_loop
from gatekeeper.run.planned import Known, LoopPlan
from gatekeeper.store.as_it_is import StoreAsItIs
from gatekeeper.suite.data import load_items
from gatekeeper.suite.suite import Suite
from gatekeeper.suite.terms import require_terms


def dry_run(suite: Suite, *, store: Path | None = None, at: date | None = None) -> LoopPlan:
    """Return what a loop over `suite` would send and spend on this store.

    Args:
        suite: a loaded suite.
        store: the store that it would run on. It may be missing, is read as it lies there, and is never made. What
            killed runs left in their journals counts as stored.
        at: the date that prices are wanted for; today by default.

    Raises:
        DataError: the data does not fit the eval.
        PriceError: the teacher, the judge or a baseline has no price, or an old one.
        StoreError: the store is there and cannot be read.
    """
    items = load_items(suite)
    notes: list[str] = []
    try:
        require_terms(suite)
    except InputError as error:
        notes.append(f"the loop refuses to begin: {error.message}; {error.hint}")
    models, unbuilt = built_models(suite)
    known = Known()
    if store is not None and store.exists() and store.stat().st_size:
        try:
            known, missing = already(StoreAsItIs(store), suite, items, models)
            notes += [unbuilt.get(role, why) for role, why in missing.items()]
        except StoreVersionError as error:
            notes.append(f"{error.message}, so stored answers are not counted; {error.hint}")
    return plan_loop(suite, items, at or datetime.now(UTC).date(), models=models, known=known, notes=notes)


def of_evaluate(plan: LoopPlan) -> LoopPlan:
    """Return the part of a plan that `gatekeeper evaluate` asks for: development rows, and no training."""
    lines = tuple(line for line in plan.lines if line.split == "dev")
    return plan.model_copy(update={"lines": lines, "training": None, "verdict": None})
