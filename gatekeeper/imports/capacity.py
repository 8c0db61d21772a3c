"""What a benchmark says about a suite: the capacity of one replica, how its tokens differ, how old it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from gatekeeper.errors import InputError
from gatekeeper.imports.bench import Bench, BenchRun
from gatekeeper.imports.student_t import t_quantile
from gatekeeper.records import Estimate, Record

CONFIDENCE = 0.95
_HINTS = {
    "vllm": "run vllm bench serve with --percentile-metrics ttft,e2el --metric-percentiles 95,99",
    "guidellm": "run guidellm with streaming, without which there is no first token",
    "aiperf": "run aiperf with --streaming, without which there is no first token",
    "genai-perf": "run genai-perf with --streaming, without which there is no first token",
}


class ShapeDifference(Record):
    """How far the benchmark's mean tokens are from the suite's, in percent of the suite's; None: not reported."""

    input_percent: float | None
    output_percent: float | None


def capacity_at(
    bench: Bench,
    *,
    ttft_p99_ms: float | None = None,
    e2e_p95_ms: float | None = None,
    max_failed_share: float = 0.0,
) -> Estimate:
    """Return K, the most requests per second of one replica that a measured load reached within the limits.

    Runs of the same load are replicates. A load counts only where each of them keeps the limits, so that a lucky run
    does not. The value is their geometric mean, and the 95 % interval is Student's t over the logarithms, since a rate
    is above 0; one run has no interval. A load between two measured ones is not guessed, so K errs to the low side.
    The counts of the estimate are runs of that load.

    Args:
        bench: of one replica.
        ttft_p99_ms: most milliseconds to the first token, for 99 % of requests.
        e2e_p95_ms: most milliseconds to the whole answer, for 95 % of requests.
        max_failed_share: of the requests of a run. An overloaded server refuses some and is quick with the rest.

    Raises:
        InputError: a limit is not above 0, or no load keeps the limits; a metric that is not reported keeps none. The
            message names the closest load.
    """
    limits = {"ttft_p99_ms": ttft_p99_ms, "e2e_p95_ms": e2e_p95_ms}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    for name, limit in given.items():
        if not (math.isfinite(limit) and limit > 0):
            raise InputError(f"{name} is {limit}", hint="a limit in milliseconds above 0")
    loads: dict[str, list[BenchRun]] = {}
    for run in bench.runs:
        loads.setdefault(run.setting(), []).append(run)
    worst = {load: max(_excess(run, given, max_failed_share) for run in runs) for load, runs in loads.items()}
    kept = [load for load, excess in worst.items() if excess <= 1]
    if not kept:
        raise _none_keeps(bench, loads, worst, given)
    best = max(kept, key=lambda load: _mean_log(loads[load]))
    text = ", ".join(f"{name} at most {limit:g}" for name, limit in given.items()) or "no limit"
    return _estimate(loads[best], f"{bench.tool}, {best}; {text}")


def shape_difference(bench: Bench, mean_input: float | Decimal, mean_output: float | Decimal) -> ShapeDifference:
    """Return how far the benchmark's mean tokens per request are from those of a suite or trace.

    Runs weigh as many requests as they have. Raises InputError where a mean is not above 0.
    """
    return ShapeDifference(
        input_percent=_percent(bench.runs, lambda run: run.mean_input_tokens, float(mean_input), "input"),
        output_percent=_percent(bench.runs, lambda run: run.mean_output_tokens, float(mean_output), "output"),
    )


def age_days(bench: Bench, today: date) -> int | None:
    """Return the age of the oldest run in days; None where the file has no date.

    Raises:
        InputError: it lies more than a day ahead, which no zone explains.
    """
    if bench.measured_at is None:
        return None
    days = (today - bench.measured_at).days
    if days < -1:
        raise InputError(
            f"{', '.join(bench.files)}: measured on {bench.measured_at}, which is after {today}",
            hint="check the clock of the machine that ran the benchmark",
        )
    return max(days, 0)


def _excess(run: BenchRun, limits: dict[str, float], max_failed_share: float) -> float:
    """Return the worst metric of a run over its limit: at most 1 where it keeps all, infinite where one is unknown."""
    ratios = [0.0]
    for name, limit in limits.items():
        value: float | None = getattr(run, name)
        ratios.append(math.inf if value is None else value / limit)
    failed = run.n_failed or 0
    if failed and failed > max_failed_share * (failed + (run.n_requests or 0)):
        ratios.append(math.inf)
    return max(ratios)


def _none_keeps(
    bench: Bench, loads: dict[str, list[BenchRun]], worst: dict[str, float], limits: dict[str, float]
) -> InputError:
    """Return the error that names the closest load, with its worst values."""
    names = [f"{name} at most {limit:g}" for name, limit in limits.items()] or ["no failed request"]
    said = f"{', '.join(bench.files)}: no load keeps {' and '.join(names)}"
    missing = [name for name in limits if all(getattr(run, name) is None for run in bench.runs)]
    if missing:
        return InputError(f"{said}: no run reports {' or '.join(missing)}", hint=_HINTS[bench.tool])
    closest = min(worst, key=lambda load: (worst[load], load))
    values = [f"{name} {_worst_value(loads[closest], name)}" for name in limits]
    failed = sum(run.n_failed or 0 for run in loads[closest])
    values += [f"{failed} failed"] if failed else []
    return InputError(
        f"{said}; the closest is {closest} with {', '.join(values)}",
        hint="measure a lower load, raise the limit, or allow failed requests with max_failed_share",
    )


def _worst_value(runs: Sequence[BenchRun], name: str) -> str:
    values = [getattr(run, name) for run in runs]
    return "not reported" if None in values else f"{max(values):g}"


def _mean_log(runs: Sequence[BenchRun]) -> float:
    return math.fsum(math.log(run.requests_per_second) for run in runs) / len(runs)


def _estimate(runs: Sequence[BenchRun], method: str) -> Estimate:
    n, mean = len(runs), _mean_log(runs)
    counts = {"n_expected": n, "n_scored": n, "n_failed": 0}
    if n == 1:
        return Estimate(value=runs[0].requests_per_second, method=f"{method}; one run", **counts)
    squares = math.fsum((math.log(run.requests_per_second) - mean) ** 2 for run in runs)
    half = t_quantile(CONFIDENCE, n - 1) * math.sqrt(squares / (n - 1) / n)
    return Estimate(
        value=math.exp(mean),
        lower=math.exp(mean - half),
        upper=math.exp(mean + half),
        confidence=CONFIDENCE,
        method=f"{method}; Student's t over the logarithms of {n} runs",
        **counts,
    )


def _percent(
    runs: Sequence[BenchRun], tokens: Callable[[BenchRun], float | None], wanted: float, what: str
) -> float | None:
    if not (math.isfinite(wanted) and wanted > 0):
        raise InputError(f"mean {what} tokens are {wanted}", hint="the mean per request, above 0")
    known = [(value, run.n_requests or 1) for run in runs if (value := tokens(run)) is not None]
    if not known:
        return None
    mean = math.fsum(value * n for value, n in known) / sum(n for _, n in known)
    return 100 * (mean - wanted) / wanted
