"""The rule on form: the share of a student's answers that can be used at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatekeeper.gate.threshold import BoundedValue, threshold_rule
from gatekeeper.gate.wording import percent
from gatekeeper.records import RuleResult
from gatekeeper.stats.intervals import wilson

RULE = "gates.format.parses"
UNIT = "share of answers"


def format_rule(outputs: Mapping[str | None, int], labels: Sequence[str], required: float, alpha: float) -> RuleResult:
    """Judge the share of answers that are one of `labels`.

    The bound is the end of the Wilson interval at 1 - 2 alpha.

    Args:
        outputs: how often each answer was given; None is a missing one, which is none of the labels.
    """
    n, parsed = sum(outputs.values()), sum(outputs.get(label, 0) for label in dict.fromkeys(labels))
    lower, upper = wilson(parsed, n, 1 - 2 * alpha)
    return threshold_rule(
        RULE,
        BoundedValue(parsed / n if n else None, lower, upper),
        required,
        better="higher",
        unit=UNIT,
        sentence=(
            f"{parsed:,} of {n:,} answers of the student are one of the labels, shown to be at least "
            f"{percent(lower)} of all; required is {required:.1%}."
        ),
        settle="Add gate rows, or look at the answers that are no label.",
    )
