"""A run's worksheet with the scores that its simulation draws from: those of the development split, row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.scores import dev_scores
from gatekeeper.store.as_it_is import StoreAsItIs
from gatekeeper.store.suites import latest_run
from gatekeeper.whatif.sheet import Scored, Sheet
from gatekeeper.whatif.sources.from_run import worksheet_of_run
from gatekeeper.whatif.sources.run_facts import RunFacts, read_run
from gatekeeper.whatif.worksheet import WITH_TEACHER, Option


def sheet_of_run(store: Path, run: str | None = None) -> Sheet:
    """Return the worksheet of a run of a store, and both models' scores of the same development rows by option.

    Gate rows are not among them: a look at them is for the verdict, not for planning.

    Args:
        store: the DuckDB file, which is only read.
        run: id of the run; the latest one by default.

    Raises:
        StoreError: there is no such store or run.
        InputError: see `worksheet_of_run`.
    """
    opened = StoreAsItIs(store)
    name = latest_run(opened) if run is None else run
    worksheet = worksheet_of_run(store, name)
    with opened.read() as connection:
        found = read_run(connection, name)
        scores = {}
        for option in worksheet.options:
            answerer = found.answerers.get(option.of or option.name)
            if answerer is None:
                continue
            pair = dev_scores(connection, found.facts, _chosen(found, option))
            scored = np.isfinite(pair.student) & np.isfinite(pair.teacher)
            clusters = None if pair.clusters is None else np.asarray(pair.clusters).astype(str)[scored]
            if scored.sum() > 1:
                scores[option.name] = Scored(pair.teacher[scored], pair.student[scored], clusters)
    return Sheet(worksheet=worksheet, place=f"run {name} of {store}", scores=scores)


def _chosen(found: RunFacts, option: Option) -> Chosen:
    """Return who answers: the student alone, or in a cascade with the threshold of the run."""
    one = found.answerers[option.of or option.name].chosen
    return one if option.kind in WITH_TEACHER else replace(one, threshold=None)
