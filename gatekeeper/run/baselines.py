"""The baselines of a run: built from the suite, and priced before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gatekeeper.cost.prices import Price
from gatekeeper.errors import InputError
from gatekeeper.models.base import Model
from gatekeeper.run.progress import Progress
from gatekeeper.run.session import Baseline, InBatches, PricedModel
from gatekeeper.run.teacher import encoder_model, price_of_model
from gatekeeper.store.connection import Store
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import EncoderBaseline, MajorityBaseline
from gatekeeper.suite.suite import Suite


def baseline_prices_of(suite: Suite, at: date) -> dict[str, Price]:
    """Return the price of each baseline that is a model, by its name.

    A cheaper model without a price would make any student look needless, so it stops here.

    Raises:
        PriceError: a price is unknown or too old.
        InputError: the suite's own price file cannot be read.
    """
    return {
        one.name: price_of_model(suite, one, one.name, at)
        for one in suite.baselines
        if not isinstance(one, MajorityBaseline)
    }


def baselines_of(
    suite: Suite,
    prices: Mapping[str, Price],
    in_batches: Mapping[str, InBatches | None],
    teacher: Model,
    items: ItemSet,
    store: Store,
    run: str,
    progress: Progress,
) -> tuple[Baseline, ...]:
    """Build the baselines of `suite`, in its order.

    Args:
        prices: of each that is a model, by name.
        in_batches: how each that is asked in batches is, by name.
        teacher: of the suite.

    Raises:
        InputError: two of them, or one and the teacher, are the same model.
        ModelError: one cannot be loaded.
        DataError: an encoder has no gold rows to learn from.
    """
    from gatekeeper.models import build_teacher

    known = {teacher.info.fingerprint: "the teacher"}
    built: list[Baseline] = []
    for index, spec in enumerate(suite.baselines):
        if isinstance(spec, MajorityBaseline):
            built.append(Baseline(spec, None))
            continue
        if isinstance(spec, EncoderBaseline):
            model = encoder_model(suite, spec, spec.name, items, store, run, progress)
        else:
            model = build_teacher(spec, labels=suite.eval.labels, seed=suite.loop.seed)
        same = known.setdefault(model.info.fingerprint, f"the baseline {spec.name!r}")
        if same != f"the baseline {spec.name!r}":
            raise InputError(
                f"{suite.path}: baselines[{index}]: {spec.name!r} gives the same answers as {same}: it is the same "
                "model, or the same file of answers",
                hint="remove it; held against itself it says nothing",
            )
        built.append(Baseline(spec, PricedModel(model, prices[spec.name], in_batches.get(spec.name))))
    return tuple(built)
