"""A what-if as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from gatekeeper.whatif.answer import Answer
from gatekeeper.whatif.render.parts import tornado_lines, uncertainty_lines
from gatekeeper.whatif.render.table import (
    alternatives,
    break_even_lines,
    inputs_lines,
    missing_lines,
    sweep_lines,
)
from gatekeeper.whatif.render.text import markdown, number


def markdown_text(answer: Answer) -> str:
    """Return the answer as Markdown: advice and table first, the inputs folded away, assumptions before the rest."""
    worksheet = answer.worksheet
    volume = number(answer.table.requests_per_month)
    lines = [f"## {worksheet.name}: {volume} requests/month, as of {worksheet.as_of}", "", answer.table.advice, ""]
    lines += alternatives(answer, markdown)
    for part in (break_even_lines, sweep_lines, uncertainty_lines):
        found = _spaced(list(part(answer, markdown)))
        lines += ["", *found] if found else []
    bars = list(tornado_lines(answer))
    lines += ["", "```", *bars, "```"] if bars else []
    inputs = _spaced(list(inputs_lines(worksheet, markdown, lambda title: [f"**{title}**", ""])))
    lines += ["", "<details><summary>Inputs, assumptions first</summary>", "", *inputs, "", "</details>"]
    if any(row.missing for row in answer.table.rows):
        without = missing_lines(answer, markdown)
        lines += ["", "<details><summary>Without numbers</summary>", "", *without, "", "</details>"]
    lines += ["", *(f"- {note}" for note in worksheet.notes)] if worksheet.notes else []
    return "\n".join(lines) + "\n"


def _spaced(lines: list[str]) -> list[str]:
    """Put an empty line between a table and what stands beside it, which Markdown needs."""
    spaced: list[str] = []
    for line in lines:
        if spaced and spaced[-1] and line.startswith("|") != spaced[-1].startswith("|"):
            spaced.append("")
        spaced.append(line)
    return spaced
