"""What moving to an option costs once, line by line: what is spent already, and what is still ahead.

A student bears generation, labels, training, evaluation, engineering and integration. Another model at an API is
evaluated. The same model with a cache or in batches costs nothing once.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.one_time import (
    CostLine,
    OneTime,
    add_lines,
    engineering_cost,
    evaluation_cost,
    generation_cost,
    label_cost,
)
from gatekeeper.cost.training_cost import token_training_cost
from gatekeeper.whatif.prices import api_usd_per_request
from gatekeeper.whatif.worksheet import (
    DISTILLED,
    FINE_TUNED,
    ON_MACHINES,
    SAME_ANSWERS,
    TEACHER,
    Option,
    Values,
    Worksheet,
)

ZERO, ONE = Decimal(0), Decimal(1)


def one_time_of(worksheet: Worksheet, option: Option, values: Values) -> OneTime:
    """Return the lines of an option's one-time cost with their totals."""
    if option.kind in SAME_ANSWERS:
        return add_lines([])
    lines = [CostLine(name="evaluation", ahead_usd=_evaluation(worksheet, option, values))]
    if option.kind in DISTILLED:
        lines = [
            CostLine(name="spent so far", spent_usd=values.default("spent_usd", ZERO)),
            CostLine(name="generation", ahead_usd=_generation(worksheet, values)),
            CostLine(name="labels", ahead_usd=_labels(values)),
            CostLine(name="training", ahead_usd=_training(option, values)),
            *lines,
            _engineering(values),
            CostLine(name="integration", ahead_usd=values.default("integration_usd", ZERO)),
        ]
    return add_lines([line for line in lines if line.spent_usd or line.ahead_usd])


def _generation(worksheet: Worksheet, values: Values) -> Decimal:
    kept = values.default("generation_examples", ZERO)
    if not kept:
        return ZERO
    each = values.optional("generation_usd_per_example")
    if each is None:
        share = values.optional("generation_batch_share")
        each = api_usd_per_request(worksheet, worksheet.option(TEACHER), values, batch_share=share)
    return generation_cost(int(kept), each, yield_share=values.default("generation_yield", ONE))


def _labels(values: Values) -> Decimal:
    rows = values.default("label_rows", ZERO)
    if not rows:
        return ZERO
    return label_cost(
        int(rows), votes=int(values.default("label_votes")), usd_per_label=values.default("usd_per_label")
    )


def _training(option: Option, values: Values) -> Decimal:
    """Return the sum that is given, or tokens x epochs x price where training is billed by the token."""
    for name in (option.name, option.of):
        if name and f"{name}.training_usd" in values:
            return values[f"{name}.training_usd"]
        if name and f"{name}.training_per_m" in values:
            tokens = values["generation_examples"] * values["training_tokens_per_example"]
            epochs = int(values.default("training_epochs", ONE))
            return token_training_cost(tokens, values[f"{name}.training_per_m"], epochs=epochs)
    if option.kind in FINE_TUNED and values.default("generation_examples", ZERO):
        return values[f"{option.name}.training_per_m"]  # is not given: examples are trained on, and that has a price
    return ZERO


def _evaluation(worksheet: Worksheet, option: Option, values: Values) -> Decimal:
    rows = values.default("evaluation_rows", ZERO)
    if not rows:
        return ZERO
    teacher = api_usd_per_request(worksheet, worksheet.option(TEACHER), values)
    asked = worksheet.option(option.of) if option.of else option
    student = ZERO if asked.kind in ON_MACHINES else api_usd_per_request(worksheet, asked, values)
    judge = values.default("judge_usd", ZERO)
    return evaluation_cost(int(rows), teacher_usd=teacher, student_usd=student, judge_usd=judge)


def _engineering(values: Values) -> CostLine:
    hours = values.default("engineering_hours", ZERO)
    if not hours:
        return CostLine(name="engineering")
    rate = values["usd_per_engineering_hour"]
    ahead = min(values.default("deployment_hours", hours), hours)
    return CostLine(
        name="engineering", spent_usd=engineering_cost(hours - ahead, rate), ahead_usd=engineering_cost(ahead, rate)
    )
