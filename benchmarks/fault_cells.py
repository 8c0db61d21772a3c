"""One cell of the fault matrix: a session asks a provider that fails, and then again when the provider is well."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.fault_kinds import TIMEOUT_S, Fault, Style
from benchmarks.from_tests import Asked, LocalApi, Response, rows_of, serving, write_suite
from gatekeeper.errors import ModelError
from gatekeeper.models.api import ApiModel
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.records import Item
from gatekeeper.run.opening import open_session
from gatekeeper.run.session import Session
from gatekeeper.stages.evaluate import evaluate_teacher
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

TRIES = 3
POLICY = RetryPolicy(attempts=TRIES, deadline_s=20.0, base_s=0.01, cap_s=0.02, refused_attempts=TRIES)
"""As the default, but for short waits and few tries."""
ROWS = {"pool": 60, "dev": 12, "gate": 20}
ASKED = 6
"""Items of a cell. One of them fails once, one always; the others are answered well."""
ONCE, ALWAYS = 2, 3
BILL = Decimal("0.00013")
"""US dollars of one answer of the servers: 11 tokens in and 3 out at $5 and $25 a million."""
PRICE = "anthropic/claude-opus-4-5"


@dataclass(frozen=True)
class Provider:
    """A provider, how a suite names it, and the server that speaks its protocol.

    Attributes:
        style: of the bodies.
        serve: makes the server.
        teacher: the suite's teacher, from the server's URL.
        prepare: changes the session before anything is asked.
    """

    name: str
    style: Style
    serve: Callable[[], LocalApi]
    teacher: Callable[[str], Mapping[str, Any]]
    prepare: Callable[[Session], None] = lambda session: None


class Books:
    """What the provider saw and sent, by the text that was asked; while `ill`, it fails.

    Args:
        api: the server.
        provider: in whose form it fails.
        fault: how.
        items: in the order in which they are asked.
    """

    def __init__(self, api: LocalApi, provider: Provider, fault: Fault, items: Sequence[Item]) -> None:
        self.ill = True
        self.asked: Counter[str] = Counter()
        self.good: Counter[str] = Counter()
        """Answers that went out unharmed."""
        self.read: Counter[str] = Counter()
        """Whole bodies with a bill."""
        self.unread: Counter[str] = Counter()
        """Answers that are billed, and of which nothing could be read."""
        self._api, self._style, self._fault = api, provider.style, fault
        texts = [item.text for item in items]
        self._once, self._always, self._later = texts[ONCE], texts[ALWAYS], set(texts[ALWAYS:])
        self._guard = threading.Lock()
        api.fault = self._answer

    def _answer(self, asked: Asked) -> Response:
        text = str(asked.json["messages"][-1]["content"])
        good = self._api.answer(asked)
        assert good.status == 200, good.body
        with self._guard:
            self.asked[text] += 1
            if not (self.ill and self._hits(text, self.asked[text])):
                self.good[text] += 1
                self.read[text] += 1
                return good
            sent = self._fault.change(self._style, good)
            if self._fault.billed and sent.status == 200:
                (self.read if self._fault.read else self.unread)[text] += 1
            return sent

    def _hits(self, text: str, nth: int) -> bool:
        if self._fault.for_all:
            return text in self._later
        return text == self._always or (text == self._once and nth == 1)


def cell(provider: Provider, fault: Fault, folder: Path) -> dict[str, Any]:
    """Run one cell; return what became of the afflicted items, and whether what must hold holds."""
    with serving(provider.serve()) as api:
        teacher = {**provider.teacher(api.url), "priced_as": PRICE, "concurrency": 2, "timeout_s": TIMEOUT_S}
        if fault.name != "timeout":
            del teacher["timeout_s"]
        suite = write_suite(folder / "suite", {"teacher": {"answers": None, **teacher}}, rows=ROWS)
        store = folder / "g.duckdb"
        stopped, books = _ask(provider, fault, api, suite, store, None)
        first = _stored(store)
        asked, books.ill = books.asked.copy(), False
        again, _ = _ask(provider, fault, api, suite, store, books)
        assert again is None, f"{provider.name}, {fault.name}: a provider that is well was not understood: {again}"
        return _judged(provider, fault, stopped, books, asked, first, _stored(store), store)


def _ask(
    provider: Provider, fault: Fault, api: LocalApi, suite: Path, store: Path, books: Books | None
) -> tuple[str | None, Books]:
    """Evaluate the teacher on a few items; return the class of the error that ended it, None where none did."""
    with open_session(load_suite(suite), Store(store)) as session:
        provider.prepare(session)
        assert isinstance(session.teacher, ApiModel)
        session.teacher.policy = POLICY
        items = session.split("dev")[:ASKED]
        books = books or Books(api, provider, fault, items)
        try:
            evaluate_teacher(session, items, "teacher")
        except ModelError as error:
            return error.kind, books
    return None, books


def _stored(store: Path) -> dict[str, dict[str, Any]]:
    """Return what is stored of each item that was asked, by its text."""
    names = ("text", "raw", "error_class", "attempts", "reported", "scored")
    rows = rows_of(
        store,
        """SELECT text, raw, error_class, attempts, usage_reported, value IS NOT NULL FROM completions
           JOIN items USING (suite, item_id) LEFT JOIN scores USING (suite, item_id, model, sample_index)""",
    )
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def _judged(
    provider: Provider,
    fault: Fault,
    stopped: str | None,
    books: Books,
    asked: Counter[str],
    first: dict[str, dict[str, Any]],
    last: dict[str, dict[str, Any]],
    store: Path,
) -> dict[str, Any]:
    answered = {text for text, one in first.items() if one["error_class"] is None}
    states: dict[str, int] = dict(rows_of(store, "SELECT state, count(*) FROM spend GROUP BY state"))
    ledger = Decimal(rows_of(store, "SELECT sum(settled) FROM spend")[0][0])
    counted = sum(not one["reported"] for one in last.values() if one["error_class"] is None)
    read = sum(books.read.values())
    return {
        "provider": provider.name,
        "fault": fault.name,
        "once": _fate(first, books._once),
        "always": _fate(first, books._always),
        "run_ended": stopped,
        "answered_first": len(answered),
        "lost": sum(last[text]["raw"] != first[text]["raw"] for text in answered),
        "unanswered": ASKED - sum(one["error_class"] is None for one in last.values()),
        "paid_twice": sum(books.asked[text] - asked[text] for text in answered)
        + sum(count - 1 for count in books.good.values()),
        # a try that timed out before it was sent is recorded, and the provider has not seen it
        "tries_unrecorded": sum(max(0, asked[text] - one["attempts"]) for text, one in first.items()),
        "wrongly_scored": sum(one["scored"] and one["error_class"] is not None for one in first.values())
        + sum(not one["scored"] for one in last.values()),
        "open": sum(count for state, count in states.items() if state != "settled"),
        "usage_counted_here": counted,
        "ledger_usd": float(ledger),
        "read_usd": float(read * BILL),
        "unread_answers": sum(books.unread.values()),
    }


def _fate(stored: Mapping[str, Mapping[str, Any]], text: str) -> dict[str, Any] | None:
    one = stored.get(text)
    return None if one is None else {"error": one["error_class"], "tries": one["attempts"]}
