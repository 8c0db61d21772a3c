"""The rule on slices: no part of the traffic is left behind.

By default no slice may be shown to be below the minimum (Holm over the slices), which asks for a proof of harm. With
`prove` each slice must be shown to be above it (intersection-union), which asks for a proof of harmlessness and for
many more rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatekeeper.gate.retention import PairedScores
from gatekeeper.gate.threshold import open_rule
from gatekeeper.gate.wording import percent, plural
from gatekeeper.records import Outcome, RuleResult
from gatekeeper.stats.slices import SliceReport, slice_tests
from gatekeeper.suite.spec import SlicesGate

RULE = "gates.slices.min"
UNIT = "share of the teacher's score"

Parts = Mapping[str, tuple[NDArray[np.int64], tuple[str, ...]]]
"""Column to (number of each row's slice, -1 for none; names of the slices)."""


@dataclass(frozen=True)
class SliceTable:
    """Every slice of the rule with its test.

    Attributes:
        names: "language = en", one per slice.
    """

    names: tuple[str, ...]
    report: SliceReport


def judge_slices(scores: PairedScores, parts: Parts, minimum: float, alpha: float) -> SliceTable:
    """Test each slice of each column; the intervals are at 1 - 2 alpha, for each slice on its own.

    Rows on which the teacher failed count as right for it: that is the worse way for the student.
    """
    names = tuple(f"{column} = {name}" for column, (_, values) in parts.items() for name in values)
    student = np.where(np.isfinite(scores.student), scores.student, 0.0)
    teacher = np.where(np.isfinite(scores.teacher), scores.teacher, 1.0)
    slices, count = _slices_of(parts, student.size)
    report = slice_tests(
        student, teacher, slices, minimum=minimum, alpha=alpha, n_slices=count, clusters=scores.clusters
    )
    return SliceTable(names, report)


def _slices_of(parts: Parts, n: int) -> tuple[NDArray[np.generic], int | None]:
    """Return the slices as `slice_tests` takes them: of one column by number, of several, which overlap, as masks."""
    if len(parts) == 1:
        codes, values = next(iter(parts.values()))
        return codes, len(values)
    masks = [codes == code for codes, values in parts.values() for code in range(len(values))]
    return np.array(masks, dtype=np.bool_).reshape(len(masks), n), None


def slices_rule(scores: PairedScores, parts: Parts, gate: SlicesGate, alpha: float, alpha_below: float) -> RuleResult:
    """Judge all slices together.

    Args:
        alpha: of the look, for a proof that slices are above.
        alpha_below: the whole alpha, for a proof that a slice is below.
    """
    if scores.missing > 0 or not any(values for _, values in parts.values()):
        what = "a score is missing" if scores.missing else f"no gate row has a value of {', '.join(gate.by)}"
        return open_rule(
            RULE, gate.min, unit=UNIT, sentence=f"Slices cannot be judged: {what}.", settle="Add the values."
        )
    found = judge_slices(scores, parts, gate.min, alpha)
    below = found.report.shown_below(alpha_below)
    if below:
        return _rule("fail", found, gate, below[0], f"{_named(found, below)} shown to be below it.")
    if not gate.prove:
        untested = len(found.names) - found.report.tested
        note = f" {plural(untested, 'slice')} could not be tested." if untested else ""
        return _rule("pass", found, gate, _worst(found), f"No slice is shown to be below it.{note}")
    if found.report.proven(alpha):
        return _rule("pass", found, gate, _worst(found), "Each slice is shown to be above it.")
    short = _worst(found)
    rows = found.report.slices[short].n
    return _rule(
        "inconclusive",
        found,
        gate,
        short,
        "Not every slice is shown to be above it.",
        settle=f"Add gate rows of {found.names[short]} first; it has {rows:,}.",
    )


def _rule(
    outcome: Outcome, found: SliceTable, gate: SlicesGate, place: int, finding: str, settle: str | None = None
) -> RuleResult:
    """Return the rule with the numbers of one slice, the one that decides or comes nearest to it."""
    estimate = found.report.slices[place].estimate
    # "Not shown to be below" is decided by the upper end, "shown to be above" by the lower one.
    bound = estimate.lower if gate.prove and outcome != "fail" else estimate.upper
    return RuleResult(
        rule=RULE,
        outcome=outcome,
        value=estimate.value,
        bound=bound,
        requirement=gate.min,
        margin=None if bound is None else bound - gate.min,
        unit=UNIT,
        sentence=(
            f"Of {plural(len(found.names), 'slice')} the weakest is {found.names[place]}, which keeps "
            f"{percent(estimate.value)} (between {percent(estimate.lower)} and {percent(estimate.upper)}); "
            f"the minimum is {gate.min:.1%}. {finding}"
        ),
        settle=settle,
    )


def _worst(found: SliceTable) -> int:
    """Return the place of the slice with the lowest retention; one that cannot be tested comes first."""
    values = [-1.0 if one.estimate.value is None else one.estimate.value for one in found.report.slices]
    return int(np.argmin(values))


def _named(found: SliceTable, places: tuple[int, ...]) -> str:
    listed = ", ".join(found.names[place] for place in places[:3])
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"{listed}{more} {'is' if len(places) == 1 else 'are'}"
