"""What looks wrong about the speed of machines: its age, the tokens that it was measured with, or that nobody did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gatekeeper.cost.findings import Finding
from gatekeeper.errors import InputError
from gatekeeper.whatif.prices import mean_tokens
from gatekeeper.whatif.sheet import Sheet
from gatekeeper.whatif.worksheet import ON_MACHINES, Values

MOST_DAYS = 90
MOST_SHAPE_PERCENT = 20.0
"""Mean tokens that differ by more make a capacity another one; no source."""


def lint_benches(sheet: Sheet) -> Iterator[Finding]:
    """Yield what looks wrong about the capacities of a sheet."""
    worksheet = sheet.worksheet
    for option in worksheet.options:
        if option.kind not in ON_MACHINES:
            continue
        found = worksheet.quantity(f"{option.name}.capacity_rps")
        if found is None or found.value is None:
            continue
        if found.origin != "measured":
            yield Finding(
                severity="warning",
                place=f"{found.name} ({found.source})",
                message=f"{found.value} requests/s is assumed, so its gate stays open",
                fix="measure it; `gatekeeper cost bench` reads GuideLLM, vLLM and AIPerf",
            )
        elif found.as_of is None:
            yield Finding(
                severity="warning",
                place=f"{found.name} ({found.source})",
                message="nobody says when it was measured",
                fix="give `as_of`",
            )
        elif (days := (worksheet.as_of - date.fromisoformat(found.as_of)).days) > MOST_DAYS:
            yield Finding(
                severity="warning",
                place=f"{found.name} ({found.source})",
                message=f"was measured on {found.as_of}, {days} days before {worksheet.as_of} (limit {MOST_DAYS})",
                fix="measure it again",
            )
    yield from _shapes(sheet)


def _shapes(sheet: Sheet) -> Iterator[Finding]:
    for name, bench in sheet.benches.items():
        from gatekeeper.imports.capacity import shape_difference

        tokens = mean_tokens(sheet.worksheet.option(name), Values(sheet.worksheet))
        try:
            shape = shape_difference(bench, tokens.input_tokens, tokens.output_tokens)
        except InputError:
            continue  # a worksheet without tokens has no shape to differ from
        for what, percent in (("input", shape.input_percent), ("output", shape.output_percent)):
            if percent is not None and abs(percent) > MOST_SHAPE_PERCENT:
                yield Finding(
                    severity="warning",
                    place=f"{name}: {', '.join(bench.files)}",
                    message=f"was measured with {percent:+.0f} % {what} tokens against the worksheet's",
                    fix="run the benchmark with the lengths of your requests",
                )
