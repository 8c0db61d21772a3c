"""The evals beside the one that decides: inputs that the task is not about, and what must not get worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.scores import paired
from gatekeeper.gate import guards, ood
from gatekeeper.report.data_gate import OtherEval

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows


def other_evals(rows: StoredRows) -> tuple[OtherEval, ...]:
    """Return one row per eval of the roles ood and guard; none while no look was spent."""
    return tuple(_other(rows, name) for name in rows.gate.others)


def _other(rows: StoredRows, name: str) -> OtherEval:
    spec, found = rows.facts.eval_named(name), rows.gate.others[name]
    scores = paired(found, rows.gate.chosen, fidelity=spec.data.target is None)
    keys = {ood.retention_name(name), ood.auroc_name(name), guards.name_of(name)}
    main = rows.gate.gate
    return OtherEval(
        eval=name,
        role=cast(Literal["ood", "guard"], spec.role),
        description=spec.description,
        n=scores.n_expected,
        teacher=_mean(scores.teacher),
        student=_mean(scores.student),
        sure=_mean(found.confidence),
        sure_on_main=None if main is None else _mean(main.confidence),
        rules=tuple(one.rule for one in rows.verdict.verdict.rules if one.rule in keys),
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
