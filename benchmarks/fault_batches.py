"""Cells of the fault matrix for batches: a session hands a batch over, polls and reads it while the provider fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from benchmarks.fault_cells import ASKED, PRICE
from benchmarks.fault_cells import ROWS as SPLITS
from benchmarks.fault_kinds import TIMEOUT_S, Fault, Style
from benchmarks.from_tests import AnthropicServer, Asked, OpenAIBatchServer, Response, rows_of, serving, write_suite
from gatekeeper.errors import ModelError
from gatekeeper.models.api import ApiModel
from gatekeeper.models.batch import Batches
from gatekeeper.run.opening import open_session
from gatekeeper.stages.evaluate import evaluate_teacher
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

HIT_PLACE = 2
"""Place of the row that meets a fault of a row."""
PRICES = {"model": PRICE, "input_per_m": 5, "output_per_m": 25, "batch_input_per_m": 2.5, "batch_output_per_m": 12.5}
BILL = Decimal("0.000065")
"""US dollars of one answer in a batch: 11 tokens in and 3 out."""
LIVE = ("/chat/completions", "/messages")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class BatchProvider:
    """A provider of batches: its server, how a suite names it, and its client.

    Attributes:
        client: makes the client of one model, from the server's URL and the seconds of one exchange.
    """

    name: str
    style: Style
    serve: Callable[[], OpenAIBatchServer | AnthropicServer]
    teacher: Callable[[str], Mapping[str, Any]]
    client: Callable[[str, float], Batches]


@dataclass(frozen=True)
class RowFault:
    """What can go wrong with the rows of a batch.

    Attributes:
        change: from the rows as they should be, and the custom id of one of them, to those that come.
        unanswered: that row was not answered, so the provider does not bill it.
    """

    name: str
    change: Callable[[Style, Rows, str], Rows]
    unanswered: bool = False


def _replaced(rows: Rows, hit: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Rows:
    return [change(row) if row["custom_id"] == hit else row for row in rows]


def _expired(style: Style, row: dict[str, Any]) -> dict[str, Any]:
    if style == "anthropic":
        return {"custom_id": row["custom_id"], "result": {"type": "expired"}}
    error = {"code": "batch_expired", "message": "not executed in time"}
    return {"id": "r", "custom_id": row["custom_id"], "response": None, "error": error}


ROW_FAULTS = (
    RowFault("batch expired", lambda style, rows, hit: _replaced(rows, hit, lambda row: _expired(style, row)), True),
    RowFault("rows out of order", lambda style, rows, hit: sorted(rows, key=lambda row: str(row["custom_id"]))),
    RowFault("duplicate custom_id", lambda style, rows, hit: [*rows, rows[0], *rows]),
    RowFault("missing custom_id", lambda style, rows, hit: [row for row in rows if row["custom_id"] != hit], True),
    RowFault("unknown custom_id", lambda style, rows, hit: [*rows, {**rows[0], "custom_id": "b2_nobody"}]),
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

    return RowFault(fault.name, lambda style, rows, hit: _replaced(rows, hit, lambda row: changed(style, row)))


class Failing:
    """Makes a server fail: each exchange once, or the rows of the first batch; while not `ill`, it is well."""

    def __init__(self, api: OpenAIBatchServer | AnthropicServer, style: Style, fault: Fault | RowFault) -> None:
        self._api, self._style, self._fault = api, style, fault
        self._met: set[str] = set()
        self.ill = True
        self.unanswered: str | None = None
        """Custom id of a row that the provider does not bill."""
        api.fault = self._answer

    def _answer(self, asked: Asked) -> Response | None:
        exchange = exchange_of(asked)
        if exchange is None or not self.ill or exchange in self._met:
            return None
        self._met.add(exchange)
        if isinstance(self._fault, RowFault):
            return self._rows(asked, self._fault) if exchange == "results" else None
        if not self._fault.billed:  # the provider has not even looked at it
            return self._fault.change(self._style, Response())
        return self._fault.change(self._style, self._api.answer(asked))

    def _rows(self, asked: Asked, fault: RowFault) -> Response:
        good = self._api.answer(asked)
        rows = [json.loads(line) for line in good.body.splitlines()]
        hit = rows[HIT_PLACE]["custom_id"]
        self.unanswered = hit if fault.unanswered else None
        changed = fault.change(self._style, rows, hit)
        return Response(200, "".join(json.dumps(row) + "\n" for row in changed).encode(), good.headers)


def exchange_of(asked: Asked) -> str | None:
    """Return which exchange a request belongs to; None: one that only prepares (files) or looks (lists)."""
    path = asked.path.partition("?")[0]
    if asked.method == "POST":
        return "submit" if path.endswith("/batches") else None
    if path.endswith(("/content", "/results")):
        return "results"
    return "poll" if not path.endswith("/batches") else None


class Heard:
    """A client whose failed exchanges are noted: the class of the first failure of each.

    Args:
        client: that speaks with the provider.
        errors: where the class is put, by the name of the exchange.
    """

    def __init__(self, client: Batches, errors: dict[str, str]) -> None:
        self._client, self._errors = client, errors

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._noted(name, found) if name in ("submit", "poll", "results") else found

    def _noted(self, name: str, exchange: Callable[..., Any]) -> Callable[..., Any]:
        def send(*arguments: Any) -> Any:
            try:
                return exchange(*arguments)
            except ModelError as error:
                self._errors.setdefault(name, error.kind)
                raise

        return send


def batch_cell(provider: BatchProvider, fault: Fault | RowFault, folder: Path) -> dict[str, Any]:
    """Run one cell; return what became of the batch, and whether what must hold holds."""
    errors: dict[str, str] = {}
    with serving(provider.serve()) as served:
        assert isinstance(served, OpenAIBatchServer | AnthropicServer)
        failing = Failing(served, provider.style, fault)
        suite, store = _suite(provider, served.url, folder), folder / "g.duckdb"
        timeout_s = TIMEOUT_S if fault.name == "timeout" else 20.0
        ended = _ask(provider, served.url, suite, store, timeout_s, errors)
        first = _stored(store)
        failing.ill = False
        again = _ask(provider, served.url, suite, store, 20.0, {})
        assert again is None, f"{provider.name}, {fault.name}: a provider that is well was not understood: {again}"
        last = _stored(store)
        again_for_cause = (failing.unanswered is not None) + sum(kind is not None for kind, _, _ in first.values())
        return {
            "provider": provider.name,
            "fault": fault.name,
            "exchanges": errors,
            "run_ended": ended,
            "row": next((kind for kind, _, _ in first.values() if kind is not None), None),
            "batches": len(served.batches),
            "live": sum(asked.path.endswith(LIVE) for asked in served.asked),
            "lost": sum(last[text][1] != body for text, (kind, body, _) in first.items() if kind is None),
            "unanswered": ASKED - sum(kind is None for kind, _, _ in last.values()),
            "misplaced": sum(not right for _, _, right in last.values()),
            "paid_twice": sum(count - 1 for count in served.billed.values()) - again_for_cause,
            **_ledger(store),
        }


def _suite(provider: BatchProvider, url: str, folder: Path) -> Path:
    teacher = {"answers": None, **provider.teacher(url), "priced_as": PRICE, "prefer": "batch"}
    (folder / "suite").mkdir(parents=True)
    prices = [{**PRICES, "as_of": "2026-11-01", "source": "assumed"}]
    (folder / "suite" / "prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    path: Path = write_suite(folder / "suite", {"teacher": teacher, "prices": "./prices.yaml"}, rows=SPLITS)
    return path


def _ask(
    provider: BatchProvider, url: str, suite: Path, store: Path, timeout_s: float, errors: dict[str, str]
) -> str | None:
    """Evaluate the teacher on a few items; return the class of the error that ended it, None where none did."""
    with open_session(load_suite(suite), Store(store)) as session:
        assert isinstance(session.teacher, ApiModel)
        heard: Any = Heard(provider.client(url, timeout_s), errors)
        session.teacher.new_batches = lambda: heard
        try:
            evaluate_teacher(session, session.split("dev")[:ASKED], "teacher")
        except ModelError as error:
            return error.kind
    return None


def _stored(store: Path) -> dict[str, tuple[str | None, str | None, bool]]:
    """Return (error class, body, whether the answer is to its own question) of each item, by its text."""
    sql = """SELECT text, error_class, raw, output IS NULL OR output = target FROM completions
             JOIN items USING (suite, item_id)"""
    return {text: (kind, body, right) for text, kind, body, right in rows_of(store, sql)}


def _ledger(store: Path) -> dict[str, Any]:
    read = "SELECT count(*) FROM completions WHERE error_class IS NULL AND usage_reported"
    return {
        "open": rows_of(store, "SELECT count(*) FROM spend WHERE state <> 'settled'")[0][0],
        "ledger_usd": float(rows_of(store, "SELECT sum(settled) FROM spend")[0][0]),
        "read_usd": float(rows_of(store, read)[0][0] * BILL),
    }
