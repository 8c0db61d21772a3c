"""The calculator as a file: self-contained, safe against foreign names, embeddable; its fields cover every input."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import date
from decimal import Decimal

from calculator_engine import worksheets
from hypothesis import HealthCheck, given, settings

from gatekeeper.records import Quantity
from gatekeeper.whatif.calculator import fragment, render, script_source
from gatekeeper.whatif.calculator.fields import groups_of
from gatekeeper.whatif.calculator.labels import LABELS, OPTION_LABELS, UNITS
from gatekeeper.whatif.calculator.render import SCRIPTS, script
from gatekeeper.whatif.names import GENERAL, OF_OPTION
from gatekeeper.whatif.worksheet import Option, Worksheet

EVIL = "</script><script>alert(1)</script><!-- \u2028 & 'x'"


def small_worksheet(name: str = "G01") -> Worksheet:
    values = {
        "requests_per_month": "1000000",
        "input_tokens": "1200",
        "output_tokens": "300",
        "teacher.input_per_m": "2.50",
        "teacher.output_per_m": "10",
    }
    inputs = tuple(
        Quantity(name=key, value=Decimal(value), unit="", origin="priced", source=name) for key, value in values.items()
    )
    return Worksheet(
        name=name, as_of=date(2026, 11, 25), inputs=inputs, options=(Option(name="teacher", kind="incumbent"),)
    )


def embedded(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="gkc-data">(.*?)</script>', page, re.S)
    assert found is not None
    data: dict[str, object] = json.loads(found.group(1))
    return data


def test_nothing_is_loaded_from_anywhere() -> None:
    page = render(small_worksheet())
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}, "the name of SVG, which nothing fetches"
    assert re.findall(r"<(?:link|img|iframe|script)[^>]*(?:src|href)=\"([^\"]*)", page) == ["data:,"]
    assert "@import" not in page and "url(" not in page
    assert "default-src 'none'" in page and "unsafe-eval" not in page


def test_the_policy_names_the_script_that_stands_there() -> None:
    page = render(small_worksheet())
    (text,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert script_source() == f"'sha256-{digest}'" and f"script-src {script_source()};" in page
    assert all("</script" not in script(name) for name in SCRIPTS)


def test_foreign_text_stays_text() -> None:
    page = render(small_worksheet(EVIL), title=EVIL, source=(EVIL,))
    assert page.count("<script>") == 1 and page.count("</script>") == 2 and "alert(1)</" not in page
    data = embedded(page)
    assert data["source"] == [EVIL]
    worksheet = data["worksheet"]
    assert isinstance(worksheet, dict) and worksheet["name"] == EVIL


def test_the_fragment_brings_only_prefixed_names() -> None:
    part = fragment(small_worksheet())
    style, body = part.split("</style>", 1)
    markup = re.sub(r"<script.*?</script>", "", body, flags=re.S)
    names = re.findall(r'\b(?:id|for|aria-labelledby)="([^"]+)"', markup)
    classes = [one for group in re.findall(r'class="([^"]+)"', markup) for one in group.split()]
    assert names and all(one.startswith("gkc") for one in names + classes)
    assert len(re.findall(r'\bid="', markup)) == len(set(re.findall(r'\bid="([^"]+)"', markup)))
    rules = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    selectors = [one.strip() for group in re.findall(r"([^{}]+)\{", rules) for one in re.split(r",(?![^(]*\))", group)]
    plain = [one for one in selectors if not one.startswith(("@", "<style>"))]
    assert plain and all(one.startswith(".gkc") for one in plain), [one for one in plain if not one.startswith(".gkc")]


def test_every_input_has_a_label_and_a_unit() -> None:
    assert set(LABELS) == set(GENERAL) and set(OPTION_LABELS) == set(OF_OPTION)
    assert {one.unit for one in (*GENERAL.values(), *OF_OPTION.values())} <= set(UNITS)


@given(worksheets())
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_input_has_one_field_whose_slider_reaches_its_value(worksheet: Worksheet) -> None:
    fields = [field for group in groups_of(worksheet, shown="") for field in group.fields]
    names = [field.name for field in fields]
    assert len(names) == len(set(names)) and {one.name for one in worksheet.inputs} <= set(names)
    for field in fields:
        given_input = worksheet.quantity(field.name)
        low, high, step, log = field.range
        assert low < high and (step > 0 or log) and (not log or low > 0)
        if given_input is not None and given_input.value is not None:
            assert log or low <= float(given_input.value) <= high, field
