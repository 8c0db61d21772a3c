"""What a loop would ask for and what that costs, stage by stage, before anything is sent.

Calls are counted as if every round and every look were used. Where a store is known, calls that it has answers for are
told apart. Tokens are counted on development rows, with an answer as long as the longest label where none is stored;
at most it is as long as the model's limit allows, and that much is reserved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from gatekeeper.models.base import Model
from gatekeeper.records import Prediction, Request, Split
from gatekeeper.run.asking import params_of, request_of
from gatekeeper.run.expected import Asked, Expected, asked_of, expected_of
from gatekeeper.run.judging import Judging
from gatekeeper.run.planned import Known, LoopPlan, PlannedCalls, PlannedTraining
from gatekeeper.run.session import JUDGE, TEACHER
from gatekeeper.scorers import Judge
from gatekeeper.store.spend import Purpose
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import AskedBaseline
from gatekeeper.suite.suite import Suite

PRICED_ITEMS = 500
"""Development rows that the mean price of a request is taken over."""
STAGES: dict[Split, str] = {
    "pool": "training answers",
    "dev": "development split",
    "gate": "gate split, once a look is spent",
}


def plan_loop(
    suite: Suite,
    items: ItemSet,
    at: date,
    *,
    models: Mapping[str, Model] | None = None,
    known: Known | None = None,
    notes: Sequence[str] = (),
) -> LoopPlan:
    """Return what a loop over the suite asks for at most.

    Args:
        at: the date that prices are wanted for.
        models: those that are built, by role: `teacher`, `judge`, or the name of a baseline.
        known: what a store has already; None: nothing.
        notes: are added to the plan.

    Raises:
        PriceError: a model has no price, or an old one.
    """
    facts = known or Known()
    lines = _Lines(suite, items, at, models or {}, facts)
    found = [*lines.of_teacher(), *lines.of_baselines(), *lines.of_judge()]
    return LoopPlan(
        lines=tuple(line for line in found if line.calls),
        training=PlannedTraining(
            trainings=suite.loop.rounds * len(suite.students),
            trained=facts.trained,
            usd_per_hour=suite.serving.cpu.usd_per_hour,
            seconds=facts.seconds,
        ),
        budget_usd=suite.loop.budget_usd,
        spent_usd=facts.spent_usd,
        verdict=facts.verdict,
        notes=tuple(notes),
    )


class _Lines:
    def __init__(self, suite: Suite, items: ItemSet, at: date, models: Mapping[str, Model], known: Known) -> None:
        self._suite, self._items, self._at = suite, items, at
        self._models, self._known = models, known
        self._dev = items.split("dev")
        self._gate = [item for item in items.items if item.split == "gate"]
        self._answer = max(suite.eval.labels, key=len)

    def of_teacher(self) -> list[PlannedCalls]:
        suite = self._suite
        asked = asked_of(suite, suite.teacher, TEACHER, self._at, self._models, self._known.usages)
        each = expected_of(asked, [request_of(suite, item) for item in self._dev[:PRICED_ITEMS]], self._answer)
        samples = {one.name: one.spec.samples.teacher for one in suite.evals}
        counts: dict[Split, int] = {
            "pool": min(suite.loop.rounds * suite.loop.examples_per_round, self._items.counts["pool"]),
            "dev": len(self._dev) * suite.eval.spec.samples.teacher,
            "gate": sum(samples[item.eval] for item in self._gate),
        }
        return [
            self._line(TEACHER, asked, each, split, calls, STAGES[split], "generate" if split == "pool" else "evaluate")
            for split, calls in counts.items()
        ]

    def of_baselines(self) -> list[PlannedCalls]:
        own = sum(item.eval == self._suite.eval.name for item in self._gate)
        counts: dict[Split, int] = {"dev": len(self._dev), "gate": own}
        found = []
        for one in self._suite.baselines:
            if isinstance(one, AskedBaseline):
                asked = asked_of(self._suite, one, one.name, self._at, self._models, self._known.usages)
                each = expected_of(asked, self._requests(one), self._answer)
                found += [
                    self._line(one.name, asked, each, split, calls, f"baseline {one.name}, {STAGES[split]}", "evaluate")
                    for split, calls in counts.items()
                ]
        return found

    def of_judge(self) -> list[PlannedCalls]:
        """Each answer is judged once: of teacher and baselines, and of each student of each round (gate: look)."""
        suite, scorer = self._suite, self._suite.eval.scorer
        if suite.judge is None:
            return []
        asked = asked_of(suite, suite.judge, JUDGE, self._at, self._models, self._known.usages)
        if not isinstance(scorer, Judge):
            return []
        fixed, students = 1 + len(suite.baselines), suite.loop.rounds * len(suite.students)
        counts: dict[Split, int] = {
            "dev": len(self._dev) * (fixed + students),
            "gate": len(self._gate) * (fixed + suite.gates.quality.looks),
        }
        judging = Judging(scorer, params_of(suite.judge), suite.eval.labels)
        made = (
            judging.request(item, Prediction(item_id=item.id, model="", output=self._answer))
            for item in self._dev[:PRICED_ITEMS]
        )
        each = expected_of(asked, [request for request in made if request is not None], "yes")
        return [
            self._line(JUDGE, asked, each, split, calls, f"judging, {STAGES[split]}", "judge")
            for split, calls in counts.items()
        ]

    def _requests(self, spec: AskedBaseline) -> list[Request]:
        return [request_of(self._suite, item, spec=spec) for item in self._dev[:PRICED_ITEMS]]

    def _line(
        self, role: str, asked: Asked, each: Expected, split: Split, calls: int, stage: str, purpose: Purpose
    ) -> PlannedCalls:
        return PlannedCalls(
            stage=stage,
            model=asked.spec.model,
            purpose=purpose,
            split=split,
            calls=calls,
            stored=min(self._known.stored.get((role, split), 0), calls),
            each=each,
            batch=asked.batch,
            assumed=asked.spec.priced_as is not None,
        )
