"""How the numbers of a stage are written: some lines on a terminal, one line in a log, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from gatekeeper.cli.stage_counts import StageCounts
from gatekeeper.cost.money import format_usd, round_cents
from gatekeeper.models.errors import FAILURES

INDENT = 4
LONGEST_BAR = 28
SHORTEST_BAR = 8
UNKNOWN = "-"
_STYLES = {"tight": "yellow", "is too small": "red"}


class Marks(NamedTuple):
    """The signs that a terminal can show."""

    done: str = "━"
    to_do: str = "─"
    between: str = " · "
    ellipsis: str = "…"


ASCII = Marks("#", "-", ", ", "...")


def live_lines(counts: StageCounts, width: int, marks: Marks) -> list[Text]:
    """Return what a terminal shows of a running stage, no line wider than `width` cells.

    Values are not broken: a cell that does not fit goes to the next line.
    """
    room = max(width - INDENT, 1)
    label = Text(counts.label, style="bold")
    label.truncate(room, overflow="ellipsis" if marks.ellipsis == "…" else "crop")
    pace = _pace(counts)
    taken = cell_len(marks.between.join(pace)) + 2
    bar = min(LONGEST_BAR, room - taken)
    head = [] if bar < SHORTEST_BAR else [_bar(counts, bar, marks)]
    lines = [label, *_filled(pace, room, marks, first=head)]
    for cells in (_sending(counts), _money(counts)):
        lines += _filled(cells, room, marks)
    return [Text(" " * INDENT) + line for line in lines]


def plain_line(counts: StageCounts) -> str:
    """Return a running stage as one line of a log."""
    share = [] if counts.hides_counts else [_share(counts)]
    cells = [*_pace(counts), *share, *_sending(counts), *_money(counts)]
    return f"{' ' * INDENT}{counts.label}: {', '.join(str(cell) for cell in cells)}"


def closing_lines(counts: StageCounts) -> list[Text]:
    """Return what stays of a stage: how much was done at what pace and price, and why requests failed, if some did."""
    whole = counts.done >= counts.total and not counts.not_sent
    done = counts.done - counts.not_sent
    count = f"{done:,} done" if whole else f"stopped after {done:,} of {counts.total:,}"
    if counts.hides_counts:
        count = "done" if whole else "stopped"
    cells = [f"{count} in {seconds(counts.elapsed_s)}"]
    if not counts.hides_counts:
        cells.append(_rate(counts.mean_rate))
    traffic = counts.traffic
    if counts.watch is not None:
        cells.append(f"{counts.failed:,} failed")
    if traffic is not None and traffic.refused:
        cells.append(f"refused (429) {traffic.refused:,} times")
    cells += [*_tokens(counts), *_paid(counts)]
    lines = [Text(f"{' ' * INDENT}{counts.label}: {', '.join(cells)}", style="dim" if whole else "yellow")]
    role = "teacher" if counts.watch is None else counts.watch.role
    return lines + [_failure(kind, count, role) for kind, count in _by_count(counts.failures)]


def stopping_line(counts: StageCounts) -> str:
    """Return what is said once when nothing new is sent any more."""
    traffic = counts.traffic
    flying = 0 if traffic is None else traffic.in_flight
    return f"{' ' * INDENT}{counts.label}: {_stopping(flying)}"


def seconds(value: float | None) -> str:
    """Write a time: `8 s`, `1 min 18 s`, `2 h 5 min`; a dash for None."""
    if value is None:
        return UNKNOWN
    if 0 < value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def _pace(counts: StageCounts) -> list[str]:
    left = f"{seconds(counts.left_s)} left"
    if counts.hides_counts:
        return [_share(counts), left]
    return [f"{counts.done:,}/{counts.total:,}", _rate(counts.recent_rate), left]


def _share(counts: StageCounts) -> str:
    return f"{counts.done / counts.total:.0%}" if counts.total else UNKNOWN


def _rate(rate: float | None) -> str:
    if rate is None:
        return f"{UNKNOWN}/s"
    return f"{rate:,.0f}/s" if rate >= 10 or rate == 0 else f"{rate:.1f}/s"


def _sending(counts: StageCounts) -> list[Text | str]:
    """What is on its way, what was refused, what failed, and tokens."""
    if counts.watch is None:
        return []
    cells: list[Text | str] = []
    traffic = counts.traffic
    if traffic is not None and traffic.ending:
        cells.append(Text(_stopping(traffic.in_flight), style="yellow"))
    elif traffic is not None:
        cells.append(f"{traffic.in_flight:,} in flight of at most {traffic.limit:,}")
    if traffic is not None:
        cells.append(Text(f"refused (429) {traffic.refused:,}", style="yellow" if traffic.refused else ""))
    if traffic is not None and traffic.retries:
        cells.append(f"retries {traffic.retries:,}, {traffic.resting:,} waiting")
    cells.append(Text(f"failed {counts.failed:,}", style="yellow" if counts.failed else ""))
    return cells + _tokens(counts)


def _stopping(in_flight: int) -> str:
    return f"stopping, {in_flight:,} answers are on their way; Ctrl-C again gives them up"


def _tokens(counts: StageCounts) -> list[str]:
    """Tokens, except on gate rows: the length of an answer tells which it is, as yes and no of a judge."""
    if counts.watch is None or counts.watch.on_gate:
        return []
    return [f"{counts.input_tokens:,} tokens in, {counts.output_tokens:,} out"]


def _paid(counts: StageCounts) -> list[str]:
    """Money of a stage that has ended, and of the run."""
    watch = counts.watch
    if watch is None or counts.hides_counts:
        return []
    assumed = " (assumed price)" if watch.assumed else ""
    spent = f"{_usd(counts, watch.purse.spent)} of {format_usd(watch.purse.cap)} spent"
    return [f"{_usd(counts, counts.usd)}{assumed}", spent]


def _money(counts: StageCounts) -> list[Text | str]:
    """Money so far, of the whole stage, and whether the budget holds."""
    watch = counts.watch
    if watch is None or counts.hides_counts:
        return []
    assumed = " (assumed price)" if watch.assumed else ""
    stage = UNKNOWN if counts.stage_usd is None else _usd(counts, counts.stage_usd)
    run = UNKNOWN if counts.run_usd is None else _usd(counts, counts.run_usd)
    outlook = counts.outlook
    short = f" by {_usd(counts, counts.missing_usd)}" if outlook == "is too small" else ""
    budget = f"budget {format_usd(watch.purse.cap)} {outlook or UNKNOWN}{short}"
    return [
        f"{_usd(counts, counts.usd)} of about {stage}{assumed}",
        f"the run then at {run}",
        Text(budget, style=_STYLES.get(outlook or "", "")),
    ]


def _usd(counts: StageCounts, amount: Decimal) -> str:
    """Write an amount; on gate rows in whole cents, since a finer sum would tell how long the answers are."""
    on_gate = counts.watch is not None and counts.watch.on_gate
    return f"${round_cents(amount):,}" if on_gate else format_usd(amount)


def _failure(kind: str, count: int, role: str) -> Text:
    known = FAILURES.get(kind)
    hint = "" if known is None else f": {known.hint.replace('teacher.', f'{role}.')}"
    return Text(f"{' ' * INDENT}  failed {count:,} times with {kind}{hint}", style="yellow")


def _by_count(failures: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(failures.items(), key=lambda one: (-one[1], one[0]))


def _bar(counts: StageCounts, width: int, marks: Marks) -> Text:
    share = counts.done / counts.total if counts.total else 0.0
    filled = min(int(share * width), width)
    return Text(marks.done * filled, style="cyan") + Text(marks.to_do * (width - filled), style="dim")


def _filled(cells: Iterable[Text | str], room: int, marks: Marks, first: Iterable[Text] = ()) -> list[Text]:
    """Put cells side by side into lines of at most `room`; `first` are followed by a space in place of a mark."""
    lines: list[Text] = []
    line = Text("  ").join(first)
    fresh = True
    for cell in cells:
        between = ("  " if line.cell_len else "") if fresh else marks.between
        text = cell if isinstance(cell, Text) else Text(cell)
        if line.cell_len and line.cell_len + cell_len(between) + text.cell_len > room:
            lines.append(line)
            line, between = Text(), ""
        line = line + Text(between) + text
        fresh = False
    if line.cell_len:
        lines.append(line)
    for one in lines:
        one.truncate(room, overflow="crop")
    return lines
