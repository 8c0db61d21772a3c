"""What a loop would ask for and what that costs at most, stage by stage, before anything is sent.

Calls are counted as if every round and every look were used and nothing were stored yet. Tokens are estimated on
development rows, with an answer as long as the longest label.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import request_cost
from gatekeeper.models.tokens import count_request
from gatekeeper.records import Item, Prediction, Record
from gatekeeper.run.asking import params_of, request_of
from gatekeeper.run.judging import Judging
from gatekeeper.run.teacher import judge_price_of, price_of, price_of_model
from gatekeeper.scorers import Judge
from gatekeeper.store.spend import Purpose
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import AskedBaseline
from gatekeeper.suite.suite import Suite

PRICED_ITEMS = 500
"""Development rows that the mean price of a request is taken over."""


class PlannedCalls(Record):
    """The calls of one stage to one model, at most."""

    stage: str
    model: str
    purpose: Purpose
    calls: int
    usd_per_call: Decimal
    assumed: bool
    """The price is that of another model, which this one stands in for."""

    @property
    def usd(self) -> Decimal:
        """Of all calls."""
        return self.calls * self.usd_per_call


class LoopPlan(Record):
    """The calls of a loop at most. Training is left out: its time is not known before it ran."""

    lines: tuple[PlannedCalls, ...]
    usd: Decimal
    """Of all lines."""
    budget_usd: Decimal
    usd_per_training_hour: Decimal
    """Training is charged by its time, at the price of one replica."""

    @property
    def calls(self) -> int:
        """Of all lines."""
        return sum(line.calls for line in self.lines)


def plan_loop(suite: Suite, items: ItemSet, at: date) -> LoopPlan:
    """Return what a loop over the suite asks for at most.

    Args:
        at: the date that prices are wanted for.

    Raises:
        PriceError: a model has no price, or an old one.
    """
    dev, gate = items.split("dev"), [item for item in items.items if item.split == "gate"]
    lines = [*_teacher(suite, items, dev, gate, at), *_baselines(suite, dev, gate, at), *_judge(suite, dev, gate, at)]
    lines = [line for line in lines if line.calls]
    return LoopPlan(
        lines=tuple(lines),
        usd=sum((line.usd for line in lines), Decimal(0)),
        budget_usd=suite.loop.budget_usd,
        usd_per_training_hour=suite.serving.cpu.usd_per_hour,
    )


def usd_per_request(suite: Suite, items: Sequence[Item], price: Price) -> Decimal:
    """Return the mean price of a request about the first `PRICED_ITEMS` items, tokens estimated."""
    longest = max(suite.eval.labels, key=len)
    sample = [request_cost(count_request(request_of(suite, item), longest), price) for item in items[:PRICED_ITEMS]]
    return sum(sample, Decimal(0)) / len(sample)


def _teacher(suite: Suite, items: ItemSet, dev: Sequence[Item], gate: Sequence[Item], at: date) -> list[PlannedCalls]:
    each, assumed = usd_per_request(suite, dev, price_of(suite, at)), suite.teacher.priced_as is not None
    pool = min(suite.loop.rounds * suite.loop.examples_per_round, items.counts["pool"])
    samples = {one.name: one.spec.samples.teacher for one in suite.evals}
    counts: list[tuple[str, Purpose, int]] = [
        ("training answers", "generate", pool),
        ("development split", "evaluate", len(dev) * suite.eval.spec.samples.teacher),
        ("gate split, once a look is spent", "evaluate", sum(samples[item.eval] for item in gate)),
    ]
    return [
        PlannedCalls(
            stage=stage, model=suite.teacher.model, purpose=purpose, calls=calls, usd_per_call=each, assumed=assumed
        )
        for stage, purpose, calls in counts
    ]


def _baselines(suite: Suite, dev: Sequence[Item], gate: Sequence[Item], at: date) -> list[PlannedCalls]:
    asked = [one for one in suite.baselines if isinstance(one, AskedBaseline)]
    rows = len(dev) + sum(item.eval == suite.eval.name for item in gate)
    return [
        PlannedCalls(
            stage=f"baseline {one.name}",
            model=one.model,
            purpose="evaluate",
            calls=rows,
            usd_per_call=usd_per_request(suite, dev, price_of_model(suite, one, one.name, at)),
            assumed=one.priced_as is not None,
        )
        for one in asked
    ]


def _judge(suite: Suite, dev: Sequence[Item], gate: Sequence[Item], at: date) -> list[PlannedCalls]:
    """Each answer is judged once: those of teacher and baselines, and of each student of each round (gate: look)."""
    price, scorer = judge_price_of(suite, at), suite.eval.scorer
    if price is None or suite.judge is None or not isinstance(scorer, Judge):
        return []
    fixed = 1 + len(suite.baselines)
    students = suite.loop.rounds * len(suite.students)
    calls = len(dev) * (fixed + students) + len(gate) * (fixed + suite.gates.quality.looks)
    judging = Judging(scorer, params_of(suite.judge), suite.eval.labels)
    longest = max(suite.eval.labels, key=len)
    asked = [
        request
        for item in dev[:PRICED_ITEMS]
        if (request := judging.request(item, Prediction(item_id=item.id, model="", output=longest))) is not None
    ]
    each = sum((request_cost(count_request(one, "yes"), price) for one in asked), Decimal(0)) / len(asked)
    return [
        PlannedCalls(
            stage="judging of answers",
            model=suite.judge.model,
            purpose="judge",
            calls=calls,
            usd_per_call=each,
            assumed=suite.judge.priced_as is not None,
        )
    ]
