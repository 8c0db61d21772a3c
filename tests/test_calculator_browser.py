"""The calculator in a real browser: its numbers are those of `gatekeeper cost what-if`, whatever is moved."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from calculator_golden import Golden, wrong_numbers
from jinja2 import Environment
from test_calculator_golden import close
from test_cost_golden import CASES
from usage_files import CASCADE, write_usage

import gatekeeper.report
from gatekeeper.whatif.calculator import fragment, script_source
from gatekeeper.whatif.usage.file import read_usage

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright (group test)")

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = os.environ.get("GATEKEEPER_BROWSER") or next((found for name in NAMES if (found := shutil.which(name))), None)
if BROWSER is None:
    pytest.skip("no chromium is on the path; install one, or name it in GATEKEEPER_BROWSER", allow_module_level=True)

GPU = {"name": "gpu", "kind": "gpu", "passes": True, "usd_per_hour": 1.59, "capacity_rps": 8.935, "training_usd": 240}
CPU = {"name": "cpu", "kind": "cpu", "passes": True, "usd_per_hour": 0.2}
"""Nobody measured its speed, so that its row has no numbers."""
CHANGES = {
    "requests_per_month": "2.5e6",
    "teacher.output_per_m": "7.5",
    "discount_per_year": "12.5",
    "gpu.target_utilisation": "55%",
    "error_usd": "0.002",
    "teacher.quality": "96",
    "student.quality": "95",
    "gpu.quality": "94.5",
    "cascade.quality": "95.5",
    "gate.reduction": "1.5",
}
"""As people type them: shares in percent."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a usage file and the page that the command line made of it."""
    place = tmp_path_factory.mktemp("calculator")
    write_usage(place, CASCADE, GPU, CPU, batchable_share=0.2)
    command(place, "usage.yaml", "--format", "html", "--out", "page.html")
    return place


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield opened
        opened.close()


class Tab:
    """A page that must not log an error or ask any server for anything."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on(
            "console", lambda message: self.wrong.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:")):
            self.wrong.append(f"request: {url}")

    def open(self, path: Path, hash_text: str = "") -> None:
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + hash_text)
        self.page.wait_for_selector("#gkc-rows tr")
        self.settle()

    def settle(self) -> None:
        """Wait until the page shows the state of its inputs, the advice included."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_timeout(350)

    def field(self, name: str) -> Any:
        box = self.page.locator(f'input[data-name="{name}"]')
        box.evaluate("node => { node.closest('details').open = true; }")
        return box

    def type(self, name: str, text: str) -> None:
        self.field(name).fill(text)
        self.page.keyboard.press("Tab")

    def rows(self) -> dict[str, dict[str, str]]:
        """Return the raw values of the table's cells by option and column."""
        script = """() => {
          const cells = row => [...row.querySelectorAll('td')].map(one => [one.dataset.label, one.dataset.value]);
          const rows = [...document.querySelectorAll('#gkc-rows tr')];
          return Object.fromEntries(rows.map(row => [row.dataset.row, Object.fromEntries(cells(row))]));
        }"""
        found: dict[str, dict[str, str]] = self.page.evaluate(script)
        return found

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())


@pytest.fixture
def tab(browser: Any, folder: Path) -> Iterator[Tab]:
    made = Tab(browser.new_page(viewport={"width": 1280, "height": 900}))
    made.open(folder / "page.html")
    yield made
    made.page.close()
    assert made.wrong == []


def command(folder: Path, *words: str) -> str:
    """Return what a process of the command line prints."""
    line = [sys.executable, "-m", "gatekeeper", "cost", "what-if", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_against_command(tab: Tab, folder: Path) -> dict[str, Any]:
    """The page's own command prints the page's numbers; return what it prints."""
    words = shlex.split(tab.text("#gkc-command"))
    assert words[:4] == ["gatekeeper", "cost", "what-if", "usage.yaml"]
    answer: dict[str, Any] = json.loads(command(folder, *words[3:], "--format", "json"))
    table, shown = answer["table"], tab.rows()
    expected = {row["name"]: row for row in table["rows"] if row["bill"] is not None}
    assert list(shown) == list(expected)
    for name, row in expected.items():
        outlook = row["outlook"] or {
            "reduction": None,
            "forward": {"payback_months": None},
            "program": {"npv_usd": None},
        }
        numbers = {
            "Quality": row["quality"],
            "A request": row["usd_per_request"],
            "A month": row["bill"]["usd"],
            "Once": row["one_time"]["program_usd"],
            "Reduction": outlook["reduction"],
            "Pays back": outlook["forward"]["payback_months"],
            "Net value": outlook["program"]["npv_usd"],
        }
        for label, value in numbers.items():
            assert (shown[name][label] == "") == (value is None), (name, label)
            if value is not None:
                assert float(shown[name][label]) == pytest.approx(float(value), rel=1e-9, abs=1e-6), (name, label)
        assert shown[name]["Gates"] == (row["outcome"] or "")
    assert without_numbers(tab.text("#gkc-advice")) == without_numbers(table["advice"])
    return answer


def without_numbers(text: str) -> str:
    return re.sub(r"\d[\d,.]*(E[+-]?\d+)?", "#", text)


@pytest.fixture(scope="module")
def golden(browser: Any, folder: Path) -> Golden:
    page = browser.new_page()
    page.goto((folder / "page.html").as_uri())
    script = "([name, args]) => gatekeeperCost[name](...args)"
    return Golden(lambda function, *args: page.evaluate(script, [function, list(args)]), CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden_cases_in_the_browser(name: str, golden: Golden) -> None:
    assert wrong_numbers(golden, CASES[name], name, close) == {}


def test_the_page_opens_with_the_numbers_of_the_file(tab: Tab, folder: Path) -> None:
    answer = check_against_command(tab, folder)
    assert tab.page.locator("#gkc-option").input_value() == answer["option"]
    assert tab.page.evaluate("location.hash") == "" and tab.page.locator("#gkc-reset").is_disabled()


def test_typed_numbers_are_those_of_the_command(tab: Tab, folder: Path) -> None:
    for name, text in CHANGES.items():
        tab.type(name, text)
    tab.settle()
    answer = check_against_command(tab, folder)
    inputs = {one["name"]: one for one in answer["worksheet"]["inputs"]}
    assert float(inputs["discount_per_year"]["value"]) == 0.125 and float(inputs["gpu.quality"]["value"]) == 0.945
    assert tab.text("#gkc-changed") == f"{len(CHANGES)} changed"


def test_sliders_move_with_the_keyboard(tab: Tab, folder: Path) -> None:
    for name, key, times in (("requests_per_month", "ArrowRight", 9), ("growth_per_month", "ArrowLeft", 3)):
        slider = tab.page.locator(f'input[data-slider="{name}"]')
        slider.focus()
        for _ in range(times):
            tab.page.keyboard.press(key)
    tab.settle()
    changed = dict(part.split("=") for part in tab.page.evaluate("location.hash")[1:].split("&"))
    assert set(changed) == {"requests_per_month", "growth_per_month"}
    assert 1_000_000 < float(changed["requests_per_month"]) < 2_000_000 and float(changed["growth_per_month"]) < 0
    assert tab.page.locator("#gkc-groups :focus").count() == 1, "moving a slider keeps the focus"
    check_against_command(tab, folder)


def test_a_number_that_was_missing_can_be_given(tab: Tab, folder: Path) -> None:
    assert "cpu" not in tab.rows()
    tab.page.locator("#gkc-missing summary").click()
    tab.page.get_by_role("button", name="give cpu.capacity_rps").click()
    assert tab.page.evaluate("document.activeElement.dataset.name") == "cpu.capacity_rps"
    tab.page.keyboard.type("60")
    tab.settle()
    assert "cpu" in tab.rows()
    check_against_command(tab, folder)


def test_a_link_brings_the_same_numbers_and_reset_the_first_ones(tab: Tab, folder: Path) -> None:
    first = tab.rows()
    for name, text in CHANGES.items():
        tab.type(name, text)
    tab.settle()
    changed, hash_text = tab.rows(), tab.page.evaluate("location.hash")
    assert changed != first
    tab.open(folder / "page.html", hash_text)
    assert tab.rows() == changed and tab.page.evaluate("location.hash") == hash_text
    assert tab.field("discount_per_year").input_value() == "12.5"
    tab.page.locator("#gkc-reset").click()
    tab.settle()
    assert tab.rows() == first and tab.page.evaluate("location.href").endswith("page.html")
    tab.open(folder / "page.html", "#requests_per_month=5000&no.such=1")
    assert "no.such" in tab.text("#gkc-warning") and tab.field("requests_per_month").input_value() == "5,000"


def test_what_is_no_number_is_said_and_changes_nothing(tab: Tab) -> None:
    before = tab.rows()
    box = tab.field("requests_per_month")
    box.fill("1,5")
    tab.settle()
    assert box.get_attribute("aria-invalid") == "true" and tab.rows() == before
    described = tab.page.locator(f"#{box.get_attribute('aria-describedby')}")
    assert described.is_visible() and "not a number" in described.inner_text()
    box.fill("0")
    tab.settle()
    assert "requests per month is 0" in tab.text("#gkc-warning").replace("_", " ")
    box.fill("1e6")
    tab.settle()
    assert tab.rows() == before and not tab.page.locator("#gkc-warning").is_visible()


def test_reset_also_clears_what_is_no_number(tab: Tab) -> None:
    tab.type("growth_per_month", "5")
    tab.type("requests_per_month", "many")
    tab.page.locator("#gkc-reset").click()
    tab.settle()
    box = tab.field("requests_per_month")
    assert box.input_value() == "1,000,000" and box.get_attribute("aria-invalid") is None
    assert tab.page.locator(".gkc-error:visible").count() == 0


def test_copying_gives_the_command(tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.type("requests_per_month", "123456")
    tab.settle()
    tab.page.locator("#gkc-copy").click()
    sync_api.expect(tab.page.locator("#gkc-copied")).to_have_text("The command is copied.")
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    assert copied == tab.text("#gkc-command") == "gatekeeper cost what-if usage.yaml --set requests_per_month=123456"


def test_an_origin_names_its_source_and_a_change_is_an_assumption(tab: Tab) -> None:
    badge = tab.page.locator(".gkc-field", has=tab.page.locator('[data-name="teacher.input_per_m"]')).locator(
        ".gkc-origin"
    )
    before = badge.inner_text()
    badge.click()
    told = tab.page.locator(f"#{badge.get_attribute('aria-controls')}")
    assert badge.get_attribute("aria-expanded") == "true" and "usage.yaml" in told.inner_text()
    tab.type("teacher.input_per_m", "3")
    tab.settle()
    assert badge.inner_text() == "assumed" and f"before it was {before}" in told.inner_text()


def test_choosing_an_option_changes_charts_and_gates(tab: Tab) -> None:
    tab.page.get_by_role("button", name="gpu", exact=True).click()
    tab.settle()
    assert tab.page.locator("#gkc-option").input_value() == "gpu"
    assert tab.page.locator('#gkc-rows [aria-pressed="true"]').inner_text() == "gpu"
    assert "gpu" in tab.page.locator("#gkc-even svg title").inner_html()
    assert tab.page.locator("#gkc-even path.gkc-mine").count() == 1
    swings = tab.page.evaluate(
        """() => [...document.querySelectorAll('#gkc-bars tbody tr')].map(row =>
             Number(row.lastElementChild.textContent.replace(/[$,]/g, '')))"""
    )
    assert len(swings) > 5 and swings == sorted(swings, reverse=True)
    assert tab.page.locator("#gkc-rules li").count() >= 4


def test_everything_has_a_name_for_a_screen_reader(tab: Tab) -> None:
    unnamed = tab.page.evaluate(
        """() => [...document.querySelectorAll('#gkc input, #gkc select, #gkc button')].filter(one =>
             !(one.labels && one.labels.length) && !one.getAttribute('aria-label') && !one.textContent.trim()).length"""
    )
    assert unnamed == 0
    tables = tab.page.evaluate(
        """() => [...document.querySelectorAll('#gkc table')].map(one =>
             Boolean(one.caption?.textContent) && [...one.querySelectorAll('th')].every(th => th.scope))"""
    )
    assert len(tables) == 3 and all(tables)
    assert tab.page.locator("#gkc-advice").get_attribute("aria-live") == "polite"
    charts = tab.page.locator("#gkc svg[role=img] > title")
    assert charts.count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_sticks_out_of_the_page(width: int, scheme: str, browser: Any, folder: Path) -> None:
    tab = Tab(browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme))
    tab.open(folder / "page.html")
    tab.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    tab.settle()
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.page.evaluate(CONTRAST) >= 4.5
    tab.page.close()
    assert tab.wrong == []


CONTRAST = (Path(__file__).parent / "calculator_contrast.js").read_text(encoding="utf-8")


def test_it_works_inside_a_dossier(browser: Any, folder: Path) -> None:
    templates = Path(gatekeeper.report.__file__).parent / "templates"
    style = (
        Environment(autoescape=True).from_string((templates / "dossier.css.j2").read_text(encoding="utf-8")).render()
    )
    part = fragment(read_usage(folder / "usage.yaml", today=date(2026, 11, 25)).worksheet)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {script_source()}; img-src data:"
    page = (
        f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>x</title><style>{style}</style></head>'
        f'<body><main><section aria-labelledby="money"><h2 id="money">Money</h2>{part}</section></main></body></html>'
    )
    path = folder / "dossier.html"
    path.write_text(page, encoding="utf-8")
    for width in (360, 1280):
        tab = Tab(browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark"))
        tab.open(path, "#money")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.page.evaluate("location.hash") == "#money", "an anchor of the dossier stays"
        assert tab.page.evaluate(CONTRAST) >= 4.5, "the dossier's pinned colours hold inside, too"
        tab.page.close()
        assert tab.wrong == []
