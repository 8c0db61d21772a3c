"""The section of benchmarks/README.md on faults of providers, made from benchmarks/results/faults.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MUST_BE_0 = {
    "lost": "answers lost",
    "unanswered": "never answered",
    "paid_twice": "paid twice",
    "tries_unrecorded": "tries not recorded",
    "wrongly_scored": "scored wrongly",
    "open": "payments not settled",
    "misplaced": "answers at the wrong request",
}
"""What a cell counts that must not be, by its name in the results."""


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown: one table of requests and one of batches, a cell for each fault and provider."""
    cells, batches = result["cells"], result["batch_cells"]
    good = sum(not wrongs(cell) for cell in cells + batches)
    lines = [
        "`python -m benchmarks.faults`. Each cell is run: a session with the provider's real client against a local "
        f"server that speaks its protocol and fails. {good} of {len(cells) + len(batches)} cells are good (✓): every "
        "answer that arrived is in the store, and is not asked again when the same session is opened later and the "
        "provider is well; what had failed is answered then; each answer is paid once and each reservation is settled; "
        "the ledger holds at least what the provider's bodies said; and a request that failed has no score.\n",
        "*n*: the item that meets the fault once is answered at its n-th try. *Class*: how the item fails that meets "
        f"it each time, after {result['tries']} tries (6 by default) or, where a class does not pass by itself, one. "
        "*Ends*: the run ends with this error and its fix, since every request would fail; the same command goes on. "
        "*+n*: answers that the provider has made, and will bill, of which nothing could be read; **the "
        "client cannot know their price, and the ledger does not hold them**.\n",
        *_table(cells, _requests),
        "\nBatches, by a session with `prefer: batch`: creation, poll and results fail once each, or one row comes "
        "otherwise. *Class, then read*: an exchange fails with it, and in the end the batch is read; a creation whose "
        "reply was lost is looked for before another is made. *Row*: how the row fails; it is handed over again by the "
        "same command later, and at once where its class passes by itself.\n",
        *_table(batches, _batch),
    ]
    return "\n".join(lines) + "\n"


def wrongs(cell: dict[str, Any]) -> list[str]:
    """Return what does not hold in a cell, in words."""
    found = [f"{cell[name]} {words}" for name, words in MUST_BE_0.items() if cell.get(name)]
    if "ledger_usd" in cell and cell["ledger_usd"] < cell["read_usd"]:
        found.append("the ledger holds too little")
    return found


def _table(cells: list[dict[str, Any]], words: Callable[[dict[str, Any]], str]) -> list[str]:
    providers = list(dict.fromkeys(cell["provider"] for cell in cells))
    by_place = {(cell["fault"], cell["provider"]): cell for cell in cells}
    lines = ["| fault | " + " | ".join(providers) + " |", "|---" * (len(providers) + 1) + "|"]
    for fault in dict.fromkeys(cell["fault"] for cell in cells):
        row = [_marked(by_place[fault, provider], words) for provider in providers]
        lines.append(f"| {fault} | " + " | ".join(row) + " |")
    return lines


def _marked(cell: dict[str, Any], words: Callable[[dict[str, Any]], str]) -> str:
    wrong = wrongs(cell)
    return f"{words(cell)} ✗ {', '.join(wrong)}" if wrong else f"{words(cell)} ✓"


def _requests(cell: dict[str, Any]) -> str:
    if cell["run_ended"] is not None:
        return f"ends: {cell['run_ended']}"
    once, always = cell["once"], cell["always"]
    parts = [str(once["tries"])] if once["error"] is None else []
    parts += [always["error"]] if always["error"] is not None else ["answered"]
    parts += ["usage counted here"] if cell["usage_counted_here"] else []
    parts += [f"+{cell['unread_answers']}"] if cell["unread_answers"] else []
    return ", ".join(parts)


def _batch(cell: dict[str, Any]) -> str:
    if cell["run_ended"] is not None:
        return f"ends: {cell['run_ended']}"
    kinds = list(dict.fromkeys(cell["exchanges"].values()))
    parts = [f"{' or '.join(kinds)}, then read"] if kinds else []
    parts += [f"row: {cell['row']}"] if cell["row"] is not None else []
    parts += ["handed over again"] if cell["batches"] > 1 else []
    return ", ".join(parts) or "answered"
