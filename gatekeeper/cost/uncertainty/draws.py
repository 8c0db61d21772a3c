"""Many draws of a plan's uncertain inputs, as arrays, and the plan of one draw.

Not imported with `gatekeeper.cost`, which does without numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.cost.alternative import Alternative
from gatekeeper.cost.one_time import CostLine, add_lines
from gatekeeper.cost.plan import Plan
from gatekeeper.errors import InputError

Floats = NDArray[np.float64]

_POSITIVE = ("requests_per_month", "baseline_capacity_rps", "candidate_capacity_rps")
_SHARES = ("baseline_quality", "candidate_quality", "price_decay_per_year")


@dataclass(frozen=True, eq=False)
class Draws:
    """Inputs of a plan, each an array of shape (n_draws,), or None: the plan's own value in every draw.

    The same index is the same draw in all of them, so inputs that were drawn together stay together.
    """

    n_draws: int
    requests_per_month: Floats | None = None
    """V of the first month, above 0."""
    baseline_usd_per_request: Floats | None = None
    """c of the baseline, 0 or more; what it pays to the teacher on top stays the plan's."""
    candidate_usd_per_request: Floats | None = None
    candidate_teacher_usd_per_request: Floats | None = None
    """What the candidate pays to the teacher per request: a drawn price of the teacher moves it with the baseline."""
    baseline_quality: Floats | None = None
    """Q, a share of good answers, paired with `candidate_quality`."""
    candidate_quality: Floats | None = None
    baseline_capacity_rps: Floats | None = None
    """K of the baseline's machines, requests per second of one replica, above 0."""
    candidate_capacity_rps: Floats | None = None
    price_decay_per_year: Floats | None = None
    """delta, a share in [0, 1)."""
    program_usd: Floats | None = None
    """All of the one-time cost; drawn together with `forward_usd`."""
    forward_usd: Floats | None = None
    """The part of it that is still ahead, at most `program_usd`."""
    operations_usd_per_month: Floats | None = None

    def __post_init__(self) -> None:
        """Refuse arrays of another length, numbers out of range and a one-time cost without its other part.

        Raises:
            InputError: names the input, the draw and its value.
        """
        if self.n_draws < 1:
            raise InputError(f"n_draws is {self.n_draws}", hint="1 or more")
        for name, drawn in self.given().items():
            _check(name, drawn, self.n_draws)
        if (self.program_usd is None) != (self.forward_usd is None):
            raise InputError("only one of program_usd and forward_usd is drawn", hint="draw both, from the same costs")
        if self.program_usd is not None and self.forward_usd is not None:
            above = np.flatnonzero(self.forward_usd > self.program_usd)
            if above.size:
                raise InputError(
                    f"forward_usd is above program_usd in draw {above[0]}", hint="what is ahead is a part of the whole"
                )

    def given(self) -> dict[str, Floats]:
        """Return the arrays that are not None, by name."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "n_draws"}
        return {name: drawn for name, drawn in named.items() if drawn is not None}


def _check(name: str, drawn: Floats, n_draws: int) -> None:
    if drawn.shape != (n_draws,) or drawn.dtype != np.float64:
        raise InputError(
            f"{name} has shape {drawn.shape} and type {drawn.dtype}", hint=f"an array of {n_draws} float64 numbers"
        )
    wrong = ~np.isfinite(drawn) | (drawn < 0)
    if name in _POSITIVE:
        wrong |= drawn == 0
    if name in _SHARES:
        wrong |= drawn > 1
    if name == "price_decay_per_year":
        wrong |= drawn == 1
    places = np.flatnonzero(wrong)
    if places.size:
        wanted = "above 0" if name in _POSITIVE else "a share" if name in _SHARES else "0 or more"
        raise InputError(f"{name} is {drawn[places[0]]} in draw {places[0]}", hint=f"finite and {wanted}")


def plan_at(plan: Plan, draws: Draws, index: int) -> Plan:
    """Return the plan with the numbers of one draw, for `outlook_of` and for whoever wants to look at it.

    The lines of a drawn one-time cost are lost; its two totals are those of the draw.

    Raises:
        InputError: there is no such draw, or a capacity is drawn for an alternative without machines.
    """
    if not 0 <= index < draws.n_draws:
        raise InputError(f"there is no draw {index}", hint=f"0 to {draws.n_draws - 1}")
    drawn = {name: Decimal(float(numbers[index])) for name, numbers in draws.given().items()}
    changes: dict[str, Any] = {
        "baseline": _alternative_at(plan.baseline, drawn, "baseline_"),
        "candidate": _alternative_at(plan.candidate, drawn, "candidate_"),
    }
    for name in ("requests_per_month", "price_decay_per_year", "operations_usd_per_month"):
        if name in drawn:
            changes[name] = drawn[name]
    if "program_usd" in drawn:
        ahead = drawn["forward_usd"]
        line = CostLine(name="drawn", spent_usd=drawn["program_usd"] - ahead, ahead_usd=ahead)
        changes["one_time"] = add_lines([line])
    return plan.model_copy(update=changes)


def _alternative_at(one: Alternative, drawn: dict[str, Decimal], prefix: str) -> Alternative:
    changes: dict[str, Any] = {
        field: drawn[prefix + field]
        for field in ("usd_per_request", "teacher_usd_per_request", "quality")
        if prefix + field in drawn
    }
    capacity = drawn.get(f"{prefix}capacity_rps")
    if capacity is not None:
        if one.machines is None:
            raise InputError(
                f"{prefix}capacity_rps is drawn and {one.name} has no machines", hint="leave it out, or plan machines"
            )
        changes["machines"] = one.machines.model_copy(update={"capacity_rps": capacity})
    return one.model_copy(update=changes)
