"""What the money of one option says against the gates: pass, fail or inconclusive, each with its numbers.

The gates are inputs of the worksheet (``gate.reduction`` and so on). Quality is judged by the gate on evals and never
here: what nobody has judged is inconclusive. Source: cost design 5.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.lifetime import months_between
from gatekeeper.cost.money import format_factor
from gatekeeper.cost.outlook import Outlook
from gatekeeper.records import Outcome, Record
from gatekeeper.whatif.worksheet import TEACHER, Option, Values, Worksheet


class MoneyRule(Record):
    """One rule's outcome."""

    rule: str
    outcome: Outcome
    value: Decimal | None
    """None: never, or not known."""
    limit: Decimal | None
    sentence: str


def rules_of(
    worksheet: Worksheet, option: Option, outlook: Outlook, values: Values, *, measured: bool
) -> tuple[MoneyRule, ...]:
    """Return the rules of one option, in the order of the gates.

    Args:
        worksheet: with the options' retirements.
        option: what is judged.
        outlook: its results against the baseline.
        values: with the gates.
        measured: whether its speed is measured, where it has machines; True where it has none.
    """
    rules = [_quality(option), _reduction(outlook, values), _payback(outlook, values), _volume(outlook, values)]
    rules.append(_lifetime(worksheet, option, outlook, values))
    if not measured:
        sentence = "The speed of its machines is assumed; measure it, or import a benchmark."
        rules.append(
            MoneyRule(rule="capacity_measured", outcome="inconclusive", value=None, limit=None, sentence=sentence)
        )
    return tuple(rule for rule in rules if rule is not None)


def worst(rules: tuple[MoneyRule, ...]) -> Outcome:
    """Return fail where any rule fails, else inconclusive where any is, else pass."""
    found = {rule.outcome for rule in rules}
    return "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"


def _quality(option: Option) -> MoneyRule | None:
    if option.passes is None:
        outcome: Outcome = "inconclusive"
        sentence = "Nobody has judged its answers on this task."
    else:
        outcome = "pass" if option.passes else "fail"
        sentence = "Its answers pass the quality gate." if option.passes else "Its answers fail the quality gate."
    if option.passes_source:
        sentence = f"{sentence[:-1]} ({option.passes_source})."
    return MoneyRule(rule="quality", outcome=outcome, value=None, limit=None, sentence=sentence)


def _reduction(outlook: Outlook, values: Values) -> MoneyRule | None:
    limit = values.optional("gate.reduction")
    if limit is None:
        return None
    value = outlook.reduction
    passed = value is None or value >= limit
    said = "costs nothing a month" if value is None else f"costs 1/{format_factor(value)} of the baseline's month"
    return MoneyRule(
        rule="reduction",
        outcome="pass" if passed else "fail",
        value=value,
        limit=limit,
        sentence=f"It {said}; required is a factor of {limit:g}.",
    )


def _payback(outlook: Outlook, values: Values) -> MoneyRule | None:
    limit = values.optional("gate.payback_months")
    if limit is None:
        return None
    value = outlook.forward.payback_months
    if value is None:
        sentence = "What is still to be spent never comes back."
    else:
        sentence = f"What is still to be spent comes back in {value:.1f} months; at most {limit:g} are allowed."
    passed = value is not None and value <= limit
    return MoneyRule(rule="payback", outcome="pass" if passed else "fail", value=value, limit=limit, sentence=sentence)


def _volume(outlook: Outlook, values: Values) -> MoneyRule | None:
    """Planned volume divided by the safety factor must still lie in an interval that earns the program back."""
    safety = values.optional("gate.volume_safety")
    if not safety or outlook.volumes_with_program is None:
        return None
    planned = values["requests_per_month"]
    passed = outlook.volumes_with_program.contains(planned) and outlook.volumes_with_program.contains(planned / safety)
    said = "also" if passed else "not"
    return MoneyRule(
        rule="volume",
        outcome="pass" if passed else "fail",
        value=planned,
        limit=safety,
        sentence=f"It earns everything back within the horizon at the planned volume and {said} at 1/{safety:g} of it."
        if outlook.volumes_with_program.contains(planned)
        else "It does not earn everything back within the horizon at the planned volume.",
    )


def _lifetime(worksheet: Worksheet, option: Option, outlook: Outlook, values: Values) -> MoneyRule | None:
    limit = values.optional("gate.months_after_payback")
    names = dict.fromkeys(name for name in (option.name, option.of, TEACHER) if name)
    days = [day for name in names if (day := worksheet.option(name).retires) is not None]
    if limit is None or not days:
        return None
    life = Decimal(months_between(worksheet.as_of, min(days)))
    payback = outlook.forward.payback_months
    left = None if payback is None else life - payback
    said = "never pays back" if left is None else f"has {left:.1f} months left after payback"
    return MoneyRule(
        rule="lifetime",
        outcome="pass" if left is not None and left >= limit else "fail",
        value=left,
        limit=limit,
        sentence=f"The first of its models retires on {min(days)}: it {said}; required are {limit:g}.",
    )
