"""The baselines of suite.yaml as pydantic models: cheaper models that might already be good enough.

A baseline is written like a teacher and has a name, or in short: `majority`, or `<provider>/<name>` of an API.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from gatekeeper.suite.spec_eval import FileModel, Name
from gatekeeper.suite.spec_models import (
    TEACHER_FORMS,
    AnthropicTeacher,
    ChatTeacher,
    EncoderTeacher,
    LiteLLMTeacher,
    OpenAITeacher,
    ReplayTeacher,
    ScriptedTeacher,
    model_tag,
)

MAJORITY = "majority"
BASELINE_FORMS = (MAJORITY, *TEACHER_FORMS)
_SHORT = re.compile(r"(openai|anthropic|litellm)/\S+")

BaselineName = Annotated[Name, Field(description="name of the baseline, unique in the suite")]


class EncoderBaseline(EncoderTeacher):
    """A frozen sentence encoder whose head is fitted on the gold rows of split `teacher`."""

    name: BaselineName


class ChatBaseline(ChatTeacher):
    """A local chat model."""

    name: BaselineName


class ReplayBaseline(ReplayTeacher):
    """Answers that were recorded earlier."""

    name: BaselineName


class OpenAIBaseline(OpenAITeacher):
    """A model behind an OpenAI-compatible endpoint."""

    name: BaselineName


class AnthropicBaseline(AnthropicTeacher):
    """A model behind Anthropic's Messages API."""

    name: BaselineName


class LiteLLMBaseline(LiteLLMTeacher):
    """A model of any provider that litellm speaks to."""

    name: BaselineName


class ScriptedBaseline(ScriptedTeacher):
    """Answers by rules, always the same."""

    name: BaselineName


class MajorityBaseline(FileModel):
    """Always the commonest label; it costs nothing per request."""

    model: Literal["majority"] = Field(description="the kind of baseline")
    name: BaselineName = MAJORITY


AskedBaseline = (
    EncoderBaseline
    | ChatBaseline
    | ReplayBaseline
    | OpenAIBaseline
    | AnthropicBaseline
    | LiteLLMBaseline
    | ScriptedBaseline
)
"""A baseline that is a model, and has a price."""


def _in_full(value: object) -> object:
    """Return the mapping that a short form stands for."""
    if value == MAJORITY:
        return {"model": MAJORITY}
    if isinstance(value, str) and _SHORT.fullmatch(value):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", value.partition("/")[2]).strip("-._")
        return {"model": value, "name": name}
    return value


def _tag(value: object) -> str | None:
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    return f"<{MAJORITY}>" if model == MAJORITY else model_tag(value)


_Form = Annotated[
    Annotated[EncoderBaseline, Tag("<encoder>")]
    | Annotated[ChatBaseline, Tag("<chat>")]
    | Annotated[ReplayBaseline, Tag("<replay>")]
    | Annotated[OpenAIBaseline, Tag("<openai>")]
    | Annotated[AnthropicBaseline, Tag("<anthropic>")]
    | Annotated[LiteLLMBaseline, Tag("<litellm>")]
    | Annotated[ScriptedBaseline, Tag("<scripted>")]
    | Annotated[MajorityBaseline, Tag("<majority>")],
    Discriminator(_tag),
]
BaselineSpec = Annotated[
    _Form,
    BeforeValidator(
        _in_full, json_schema_input_type=Annotated[str, Field(pattern=rf"^({MAJORITY}|{_SHORT.pattern})$")] | _Form
    ),
]
