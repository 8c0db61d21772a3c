"""What a dossier must know of the gate: scores as the gate itself reads them, its budget, rules and readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.baselines import baselines_of_verdict
from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.ceiling import ceiling_of
from gatekeeper.decide.facts import Facts, budget_now
from gatekeeper.decide.looked import alpha_at
from gatekeeper.decide.priced import Fallback, fallback_of
from gatekeeper.decide.scores import ItemScores, paired, scores_of_items, slice_codes
from gatekeeper.gate.baseline import BaselineResult
from gatekeeper.gate.ceiling import Ceiling
from gatekeeper.gate.retention import PairedScores
from gatekeeper.store.gate_budget import GateBudget
from gatekeeper.store.gate_reads import GateRead, gate_reads_of
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.store.looks import Look
from gatekeeper.store.seals import Rules, seals_touching
from gatekeeper.store.verdicts import StoredVerdict

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Codes = tuple[NDArray[np.int64], tuple[str, ...]]
"""Number of each row's slice, -1 for none, and the names of the slices."""


@dataclass(frozen=True)
class GateRows:
    """The gate of one run, as it was when the run was decided.

    Attributes:
        chosen: what the verdict is about.
        level: the error probability at which the look was judged; None without a look.
        gate: scores on the rows that the look has read; None without a look.
        slices: each column of `data.slices`, over the rows of `gate`.
        others: scores on the evals of the other roles; empty without a look.
        rules: sealed for these rows; the split's own first.
    """

    chosen: Chosen
    level: float | None
    dev: ItemScores
    gate: ItemScores | None
    slices: Mapping[str, Codes]
    others: Mapping[str, ItemScores]
    fallback: Fallback
    budget: GateBudget
    rules: tuple[Rules, ...]
    reads: tuple[GateRead, ...]
    ceiling: Ceiling | None
    baselines: tuple[BaselineResult, ...] = ()

    def judged(self, facts: Facts) -> PairedScores | None:
        """Return the gate's scores of what would answer; None without a look."""
        return None if self.gate is None else paired(self.gate, self.chosen, fidelity=facts.fidelity)

    def on_dev(self, facts: Facts) -> PairedScores:
        """Return the development split's scores of what would answer."""
        return paired(self.dev, self.chosen, fidelity=facts.fidelity)


def look_of_verdict(facts: Facts, verdict: StoredVerdict) -> Look | None:
    """Return the look that the run spent on the candidate of its verdict."""
    wanted = (facts.run, verdict.model, verdict.verdict.threshold)
    return next((one for one in facts.looks if (one.run, one.model, one.threshold) == wanted), None)


def read_gate(connection: DuckDBPyConnection, facts: Facts, verdict: StoredVerdict, round_of_model: int) -> GateRows:
    """Read the gate of one run.

    Args:
        round_of_model: the round in which the candidate of the verdict was trained.
    """
    look = look_of_verdict(facts, verdict)
    chosen = Chosen(verdict.verdict.candidate, round_of_model, verdict.model, look, verdict.verdict.threshold)
    first = None if look is None else look.n_read
    gate = None if look is None else scores_of_items(connection, facts, verdict.model, "gate", first=first)
    columns = facts.eval_spec.data.slices if gate is not None else ()
    others = facts.others if gate is not None else ()
    digest = facts.suite.gate_digest
    return GateRows(
        chosen=chosen,
        level=None if look is None else _level(facts, look),
        dev=scores_of_items(connection, facts, verdict.model, "dev"),
        gate=gate,
        slices={column: slice_codes(connection, facts, column, first=first) for column in columns},
        others={
            one.eval: scores_of_items(connection, facts, verdict.model, "gate", eval_name=one.eval) for one in others
        },
        fallback=fallback_of(connection, facts, chosen),
        budget=budget_now(connection, facts),
        rules=tuple(seals_touching(connection, digest, _keys(connection, facts))),
        reads=tuple(gate_reads_of(connection, digest)),
        ceiling=ceiling_of(connection, facts, verdict.model),
        baselines=baselines_of_verdict(connection, facts, chosen, first),
    )


def _level(facts: Facts, look: Look) -> float:
    rows = facts.suite.split_counts.get("gate", 0)
    return alpha_at(look, rows, rows if look.n_read is None else look.n_read, facts.spec.gates.quality.interim)


def _keys(connection: DuckDBPyConnection, facts: Facts) -> frozenset[str]:
    texts = connection.execute(
        "SELECT text FROM items WHERE suite = ? AND split = 'gate' AND eval = ?",
        [facts.suite.fingerprint, facts.eval_spec.eval],
    ).fetchall()
    return row_keys(text for (text,) in texts)
