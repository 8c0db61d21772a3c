"""What the other rules that gate rows decide can show: slices, inputs beside the task, guards, copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from gatekeeper.check.looks import TARGET_POWER, Looks
from gatekeeper.check.plan import Basis, CopiesPlan, OtherPlan, SlicePlan, SlicesPlan
from gatekeeper.gate import guards, ood
from gatekeeper.gate.leakage import leakage_rule, leaked_rows
from gatekeeper.records import Item
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.stats.power import cell_probabilities, power_of_cells, rows_for_power
from gatekeeper.stats.reach import (
    detectable_auroc,
    detectable_below,
    difference_power,
    rows_for_difference,
    smallest_passable_auroc,
    smallest_passable_difference,
    smallest_showing_below,
)
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import GatesSpec, SlicesGate
from gatekeeper.suite.suite import Eval, Suite


def slices_plan(gate: SlicesGate | None, rows: Sequence[Item], looks: Looks, basis: Basis) -> SlicesPlan | None:
    """Return what the gate rows of each slice can show against the minimum, smallest slice first; None without a rule.

    A slice is shown to be below at the whole error over all slices (Holm), of which the first gets 1 / slices; shown to
    be above at the error of the last look, each on its own.
    """
    if gate is None:
        return None
    sizes = {
        f"{column} = {value}": count
        for column in gate.by
        for value, count in Counter(item.slices[column] for item in rows if column in item.slices).items()
    }
    below, above = looks.whole / max(len(sizes), 1), looks.final(looks.last)
    cells = cell_probabilities(1.0, basis.teacher_accuracy, basis.correlation)

    @cache  # many slices are of one size
    def shown_below(n: int) -> float | None:
        return detectable_below(n, gate.min, basis.teacher_accuracy, basis.correlation, below, TARGET_POWER)

    @cache
    def chance_above(n: int) -> float | None:
        return power_of_cells(cells, n, gate.min, above) if gate.prove else None

    found = tuple(
        SlicePlan(name=name, rows=count, shown_below=shown_below(count), chance_above=chance_above(count))
        for name, count in sorted(sizes.items(), key=lambda pair: (pair[1], pair[0]))
    )
    chances = [one.chance_above for one in found if one.chance_above is not None]
    return SlicesPlan(
        minimum=gate.min,
        prove=gate.prove,
        smallest_above=smallest_passable_n(gate.min, above, 1.0),
        smallest_below=smallest_showing_below(gate.min, below, 1.0),
        rows_for_80_percent=rows_for_power(
            1.0, gate.min, basis.teacher_accuracy, basis.correlation, above, TARGET_POWER
        ),
        slices=found,
        all_at_least=max(0.0, 1.0 - sum(1.0 - chance for chance in chances)) if chances else None,
        all_at_most=min(chances, default=None),
    )


def others_plan(suite: Suite, rows: Mapping[str, int], looks: Looks, basis: Basis) -> tuple[OtherPlan, ...]:
    """Return what each rule on an eval of `role: ood` or `guard` can show.

    Args:
        rows: of each eval by its name; the eval that decides is among them.
    """
    found = [*_ood(suite, rows, looks, basis), *_guards(suite.gates, suite.others, rows, looks, basis)]
    return tuple(found)


def copies_plan(items: ItemSet, max_share: float) -> CopiesPlan:
    """Return which rows were left out as copies of gate rows, and whether the pool's share of them is allowed."""
    splits = ("pool", "dev", "teacher")
    exact = {split: items.duplicates.get(f"{split}_in_gate", 0) for split in splits}
    near = {split: items.duplicates.get(f"near_{split}_in_gate", 0) for split in splits}
    dropped, pool = leaked_rows(items.duplicates, len(items.split("pool")))
    rule = leakage_rule(dropped, pool, max_share)
    return CopiesPlan(
        exact=exact,
        near=near,
        share=rule.value,
        max_share=max_share,
        outcome=rule.outcome,
        sentence=rule.sentence,
        examples=items.near,
    )


def _ood(suite: Suite, rows: Mapping[str, int], looks: Looks, basis: Basis) -> Iterator[OtherPlan]:
    level, inside = looks.final(looks.last), rows[suite.eval.name]
    for one in suite.gates.ood:
        n = rows.get(one.eval, 0)
        accuracy = _accuracy(suite.eval_named(one.eval), basis)
        if one.retention is not None:
            cells = cell_probabilities(1.0, accuracy, basis.correlation)
            yield OtherPlan(
                eval=one.eval,
                rule=ood.retention_name(one.eval),
                requirement=one.retention,
                rows=n,
                smallest=smallest_passable_n(one.retention, level, 1.0),
                chance=power_of_cells(cells, n, one.retention, level),
                rows_for_80_percent=rows_for_power(
                    1.0, one.retention, accuracy, basis.correlation, level, TARGET_POWER
                ),
            )
        if one.auroc is not None:
            yield OtherPlan(
                eval=one.eval,
                rule=ood.auroc_name(one.eval),
                requirement=one.auroc,
                rows=n,
                smallest=smallest_passable_auroc(one.auroc, level),
                chance=None,
                rows_for_80_percent=None,
                least_auroc=detectable_auroc(one.auroc, inside, n, level, TARGET_POWER),
            )


def _guards(
    gates: GatesSpec, others: Sequence[Eval], rows: Mapping[str, int], looks: Looks, basis: Basis
) -> Iterator[OtherPlan]:
    level, margin = looks.final(looks.last), gates.guards.margin
    for one in others:
        if one.spec.role != "guard":
            continue
        cells = cell_probabilities(1.0, _accuracy(one, basis), basis.correlation)
        n = rows.get(one.name, 0)
        yield OtherPlan(
            eval=one.name,
            rule=guards.name_of(one.name),
            requirement=-margin,
            rows=n,
            smallest=smallest_passable_difference(margin, level),
            chance=difference_power(cells, n, margin, level),
            rows_for_80_percent=rows_for_difference(cells, margin, level, TARGET_POWER),
        )


def _accuracy(one: Eval, basis: Basis) -> float:
    """Return what is taken for the teacher's score on another eval: that on the main one, 1 where it is agreement."""
    fidelity = one.spec.data.target is None and one.spec.samples.teacher == 1
    return 1.0 if fidelity else basis.teacher_accuracy
