"""How a number of a usage file is written: plainly, which is an assumption, or with its origin and its range."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from gatekeeper.suite.spec_eval import FileModel, FilePath


def _number(value: object) -> object:
    # A float goes through its shortest text: 0.2 is meant as 0.2, not as its binary neighbour.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("should be a number")
    return Decimal(str(value))


def _day(value: object) -> object:
    # The YAML of this project has no dates of its own: a day is a text in ISO form.
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("should be a day, such as 2026-11-25") from None


_Decimal = Annotated[Decimal, BeforeValidator(_number, json_schema_input_type=float), Field(allow_inf_nan=False)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]


class Entry(FileModel):
    """A number with where it comes from, and the range that it lies in."""

    value: _Decimal = Field(description="the number")
    measured: str | None = Field(default=None, min_length=1, description="what measured it; absent: it is assumed")
    priced: str | None = Field(default=None, min_length=1, description="whose price list or contract it is from")
    as_of: Day | None = Field(default=None, description="day of the measurement or price")
    p10: _Decimal | None = Field(default=None, description="one chance in ten to be below")
    p90: _Decimal | None = Field(default=None, description="one chance in ten to be above")
    low: _Decimal | None = Field(default=None, description="the lowest that it can be")
    high: _Decimal | None = Field(default=None, description="the highest that it can be")

    @model_validator(mode="after")
    def _in_its_range(self) -> Entry:
        if self.measured and self.priced:
            raise ValueError("is both `measured` and `priced`")
        for low, high in (("p10", "p90"), ("low", "high")):
            ends = getattr(self, low), getattr(self, high)
            if (ends[0] is None) != (ends[1] is None):
                raise ValueError(f"`{low}` and `{high}` belong together")
            if ends[0] is not None and not ends[0] <= self.value <= ends[1]:
                raise ValueError(f"the value {self.value} lies outside of `{low}` {ends[0]} to `{high}` {ends[1]}")
        return self


def _form(value: object) -> str:
    return "<entry>" if isinstance(value, dict | Entry) else "<number>"


Amount = Annotated[Annotated[_Decimal, Tag("<number>")] | Annotated[Entry, Tag("<entry>")], Discriminator(_form)]
"""A number, or a mapping with `value`."""
Some = Amount | None
Lines = Annotated[tuple[FilePath, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


def entry_of(amount: Any) -> Entry:
    """Return an amount of the file as an `Entry`."""
    return amount if isinstance(amount, Entry) else Entry.model_construct(value=amount)
