"""Markdown and terminal renderings, and foreign text in them."""

from __future__ import annotations

import re

import pytest
from rich.console import Console
from test_report_dossiers import EVERY, inconclusive, promoted, rejected, unlooked
from test_report_html import HOSTILE, hostile

from gatekeeper.report.data import Dossier
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.sentences import headline, next_steps
from gatekeeper.report.terminal import print_summary, render_terminal
from gatekeeper.report.text import inert, markdown, one_line


def tables(text: str) -> list[list[str]]:
    """The tables of a Markdown text, each as its lines."""
    return [block.strip().split("\n") for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M)]


@EVERY
def test_markdown_tables_have_as_many_cells_in_each_row_as_in_the_head(make) -> None:
    found = tables(render_markdown(make()))
    assert len(found) >= 3
    for table in found:
        assert {line.count("|") for line in table} == {table[0].count("|")}
        assert re.fullmatch(r"\|(:?-+:?\|)+", table[1])


@EVERY
def test_markdown_opens_with_the_verdict_and_tells_what_to_do(make) -> None:
    made = make()
    text = render_markdown(made)
    assert text.startswith(f"# {markdown(headline(made), 900)}\n")
    assert (
        text.index("What was assumed") < text.index("| Rule") < text.index("What to do next") < text.index("## Lineage")
    )
    for place, step in enumerate(next_steps(made), start=1):
        assert f"\n{place}. {markdown(step.text, 900)}" in text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_foreign_text_stays_text_in_markdown(text: str) -> None:
    made = render_markdown(hostile(text))
    assert made.encode("utf-8")
    assert set(re.findall(r"</?([a-z]+)", made)) <= {"details", "summary"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", made)
    assert "http://" not in made
    for table in tables(made):
        assert {line.count("|") for line in table} == {table[0].count("|")}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_foreign_text_drives_no_terminal(text: str) -> None:
    made = render_terminal(hostile(text))
    assert made.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", made)


@EVERY
def test_the_terminal_summary_is_short_and_ends_with_what_to_do(make) -> None:
    made = make()
    text = render_terminal(made)
    assert len(text.splitlines()) <= 36
    assert " ".join(headline(made).split()) in " ".join(text.split())
    last = next_steps(made)[-1]
    assert " ".join(text.split()).endswith(" ".join(str(last).split()))
    assert max(len(line) for line in text.splitlines()) <= 100


def test_colour_is_used_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in render_terminal(promoted(), color=True)
    assert "\x1b[" not in render_terminal(promoted())
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(force_terminal=True, width=100)
    with console.capture() as captured:
        print_summary(promoted(), console)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", captured.get())


@EVERY
def test_the_summary_needs_no_emoji_and_little_beyond_ascii(make) -> None:
    assert not re.search("[\U0001f000-\U0001ffff\u2600-\u27bf\ufe0f]", render_terminal(make()))


def test_a_rejection_on_cost_alone_says_that_quality_is_not_the_reason() -> None:
    made = rejected()
    quality = promoted().verdict.rules[0]
    rules = (quality, *made.verdict.rules[1:])
    changed = made.model_copy(
        update={"verdict": made.verdict.model_copy(update={"rules": rules}), "gate": promoted().gate}
    )
    text = headline(changed).replace("\u00a0", " ")
    assert text.startswith("Reject. The monthly bill falls 1.3x; required 5x.")
    assert text.endswith("Quality is not the reason: the student keeps at least 97.1 % of the teacher's quality.")


def test_without_gold_answers_nobody_speaks_of_accuracy() -> None:
    made = promoted()
    blind = made.model_copy(update={"data": made.data.model_copy(update={"gold": False})})
    assert "of agreement with the teacher (95" in headline(blind).replace("\u00a0", " ")
    assert "Accuracy" not in render_markdown(blind)
    assert "Accuracy" in render_markdown(made)


def test_an_inconclusive_dossier_names_the_rows_that_would_settle_it() -> None:
    steps = [str(step) for step in next_steps(inconclusive())]
    assert any("694 fresh rows" in step for step in steps)
    assert not any("fresh rows" in str(step) for step in next_steps(unlooked()))


def test_a_smaller_bill_is_cut_and_a_larger_one_is_not() -> None:
    made = promoted()
    dearer = made.money.model_copy(update={"candidate_monthly": made.money.baseline_monthly * 2})
    assert "cuts the monthly bill" in headline(made)
    assert "cuts" not in headline(made.model_copy(update={"money": dearer}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x00b", "a\\u0000b"),
        ("a\u202eb", "a\\u202eb"),
        ("line\nbreak", "line\nbreak"),
        ("a\u2028b", "a\\u2028b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        (None, ""),
    ],
)
def test_invisible_characters_are_spelled_out(text: str | None, shown: str) -> None:
    assert inert(text) == shown


def test_long_text_is_cut_and_the_cut_is_counted() -> None:
    assert inert("x" * 1500, 500) == "x" * 500 + "… (+1,000 characters)"
    assert one_line(" a \n\t b ") == "a b"


def test_the_record_alone_is_enough_to_render_again() -> None:
    made = promoted()
    assert render_markdown(Dossier.model_validate_json(made.model_dump_json())) == render_markdown(made)
