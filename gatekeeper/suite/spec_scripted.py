"""The scripted model as pydantic models: answers by rules, for tests and examples."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from gatekeeper.suite.spec_api import PricedAs
from gatekeeper.suite.spec_eval import FileModel, Number, Share


class ScriptedRule(FileModel):
    """One rule; where several conditions are given, all must hold."""

    answer: str = Field(description="what is answered")
    equals: str | None = Field(default=None, description="the whole text")
    contains: str | None = Field(default=None, min_length=1, description="a part of it; case does not matter")
    matches: str | None = Field(default=None, min_length=1, description="a Python regular expression found in it")

    @model_validator(mode="after")
    def _some_condition(self) -> ScriptedRule:
        if self.equals is None and self.contains is None and self.matches is None:
            raise ValueError("needs `equals`, `contains` or `matches`; an answer for everything is `otherwise`")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"`matches` is no regular expression: {error}") from error
        return self


class ScriptedFailures(FileModel):
    """Requests that fail, chosen by their content."""

    share: Share = Field(description="share of all requests")
    kind: Literal["rate_limit", "overloaded", "server", "timeout", "connection", "bad_request", "refusal"] = Field(
        default="server", description="class of the failure"
    )


class ScriptedTeacher(FileModel):
    """A stand-in: answers by rules, always the same."""

    model: Literal["scripted"] = Field(description="the kind of teacher")
    rules: tuple[ScriptedRule, ...] = Field(min_length=1, description="the first that applies to a text answers it")
    otherwise: str | None = Field(default=None, description="answer where no rule applies; absent: such a text fails")
    confidence: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="probability of each answer, the rest shared by the other labels; absent: no distribution",
    )
    latency_ms: Number = Field(default=0.0, ge=0, le=60_000, description="milliseconds that each answer takes")
    fail: ScriptedFailures | None = Field(default=None, description="absent: nothing fails")
    priced_as: PricedAs = None
