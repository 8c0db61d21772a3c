"""The file suite.yaml as pydantic models. Every default of a suite stands here and nowhere else.

These models mirror the file. What the rest of the package works with is `gatekeeper.suite.load.Suite`, where paths,
templates and labels are resolved. The models of eval.yaml stand in `spec_eval`, those of teachers and students in
`spec_models`; all are named here too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from gatekeeper.suite.spec_eval import (
    DataSpec,
    DuckDBSource,
    EvalSpec,
    FileModel,
    FilePath,
    HfSource,
    Int,
    Money,
    Name,
    Number,
    Share,
    Source,
    SplitsSpec,
    TaskSpec,
    Template,
    TextFile,
    Version,
)
from gatekeeper.suite.spec_models import (
    RECIPES,
    TEACHER_FORMS,
    AnswersFile,
    ChatParams,
    ChatTeacher,
    EncoderStudent,
    EncoderTeacher,
    LinearStudent,
    OpenAIParams,
    OpenAITeacher,
    ReplayTeacher,
    StaticStudent,
    StudentSpec,
    TeacherSpec,
)

__all__ = [
    "RECIPES",
    "TEACHER_FORMS",
    "AnswersFile",
    "ChatParams",
    "ChatTeacher",
    "CostGate",
    "CostsSpec",
    "CpuSpec",
    "DataSpec",
    "DuckDBSource",
    "EncoderStudent",
    "EncoderTeacher",
    "EvalSpec",
    "GatesSpec",
    "HfSource",
    "LatencyGate",
    "LinearStudent",
    "LoopSpec",
    "MineSpec",
    "OpenAIParams",
    "OpenAITeacher",
    "PolicySpec",
    "PromptSpec",
    "QualityGate",
    "ReplayTeacher",
    "ServingSpec",
    "Source",
    "SplitsSpec",
    "StaticStudent",
    "StudentSpec",
    "SuiteSpec",
    "TaskSpec",
    "TeacherSpec",
    "TextFile",
    "TrafficSpec",
]


class PromptSpec(FileModel):
    """What the teacher sees: sandboxed Jinja templates over `input` and `labels`."""

    system: Template | None = Field(default=None, description="system turn: a template, or {file: path}")
    user: Template = Field(default="{{ input }}", description="user turn: a template, or {file: path}")


class TrafficSpec(FileModel):
    """The volume that the verdict is about."""

    requests_per_month: Int = Field(ge=1, le=10**12, description="average number of requests in a month of 730 hours")
    peak_to_average: Number = Field(default=4.0, ge=1, description="busiest hour over average hour")


class CpuSpec(FileModel):
    """The machine that one replica of a student runs on."""

    usd_per_hour: Money = Field(default=Decimal("0.20"), description="US dollars per hour of one replica")
    cores: Int = Field(default=4, ge=1, description="cores of one replica")


class ServingSpec(FileModel):
    """How a student would be served."""

    cpu: CpuSpec = Field(default=CpuSpec(), description="the machine of one replica")
    redundancy: Int = Field(default=1, ge=0, description="replicas beyond what the peak needs")
    min_replicas: Int = Field(default=2, ge=1, description="replicas that always run")
    target_utilisation: Number = Field(default=0.6, gt=0, le=1, description="share of measured throughput to plan for")


class CostsSpec(FileModel):
    """Human effort, which no meter sees."""

    engineering_hours: Number = Field(default=80.0, ge=0, description="one-time hours to put a student into production")
    usd_per_hour: Money = Field(default=Decimal("100"), description="US dollars per hour of that work")
    operations_hours_per_month: Number = Field(default=4.0, ge=0, description="hours a month to keep it running")


class QualityGate(FileModel):
    """The student keeps this share of the teacher's quality."""

    retention: Number = Field(default=0.95, gt=0, lt=1, description="least student quality / teacher quality")
    confidence: Number = Field(default=0.95, gt=0.5, lt=1, description="1 - alpha, over all looks together")
    looks: Int = Field(default=5, ge=1, le=50, description="how often the gate split may be looked at")
    look_when: Share = Field(default=0.5, description="least chance to pass, by development results, to spend a look")
    max_failed: Share = Field(
        default=0.01, description="most gate rows that the teacher may have failed on, as a share"
    )

    @property
    def alpha(self) -> float:
        """Probability of ever promoting a student that is not good enough, over all looks."""
        return round(1.0 - self.confidence, 12)


class CostGate(FileModel):
    """The student is cheaper by this factor and pays back in time."""

    reduction: Number = Field(default=2.0, gt=0, description="least monthly cost of the teacher / cost of the student")
    payback_months: Number = Field(default=6.0, gt=0, description="most months until the one-time cost is earned back")


class LatencyGate(FileModel):
    """The student answers fast enough."""

    p95_ms: Number = Field(gt=0, description="most milliseconds of the 95th percentile, one text at a time")


class GatesSpec(FileModel):
    """What must hold."""

    quality: QualityGate = Field(default=QualityGate(), description="retention of the primary score")
    cost: CostGate = Field(default=CostGate(), description="saving and payback")
    latency: LatencyGate | None = Field(default=None, description="absent: no rule on latency")


class MineSpec(FileModel):
    """How the next round's texts are chosen."""

    share: Share = Field(default=0.5, description="share of a round's examples that is mined near student errors")


class LoopSpec(FileModel):
    """Rounds and money of the loop."""

    rounds: Int = Field(default=5, ge=1, le=1000, description="most rounds")
    examples_per_round: Int = Field(default=2000, ge=1, le=10**7, description="teacher answers that each round adds")
    budget_usd: Money = Field(default=Decimal("25"), description="most US dollars that the loop may spend")
    mine: MineSpec = Field(default=MineSpec(), description="how the next round's texts are chosen")
    seed: Int = Field(default=7, ge=0, lt=2**63, description="of everything in the loop that is random")


class PolicySpec(FileModel):
    """What people decided, for the record."""

    teacher_terms: str | None = Field(default=None, description="what the teacher's terms say about training on it")


def _eval_tag(value: object) -> str:
    return "<inline>" if isinstance(value, dict | EvalSpec) else "<path>"


EvalRef = Annotated[Annotated[FilePath, Tag("<path>")] | Annotated[EvalSpec, Tag("<inline>")], Discriminator(_eval_tag)]


class SuiteSpec(FileModel):
    """suite.yaml: what must hold, for which traffic, between which models."""

    version: Version = Field(description="of the file format")
    suite: Name = Field(description="name of the suite")
    evals: tuple[EvalRef, ...] = Field(
        min_length=1, max_length=1, description="one eval: its folder, its eval.yaml, or its content inline"
    )
    prompt: PromptSpec | None = Field(default=None, description="absent: the data's own messages")
    prices: FilePath | None = Field(
        default=None, description="your own price file; its prices go before the price book"
    )
    teacher: TeacherSpec = Field(description=f"the model to be replaced: {', '.join(TEACHER_FORMS)}")
    students: tuple[StudentSpec, ...] = Field(min_length=1, description="tried in this order; names are unique")
    traffic: TrafficSpec = Field(description="the volume that the verdict is about")
    serving: ServingSpec = Field(default=ServingSpec(), description="how a student would be served")
    costs: CostsSpec = Field(default=CostsSpec(), description="human effort")
    gates: GatesSpec = Field(default=GatesSpec(), description="what must hold")
    loop: LoopSpec = Field(default=LoopSpec(), description="rounds and money of the loop")
    policy: PolicySpec = Field(default=PolicySpec(), description="what people decided, for the record")
