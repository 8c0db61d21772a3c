"""Inputs that a worksheet has whether or not anybody gave them: each is listed as assumed, with its reason.

A number that nobody sees cannot be doubted, so nothing is assumed silently: the defaults of `cost.defaults` and the
zeros of what is left out become inputs like all others.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.defaults import DEFAULTS
from gatekeeper.records import Quantity
from gatekeeper.whatif.worksheet import DISTILLED, ON_MACHINES, WITH_TEACHER, Option, Worksheet

ALWAYS = ("horizon_months", "discount_per_year")
FOR_MACHINES = ("target_utilisation", "min_replicas", "redundancy", "overhead")

ZEROS: tuple[tuple[str, str], ...] = (
    ("growth_per_month", "share/month"),
    ("price_decay_per_year", "share/year"),
    ("error_usd", "USD/bad answer"),
)
STUDENT_ZEROS: tuple[tuple[str, str], ...] = (
    ("audit_share", "share"),
    ("judge_usd", "USD/request"),
    ("retrain_usd", "USD"),
    ("spent_usd", "USD"),
    ("integration_usd", "USD"),
)

GATES: tuple[tuple[str, str, str, str], ...] = (
    ("gate.reduction", "2", "times", "least monthly cost of the baseline over the candidate's"),
    ("gate.payback_months", "6", "months", "most months until the cost that is still ahead is earned back"),
    ("gate.volume_safety", "1.5", "times", "planned volume over the smallest that earns the program back"),
    ("gate.npv_chance", "0.80", "share", "least probability that the net present value is above zero"),
    ("gate.months_after_payback", "6", "months", "least life of the models that is left after payback"),
)
"""Proposals without a source. Source of the list: cost design 5."""


def with_defaults(worksheet: Worksheet) -> Worksheet:
    """Return the worksheet with every default that its options can use as an input of its own."""
    have = {one.name for one in worksheet.inputs}
    added = [one for one in _wanted(worksheet) if one.name not in have]
    return worksheet.model_copy(update={"inputs": (*worksheet.inputs, *added)})


def _wanted(worksheet: Worksheet) -> list[Quantity]:
    wanted = [_default(name, name) for name in ALWAYS]
    wanted += [_zero(name, unit) for name, unit in ZEROS]
    kinds = {one.kind for one in worksheet.options}
    if kinds & DISTILLED:
        wanted.append(_default("retrain_months", "retrain_months"))
        wanted += [_zero(name, unit) for name, unit in STUDENT_ZEROS]
    if kinds & ON_MACHINES:
        wanted.append(_default("peak_to_average", "peak_to_average"))
    for option in worksheet.options:
        wanted += _of_option(option)
    wanted += [
        Quantity(name=name, value=Decimal(value), unit=unit, origin="assumed", source=f"a proposal: {what}")
        for name, value, unit, what in GATES
    ]
    return wanted


def _of_option(option: Option) -> list[Quantity]:
    if option.kind in ON_MACHINES:
        one = Quantity(
            name=f"{option.name}.machines_per_replica",
            value=Decimal(1),
            unit="machines",
            origin="assumed",
            source="default: one machine makes a replica",
        )
        return [*(_default(f"{option.name}.{name}", name) for name in FOR_MACHINES), one]
    if option.kind in WITH_TEACHER:
        return [_zero(f"{option.name}.verifier_usd", "USD/request")]
    return []


def _default(key: str, name: str) -> Quantity:
    default = DEFAULTS[name]
    source = f"default: {default.reason}"
    return Quantity(name=key, value=default.value, unit=default.unit, origin="assumed", source=source)


def _zero(key: str, unit: str) -> Quantity:
    return Quantity(name=key, value=Decimal(0), unit=unit, origin="assumed", source="default: left out")
