"""The HTML dossier: well-formed, self-contained, accessible, and inert whatever text it is given."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_report_dossiers import ALL, EVERY, for_a_part, promoted, rejected, unlooked, weak_slice

from gatekeeper.records import RuleResult
from gatekeeper.report.charts import all_charts
from gatekeeper.report.data import Assumption, Confusion, Dossier, Failure
from gatekeeper.report.data_gate import BudgetFacts, RuleChange
from gatekeeper.report.html import render_html
from gatekeeper.whatif.usage.file import read_usage

ROOT = Path(__file__).parent.parent
VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "a\u202eb\u2066c\u2069d",
    "nul\x00bell\x07esc\x1b[31m",
    "$\\frac{1}{2}$ _x_ 'DejaVu Sans' #010101",
    "W" * 5000,
    "lone \ud800 surrogate",
    "http://evil.example/x.js",
)


class Page(HTMLParser):
    """Collects what the tests ask for, and fails on a tag that does not close."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in {tag}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attrs for name, attrs in self.tags if name == tag)


@cache
def rendered(make: Callable[[], Dossier]) -> str:
    """The page of one of the dossiers, drawn once: drawing is what takes time here."""
    return render_html(make())


def hostile(text: str) -> Dossier:
    """A promoted dossier with `text` in every place that foreign text can reach."""
    made = weak_slice()
    rule = RuleResult(
        rule=text, outcome="inconclusive", value=1.0, bound=None, requirement=None, margin=None, unit=text,
        sentence=text, settle=text,
    )  # fmt: skip
    failure = Failure(item_id=text, text=text, gold=text, teacher=text, student=text, confidence=0.5)
    quantity = made.money.quantities[0].model_copy(update={"name": text, "unit": text, "source": text, "as_of": text})
    return made.model_copy(
        update={
            "suite": text,
            "description": text,
            "assumed": (Assumption(name=text, value=text, why=text),),
            "verdict": made.verdict.model_copy(
                update={"decision": "inconclusive", "candidate": text, "sentence": text, "rules": (rule,)}
            ),
            "teacher": made.teacher.model_copy(update={"name": text, "kind": text, "priced_as": text}),
            "candidates": tuple(
                row.model_copy(update={"student": text, "recipe": text}) for row in made.candidates[:1]
            ),
            "rounds": tuple(
                row.model_copy(update={"mined_labels": {text: 3}, "dropped": {text: 1}}) for row in made.rounds
            ),
            "slices": tuple(row.model_copy(update={"slice": text, "value": text}) for row in made.slices[:1]),
            "gate": made.gate.model_copy(
                update={
                    "looks": tuple(one.model_copy(update={"run": text, "student": text}) for one in made.gate.looks)
                }
            ),
            "budget": _hostile_budget(made.budget, text),
            "others": (made.others[0].model_copy(update={"eval": text, "description": text, "rules": (text,)}),),
            "ceiling": made.ceiling and made.ceiling.model_copy(update={"majority_label": text, "warnings": (text,)}),
            "confusions": (Confusion(expected=text, student=text, n=2),),
            "failures": (failure,),
            "money": made.money.model_copy(update={"quantities": (quantity,)}),
            "lineage": made.lineage.model_copy(
                update={"scorers": {text: text}, "packages": {text: text}, "machine": text, "artifact": text}
            ),
            "sources": {text: text},
        }
    )


def _hostile_budget(budget: BudgetFacts, text: str) -> BudgetFacts:
    change = RuleChange(sentence=text, loosening=True)
    return budget.model_copy(
        update={
            "seals": tuple(one.model_copy(update={"who": text, "run": text, "digest": text}) for one in budget.seals),
            "amendments": tuple(
                one.model_copy(update={"who": text, "run": text, "reason": text, "changes": (change,)})
                for one in budget.amendments
            ),
            "reads": tuple(one.model_copy(update={"who": text, "what": text, "run": text}) for one in budget.reads),
        }
    )


@EVERY
def test_the_page_is_well_formed_with_unique_ids_and_no_broken_reference(make) -> None:
    page = Page(rendered(make))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for name in ("aria-labelledby", "href"):
        for _, attrs in page.tags:
            for target in (attrs.get(name) or "").split():
                assert target.removeprefix("#") in ids, f"{name}={target}"


@EVERY
def test_the_page_loads_nothing_and_runs_nothing(make) -> None:
    text = rendered(make)
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "img", "base", "form"})
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on") or name == "src"], tag
        assert (attrs.get("href") or "#").startswith("#")
    policy = next(attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@EVERY
def test_the_first_heading_is_the_verdict_and_the_sections_follow_in_order(make) -> None:
    made = make()
    text = rendered(make)
    sections = re.findall(r'<h2 id="([a-z]+)"', text)
    assert text.index("<h1>") < text.index("<h2")
    assert text.count("<h1>") == 1
    assert sections[:3] == ["assumed", "rules", "quality"]
    assert sections[-1] == "lineage"
    assert "next" in sections
    assert ("slices" in sections) == bool(made.slices)


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("promoted", {"slices", "budget"}, {"part", "others"}),
        ("for_a_part", {"part", "power", "budget"}, {"others"}),
        ("weak_slice", {"others", "power", "budget"}, {"part"}),
        ("unlooked", {"budget"}, {"part", "others", "slices", "power"}),
    ],
)
def test_a_section_is_there_when_there_is_something_to_say(name: str, there: set[str], absent: set[str]) -> None:
    sections = set(re.findall(r'<h2 id="([a-z]+)"', rendered(ALL[name])))
    assert there <= sections
    assert not absent & sections


def test_slices_are_told_by_words_and_by_marks() -> None:
    text = " ".join("".join(Page(rendered(weak_slice)).text).split())
    for row, told in zip(weak_slice().slices, ("shown above", "shown below", "cannot be told"), strict=False):
        assert re.search(rf"{row.slice} = {row.value}.{{1,120}}?{told}", text), row.value
    assert "Other slices, for information" in text
    chart = all_charts(weak_slice())["chart-slices"]
    assert "German: " in chart.description and "shown below" in chart.description


def test_the_error_budget_names_who_changed_the_rules_and_who_read_rows() -> None:
    text = " ".join("".join(Page(rendered(weak_slice)).text).split()).replace("\u00a0", " ")
    assert "looser gates.quality.retention was 0.97 and is 0.95" in text
    assert "stricter gates.latency is new: p95_ms 50" in text
    assert re.search(r"cy ?2026-11-24 09:10 ?rows that the student got wrong ?117 ?before this verdict", text)
    assert "no look is left, and the next one needs fresh gate rows" in text
    assert "Nobody has changed them since." in "".join(Page(rendered(promoted)).text)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "promoted",
            "Promote. On 3,981 fresh requests the student keeps at least 97.1 % of the teacher's quality "
            "(95 % confidence; required 95 %), and cuts the monthly bill from $11,040 to $292 (38x).",
        ),
        (
            "rejected",
            "Reject. On 3,981 fresh requests the student keeps at most 92.3 % of the teacher's quality "
            "(95 % confidence; required 95 %).",
        ),
        (
            "inconclusive",
            "Inconclusive. On 412 fresh requests the student keeps between 94.8 % and 99.6 % of the teacher's quality "
            "(95 % confidence). Required is 95 %, so these requests are too few to tell.",
        ),
        (
            "weak_slice",
            "Reject. On requests with language = German the student keeps 80.3 % of the teacher's quality, shown to be "
            "less than the 90 % that every slice needs.",
        ),
        ("unlooked", "Inconclusive. No round made a pass probable enough to spend a look."),
    ],
)
def test_the_headline_says(name: str, sentence: str) -> None:
    page = Page(rendered(ALL[name]))
    assert sentence in "".join(page.text).replace("\u00a0", " ")


@EVERY
def test_every_chart_has_a_text_alternative_and_the_pages_colours(make) -> None:
    page = Page(rendered(make))
    charts = list(page.all("svg"))
    drawn = all_charts(make())
    assert len(charts) == 2 * len(drawn)
    assert all(attrs["role"] == "img" and len((attrs["aria-labelledby"] or "").split()) == 2 for attrs in charts)
    for chart in drawn.values():
        assert re.search(r"\d", chart.description), "the description holds the numbers that are drawn"
        for svg in (chart.wide, chart.narrow):
            assert not re.search(r"#[0-9a-f]{6}\b(?!\")", re.sub(r'"#[^"]*"|url\([^)]*\)', "", svg))
            assert "var(--" in svg


def test_a_dossier_without_a_look_draws_no_interval_and_one_with_a_look_does() -> None:
    assert set(all_charts(unlooked())) == {"chart-budget"}
    usual = {"chart-retention", "chart-rounds", "chart-slices", "chart-money", "chart-budget"}
    assert set(all_charts(promoted())) == usual
    assert set(all_charts(for_a_part())) == usual | {"chart-part", "chart-power"}


def test_the_same_dossier_gives_the_same_bytes() -> None:
    assert render_html(rejected()) == rendered(rejected)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_foreign_text_stays_text(text: str) -> None:
    made = render_html(hostile(text))
    page = Page(made)
    assert made.encode("utf-8")  # a lone surrogate would raise
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"script", "img", "link", "iframe"})
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", made)
    assert ("{{ 7 * 7 }}" in "".join(page.text)) == ("{{" in text), "a template in the text is not run"
    assert max((len(word) for word in re.findall(r"W+", made)), default=0) <= 4000  # only SQL may be that long


def test_what_is_left_out_of_a_long_text_is_counted() -> None:
    assert "(+4,600 characters)" in render_html(hostile("W" * 5000))


def test_every_number_of_the_page_that_has_sql_carries_its_id() -> None:
    made = promoted()
    page = Page(rendered(promoted))
    ids = {attrs["data-number"] for attrs in page.all("span") if "data-number" in attrs}
    assert set(made.sources) <= ids
    assert {"gate.retention.lower", "money.saving_monthly", "rules.gates.quality.retention.bound"} <= ids


def test_contrast_of_text_meets_aa_in_both_themes() -> None:
    css = rendered(promoted).partition("<style>")[2].partition("</style>")[0]
    themes = [
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r"\{[^{}]*--page:[^{}]*\}", css)
    ]
    assert len(themes) == 3, "light, dark by system, dark by choice"
    for theme in themes:
        pairs = [("ink", "page"), ("ink", "card"), ("muted", "page"), ("muted", "card"), ("muted", "soft")]
        pairs += [(name, f"{name}-soft") for name in ("good", "bad", "open")] + [
            ("open", "card"),
            ("chart-required", "card"),
        ]
        for text, ground in pairs:
            assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, WCAG 2.2."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_calculator_is_the_only_script_and_its_numbers_stay_data(text: str) -> None:
    sheet = read_usage(ROOT / "suites" / "cost" / "seed.usage.yaml", today=date(2026, 11, 25)).worksheet
    options = tuple(one.model_copy(update={"model": text, "passes_source": text}) for one in sheet.options)
    inputs = tuple(one.model_copy(update={"source": text}) for one in sheet.inputs)
    worksheet = sheet.model_copy(update={"name": text, "options": options, "inputs": inputs, "notes": (text,)})
    made = render_html(promoted().model_copy(update={"worksheet": worksheet}))
    page = Page(made)
    assert made.encode("utf-8")  # a lone surrogate would raise
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", made, re.DOTALL)
    data = [body for attrs, body in scripts if 'type="application/json"' in attrs]
    code = [body for attrs, body in scripts if "application/json" not in attrs]
    assert len(data) == len(code) == 1 and len(scripts) == 2
    assert json.loads(data[0])["worksheet"]["name"] == text
    digest = base64.b64encode(hashlib.sha256(code[0].encode()).digest()).decode()
    policy = next(attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "src"]
