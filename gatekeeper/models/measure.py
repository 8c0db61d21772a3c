"""How fast a model is, on this machine and on the suite's own texts. Measured, never guessed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from gatekeeper.errors import InputError
from gatekeeper.models.base import Classifier, Model
from gatekeeper.models.load import Loaded, closed_loop
from gatekeeper.models.local import ClassifierModel, as_model
from gatekeeper.models.speed import BLOCKS, p95_estimate, throughput_estimate
from gatekeeper.records import Estimate, Measurement, Message, Request

REPLICATES = 7
BATCH_SIZE = 256
LATENCY_ANSWERS = 1000
LATENCY_SECONDS = 30.0
LATENCY_RUNS = 8
FAR_TAIL = 0.99
"""The percentile that bounds how long a student takes before its teacher is asked as well."""
_WARM_UP = 32

Answer = Callable[[Sequence[str]], None]


def measure(
    model: Model | Classifier,
    texts: Sequence[str],
    *,
    seed: int,
    concurrency: int = 1,
    replicates: int = REPLICATES,
    machine: str | None = None,
    batch_size: int = BATCH_SIZE,
    answers: int | None = None,
    runs: int = LATENCY_RUNS,
    seconds: float = LATENCY_SECONDS,
    name: str | None = None,
) -> Measurement:
    """Time `model` over distinct texts: in batches, and one text at a time under load.

    The texts are shuffled and dealt into `replicates` parts, so that no text is timed twice in batches; each part is
    timed alone after a warm-up on texts that are not timed. Latency is that of single texts while `concurrency` callers
    keep asking (`gatekeeper.models.load.closed_loop`), over the same texts, which come around again when they run out.
    Where answers depend on each other so much that they do not bound the 95th percentile, the callers go on for up to
    `runs` times as many. A classifier that remembers texts is timed without its memory. The intervals are those
    of `gatekeeper.models.speed`; the machine's load average before and after shows what else it was doing.

    Args:
        model: a classifier or any model; with more than one caller it answers in several threads at once.
        texts: the suite's own texts; repeated ones are left out.
        seed: of the shuffle.
        concurrency: callers that ask at the same time while latency is measured.
        replicates: parts, at least 5.
        machine: what to call this machine; None for what the system says.
        batch_size: texts given to a classifier at once.
        answers: single answers that latency is measured over; None for 1,000, and 10 of each caller at least.
        runs: how often as many answers may be taken until they bound the 95th percentile; 1 where no rule asks for it.
        seconds: most seconds of that. A model that is too slow for all of them gives fewer, and too few leave the 95th
            percentile undefined.
        name: the model's fingerprint in the record; needed for a classifier.

    Raises:
        InputError: fewer than 5 replicates, too few distinct texts for them, no caller, no answer, or no time.
    """
    wanted = max(LATENCY_ANSWERS, BLOCKS * concurrency) if answers is None else answers
    if concurrency < 1 or wanted < 1 or not seconds > 0:
        raise InputError(
            f"latency of {wanted} answers to {concurrency} callers within {seconds:g} seconds cannot be measured",
            hint="give 1 or more of each",
        )
    shuffled = _shuffled(texts, replicates, seed)
    answer, fingerprint, size = _runner(model, batch_size, name)
    load_before = _load_average()
    warm_up = min(_WARM_UP, len(shuffled) // 4)
    answer(shuffled[:warm_up])
    timed = shuffled[warm_up:]
    rates = [len(part) / _seconds(answer, part) for part in (timed[i::replicates] for i in range(replicates))]
    loaded, tail, far = _under_load(answer, timed, concurrency, wanted, runs, seconds)
    return Measurement(
        model=fingerprint,
        throughput_rps=throughput_estimate(rates),
        latency_p50_ms=1000 * float(np.median(loaded.latencies)),
        latency_p95_ms=tail,
        latency_p99_ms=far,
        concurrency=concurrency,
        loaded_rps=loaded.rate,
        batch_size=size,
        cores=_cores(),
        machine=machine or describe_machine(),
        load_before=load_before,
        load_after=_load_average(),
        measured_at=datetime.now(UTC),
    )


def describe_machine() -> str:
    """Return processor and core count in words."""
    return f"{_processor()}, {_cores()} cores"


def _shuffled(texts: Sequence[str], replicates: int, seed: int) -> list[str]:
    distinct = sorted(set(texts))
    if replicates < 5 or len(distinct) < 2 * replicates:
        raise InputError(
            f"{len(distinct)} distinct texts for {replicates} replicates: speed needs 5 or more replicates of 2 texts",
            hint="give more texts",
        )
    return [distinct[row] for row in np.random.default_rng(seed).permutation(len(distinct))]


def _runner(model: Model | Classifier, batch_size: int, name: str | None) -> tuple[Answer, str, int]:
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


def _seconds(answer: Answer, texts: Sequence[str]) -> float:
    start = time.perf_counter()
    answer(texts)
    return time.perf_counter() - start


def _under_load(
    answer: Answer, texts: list[str], callers: int, answers: int, runs: int, seconds: float
) -> tuple[Loaded, Estimate, Estimate]:
    """Return what the callers saw, and its 95th and 99th percentile in milliseconds."""
    end = time.perf_counter() + seconds
    latencies, rates = np.zeros(0), []
    for run in range(1, runs + 1):
        place = len(latencies) % len(texts)
        left = max(0.0, end - time.perf_counter())
        found = closed_loop(answer, texts[place:] + texts[:place], callers=callers, answers=answers, seconds=left)
        latencies = np.concatenate([latencies, found.latencies])
        rates += [] if found.rate is None else [found.rate]
        tail = p95_estimate(1000 * latencies, run * answers)
        if tail.upper is not None or time.perf_counter() >= end:
            break
    far = p95_estimate(1000 * latencies, run * answers, FAR_TAIL)
    return Loaded(latencies, float(np.mean(rates)) if rates else None), tail, far


def _load_average() -> float | None:
    """Return the load average of the last minute, None on a system that has none."""
    known: Callable[[], tuple[float, float, float]] | None = getattr(os, "getloadavg", None)
    try:
        return None if known is None else known()[0]
    except OSError:
        return None


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
