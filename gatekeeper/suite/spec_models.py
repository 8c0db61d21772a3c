"""The teacher and the students of suite.yaml as pydantic models, one class per kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from gatekeeper.suite.spec_eval import FileModel, FilePath, Int, Name, Number

MODEL_ID = r"^[^/\s]+/\S+$"
TEACHER_FORMS = ("encoder", "chat", "replay", "openai/<name>")
JUDGE_FORMS = ("chat", "replay", "openai/<name>")
RECIPES = ("linear", "static", "encoder")

PricedAs = Annotated[
    str | None,
    Field(pattern=MODEL_ID, description="provider/name whose price the teacher's answers carry; marked as assumed"),
]


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


class OpenAIParams(BaseModel):
    """Parameters of each request. Any other key is sent to the provider as it stands."""

    model_config = ConfigDict(frozen=True, extra="allow")

    temperature: Number | None = Field(default=None, ge=0, description="absent: the provider's default")
    max_tokens: Int = Field(default=16, ge=1, description="most tokens of an answer; also bounds its reserved price")

    @model_validator(mode="after")
    def _not_ours(self) -> OpenAIParams:
        taken = sorted({"model", "messages", "stream", "n"} & set(self.model_extra or {}))
        if taken:
            raise ValueError(f"{', '.join(taken)} cannot be set here")
        return self


class OpenAITeacher(FileModel):
    """A model behind an OpenAI-compatible endpoint."""

    model: str = Field(pattern=r"^openai/\S+$", description="openai/<name of the model at the endpoint>")
    base_url: str | None = Field(default=None, description="endpoint; ${ENV} is expanded. Absent: the provider's own")
    api_key_env: str = Field(
        default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="environment variable with the key"
    )
    params: OpenAIParams = Field(default=OpenAIParams(), description="parameters of each request")
    concurrency: Int = Field(default=16, ge=1, le=1024, description="requests in flight at once")
    priced_as: PricedAs = None


def _teacher_tag(value: object) -> str | None:
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    if isinstance(model, str) and model.startswith("openai/"):
        return "<openai>"
    return f"<{model}>" if model in ("encoder", "chat", "replay") else None


TeacherSpec = Annotated[
    Annotated[EncoderTeacher, Tag("<encoder>")]
    | Annotated[ChatTeacher, Tag("<chat>")]
    | Annotated[ReplayTeacher, Tag("<replay>")]
    | Annotated[OpenAITeacher, Tag("<openai>")],
    Discriminator(_teacher_tag),
]


def _judge_tag(value: object) -> str | None:
    tag = _teacher_tag(value)
    return None if tag == "<encoder>" else tag  # an encoder gives labels, and no verdict


JudgeModelSpec = Annotated[
    Annotated[ChatTeacher, Tag("<chat>")]
    | Annotated[ReplayTeacher, Tag("<replay>")]
    | Annotated[OpenAITeacher, Tag("<openai>")],
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
