"""Speed: a closed loop of callers, and estimates from rates and from latencies."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import norm

from gatekeeper.errors import InputError
from gatekeeper.models import as_model, load
from gatekeeper.models.load import WARM_UP_ROUNDS, closed_loop
from gatekeeper.models.measure import LATENCY_RUNS, measure
from gatekeeper.models.replay import ReplayModel
from gatekeeper.models.speed import BLOCKS, independent_answers, p95_estimate, throughput_estimate
from gatekeeper.stats.intervals import quantile_interval, t_interval
from gatekeeper.training.linear import fit_linear

TEXTS = [f"{word} number {n}" for n in range(300) for word in ("great film", "awful film")]
LABELS = ["good", "bad"] * 300


class Counter:
    """One server behind a queue; its clock moves only when it serves, and it serves only while every caller waits."""

    def __init__(self, callers: int, service_s: float = 1.0) -> None:
        self.callers = callers
        self.service_s = service_s
        self.now = 0.0
        self.waiting: list[threading.Event] = []
        self.asked: list[str] = []
        self.served_alone = 0
        self.guard = threading.Lock()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.over = False

    def __enter__(self) -> Counter:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self.thread.join()

    def answer(self, texts: Sequence[str]) -> None:
        (text,) = texts
        mine = threading.Event()
        with self.guard:
            self.asked.append(text)
            self.waiting.append(mine)
        mine.wait()

    def _serve(self) -> None:
        while not self.over:
            time.sleep(0)
            alive = sum(thread.name.startswith("caller ") for thread in threading.enumerate())
            with self.guard:
                here = len(self.waiting)
                if here == 0 or here < min(alive, self.callers):
                    continue
                self.served_alone += here < self.callers
                self.now += self.service_s
                first = self.waiting.pop(0)
            first.set()


@pytest.mark.parametrize("callers", [1, 3, 8])
def test_every_recorded_answer_waits_behind_all_other_callers(callers):
    """In a closed queue with one server an answer takes callers x service time (Little's law), exactly."""
    texts = [f"text {n}" for n in range(50)]
    with Counter(callers) as counter:
        found = closed_loop(counter.answer, texts, callers=callers, answers=40, seconds=1e9, clock=lambda: counter.now)
    assert found.latencies.tolist() == [callers * 1.0] * 40
    assert found.rate == pytest.approx(1.0)
    in_order = [texts[number % 50] for number in range(len(counter.asked))]
    assert sorted(counter.asked) == sorted(in_order)
    # Unrecorded: the warm-up before, and one question of each other caller while the last recorded answer is awaited.
    assert len(counter.asked) == WARM_UP_ROUNDS * callers + 40 + callers - 1
    assert counter.served_alone <= callers - 1, "no recorded answer was served while a caller was missing"


def test_a_caller_that_cannot_ask_in_time_counts_as_waiting(monkeypatch):
    """The clock stands still but for the answer (2 s) and the pause: 1 s while nobody else runs, 6 s under load."""
    now, pauses = 0.0, 0

    def sleep(_: float) -> None:
        nonlocal now, pauses
        pauses += 1
        now += 1 if pauses <= 20 else 6

    def answer(_: Sequence[str]) -> None:
        nonlocal now
        now += 2

    monkeypatch.setattr(load, "time", SimpleNamespace(sleep=sleep))
    found = closed_loop(answer, TEXTS, callers=1, answers=5, seconds=1e9, clock=lambda: now)
    assert found.latencies.tolist() == [7.0] * 5, "5 s late, and 2 s of answer"
    assert found.rate == pytest.approx(1 / 8)


def test_time_ends_the_recording_but_not_the_answers_under_way():
    with Counter(4, service_s=10.0) as counter:
        found = closed_loop(counter.answer, TEXTS, callers=4, answers=1000, seconds=95.0, clock=lambda: counter.now)
    assert set(found.latencies) == {40.0} and 8 <= len(found.latencies) <= 11
    with Counter(2) as counter:
        found = closed_loop(counter.answer, TEXTS, callers=2, answers=1000, seconds=0.5, clock=lambda: counter.now)
    assert 1 <= len(found.latencies) <= 2


def test_an_error_ends_all_callers_and_comes_out():
    asked: list[str] = []

    def answer(texts: Sequence[str]) -> None:
        asked.extend(texts)
        if len(asked) == 10:
            raise InputError("the tenth")

    with pytest.raises(InputError, match="the tenth"):
        closed_loop(answer, TEXTS, callers=4, answers=10_000, seconds=60)
    assert not any(thread.name.startswith("caller ") for thread in threading.enumerate()) and len(asked) < 100


rates = st.lists(st.floats(1e-3, 1e6), min_size=5, max_size=12)


@settings(deadline=None)
@given(rates)
def test_throughput_stays_above_zero_and_is_the_same_in_seconds_per_item(values):
    found = throughput_estimate(values)
    inverse = throughput_estimate([1 / value for value in values])
    assert found.value and inverse.value and found.value == pytest.approx(1 / inverse.value)
    if found.lower is None or found.upper is None:
        assert found.lower is found.upper and max(values) == pytest.approx(min(values))
        return
    assert 0 < found.lower < found.value < found.upper
    assert inverse.upper is not None and found.lower == pytest.approx(1 / inverse.upper, rel=1e-6)


def test_a_few_free_moments_of_a_busy_machine_do_not_bring_throughput_to_zero():
    values = [100.0, 101.0, 99.0, 102.0, 98.0, 100.0, 2000.0]
    plain, _ = t_interval(values)
    assert plain is not None and plain < 0
    found = throughput_estimate(values)
    assert found.lower is not None and 0 < found.lower < 100
    assert (found.n_expected, found.n_scored) == (7, 7)
    alone = throughput_estimate([5.0])
    assert alone.value == pytest.approx(5.0) and alone.lower is None and alone.upper is None


def test_the_throughput_interval_covers_the_typical_rate_of_skewed_replicates():
    dice = np.random.default_rng(5)
    found = [throughput_estimate(np.exp(dice.normal(3, 0.8, 7)).tolist()) for _ in range(2000)]
    covered = np.mean([one.lower < np.exp(3) < one.upper for one in found])
    assert 0.935 < covered < 0.965  # nominal 0.95, simulation error 0.005


def dependent(dice: np.random.Generator, n: int, correlation: float) -> NDArray[np.float64]:
    """Log-normal latencies whose logarithms are a first-order autoregression of variance 1."""
    noise = dice.standard_normal(n)
    noise[1:] *= np.sqrt(1 - correlation**2)
    values: NDArray[np.float64] = np.exp(lfilter([1], [1, -correlation], noise))
    return values


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_upper_end_covers_the_tail_of_dependent_answers(correlation):
    """At correlation 0.8 the plain order statistics miss on this side six times as often as they say."""
    dice, truth = np.random.default_rng(11), float(np.exp(norm.ppf(0.95)))
    plain, ours, unknown = 0, 0, 0
    for _ in range(400):
        values = dependent(dice, 1000, correlation)
        naive = quantile_interval(values, 0.95)[1]
        upper = p95_estimate(values, 1000).upper
        plain += naive is not None and naive < truth
        ours += upper is not None and upper < truth
        unknown += upper is None
    assert ours <= 16, "nominal 10 of 400, and 6 more are two standard errors"
    assert unknown <= 20
    if correlation:
        assert plain > 40


def test_the_variance_between_blocks_is_that_of_clustered_data():
    """Oracle: the cluster-robust variance of a mean in statsmodels."""
    import statsmodels.api as sm

    values = dependent(np.random.default_rng(2), 1000, 0.9)
    beyond = (values > np.quantile(values, 0.95)).astype(float)
    fit = sm.OLS(beyond, np.ones(1000)).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(BLOCKS), 1000 // BLOCKS)}
    )
    ratio = float(fit.bse[0]) ** 2 / (0.95 * 0.05 / 1000)
    assert ratio > 2
    # Degrees of freedom of Korn & Graubard: t with 999 over t with 9, squared.
    assert independent_answers(values) == int((1.9623414611334626 / 2.2621571628540993) ** 2 * 1000 / ratio)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 600), st.sampled_from([0.0, 0.5, 0.99]), st.floats(1e-3, 1e3))
def test_the_tail_is_within_the_data_and_follows_the_unit(seed, n, correlation, unit):
    values = dependent(np.random.default_rng(seed), n, correlation)
    found, scaled = p95_estimate(values, n), p95_estimate(unit * values, n)
    count = independent_answers(values)
    assert 1 <= count <= n and (found.n_expected, found.n_scored) == (n, n)
    assert (found.value is None) == (count < 20) and (found.upper is None) == (count < 72)
    for end in ("value", "lower", "upper"):
        one, other = getattr(found, end), getattr(scaled, end)
        assert (one is None) == (other is None)
        if one is not None:
            assert other == pytest.approx(unit * one) and values.min() <= one <= values.max()
    if found.value is None:
        assert found.lower is None and found.upper is None
    elif found.lower is not None:
        assert found.lower <= found.value <= (found.upper or np.inf)


def test_too_few_answers_leave_the_tail_undefined():
    found = p95_estimate(np.arange(1.0, 20.0), 1000)
    assert (found.value, found.lower, found.upper) == (None, None, None)
    assert (found.n_expected, found.n_scored, found.n_failed) == (1000, 19, 0)
    nothing = p95_estimate([], 10)
    assert nothing.value is None and nothing.n_scored == 0
    slow_half = np.concatenate([np.full(500, 1.0), np.full(500, 9.0)]) + np.linspace(0, 0.1, 1000)
    assert p95_estimate(slow_half, 1000).upper is None, "two states of a machine are two answers, not a thousand"


class Counting:
    """A classifier that remembers what it is given."""

    kind = "counting"
    labels = ("even", "odd")

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        odd = np.array([len(text) % 2 for text in texts], dtype=np.float32)
        return np.stack([1 - odd, odd], axis=1) * np.float32(0.8) + np.float32(0.1)

    def save(self, folder: Path) -> None:
        (folder / "nothing").write_text("")


def test_speed_is_measured_over_distinct_texts_at_the_concurrency_that_is_asked_for(monkeypatch):
    loads = iter([(0.25, 1.0, 1.0), (7.5, 1.0, 1.0)])
    monkeypatch.setattr(os, "getloadavg", lambda: next(loads), raising=False)
    student = fit_linear(TEXTS, LABELS, ["bad", "good"], soft=False)
    found = measure(student, [*TEXTS, *TEXTS], seed=1, replicates=5, machine="a machine", name="b2:x", concurrency=4)
    rate, tail = found.throughput_rps, found.latency_p95_ms
    assert rate.value and rate.lower is not None and rate.upper and 0 < rate.lower < rate.value < rate.upper
    assert (rate.n_expected, rate.n_scored) == (5, 5)
    assert tail.n_scored == tail.n_expected and tail.n_scored % 1000 == 0
    assert found.latency_p50_ms > 0 and (tail.value is None or found.latency_p50_ms <= tail.value)
    assert (found.model, found.machine, found.batch_size, found.concurrency) == ("b2:x", "a machine", 256, 4)
    assert (found.load_before, found.load_after) == (0.25, 7.5) and found.loaded_rps and found.loaded_rps > 0


def test_a_system_without_load_averages_says_nothing_of_them(monkeypatch):
    monkeypatch.delattr(os, "getloadavg", raising=False)
    found = measure(Counting(), [f"text {n}" for n in range(40)], seed=1, name="f", answers=5)
    assert found.load_before is None and found.load_after is None


def test_no_text_is_timed_twice_in_batches_and_warm_up_is_not_timed():
    classifier = Counting()
    texts = [f"text {n}" for n in range(100)]
    found = measure(classifier, texts, seed=2, replicates=5, name="f", answers=5)
    in_batches = [text for batch in classifier.batches if len(batch) > 1 for text in batch]
    assert sorted(in_batches) == sorted(texts)
    alone = [batch[0] for batch in classifier.batches if len(batch) == 1]
    # 40 answers bound no 95th percentile, so the caller goes on to the end.
    assert len(alone) == LATENCY_RUNS * (5 + WARM_UP_ROUNDS) and set(alone) < set(texts)
    assert (found.latency_p95_ms.n_expected, found.latency_p95_ms.upper) == (LATENCY_RUNS * 5, None)


class Meeting(Counting):
    """A classifier that answers single texts only after three callers have been inside at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = 0
        self.guard = threading.Lock()
        self.met = threading.Event()

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts) > 1:
            return super().predict(texts)
        with self.guard:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside == 3:
                self.met.set()
        assert self.met.wait(20), "three callers were asked for"
        with self.guard:
            self.inside -= 1
        return super().predict(texts)


def test_a_model_is_measured_through_its_protocol_by_all_callers_without_its_memory():
    class Remembering(Counting):
        def without_memory(self) -> Meeting:
            return forgetful

    forgetful, classifier = Meeting(), Remembering()
    texts = [f"t{n}" for n in range(60)]
    found = measure(as_model(classifier, "m", "b2:m"), texts, seed=1, concurrency=3, answers=5)
    assert found.model == "b2:m" and classifier.batches == [] and len(forgetful.batches) > 10
    assert found.latency_p50_ms > 0 and found.concurrency == forgetful.most == 3


def test_speed_of_failing_requests_or_too_few_texts_is_refused(tmp_path: Path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"item_id": "x", "output": "yes"}\n')
    texts = [f"t{n}" for n in range(30)]
    with pytest.raises(InputError, match="failed while timing"):
        measure(ReplayModel(path), texts, seed=1)
    with pytest.raises(InputError, match="3 distinct texts"):
        measure(Counting(), ["a", "b", "c", "a"], seed=1, name="f")
    with pytest.raises(InputError, match="name="):
        measure(Counting(), texts, seed=1)
    for wrong in ({"concurrency": 0}, {"answers": 0}, {"seconds": 0.0}, {"seconds": float("nan")}):
        with pytest.raises(InputError, match="cannot be measured"):
            measure(Counting(), texts, seed=1, name="f", **wrong)
