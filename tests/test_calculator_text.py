"""How the calculator reads and writes numbers, links and commands."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal

import pytest
from calculator_engine import answer, context
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.whatif.sheet import number_of

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-9)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="="), min_size=1, max_size=12)


def run(script: str, *texts: str) -> object:
    """Return the value of an expression in which `texts` holds texts."""
    given_texts = "[" + ",".join(f"decodeURIComponent('{_coded(text)}')" for text in texts) + "]"
    return answer(str(context().eval(f"(texts => JSON.stringify({{value: {script}}}))({given_texts})")))


def _coded(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize(
    "text",
    ["2e6", "1_000_000", "20%", "0.2", "-3.5", "1e-3", ".5", "abc", "", "1.2.3", "1e400", "--1", "0x10", "NaN", "%"],
)
def test_numbers_are_read_as_the_command_line_reads_them(text: str) -> None:
    try:
        expected = float(number_of(text, what="x"))
    except ValueError:
        expected = None
    if expected == float("inf"):
        expected = None  # a decimal can be that large, a double cannot
    assert run("gatekeeperCost.parseNumber(texts[0])", text) == expected


def test_commas_only_separate_thousands() -> None:
    assert run("gatekeeperCost.parseNumber(texts[0])", "1,234,567.5") == 1234567.5
    assert run("gatekeeperCost.parseNumber(texts[0])", "1,5") is None, (
        "a decimal comma is no thousand and is not guessed"
    )


def test_a_percent_field_takes_a_percentage_with_or_without_its_sign() -> None:
    assert run("['7', '7%', '0.5'].map(text => gatekeeperCost.parseNumber(text, true))") == [0.07, 0.07, 0.005]


@given(NUMBERS)
def test_what_a_field_shows_is_the_number_to_twelve_digits(value: float) -> None:
    shown = run("gatekeeperCost.parseNumber(gatekeeperCost.showNumber(Number(texts[0])))", repr(value))
    assert shown == pytest.approx(value, rel=1e-11)


@given(st.dictionaries(NAMES, NUMBERS, max_size=4))
def test_a_link_restores_the_changes_exactly(changes: dict[str, float]) -> None:
    names, values = list(changes), [repr(value) for value in changes.values()]
    script = """(() => {
      const half = texts.length / 2;
      const pairs = texts.slice(0, half).map((name, place) => [name, Number(texts[half + place])]);
      const changes = Object.fromEntries(pairs);
      return gatekeeperCost.changesOf(gatekeeperCost.hashOf(changes), () => true);
    })()"""
    assert run(script, *names, *values) == {"changes": changes, "unknown": []}


def test_a_link_with_foreign_names_says_so() -> None:
    script = "gatekeeperCost.changesOf(texts[0], name => name === 'V')"
    assert run(script, "#V=2e6&x=1&V=abc&%E0%A4=3") == {"changes": {"V": 2e6}, "unknown": ["x", "V", "%E0%A4"]}
    assert run(script, "#rules") == {"changes": {}, "unknown": []}


@given(
    st.lists(NAMES.filter(lambda text: "\0" not in text), min_size=1, max_size=3),
    st.dictionaries(NAMES, NUMBERS, max_size=3),
)
def test_the_command_survives_a_shell(source: list[str], changes: dict[str, float]) -> None:
    names, values = list(changes), [repr(value) for value in changes.values()]
    script = f"""(() => {{
      const [source, rest] = [texts.slice(0, {len(source)}), texts.slice({len(source)})];
      const half = rest.length / 2;
      const changes = Object.fromEntries(rest.slice(0, half).map((name, place) => [name, Number(rest[half + place])]));
      return gatekeeperCost.commandOf(source, changes);
    }})()"""
    words = shlex.split(str(run(script, *source, *names, *values)))
    assert words[: 3 + len(source)] == ["gatekeeper", "cost", "what-if", *source]
    sets = dict(word.rsplit("=", 1) for word in words[4 + len(source) :: 2])
    assert {name: float(Decimal(value)) for name, value in sets.items()} == {
        name: float(value) for name, value in changes.items()
    }


def test_amounts_on_the_page() -> None:
    script = "texts.map(text => gatekeeperCost.usd(Number(text)))"
    assert run(script, "1234567.8", "-5000", "12.5", "0.00017") == ["$1,234,568", "-$5,000", "$12.50", "$0.00017"]
    compact = "texts.map(text => gatekeeperCost.compact(Number(text)))"
    assert run(compact, "950", "1200", "36000", "999999", "4700000", "0.017", "0") == [
        "950",
        "1,200",
        "36k",
        "1M",
        "4.7M",
        "0.017",
        "0",
    ]
    assert re.fullmatch(r"<1 month|at once|never", str(run("gatekeeperCost.months(0.5)")))
