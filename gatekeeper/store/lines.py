"""The kinds of journal lines: how each is written, checked, and applied to its table."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gatekeeper.records import Completion, Prediction, Score
from gatekeeper.store.batches import Batch, insert_batches
from gatekeeper.store.completions import insert_completions
from gatekeeper.store.events import Event, insert_events
from gatekeeper.store.predictions import insert_predictions, insert_scores
from gatekeeper.store.spend import Spend, insert_reservations, insert_settlements

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Line(NamedTuple):
    """One line of a journal: `record` is what its kind makes of the payload, checked."""

    kind: str
    suite: str | None
    at: datetime
    record: Any


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_PREFIX = b'{"crc32":"'
_MIDDLE = b'","line":'
_HEAD = len(_PREFIX) + 8 + len(_MIDDLE)


def encode_line(kind: str, run: str, at: datetime, payload: dict[str, Any]) -> bytes:
    """Return one journal line with its checksum and its newline.

    Raises:
        ValueError: the payload holds NaN.
        TypeError: the payload holds something that JSON has no form for.
    """
    content = {"kind": kind, "run": run, "at": at.isoformat(), "payload": payload}
    text = _ENCODER.encode(content).encode("ascii")
    return b"".join((_PREFIX, b"%08x" % zlib.crc32(text), _MIDDLE, text, b"}\n"))


def decode_line(line: bytes) -> Line:
    """Return what one journal line (without its newline) says.

    Raises:
        ValueError: the checksum or the form is wrong: the line is torn or was changed.
    """
    text = line[_HEAD:-1]
    if line[: len(_PREFIX)] != _PREFIX or line[-1:] != b"}" or line[_HEAD - len(_MIDDLE) : _HEAD] != _MIDDLE:
        raise ValueError("it does not have the form of a journal line")
    if line[len(_PREFIX) : len(_PREFIX) + 8] != b"%08x" % zlib.crc32(text):
        raise ValueError("its checksum does not fit")
    content = json.loads(text)
    return parse_line(content["kind"], content["run"], datetime.fromisoformat(content["at"]), content["payload"])


def payload_of(line: Line) -> dict[str, Any]:
    """Return what a line of an answer or a payment says as JSON values, from which `parse_line` makes its record.

    The record was checked when it was made, so nothing is checked again.
    """
    payload = _PAYLOAD[line.kind](line.record)
    return payload if line.suite is None else {**payload, "suite": line.suite}


def parse_line(kind: str, run: str, at: datetime, payload: dict[str, Any]) -> Line:
    """Return the checked record of one line.

    Raises:
        ValueError: the kind is unknown, or the payload does not fit it.
    """
    if kind not in _PARSE:
        raise ValueError(f"unknown kind {kind!r}; known are {', '.join(sorted(_PARSE))}")
    rest = dict(payload)
    suite = rest.pop("suite", None)
    if kind in _OF_A_SUITE and not isinstance(suite, str):
        raise ValueError(f"a line of kind {kind!r} needs 'suite', the fingerprint of the suite")
    return Line(kind, suite, at, _PARSE[kind](run, at, rest))


def apply_lines(connection: DuckDBPyConnection, lines: Iterable[Line]) -> None:
    """Bring lines into the tables; what is there already stays, so that a second time changes nothing."""
    groups: dict[tuple[str, str | None], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.kind, line.suite].append(line)
    for kind, apply in _APPLY.items():  # in this order: a settlement comes after its reservation
        for (found, suite), group in groups.items():
            if found == kind:
                apply(connection, suite or "", group)


def _reservation(run: str, at: datetime, payload: dict[str, Any]) -> Spend:
    return Spend(run=run, at=at, state="reserved", **payload)


def _settlement(run: str, at: datetime, payload: dict[str, Any]) -> Spend:
    return Spend(run=run, at=at, state="settled", reserved=payload["settled"], **payload)


def _payment(payment: Spend, amount: Literal["reserved", "settled"]) -> dict[str, Any]:
    said = {"key": payment.key, "purpose": payment.purpose, "assumed": payment.assumed}
    return {**said, amount: str(getattr(payment, amount))}


def _event(run: str, at: datetime, payload: dict[str, Any]) -> Event:
    return Event(run=run, at=at, **payload)


def _batch(batch: Batch) -> dict[str, Any]:
    said = {name: value for name, value in vars(batch).items() if name != "at"}
    return said | {"made_at": batch.made_at.isoformat(), "deadline": batch.deadline.isoformat()}


_PARSE: dict[str, Callable[[str, datetime, dict[str, Any]], Any]] = {
    "spend_reserved": _reservation,
    "spend_settled": _settlement,
    "completion": lambda run, at, payload: Completion.model_validate(payload),
    "prediction": lambda run, at, payload: Prediction.model_validate(payload),
    "score": lambda run, at, payload: Score.model_validate(payload),
    "event": _event,
    "batch": lambda run, at, payload: Batch(at=at, **payload),
}
_PAYLOAD: dict[str, Callable[[Any], dict[str, Any]]] = {
    "spend_reserved": lambda payment: _payment(payment, "reserved"),
    "spend_settled": lambda payment: _payment(payment, "settled"),
    "completion": lambda completion: {**vars(completion), "usage": vars(completion.usage)},
    "prediction": vars,
    "score": vars,
    "batch": _batch,
}
_OF_A_SUITE = frozenset({"completion", "prediction", "score"})

_APPLY: dict[str, Callable[[DuckDBPyConnection, str, list[Line]], int]] = {
    "spend_reserved": lambda connection, _, lines: insert_reservations(connection, (line.record for line in lines)),
    "spend_settled": lambda connection, _, lines: insert_settlements(connection, (line.record for line in lines)),
    "completion": lambda connection, suite, lines: insert_completions(
        connection, suite, ((line.record, line.at) for line in lines)
    ),
    "prediction": lambda connection, suite, lines: insert_predictions(
        connection, suite, (line.record for line in lines)
    ),
    "score": lambda connection, suite, lines: insert_scores(connection, suite, (line.record for line in lines)),
    "event": lambda connection, _, lines: insert_events(connection, (line.record for line in lines)),
    "batch": lambda connection, _, lines: insert_batches(connection, (line.record for line in lines)),
}
