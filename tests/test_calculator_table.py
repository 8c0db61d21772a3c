"""The calculator computes what Python computes: the same table, rules, advice and tornado for any worksheet."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import pytest
from calculator_engine import RefusedError, ask, worksheets
from hypothesis import HealthCheck, Phase, event, given, settings

from gatekeeper.errors import GatekeeperError
from gatekeeper.whatif.table import table_of
from gatekeeper.whatif.vary import best_option, tornado_of
from gatekeeper.whatif.worksheet import Worksheet

RELATIVE = 1e-9
TEXTS = {"sentence", "missing", "advice"}
"""Compared without their numbers, whose last digit a double may round the other way."""
QUICK = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=200, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))


def differences(ours: Any, theirs: Any, scale: float, path: str = "") -> list[str]:
    """Return where two documents differ: numbers by more than 1e-9 of their size or of what they are differences of."""
    if isinstance(theirs, dict):
        keys = set(ours) ^ set(theirs) - {"needs"}
        assert keys <= {"needs"}, (path, keys)
        rows = [differences(ours[key], theirs[key], scale, f"{path}.{key}") for key in theirs]
        return [one for row in rows for one in row]
    if isinstance(theirs, list | tuple):
        if len(ours) != len(theirs):
            return [f"{path}: {ours} and {theirs}"]
        rows = [
            differences(one, other, scale, f"{path}[{n}]")
            for n, (one, other) in enumerate(zip(ours, theirs, strict=True))
        ]
        return [one for row in rows for one in row]
    if isinstance(theirs, Decimal):
        if ours is not None and math.isclose(ours, float(theirs), rel_tol=RELATIVE, abs_tol=RELATIVE * scale):
            return []
    elif path.rpartition(".")[2] in TEXTS:
        ours, theirs = (re.sub(r"-?\$?\d[\d,.]*(E[+-]\d+)?|\d+", "#", text) for text in (ours, theirs))
    return [] if ours == theirs else [f"{path}: {ours!r} and {theirs!r}"]


@given(worksheets())
@QUICK
def test_the_table_is_pythons(worksheet: Worksheet) -> None:
    assert_same_table(worksheet)


@pytest.mark.slow
@given(worksheets())
@LONG
def test_many_tables_are_pythons(worksheet: Worksheet) -> None:
    assert_same_table(worksheet)


def assert_same_table(worksheet: Worksheet) -> None:
    try:
        expected = table_of(worksheet)
    except GatekeeperError as error:
        event("refused")
        with pytest.raises(RefusedError, match=re.escape(error.args[0].partition(" is ")[0][:20])):
            ask("tableOf", worksheet)
        return
    found = ask("tableOf", worksheet)
    for ours, theirs in zip(found["rows"], expected.rows, strict=True):
        event("numbers" if theirs.bill else "missing")
        parts = (
            [0.0]
            if theirs.outlook is None
            else [float(theirs.outlook.baseline.usd), float(theirs.outlook.candidate.usd)]
        )
        once = float(theirs.one_time.program_usd) if theirs.one_time else 0.0
        assert differences(ours, theirs.model_dump(), max(*parts, once) / 1e3) == []
    assert differences({**found, "rows": []}, {**expected.model_dump(), "rows": []}, 0.0) == []
    try:
        best = best_option(expected)
    except GatekeeperError:
        best = ""
    assert ask("bestOption", worksheet, found) == best
    if best:
        assert_same_tornado(worksheet, best)


def assert_same_tornado(worksheet: Worksheet, option: str) -> None:
    found, expected = ask("tornadoOf", worksheet, option), tornado_of(worksheet, option)
    scale = max([abs(float(expected.npv_usd)), *(float(bar.swing) for bar in expected.bars)])
    theirs = {bar.name: bar.model_dump() for bar in expected.bars if float(bar.swing) > RELATIVE * scale}
    ours = {bar["name"]: bar for bar in found["bars"] if bar["swing"] > RELATIVE * scale}
    assert set(found["left_out"]) == set(expected.left_out)
    assert ours.keys() == theirs.keys()
    assert [one for name in ours for one in differences(ours[name], theirs[name], scale, name)] == []
