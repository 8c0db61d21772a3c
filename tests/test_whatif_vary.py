"""Sweeps, tornado, break-even and explanations agree with the golden cases and with the table itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usage_files import CASCADE, write_usage

from gatekeeper.errors import GatekeeperError, InputError
from gatekeeper.whatif.break_even import break_even_of
from gatekeeper.whatif.explain import explain, ids_of
from gatekeeper.whatif.lint.sheet import lint
from gatekeeper.whatif.render.parts import tornado_text
from gatekeeper.whatif.results import RESULTS, results_of
from gatekeeper.whatif.sheet import Sheet, set_values
from gatekeeper.whatif.table import table_of
from gatekeeper.whatif.usage.file import read_usage
from gatekeeper.whatif.vary import Sweep, npv_of, parse_sweep, sweep_of, tornado_of
from gatekeeper.whatif.worksheet import Worksheet

CENT = Decimal("0.01")


def sheet_of(folder: Path, *options: dict[str, object], **changes: object) -> Sheet:
    return read_usage(write_usage(folder, *options, **changes), today=date(2026, 11, 25))


@pytest.fixture
def g01(tmp_path: Path) -> Worksheet:
    return sheet_of(tmp_path).worksheet


def test_the_tornado_of_g01(tmp_path: Path) -> None:
    """The golden tornado takes the one-time cost as one sum, and the student's tokens as its own."""
    student = {"name": "student", "kind": "fine_tuned_tokens", "passes": True, "input_per_m": 0.3, "output_per_m": 1.2}
    lump = {key: None for key in ("generation_examples", "label_rows", "evaluation_rows", "engineering_hours")}
    worksheet = sheet_of(
        tmp_path,
        options=[student | {"tokens": {"input": 400, "output": 300}}],
        one_time=lump | {"integration_usd": 8234.96},
    ).worksheet
    found = tornado_of(worksheet, "student")
    swings = {bar.name: round(bar.swing) for bar in found.bars}
    assert swings == {
        "requests_per_month": 25_172,
        "teacher.input_per_m": 13_681,
        "teacher.output_per_m": 13_681,
        "input_tokens": 13_681,
        "output_tokens": 13_681,
        "integration_usd": 3_294,
        "operations_usd_per_month": 2_280,
        "student.output_per_m": 1_642,
        "student.output_tokens": 1_642,
        "discount_per_year": 1_111,
        "student.input_per_m": 547,
        "student.input_tokens": 547,
    }
    assert found.bars[0].name == "requests_per_month"
    assert [round(end) for end in (found.bars[0].at_low, found.bars[0].at_high)] == [36_409, 61_582]
    assert "horizon_months" in found.left_out, "a count is not moved by a share"
    lines = tornado_text(found)
    assert "$48,995.49" in lines[0]
    bars = [line.count("█") for line in lines[2:14]]
    assert bars == sorted(bars, reverse=True), "the widest first"
    assert "800,000 .. 1,200,000" in lines[2] and "$36,409.35" in lines[2]


def test_a_tornado_marks_where_the_answer_changes(g01: Worksheet) -> None:
    poor = set_values(g01, {"V": Decimal(220_000)})
    lines = tornado_text(tornado_of(poor, "student"))
    assert any(line.startswith("changes the answer: requests_per_month") for line in lines)
    assert "0" in lines[2][60:110], "the zero is marked within the widest bar"


@given(st.integers(2, 40), st.booleans())
def test_a_sweep_has_its_ends_and_rises(steps: int, logarithmic: bool) -> None:
    worksheet = Worksheet(name="w", as_of=date(2026, 1, 1), inputs=(), options=())
    kind = "log" if logarithmic else "linear"
    found = parse_sweep(worksheet, f"V=1e5:1e7:{kind}:{steps}")
    assert found.name == "requests_per_month"
    assert (found.values[0], found.values[-1], len(found.values)) == (Decimal("1e5"), Decimal("1e7"), steps)
    assert list(found.values) == sorted(set(found.values))


@pytest.mark.parametrize("text", ["V", "V=1", "V=2:1", "V=0:1:log", "V=1:2:cubic", "V=1:2:1", "V=a:b", "=1:2"])
def test_what_is_no_sweep(g01: Worksheet, text: str) -> None:
    with pytest.raises(InputError):
        parse_sweep(g01, text)


def test_a_sweep_is_the_table_at_each_value(g01: Worksheet) -> None:
    values = (Decimal(90_580), Decimal(1_000_000))
    for row in sweep_of(g01, Sweep("requests_per_month", values)):
        table = table_of(set_values(g01, {"V": row.value}))
        by_name = {cell.option: cell for cell in row.cells}
        bill, outlook = table.row("student").bill, table.row("student").outlook
        assert bill is not None and outlook is not None
        assert by_name["student"].month_usd == bill.usd
        assert (
            by_name["student"].npv_usd
            == outlook.program.npv_usd
            == npv_of(set_values(g01, {"V": row.value}), "student")
        )


def test_the_escalation_of_g10(tmp_path: Path) -> None:
    worksheet = sheet_of(tmp_path, dict(CASCADE), operations={"usd_per_month": 0}, gates={"reduction": 4}).worksheet
    found = break_even_of(worksheet, table_of(worksheet), "cascade")
    assert found.most_teacher_share is not None and found.most_teacher_share_for_gate is not None
    assert round(found.most_teacher_share, 6) == Decimal("0.916667")
    assert round(found.most_teacher_share_for_gate, 6) == Decimal("0.166667")


def test_break_even_of_g01(g01: Worksheet) -> None:
    found = break_even_of(g01, table_of(g01), "student")
    assert found.volumes is not None and found.volumes_with_program is not None
    assert round(found.volumes.intervals[0].start) == 90_580
    assert round(found.volumes_with_program.intervals[0].start) == 214_900
    factor = found.teacher_price_factor
    assert factor is not None
    prices = [one.name for one in g01.inputs if one.name.startswith("teacher.") and one.name.endswith("_per_m")]
    values = {one.name: one.value for one in g01.inputs}
    at = set_values(g01, {name: factor * (values[name] or Decimal(0)) for name in prices})
    assert abs(npv_of(at, "student")) < CENT, "worth nothing at that price"


def test_the_error_cost_of_g11(g01: Worksheet) -> None:
    worksheet = set_values(
        g01,
        {
            "teacher.quality": Decimal("0.96"),
            "student.quality": Decimal("0.93"),
            "operations_usd_per_month": Decimal(0),
        },
    )
    found = break_even_of(worksheet, table_of(worksheet), "student")
    assert found.break_even_error_usd is not None and round(found.break_even_error_usd, 9) == Decimal("0.184")


def test_what_an_explanation_does_not_list_does_not_matter(tmp_path: Path) -> None:
    """Every input that a result does not name is moved: the result must stay as it is."""
    worksheet = sheet_of(tmp_path, dict(CASCADE), tokens={"cached": 100}, teacher={"quality": 0.9}).worksheet
    wrong = []
    for option in ("student", "cascade"):
        base = results_of(table_of(worksheet).row(option))
        read = {name: {one.name for one in explain(worksheet, f"{option}.{name}").inputs} for name in RESULTS}
        for one in worksheet.inputs:
            if not one.value or one.name.startswith("gate."):
                continue
            try:
                moved = results_of(table_of(set_values(worksheet, {one.name: one.value / 2})).row(option))
            except GatekeeperError:
                continue  # half a month is no horizon
            wrong += [
                (option, name, one.name) for name in RESULTS if moved[name] != base[name] and one.name not in read[name]
            ]
    assert wrong == []


def test_an_explanation_of_an_input_and_of_nothing(g01: Worksheet) -> None:
    found = explain(g01, "V")
    assert found.quantity is not None and found.quantity.source == "usage.yaml line 4"
    npv = explain(g01, "student.npv_usd")
    assert npv.value is not None and "(1 + r)" in npv.formula
    assert explain(g01, "teacher.npv_usd").missing == "it is the incumbent"
    assert set(ids_of(g01)) >= {"student.npv_usd", "requests_per_month"}
    with pytest.raises(InputError, match=r"student\.npv_usd"):
        explain(g01, "student.npv")


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"teacher": {"input_per_m": 0.0025, "output_per_m": 0.01}}, "error", "USD per thousand tokens"),
        ({"teacher": {"input_per_m": 12, "output_per_m": 10}}, "warning", "hardly ever cheaper"),
        ({"teacher": {"batch_input_per_m": 0.5, "batch_output_per_m": 2}}, "warning", "0.200 of the standard price"),
        ({"teacher": {"input_per_m": 2.7}}, "warning", "8 % apart"),
        ({"teacher": {"retires": "2026-12-01"}}, "error", "before the payback"),
        ({"as_of": "2026-12-24", "teacher": {"retires": "2026-12-01"}}, "error", "it stopped on"),
        ({"tokens": {"cached": 1300}}, "error", "of 1200 input tokens"),
        ({"tokens": {"repeated": 500}, "teacher": {"cached_input_per_m": 1.25}}, "warning", "cache nothing below"),
        ({"finance": {"error_usd": 0.5}, "teacher": {"quality": 0.9}}, "warning", "share of good ones is not known"),
        ({"requests_per_month": 50}, "warning", "requests cost $0.3"),
    ],
)
def test_lint_finds(tmp_path: Path, changes: dict[str, object], severity: str, words: str) -> None:
    found = lint(sheet_of(tmp_path, **changes))
    assert any(one.severity == severity and words in one.message for one in found), [str(one) for one in found]


def test_lint_finds_nothing_in_g01(tmp_path: Path) -> None:
    assert [one for one in lint(sheet_of(tmp_path)) if ": retires" not in one.place] == []


@pytest.mark.parametrize(
    ("capacity", "words"),
    [
        (8.9, "is assumed, so its gate stays open"),
        ({"value": 8.9, "measured": "guidellm"}, "nobody says when"),
        ({"value": 8.9, "measured": "guidellm 2026-06-01"}, "177 days before 2026-11-25"),
    ],
)
def test_lint_looks_at_the_age_of_a_benchmark(tmp_path: Path, capacity: object, words: str) -> None:
    own = {"name": "own", "kind": "gpu", "usd_per_hour": 1.59, "capacity_rps": capacity}
    assert any(words in one.message for one in lint(sheet_of(tmp_path, own)))
