"""Which candidate a verdict is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatekeeper.decide.facts import Facts
from gatekeeper.errors import StoreError
from gatekeeper.run.candidate import Candidate
from gatekeeper.store.looks import Look
from gatekeeper.store.predictions import Result, results_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Chosen:
    """The candidate that the verdict is about, and the look that was spent on it.

    Attributes:
        threshold: the student answers where its confidence is at least this, the teacher elsewhere; None: the student
            answers everything.
    """

    student: str
    round: int
    model: str
    look: Look | None
    threshold: float | None = None

    @classmethod
    def of(cls, candidate: Candidate) -> Chosen:
        """Return a candidate of the loop, before any look."""
        return cls(candidate.student, candidate.round, candidate.model, None, candidate.threshold)


def choose(connection: DuckDBPyConnection, facts: Facts) -> Chosen:
    """Return the candidate of this run's last look; without a look, the one most likely to pass one.

    Raises:
        StoreError: the run has no trained student yet.
    """
    own = [look for look in facts.looks if look.run == facts.run]
    if own:
        last = own[-1]
        return Chosen(last.student, last.round, last.model, last, last.threshold)
    results = results_of(connection, facts.run, split="dev")
    candidates = {(row.round, row.student): row.model for row in results}
    if not candidates:
        raise StoreError(f"the run {facts.run!r} has no trained student yet", hint="run the same loop again")
    ranked = {
        key: (_metric(results, key, "pass_probability"), _metric(results, key, "retention")) for key in candidates
    }
    best = max(ranked, key=lambda key: ranked[key])
    return Chosen(best[1], best[0], candidates[best], None)


def dev_metric(connection: DuckDBPyConnection, facts: Facts, chosen: Chosen, metric: str) -> float | None:
    """Return a stored result of the candidate on the development split."""
    results = results_of(connection, facts.run, split="dev", student=chosen.student)
    found = [row.estimate.value for row in results if (row.round, row.metric) == (chosen.round, metric)]
    return found[0] if found else None


def _metric(results: list[Result], key: tuple[int, str], metric: str) -> float:
    found = [row.estimate.value for row in results if (row.round, row.student, row.metric) == (*key, metric)]
    return -1.0 if not found or found[0] is None else found[0]
