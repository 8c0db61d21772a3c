"""The records of a plan: what the gate of a suite can show with the rows at hand, and what a loop over it costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from gatekeeper.check.distil_plan import DistilPlan
from gatekeeper.cost.prices import Price
from gatekeeper.gate.ceiling import Ceiling
from gatekeeper.records import Outcome, Record
from gatekeeper.store.gate_budget import GateBudget
from gatekeeper.suite.leaks import NearCopy

Origin = Literal["measured", "assumed", "by definition"]


class Basis(Record):
    """What power is computed for: how good the teacher is, and how right answers of both models go together."""

    teacher_accuracy: float
    teacher_origin: Origin = Field(
        description="by definition: without right answers, a teacher that answers once agrees with itself always"
    )
    teacher_rows: int | None = Field(default=None, description="development rows that it was measured on")
    correlation: float = Field(description="tetrachoric correlation of both models being right")
    correlation_origin: Origin
    student: str | None = Field(default=None, description="the student that it was measured with")
    counts: tuple[int, int, int, int] | None = Field(
        default=None, description="development rows: both right, student only, teacher only, neither"
    )
    run: str | None = Field(default=None, description="the run that measured")


class PowerRow(Record):
    """Chance to pass for a student that truly keeps `retention`, at the looks that are left of the plan."""

    retention: float
    first_look: float
    last_look: float
    all_looks_same_student: float = Field(
        description="passed at some look by one student: its counts are the same at each, so the largest alpha decides"
    )
    all_looks_fresh_students: float = Field(
        description="the same for another student each round, were their looks independent; on the same rows they are "
        "not, so the chance lies between `all_looks_same_student` and this"
    )
    share_of_rows: float = Field(description="mean share of the gate rows that the last look reads; 1 without stops")
    rows_for_80_percent: int | None = Field(description="gate rows, at the last look; None: more than 1e9")
    rows_in_one_look: int | None = Field(description="gate rows, were the whole error spent on one look")
    missing_rows: int | None = Field(description="of `rows_for_80_percent`; all of them when no look is left here")
    missing_usd: Decimal | None = Field(description="what these cost: teacher's answers, and people's where gold is")


class SlicePlan(Record):
    """What the rows of one slice can show."""

    name: str
    rows: int
    shown_below: float | None = Field(
        description="highest true retention that is shown to be below the minimum with 80 % probability; None: even a "
        "slice that is always wrong is not"
    )
    chance_above: float | None = Field(
        description="chance that a student as good as the teacher is shown to be above; None: not asked for"
    )


class SlicesPlan(Record):
    """What the rule on slices can show, at the last look."""

    minimum: float
    prove: bool
    smallest_above: int | None = Field(
        description="rows below which a student identical to the teacher is never shown to be above the minimum"
    )
    smallest_below: int | None = Field(
        description="rows below which a student that is always wrong is not shown to be below the minimum"
    )
    rows_for_80_percent: int | None = Field(description="of one slice, to show a student as good as the teacher above")
    slices: tuple[SlicePlan, ...]
    all_at_least: float | None = Field(description="`prove`: chance that each is shown above, whatever they share")
    all_at_most: float | None = Field(description="`prove`: the chance of the weakest slice")


class OtherPlan(Record):
    """What the rows of an eval of `role: ood` or `guard` can show of one rule, at the last look."""

    eval: str
    rule: str
    requirement: float
    rows: int
    smallest: int | None = Field(
        description="rows below which a student identical to the teacher never passes; on confidence: one that tells "
        "all rows apart"
    )
    chance: float | None = Field(
        description="to pass, for a student as good there as the teacher; None for a rule on confidence"
    )
    rows_for_80_percent: int | None
    least_auroc: float | None = Field(
        default=None, description="least true area that passes with 80 % probability; None: no such rule, or none does"
    )


class CopiesPlan(Record):
    """Rows that were left out because gate rows repeat them."""

    exact: dict[str, int] = Field(description="by split: the same text but for case and white space")
    near: dict[str, int] = Field(description="by split: nearly the same words")
    share: float | None = Field(description="of the pool's rows; None without any")
    max_share: float
    outcome: Outcome
    sentence: str
    examples: tuple[NearCopy, ...] = Field(description="the most similar ones, by id")


class Plan(Record):
    """What a loop over the suite would do and cost at most, and what its gate can show."""

    suite: str
    counts: dict[str, int] = Field(description="rows by split, of the eval that decides")
    duplicates: dict[str, int]
    copies: CopiesPlan
    retention: float
    looks: int
    interim: int
    alphas: tuple[float, ...] = Field(description="one-sided error of each look that is left; empty: none is")
    basis: Basis
    least_gate_rows: int | None = Field(
        description="rows below which a student identical to the teacher never passes the first look that is left; one "
        "that beats the teacher there may"
    )
    smallest_gate_rows: int | None = Field(description="the same when the teacher is right as often as in `basis`")
    smallest_gate_rows_last: int | None = Field(description="`smallest_gate_rows` for the last look")
    power: tuple[PowerRow, ...]
    slices: SlicesPlan | None
    others: tuple[OtherPlan, ...]
    budget: GateBudget | None = Field(description="what is left of the gate split's error; None: no store was read")
    ceiling: Ceiling | None = Field(description="the teacher on development rows; None: it has not answered any yet")
    price: Price
    price_assumed: bool
    usd_per_request: Decimal
    usd_per_gate_row: Decimal = Field(description="teacher's answers to one more row, and a person's where gold is")
    teacher_calls: int
    teacher_usd: Decimal
    budget_usd: Decimal
    teacher_usd_per_month: Decimal
    distil: DistilPlan = Field(description="should this be distilled at all?")
    assumed: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
