"""All that a what-if rests on, as one flat list of named numbers and a list of options that refer to them.

The command line (``--set``), sweeps, tornado, explanations and the HTML calculator all work on the same names, and the
calculator holds the same worksheet as JSON. A number that belongs to one option is named ``<option>.<name>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from gatekeeper.cost.defaults import DEFAULTS
from gatekeeper.cost.prices import PriceTier
from gatekeeper.cost.tokens import RequestTokens
from gatekeeper.errors import InputError
from gatekeeper.records import Quantity, Record

Kind = Literal[
    "incumbent",
    "cheaper_api",
    "caching",
    "batch",
    "caching_and_batch",
    "shorter_prompt",
    "fine_tuned_tokens",
    "fine_tuned_hosted",
    "gpu",
    "gpu_quantised",
    "pruned",
    "cascade",
    "router",
    "cpu",
]

CODES: dict[Kind, str] = {
    "incumbent": "A0",
    "cheaper_api": "A1",
    "caching": "A2",
    "batch": "A3",
    "caching_and_batch": "A4",
    "shorter_prompt": "A5",
    "fine_tuned_tokens": "A6",
    "fine_tuned_hosted": "A7",
    "gpu": "A8",
    "gpu_quantised": "A9",
    "pruned": "A10",
    "cascade": "A11",
    "router": "A12",
    "cpu": "A13",
}
"""The table of alternatives. Source: cost design 4.5."""

TEACHER = "teacher"
"""Name of the incumbent option."""

SAME_ANSWERS: frozenset[Kind] = frozenset({"incumbent", "caching", "batch", "caching_and_batch"})
"""Ways that send the same model the same prompt, so that their quality is the teacher's."""

AT_THE_TEACHER: frozenset[Kind] = frozenset({"incumbent", "caching", "batch", "caching_and_batch", "shorter_prompt"})
"""Ways to use the same model for less: priced at the teacher's prices, without a student."""

ON_MACHINES: frozenset[Kind] = frozenset({"gpu", "gpu_quantised", "pruned", "cpu"})

WITH_TEACHER: frozenset[Kind] = frozenset({"cascade", "router"})

FINE_TUNED: frozenset[Kind] = frozenset({"fine_tuned_tokens", "fine_tuned_hosted"})

DISTILLED: frozenset[Kind] = FINE_TUNED | ON_MACHINES | WITH_TEACHER
"""Kinds that need a student: they bear the one-time cost, operations and audits."""

ALIASES = {
    "V": "requests_per_month",
    "g": "growth_per_month",
    "kappa": "peak_to_average",
    "T": "horizon_months",
    "r": "discount_per_year",
    "delta": "price_decay_per_year",
    "epsilon": "error_usd",
}
"""Short names of the formulas, for the command line."""


class Option(Record):
    """One way to answer the requests. Its numbers are the worksheet's inputs ``<name>.…``."""

    name: str
    kind: Kind
    model: str = ""
    """What it is called at its provider, or what runs on the machines."""
    of: str = ""
    """The option whose student a cascade or router puts in front of the teacher."""
    passes: bool | None = None
    """Whether it passes the quality gate of the task; None: nobody knows."""
    passes_source: str = ""
    retires: date | None = None
    tiers: tuple[PriceTier, ...] = ()
    """Prices above the plain ones for long inputs."""
    hourly_weights: tuple[Decimal, ...] = ()


class Worksheet(Record):
    """Inputs and options. Numbers are USD, tokens, shares in [0, 1], months or requests, as their unit says."""

    name: str
    as_of: date
    inputs: tuple[Quantity, ...]
    options: tuple[Option, ...]
    requests: tuple[RequestTokens, ...] = ()
    """Tokens of single requests. They matter where a price has tiers, and for drawing samples."""
    notes: tuple[str, ...] = ()

    def option(self, name: str) -> Option:
        """Return the option of that name, or raise InputError with the names there are."""
        for one in self.options:
            if one.name == name:
                return one
        raise InputError(f"no option is named {name!r}", hint=f"one of {', '.join(one.name for one in self.options)}")

    def quantity(self, key: str) -> Quantity | None:
        """Return the input of that name; None: it is not given."""
        return next((one for one in self.inputs if one.name == key), None)

    def with_values(self, values: Mapping[str, Decimal], *, source: str = "--set") -> Worksheet:
        """Return a copy in which some inputs have other values, which are then assumed.

        Raises:
            InputError: a name is no input of the worksheet.
        """
        wanted = {ALIASES.get(key, key): value for key, value in values.items()}
        known = {one.name for one in self.inputs}
        for key in wanted:
            if key not in known:
                raise InputError(f"no input is named {key!r}", hint=_nearest(key, known))
        changed = tuple(
            one.model_copy(update={"value": wanted[one.name], "origin": "assumed", "source": source, "as_of": None})
            if one.name in wanted
            else one
            for one in self.inputs
        )
        return self.model_copy(update={"inputs": changed})


class Values(Mapping[str, Decimal]):
    """The numbers of a worksheet by name; it remembers which ones were asked for."""

    def __init__(self, worksheet: Worksheet) -> None:
        self._values = {one.name: one.value for one in worksheet.inputs if one.value is not None}
        self.read: dict[str, None] = {}

    def __getitem__(self, key: str) -> Decimal:
        self.read[key] = None
        try:
            return self._values[key]
        except KeyError:
            raise InputError(f"{key} is not given", hint=f"give it, for example with --set {key}=...") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def optional(self, key: str) -> Decimal | None:
        """Return the number, or None where it is not given."""
        return self[key] if key in self._values else None

    def either(self, key: str, other: str) -> Decimal:
        """Return an option's own number, or the one that holds for all."""
        return self[key] if key in self._values else self[other]

    def default(self, key: str, value: Decimal | None = None) -> Decimal:
        """Return the number, or `value`; without a `value` the default of that name in `cost.defaults`, else 0."""
        if key in self._values:
            return self[key]
        if value is not None:
            return value
        name = key.rpartition(".")[2]
        return DEFAULTS[name].value if name in DEFAULTS else Decimal(0)


def _nearest(key: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(key, sorted(known), n=3, cutoff=0.4)
    return f"nearest: {', '.join(close)}" if close else f"one of {', '.join(sorted(known))}"
