"""The verbs of `gatekeeper cost`, as real processes where the start or the exit code matters: golden cases, formats,
sources, and mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_suite import Finished, call, write_suite
from usage_files import CASCADE, write_usage

from gatekeeper.cli.cost import VERBS
from gatekeeper.whatif.answer import Answer
from gatekeeper.whatif.results import RESULTS

HEAVY = ("torch", "transformers", "litellm", "openai", "anthropic", "pandas", "scipy", "sklearn", "numpy", "duckdb")
PROBE = """
import sys
from gatekeeper.cli.main import main
try:
    main({arguments!r})
finally:
    print("loaded:", *sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)
"""


def process(*arguments: str | Path) -> Finished:
    """Run the command line as a process of its own, and say which heavy libraries it loaded."""
    code = PROBE.format(arguments=[str(one) for one in arguments], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


def what_if(*arguments: str | Path) -> Any:
    said = call("cost", "what-if", *arguments, "--format", "json")
    assert said.code == 0, said.said
    return json.loads(said.out)


def rounded(value: str, like: object) -> Decimal:
    """Return `value` with as many digits as the golden number has."""
    return Decimal(value).quantize(Decimal(str(like)), rounding=ROUND_HALF_UP)


@pytest.fixture
def golden(project_root: Path) -> dict[str, Any]:
    cases = yaml.safe_load((project_root / "tests" / "golden" / "cost_golden_cases.yaml").read_text())
    return {case["id"]: case["out"] for case in cases}


def test_g01_from_a_usage_file_through_a_real_process(tmp_path: Path, golden: dict[str, Any]) -> None:
    out = golden["G01_api_to_ft_api"]
    said = process("cost", "what-if", write_usage(tmp_path), "--format", "json")
    assert said.code == 0, said.err
    assert said.err.strip() == "loaded:", "the money needs no heavy library"
    answer = json.loads(said.out)
    rows = {row["name"]: row for row in answer["table"]["rows"]}
    student, results = rows["student"], answer["results"]
    lines = {line["name"]: line["ahead_usd"] for line in student["one_time"]["lines"]}
    found = {
        "teacher_req": results["teacher.usd_per_request"],
        "teacher_month": results["teacher.month_usd"],
        "student_month": student["bill"]["requests_usd"],
        "crr": student["outlook"]["token_reduction"],
        "gen": lines["generation"],
        "train": lines["training"],
        "eval": lines["evaluation"],
        "label": lines["labels"],
        "eng": lines["engineering"],
        "one_time": results["student.one_time_usd"],
        "net_month": results["student.saving_usd"],
        "payback_months": results["student.payback_months"],
        "npv_12": results["student.npv_usd"],
        "irr_monthly": student["outlook"]["program"]["irr_per_month"],
        "v_breakeven_ops_only": student["outlook"]["volumes"]["intervals"][0]["start"],
        "v_breakeven_12m": student["outlook"]["volumes_with_program"]["intervals"][0]["start"],
    }
    for name, value in found.items():
        assert rounded(value, out[name]) == Decimal(str(out[name])), name
    assert student["outcome"] == "pass"
    assert answer["table"]["advice"] == "student meets every rule: $980.00 a month instead of $6,000.00 with teacher."


def test_g02_the_baseline_is_the_best_that_can_be_bought(tmp_path: Path) -> None:
    luna = {"name": "luna", "kind": "cheaper_api", "passes": True, "input_per_m": 0.1, "output_per_m": 0.5}
    answer = what_if(write_usage(tmp_path, luna))
    assert answer["table"]["baseline"] == "luna"
    assert Decimal(answer["results"]["student.saving_usd"]) == -710
    assert answer["results"]["student.payback_months"] is None
    assert answer["table"]["advice"].startswith("Do not distil: luna passes the gate and costs $270.00")


def test_g03_and_g10_by_set(tmp_path: Path, golden: dict[str, Any]) -> None:
    path = write_usage(tmp_path, dict(CASCADE))
    answer = what_if(path, "--set", "delta=50%", "--option", "student")
    assert rounded(answer["results"]["student.npv_usd"], "0.01") == Decimal(
        golden["G03_teacher_price_decay_50pct_per_year"]["npv_12"]
    )
    for share in ("0.05", "0.25", "0.60", "0.92"):
        month = what_if(path, "--set", f"e={share}", "--set", "operations_usd_per_month=0")
        assert rounded(month["results"]["cascade.month_usd"], "0.01") == Decimal(golden["G10_cascade"][f"esc_{share}"])


def test_json_is_stable_complete_and_holds_amounts_as_text(tmp_path: Path) -> None:
    path = write_usage(tmp_path, dict(CASCADE))
    extra = ("--tornado", "--vary", "V=1e5:1e7:log:3", "--preset", "large")
    first, second = (call("cost", "what-if", path, "--json", *extra).out for _ in range(2))
    assert first == second
    answer = json.loads(first)
    assert answer["table"]["requests_per_month"] == "10000000"
    assert [row["value"] for row in answer["sweeps"][0]["rows"]] == ["1E+5", "1.00E+6", "1E+7"]
    again = Answer.model_validate_json(first)
    assert json.loads(again.model_dump_json()) == answer, "what is written can be read"
    assert not [one for one in _leaves(answer) if isinstance(one, float)], "no amount is a float"
    names = [row["name"] for row in answer["table"]["rows"] if row["name"]]
    assert set(answer["results"]) == {f"{name}.{one}" for name in names for one in RESULTS}


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def test_the_table_says_assumptions_first_and_prices_with_their_day(project_root: Path) -> None:
    said = call("cost", "what-if", project_root / "suites" / "cost" / "seed.usage.yaml")
    assert said.code == 0, said.said
    lines = said.out.splitlines()
    assert lines[0].startswith("assumed (")
    places = [said.out.index(word) for word in ("\npriced (", "seed: 6,500,000 requests/month", "meets every rule")]
    assert places == sorted(places)
    assert "genai-prices" in said.out and "as of 2026-" in said.out
    assert "retires 2027-01-14" in said.out


def test_the_seed_case_is_eleven_thousand_dollars_and_five_to_twenty_times_less(project_root: Path) -> None:
    results = what_if(project_root / "suites" / "cost" / "seed.usage.yaml")["results"]
    assert 10_500 < Decimal(results["teacher.month_usd"]) < 11_500
    for name in ("small-api", "cpu-student", "cascade"):
        assert 5 <= Decimal(results[f"{name}.teacher_reduction"]) <= 20, name
    assert call("cost", "lint", project_root / "suites" / "cost" / "seed.usage.yaml").code == 0


def test_markdown_has_a_table_and_folds_the_inputs(tmp_path: Path) -> None:
    path = write_usage(tmp_path)
    said = call("cost", "what-if", path, "--format", "md", "--out", tmp_path / "out.md", "--tornado", "10%")
    assert said.code == 0, said.said
    lines = (tmp_path / "out.md").read_text().splitlines()
    assert lines[0] == "## G01: 1,000,000 requests/month, as of 2026-11-25"
    assert any(line.startswith("| A6 | student |") and "$8,234.96" in line and "PASS" in line for line in lines)
    for place, line in enumerate(lines):
        if line.startswith("| ---"):
            assert lines[place - 2] == "", "a table of Markdown stands alone"
            assert line.count("|") == lines[place - 1].count("|")


def test_monte_carlo_says_its_seed_and_gives_the_same_again(tmp_path: Path) -> None:
    path = write_usage(
        tmp_path,
        requests_per_month={"value": 1_000_000, "p10": 500_000, "p90": 2_000_000},
        one_time={"engineering_hours": {"value": 80, "low": 40, "high": 200}},
        finance={"price_decay_per_year": {"value": 0.1, "low": 0, "high": 0.9}},
        operations={"usd_per_month": {"value": 500, "low": 300, "high": 900}},
    )
    first, second = (what_if(path, "--mc", "2000", "--seed", "11")["uncertainty"] for _ in range(2))
    assert first == second
    assert (first["seed"], first["n_draws"]) == (11, 2000)
    assert {one["name"] for one in first["inputs"]} == {"volume", "engineering_hours", "price_decay", "operations"}
    bands = first["program"]["npv_usd"]
    assert float(bands["p10"]) < float(bands["p50"]) < float(bands["p90"])
    assert float(bands["p50"]) < 48_995, "prices fall in every draw, and most hours lie above the planned ones"
    assert what_if(path, "--mc", "2000", "--seed", "12")["uncertainty"] != first
    said = call("cost", "what-if", path, "--mc", "500")
    assert "500 draws of student, seed 7" in said.out and "P(NPV > 0)" in said.out
    certain = call("cost", "what-if", write_usage(tmp_path), "--mc")
    assert certain.code == 2 and "nothing is uncertain" in certain.said and "p10" in certain.said


def test_a_log_draws_both_models_costs_of_the_same_requests(tmp_path: Path) -> None:
    lines = [
        {"id": f"r{n}", "model": "m", "created": 1_760_000_000 + n * 1_800}
        | {"usage": {"prompt_tokens": 600 + 1200 * (n % 2), "completion_tokens": 300}}
        for n in range(300)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    path = write_usage(tmp_path, tokens={"input": None, "output": None, "trace": "log.jsonl"}, requests_per_month=1e6)
    found = what_if(path, "--mc", "500")["uncertainty"]
    assert [one["name"] for one in found["inputs"]] == ["baseline_requests"]
    printed = call("cost", "trace", tmp_path / "log.jsonl", "--yaml")
    assert yaml.safe_load(printed.out) == {"tokens": {"trace": str(tmp_path / "log.jsonl")}}
    text = call("cost", "trace", tmp_path / "log.jsonl")
    assert "300 with token counts" in text.out and "input_tokens" in text.out


def test_a_benchmark_is_shown_and_can_be_pasted(tmp_path: Path) -> None:
    result = {"date": "20261101-120000", "model_id": "acme/s", "request_rate": "inf", "max_concurrency": 8}
    result |= {"completed": 100, "total_input_tokens": 120_000, "total_output_tokens": 30_000, "request_throughput": 9}
    bench = tmp_path / "bench.json"
    bench.write_text(json.dumps(result))
    said = call("cost", "bench", bench)
    assert said.code == 0 and "capacity   9.000 requests/s" in said.out and "2026-11-01" in said.out
    pasted = yaml.safe_load(call("cost", "bench", bench, "--yaml").out)["options"][0]
    assert pasted["bench"] == [str(bench)]
    own = pasted | {"name": "own", "usd_per_hour": 1.59}
    answer = what_if(write_usage(tmp_path, own))
    capacity = next(one for one in answer["worksheet"]["inputs"] if one["name"] == "own.capacity_rps")
    assert (capacity["value"], capacity["origin"]) == ("9.0", "measured")


def test_compare_adds_up_to_the_cent(tmp_path: Path) -> None:
    path = write_usage(tmp_path, dict(CASCADE))
    found = json.loads(call("cost", "compare", path, "student", "cascade", "--json", "--set", "V=333333").out)
    for part in ("month", "one_time"):
        *lines, total = found[part]
        for side in ("first", "second"):
            assert sum(Decimal(line[side]) for line in lines) == Decimal(total[side])
    assert call("cost", "compare", path, "student", "nobody").code == 2
    assert call("cost", "compare", path, "student").code == 2


def test_diff_shows_what_changed_and_nothing_else(tmp_path: Path) -> None:
    path, base = write_usage(tmp_path), tmp_path / "base.json"
    assert call("cost", "what-if", path, "--json", "--out", base).code == 0
    assert call("cost", "diff", base, path).out == "No number differs.\n"
    write_usage(tmp_path, teacher={"input_per_m": 1, "output_per_m": 1})
    said = call("cost", "diff", base, path)
    assert "| student | pass | fail | - |" in said.out
    assert "| teacher.output_per_m | 10 | 1 | -9 |" in said.out
    assert "| teacher.month_usd | $6,000.00 | $1,500.00 | -$4,500.00 |" in said.out
    assert "requests_per_month" not in said.out
    (tmp_path / "other.json").write_text("{}")
    assert "is no answer of" in call("cost", "diff", tmp_path / "other.json", path).said


def test_explain_break_even_and_lint_print_for_people(tmp_path: Path) -> None:
    path = write_usage(tmp_path)
    said = call("cost", "explain", path, "student.npv_usd")
    assert "student.npv_usd = $48,995.49" in said.out and "[assumed]  requests_per_month" in said.out
    assert "student.volumes" in call("cost", "explain", path).out
    wrong = call("cost", "explain", path, "student.npv")
    assert wrong.code == 2 and "student.npv_usd" in wrong.said
    assert "90,580 and more" in call("cost", "break-even", "--usage", path).out
    bad = call("cost", "lint", path, "--set", "teacher.input_per_m=0.0025", "--set", "teacher.output_per_m=0.01")
    assert bad.code == 2 and "USD per thousand tokens" in bad.out


def test_prices_of_a_model(tmp_path: Path) -> None:
    said = call("cost", "prices", "openai/gpt-4o")
    assert said.code == 0
    line = next(line for line in said.out.splitlines() if line.startswith("standard"))
    assert line.split()[1:4] == ["2.5", "10", "1.25"] and "as of" in line
    found = json.loads(call("cost", "prices", "openai/gpt-4o", "--json").out)
    assert found["prices"]["batch"]["input_per_m"] == "1.25"
    assert call("cost", "prices", "openai/gpt-4x").code == 13
    assert call("cost", "prices", "openai/gpt-4o", "--at", "soon").code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("what-if",), 2, "0 sources of numbers"),
        (("what-if", "none.yaml"), 2, "none.yaml"),
        (("what-if", "{path}", "--usage", "{path}"), 2, "2 sources of numbers"),
        (("what-if", "{path}", "--set", "V"), 2, "has no value"),
        (("what-if", "{path}", "--set", "student.qualty=1"), 2, "no input is named"),
        (("what-if", "{path}", "--vary", "V=9"), 2, "has no range"),
        (("what-if", "{path}", "--tornado", "200%"), 2, "is no share between"),
        (("what-if", "{path}", "--option", "nobody"), 2, "no option is named 'nobody'"),
        (("what-if", "{path}", "--mc", "5"), 2, "n_draws is 5"),
        (("what-if", "--run", "latest", "--store", "none.duckdb"), 1, "none.duckdb"),
        (("nothing",), 2, "No such command"),
    ],
)
def test_mistakes_have_a_code_and_words(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    path = str(write_usage(tmp_path))
    said = call("cost", *(one.format(path=path) for one in arguments))
    assert said.code == code, said.said
    assert words in said.said


def test_an_unpriced_model_ends_with_13(tmp_path: Path) -> None:
    path = write_usage(tmp_path)
    tree = yaml.safe_load(path.read_text()) | {"teacher": {"model": "acme/none"}}
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    said = call("cost", "what-if", path)
    assert said.code == 13 and "usage.yaml:" in said.said and "acme/none" in said.said


def test_every_verb_of_cost_has_a_help_with_json() -> None:
    for verb in VERBS:
        said = call("cost", verb, "--help")
        assert said.code == 0 and "--json" in said.out, verb


def test_a_suite_is_a_source_as_well(tmp_path: Path) -> None:
    suite = write_suite(tmp_path)
    answer = what_if(suite, "--set", "linear.capacity_rps=500")
    assert answer["worksheet"]["name"] == "tiny"
    assert Decimal(answer["results"]["linear.month_usd"]) > 0
    assert answer["table"]["requests_per_month"] == "500000000"


@pytest.mark.parametrize(
    "change",
    ["V=0", "T=0", "T=1.5", "g=-1", "kappa=0", "student.quality=2", "gate.reduction=-3", "gate.volume_safety=0"],
)
def test_a_value_that_a_file_could_not_have_is_refused_on_the_command_line_too(change: str, tmp_path: Path) -> None:
    said = call("cost", "what-if", write_usage(tmp_path), "--set", change)
    assert said.code == 2, said.said
    assert f"{change.partition('=')[0]} is" in said.said


def test_a_model_that_has_retired_is_no_baseline_and_a_hosted_one_needs_its_price(tmp_path: Path) -> None:
    gone = {"name": "gone", "kind": "cheaper_api", "passes": True, "retires": "2026-10-01", "input_per_m": 0.01}
    hosted = {"name": "hosted", "kind": "fine_tuned_hosted", "passes": True, "input_per_m": 0.1, "output_per_m": 0.1}
    path = write_usage(tmp_path, options=[gone | {"output_per_m": 0.01}, hosted])
    table = json.loads(call("cost", "what-if", path, "--format", "json").out)["table"]
    rows = {row["name"]: row for row in table["rows"]}
    assert table["baseline"] == "teacher" and rows["gone"]["outcome"] == "fail"
    assert "hosting_usd_per_hour" in rows["hosted"]["missing"]
