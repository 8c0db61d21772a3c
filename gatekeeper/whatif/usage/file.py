"""A usage file to a worksheet: every number an input with its line, prices looked up, logs and benchmarks read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from gatekeeper.errors import DataError, Problem
from gatekeeper.records import Quantity
from gatekeeper.suite.yaml_lines import Document, KeyPath
from gatekeeper.whatif.defaults import with_defaults
from gatekeeper.whatif.names import meaning_of, wrong
from gatekeeper.whatif.sheet import Range, Sheet
from gatekeeper.whatif.usage.amounts import Entry, entry_of
from gatekeeper.whatif.usage.imports import day_in, sample_of, speed_of, trace_inputs
from gatekeeper.whatif.usage.options import automatic_options
from gatekeeper.whatif.usage.prices import looked_up, price_inputs, tiers_of
from gatekeeper.whatif.usage.problems import at, refused, spec_of
from gatekeeper.whatif.usage.spec import ApiSpec, OptionSpec, UsageSpec
from gatekeeper.whatif.worksheet import ON_MACHINES, TEACHER, Option, Worksheet

if TYPE_CHECKING:
    from gatekeeper.cost.prices.entry import ModelPrices, PriceEntry
    from gatekeeper.cost.tokens import RequestTokens
    from gatekeeper.imports.bench import Bench

_RENAMED = {
    "tokens": {
        "input": "input_tokens",
        "output": "output_tokens",
        "cached": "cached_input_tokens",
        "cache_write": "cache_write_tokens",
    },
    "operations": {"hours_per_month": "operations_hours_per_month", "usd_per_month": "operations_usd_per_month"},
}
_RANGES = {
    "requests_per_month": ("p10", "p90"),
    "price_decay_per_year": ("low", "high"),
    "engineering_hours": ("low", "high"),
    "deployment_hours": ("low", "high"),
    "operations_hours_per_month": ("low", "high"),
    "operations_usd_per_month": ("low", "high"),
}
"""Inputs whose range can be drawn from, and how it is written."""
_PRICED_KINDS = ("incumbent", "cheaper_api", "fine_tuned_tokens", "fine_tuned_hosted")


def read_usage(path: Path, *, today: date) -> Sheet:
    """Return the worksheet of a usage file, with defaults and the options that follow from its prices.

    Args:
        path: the YAML file; files that it names are relative to it.
        today: the day that prices are wanted for where the file gives no `as_of`.

    Raises:
        InputError: with all problems of the file, each with line, key, value and fix.
        DataError: a log or benchmark cannot be read.
        PriceError: a model has no price, or one that is too old.
    """
    document, spec = spec_of(Path(path))
    reader = _Reader(document, spec, spec.as_of or today)
    reader.read()
    reader.raise_problems()
    worksheet = Worksheet(
        name=spec.name,
        as_of=reader.day,
        inputs=tuple(reader.inputs.values()),
        options=tuple(reader.options),
        requests=reader.requests,
        notes=tuple(reader.notes),
    )
    return Sheet(
        worksheet=with_defaults(worksheet),
        place=str(path),
        ranges=reader.ranges,
        benches=reader.benches,
        replicates=reader.replicates,
        prices=reader.prices,
        own_prices=reader.own,
    )


class _Reader:
    """Collects inputs, options and evidence; problems of single numbers are told all at once."""

    def __init__(self, document: Document, spec: UsageSpec, day: date) -> None:
        self.document, self.spec, self.day = document, spec, day
        self.inputs: dict[str, Quantity] = {}
        self.options: list[Option] = []
        self.ranges: dict[str, Range] = {}
        self.benches: dict[str, Bench] = {}
        self.replicates: dict[str, tuple[float, ...]] = {}
        self.prices: dict[str, ModelPrices] = {}
        self.own: Mapping[str, PriceEntry] = {}
        self.requests: tuple[RequestTokens, ...] = ()
        self.notes: list[str] = []
        self.weights: tuple[Decimal, ...] = ()
        self._problems: list[Problem] = []

    def read(self) -> None:
        """Read the whole file; what it says itself goes before what a log says."""
        spec = self.spec
        self._section(spec, "")
        self._section(spec.tokens, "tokens")
        if spec.tokens.trace is not None:
            self._trace(spec.tokens.trace)
        if spec.prices is not None:
            self.own = self._own_prices(spec.prices)
        self._api(spec.teacher, TEACHER, "incumbent", ("teacher",))
        for index, option in enumerate(spec.options):
            self._option(option, index)
        for name in ("one_time", "operations", "finance"):
            self._section(getattr(spec, name), name)
        self._section(spec.gates, "gates", prefix="gate.")
        added = automatic_options(spec, self.options, self.inputs, self._source)
        self.options += added.options
        self.inputs |= {one.name: one for one in added.inputs}
        self.notes += added.notes

    def raise_problems(self) -> None:
        """Raise InputError where a number is wrong."""
        if self._problems:
            raise refused(self.document.file, self._problems)

    def _section(self, section: BaseModel, name: str, *, prefix: str = "") -> None:
        renamed = _RENAMED.get(name, {})
        for field in type(section).model_fields:
            amount = getattr(section, field)
            key = prefix + renamed.get(field, field)
            if isinstance(amount, Decimal | Entry) and meaning_of(key) is not None:
                self._add(key, amount, (name, field) if name else (field,))

    def _add(self, key: str, amount: Decimal | Entry, path: KeyPath) -> None:
        meaning, entry = meaning_of(key), entry_of(amount)
        assert meaning is not None  # `_section` and `_fields` ask for known names only
        problem = wrong(key, entry.value)
        if problem is not None:
            self._problems.append(self.document.problem(path, problem[0], value=str(entry.value), hint=problem[1]))
        origin = "measured" if entry.measured else "priced" if entry.priced else "assumed"
        said = entry.measured or entry.priced
        day = entry.as_of or (day_in(said) if said else None)
        source = f"{said} ({self._source(path)})" if said else self._source(path)
        self.inputs[key] = Quantity.model_validate(
            {
                "name": key,
                "value": entry.value,
                "unit": meaning.unit,
                "origin": origin,
                "source": source,
                "as_of": None if day is None else day.isoformat(),
            }
        )
        self._range(key, entry, path)

    def _range(self, key: str, entry: Entry, path: KeyPath) -> None:
        given = {name for name in ("p10", "p90", "low", "high") if getattr(entry, name) is not None}
        if not given:
            return
        wanted = _RANGES.get(key)
        if wanted is None or given != set(wanted):
            how = f"write `{wanted[0]}` and `{wanted[1]}`" if wanted else f"ranges are read of {', '.join(_RANGES)}"
            self._problems.append(self.document.problem(path, "has a range that nothing reads", hint=how))
            return
        self.ranges[key] = Range(getattr(entry, wanted[0]), getattr(entry, wanted[1]))

    def _source(self, path: KeyPath) -> str:
        line = self.document.line(path)
        return f"{self.document.file.name} line {line}" if line else self.document.file.name

    def _file(self, name: str) -> Path:
        return self.document.file.parent / name

    def _trace(self, name: str) -> None:
        from gatekeeper.imports.read_trace import read_trace

        with at(self.document, ("tokens", "trace")):
            trace = read_trace(self._file(name), model=self.spec.tokens.model)
        if trace.n_requests == 0:
            problem = self.document.problem(("tokens", "trace"), "the log has no request with token counts")
            self._problems.append(problem)
            return
        for one in trace_inputs(trace):
            self.inputs.setdefault(one.name, one)
        self.requests, self.weights = sample_of(trace), trace.hourly_weights
        if self.inputs.get("requests_per_month") is None:
            because = trace.no_volume_because or "it has no times"
            hint = "give `requests_per_month` here"
            message = f"tells no volume: {because}"
            self._problems.append(self.document.problem(("tokens", "trace"), message, hint=hint))

    def _own_prices(self, name: str) -> Mapping[str, PriceEntry]:
        from gatekeeper.cost.prices.file import parse_price_entries

        path = self._file(name)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            line = self.document.line(("prices",))
            raise DataError(f"{self.document.file}:{line}: prices: {path} cannot be read: {error.strerror}") from error
        return parse_price_entries(text, file=str(path))

    def _fields(self, spec: ApiSpec, seller: str, path: KeyPath) -> None:
        for field in type(spec).model_fields:
            amount = getattr(spec, field)
            if isinstance(amount, Decimal | Entry):
                self._add(f"{seller}.{field}", amount, (*path, field))

    def _api(self, spec: ApiSpec, name: str, kind: str, path: KeyPath) -> None:
        """Add the teacher or an option; its prices are looked up where it names a model and gives none."""
        prices = None
        if kind in _PRICED_KINDS and spec.input_per_m is None and spec.model:
            with at(self.document, (*path, "model")):
                prices = looked_up(spec.model, at=self.day, own=self.own)
            self.prices[name] = prices
            found = price_inputs(name, prices, hosted=kind == "fine_tuned_hosted")
            self.inputs |= {one.name: one for one in found}
        self._fields(spec, name, path)
        own = spec if isinstance(spec, OptionSpec) else None
        passes: dict[str, Any] = {"passes": True} if own is None else _passes(own, self._source((*path, "passes")))
        self.options.append(
            Option(
                name=name,
                kind=kind,  # type: ignore[arg-type]  # the file's kinds are those of options
                model=spec.model,
                of=own.of if own else "",
                retires=spec.retires or (prices.retires if prices else None),
                tiers=tiers_of(prices) if prices else (),
                hourly_weights=self.weights if kind in ON_MACHINES and self.spec.peak_to_average is None else (),
                **passes,
            )
        )

    def _option(self, spec: OptionSpec, index: int) -> None:
        path: KeyPath = ("options", index)
        self._api(spec, spec.name, spec.kind, path)
        for field, name in _RENAMED["tokens"].items():
            amount = getattr(spec.tokens, field)
            if amount is not None:
                self._add(f"{spec.name}.{name}", amount, (*path, "tokens", field))
        if spec.scale_to_zero is not None:
            self._add(f"{spec.name}.scale_to_zero", Decimal(spec.scale_to_zero), (*path, "scale_to_zero"))
        if spec.bench is not None:
            with at(self.document, (*path, "bench")):
                speed = speed_of(
                    spec.name,
                    [self._file(one) for one in spec.bench],
                    ttft_p99_ms=spec.ttft_p99_ms,
                    e2e_p95_ms=spec.e2e_p95_ms,
                )
            self.inputs[speed.quantity.name] = speed.quantity
            self.benches[spec.name] = speed.bench
            self.replicates[spec.name] = speed.replicates


def _passes(spec: OptionSpec, line: str) -> dict[str, Any]:
    if spec.passes is None:
        return {"passes": None}
    return {"passes": spec.passes, "passes_source": spec.passes_source or f"assumed: {line}"}
