"""The frozen rows that cross a boundary between rooms.

Each record is immutable, refuses unknown fields, and says its units. What is undefined is ``None``, never 0.
"""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gatekeeper.hashing import content_hash

Split = Literal["teacher", "pool", "dev", "gate"]
"""teacher: gold rows that only a local stand-in teacher's head learns from; pool: what students may learn from;
dev: what steers the loop; gate: what decides, read by nothing else."""

Outcome = Literal["pass", "fail", "inconclusive"]
Decision = Literal["promote", "reject", "inconclusive"]


_GIVEN: set[str] = set()


class Record(BaseModel):
    """A frozen row."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False, defer_build=True)

    def model_post_init(self, context: Any, /) -> None:
        """Forget which fields were given: nobody asks, and a set for each record would be half of its memory."""
        object.__setattr__(self, "__pydantic_fields_set__", _GIVEN)


class Message(Record):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Item(Record):
    """One row of an eval: what is asked and, where known, the right answer."""

    id: str = Field(description="the pairing key: the data's own id, or the content hash of the input")
    eval: str
    split: Split
    cluster: str = Field(
        description="items of one cluster are not independent; it is the item's id unless the eval says otherwise"
    )
    text: str = Field(description="what a classifier reads: the input without system turns")
    messages: tuple[Message, ...] = Field(description="the input as a chat, before the suite's prompt is applied")
    target: str | None = None
    slices: dict[str, str] = Field(default_factory=dict)


class Usage(Record):
    """Tokens of one answer."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = Field(default=0, description="part of input_tokens that was read from a prompt cache")
    cache_write_tokens: int = Field(default=0, description="part of input_tokens that was written to a prompt cache")
    reported: bool = Field(default=True, description="False: counted here with a tokenizer, since nobody reported it")


class Request(Record):
    """One question to one model."""

    item_id: str
    text: str
    messages: tuple[Message, ...]
    params: dict[str, Any] = Field(default_factory=dict)
    sample_index: int = 0

    def key(self, fingerprint: str) -> str:
        """Return the content key of this question to the model with `fingerprint`: the cache key of its answer."""
        return content_hash(
            {
                "model": fingerprint,
                "messages": [[m.role, m.content] for m in self.messages],
                "text": self.text,
                "params": self.params,
                "sample": self.sample_index,
            }
        )


class Completion(Record):
    """What a model answered, or why it did not."""

    request_key: str
    item_id: str
    model: str = Field(description="fingerprint of the model")
    sample_index: int = 0
    output: str | None = None
    distribution: dict[str, float] | None = Field(
        default=None, description="label to probability, where the model gives one"
    )
    raw: str | None = Field(default=None, description="the body as it arrived, for re-parsing")
    finish_reason: str | None = None
    usage: Usage = Usage()
    latency_s: float | None = Field(
        default=None, description="wall seconds of the answer, None where answers came in batches"
    )
    attempts: int = 1
    error_class: str | None = Field(default=None, description="None: an answer arrived")
    error_message: str | None = None

    @property
    def ok(self) -> bool:
        """Whether an answer arrived."""
        return self.error_class is None and self.output is not None


class Example(Record):
    """One row that a student learns from."""

    id: str = Field(description="content hash of the normalised text")
    text: str
    label: str
    distribution: dict[str, float] | None = None
    source: Literal["random", "mined"]
    round: int
    item_id: str


class Prediction(Record):
    """A model's answer to one item, as the scorer sees it."""

    item_id: str
    model: str
    sample_index: int = 0
    output: str | None
    confidence: float | None = Field(
        default=None, description="probability of the answer in [0, 1], None where unknown"
    )
    error_class: str | None = None


class Score(Record):
    """One scorer's judgement of one prediction; `value` is in [0, 1], or None when it could not be scored."""

    item_id: str
    model: str
    scorer: str
    version: str
    sample_index: int = Field(default=0, description="which of several answers to the same item was judged")
    value: float | None
    reason: str | None = None


class Estimate(Record):
    """A number with its interval and its evidence."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    confidence: float | None = Field(default=None, description="of the two-sided interval [lower, upper], e.g. 0.90")
    method: str = ""
    n_expected: int
    n_scored: int
    n_failed: int

    @model_validator(mode="after")
    def _undefined_is_none(self) -> Estimate:
        for name in ("value", "lower", "upper"):
            number = getattr(self, name)
            if number is not None and math.isnan(number):
                raise ValueError(f"{name} is NaN: an undefined number is None")
        if self.n_scored + self.n_failed > self.n_expected:
            raise ValueError("n_scored + n_failed is above n_expected")
        return self


class Quantity(Record):
    """One input or result of the cost model, with where it comes from."""

    name: str
    value: Decimal | None
    unit: str
    origin: Literal["measured", "priced", "assumed", "derived"]
    source: str = Field(description="file, price table or formula that the value comes from")
    as_of: str | None = Field(default=None, description="ISO date of a price or measurement")


class Measurement(Record):
    """Speed of one model on this machine, over distinct texts of the suite's own lengths."""

    model: str
    throughput_rps: Estimate = Field(description="items per second in batches; the interval is over replicates")
    latency_p50_ms: float
    latency_p95_ms: Estimate = Field(
        description="milliseconds for one text at a time, order-statistic interval; None: too few answers"
    )
    latency_p99_ms: Estimate | None = Field(
        default=None, description="the same for the 99th percentile: what bounds a student with a fallback"
    )
    concurrency: int = Field(default=1, description="callers that asked at the same time while latency was measured")
    loaded_rps: float | None = Field(
        default=None, description="answers per second to all those callers together: concurrency / mean latency"
    )
    batch_size: int
    cores: int
    machine: str
    load_before: float | None = Field(
        default=None, description="load average of the minute before, which other work on the machine made"
    )
    load_after: float | None = Field(
        default=None, description="load average of the minute until the end, the measurement's own work included"
    )
    measured_at: datetime


class RuleResult(Record):
    """One rule of the joint verdict."""

    rule: str = Field(description="the key in the suite, e.g. gates.quality.retention")
    outcome: Outcome
    value: float | None
    bound: float | None = Field(description="the value at the unfavourable end of its interval; it is what is compared")
    requirement: float | None
    margin: float | None = Field(description="distance from bound to requirement, positive when passed")
    unit: str = ""
    better: Literal["higher", "lower"] = "higher"
    sentence: str
    settle: str | None = Field(default=None, description="what would settle an inconclusive rule")


class Verdict(Record):
    """The joint decision on one candidate."""

    decision: Decision
    candidate: str = Field(description="name of the student in the suite")
    sentence: str
    rules: tuple[RuleResult, ...]
    looks_spent: int
    looks_planned: int
    alpha: float
    threshold: float | None = Field(
        default=None, description="the student answers where its confidence is at least this, the teacher elsewhere"
    )
    teacher_share: float | None = Field(default=None, description="of requests that stay with the teacher then")
