"""The rule on latency: 95 of 100 answers are fast enough while several callers ask at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.gate.blend import blended_p95
from gatekeeper.gate.threshold import BoundedValue, threshold_rule
from gatekeeper.records import Estimate, Measurement, RuleResult
from gatekeeper.suite.spec import LatencyGate

RULE = "gates.latency.p95_ms"
UNKNOWN = BoundedValue(None, None, None)


def latency_rule(
    gate: LatencyGate,
    measurement: Measurement,
    teacher_share: Estimate | None = None,
    teacher_latencies_s: Sequence[float | None] = (),
) -> RuleResult:
    """Judge the 95th percentile of latency, measured on this machine at the gate's concurrency.

    A measurement at another concurrency says nothing of the one that is asked for, and is inconclusive.

    Args:
        teacher_share: of requests that wait for the teacher after the student; None or 0 when there are none.
        teacher_latencies_s: of the teacher's single answers.
    """
    fallback = teacher_share is not None and bool(teacher_share.value)
    p95 = measurement.latency_p95_ms
    if teacher_share is not None and fallback:
        p95 = blended_p95(p95, measurement.latency_p99_ms, teacher_latencies_s, teacher_share)
    same_load = measurement.concurrency == gate.concurrency
    measured = BoundedValue(p95.value, p95.upper, p95.lower) if same_load else UNKNOWN
    return threshold_rule(
        RULE,
        measured,
        gate.p95_ms,
        better="lower",
        unit="ms",
        sentence=_sentence(gate, measurement, measured, fallback),
        settle=_settle(
            measurement.latency_p95_ms, untimed=fallback and all(one is None for one in teacher_latencies_s)
        ),
    )


def _sentence(gate: LatencyGate, measurement: Measurement, measured: BoundedValue, fallback: bool) -> str:
    callers = (
        "one caller that waits for each answer"
        if gate.concurrency == 1
        else f"{gate.concurrency} callers at the same time, each waiting for its answer"
    )
    waits = ", the teacher's time included where it is asked too" if fallback else ""
    load, cores = measurement.load_before, measurement.cores
    busy = (
        f" The machine was busy before it was measured (load {load:.1f})." if load is not None and load > cores else ""
    )
    return (
        f"With {callers}, 95 % of single answers take at most {_ms(measured.value)} (upper end "
        f"{_ms(measured.unfavourable)}) on {cores} cores{waits}; at most {gate.p95_ms:g} ms are allowed.{busy}"
    )


def _settle(p95: Estimate, *, untimed: bool) -> str:
    if untimed:
        return "The teacher's answers came in batches, so nobody knows how long one takes: ask it one at a time."
    if p95.upper is None:
        return (
            f"{p95.n_scored:,} of {p95.n_expected:,} answers came in time, and they do not bound the 95th percentile: "
            "measure on the machine that will serve, with nothing else running on it."
        )
    return "Measure on the machine that will serve, with nothing else running on it."


def _ms(value: float | None) -> str:
    return "an unknown time" if value is None else f"{value:.2f} ms"
