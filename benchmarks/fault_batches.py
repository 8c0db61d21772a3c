"""Cells of the fault matrix for batches: a batch is submitted, polled and read while the provider fails.

These cells are below the session: they hold what a provider's batches give back, and not yet the ledger.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.fault_kinds import TIMEOUT_S, Fault, Style
from benchmarks.from_tests import Asked, LocalApi, Response, serving
from gatekeeper.errors import ModelError
from gatekeeper.models.batch import Batches, gather
from gatekeeper.models.errors import FAILURES
from gatekeeper.records import Completion, Message, Request

FINGERPRINT = "b2:0123456789abcdef0123456789abcdef"
TEXTS = ("A", "B", "C", "D", "E", "F")
HIT = "C"
"""The row that meets a fault of a row."""
TRIES = 3
EXCHANGES = ("submit", "poll", "results")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class BatchProvider:
    """A provider of batches: its server, and the client of one model of it.

    Attributes:
        model: makes the client, from the server's URL and the seconds of one exchange.
    """

    name: str
    style: Style
    serve: Callable[[], LocalApi]
    model: Callable[[str, float], Batches]


@dataclass(frozen=True)
class RowFault:
    """What can go wrong with the rows of a batch. `change`: from the rows as they should be to those that come."""

    name: str
    change: Callable[[Style, Rows], Rows]
    unanswered: frozenset[str] = frozenset()
    """Texts that the provider has not answered, and so does not bill."""


def _replaced(rows: Rows, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Rows:
    return [change(row) if _text_of(row) == HIT else row for row in rows]


def _expired(style: Style, row: dict[str, Any]) -> dict[str, Any]:
    if style == "anthropic":
        return {"custom_id": row["custom_id"], "result": {"type": "expired"}}
    error = {"code": "batch_expired", "message": "not executed in time"}
    return {"id": "r", "custom_id": row["custom_id"], "response": None, "error": error}


def _text_of(row: Mapping[str, Any]) -> str | None:
    """Return the answer in a row, which is the text that was asked."""
    message = (row.get("result") or {}).get("message")
    if message is not None:
        return str(message["content"][0]["text"])
    body = (row.get("response") or {}).get("body") or {}
    return str(body["choices"][0]["message"]["content"]) if "choices" in body else None


ROW_FAULTS = (
    RowFault("batch expired", lambda style, rows: _replaced(rows, lambda row: _expired(style, row)), frozenset({HIT})),
    RowFault("rows out of order", lambda style, rows: sorted(rows, key=lambda row: str(_text_of(row)), reverse=True)),
    RowFault("duplicate custom_id", lambda style, rows: [*rows, rows[0], *_replaced(rows, lambda row: row)]),
    RowFault("missing custom_id", lambda style, rows: [row for row in rows if _text_of(row) != HIT], frozenset({HIT})),
    RowFault("unknown custom_id", lambda style, rows: [*rows, {**rows[0], "custom_id": "b2_nobody"}]),
)


def as_row_fault(fault: Fault) -> RowFault:
    """Return what a fault of an answer is in a batch: one row comes otherwise."""

    def changed(style: Style, row: dict[str, Any]) -> dict[str, Any]:
        place, name = ("result", "message") if style == "anthropic" else ("response", "body")
        sent = fault.change(style, Response(200, json.dumps(row[place][name]).encode()))
        value = json.loads(sent.body)
        if sent.status == 200:
            return {**row, place: {**row[place], name: value}}
        return {**row, place: {"type": "errored", "error": value}}

    return RowFault(fault.name, lambda style, rows: _replaced(rows, lambda row: changed(style, row)))


class Failing:
    """Makes a server fail: each exchange once, or the rows of the first batch."""

    def __init__(self, api: LocalApi, style: Style, fault: Fault | RowFault) -> None:
        self._api, self._style, self._fault = api, style, fault
        self.met: Counter[str] = Counter()
        self.submitting: tuple[str, ...] = TEXTS
        self.created: list[str] = []
        """The texts of all batches that the provider has made."""
        api.fault = self._answer

    def _answer(self, asked: Asked) -> Response | None:
        exchange = exchange_of(asked)
        if exchange is None:
            return None
        self.met[exchange] += 1
        fault = self._fault if self.met[exchange] == 1 else None
        if isinstance(fault, Fault) and not fault.billed:  # the provider has not even looked at it
            return fault.change(self._style, Response())
        good = self._api.answer(asked)
        if exchange == "submit":
            self.created += self.submitting
        if isinstance(fault, Fault):
            return fault.change(self._style, good)
        if fault is None or exchange != "results":
            return good
        rows = [json.loads(line) for line in good.body.splitlines()]
        changed = fault.change(self._style, rows)
        return Response(200, "".join(json.dumps(row) + "\n" for row in changed).encode(), good.headers)


def exchange_of(asked: Asked) -> str | None:
    """Return which exchange a request belongs to; None: one that only prepares (files) or looks (lists)."""
    path = asked.path.partition("?")[0]
    if asked.method == "POST":
        return "submit" if path.endswith("/batches") else None
    if path.endswith(("/content", "/results")):
        return "results"
    return "poll" if not path.endswith("/batches") else None


def batch_cell(provider: BatchProvider, fault: Fault | RowFault) -> dict[str, Any]:
    """Run one cell; return what became of the batch, and whether what must hold holds."""
    made = [Request(item_id=text, text=text, messages=(Message(role="user", content=text),)) for text in TEXTS]
    requests = {request.key(FINGERPRINT): request for request in made}
    errors: dict[str, str] = {}
    with serving(provider.serve()) as api:
        failing = Failing(api, provider.style, fault)
        batches = provider.model(api.url, TIMEOUT_S if fault.name == "timeout" else 20.0)
        first = _answers(batches, requests, errors)
        again = {key: requests[key] for key, one in first.items() if _worth_another(one)}
        failing.submitting = tuple(request.text for request in again.values())
        final = first | (_answers(batches, again, {}) if again else {})
    unanswered = fault.unanswered if isinstance(fault, RowFault) else frozenset()
    paid = Counter(failing.created)
    paid.subtract(unanswered)
    return {
        "provider": provider.name,
        "fault": fault.name,
        "exchanges": errors,
        "row": next(one.error_class for one in first.values() if one.item_id == HIT),
        "other_rows": sorted({str(one.error_class) for one in first.values() if one.item_id != HIT and not one.ok}),
        "submitted_again": len(again),
        "lost": sum(first[key].ok and final[key].raw != first[key].raw for key in first),
        "unanswered": sum(_worth_another(one) for one in final.values()),
        "misplaced": sum(one.ok and one.output != one.item_id for one in final.values()),
        "paid_twice": sum(count - 1 for count in paid.values() if count > 1),
    }


def _worth_another(one: Completion) -> bool:
    return one.error_class is not None and FAILURES[one.error_class].retryable


def _answers(batches: Batches, requests: Mapping[str, Request], errors: dict[str, str]) -> dict[str, Completion]:
    """Submit, poll and read, each again after an error; note the class of the first error of each."""
    batch = _patient("submit", lambda: _found(batches, requests) or batches.submit(requests, {"max_tokens": 5}), errors)
    while not _patient("poll", lambda: batches.poll(batch).done, errors):
        pass
    rows = _patient("results", lambda: batches.results(batch), errors)
    return gather(requests, rows, FINGERPRINT).completions


def _found(batches: Batches, requests: Mapping[str, Request]) -> str | None:
    find = getattr(batches, "find", None)
    return None if find is None else find(requests, {"max_tokens": 5})


def _patient(exchange: str, send: Callable[[], Any], errors: dict[str, str]) -> Any:
    for number in range(TRIES):
        try:
            return send()
        except ModelError as error:
            errors.setdefault(exchange, error.kind)
            if number == TRIES - 1:
                raise
