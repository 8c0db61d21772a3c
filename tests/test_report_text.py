"""Markdown and terminal renderings, and foreign text in them."""

from __future__ import annotations

import re

import pytest
from report_parts import ceiling, new_rules, rule, share, worn_budget
from rich.console import Console
from test_report_dossiers import EVERY, for_a_part, inconclusive, promoted, rejected, unlooked, weak_slice
from test_report_html import HOSTILE, hostile

from gatekeeper.report.data import Dossier
from gatekeeper.report.headline import headline
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.sections import cautions, ceiling_facts, ceiling_warnings, teacher_parts
from gatekeeper.report.sentences import looks_sentence
from gatekeeper.report.steps import next_steps
from gatekeeper.report.terminal import print_summary, render_terminal
from gatekeeper.report.text import inert, markdown, one_line
from gatekeeper.stats.agreement import JudgeRates


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
    assert len(text.splitlines()) <= 33 + len(made.verdict.rules)
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
    assert "Also failed: Payback." in text
    assert text.endswith("is not the reason: the student keeps at least 97.1 % of the teacher's quality.")


@pytest.mark.parametrize(
    ("failed", "says", "does"),
    [
        ("gates.slices.min", "On requests with language = German the student keeps 80.3 % of the", "language = German"),
        ("gates.ood.smalltalk.retention", "What gates.ood.smalltalk.retention found.", "rows like those of smalltalk"),
        ("gates.ood.smalltalk.auroc", "What gates.ood.smalltalk.auroc found.", "does not give requests like those of"),
        ("gates.guards.vip", "What gates.guards.vip found.", "on vip the student is worse"),
        ("gates.format.parses", "What gates.format.parses found.", "answer with one of the labels"),
    ],
)
def test_each_kind_of_failed_rule_has_its_headline_and_its_step(failed: str, says: str, does: str) -> None:
    made = weak_slice()
    rules = (made.verdict.rules[0], *new_rules(failed))
    changed = made.model_copy(update={"verdict": made.verdict.model_copy(update={"rules": rules})})
    assert says in headline(changed).replace("\u00a0", " ")
    assert headline(changed).endswith("of the teacher's quality.")
    steps = [str(step) for step in next_steps(changed)]
    assert does in steps[0]
    assert len(steps) == 2


def test_copies_of_gate_rows_are_named_with_what_follows() -> None:
    made = promoted()
    leaked = rule(
        "gates.leakage.max_share", "inconclusive", 0.062, 0.062, 0.05, "share of pool rows", better="lower",
        settle="Take gate rows from another source.",
    )  # fmt: skip
    verdict = made.verdict.model_copy(update={"decision": "inconclusive", "rules": (made.verdict.rules[0], leaked)})
    changed = made.model_copy(update={"verdict": verdict})
    assert "6.2 % of the rows that students learn from were copies of gate rows" in headline(changed).replace(
        "\u00a0", " "
    )
    assert str(next_steps(changed)[0]) == "Take gate rows from another source."


def test_a_promotion_for_a_part_says_which_and_what_must_be_deployed() -> None:
    text = headline(for_a_part()).replace("\u00a0", " ")
    assert text.startswith(
        "Promote for about 71 % of requests, those on which linear is at least 83 % sure; the rest stays with the "
        "teacher. On 3,981 fresh requests both together keep at least 97.1 %"
    )
    first = str(next_steps(for_a_part())[0])
    assert "promoted/headlines.json" in first and "`threshold`" in first and "0.83" in first
    assert "threshold" not in str(next_steps(promoted())[0])


def test_what_no_rule_sees_is_said_beside_the_rules() -> None:
    texts = [text.replace("\u00a0", " ") for text in cautions(weak_slice())]
    assert [text.partition(",")[0] for text in texts] == [
        "After these gate rows were first looked at",
        "Single gate rows were shown to people once before this verdict",
    ]
    assert "97 was a slip of the pen" in texts[0]
    assert "too slow for the app" not in " ".join(texts), "what came after the verdict did not touch it"
    assert cautions(promoted()) == []
    for page in (render_markdown(weak_slice()), render_terminal(weak_slice())):
        assert "97 was a slip of the pen" in " ".join(page.split())


def test_rows_that_were_looked_at_before_are_not_called_fresh() -> None:
    made = inconclusive()
    worn = made.model_copy(update={"budget": worn_budget(*made.gate.looks, rows=412)})
    assert "412 fresh requests" in headline(made)
    assert "412 gate requests" in headline(worn)
    assert "0 left" in looks_sentence(worn)
    assert "2 looks at other splits read 206 of its 412 rows" in looks_sentence(worn)


def test_the_teachers_own_quality_comes_first_with_what_a_share_of_it_is_worth() -> None:
    made = weak_slice()
    text = "".join(teacher_parts(made) or ()).replace("\u00a0", " ")
    assert text.startswith("The teacher itself is right on 92.1 % of the gate split (91.2 % to 93.0 %).")
    assert "required 95 % of that is right on 87.5 %" in text
    assert ceiling_warnings(made)[0] == "95 % of a teacher that is right 55 % of the time is right 52.2 % of the time."
    page = render_markdown(made)
    assert page.index("The teacher itself") < page.index("Both models answered")


def test_of_a_judge_it_is_said_whose_word_counts() -> None:
    made = promoted()
    assert made.ceiling is None
    rates = JudgeRates(sensitivity=share(0.97, 0.01, 300), specificity=share(0.8, 0.05, 60))
    judged = made.model_copy(
        update={
            "gate": made.gate.model_copy(update={"labelled": 210, "counts": None, "student_score": 0.9}),
            "ceiling": ceiling().model_copy(update={"judge": rates}),
        }
    )
    text = render_markdown(judged).replace("\u00a0", " ")
    assert "people judged 210 rows as well" in text
    assert "of the gate split, as people judge it" in text
    assert "mean score of" not in text, "a judge's scores are not what decides"
    facts = dict(ceiling_facts(judged))
    assert facts["The judge decides as people do on"].replace("\u00a0", " ") == (
        "97 % of what they accept, 80 % of what they refuse"
    )


def test_without_gold_answers_nobody_speaks_of_accuracy() -> None:
    made = promoted()
    blind = made.model_copy(update={"data": made.data.model_copy(update={"gold": False})})
    assert "of agreement with the teacher (95" in headline(blind).replace("\u00a0", " ")
    assert "Accuracy" not in render_markdown(blind)
    assert "Accuracy" in render_markdown(made)


def test_an_inconclusive_dossier_names_the_rows_that_would_settle_it() -> None:
    steps = [str(step) for step in next_steps(inconclusive())]
    assert any("1,106 rows" in step for step in steps)
    assert not any("1,106 rows" in str(step) for step in next_steps(unlooked()))


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
