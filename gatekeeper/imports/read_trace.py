"""A log in, a trace out: one pass, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from gatekeeper.errors import InputError
from gatekeeper.imports.documents import read_documents
from gatekeeper.imports.fields import Unreadable
from gatekeeper.imports.latency import percentiles
from gatekeeper.imports.log import log_request
from gatekeeper.imports.otel import is_otel, span_request, spans_of
from gatekeeper.imports.request import LoggedRequest
from gatekeeper.imports.tally import UNNAMED, Tally
from gatekeeper.imports.trace import MOST_SHOWN, DroppedLine, Trace

TraceFormat = Literal["log", "otel"]


def read_trace(
    path: str | Path,
    *,
    model: str | None = None,
    format: TraceFormat | None = None,
    input_excludes_cached: bool = False,
) -> Trace:
    """Return what a log says about the requests of one model.

    Args:
        path: JSON, one object per line (`.gz` too). Files whose objects span lines are read up to 256 MiB.
        model: whose requests; needed where the log has answers of several. Either the name that was asked for or the
            one that answered. Failed requests that name another model are then left out.
        format: "log" (responses of OpenAI's or Anthropic's API, see `gatekeeper.imports.log`) or "otel" (spans of the
            GenAI conventions, see `gatekeeper.imports.otel`); each object tells by itself where it is not given.
        input_excludes_cached: only for spans, whose conventions include cached tokens in the input: True adds them
            where the instrumentation leaves them out.

    Raises:
        DataError: the file cannot be read.
        InputError: it has no request at all, or those of several models and none is named. The message names file,
            line and value.
    """
    path = Path(path)
    tally = Tally(model)
    ignored: Counter[str] = Counter()
    dropped: list[DroppedLine] = []
    n_dropped = 0
    for line, found in _requests(path, format, input_excludes_cached):
        if isinstance(found, LoggedRequest):
            tally.add(found)
        elif isinstance(found, str):
            ignored[found] += 1
        else:
            n_dropped += 1
            if len(dropped) < MOST_SHOWN:
                dropped.append(DroppedLine(line=line, reason=str(found)))
    _require_requests(path, tally, dropped, ignored)
    _require_one_model(path, tally)
    return _trace(path, tally, dropped, n_dropped, ignored)


def _requests(
    path: Path, format: TraceFormat | None, excludes: bool
) -> Iterator[tuple[int, LoggedRequest | str | Unreadable]]:
    """Yield (line, its request, or what it is instead, or why it cannot be read)."""
    for line, value, problem in read_documents(path):
        if problem is not None or not isinstance(value, dict):
            yield line, Unreadable(problem or f"{str(value)[:40]!r} is no JSON object")
        elif format == "otel" or (format is None and is_otel(value)):
            for span in spans_of(value):
                try:
                    yield line, span_request(span, input_excludes_cached=excludes)
                except Unreadable as error:
                    yield line, error
        else:
            yield line, _of_log(value)


def _of_log(value: dict[str, Any]) -> LoggedRequest | str | Unreadable:
    try:
        return log_request(value) or "piece of a streamed answer"
    except Unreadable as error:
        return error


def _require_requests(path: Path, tally: Tally, dropped: list[DroppedLine], ignored: Counter[str]) -> None:
    if tally.models or tally.failed:
        return
    hint = (
        "one JSON object per line: responses of OpenAI's or Anthropic's API with `usage`, or OpenTelemetry spans with "
        "gen_ai.* attributes; `jq -c . file` makes lines of a file whose objects span lines"
    )
    if dropped:
        place = f"{path}:{dropped[0].line}"
        raise InputError(
            f"{place}: no request in the whole file; the first line left out: {dropped[0].reason}", hint=hint
        )
    others = ", ".join(f"{n} x {what}" for what, n in ignored.most_common(5))
    raise InputError(f"{path}: no request in the whole file ({others or 'it is empty'})", hint=hint)


def _require_one_model(path: Path, tally: Tally) -> None:
    listed = ", ".join(f"{name} ({n})" for name, n in tally.models.most_common(20))
    if tally.model is None and len(tally.models) > 1:
        raise InputError(
            f"{path}: requests to {len(tally.models)} models: {listed}", hint="name one of them as the model"
        )
    if tally.model is not None and not tally.n_matched:
        names = listed or "none: all requests failed"
        raise InputError(f"{path}: no answer of model {tally.model!r}; there are {names}", hint="name one of these")


def _trace(path: Path, tally: Tally, dropped: list[DroppedLine], n_dropped: int, ignored: Counter[str]) -> Trace:
    sums, n, traffic = tally.tokens.sums(), len(tally.tokens), tally.traffic
    means = [Decimal(total) / n for total in sums] if n else [None] * len(sums)
    only = next(iter(tally.models), UNNAMED) if tally.model is None else tally.model
    return Trace(
        file=str(path),
        model=None if only == UNNAMED else only,
        models=dict(sorted(tally.models.items(), key=lambda pair: (-pair[1], pair[0]))),
        requests=tally.tokens,
        n_requests=n,
        n_without_tokens=tally.n_without_tokens,
        n_failed=tally.n_failed(),
        n_duplicates=tally.n_duplicates,
        n_dropped=n_dropped,
        dropped=tuple(dropped),
        ignored=dict(sorted(ignored.items())),
        first=_datetime(traffic.start),
        last=_datetime(traffic.end),
        requests_per_month=traffic.per_month(),
        no_volume_because=traffic.too_little(),
        peak_to_average=traffic.peak_to_average(),
        hourly_weights=traffic.hourly_weights(),
        retry_rate=tally.retry_rate(),
        latency_s=percentiles(tally.seconds),
        mean_input_tokens=means[0],
        mean_output_tokens=means[1],
        mean_cached_input_tokens=means[2],
        mean_cache_write_tokens=means[3],
    )


def _datetime(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
