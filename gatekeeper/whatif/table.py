"""The table of alternatives: what each option costs, saves and risks, and whether distilling is needed at all.

A student's savings count against the baseline: the cheapest option that passes the quality gate and needs no student.
So it must beat the best that could be bought instead, and not only the incumbent. Options without a student are
compared with the incumbent. Source: cost design, re-bid rule and 4.5.
"""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from gatekeeper.cost.alternative import Alternative, Bill, cheapest, month_bill
from gatekeeper.cost.money import format_factor, format_usd
from gatekeeper.cost.one_time import OneTime
from gatekeeper.cost.outlook import Outlook, outlook_of
from gatekeeper.errors import GatekeeperError
from gatekeeper.records import Outcome, Record
from gatekeeper.whatif.options import alternative_of, horizon_of, plan_of
from gatekeeper.whatif.rules import MoneyRule, rules_of, worst
from gatekeeper.whatif.worksheet import CODES, DISTILLED, TEACHER, Kind, Option, Values, Worksheet

TO_GIVE: dict[Kind, str] = {
    "incumbent": "the teacher's model and its prices",
    "cheaper_api": "a cheaper model, under `baselines` or as an option; its answers must pass the gate",
    "caching": "input tokens that repeat between requests, and the price of cached tokens",
    "batch": "the share of requests that can wait for hours, and the batch price",
    "caching_and_batch": "both of them, and the price of cached tokens in a batch",
    "shorter_prompt": "the tokens of a shorter prompt; its answers must pass the gate",
    "fine_tuned_tokens": "the prices of a model fine-tuned at a provider and billed by the token",
    "fine_tuned_hosted": "the same with the hourly price of its hosting",
    "gpu": "a GPU's hourly price and the measured speed of the student on it",
    "gpu_quantised": "the same for a quantised student; its answers must pass the gate",
    "pruned": "the same for a pruned student; its answers must pass the gate",
    "cascade": "the share of requests that a student hands on to the teacher",
    "router": "the share of requests that a router sends to the teacher",
    "cpu": "a machine's hourly price and the measured speed of a small student on it",
}
"""What must be known before a kind of alternative has numbers."""


class Row(Record):
    """One option of the table. Amounts are USD."""

    code: str
    kind: Kind
    name: str
    model: str
    passes: bool | None
    quality: Decimal | None
    usd_per_request: Decimal | None
    """Bill of the first month over its requests, everything included."""
    bill: Bill | None
    one_time: OneTime | None
    teacher_reduction: Decimal | None
    """Monthly cost of the incumbent over this one's; None where the option is free or unknown."""
    compared_with: str
    """What it would replace: the baseline where it needs a student, else the incumbent."""
    outlook: Outlook | None
    """Against `compared_with`; None for the incumbent itself, and where numbers are missing."""
    horizon_limited_by: str | None
    rules: tuple[MoneyRule, ...]
    outcome: Outcome | None
    """None where there is nothing to judge: the incumbent, or a row without numbers."""
    missing: str
    """What must be given before this row has numbers."""


class Table(Record):
    """All alternatives at the planned volume."""

    name: str
    requests_per_month: Decimal
    baseline: str
    """The option that savings are counted against."""
    rows: tuple[Row, ...]
    advice: str
    """One sentence: whether a student is needed, and what to do."""

    def row(self, name: str) -> Row:
        """Return the row of an option."""
        return next(row for row in self.rows if row.name == name)


def table_of(worksheet: Worksheet) -> Table:
    """Return the table of a worksheet (`with_defaults`); kinds that no option has are listed with what is missing.

    Raises:
        InputError: the teacher's own row cannot be priced.
    """
    values = Values(worksheet)
    baseline = baseline_of(worksheet, values)
    teacher = alternative_of(worksheet, worksheet.option(TEACHER), values)
    rows = [row_of(worksheet, option, teacher, baseline, values) for option in worksheet.options]
    kinds = {option.kind for option in worksheet.options}
    rows += [_empty(kind) for kind in get_args(Kind) if kind not in kinds]
    rows.sort(key=lambda row: int(row.code[1:]))
    return Table(
        name=worksheet.name,
        requests_per_month=values["requests_per_month"],
        baseline=baseline.name,
        rows=tuple(rows),
        advice=_advice(rows, baseline.name),
    )


def baseline_of(worksheet: Worksheet, values: Values) -> Alternative:
    """Return the cheapest option without a student that passes the quality gate; the incumbent always does."""
    found = []
    for option in worksheet.options:
        if option.kind in DISTILLED or _is_gone(worksheet, option):
            continue
        try:
            one = alternative_of(worksheet, option, values)
            month_bill(one, values["requests_per_month"], error_usd=values.default("error_usd"))
            found.append(one)
        except GatekeeperError:
            if option.name == TEACHER:
                raise
    error = values.default("error_usd")
    best = cheapest(found, values["requests_per_month"], error_usd=error)
    assert best is not None  # the incumbent passes by definition
    return best


def _is_gone(worksheet: Worksheet, option: Option) -> bool:
    """Return whether an option's model has retired, so that nobody can use it instead."""
    return option.name != TEACHER and option.retires is not None and option.retires <= worksheet.as_of


def row_of(worksheet: Worksheet, option: Option, teacher: Alternative, baseline: Alternative, values: Values) -> Row:
    """Return the row of one option; what it lacks is named instead of its numbers."""
    other = baseline if option.kind in DISTILLED else teacher
    try:
        plan = plan_of(worksheet, option, other, values)
        outlook = outlook_of(plan)
    except GatekeeperError as error:
        return _row(option, missing=str(error))
    bill = outlook.candidate
    incumbent = month_bill(teacher, plan.requests_per_month, error_usd=plan.error_usd).usd
    rules: tuple[MoneyRule, ...] = ()
    if option.name != TEACHER:
        judged = option.model_copy(update={"passes": plan.candidate.passes})
        rules = rules_of(worksheet, judged, outlook, values, measured=_measured(worksheet, option))
    return _row(
        option,
        passes=plan.candidate.passes,
        quality=plan.candidate.quality,
        usd_per_request=bill.usd / plan.requests_per_month,
        bill=bill,
        one_time=plan.one_time,
        teacher_reduction=incumbent / bill.usd if bill.usd else None,
        compared_with=other.name,
        outlook=outlook if rules else None,
        horizon_limited_by=horizon_of(worksheet, option, values).limited_by,
        rules=rules,
        outcome=worst(rules) if rules else None,
    )


def _measured(worksheet: Worksheet, option: Option) -> bool:
    name = option.of or option.name
    capacity = worksheet.quantity(f"{name}.capacity_rps")
    return capacity is None or capacity.origin == "measured"


def _row(option: Option, **known: object) -> Row:
    fields: dict[str, object] = {
        "code": CODES[option.kind],
        "kind": option.kind,
        "name": option.name,
        "model": option.model,
        "passes": option.passes,
        "rules": (),
        "missing": "",
        "compared_with": "",
    }
    unknown = dict.fromkeys(set(Row.model_fields) - fields.keys())
    return Row.model_validate({**unknown, **fields, **known})


def _empty(kind: Kind) -> Row:
    return _row(Option(name="", kind=kind), missing=f"not measured: give {TO_GIVE[kind]}")


def _advice(rows: list[Row], baseline: str) -> str:
    """Return whether distilling is needed: not where something that needs no student already passes every rule."""
    enough = _cheapest_row(rows, "pass", student=False)
    if enough is not None:
        return (
            f"Do not distil: {enough.name} passes the gate and costs {format_usd(_month(enough))} a month, "
            f"{_times(enough)} less than the incumbent, without a student."
        )
    student = _cheapest_row(rows, "pass", student=True) or _cheapest_row(rows, "inconclusive", student=True)
    said = _of_student(student, rows, baseline)
    untried = _cheapest_row(rows, "inconclusive", student=False)
    if untried is None or (student is not None and _month(student) <= _month(untried)):
        return said
    return (
        f"{said} First judge {untried.name}: at {format_usd(_month(untried))} a month it needs no student, "
        "if its answers pass."
    )


def _of_student(student: Row | None, rows: list[Row], baseline: str) -> str:
    if student is None:
        return f"Stay with {baseline}: no option that is known here meets every rule."
    if student.outcome == "pass":
        held_against = next(row for row in rows if row.name == baseline)
        return (
            f"{student.name} meets every rule: {format_usd(_month(student))} a month instead of "
            f"{format_usd(_month(held_against))} with {baseline}."
        )
    why = next(rule.sentence for rule in student.rules if rule.outcome == "inconclusive")
    return f"No answer yet: {student.name} fails no rule, but one is open. {why}"


def _cheapest_row(rows: list[Row], outcome: Outcome, *, student: bool) -> Row | None:
    found = [row for row in rows if row.outcome == outcome and (row.kind in DISTILLED) == student]
    return min(found, key=_month, default=None)


def _month(row: Row) -> Decimal:
    assert row.bill is not None
    return row.bill.usd


def _times(row: Row) -> str:
    return "infinitely" if row.teacher_reduction is None else f"{format_factor(row.teacher_reduction)} times"
