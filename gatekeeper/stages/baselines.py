"""Baselines: cheaper models answer the same rows as the teacher, through the same requests, budget and scorer.

They answer the development split before a student exists. Gate rows are asked only once a student spends a look, and
only of those baselines whose answers can still change the verdict (`gatekeeper.decide.baselines.to_ask`). They see each
row once, as a student does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gatekeeper.cost.usage import RequestCost
from gatekeeper.errors import DataError, ModelError
from gatekeeper.hashing import content_hash
from gatekeeper.records import Completion, Item, Prediction
from gatekeeper.run.asking import ask_model, request_of
from gatekeeper.run.pricing import cost_of_answers
from gatekeeper.run.scoring import prediction_of, store_answers, teacher_answers, unscored
from gatekeeper.run.session import BASELINE, Baseline, PricedModel, Session
from gatekeeper.store.suites import StoredModel, insert_models
from gatekeeper.suite.spec import AskedBaseline


def evaluate_baselines(session: Session) -> None:
    """Let each baseline answer the development split, and write down what one of its answers costs.

    The teacher's answers to these rows must be stored before.

    Raises:
        BudgetExceededError: the next call does not fit; the answers so far are kept.
        ModelError: a baseline cannot be used, or answers none of the rows.
    """
    rows = session.split("dev")
    for baseline in session.baselines:
        if baseline.asked is None:
            _answer_one_label(session, baseline, rows)
        else:
            answers = _ask(session, baseline, baseline.asked, rows, f"{baseline.name} on dev")
            cost = cost_of_answers(f"the baseline {baseline.name!r}", answers, baseline.asked.price)
            _note(session, baseline, baseline.asked.model.info.fingerprint, cost)


def evaluate_on_gate(session: Session, names: Sequence[str], rows: Sequence[Item]) -> None:
    """Let the baselines with these names answer gate rows that a look reads. Raises as `evaluate_baselines`."""
    for baseline in session.baselines:
        if baseline.name not in names:
            continue
        if baseline.asked is None:
            _answer_one_label(session, baseline, rows)
        else:
            _ask(session, baseline, baseline.asked, rows, f"{baseline.name} on gate")


def _ask(
    session: Session, baseline: Baseline, asked: PricedModel, rows: Sequence[Item], label: str
) -> list[Completion]:
    spec = baseline.spec
    assert isinstance(spec, AskedBaseline)
    requests = [request_of(session.suite, item, spec=spec) for item in rows]
    try:
        answers = ask_model(session, asked, requests, "evaluate", label)
    except ModelError as error:
        hint = None if error.hint is None else error.hint.replace("teacher.", f"baselines.{baseline.name}.")
        message = f"the baseline {baseline.name!r}: {error.message}"
        raise ModelError(message, kind=error.kind, retryable=error.retryable, hint=hint) from error
    store_answers(session, rows, {one.item_id: [prediction_of(one)] for one in answers}, teacher_answers(session))
    return answers


def _note(session: Session, baseline: Baseline, model: str, cost: RequestCost | None) -> None:
    session.note(
        BASELINE,
        name=baseline.name,
        fingerprint=model,
        cost=None if cost is None else cost.model_dump(mode="json"),
        price_assumed=baseline.asked is not None and baseline.asked.model.info.price_assumed,
    )


def _answer_one_label(session: Session, baseline: Baseline, rows: Sequence[Item]) -> None:
    label = majority_label(session)
    model = content_hash({"always": label})
    with session.store.write() as connection:
        name = f"always {label!r}"
        insert_models(connection, [StoredModel(fingerprint=model, name=name, kind=baseline.spec.model, place="local")])
    missing = unscored(session, model, rows)
    if missing:
        answers = {item.id: [Prediction(item_id=item.id, model=model, output=label)] for item in missing}
        store_answers(session, missing, answers, teacher_answers(session))
    _note(session, baseline, model, None)


def majority_label(session: Session) -> str:
    """Return the commonest label: of right answers in the splits pool and teacher, which neither dev nor gate shares.

    Where nobody knows right answers there, it is the teacher's commonest answer on dev. That flatters the baseline on
    dev by little: one of a few labels is chosen, and one that comes near to passing is by far the commonest.

    Raises:
        DataError: there is neither; then there is nothing to count.
    """
    gold = [item.target for split in ("pool", "teacher") for item in session.by_split.get(split, ()) if item.target]
    labels = session.suite.eval.labels
    if not gold:
        dev = {item.id for item in session.split("dev")}
        said = [one.output for key, several in teacher_answers(session).items() if key in dev for one in several]
        gold = [output.strip() for output in said if output is not None and output.strip() in labels]
    counts = Counter(gold)
    if not counts:
        raise DataError(
            "the baseline `majority` has no labels to count",
            hint="give the pool a target column, or look at the teacher's answers on dev in the table `completions`",
        )
    return max(sorted(counts), key=lambda label: counts[label])
