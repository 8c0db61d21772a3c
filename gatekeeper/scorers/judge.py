"""A model as the scorer: it is asked whether an answer is acceptable, and says yes or no.

A judge is biased, and nobody knows how much before people have looked at the same answers. So it always names another
scorer of the eval, which rests on people's answers and scores some of the rows as well; see `gatekeeper.stats.judged`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from gatekeeper.hashing import content_hash
from gatekeeper.records import Completion

NOT_A_VERDICT = "not_a_verdict"
"""Why an answer scores 0 although the judge has answered: neither yes nor no."""

RUBRIC_NAMES = ("input", "output", "labels")
"""What a rubric may name: the item's text, the answer that is judged, the list of labels."""

_REVISION = 1
"""Raised by hand whenever the same words of a judge would score otherwise; it is part of every score's version."""
_VERDICTS = {"yes": 1.0, "no": 0.0}
_FIRST_WORD = re.compile(r"\w+")


class RubricFile(BaseModel):
    """A rubric that stands in a file of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1, description="path of a UTF-8 text file")


def _text_or_file(value: object) -> str:
    return "<file>" if isinstance(value, dict | RubricFile) else "<inline>"


Rubric = Annotated[Annotated[str, Tag("<inline>")] | Annotated[RubricFile, Tag("<file>")], Discriminator(_text_or_file)]


class JudgeSpec(BaseModel):
    """Settings of the scorer `judge`; the model is named in the suite."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rubric: Rubric = Field(
        description="what the judge is asked: a template over `input`, `output` and `labels`, or {file: path}; the "
        "first word of its answer must be yes or no"
    )
    people: str = Field(
        min_length=1, description="another scorer of the eval; with the rows that have a `target` it corrects the judge"
    )


@dataclass(frozen=True)
class Judge:
    """A judge with its rubric.

    Attributes:
        name: the scorer's name in the eval.
        rubric: the template's text.
        people: the scorer that corrects it.
        model: fingerprint of the model that is asked; empty until it is known.
    """

    name: str
    rubric: str
    people: str
    model: str = ""

    @property
    def version(self) -> str:
        """A text that differs whenever the same answer could score otherwise, or is corrected otherwise."""
        return f"judge/{_REVISION}:{content_hash([self.rubric, self.people, self.model])}"

    def by(self, model: str) -> Judge:
        """Return this judge with the fingerprint of the model that is asked."""
        return replace(self, model=model)

    def value(self, output: str | None, verdict: Completion | None) -> tuple[float | None, str | None]:
        """Return the score of an answer, and why it is not 1.

        Args:
            output: the answer that was judged. None is a missing one: it scores 0, and no judge is asked.
            verdict: what the judge said; None where it was not asked.

        Returns:
            A judge that says neither yes nor no has not accepted: 0, with the reason `NOT_A_VERDICT`. That depends on
            input and answer alone, so people's scores correct it like any other mistake of the judge. A judge that
            could not be asked has no score, since which rows those are may depend on anything.
        """
        if output is None:
            return 0.0, "no answer"
        if verdict is None or verdict.output is None or verdict.error_class is not None:
            return None, f"the judge: {'no answer' if verdict is None else verdict.error_class or 'no answer'}"
        said = verdict_of(verdict.output)
        if said is None:
            return 0.0, NOT_A_VERDICT
        return said, None if said else "the judge says no"


def verdict_of(text: str) -> float | None:
    """Return 1 for yes and 0 for no, by the first word of a judge's answer; None for any other."""
    word = _FIRST_WORD.search(text)
    return None if word is None else _VERDICTS.get(word[0].casefold())
