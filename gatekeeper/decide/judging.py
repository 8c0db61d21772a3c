"""What a judge and people say of the same answers, and what a verdict that rests on a judge needs of people.

Development estimates, which steer the loop, use the judge's scores alone. Everything that a verdict says rests on
people's scores and the judge's together (`gatekeeper.stats.judged`), rules on slices on people's alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatekeeper.decide.facts import Facts
from gatekeeper.errors import StoreError
from gatekeeper.gate.forecast import complete_rows
from gatekeeper.gate.quality import Stakes, price_of_rows
from gatekeeper.gate.retention import PairedScores, dev_retention, judge_retention
from gatekeeper.gate.slices import Parts
from gatekeeper.gate.wording import dollars
from gatekeeper.records import Estimate, Record, RuleResult, Split
from gatekeeper.run.asking import params_of
from gatekeeper.run.judging import GateLabels, Judging
from gatekeeper.scorers import Judge
from gatekeeper.stats.agreement import JudgeRates, judge_rates, kappa
from gatekeeper.stats.forecast import rows_for_t
from gatekeeper.stats.judged import judged, least_labelled
from gatekeeper.store.rows import select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NOT_ENOUGH = (
    "At its point estimate, corrected by people's answers, the student does not keep enough: train a better one before "
    "adding gate rows."
)
_NOTHING_KNOWN = (
    "What the judge's scores are worth is not known: have people label some development rows too, drawn at random."
)

# An answer that was judged twice, the teacher's and the student's alike, counts once.
_BOTH = """
SELECT DISTINCT i.item_id, trim(p.output) AS output, j.value AS judge, h.value AS people
FROM scores j
JOIN scores h ON (h.suite, h.item_id, h.model, h.sample_index) = (j.suite, j.item_id, j.model, j.sample_index)
JOIN predictions p ON (p.suite, p.item_id, p.model, p.sample_index) = (j.suite, j.item_id, j.model, j.sample_index)
JOIN items i ON (i.suite, i.item_id) = (j.suite, j.item_id)
WHERE j.suite = $suite AND i.split = $split AND i.eval = $eval AND p.output IS NOT NULL
  AND j.scorer = $scorer AND j.version = $version AND h.scorer = $people AND h.version = $people_version
  AND j.value IS NOT NULL AND h.value IS NOT NULL
  AND j.model IN (SELECT model FROM training_runs WHERE run = $run UNION SELECT $teacher)
ORDER BY i.item_id, output"""


class JudgeAgainstPeople(Record):
    """A judge compared with people, over distinct answers of the teacher and the run's students to labelled rows."""

    answers: int
    rates: JudgeRates
    kappa: Estimate


def judging_of(facts: Facts) -> Judging | None:
    """Return how the answers of a run were judged, so that its scores can be made again; None where no judge decides.

    Raises:
        StoreError: the run does not say what its judge was asked.
    """
    spec = facts.eval_spec.scorers[facts.scorer].judge
    if spec is None:
        return None
    rubric = facts.rubrics.get(f"{facts.eval_spec.eval}/{facts.scorer}")
    if rubric is None or facts.judge is None:
        raise StoreError(f"the run {facts.run!r} does not say which model was its judge, or what it was asked")
    judge = Judge(facts.scorer, rubric, spec.people, facts.judge.fingerprint)
    return Judging(judge, params_of(facts.spec.judge), facts.labels)


def judge_against_people(
    connection: DuckDBPyConnection, facts: Facts, split: Split = "dev", *, confidence: float = 0.95
) -> JudgeAgainstPeople | None:
    """Return how the judge of a run compares with people.

    Answers to the same row are counted as if they stood alone, so the intervals are a little too narrow.

    Args:
        split: of the eval that decides; the gate only for a report of a verdict.
        confidence: of the two-sided intervals.

    Returns:
        None where no judge decides, or none of its answers was judged by people as well.
    """
    if facts.people is None:
        return None
    name = facts.eval_spec.eval
    named = {
        "suite": facts.suite.fingerprint,
        "run": facts.run,
        "teacher": facts.teacher.fingerprint,
        "split": split,
        "eval": name,
        "scorer": facts.scorer,
        "version": facts.versions.get(f"{name}/{facts.scorer}"),
        "people": facts.people,
        "people_version": facts.versions.get(f"{name}/{facts.people}"),
    }
    rows = select(connection, _BOTH, named)
    if not rows:
        return None
    judge, people = (np.array([row[column] for row in rows]) > 0 for column in ("judge", "people"))
    return JudgeAgainstPeople(
        answers=len(rows),
        rates=judge_rates(judge, people, confidence=confidence),
        kappa=kappa(judge, people, confidence=confidence),
    )


def gate_labels(connection: DuckDBPyConnection, facts: Facts) -> GateLabels | None:
    """Return how many gate rows people have labelled; None where no judge decides. No answer or score is read."""
    if facts.people is None:
        return None
    found = connection.execute(
        "SELECT count(target), count(*) FROM items WHERE suite = ? AND split = 'gate' AND eval = ?",
        [facts.suite.fingerprint, facts.eval_spec.eval],
    ).fetchall()
    return _labels(facts, int(found[0][0]), int(found[0][1]))


def _labels(facts: Facts, labelled: int, rows: int) -> GateLabels:
    return GateLabels(labelled, least_labelled(facts.requirement.retention), rows, facts.spec.costs.usd_per_label)


def settle_labels(labels: GateLabels) -> str:
    """Return how many more labels are needed, and what they cost."""
    more = labels.least - labels.rows
    rows = f" That takes {more:,} more gate rows as well." if more > 0 else ""
    return (
        f"Have people label {labels.missing:,} more gate rows, drawn at random; that costs about "
        f"{dollars(labels.usd)}.{rows}"
    )


def verdict_on_dev(dev: PairedScores, facts: Facts) -> Estimate:
    """Return retention on the development split as a verdict may state it: with a judge, corrected by people."""
    requirement = facts.requirement
    if dev.human is None:
        return dev_retention(dev, requirement.alpha)
    rows = _complete(dev)
    estimate = judge_retention(rows, requirement.retention, requirement.alpha, requirement.alpha).estimate
    failed = dev.n_expected - rows.n_expected
    return estimate.model_copy(update={"n_expected": dev.n_expected, "n_failed": failed})


def settle_judged(scores: PairedScores, facts: Facts, stakes: Stakes) -> str:
    """Return what would settle retention that a judge has scored, for a student as good as it looks in `scores`."""
    rows = _complete(scores)
    assert rows.human is not None
    labelled = _labelled(rows)
    requirement = facts.requirement
    test = judged(
        rows.human.student[labelled],
        rows.human.teacher[labelled],
        rows.student,
        rows.teacher,
        labelled,
        r0=requirement.retention,
        alpha=requirement.alpha,
    )
    if test.t is None:
        return _NOTHING_KNOWN
    needed = rows_for_t(test.t, rows.n_expected, requirement.alpha)
    if needed is None:
        return _NOT_ENOUGH
    share = test.n_labelled / rows.n_expected
    needed = max(needed, round(test.least_labelled / share))
    answers = facts.teacher_cost.usd * facts.eval_spec.samples.teacher
    each = answers + facts.spec.costs.usd_per_label * test.n_labelled / rows.n_expected
    return (
        f"If the student is as good as it looks here, a fresh gate split of about {needed:,} rows, "
        f"{round(needed * share):,} of them labelled by people, would show it with 80 % probability."
        f"{price_of_rows(needed, replace(stakes, usd_per_row=each))}"
    )


def settled(quality: RuleResult, scores: PairedScores, facts: Facts, stakes: Stakes) -> RuleResult:
    """Return the rule on quality of a look with what would settle it, where a judge has scored."""
    if scores.human is None or quality.outcome != "inconclusive" or quality.value is None:
        return quality
    labels = _labels(facts, int(_labelled(scores).sum()), scores.n_expected)
    settle = settle_labels(labels) if labels.missing else settle_judged(scores, facts, stakes)
    return quality.model_copy(update={"settle": settle})


def by_people(scores: PairedScores, parts: Parts) -> tuple[PairedScores, Parts]:
    """Return the rows that people have judged, with people's scores, and their slices.

    No test of slices corrects a judge, and one that is not corrected must not prove anything. Rows on which the
    teacher failed stay among them: the test counts them the worse way.
    """
    assert scores.human is not None
    rows = np.isfinite(scores.human.student)
    human = PairedScores(scores.human.student[rows], scores.human.teacher[rows], int(rows.sum()))
    return human, {column: (codes[rows], names) for column, (codes, names) in parts.items()}


def _labelled(scores: PairedScores) -> NDArray[np.bool_]:
    assert scores.human is not None
    mask: NDArray[np.bool_] = np.isfinite(scores.human.student) & np.isfinite(scores.human.teacher)
    return mask


def _complete(scores: PairedScores) -> PairedScores:
    """Return the rows on which the judge has scored both models, with people's scores where they have some."""
    assert scores.human is not None
    both = np.isfinite(scores.student) & np.isfinite(scores.teacher)
    human = replace(scores.human, student=scores.human.student[both], teacher=scores.human.teacher[both])
    return replace(complete_rows(scores), human=human)
