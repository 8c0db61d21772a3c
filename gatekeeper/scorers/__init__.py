"""Scorers: (item, answer) -> a score in [0, 1], with a version that changes when the judgement would."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gatekeeper.errors import InputError
from gatekeeper.records import Item, Score
from gatekeeper.scorers.exact import Exact, ExactSpec
from gatekeeper.scorers.judge import Judge, JudgeSpec

__all__ = ["SCORERS", "Exact", "ExactSpec", "Judge", "JudgeSpec", "Scorer", "ScorerSpec", "build_scorer"]

SCORERS = ("exact", "judge")
"""The names of the kinds of scorer that an eval may use."""
_SHORT = ("exact",)
"""Kinds whose settings may all be left out."""


class Scorer(Protocol):
    """Judges one answer."""

    @property
    def name(self) -> str:
        """The scorer's name in the eval."""
        ...

    @property
    def version(self) -> str:
        """A text that differs whenever the same answer could score otherwise."""
        ...

    def score(self, item: Item, output: str | None, *, model: str = "") -> Score:
        """Judge `output`, the answer of `model` to `item`; None is a missing answer."""
        ...


class ScorerSpec(BaseModel):
    """One scorer: the single key names its kind, the value its settings. `exact` is short for `{exact: {}}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exact: ExactSpec | None = Field(default=None, description="the answer equals the target")
    judge: JudgeSpec | None = Field(
        default=None, description="a model says whether the answer is acceptable, and people's answers correct it"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, str) and value in _SHORT:
            return {value: {}}
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> ScorerSpec:
        given = [name for name in SCORERS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(SCORERS)}, and has {' and '.join(given) or 'none'}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        long_form = handler.resolve_ref_schema(handler(schema))
        long_form["oneOf"] = [{"required": [name]} for name in SCORERS]
        return {"anyOf": [{"enum": list(_SHORT), "type": "string"}, long_form]}


def build_scorer(name: str, spec: ScorerSpec) -> Scorer:
    """Return the scorer that the eval calls `name`.

    Raises:
        InputError: it is a judge, which cannot score by itself; build a `Judge` with its rubric's text.
    """
    if spec.exact is None:
        raise InputError(f"the scorer {name!r} is a judge, which has to be asked", hint="build a Judge with its rubric")
    return Exact(name, spec.exact)
