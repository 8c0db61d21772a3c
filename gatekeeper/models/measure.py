"""How fast a model is, on this machine and on the suite's own texts. Measured, never guessed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import InputError
from gatekeeper.models.base import Classifier, Model
from gatekeeper.models.local import ClassifierModel, as_model
from gatekeeper.records import Estimate, Measurement, Message, Request

REPLICATES = 7
BATCH_SIZE = 256
LATENCY_TEXTS = 200
CONFIDENCE = 0.95
_WARM_UP = 32


def measure(
    model: Model | Classifier,
    texts: Sequence[str],
    *,
    seed: int,
    replicates: int = REPLICATES,
    machine: str | None = None,
    batch_size: int = BATCH_SIZE,
    latency_texts: int = LATENCY_TEXTS,
    name: str | None = None,
) -> Measurement:
    """Time `model` over distinct texts.

    The texts are shuffled and dealt into `replicates` parts, so that no text is timed twice in batches; each part is
    timed alone after a warm-up on texts that are not timed. Throughput is the mean of the parts with a Student t
    interval; latency is of one text at a time, with the order-statistic interval of its 95th percentile, whose upper
    end needs 72 texts. A classifier that remembers texts is timed without its memory.

    Args:
        model: a classifier or any model.
        texts: the suite's own texts; repeated ones are left out.
        seed: of the shuffle.
        replicates: parts, at least 5.
        machine: what to call this machine; None for what the system says.
        batch_size: texts given to a classifier at once.
        latency_texts: most texts that are timed one at a time.
        name: the model's fingerprint in the record; needed for a classifier.

    Raises:
        InputError: fewer than 5 replicates, or too few distinct texts for them.
    """
    distinct = sorted(set(texts))
    if replicates < 5 or len(distinct) < 2 * replicates:
        raise InputError(
            f"{len(distinct)} distinct texts for {replicates} replicates: speed needs 5 or more replicates of 2 texts",
            hint="give more texts",
        )
    order = np.random.default_rng(seed).permutation(len(distinct))
    shuffled = [distinct[row] for row in order]
    answer, fingerprint, size = _runner(model, batch_size, name)
    warm_up = min(_WARM_UP, len(shuffled) // 4)
    answer(shuffled[:warm_up])
    timed = shuffled[warm_up:]
    rates = [len(part) / _seconds(answer, part) for part in (timed[i::replicates] for i in range(replicates))]
    alone = timed[:latency_texts]
    answer(alone[:1])
    latencies = np.sort([1000 * _seconds(answer, [text]) for text in alone])
    return Measurement(
        model=fingerprint,
        throughput_rps=_throughput(rates),
        latency_p50_ms=float(np.quantile(latencies, 0.5)),
        latency_p95_ms=_tail(latencies),
        concurrency=getattr(model, "concurrency", 1),
        batch_size=size,
        cores=_cores(),
        machine=machine or describe_machine(),
        measured_at=datetime.now(UTC),
    )


def describe_machine() -> str:
    """Return processor and core count in words."""
    return f"{_processor()}, {_cores()} cores"


def _runner(
    model: Model | Classifier, batch_size: int, name: str | None
) -> tuple[Callable[[Sequence[str]], None], str, int]:
    """Return a function that answers texts, the model's fingerprint, and the batch size that it uses."""
    if isinstance(model, Model):
        if isinstance(model, ClassifierModel):
            model = as_model(_forgetful(model.classifier), model.info.name, model.info.fingerprint)
        known: Model = model
        inner = getattr(model, "batch_size", 1)

        def complete(texts: Sequence[str]) -> None:
            failed = [done for done in known.complete(_requests(texts)) if not done.ok]
            if failed:
                raise InputError(f"{len(failed)} requests failed while timing: {failed[0].error_message}")

        return complete, model.info.fingerprint, int(inner)
    if name is None:
        raise InputError("a classifier has no fingerprint of its own: give name=")
    classifier = _forgetful(model)

    def predict(texts: Sequence[str]) -> None:
        for start in range(0, len(texts), batch_size):
            classifier.predict(texts[start : start + batch_size])

    return predict, name, batch_size


def _forgetful(classifier: Classifier) -> Classifier:
    without: Callable[[], Classifier] | None = getattr(classifier, "without_memory", None)
    return classifier if without is None else without()


def _requests(texts: Sequence[str]) -> list[Request]:
    return [
        Request(item_id=str(row), text=text, messages=(Message(role="user", content=text),))
        for row, text in enumerate(texts)
    ]


def _seconds(answer: Callable[[Sequence[str]], None], texts: Sequence[str]) -> float:
    start = time.perf_counter()
    answer(texts)
    return time.perf_counter() - start


def _throughput(rates: Sequence[float]) -> Estimate:
    from gatekeeper.stats.intervals import t_interval

    lower, upper = t_interval(rates, CONFIDENCE)
    return Estimate(
        value=float(np.mean(rates)),
        lower=None if lower is None else max(0.0, lower),
        upper=upper,
        confidence=CONFIDENCE,
        method="mean of replicates, Student t",
        n_expected=len(rates),
        n_scored=len(rates),
        n_failed=0,
    )


def _tail(latencies: NDArray[np.float64]) -> Estimate:
    from gatekeeper.stats.intervals import quantile_interval

    lower, upper = quantile_interval(latencies, 0.95, CONFIDENCE)
    return Estimate(
        value=float(np.quantile(latencies, 0.95)),
        lower=lower,
        upper=upper,
        confidence=CONFIDENCE,
        method="95th percentile, order statistics",
        n_expected=len(latencies),
        n_scored=len(latencies),
        n_failed=0,
    )


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            names = [line.partition(":")[2].strip() for line in stream if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
