"""A worksheet with what stands beside it: ranges of its inputs, benchmarks, prices and scores that it was made from.

The table needs the worksheet alone. Monte Carlo draws from the ranges and measurements, the lint checks benchmarks and
prices against the worksheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from gatekeeper.errors import InputError
from gatekeeper.records import Quantity
from gatekeeper.whatif.names import LARGEST, meaning_of, wrong
from gatekeeper.whatif.worksheet import ALIASES, WITH_TEACHER, Worksheet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gatekeeper.cost.prices.entry import ModelPrices, PriceEntry
    from gatekeeper.imports.bench import Bench


class Range(NamedTuple):
    """Where an input lies: P10 and P90 of the volume, lowest and highest of all else."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores in [0, 1] of the same rows by both models, each of shape (n,)."""

    teacher: NDArray[np.float64]
    student: NDArray[np.float64]
    clusters: NDArray[np.str_] | None
    """The cluster of each row; None: each row is its own."""


@dataclass(frozen=True)
class Sheet:
    """A worksheet and its evidence. Mappings are by input name or by option."""

    worksheet: Worksheet
    place: str
    """The file or run that it comes from."""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    benches: Mapping[str, Bench] = field(default_factory=dict)
    replicates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Requests per second of each run at the load that an option's capacity was taken from."""
    prices: Mapping[str, ModelPrices] = field(default_factory=dict)
    """What was looked up, by option."""
    own_prices: Mapping[str, PriceEntry] = field(default_factory=dict)
    scores: Mapping[str, Scored] = field(default_factory=dict)
    """Scores of a run by option."""

    def with_values(self, values: Mapping[str, Decimal], *, source: str = "--set") -> Sheet:
        """Return a copy in which inputs have other values (`set_values`); the ranges of these are dropped.

        Raises:
            InputError: no input has such a name, or the value is none that it can have.
        """
        keys = {resolve(self.worksheet, key) for key in values}
        for key, value in values.items():
            problem = wrong(resolve(self.worksheet, key), value)
            if problem is not None:
                raise InputError(f"{key} is {value}: {problem[0]}", hint=problem[1])
        ranges = {key: one for key, one in self.ranges.items() if key not in keys}
        return replace(self, worksheet=set_values(self.worksheet, values, source=source), ranges=ranges)


def resolve(worksheet: Worksheet, key: str) -> str:
    """Return the full name of an input that may be given by a short one; ``e`` is the share of the only cascade."""
    shares = [one.name for one in worksheet.options if one.kind in WITH_TEACHER]
    if key == "e" and len(shares) == 1:
        return f"{shares[0]}.teacher_share"
    return ALIASES.get(key, key)


def set_values(worksheet: Worksheet, values: Mapping[str, Decimal], *, source: str = "--set") -> Worksheet:
    """Return a copy in which inputs have other values. One that the worksheet lacks is added where its name is known.

    Raises:
        InputError: no input has such a name; the nearest ones are named.
    """
    have = {one.name for one in worksheet.inputs}
    wanted = {resolve(worksheet, key): value for key, value in values.items()}
    added = [_new(worksheet, key, value, source) for key, value in wanted.items() if key not in have]
    known = [one for one in added if one is not None]
    grown = worksheet.model_copy(update={"inputs": (*worksheet.inputs, *known)})
    return grown.with_values(wanted, source=source)


def _new(worksheet: Worksheet, key: str, value: Decimal, source: str) -> Quantity | None:
    meaning = meaning_of(key)
    option = key.rpartition(".")[0]
    if meaning is None or (option not in ("", "gate") and option not in {one.name for one in worksheet.options}):
        return None
    return Quantity(name=key, value=value, unit=meaning.unit, origin="assumed", source=source)


def number_of(text: str, *, what: str) -> Decimal:
    """Return a number as people write it: ``2e6``, ``1_000_000``, ``20%``.

    Raises:
        InputError: it is none, or not finite.
    """
    plain = text.strip().replace("_", "")
    percent = plain.endswith("%")
    try:
        number = Decimal(plain.removesuffix("%"))
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InputError(f"{what}: {text!r} is not a number", hint="such as 2e6, 1_000_000, 0.2 or 20%")
    if abs(number) > LARGEST:
        raise InputError(f"{what}: {text!r} is too large", hint=f"at most {LARGEST:g}")
    return number / 100 if percent else number
