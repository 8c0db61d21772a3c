"""Exact match: the answer is the target, after the normalisations that the eval names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gatekeeper.records import Item, Score

Normalization = Literal["strip", "casefold", "first_line"]

_REVISION = 1
"""Raised by hand whenever the same answer would score otherwise; it is part of every score's version."""


class ExactSpec(BaseModel):
    """Settings of the scorer `exact`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    normalize: tuple[Normalization, ...] = Field(
        default=("strip", "casefold"),
        description="applied to answer and target alike, in this order: strip (outer white space), casefold (case), "
        "first_line (the first line that is not blank)",
    )


class Exact:
    """1 when the normalised answer equals the normalised target, else 0.

    No answer scores 0: a model that fails to answer has not answered correctly. An item without a target cannot be
    scored and gets None.
    """

    def __init__(self, name: str, spec: ExactSpec | None = None) -> None:
        self.name = name
        self.spec = spec or ExactSpec()
        self.version = f"exact/{_REVISION}:{','.join(self.spec.normalize)}"

    def normalize(self, text: str) -> str:
        """Return `text` as it is compared."""
        for step in self.spec.normalize:
            text = _STEPS[step](text)
        return text

    def score(self, item: Item, output: str | None, *, model: str = "") -> Score:
        """Judge one answer to `item`.

        Args:
            item: the question, with its target.
            output: the answer, None where the model gave none.
            model: fingerprint of the model that answered; it only labels the score.
        """
        value, reason = self._judge(item.target, output)
        return Score(item_id=item.id, model=model, scorer=self.name, version=self.version, value=value, reason=reason)

    def _judge(self, target: str | None, output: str | None) -> tuple[float | None, str | None]:
        if target is None:
            return None, "the item has no target"
        if output is None:
            return 0.0, "no answer"
        if self.normalize(output) == self.normalize(target):
            return 1.0, None
        return 0.0, "the answer is not the target"


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


_STEPS: dict[str, Callable[[str], str]] = {"strip": str.strip, "casefold": str.casefold, "first_line": _first_line}
