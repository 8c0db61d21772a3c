"""The gate's part of the dossier record: the test that decides, its error budget, and what it can show at all.

Undefined is ``None``; shares are in [0, 1]; probabilities are the ledger's; times are UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from gatekeeper.records import Estimate, Record

Told = Literal["below", "above", "unclear"]
"""What a slice is shown to be against its minimum."""


class PairCounts(Record):
    """How often both, one or none of the two models was right on the same gate item."""

    both_right: int
    student_only: int
    teacher_only: int
    both_wrong: int


class Look(Record):
    """One row of the error ledger of this gate split."""

    look: int
    alpha: float
    run: str
    round: int
    student: str
    reserved_at: datetime
    passed: bool | None
    bound: float | None
    threshold: float | None = Field(default=None, description="of confidence; None: the student answered everything")
    n_read: int | None = Field(default=None, description="rows read when it stopped early; None: all rows")


class GateFacts(Record):
    """The test that decides on quality."""

    retention: Estimate | None = Field(
        description="on the gate split, at the look's alpha; None when no look was spent"
    )
    upper: float | None = Field(
        default=None,
        description="upper end at the whole alpha: what a shown failure rests on, since failing spends nothing",
    )
    counts: PairCounts | None = Field(description="None: scores between right and wrong, or no look")
    requirement: float | None = Field(description="r0, the share of the teacher's quality that must be kept")
    alpha: float = Field(description="error budget over all planned looks")
    look_alpha: float | None = Field(description="what the deciding look spent of it")
    looks: tuple[Look, ...] = Field(description="every look that this gate split ever had, by any run")
    looks_planned: int
    slice_minimum: float | None = Field(default=None, description="None: the suite has no rule on slices")
    student_score: float | None = Field(default=None, description="mean over the rows that the look has read")
    teacher_score: float | None = Field(default=None, description="the same of the teacher")
    n_read: int | None = Field(default=None, description="gate rows that the look has read")
    n_planned: int | None = Field(default=None, description="gate rows that it might have read")
    teacher_failed: int = Field(default=0, description="rows without an answer of the teacher, counted both ways")
    groups: int | None = Field(default=None, description="rows come in so many groups; None: each stands alone")
    samples: int = Field(default=1, description="answers of the teacher to each row")
    labelled: int | None = Field(default=None, description="rows that people judged as well; None: no judge scores")


class SliceRow(Record):
    """One value of one slice, on the gate split."""

    slice: str
    value: str
    n: int
    teacher: float | None
    student: float | None
    retention: Estimate | None
    in_rule: bool = Field(default=False, description="False: for information, no rule rests on it")
    told: Told = Field(default="unclear", description="against the minimum, all slices of its kind taken together")
    adjusted: float | None = Field(
        default=None, description="p value of being at or above the minimum, adjusted for the number of slices (Holm)"
    )


class OtherEval(Record):
    """One eval beside the one that decides, on all its rows."""

    eval: str
    role: Literal["ood", "guard"]
    description: str = ""
    n: int
    teacher: float | None = Field(description="mean score")
    student: float | None = Field(description="mean score")
    sure: float | None = Field(description="mean confidence of the student on these rows")
    sure_on_main: float | None = Field(description="the same on the gate rows of the eval that decides")
    rules: tuple[str, ...] = Field(default=(), description="keys of the verdict's rules that rest on it")


class SealFacts(Record):
    """The rules that were sealed before the first look."""

    at: datetime
    who: str
    run: str
    digest: str
    shared_rows: int | None = Field(
        default=None, description="rows that the sealed split shares with this one; None: it is this one"
    )


class RuleChange(Record):
    """One changed rule, as a sentence."""

    sentence: str
    loosening: bool


class AmendmentRow(Record):
    """One later change of the sealed rules."""

    at: datetime
    who: str
    run: str | None
    reason: str
    changes: tuple[RuleChange, ...]
    after_verdict: bool
    shared_rows: int | None = None


class ReadRow(Record):
    """One time that a person was shown gate rows."""

    at: datetime
    who: str
    what: str
    n_rows: int
    run: str | None
    after_verdict: bool


class BudgetFacts(Record):
    """The error budget of the gate rows as it was when the run was decided, and who has had to do with them."""

    alpha: float = Field(description="the whole budget: 1 - confidence")
    spent: float = Field(description="by looks at this very split")
    inherited: float = Field(description="spent earlier on rows of this split that other splits have too, as a mean")
    left: float
    next_alpha: float | None = Field(description="what the next look would get; None: no look is left")
    looks_planned: int
    looks_spent: int
    looks_elsewhere: int = Field(description="looks at other splits that share rows with this one")
    rows: int
    rows_used: int = Field(description="rows that looks at other splits have read")
    seals: tuple[SealFacts, ...] = Field(default=(), description="of this split first, then of splits that share rows")
    amendments: tuple[AmendmentRow, ...] = ()
    reads: tuple[ReadRow, ...] = ()


class PowerCurve(Record):
    """How likely one look passes a student of one true quality, by the number of gate rows."""

    retention: float
    chance_now: float = Field(description="with the rows that the split has")
    rows_needed: int | None = Field(description="for 80 %; None: more rows than anybody has")
    points: tuple[tuple[int, float], ...] = Field(description="(gate rows, chance to pass)")


class PowerFacts(Record):
    """What this gate split can show at all."""

    n_gate: int
    smallest_passable_n: int | None = Field(
        description="rows below which even a perfect copy of the teacher cannot pass"
    )
    rows_needed: int | None = Field(default=None, description="gate rows for 80 % power at the observed retention")
    alpha: float | None = Field(default=None, description="error probability of the look that is drawn")
    look: int | None = Field(default=None, description="number of that look; None: the first at a fresh split")
    teacher_accuracy: float | None = Field(default=None, description="as measured")
    correlation: float | None = Field(
        default=None, description="tetrachoric, of both models being right; None: one of them always was"
    )
    measured_on: Literal["gate", "dev"] = "dev"
    curves: tuple[PowerCurve, ...] = Field(default=(), description="empty where answers are not right or wrong")


class PartPoint(Record):
    """What one confidence threshold would do, on the development rows."""

    threshold: float
    coverage: float = Field(description="share of the rows that the student answers")
    retention: float | None = Field(description="of student and teacher together, over all rows")
    accuracy: float = Field(description="the student's mean score where it answers")
    teacher_accuracy: float = Field(description="the teacher's on the same rows")


class PartFacts(Record):
    """A student for a part of the traffic, with the teacher for the rest."""

    threshold: float | None = Field(description="the student answers where its confidence is at least this")
    decides: bool = Field(description="whether the verdict is about the part rather than about all traffic")
    teacher_share: Estimate | None = Field(description="of requests that stay with the teacher")
    share_split: Literal["gate", "dev"] = "dev"
    most_teacher_share: float | None = Field(description="what the suite allows")
    alone: Estimate | None = Field(description="retention of the student on all traffic, on dev")
    together: Estimate | None = Field(description="retention of student and teacher together, on dev")
    curve: tuple[PartPoint, ...] = ()
    calibration_error: float | None = Field(
        default=None, description="mean distance of the stated confidence from the share that is right"
    )
    calibration_error_mapped: float | None = Field(
        default=None, description="the same after a rising map that was fitted on other rows (isotonic, cross-fitted)"
    )
