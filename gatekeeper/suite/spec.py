"""The file suite.yaml as pydantic models. Every default of a suite stands here and nowhere else.

These models mirror the file. What the rest of the package works with is `gatekeeper.suite.load.Suite`, where paths,
templates and labels are resolved. The models of eval.yaml stand in `spec_eval`, those of teachers and students in
`spec_models`; all are named here too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StrictBool, Tag, model_validator

from gatekeeper.suite.spec_baselines import (
    BASELINE_FORMS,
    AnthropicBaseline,
    AskedBaseline,
    BaselineSpec,
    ChatBaseline,
    EncoderBaseline,
    LiteLLMBaseline,
    MajorityBaseline,
    OpenAIBaseline,
    ReplayBaseline,
    ScriptedBaseline,
)
from gatekeeper.suite.spec_eval import (
    Column,
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
    JUDGE_FORMS,
    RECIPES,
    TEACHER_FORMS,
    AnswersFile,
    AnthropicParams,
    AnthropicTeacher,
    AnthropicThinking,
    ChatParams,
    ChatTeacher,
    EncoderStudent,
    EncoderTeacher,
    JudgeModelSpec,
    LinearStudent,
    LiteLLMParams,
    LiteLLMTeacher,
    OpenAIParams,
    OpenAITeacher,
    ReplayTeacher,
    ScriptedFailures,
    ScriptedRule,
    ScriptedTeacher,
    StaticStudent,
    StudentSpec,
    TeacherSpec,
)

__all__ = [
    "BASELINE_FORMS",
    "JUDGE_FORMS",
    "RECIPES",
    "TEACHER_FORMS",
    "AnswersFile",
    "AnthropicBaseline",
    "AnthropicParams",
    "AnthropicTeacher",
    "AnthropicThinking",
    "AskedBaseline",
    "BaselineSpec",
    "ChatBaseline",
    "ChatParams",
    "ChatTeacher",
    "CostGate",
    "CostsSpec",
    "CpuSpec",
    "DataSpec",
    "DuckDBSource",
    "EncoderBaseline",
    "EncoderStudent",
    "EncoderTeacher",
    "EvalSpec",
    "FormatGate",
    "GatesSpec",
    "GuardsGate",
    "HfSource",
    "JudgeModelSpec",
    "LatencyGate",
    "LeakageGate",
    "LinearStudent",
    "LiteLLMBaseline",
    "LiteLLMParams",
    "LiteLLMTeacher",
    "LoopSpec",
    "MajorityBaseline",
    "MineSpec",
    "OodGate",
    "OpenAIBaseline",
    "OpenAIParams",
    "OpenAITeacher",
    "PartialSpec",
    "PolicySpec",
    "PromptSpec",
    "QualityGate",
    "ReplayBaseline",
    "ReplayTeacher",
    "ScriptedBaseline",
    "ScriptedFailures",
    "ScriptedRule",
    "ScriptedTeacher",
    "ServingSpec",
    "SlicesGate",
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
    overhead: Number = Field(
        default=0.0, ge=0, le=10, description="network, storage and logs around the machines, as a share of their price"
    )


class CostsSpec(FileModel):
    """Human effort, which no meter sees, and the time over which money is counted."""

    engineering_hours: Number = Field(default=80.0, ge=0, description="one-time hours to put a student into production")
    usd_per_hour: Money = Field(default=Decimal("100"), description="US dollars per hour of that work")
    operations_hours_per_month: Number = Field(default=4.0, ge=0, description="hours a month to keep it running")
    usd_per_label: Money = Field(
        default=Decimal("0.10"), description="US dollars for a person to give one row its right answer"
    )
    labels_usd: Money = Field(
        default=Decimal("0"), description="US dollars that people were paid for the right answers in the data"
    )
    deployment_hours: Number | None = Field(
        default=None, ge=0, description="the part of `engineering_hours` that comes after a promotion; absent: all"
    )
    horizon_months: Int = Field(default=12, ge=1, le=600, description="months of the net present value")
    discount_per_year: Number = Field(default=0.1, ge=0, le=10, description="discount of the net present value")

    @model_validator(mode="after")
    def _deployment_is_a_part(self) -> CostsSpec:
        if self.deployment_hours is not None and self.deployment_hours > self.engineering_hours:
            raise ValueError(
                f"`deployment_hours` ({self.deployment_hours:g}) is above `engineering_hours` "
                f"({self.engineering_hours:g}), of which it is a part"
            )
        return self


class QualityGate(FileModel):
    """The student keeps this share of the teacher's quality."""

    retention: Number = Field(default=0.95, gt=0, lt=1, description="least student quality / teacher quality")
    confidence: Number = Field(default=0.95, gt=0.5, lt=1, description="1 - alpha, over all looks together")
    looks: Int = Field(default=5, ge=1, le=50, description="how often the gate split may be looked at")
    look_when: Share = Field(default=0.5, description="least chance to pass, by development results, to spend a look")
    interim: Int = Field(
        default=1, ge=1, le=10, description="how often a look may stop while its rows stream in; 1: only at the end"
    )
    max_failed: Share = Field(
        default=0.01, description="most gate rows that the teacher may have failed on, as a share"
    )

    @property
    def alpha(self) -> float:
        """Probability of ever promoting a student that is not good enough, over all looks."""
        return round(1.0 - self.confidence, 12)


class CostGate(FileModel):
    """The student is cheaper by this factor and pays back in time."""

    reduction: Number = Field(
        default=2.0, gt=0, description="least monthly cost of what the student is held against / cost of the student"
    )
    payback_months: Number = Field(default=6.0, gt=0, description="most months until the one-time cost is earned back")
    vs: Literal["best_passing", "teacher"] = Field(
        default="best_passing",
        description="what the student is held against: the cheapest of the teacher and the `baselines` that pass "
        "(best_passing), or the teacher alone",
    )


class LatencyGate(FileModel):
    """The student answers fast enough under load."""

    p95_ms: Number = Field(gt=0, description="most milliseconds of the 95th percentile")
    concurrency: Int = Field(
        default=1, ge=1, le=1024, description="callers that ask at the same time, one text each, while it is measured"
    )


class SlicesGate(FileModel):
    """No part of the traffic is left behind."""

    by: tuple[Column, ...] = Field(min_length=1, description="columns of `data.slices`; each value is a slice")
    min: Number = Field(gt=0, lt=1, description="least student quality / teacher quality in each slice")
    prove: StrictBool = Field(
        default=False, description="false: no slice may be shown to be below `min`; true: each is shown to be above it"
    )


class OodGate(FileModel):
    """How the student behaves on inputs that the task is not about; one rule for each value that is given."""

    eval: Name = Field(description="an eval of `role: ood`")
    retention: Number | None = Field(default=None, gt=0, lt=1, description="least student quality / teacher quality")
    auroc: Number | None = Field(
        default=None,
        gt=0.5,
        lt=1,
        description="least chance that the student is surer of a row of the main eval than of one of this eval",
    )

    @model_validator(mode="after")
    def _some_rule(self) -> OodGate:
        if self.retention is None and self.auroc is None:
            raise ValueError("needs `retention` or `auroc`, and has neither")
        return self


class GuardsGate(FileModel):
    """Evals of `role: guard` must not get worse."""

    margin: Number = Field(
        default=0.02, gt=0, lt=1, description="the student's mean score may be this much below the teacher's, no more"
    )


class FormatGate(FileModel):
    """Answers can be used."""

    parses: Number = Field(gt=0, lt=1, description="least share of the student's answers that are one of the labels")


class LeakageGate(FileModel):
    """The pool may not be full of gate rows."""

    max_share: Share = Field(
        default=0.05, description="most pool rows that may be copies or near copies of gate rows; they are dropped"
    )


class GatesSpec(FileModel):
    """What must hold."""

    quality: QualityGate = Field(default=QualityGate(), description="retention of the primary score")
    slices: SlicesGate | None = Field(default=None, description="absent: no rule on slices")
    ood: tuple[OodGate, ...] = Field(default=(), description="rules on evals of `role: ood`")
    guards: GuardsGate = Field(default=GuardsGate(), description="for each eval of `role: guard`")
    format: FormatGate | None = Field(default=None, description="absent: no rule on the form of answers")
    cost: CostGate = Field(default=CostGate(), description="saving and payback")
    latency: LatencyGate | None = Field(default=None, description="absent: no rule on latency")
    leakage: LeakageGate = Field(default=LeakageGate(), description="copies of gate rows in the pool")


class PartialSpec(FileModel):
    """A student that falls short on all traffic may take over the part where it is sure."""

    max_teacher_share: Share = Field(default=0.5, description="most traffic that may stay with the teacher")
    delta: Number = Field(
        default=0.1, gt=0, lt=0.5, description="error probability of the choice of the confidence threshold on dev"
    )


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
        min_length=1,
        description="each by its folder, its eval.yaml, or its content inline; one is `role: main`, the others are "
        "`ood` or `guard`",
    )
    prompt: PromptSpec | None = Field(default=None, description="absent: the data's own messages")
    prices: FilePath | None = Field(
        default=None, description="your own price file; its prices go before the price book"
    )
    teacher: TeacherSpec = Field(description=f"the model to be replaced: {', '.join(TEACHER_FORMS)}")
    baselines: tuple[BaselineSpec, ...] = Field(
        default=(),
        description=f"cheaper models that might pass already, each a name or a mapping: {', '.join(BASELINE_FORMS)}",
    )
    judge: JudgeModelSpec | None = Field(
        default=None,
        description=f"the model that says yes or no, where the deciding scorer is a judge: {', '.join(JUDGE_FORMS)}",
    )
    students: tuple[StudentSpec, ...] = Field(min_length=1, description="tried in this order; names are unique")
    traffic: TrafficSpec = Field(description="the volume that the verdict is about")
    serving: ServingSpec = Field(default=ServingSpec(), description="how a student would be served")
    costs: CostsSpec = Field(default=CostsSpec(), description="human effort, horizon and discount")
    gates: GatesSpec = Field(default=GatesSpec(), description="what must hold")
    partial: PartialSpec | None = Field(default=None, description="absent: all traffic or none")
    loop: LoopSpec = Field(default=LoopSpec(), description="rounds and money of the loop")
    policy: PolicySpec = Field(default=PolicySpec(), description="what people decided, for the record")
