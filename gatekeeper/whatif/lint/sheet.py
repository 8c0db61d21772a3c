"""What looks wrong about a worksheet: units, prices, models that retire too early, benchmarks that do not fit.

The checks are those of the cost design, section 9. A finding never changes a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from gatekeeper.cost.findings import Finding
from gatekeeper.cost.prices.lint import BATCH_RATIOS
from gatekeeper.errors import GatekeeperError
from gatekeeper.whatif.lint.benches import lint_benches
from gatekeeper.whatif.lint.models import lint_models
from gatekeeper.whatif.prices import mean_tokens
from gatekeeper.whatif.sheet import Sheet
from gatekeeper.whatif.table import Row, Table, table_of
from gatekeeper.whatif.worksheet import ON_MACHINES, TEACHER, WITH_TEACHER, Option, Values, Worksheet

LEAST_CACHED = Decimal(1024)
"""Input tokens below which OpenAI and Anthropic (most models) cache nothing."""
MOST_PER_M, LEAST_PER_M = Decimal(1000), Decimal("0.005")
"""Beyond these no model's price lies: the price lists reach from $0.01 to $600 per million tokens (November 2026)."""
MOST_PER_REQUEST = Decimal(5)
DAYS_PER_MONTH = Decimal("30.4")


def lint(sheet: Sheet) -> tuple[Finding, ...]:
    """Return what looks wrong about a worksheet, errors first."""
    worksheet = sheet.worksheet
    found = [*_own_prices(worksheet), *_tokens(worksheet), *_qualities(worksheet)]
    try:
        table = table_of(worksheet)
    except GatekeeperError as error:
        fix = error.hint or "give what is missing"
        found.append(Finding(severity="error", place=sheet.place, message=error.message, fix=fix))
    else:
        found += [*_sanity(worksheet, table), *_retirements(worksheet, table), *lint_models(sheet)]
    found += lint_benches(sheet)
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.severity != "error"))


def _own_prices(worksheet: Worksheet) -> Iterator[Finding]:
    """Check prices that were typed in without a model; the others are compared with the price lists."""
    for option in worksheet.options:
        yield from _pairs(worksheet, option.name)
        for name in ("input_per_m", "output_per_m"):
            one = worksheet.quantity(f"{option.name}.{name}")
            if one is None or not one.value or LEAST_PER_M <= one.value <= MOST_PER_M:
                continue
            other = "thousand tokens" if one.value < LEAST_PER_M else "billion tokens"
            yield Finding(
                severity="error",
                place=f"{one.name} ({one.source})",
                message=f"{one.value} USD per million tokens is a price that nobody has; it looks like USD per {other}",
                fix="write USD per million tokens",
            )


def _pairs(worksheet: Worksheet, seller: str) -> Iterator[Finding]:
    """Check prices of an option against each other; those of the lists are checked by `lint_prices`."""
    values = Values(worksheet)
    named = worksheet.quantity(f"{seller}.input_per_m")
    if named is None or named.origin == "priced":
        return
    standard = [values.optional(f"{seller}.{name}_per_m") for name in ("input", "output")]
    batch = [values.optional(f"{seller}.batch_{name}_per_m") for name in ("input", "output")]
    for way, (bought, made) in (("standard", standard), ("batch", batch)):
        if bought is not None and made is not None and made < bought:
            yield Finding(
                severity="warning",
                place=f"{seller}: {way} price ({named.source})",
                message=f"output costs ${made} and input ${bought} per million tokens; output is hardly ever cheaper",
                fix="look the price up at the provider; the two may be exchanged",
            )
    for name, full, cheap in zip(("input", "output"), standard, batch, strict=True):
        if full and cheap is not None and round(cheap / full, 2) not in BATCH_RATIOS:
            known = ", ".join(str(one) for one in BATCH_RATIOS)
            yield Finding(
                severity="warning",
                place=f"{seller}: batch price ({named.source})",
                message=f"batch {name} is {cheap / full:.3f} of the standard price, none of {known}",
                fix="look both up at the provider",
            )


def _tokens(worksheet: Worksheet) -> Iterator[Finding]:
    for option in worksheet.options:
        cached = worksheet.quantity(f"{option.name}.cached_input_tokens")
        short = cached is not None and cached.value is not None and 0 < cached.value < LEAST_CACHED
        if option.kind in ("caching", "caching_and_batch") and cached is not None and short:
            yield Finding(
                severity="warning",
                place=cached.name,
                message=f"{cached.value} tokens repeat, and most providers cache nothing below {LEAST_CACHED}",
                fix="ask the provider for its least length, or drop caching",
            )
        if option.kind in ON_MACHINES | WITH_TEACHER:
            continue
        tokens = mean_tokens(option, Values(worksheet))
        parts = tokens.cached_input_tokens + tokens.cache_write_tokens
        if parts > tokens.input_tokens:
            yield Finding(
                severity="error",
                place=f"{option.name}: tokens",
                message=f"{parts} tokens are cached or written to a cache, of {tokens.input_tokens} input tokens",
                fix="cached tokens are a part of the input tokens",
            )


def _qualities(worksheet: Worksheet) -> Iterator[Finding]:
    error = worksheet.quantity("error_usd")
    if error is None or not error.value:
        return
    for option in worksheet.options:
        if worksheet.quantity(f"{option.name}.quality") is None and option.kind not in (
            "caching",
            "batch",
            "caching_and_batch",
        ):
            yield Finding(
                severity="warning",
                place=f"{option.name}.quality",
                message=f"a bad answer costs ${error.value}, and the share of good ones is not known",
                fix="measure the quality, or set error_usd to 0",
            )


def _sanity(worksheet: Worksheet, table: Table) -> Iterator[Finding]:
    """Check what a request costs and whether one-time cost and volume are of a plausible size."""
    for row in table.rows:
        if row.usd_per_request is None or row.kind in ON_MACHINES:
            continue
        if row.usd_per_request > MOST_PER_REQUEST:
            yield Finding(
                severity="warning",
                place=f"{row.name}.usd_per_request",
                message=f"a request costs ${row.usd_per_request:.2f}; tokens or prices may be of another unit",
                fix="tokens are per request, prices per million tokens",
            )
    volume = table.requests_per_month
    teacher = table.row(TEACHER)
    if teacher.bill is not None and teacher.bill.usd < 1:
        yield Finding(
            severity="warning",
            place="requests_per_month",
            message=f"{volume:,.0f} requests cost ${teacher.bill.usd:.4f} a month",
            fix="requests_per_month counts a whole month of 730 hours, and prices are per million tokens",
        )


def _retirements(worksheet: Worksheet, table: Table) -> Iterator[Finding]:
    """A model must live until the option that uses it has paid back; so must the teacher, whose bill is saved."""
    for option in worksheet.options:
        if option.retires is not None and option.retires <= worksheet.as_of:
            yield _retired(option, f"it stopped on {option.retires}")
    for row in table.rows:
        until = needed_until(worksheet, row)
        if until is None:
            continue
        for name in dict.fromkeys((row.name, worksheet.option(row.name).of or row.name, TEACHER)):
            used = worksheet.option(name)
            if used.retires is not None and worksheet.as_of < used.retires < until:
                yield _retired(used, f"it stops on {used.retires}, before the payback of {row.name} on {until}")


def _retired(option: Option, message: str) -> Finding:
    place = f"{option.name}: {option.model or option.kind}"
    return Finding(severity="error", place=place, message=message, fix="plan with a model that lives longer")


def needed_until(worksheet: Worksheet, row: Row) -> date | None:
    """Return the day of the payback of a row; None: it is none, or has no end."""
    outlook = row.outlook
    months = None if outlook is None else outlook.forward.payback_months
    if months is None or months > 600:
        return None
    return worksheet.as_of + timedelta(days=int(months * DAYS_PER_MONTH))
