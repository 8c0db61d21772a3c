"""Ask the judge about answers, and score them by what it says; people's answers score them as well where there are any.

The judge sees the item's text, the answer without outer white space, and the labels. It never learns which model has
answered, and answers that are the same are asked about once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gatekeeper.errors import ModelError
from gatekeeper.records import Completion, Item, Message, Prediction, Request, Score
from gatekeeper.run.asking import ask_model, params_of
from gatekeeper.run.session import PricedModel, Session
from gatekeeper.scorers import Judge
from gatekeeper.scorers.judge import verdict_of
from gatekeeper.scorers.reference import score_prediction
from gatekeeper.suite.prompt import render_rubric
from gatekeeper.suite.suite import Suite

Answer = tuple[Item, Prediction]
LEAST_VERDICTS = 10
"""Answers of a judge below which nothing is concluded from their form."""


@dataclass(frozen=True)
class Judging:
    """How answers to the items of one eval are judged.

    Attributes:
        judge: with the fingerprint of the model that is asked.
        params: of each request.
        labels: of the task.
    """

    judge: Judge
    params: Mapping[str, Any]
    labels: tuple[str, ...]

    def request(self, item: Item, prediction: Prediction) -> Request | None:
        """Return what the judge is asked about an answer; None where there is none to judge.

        Raises:
            InputError: the rubric fails on this item.
        """
        if prediction.error_class is not None or prediction.output is None:
            return None
        text = render_rubric(self.judge.rubric, item, prediction.output.strip(), self.labels)
        messages = (Message(role="user", content=text),)
        return Request(item_id=item.id, text=text, messages=messages, params=dict(self.params))

    def key(self, item: Item, prediction: Prediction) -> str | None:
        """Return the key of the question about an answer; None where there is none to judge."""
        request = self.request(item, prediction)
        return None if request is None else request.key(self.judge.model)

    def score(self, item: Item, prediction: Prediction, verdicts: Mapping[str, Completion]) -> Score:
        """Score an answer by the judge's completions, by their request key.

        An answer that an infrastructure error kept from arriving is not wrong: it has no score.
        """
        key = self.key(item, prediction)
        value, reason = (
            (None, prediction.error_class)
            if prediction.error_class is not None
            else self.judge.value(prediction.output, None if key is None else verdicts.get(key))
        )
        return Score(
            item_id=item.id,
            model=prediction.model,
            scorer=self.judge.name,
            version=self.judge.version,
            sample_index=prediction.sample_index,
            value=value,
            reason=reason,
        )


@dataclass(frozen=True)
class GateLabels:
    """People's answers to gate rows: how many there are, and below how many nothing that a judge scores is promoted."""

    labelled: int
    least: int
    rows: int
    usd_per_label: Decimal

    @property
    def missing(self) -> int:
        """Answers of people that are missing."""
        return max(0, self.least - self.labelled)

    @property
    def usd(self) -> Decimal:
        """US dollars for the missing ones."""
        return self.usd_per_label * self.missing


def labels_of(suite: Suite, gate: Sequence[Item]) -> GateLabels | None:
    """Return how many gate rows people have labelled; None where no judge decides.

    Args:
        gate: the gate rows of the eval that decides.
    """
    if not isinstance(suite.eval.scorer, Judge):
        return None
    from gatekeeper.stats.judged import least_labelled  # late: it brings scipy, which asking does without

    labelled = sum(item.target is not None for item in gate)
    return GateLabels(labelled, least_labelled(suite.gates.quality.retention), len(gate), suite.costs.usd_per_label)


def judged_scores(session: Session, answers: Sequence[Answer], label: str) -> list[Score]:
    """Return the judge's score of each answer, and people's where the item has a target.

    Args:
        answers: to items of the eval that decides, whose scorer is a judge.
        label: what the progress line says.

    Raises:
        BudgetExceededError: the next question does not fit; the verdicts so far are kept.
        ModelError: the judge cannot be used at all, or says neither yes nor no to any of the answers.
    """
    if not answers:
        return []
    judging, asked = _judging(session), session.judge
    assert asked is not None  # the suite was refused without
    requests = [request for item, one in answers if (request := judging.request(item, one)) is not None]
    said = _ask(session, asked, requests, label)
    _check_verdicts(said, on_gate=any(item.split == "gate" for item, _ in answers))
    verdicts = {completion.request_key: completion for completion in said}
    gold = session.suite.eval.gold
    people = [score_prediction(gold, item, one) for item, one in answers if item.target is not None]
    return [*(judging.score(item, one, verdicts) for item, one in answers), *people]


def _judging(session: Session) -> Judging:
    judge = session.scorer_of(session.suite.eval.name)
    assert isinstance(judge, Judge)
    return Judging(judge, params_of(session.suite.judge), session.suite.eval.labels)


def _ask(session: Session, asked: PricedModel, requests: Sequence[Request], label: str) -> list[Completion]:
    try:
        return ask_model(session, asked, requests, "judge", label)
    except ModelError as error:
        hint = None if error.hint is None else error.hint.replace("teacher.", "judge.")
        message = f"the judge: {error.message}"
        raise ModelError(message, kind=error.kind, retryable=error.retryable, hint=hint) from error


def _check_verdicts(said: Sequence[Completion], *, on_gate: bool) -> None:
    """A judge that never says yes or no would refuse everything, and be paid for it."""
    outputs = [one.output for one in said if one.ok and one.output is not None]
    if len(outputs) >= LEAST_VERDICTS and all(verdict_of(output) is None for output in outputs):
        shown = "" if on_gate else f", for example {' '.join(outputs[0].split())[:60]!r}"  # it may quote a gate row
        raise ModelError(
            f"the judge says neither yes nor no to any of {len(outputs):,} answers{shown}",
            kind="not_a_verdict",
            hint="end the rubric with: Answer with yes or no only",
        )
