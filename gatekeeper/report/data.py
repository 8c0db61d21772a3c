"""The promotion dossier as one frozen record: everything that a report shows, and nothing else.

Every renderer (HTML, Markdown, terminal, JSON) reads only this record, so a report can be made again from its JSON
alone. Undefined is ``None``; shares are in [0, 1]; money is US dollars as ``Decimal``; times are UTC.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from gatekeeper.gate.ceiling import Ceiling
from gatekeeper.records import Estimate, Quantity, Record, Verdict
from gatekeeper.report.data_baselines import BaselineRow
from gatekeeper.report.data_gate import BudgetFacts, GateFacts, OtherEval, PartFacts, PowerFacts, SliceRow
from gatekeeper.whatif.worksheet import Worksheet

CandidateState = Literal["passed the gate", "failed the gate", "not sent to the gate"]


class Assumption(Record):
    """Something that nobody measured, on which the verdict or the money rests."""

    name: str
    value: str
    why: str = Field(default="", description="where the value comes from, and what would replace it")


class RunFacts(Record):
    """The run that led to the verdict."""

    run: str
    state: str
    seed: int | None
    started_at: datetime
    finished_at: datetime | None
    machine: str = ""


class TeacherFacts(Record):
    """The model that may be replaced."""

    name: str
    kind: str
    fingerprint: str
    priced_as: str | None = None
    price_assumed: bool = False
    accuracy: Estimate | None = Field(description="on the gate split once it was looked at, else on the dev split")
    accuracy_split: Literal["gate", "dev"] = "dev"


class Candidate(Record):
    """One student after one round."""

    student: str
    round: int
    recipe: str
    model: str = Field(description="fingerprint")
    n_examples: int
    retention: Estimate | None = Field(description="on the dev split")
    accuracy: Estimate | None = Field(description="on the dev split")
    training_seconds: float | None
    throughput_rps: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    usd_per_million: Decimal | None = Field(description="serving cost of one million requests at the suite's volume")
    state: CandidateState
    part: bool = Field(default=False, description="True: with the teacher where the student is not sure enough")


class Round(Record):
    """What was learnt and mined before one round, and whether a look was spent after it."""

    round: int
    random_examples: int
    mined_examples: int
    mined_labels: dict[str, int] = Field(
        default_factory=dict, description="teacher label to count, most frequent first"
    )
    dropped: dict[str, int] = Field(default_factory=dict, description="reason to count")
    pass_probability: float | None = Field(
        default=None, description="predicted from dev before the look; below the suite's floor no look is spent"
    )
    looks: tuple[int, ...] = Field(default=(), description="numbers of the gate looks that this round spent")


class Confusion(Record):
    """How often the student answered `student` where `expected` was right, on the dev split."""

    expected: str
    student: str
    n: int


class Failure(Record):
    """One dev item that the student got wrong."""

    item_id: str
    text: str
    gold: str | None
    teacher: str | None
    student: str | None
    confidence: float | None


class Money(Record):
    """What changes on the bill."""

    requests_per_month: Decimal | None
    baseline_monthly: Decimal | None = Field(
        description="of what the saving counts against: the teacher, or a baseline that passes and is cheaper"
    )
    candidate_monthly: Decimal | None
    saving_monthly: Decimal | None
    reduction: Decimal | None = Field(description="baseline divided by candidate")
    payback_months: Decimal | None = Field(description="None: it never pays back, or it is unknown")
    pays_back: bool | None = Field(description="None: unknown")
    program: Decimal | None = Field(description="one-time cost with all that the loop already spent")
    forward: Decimal | None = Field(description="one-time cost that is still ahead")
    quantities: tuple[Quantity, ...] = Field(default=(), description="every input and result of the comparison")


class SpendRow(Record):
    """What the run spent for one purpose."""

    purpose: str
    usd: Decimal
    calls: int
    assumed: bool = Field(description="True: priced, but no provider billed it (a local stand-in was priced as one)")
    unsettled: int = Field(default=0, description="reservations that were never settled, counted at their upper bound")

    @property
    def kind(self) -> Literal["priced", "billed"]:
        """Whether the amount is only a price, or a provider bills it."""
        return "priced" if self.assumed else "billed"


class DataFacts(Record):
    """What the verdict rests on."""

    splits: dict[str, int]
    duplicates: dict[str, int] = Field(default_factory=dict, description="kind of duplicate to dropped rows")
    contamination: int | None = Field(default=None, description="training texts dropped since they match gate items")
    gold: bool = Field(
        default=True, description="False: no right answers are known; quality is agreement with the teacher"
    )


class PriceUse(Record):
    """One price that was used."""

    model: str
    input_per_m: Decimal
    output_per_m: Decimal
    source: str
    as_of: str


class Lineage(Record):
    """What exactly was compared; the same digests give the same dossier."""

    suite_fingerprint: str
    gate_digest: str
    prompt_digest: str | None
    scorers: dict[str, str] = Field(description="scorer to version")
    teacher_fingerprint: str
    student_fingerprint: str | None
    artifact: str | None
    examples_digest: str | None
    evidence_digest: str | None
    prices: tuple[PriceUse, ...] = ()
    packages: dict[str, str] = Field(default_factory=dict)
    seed: int | None
    machine: str


class Dossier(Record):
    """Everything that a report shows."""

    format: Literal[1] = 1
    suite: str
    description: str = ""
    decided_at: datetime
    assumed: tuple[Assumption, ...]
    verdict: Verdict
    run: RunFacts
    teacher: TeacherFacts
    candidates: tuple[Candidate, ...]
    rounds: tuple[Round, ...]
    ceiling: Ceiling | None = Field(
        default=None, description="on the dev split; None: the teacher answered no row of it"
    )
    gate: GateFacts
    budget: BudgetFacts
    part: PartFacts | None = Field(default=None, description="None: all of the traffic or none")
    others: tuple[OtherEval, ...] = Field(default=(), description="evals of the roles ood and guard, once looked at")
    baselines: tuple[BaselineRow, ...] = Field(default=(), description="cheaper models that might pass already")
    slices: tuple[SliceRow, ...]
    confusions: tuple[Confusion, ...]
    failures: tuple[Failure, ...]
    failures_total: int = Field(
        default=0, description="dev items that the student got wrong, of which `failures` shows some"
    )
    money: Money
    spend: tuple[SpendRow, ...]
    power: PowerFacts
    data: DataFacts
    lineage: Lineage
    worksheet: Worksheet | None = Field(
        default=None, description="of the calculator: every number of the money; None: the run has none"
    )
    sources: dict[str, str] = Field(default_factory=dict, description="id of a shown number to the SQL that gives it")
