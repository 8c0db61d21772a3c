"""What a person sees while answers are bought: true counts, plain pipes, no ugly lines, and nothing of the gate."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from tiny_suite import Teacher, good_answer, http_server, http_teacher, promoted, rows_of, start, write_suite

from gatekeeper.cli.progress import TerminalProgress
from gatekeeper.cli.stage_counts import StageCounts
from gatekeeper.cli.stage_lines import ASCII, Marks, closing_lines, live_lines, plain_line
from gatekeeper.models.traffic import Traffic
from gatekeeper.records import Completion, Usage
from gatekeeper.run.opening import open_session
from gatekeeper.run.progress import Watch
from gatekeeper.stages.evaluate import evaluate_teacher
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

ROWS = {"pool": 60, "dev": 48, "gate": 20}
LABEL = "teacher on dev"
Reply = Callable[[Teacher, str], tuple[int, str, bytes]]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7])[;m]")


class Uneven:
    """Refuses the first ten questions, and fails for one text in sixteen."""

    def __init__(self) -> None:
        self.refused = 0

    def __call__(self, teacher: Teacher, text: str) -> tuple[int, str, bytes]:
        time.sleep(0.05)
        if self.refused < 10:
            self.refused += 1
            return 429, "application/json", b'{"error": {"message": "slow down"}}'
        if sum(map(ord, text)) % 16 == 0:
            return 400, "application/json", b'{"error": {"message": "no"}}'
        return 200, "application/json", good_answer(text)


def lengthy(_: Teacher, text: str) -> tuple[int, str, bytes]:
    """Answer after a while, and report as many tokens as the text has letters."""
    time.sleep(0.05)
    answer = json.loads(good_answer(text))
    answer["usage"]["prompt_tokens"] = len(text)
    return 200, "application/json", json.dumps(answer).encode()


def steady(_: Teacher, text: str) -> tuple[int, str, bytes]:
    """Answer after a while."""
    time.sleep(0.05)
    return 200, "application/json", good_answer(text)


@dataclass
class Shown:
    """What was written, and what really happened."""

    text: str
    store: Path
    refused: int

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def line(self, begin: str) -> str:
        return next(line for line in self.lines if line.strip().startswith(begin))


def evaluated(folder: Path, stream: Any, reply: Reply = steady, *, quiet: bool = False) -> Path:
    """Buy the teacher's answers to the development split from a real server; return the store."""
    store = folder / "s.duckdb"
    with http_server(reply) as server:
        suite = load_suite(write_suite(folder / "suite", http_teacher(server.url, concurrency=8), rows=ROWS))
        progress = TerminalProgress(stream, quiet=quiet, plain_every_s=0.05)
        with open_session(suite, Store(store), progress=progress) as session:
            evaluate_teacher(session, session.split("dev"), LABEL)
    return store


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A stage with refusals and failures, on a pipe."""
    folder, stream = tmp_path_factory.mktemp("piped"), io.StringIO()
    reply = Uneven()
    store = evaluated(folder, stream, reply)
    return Shown(stream.getvalue(), store, reply.refused)


def test_a_pipe_gets_plain_lines_and_one_that_closes_the_stage(piped: Shown) -> None:
    assert "\x1b" not in piped.text and "\r" not in piped.text
    running = [line for line in piped.lines if line.startswith(f"    {LABEL}: ") and " left" in line]
    assert len(running) >= 3
    done = [int(re.search(r"(\d+)/48", line)[1]) for line in running]  # type: ignore[index]
    assert done == sorted(done) and all("in flight of at most" in line for line in running)
    closing = [line for line in piped.lines if line.startswith(f"    {LABEL}: 48 done in ")]
    assert len(closing) == 1 and re.search(r", \d+/s, ", closing[0])


def test_refusals_failures_tokens_and_money_are_those_that_happened(piped: Shown) -> None:
    rows = rows_of(piped.store, "SELECT count(*), sum(input_tokens), sum(output_tokens) FROM completions")
    failed = rows_of(piped.store, "SELECT count(*) FROM completions WHERE error_class = 'bad_request'")[0][0]
    spent = rows_of(piped.store, "SELECT sum(settled) FROM spend")[0][0]
    assert rows[0][0] == 48 and failed > 0
    closing = piped.line(f"{LABEL}: 48 done")
    assert (
        f", {failed} failed, refused (429) {piped.refused} times, {rows[0][1]:,} tokens in, {rows[0][2]:,} out, "
        in closing
    )
    shown = [Decimal(text) for text in re.findall(r"\$([\d.]+)", closing)]
    assert abs(shown[0] - spent) < Decimal("0.0005") and shown[1:] == [shown[0], Decimal("10.00")]
    assert "(assumed price)" in closing
    hint = piped.line(f"failed {failed} times with bad_request")
    assert "teacher.params" in hint, "each class comes with what to do about it"


def test_the_forecast_is_near_the_truth_once_a_third_is_done(tmp_path: Path) -> None:
    stream = io.StringIO()
    store = evaluated(tmp_path, stream, lengthy)
    spent = float(rows_of(store, "SELECT sum(settled) FROM spend")[0][0])
    found = []
    for line in stream.getvalue().splitlines():
        if match := re.search(
            r"(\d+)/48.* of about \$([\d.]+) .*the run then at \$([\d.]+), budget \$10.00 holds", line
        ):
            found.append((int(match[1]), float(match[2]), float(match[3])))
    late = [one for one in found if one[0] >= 16]
    assert late and all(abs(usd / spent - 1) < 0.15 and run == usd for _, usd, run in late)


def test_what_nobody_knows_yet_is_a_dash(piped: Shown) -> None:
    counts = StageCounts("early", 10, watch())
    counts.look()
    line = plain_line(counts)
    assert "0/10, -/s, - left" in line and "$0.00 of about -" in line and "the run then at -, budget $10.00 -" in line
    assert "of about $0.00 " not in piped.text


def test_quiet_shows_nothing(tmp_path: Path) -> None:
    stream = io.StringIO()
    evaluated(tmp_path, stream, quiet=True)
    assert stream.getvalue() == ""


@contextmanager
def pseudo_terminal() -> Iterator[tuple[Any, list[bytes]]]:
    """Yield a stream that is a terminal, and the list of what arrives at its other end."""
    master, slave = os.openpty()
    got: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(master, 1 << 16)
            except OSError:  # the other end is closed
                return
            if not data:
                return
            got.append(data)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    stream = os.fdopen(slave, "w", encoding="utf-8")
    try:
        yield stream, got
    finally:
        stream.close()
        reader.join(10)
        os.close(master)


@pytest.mark.parametrize("width", [60, 80])
def test_a_terminal_gets_a_view_in_place_that_never_wraps(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"COLUMNS": str(width), "LINES": "30", "TERM": "xterm-256color", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with pseudo_terminal() as (stream, got):
        evaluated(tmp_path, stream)
    raw = b"".join(got).decode()
    text = ESCAPE.sub("", raw).replace("\r", "\n")
    assert "\x1b[" in raw and not COLOUR.search(raw), "it is drawn in place, and NO_COLOR holds"
    assert "━" in text and "─" in text and "/48 · " in text
    assert "in flight of at most 8" in text and "budget $10.00 holds" in text
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert f"    {LABEL}: 48 done in " in text, "one line stays"


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with pseudo_terminal() as (stream, got):
        evaluated(tmp_path, stream)
    assert b"\x1b" not in b"".join(got) and f"    {LABEL}: 48 done".encode() in b"".join(got)


@dataclass(frozen=True)
class Purse:
    """Money as a run has it."""

    spent: Decimal = Decimal(0)
    cap: Decimal = Decimal(10)


def watch(**changes: Any) -> Watch:
    """What is known of a stage in full swing."""
    busy = Traffic(in_flight=199, limit=256, resting=31, refused=2_234, retries=2_240, ending=False)
    earlier = iter([busy._replace(in_flight=0, refused=1_000, retries=1_000)])
    usual = Watch("teacher", Purse(), assumed=True, on_gate=False, traffic=lambda: next(earlier, busy))
    return replace(usual, **changes)


def answer(usd: str, error: str | None = None) -> tuple[Completion, Decimal]:
    usage = Usage(input_tokens=1_000, output_tokens=20)
    return Completion(request_key="k", item_id="i", model="m", output="x", usage=usage, error_class=error), Decimal(usd)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def in_full_swing(**changes: Any) -> tuple[StageCounts, Clock]:
    """Twenty seconds of a stage of a million: ten a second at first, then a hundred."""
    clock = Clock()
    counts = StageCounts("round 12: asking the teacher about texts", 1_000_000, watch(**changes), clock)
    for second in range(1, 21):
        for _ in range(10 if second <= 10 else 100):
            counts.done += 1
            counts.answered(*answer("0.001"))
        clock.now = float(second)
        counts.look()
    return counts, clock


def test_the_pace_is_that_of_late_and_ends_when_nothing_arrives() -> None:
    counts, clock = in_full_swing()
    assert counts.recent_rate == pytest.approx(100) and counts.mean_rate == pytest.approx(55)
    assert counts.left_s == pytest.approx((1_000_000 - 1_100) / 100)
    for _ in range(3):
        clock.now += 10
        counts.look()
    assert counts.recent_rate == 0 and counts.left_s is None
    assert "0/s, - left" in plain_line(counts)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("marks", [Marks(), ASCII])
def test_no_line_is_wider_than_the_terminal(width: int, marks: Marks) -> None:
    counts, _ = in_full_swing()
    lines = [line.plain for line in live_lines(counts, width, marks)]
    assert all(cell_len(line) <= width for line in lines)
    assert marks != ASCII or all(line.isascii() for line in lines)
    if width >= 60:
        whole = " ".join(lines)
        for part in ("1,100/1,000,000", "refused (429) 1,234", "199 in flight of at most 256", "1,240, 31 waiting"):
            assert part in whole, "values are not broken"


def test_the_view_says_whether_the_budget_holds() -> None:
    assert in_full_swing(purse=Purse(cap=Decimal(2_000)))[0].outlook == "holds"
    tight, _ = in_full_swing()
    object.__setattr__(tight, "watch", watch(purse=Purse(spent=Decimal("5.1"), cap=Decimal(1_002))))
    assert tight.run_usd == 1_000 and tight.outlook == "tight", "four dollars are reserved for what is in flight"
    small, _ = in_full_swing(purse=Purse(cap=Decimal(900)))
    assert small.outlook == "is too small" and "budget $900.00 is too small by $100.00" in plain_line(small)


def test_what_was_not_sent_has_not_failed() -> None:
    counts = StageCounts("stopped", 3, watch())
    for error in (None, "timeout", "not_sent"):
        counts.answered(*answer("0", error))
        counts.done += 1
    first, *failures = (line.plain for line in closing_lines(counts))
    assert "stopped after 2 of 3" in first and ", 1 failed," in first
    assert len(failures) == 1 and "failed 1 times with timeout" in failures[0]


def test_a_judge_on_gate_rows_shows_no_count_since_it_is_asked_about_differences_only() -> None:
    counts, _ = in_full_swing(on_gate=True, role="judge")
    shown = [*live_lines(counts, 120, Marks()), *closing_lines(counts)]
    for text in (plain_line(counts), *(line.plain for line in shown)):
        assert "1,100" not in text and "1,000,000" not in text and "tokens" not in text and "$" not in text


GATE_LINES = (
    r"    teacher on gate: 38 done in [\d.]+ s, [\d.,]+/s, 0 failed, \$\d+\.\d\d \(assumed price\), "
    r"\$\d+\.\d\d of \$10\.00 spent",
    r"  linear: the gate says (pass|not passed)",
)


def test_a_look_shows_counts_and_nothing_that_says_how_good_answers_are() -> None:
    looks = promoted().finished.err.split("at the gate split\n")[1:]
    assert len(looks) == 2, "the first look fails in this suite"
    for look in looks:
        lines = look.splitlines()
        said = next(place for place, line in enumerate(lines) if "the gate says" in line)
        wrong = [line for line in lines[: said + 1] if not any(re.fullmatch(known, line) for known in GATE_LINES)]
        assert wrong == [] and said == (1 if look is looks[0] else 0), "the first look asks the teacher"


@pytest.mark.slow
def test_ctrl_c_says_at_once_what_is_waited_for(tmp_path: Path) -> None:
    def slow(_: Teacher, text: str) -> tuple[int, str, bytes]:
        time.sleep(1.5)
        return 200, "application/json", good_answer(text)

    with http_server(slow) as server:
        suite = write_suite(tmp_path, http_teacher(server.url), rows=ROWS)
        process = start("loop", suite, "--store", tmp_path / "s.duckdb")
        deadline = time.monotonic() + 60
        while len(server.log) < 8 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert re.search(r"teacher on dev: stopping, \d answers are on their way; Ctrl-C again gives them up", said), said
    assert re.search(r"teacher on dev: stopped after \d+ of 48 in ", said), said
    assert "the same command continues it" in said
