"""The baselines of a dossier: cheaper models, whether they are good enough already, and what a month of them costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gatekeeper.cost.case import TEACHER
from gatekeeper.gate.baseline import meets_alone
from gatekeeper.report import numbers
from gatekeeper.report.data_baselines import BaselineRow
from gatekeeper.report.quality import finite
from gatekeeper.report.text import one_line

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows


def baseline_rows(rows: StoredRows) -> tuple[BaselineRow, ...]:
    """Return one row per baseline of the suite, in its order."""
    costs, cost_gate = rows.costs, rows.facts.spec.gates.cost
    values = {name: one.value for name, one in costs.items()}
    teacher, compared = values.get("teacher_month_usd"), values.get("baseline_usd_per_month")
    results = {one.name: one for one in rows.gate.baselines}
    made: list[BaselineRow] = []
    for stored in rows.facts.baselines:
        result, month = results[stored.name], values.get(f"baseline.{stored.name}.month_usd")
        held = (
            result.outcome == "pass"
            and month is not None
            and teacher is not None
            and month == compared != teacher
            and not any(one.held_against for one in made)
        )
        made.append(
            BaselineRow(
                name=stored.name,
                model=next(one.model for one in rows.facts.spec.baselines if one.name == stored.name),
                outcome=result.outcome,
                retention=None if result.retention is None else finite(result.retention),
                split=result.split,
                n=result.n,
                usd_per_request=values.get(f"baseline.{stored.name}.usd_per_request"),
                month_usd=month,
                teacher_month_usd=teacher,
                price_assumed=stored.price_assumed,
                held_against=held,
                suffices=held and month is not None and teacher is not None and meets_alone(cost_gate, month, teacher),
            )
        )
    return tuple(made)


def held_against(rows: Sequence[BaselineRow]) -> BaselineRow | None:
    """Return the baseline that the student's saving counts against; None: it is the teacher."""
    return next((one for one in rows if one.held_against), None)


def held_name(rows: Sequence[BaselineRow]) -> str:
    """Return the name of what the student's saving counts against."""
    held = held_against(rows)
    return TEACHER if held is None else one_line(held.name, 60)


def instead_sentence(rows: Sequence[BaselineRow]) -> str:
    """Return why nobody needs a student, with a space after it; empty where that is not so."""
    held = held_against(rows)
    if held is None or not held.suffices:
        return ""
    assumed = " (an assumed price)" if held.price_assumed else ""
    return (
        f"Do not distil: {held_name(rows)} already passes and costs {numbers.usd(held.month_usd)} a month{assumed}, "
        f"where the teacher costs {numbers.usd(held.teacher_month_usd)}. "
    )
