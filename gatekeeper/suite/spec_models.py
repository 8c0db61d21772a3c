"""The teacher and the students of suite.yaml as pydantic models, one class per kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gatekeeper.suite.spec_api import (
    AnthropicParams,
    AnthropicTeacher,
    AnthropicThinking,
    ApiTeacher,
    LiteLLMParams,
    LiteLLMTeacher,
    OpenAIParams,
    OpenAITeacher,
    PricedAs,
)
from gatekeeper.suite.spec_eval import FileModel, FilePath, Int, Name, Number
from gatekeeper.suite.spec_scripted import ScriptedFailures, ScriptedRule, ScriptedTeacher

__all__ = [
    "API_FORMS",
    "JUDGE_FORMS",
    "RECIPES",
    "TEACHER_FORMS",
    "AnswersFile",
    "AnthropicParams",
    "AnthropicTeacher",
    "AnthropicThinking",
    "ApiTeacher",
    "ChatParams",
    "ChatTeacher",
    "EncoderStudent",
    "EncoderTeacher",
    "JudgeModelSpec",
    "LinearStudent",
    "LiteLLMParams",
    "LiteLLMTeacher",
    "OpenAIParams",
    "OpenAITeacher",
    "ReplayTeacher",
    "ScriptedFailures",
    "ScriptedRule",
    "ScriptedTeacher",
    "StaticStudent",
    "StudentSpec",
    "TeacherSpec",
    "model_tag",
]

API_FORMS = ("openai/<name>", "anthropic/<name>", "litellm/<provider>/<name>")
TEACHER_FORMS = (
    "encoder",
    "chat",
    "replay",
    "openai/<name>",
    "anthropic/<name>",
    "litellm/<provider>/<name>",
    "scripted",
)
JUDGE_FORMS = TEACHER_FORMS[1:]
"""An encoder gives labels, and no verdict."""
RECIPES = ("linear", "static", "encoder")
_LOCAL = ("encoder", "chat", "replay", "scripted")
_APIS = ("openai", "anthropic", "litellm")


class EncoderTeacher(FileModel):
    """A stand-in: a frozen sentence encoder whose head is fitted on the gold rows of split `teacher`."""

    model: Literal["encoder"] = Field(description="the kind of teacher")
    init: str = Field(min_length=1, description="folder, hub id, or package:<module>/<folder>")
    priced_as: PricedAs = None


class ChatParams(FileModel):
    """Decoding of a local chat model."""

    max_tokens: Int = Field(default=16, ge=1, description="most tokens of an answer")


class ChatTeacher(FileModel):
    """A stand-in: a local chat model."""

    model: Literal["chat"] = Field(description="the kind of teacher")
    init: str = Field(min_length=1, description="folder, hub id, or package:<module>/<folder>")
    gguf_file: str | None = Field(default=None, description="file in that folder, for GGUF weights")
    params: ChatParams = Field(default=ChatParams(), description="decoding")
    priced_as: PricedAs = None


class AnswersFile(FileModel):
    """Recorded answers."""

    jsonl: FilePath = Field(description="one JSON object per line: output, and item_id or input")


class ReplayTeacher(FileModel):
    """A stand-in: answers that were recorded earlier."""

    model: Literal["replay"] = Field(description="the kind of teacher")
    answers: AnswersFile = Field(description="where the recorded answers are")
    priced_as: PricedAs = None


def model_tag(value: object) -> str | None:
    """Return the tag of a teacher's class by its `model`, None where that names no form."""
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    if not isinstance(model, str):
        return None
    kind, slash, name = model.partition("/")
    return f"<{kind}>" if (kind in _APIS and slash and name) or model in _LOCAL else None


TeacherSpec = Annotated[
    Annotated[EncoderTeacher, Tag("<encoder>")]
    | Annotated[ChatTeacher, Tag("<chat>")]
    | Annotated[ReplayTeacher, Tag("<replay>")]
    | Annotated[OpenAITeacher, Tag("<openai>")]
    | Annotated[AnthropicTeacher, Tag("<anthropic>")]
    | Annotated[LiteLLMTeacher, Tag("<litellm>")]
    | Annotated[ScriptedTeacher, Tag("<scripted>")],
    Discriminator(model_tag),
]


def _judge_tag(value: object) -> str | None:
    tag = model_tag(value)
    return None if tag == "<encoder>" else tag


JudgeModelSpec = Annotated[
    Annotated[ChatTeacher, Tag("<chat>")]
    | Annotated[ReplayTeacher, Tag("<replay>")]
    | Annotated[OpenAITeacher, Tag("<openai>")]
    | Annotated[AnthropicTeacher, Tag("<anthropic>")]
    | Annotated[LiteLLMTeacher, Tag("<litellm>")]
    | Annotated[ScriptedTeacher, Tag("<scripted>")],
    Discriminator(_judge_tag),
]


class LinearStudent(FileModel):
    """TF-IDF over words and character n-grams, and a linear head."""

    name: Name = Field(description="name of the student, unique in the suite")
    recipe: Literal["linear"] = Field(description="how the student is built")
    labels: Literal["hard", "soft"] = Field(
        default="hard", description="learn from the teacher's answers (hard) or its probabilities (soft)"
    )


class StaticStudent(FileModel):
    """One learned vector per token, averaged, and a small head."""

    name: Name = Field(description="name of the student, unique in the suite")
    recipe: Literal["static"] = Field(description="how the student is built")
    init: str = Field(min_length=1, description="encoder that the token table starts from")
    labels: Literal["hard", "soft"] = Field(
        default="soft", description="learn from the teacher's answers (hard) or its probabilities (soft)"
    )
    dimensions: Int = Field(default=256, ge=2, description="width of the token table")
    epochs: Int = Field(default=12, ge=1, description="passes over the examples")
    temperature: Number = Field(default=2.0, gt=0, description="softens the teacher's probabilities (Hinton 2015)")


class EncoderStudent(FileModel):
    """A frozen sentence encoder and a linear head that learns from the teacher."""

    name: Name = Field(description="name of the student, unique in the suite")
    recipe: Literal["encoder"] = Field(description="how the student is built")
    init: str = Field(min_length=1, description="folder, hub id, or package:<module>/<folder>")
    labels: Literal["hard", "soft"] = Field(
        default="soft", description="learn from the teacher's answers (hard) or its probabilities (soft)"
    )


def _recipe_tag(value: object) -> str | None:
    recipe = value.get("recipe") if isinstance(value, dict) else getattr(value, "recipe", None)
    return f"<{recipe}>" if recipe in RECIPES else None


StudentSpec = Annotated[
    Annotated[LinearStudent, Tag("<linear>")]
    | Annotated[StaticStudent, Tag("<static>")]
    | Annotated[EncoderStudent, Tag("<encoder>")],
    Discriminator(_recipe_tag),
]
