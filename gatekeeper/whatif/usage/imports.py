"""What logs and benchmarks that a usage file names say about its worksheet: measured inputs, each with its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gatekeeper.records import Quantity
from gatekeeper.whatif.names import GENERAL, OF_OPTION
from gatekeeper.whatif.worksheet import TEACHER

if TYPE_CHECKING:
    from gatekeeper.cost.tokens import RequestTokens
    from gatekeeper.imports.bench import Bench
    from gatekeeper.imports.trace import Trace
    from gatekeeper.records import Estimate

MOST_REQUESTS = 1_000
"""Single requests that a worksheet holds: evenly spaced ones of a longer log. The means are those of the whole log."""


class Speed(NamedTuple):
    """The capacity of one replica by a benchmark."""

    quantity: Quantity
    bench: Bench
    replicates: tuple[float, ...]
    """Requests per second of the runs at that load; one run has none, since it tells nothing about its spread."""


def trace_inputs(trace: Trace) -> Iterator[Quantity]:
    """Yield what a log says about traffic and tokens."""
    day = None if trace.last is None else trace.last.date().isoformat()
    found = {
        "requests_per_month": trace.requests_per_month,
        "peak_to_average": trace.peak_to_average,
        "input_tokens": trace.mean_input_tokens,
        "output_tokens": trace.mean_output_tokens,
        "cached_input_tokens": trace.mean_cached_input_tokens,
        "cache_write_tokens": trace.mean_cache_write_tokens,
        f"{TEACHER}.retry_rate": trace.retry_rate,
    }
    for key, value in found.items():
        if value is not None:
            unit = GENERAL[key].unit if key in GENERAL else OF_OPTION[key.rpartition(".")[2]].unit
            source = f"{trace.file}: {trace.n_requests:,} requests"
            yield Quantity(name=key, value=value, unit=unit, origin="measured", source=source, as_of=day)


def sample_of(trace: Trace) -> tuple[RequestTokens, ...]:
    """Return the tokens of single requests of a log, evenly spaced ones where it has many."""
    n = len(trace.requests)
    if n <= MOST_REQUESTS:
        return tuple(trace.requests)
    return tuple(trace.requests[index * n // MOST_REQUESTS] for index in range(MOST_REQUESTS))


def speed_of(option: str, files: Sequence[Path], *, ttft_p99_ms: float | None, e2e_p95_ms: float | None) -> Speed:
    """Return the capacity of an option's replica by the results of a benchmark.

    Raises:
        DataError, InputError: the files cannot be read, or no load keeps the limits.
    """
    from gatekeeper.imports.capacity import capacity_at
    from gatekeeper.imports.read_bench import read_bench

    bench = read_bench(*files)
    found = capacity_at(bench, ttft_p99_ms=ttft_p99_ms, e2e_p95_ms=e2e_p95_ms)
    quantity = Quantity(
        name=f"{option}.capacity_rps",
        value=None if found.value is None else Decimal(repr(found.value)),
        unit=OF_OPTION["capacity_rps"].unit,
        origin="measured",
        source=f"{', '.join(bench.files)}: {found.method}",
        as_of=None if bench.measured_at is None else bench.measured_at.isoformat(),
    )
    return Speed(quantity, bench, _replicates(bench, found))


def _replicates(bench: Bench, found: Estimate) -> tuple[float, ...]:
    """Return the runs of the load that the estimate was taken from: the ones whose geometric mean it is."""
    loads: dict[str, list[float]] = {}
    for run in bench.runs:
        loads.setdefault(run.setting(), []).append(run.requests_per_second)
    for setting, speeds in loads.items():
        if len(speeds) == found.n_scored > 1 and f"{bench.tool}, {setting};" in found.method:
            return tuple(speeds)
    return ()


def day_in(text: str) -> date | None:
    """Return the first day in ISO form that a text names."""
    import re

    match = re.search(r"\b\d{4}-\d{2}-\d{2}\b", text)
    try:
        return None if match is None else date.fromisoformat(match[0])
    except ValueError:
        return None
