"""The teacher and the judge of a run: built from the suite, and priced.

The head of a stand-in teacher is fitted on gold rows that nothing else uses.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gatekeeper.cost.prices import DEFAULT_MAX_AGE_DAYS, Price, find_price
from gatekeeper.cost.prices.book import all_prices, how_to_get
from gatekeeper.cost.prices.file import parse_price_entries, parse_prices
from gatekeeper.errors import DataError, InputError, PriceError
from gatekeeper.hashing import content_hash
from gatekeeper.models.base import Model
from gatekeeper.run.progress import Progress
from gatekeeper.run.session import JUDGE, InBatches, PricedModel
from gatekeeper.store.artifacts import open_artifact, put
from gatekeeper.store.connection import Store
from gatekeeper.store.training import TrainingRun, insert_artifacts, insert_training_runs, training_runs_of
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import EncoderTeacher, TeacherSpec
from gatekeeper.suite.spec_api import BatchedSpec
from gatekeeper.suite.suite import Suite

TEACHER = "teacher"
"""Name of the teacher in the table `training_runs`, where a stand-in's head stands with round 0."""
NO_LIMIT_DAYS = 10_000


def _price_id(suite: Suite, model: TeacherSpec, role: str) -> tuple[str, bool]:
    if model.priced_as is not None:
        return model.priced_as, True
    if "/" not in model.model:
        raise PriceError(
            f"{suite.path}: {_place(role)}: the {model.model} {_named(role)} has no price",
            hint=f"add `priced_as: provider/model` to the {_named(role)}; the model that it stands in for",
        )
    return model.model.removeprefix("litellm/"), False


def price_of(suite: Suite, at: date) -> Price:
    """Return the teacher's price; nothing is spent before this is known.

    A stand-in's price is an assumption whose date is shown, so it does not go stale. A real teacher's price does.

    Raises:
        PriceError: the price is unknown or too old.
        InputError: the suite's own price file cannot be read.
    """
    return price_of_model(suite, suite.teacher, TEACHER, at)


def judge_price_of(suite: Suite, at: date) -> Price | None:
    """Return the judge's price, None where the suite names no judge. Raises as `price_of`."""
    return None if suite.judge is None else price_of_model(suite, suite.judge, JUDGE, at)


def price_of_model(suite: Suite, model: TeacherSpec, role: str, at: date) -> Price:
    """Return the price of a model of the suite. Raises as `price_of`.

    Args:
        role: `teacher`, `judge`, or the name of a baseline.
    """
    price_id, assumed = _price_id(suite, model, role)
    own = None if suite.prices is None else parse_prices(_read(suite.prices), file=str(suite.prices))
    return find_price(price_id, at=at, own=own, max_age_days=NO_LIMIT_DAYS if assumed else DEFAULT_MAX_AGE_DAYS)


def in_batches_of(suite: Suite, model: TeacherSpec, role: str, at: date) -> InBatches | None:
    """Return how a model of the suite is asked in batches, None where the suite does not prefer them.

    Args:
        role: `teacher`, `judge`, or the name of a baseline.
        at: the date that the price is wanted for.

    Raises:
        PriceError: no price of a batch is known, or an old one. Unknown is neither half nor the whole price.
    """
    if not isinstance(model, BatchedSpec) or model.prefer != "batch":
        return None
    price_id, assumed = _price_id(suite, model, role)
    own = None
    if suite.prices is not None:
        own = parse_price_entries(_read(suite.prices), file=str(suite.prices))
    known = all_prices(price_id, at=at, own=own, max_age_days=NO_LIMIT_DAYS if assumed else DEFAULT_MAX_AGE_DAYS)
    if known.batch is None:
        raise PriceError(
            f"no batch price for {price_id!r}, and {_place(role)} prefers batches",
            hint=f"{how_to_get(known, 'batch')}; or set `prefer: live`",
        )
    return InBatches(known.batch, float(model.deadline_hours))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the price file {path} cannot be read: {error}", hint="give a UTF-8 YAML file") from error


def teacher_of(suite: Suite, items: ItemSet, store: Store, run: str, progress: Progress) -> Model:
    """Build the teacher of `suite`.

    Raises:
        ModelError: it cannot be loaded.
        DataError: a stand-in encoder has no gold rows to learn from.
    """
    from gatekeeper.models import build_teacher

    if isinstance(suite.teacher, EncoderTeacher):
        return encoder_model(suite, suite.teacher, TEACHER, items, store, run, progress)
    return build_teacher(suite.teacher, labels=suite.eval.labels, seed=suite.loop.seed)


def judge_of(suite: Suite, price: Price | None, in_batches: InBatches | None) -> PricedModel | None:
    """Build the judge of `suite`, None where it names none.

    Args:
        price: the judge's.
        in_batches: how it is asked in batches.

    Raises:
        ModelError: it cannot be loaded.
        DataError: a recorded verdict does not say what it is about.
    """
    from gatekeeper.models import build_judge

    if suite.judge is None or price is None:
        return None
    return PricedModel(build_judge(suite.judge, seed=suite.loop.seed), price, in_batches)


def encoder_model(
    suite: Suite, spec: EncoderTeacher, role: str, items: ItemSet, store: Store, run: str, progress: Progress
) -> Model:
    """Build an encoder whose head is fitted on gold rows; a head that this run has fitted already is loaded.

    Args:
        role: `teacher`, or the name of a baseline.

    Raises:
        DataError: there are no gold rows to learn from.
        ModelError: it cannot be loaded.
    """
    from gatekeeper.models import as_model, load_classifier
    from gatekeeper.models.head import EncoderClassifier

    with store.read() as connection:
        known = training_runs_of(connection, run, round=0, student=role)
    digest = known[0].model if known else _fit_head(suite, spec, role, items, store, run, progress)
    classifier = load_classifier(open_artifact(store, digest))
    assert isinstance(classifier, EncoderClassifier)
    price_id, assumed = _price_id(suite, spec, role)
    return as_model(
        classifier,
        f"stand-in for {price_id} (local encoder)",
        digest,
        price_id=price_id,
        price_assumed=assumed,
        count_tokens=classifier.encoder.count_tokens,
    )


def _fit_head(
    suite: Suite, spec: EncoderTeacher, role: str, items: ItemSet, store: Store, run: str, progress: Progress
) -> str:
    from gatekeeper.models import build_teacher
    from gatekeeper.models.local import ClassifierModel

    gold = [item for item in items.split("teacher") if item.target is not None]
    if not gold:
        raise DataError(
            f"{suite.eval.file}: data.splits.teacher: the stand-in {_named(role)} has no gold rows to learn from",
            hint="give the split `teacher` a share (for example 0.3) and the data a target column",
        )
    rows_used = f"{len(gold):,} gold rows that no student uses"
    progress.say(f"stand-in {_named(role)}: fitting its head on {rows_used}", style="dim")
    rows = [(item.text, item.target) for item in gold if item.target is not None]
    teacher = build_teacher(spec, labels=suite.eval.labels, gold=rows, seed=suite.loop.seed)
    assert isinstance(teacher, ClassifierModel)
    classifier = teacher.classifier
    artifact = put(store, classifier.save, kind=classifier.kind)
    trained = TrainingRun(
        run=run,
        round=0,
        student=role,
        examples_digest=content_hash([[item.id, item.text, item.target] for item in gold]),
        recipe=spec.model_dump(mode="json"),
        seed=suite.loop.seed,
        model=artifact.digest,
        artifact=artifact.digest,
        n_examples=len(gold),
        seconds=None,
    )
    with store.write() as connection:
        insert_artifacts(connection, [artifact])
        insert_training_runs(connection, [trained])
    return artifact.digest


def _named(role: str) -> str:
    return role if role in (TEACHER, JUDGE) else f"baseline {role!r}"


def _place(role: str) -> str:
    return role if role in (TEACHER, JUDGE) else f"baselines.{role}"
