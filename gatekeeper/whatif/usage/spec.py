"""The usage file as pydantic models: traffic, tokens, the teacher, options, what it costs once, gates.

Numbers are those of a worksheet and bear its names. Each may be written plainly, which is an assumption, or as a
mapping that says where it was measured and within which range it lies.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from gatekeeper.suite.spec_eval import FileModel, FilePath, Name, Version
from gatekeeper.whatif.usage.amounts import Day, Lines, Some
from gatekeeper.whatif.worksheet import ON_MACHINES, TEACHER, WITH_TEACHER, Kind

OptionKind = Literal[
    "cheaper_api",
    "caching",
    "batch",
    "caching_and_batch",
    "shorter_prompt",
    "fine_tuned_tokens",
    "fine_tuned_hosted",
    "gpu",
    "gpu_quantised",
    "pruned",
    "cascade",
    "router",
    "cpu",
]
MODEL_ID = r"^[^/\s]+/\S+$"


class TokensSpec(FileModel):
    """Tokens of a request: means, or a log to take them from."""

    input: Some = Field(default=None, description="all input tokens of a mean request, cached ones included")
    output: Some = Field(default=None, description="output tokens of a mean request")
    cached: Some = Field(default=None, description="the part of `input` that is read from a prompt cache today")
    cache_write: Some = Field(default=None, description="the part of `input` that is written to one today")
    repeated: Some = Field(default=None, description="input tokens that all requests begin with: what caching saves")
    trace: FilePath | None = Field(default=None, description="log of requests: responses or OpenTelemetry spans")
    model: str | None = Field(default=None, description="whose requests in the log are counted")


class OwnTokens(FileModel):
    """Tokens of a request to one option, where they differ from the teacher's."""

    input: Some = Field(default=None, description="all input tokens")
    output: Some = Field(default=None, description="output tokens")
    cached: Some = Field(default=None, description="the part of `input` that is read from a prompt cache")
    cache_write: Some = Field(default=None, description="the part of `input` that is written to one")


class ApiSpec(FileModel):
    """What the teacher and the options at an API have in common."""

    model: str = Field(default="", description="provider/name; its prices are looked up unless they are given here")
    quality: Some = Field(default=None, description="share of good answers")
    input_per_m: Some = Field(default=None, description="USD per million input tokens")
    output_per_m: Some = Field(default=None, description="USD per million output tokens")
    cached_input_per_m: Some = Field(default=None, description="USD per million input tokens from a cache")
    cache_write_per_m: Some = Field(default=None, description="USD per million input tokens into a cache")
    batch_input_per_m: Some = Field(default=None, description="the same in a batch")
    batch_output_per_m: Some = Field(default=None, description="the same in a batch")
    batch_cached_input_per_m: Some = Field(default=None, description="the same in a batch")
    usd_per_call: Some = Field(default=None, description="USD per request on top of the tokens")
    retry_rate: Some = Field(default=None, description="requests that are sent again, per request")
    batch_share: Some = Field(default=None, description="share of the requests that is sent in batches")
    retires: Day | None = Field(default=None, description="day on which the provider stops the model")

    @model_validator(mode="after")
    def _both_prices(self) -> ApiSpec:
        for way in ("", "batch_"):
            pair = [f"{way}input_per_m", f"{way}output_per_m"]
            given = [name for name in pair if getattr(self, name) is not None]
            if len(given) == 1:
                raise ValueError(f"gives `{given[0]}` without `{next(n for n in pair if n not in given)}`")
        return self


class TeacherSpec(ApiSpec):
    """The model that might be replaced."""

    @model_validator(mode="after")
    def _priced(self) -> TeacherSpec:
        if not self.model and self.input_per_m is None:
            raise ValueError("needs `model`, whose prices are looked up, or `input_per_m` and `output_per_m`")
        return self


class OptionSpec(ApiSpec):
    """One other way to answer the requests."""

    name: Name = Field(description="unique in the file")
    kind: OptionKind = Field(description="how it answers")
    of: str = Field(default="", description="cascade and router: the option in front of the teacher")
    passes: StrictBool | None = Field(default=None, description="whether it passes the quality gate; absent: unknown")
    passes_source: str = Field(default="", description="who says so")
    tokens: OwnTokens = Field(default=OwnTokens(), description="where they differ from the teacher's")
    hosting_usd_per_hour: Some = Field(default=None, description="USD per hour that a fine-tuned model is kept ready")
    training_usd: Some = Field(default=None, description="what training costs once")
    training_per_m: Some = Field(default=None, description="USD per million training tokens")
    usd_per_hour: Some = Field(default=None, description="USD per hour of one machine")
    machines_per_replica: Some = Field(default=None, description="machines that one replica needs")
    capacity_rps: Some = Field(default=None, description="requests per second of one replica within the latency")
    target_utilisation: Some = Field(default=None, description="share of the capacity to plan for at the peak")
    min_replicas: Some = Field(default=None, description="replicas that always run")
    redundancy: Some = Field(default=None, description="replicas beyond what the peak needs")
    overhead: Some = Field(default=None, description="network, storage and logs, as a share of the machines' price")
    scale_to_zero: StrictBool | None = Field(default=None, description="whether no replica runs without traffic")
    bench: Lines | None = Field(default=None, description="results of a serving benchmark: its capacity, measured")
    ttft_p99_ms: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="with `bench`: most milliseconds to the first token, for 99 % of requests"
    )
    e2e_p95_ms: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="with `bench`: most milliseconds to the whole answer, for 95 % of requests"
    )
    teacher_share: Some = Field(default=None, description="share of requests that the teacher answers in the end")
    verifier_usd: Some = Field(default=None, description="USD per request to decide who answers")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> OptionSpec:
        if self.name in (TEACHER, "gate"):
            raise ValueError(f"`name` is {self.name!r}, which means something else here")
        if (self.kind in WITH_TEACHER) != bool(self.of):
            raise ValueError(f"`of` (the option before the teacher) belongs to cascade and router, not to {self.kind}")
        if self.bench is not None and self.kind not in ON_MACHINES:
            raise ValueError(f"`bench` is the speed of machines, and {self.kind} has none")
        if self.bench is not None and self.capacity_rps is not None:
            raise ValueError("`bench` and `capacity_rps` both give the capacity")
        return self


class OneTimeSpec(FileModel):
    """What a student costs once."""

    generation_examples: Some = Field(default=None, description="examples that the student learns from")
    generation_batch_share: Some = Field(default=None, description="share of them that the teacher answers in batches")
    generation_yield: Some = Field(default=None, description="kept per generated example")
    generation_usd_per_example: Some = Field(default=None, description="absent: the teacher's price of a request")
    label_rows: Some = Field(default=None, description="rows that people label")
    label_votes: Some = Field(default=None, description="labels per row")
    usd_per_label: Some = Field(default=None, description="USD per label")
    training_tokens_per_example: Some = Field(default=None, description="where training is billed by the token")
    training_epochs: Some = Field(default=None, description="passes over the examples")
    evaluation_rows: Some = Field(default=None, description="rows that both models answer")
    judge_usd: Some = Field(default=None, description="USD per judged answer")
    engineering_hours: Some = Field(default=None, description="hours of people, all in all")
    deployment_hours: Some = Field(default=None, description="the part of them that is still ahead; absent: all")
    usd_per_engineering_hour: Some = Field(default=None, description="USD per hour")
    integration_usd: Some = Field(default=None, description="all else that a move costs once")
    spent_usd: Some = Field(default=None, description="what is spent already")


class OperationsSpec(FileModel):
    """What a student costs every month beside its answers."""

    hours_per_month: Some = Field(default=None, description="hours of people")
    usd_per_month: Some = Field(default=None, description="the same as a sum")
    audit_share: Some = Field(default=None, description="share of answers that the teacher checks")
    retrain_usd: Some = Field(default=None, description="what training again costs each time")
    retrain_months: Some = Field(default=None, description="months between two trainings")


class FinanceSpec(FileModel):
    """How money over time is counted."""

    horizon_months: Some = Field(default=None, description="months that savings count for")
    discount_per_year: Some = Field(default=None, description="discount of the present value")
    price_decay_per_year: Some = Field(default=None, description="by how much the teacher's price falls in a year")
    error_usd: Some = Field(default=None, description="USD that a bad answer costs")


class MoneyGates(FileModel):
    """What must hold."""

    reduction: Some = Field(default=None, description="least monthly cost of the baseline over the candidate's")
    payback_months: Some = Field(default=None, description="most months until the cost ahead is earned back")
    volume_safety: Some = Field(default=None, description="planned volume over the least that pays")
    npv_chance: Some = Field(default=None, description="least probability of a net present value above zero")
    months_after_payback: Some = Field(default=None, description="least life of the models after payback")


class UsageSpec(FileModel):
    """A usage file: what is asked how often, and in which ways it could be answered."""

    version: Version = Field(description="of the file format")
    name: Name = Field(description="name of the task")
    as_of: Day | None = Field(default=None, description="day that prices are wanted for; absent: today")
    requests_per_month: Some = Field(default=None, description="requests a month; absent: from `tokens.trace`")
    growth_per_month: Some = Field(default=None, description="0.02 is 2 % more requests each month")
    peak_to_average: Some = Field(default=None, description="requests at the peak over the mean")
    batchable_share: Some = Field(default=None, description="share of requests that can wait for hours")
    tokens: TokensSpec = Field(description="tokens of a request")
    teacher: TeacherSpec = Field(description="the model that might be replaced")
    options: tuple[OptionSpec, ...] = Field(default=(), description="other ways to answer; `gatekeeper cost` adds some")
    one_time: OneTimeSpec = Field(default=OneTimeSpec(), description="what a student costs once")
    operations: OperationsSpec = Field(default=OperationsSpec(), description="what a student costs every month")
    finance: FinanceSpec = Field(default=FinanceSpec(), description="how money over time is counted")
    gates: MoneyGates = Field(default=MoneyGates(), description="what must hold")
    prices: FilePath | None = Field(default=None, description="your own price file; it goes before the price lists")

    @model_validator(mode="after")
    def _names(self) -> UsageSpec:
        kinds: dict[str, Kind] = {}
        for one in self.options:
            if one.name in kinds:
                raise ValueError(f"two options are named {one.name!r}")
            kinds[one.name] = one.kind
        for one in self.options:
            if one.of and (one.of not in kinds or kinds[one.of] in WITH_TEACHER):
                known = ", ".join(name for name, kind in kinds.items() if kind not in WITH_TEACHER)
                raise ValueError(
                    f"{one.name}: `of` is {one.of!r}, which cannot stand before the teacher; {known or 'no option'} can"
                )
        if self.tokens.trace is None and (self.tokens.input is None or self.tokens.output is None):
            raise ValueError("`tokens` needs `input` and `output`, or a `trace`")
        if self.tokens.trace is None and self.requests_per_month is None:
            raise ValueError("needs `requests_per_month`, or a `tokens.trace` that spans a day or more")
        return self
