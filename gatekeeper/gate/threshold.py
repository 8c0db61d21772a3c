"""How one bounded number meets its requirement. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gatekeeper.records import Outcome, RuleResult


@dataclass(frozen=True)
class BoundedValue:
    """A measured value with both ends of its interval; None where it is undefined."""

    value: float | None
    unfavourable: float | None
    favourable: float | None


def threshold_rule(
    rule: str,
    measured: BoundedValue,
    requirement: float,
    *,
    better: Literal["higher", "lower"],
    unit: str,
    sentence: str,
    settle: str,
) -> RuleResult:
    """Judge one measured number against its requirement.

    Passes when the unfavourable end meets the requirement, fails when the favourable end misses it. None or NaN
    anywhere is inconclusive.
    """
    sign = 1.0 if better == "higher" else -1.0
    ends = (measured.value, measured.unfavourable, measured.favourable)
    outcome: Outcome = "inconclusive"
    margin: float | None = None
    if all(end is not None and math.isfinite(end) for end in ends):
        assert measured.unfavourable is not None and measured.favourable is not None
        margin = sign * (measured.unfavourable - requirement)
        if margin >= 0:
            outcome = "pass"
        elif sign * (measured.favourable - requirement) < 0:
            outcome = "fail"
    return RuleResult(
        rule=rule,
        outcome=outcome,
        value=measured.value if margin is not None else None,
        bound=measured.unfavourable if margin is not None else None,
        requirement=requirement,
        margin=margin,
        unit=unit,
        better=better,
        sentence=sentence,
        settle=settle if outcome == "inconclusive" else None,
    )


def never_rule(rule: str, requirement: float, *, unit: str, sentence: str) -> RuleResult:
    """Return the failure of a rule whose value does not exist because the thing never happens (no payback)."""
    return RuleResult(
        rule=rule,
        outcome="fail",
        value=None,
        bound=None,
        requirement=requirement,
        margin=None,
        unit=unit,
        better="lower",
        sentence=sentence,
    )


def open_rule(
    rule: str,
    requirement: float | None,
    *,
    unit: str,
    sentence: str,
    settle: str,
    value: float | None = None,
    better: Literal["higher", "lower"] = "higher",
) -> RuleResult:
    """Return a rule on which there is no evidence to decide by: inconclusive, with what would settle it."""
    return RuleResult(
        rule=rule,
        outcome="inconclusive",
        value=value,
        bound=None,
        requirement=requirement,
        margin=None,
        unit=unit,
        better=better,
        sentence=sentence,
        settle=settle,
    )
