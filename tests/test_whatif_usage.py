"""A usage file becomes a worksheet: every number with line, origin and day, and every mistake with a fix."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_files import CASCADE, G01, write_usage

from gatekeeper.errors import DataError, GatekeeperError, InputError, PriceError
from gatekeeper.whatif.names import GENERAL, OF_OPTION
from gatekeeper.whatif.sheet import Sheet, number_of
from gatekeeper.whatif.table import table_of
from gatekeeper.whatif.usage.file import read_usage
from gatekeeper.whatif.usage.schema import FILE, usage_schema_text
from gatekeeper.whatif.usage.spec import UsageSpec
from gatekeeper.whatif.worksheet import Values

TODAY = date(2026, 11, 25)


def read(path: Path) -> Sheet:
    return read_usage(path, today=TODAY)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    return str(caught.value)


def test_every_number_names_the_line_that_it_stands_in(tmp_path: Path) -> None:
    path = write_usage(tmp_path)
    lines = path.read_text().splitlines()
    for one in read(path).worksheet.inputs:
        if one.source.startswith("usage.yaml line "):
            key = one.name.rpartition(".")[2]
            line = lines[int(one.source.rpartition(" ")[2]) - 1]
            assert line.strip().partition(":")[0] in key, one
            assert one.origin == "assumed"
    assert len([one for one in read(path).worksheet.inputs if "line" in one.source]) == 23


@given(st.decimals(min_value=1, max_value=10**12, places=3, allow_nan=False))
def test_a_number_is_what_is_written(tmp_path_factory: pytest.TempPathFactory, number: Decimal) -> None:
    # Up to 15 digits survive a float; the shortest text of a float is what the file says.
    path = write_usage(tmp_path_factory.mktemp("n"), requests_per_month=float(number))
    assert Values(read(path).worksheet)["requests_per_month"] == Decimal(str(float(number)))


def test_measured_numbers_say_who_measured_them_and_when(tmp_path: Path) -> None:
    path = write_usage(
        tmp_path,
        requests_per_month={"value": 2e6, "measured": "billing export of 2026-10-31", "p10": 1e6, "p90": 3e6},
        teacher={"quality": {"value": 0.96, "measured": "eval", "as_of": "2026-11-02"}},
    )
    sheet = read(path)
    volume, quality = (sheet.worksheet.quantity(key) for key in ("requests_per_month", "teacher.quality"))
    assert volume is not None and quality is not None
    assert (volume.value, volume.origin, volume.as_of) == (Decimal("2000000.0"), "measured", "2026-10-31")
    assert (quality.origin, quality.as_of) == ("measured", "2026-11-02")
    assert "usage.yaml line 4" in volume.source
    assert sheet.ranges["requests_per_month"] == (Decimal("1000000.0"), Decimal("3000000.0"))
    assert sheet.with_values({"V": Decimal(5)}).ranges == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teacher": {"qualty": 0.9}}, ["teacher.qualty: unknown key", "did you mean `quality`"]),
        ({"teacher": {"quality": 93}}, ["teacher.quality: should be a share", "got 93", "93 % is 0.93"]),
        ({"teacher": {"input_per_m": "2.50"}}, ["teacher.input_per_m: should be a number"]),
        ({"teacher": {"output_per_m": None}}, ["gives `input_per_m` without `output_per_m`"]),
        ({"requests_per_month": -1}, ["usage.yaml:4: requests_per_month: should be above 0"]),
        ({"one_time": {"label_votes": 1.5}}, ["one_time.label_votes: should be a whole number"]),
        ({"one_time": {"label_rows": {"value": 1, "low": 0, "high": 2}}}, ["has a range that nothing reads"]),
        ({"requests_per_month": {"value": 9, "p10": 1, "p90": 2}}, ["lies outside of `p10` 1 to `p90` 2"]),
        ({"requests_per_month": {"value": 9, "low": 1, "high": 10}}, ["write `p10` and `p90`"]),
        ({"as_of": "yesterday"}, ["as_of: should be a day"]),
        ({"options": [{"name": "x", "kind": "cascade"}]}, ["`of` (the option before the teacher)"]),
        ({"options": [{"name": "x", "kind": "cascade", "of": "y"}]}, ["`of` is 'y', which cannot"]),
        ({"options": [{"name": "teacher", "kind": "cpu"}]}, ["means something else here"]),
        ({"options": [{"name": "x", "kind": "cpux"}]}, ["did you mean `cpu`"]),
        ({"options": [{"name": "x", "kind": "batch", "bench": "b.json"}]}, ["batch has none"]),
        ({"tokens": {"input": None}}, ["`tokens` needs `input` and `output`, or a `trace`"]),
    ],
)
def test_a_mistake_is_told_with_its_place_and_fix(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    said = refused(write_usage(tmp_path, **changes))
    assert "usage.yaml:" in said
    for one in words:
        assert one in said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = refused(write_usage(tmp_path, requests_per_month=-1, one_time={"label_votes": 1.5, "usd_per_label": -2}))
    assert said.startswith("3 problems in ")


def test_ways_that_need_no_student_are_added_where_their_prices_are_known(tmp_path: Path) -> None:
    path = write_usage(tmp_path, tokens={"repeated": 1024}, batchable_share=0.5, teacher={"cached_input_per_m": 1.25})
    table = table_of(read(path).worksheet)
    assert table.row("caching").usd_per_request == Decimal("0.00472")
    assert table.row("batch").usd_per_request == Decimal("0.0045")
    # A batch has no cached price of its own here, and discounts are not stacked: cached tokens cost the standard 1.25.
    batch = (176 * Decimal("1.25") + 1024 * Decimal("1.25") + 300 * 5) / 1_000_000
    assert table.row("caching_and_batch").usd_per_request == (Decimal("0.00472") + batch) / 2
    plain = {row.name for row in table_of(read(write_usage(tmp_path, tokens={"repeated": 1024})).worksheet).rows}
    assert plain & {"caching", "batch", "caching_and_batch"} == set(), "no price, no row"


def test_prices_are_looked_up_with_source_and_day(tmp_path: Path) -> None:
    path = write_usage(tmp_path, teacher=None)
    tree = yaml.safe_load(path.read_text()) | {"teacher": {"model": "openai/gpt-4o"}}
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    worksheet = read(path).worksheet
    price = worksheet.quantity("teacher.input_per_m")
    assert price is not None and price.value == Decimal("2.5")
    assert price.origin == "priced"
    assert price.source.startswith("genai-prices ") and price.as_of is not None
    assert worksheet.option("teacher").retires is not None
    assert worksheet.quantity("teacher.batch_input_per_m") is not None


@pytest.mark.parametrize(
    ("teacher", "as_of", "words"),
    [
        ({"model": "openai/gpt-4x"}, "2026-11-25", "nearest"),
        ({"model": "openai/gpt-4o"}, "2028-01-01", "is stale"),
    ],
)
def test_no_price_is_no_guess(tmp_path: Path, teacher: dict[str, str], as_of: str, words: str) -> None:
    path = write_usage(tmp_path)
    tree = yaml.safe_load(path.read_text()) | {"teacher": teacher, "as_of": as_of}
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    with pytest.raises(PriceError, match=words) as caught:
        read(path)
    assert "usage.yaml:" in str(caught.value) and "teacher.model" in str(caught.value)


def test_an_own_price_file_goes_first(tmp_path: Path) -> None:
    entry = {"model": "openai/gpt-4o", "input_per_m": 2, "output_per_m": 8, "as_of": "2026-11-20", "source": "contract"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([entry]))
    path = write_usage(tmp_path, prices="own.yaml")
    tree = yaml.safe_load(path.read_text()) | {"teacher": {"model": "openai/gpt-4o"}}
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    price = read(path).worksheet.quantity("teacher.input_per_m")
    assert price is not None and (price.value, price.source) == (Decimal(2), "contract: openai/gpt-4o")
    path = write_usage(tmp_path, prices="none.yaml")
    with pytest.raises(DataError, match=r"usage\.yaml:\d+: prices: .*none\.yaml cannot be read"):
        read(path)


def _log(path: Path, requests: int) -> Path:
    lines = [
        {
            "id": f"r{n}",
            "model": "gpt-4o",
            "created": 1_760_000_000 + n * 1_800,
            "usage": {"prompt_tokens": 1000 + 400 * (n % 2), "completion_tokens": 300},
        }
        for n in range(requests)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_a_log_gives_traffic_and_tokens_and_the_file_overrules_it(tmp_path: Path) -> None:
    _log(tmp_path / "log.jsonl", 200)
    tokens = {"input": None, "output": 250, "trace": "log.jsonl"}
    sheet = read(write_usage(tmp_path, tokens=tokens, requests_per_month=None))
    found = {one.name: one for one in sheet.worksheet.inputs}
    assert found["input_tokens"].value == 1200
    assert found["input_tokens"].origin == "measured"
    assert "log.jsonl: 200 requests" in found["input_tokens"].source
    assert found["output_tokens"].value == 250, "what the file says itself goes first"
    assert found["requests_per_month"].value == pytest.approx(1460, rel=0.01), "two an hour"
    assert len(sheet.worksheet.requests) == 200
    (tmp_path / "log.jsonl").unlink()
    with pytest.raises(DataError, match=r"log\.jsonl"):
        read(write_usage(tmp_path, tokens=tokens))


def test_a_log_is_priced_request_by_request_where_a_price_has_tiers(tmp_path: Path) -> None:
    """Half of the requests have 1,000 input tokens and half 1,400: these cross the tier, and with all their tokens."""
    _log(tmp_path / "log.jsonl", 100)
    entry = {"model": "acme/x", "input_per_m": 2, "output_per_m": 10, "as_of": "2026-11-20", "source": "contract"}
    tier = {"above_input_tokens": 1200, "input_per_m": 4, "output_per_m": 20}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([entry | {"tiers": [tier]}]))
    prices = dict.fromkeys(("input_per_m", "output_per_m", "batch_input_per_m", "batch_output_per_m"))
    path = write_usage(
        tmp_path,
        teacher=prices | {"model": "acme/x"},
        tokens={"input": None, "output": None, "trace": "log.jsonl"},
        prices="own.yaml",
    )
    row = table_of(read(path).worksheet).row("teacher")
    each = (1000 * 2 + 300 * 10, 1400 * 4 + 300 * 20)
    assert row.usd_per_request == Decimal(sum(each)) / 2 / 1_000_000


def test_a_benchmark_gives_the_capacity_and_its_replicates(tmp_path: Path) -> None:
    for n, rps in enumerate((8.0, 10.0)):
        result = {"date": "20261101-120000", "model_id": "s", "request_rate": "inf", "max_concurrency": 8}
        result |= {"completed": 100, "total_input_tokens": 120_000, "total_output_tokens": 30_000}
        (tmp_path / f"b{n}.json").write_text(json.dumps({**result, "request_throughput": rps}))
    gpu = {"name": "own", "kind": "gpu", "usd_per_hour": 1.59, "bench": ["b0.json", "b1.json"]}
    sheet = read(write_usage(tmp_path, gpu))
    found = sheet.worksheet.quantity("own.capacity_rps")
    assert found is not None and found.value is not None
    assert float(found.value) == pytest.approx(80**0.5)
    assert (found.origin, found.as_of) == ("measured", "2026-11-01")
    assert sheet.replicates["own"] == (8.0, 10.0)
    assert "capacity_measured" not in {rule.rule for rule in table_of(sheet.worksheet).row("own").rules}
    slow = refused(write_usage(tmp_path, gpu | {"e2e_p95_ms": 1.0}))
    assert "options[1].bench" in slow


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_junk_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever stands in place of a value, the file is read or refused with its place, and never with a traceback."""
    tree = deepcopy(G01)
    tree["options"].append(dict(CASCADE))
    part: Any = tree
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else list(range(len(part)))))
        if not isinstance(part[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
            part[key] = data.draw(JUNK)
            break
        part = part[key]
    path = tmp_path_factory.mktemp("junk") / "usage.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    try:
        table_of(read(path).worksheet)
    except GatekeeperError as error:
        assert str(error)


@pytest.mark.parametrize(("text", "number"), [("2e6", 2_000_000), ("1_000", 1000), ("20%", Decimal("0.2")), (" 5 ", 5)])
def test_numbers_of_the_command_line(text: str, number: Decimal) -> None:
    assert number_of(text, what="x") == number


@pytest.mark.parametrize("text", ["", "two", "nan", "inf", "1:2", "%"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InputError, match="is not a number"):
        number_of(text, what="x")


def test_set_adds_what_an_option_lacks_and_refuses_what_nobody_knows(tmp_path: Path) -> None:
    sheet = read(write_usage(tmp_path))
    assert Values(sheet.with_values({"student.quality": Decimal(1)}).worksheet)["student.quality"] == 1
    for wrong in ("student.qualty", "nobody.quality", "W"):
        with pytest.raises(InputError, match="no input is named"):
            sheet.with_values({wrong: Decimal(1)})


def test_all_numbers_of_the_file_have_a_name_in_the_worksheet() -> None:
    """A key of the file that no worksheet knows would be dropped without a word."""
    schema = UsageSpec.model_json_schema()
    parts = schema["$defs"]
    for part in ("OneTimeSpec", "FinanceSpec"):
        assert set(parts[part]["properties"]) <= set(GENERAL)
    assert {f"gate.{name}" for name in parts["MoneyGates"]["properties"]} <= set(GENERAL)
    others = {"name", "kind", "model", "of", "passes", "passes_source", "tokens", "retires"}
    others |= {"bench", "ttft_p99_ms", "e2e_p95_ms"}
    assert set(parts["OptionSpec"]["properties"]) - others <= set(OF_OPTION)


def test_the_schema_is_current_and_takes_the_projects_own_files(project_root: Path) -> None:
    text = (project_root / "schemas" / FILE).read_text(encoding="utf-8")
    assert text == usage_schema_text(), "run gatekeeper schema"
    schema = json.loads(text)
    files = sorted((project_root / "suites" / "cost").glob("*.usage.yaml"))
    assert files
    for file in files:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        assert file.read_text().startswith("# yaml-language-server: $schema=../../schemas/usage.schema.json")
        assert set(document) <= set(schema["properties"])
    jsonschema.validate(G01, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(G01 | {"teachers": {}}, schema)
