"""Scorers: (item, answer) -> a score in [0, 1], with a version that changes when the judgement would."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gatekeeper.records import Item, Score
from gatekeeper.scorers.exact import Exact, ExactSpec

__all__ = ["SCORERS", "Exact", "ExactSpec", "Scorer", "ScorerSpec", "build_scorer"]

SCORERS = ("exact",)
"""The names of the kinds of scorer that an eval may use."""


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

    exact: ExactSpec = Field(description="the answer equals the target")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, str) and value in SCORERS:
            return {value: {}}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        long_form = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [{"enum": list(SCORERS), "type": "string"}, long_form]}


def build_scorer(name: str, spec: ScorerSpec) -> Scorer:
    """Return the scorer that the eval calls `name`."""
    return Exact(name, spec.exact)
