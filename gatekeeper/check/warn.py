"""What a plan should make a person stop at, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gatekeeper.check.plan import Plan, SlicesPlan
from gatekeeper.gate.wording import plural
from gatekeeper.records import Item
from gatekeeper.run.judging import labels_of
from gatekeeper.stats.scored import FIELLER_LEAST_ITEMS
from gatekeeper.suite.suite import Suite
from gatekeeper.suite.terms import terms_problem

_NAMED = 3
"""As many slices are named; the others are counted."""


def warnings_of(plan: Plan, suite: Suite, gate: Sequence[Item], note: str | None) -> tuple[str, ...]:
    """Return the warnings of a plan, what keeps everybody from passing first.

    Args:
        gate: gate rows of the eval that decides.
        note: why a store that is there was not read.
    """
    found = (
        *_rows(plan),
        *_units(suite, gate),
        *_labels(suite, gate),
        *_slices(plan.slices),
        *_others(plan),
        *_money(plan),
        *_terms(suite),
        *_data(plan),
        *(() if plan.ceiling is None else plan.ceiling.warnings),
        *(() if note is None else (note,)),
    )
    return found


def _rows(plan: Plan) -> Iterator[str]:
    gate = plan.counts["gate"]
    if not plan.alphas:
        assert plan.budget is not None
        yield (
            f"this gate split is used up: {plural(plan.budget.looks_spent, 'look')} at it and "
            f"{plural(plan.budget.looks_elsewhere, 'look')} at splits that share its rows have spent its error; only "
            "fresh rows bring more looks"
        )
    elif plan.least_gate_rows is not None and gate < plan.least_gate_rows:
        yield (
            f"the gate split has {gate} rows: even a student identical to the teacher cannot pass the first look; "
            f"it takes at least {plan.smallest_gate_rows}"
        )
    elif plan.smallest_gate_rows is not None and gate < plan.smallest_gate_rows:
        yield (
            f"the gate split has {gate} rows: a student identical to the teacher passes the first look only if the "
            f"teacher does better than {plan.basis.teacher_accuracy:.3g} there; otherwise it takes "
            f"{plan.smallest_gate_rows}"
        )


def _units(suite: Suite, gate: Sequence[Item]) -> Iterator[str]:
    sizes = Counter(item.cluster for item in gate) if suite.eval.spec.data.cluster is not None else Counter()
    if sizes and len(sizes) < len(gate):
        worth = len(gate) ** 2 // sum(size**2 for size in sizes.values())  # Kish, all rows of a cluster alike
        yield (
            f"the {len(gate):,} gate rows come in {len(sizes):,} clusters: the chances are for rows that stand alone, "
            f"and at worst these are worth {worth:,} of them"
        )
        if len(sizes) < FIELLER_LEAST_ITEMS:
            yield f"rows in clusters need at least {FIELLER_LEAST_ITEMS} clusters to pass, and there are {len(sizes)}"
    elif suite.eval.spec.samples.teacher > 1 and len(gate) < FIELLER_LEAST_ITEMS:
        yield f"scores averaged over several answers need at least {FIELLER_LEAST_ITEMS} gate rows to pass"


def _labels(suite: Suite, gate: Sequence[Item]) -> Iterator[str]:
    labels = labels_of(suite, gate)
    if labels is not None and labels.missing > 0:
        yield (
            f"people have given {labels.labelled:,} of {len(gate):,} gate rows their right answer; a judged score "
            f"needs {labels.least:,}, so {labels.missing:,} more have to be labelled, for about ${labels.usd:,.2f}"
        )


def _slices(plan: SlicesPlan | None) -> Iterator[str]:
    if plan is None:
        return
    if not plan.slices:
        yield "no gate row has a value of gates.slices.by, so the rule on slices stays open"
        return
    short = [one for one in plan.slices if plan.smallest_above is not None and one.rows < plan.smallest_above]
    if plan.prove and short:
        yield (
            f"{_named([one.name for one in short])} too few rows for a student identical to the teacher to be shown "
            f"above {plan.minimum:g}: it takes at least {plan.smallest_above}"
        )
    blind = [one for one in plan.slices if one.shown_below is None]
    if not plan.prove and blind:
        yield (
            f"{_named([one.name for one in blind])} too few rows to be shown below {plan.minimum:g} even when all are "
            f"wrong, so the rule cannot protect {'it' if len(blind) == 1 else 'them'}"
        )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more} {'has' if len(names) == 1 else 'have'}"


def _others(plan: Plan) -> Iterator[str]:
    for one in plan.others:
        if one.smallest is not None and one.rows < one.smallest:
            best = "identical to the teacher" if one.chance is not None else "that tells all rows apart"
            yield f"{one.rule}: with {one.rows} rows a student {best} does not pass; it takes at least {one.smallest}"


def _money(plan: Plan) -> Iterator[str]:
    if plan.teacher_usd > plan.budget_usd:
        yield (
            f"the loop may call the teacher {plan.teacher_calls:,} times for about ${plan.teacher_usd:,.2f}, above "
            f"loop.budget_usd of ${plan.budget_usd:,.2f}: it would stop with what it has"
        )


def _terms(suite: Suite) -> Iterator[str]:
    problem = terms_problem(suite)
    if problem is not None:
        yield f"nothing is spent before policy.teacher_terms says what was decided: {problem}"


def _data(plan: Plan) -> Iterator[str]:
    conflicting = plan.duplicates.get("conflicting_labels", 0)
    if conflicting:
        yield f"{conflicting} duplicate texts had different right answers: look at how the labels were made"
    if plan.copies.outcome != "pass":
        yield f"{plan.copies.sentence} Nothing is promoted then"
