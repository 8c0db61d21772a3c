"""What must hold of the baselines: names of their own, models of their own, and gold rows where a head learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatekeeper.errors import Problem
from gatekeeper.suite.checks import Checker
from gatekeeper.suite.identity import model_identity
from gatekeeper.suite.problems import show_value
from gatekeeper.suite.spec import SuiteSpec
from gatekeeper.suite.spec_api import HOW_ASKED
from gatekeeper.suite.spec_baselines import MAJORITY
from gatekeeper.suite.yaml_lines import Document, KeyPath

TEACHER, JUDGE = "teacher", "judge"
_NOT_THE_MODEL = {*HOW_ASKED, "name", "priced_as", "api_key_env"}
"""Keys that leave a model's answers as they are."""


def check_baselines(checker: Checker, suite: Document, main: Document, spec: SuiteSpec | None) -> None:
    """Check the list `baselines` of a suite.

    Args:
        main: the eval that decides.
        spec: the suite as a model; None where it was refused, and then only what the tree shows is checked.
    """
    listed = suite.dig("baselines")
    if not isinstance(listed, list):
        return
    if main.tree is not None:
        checker.problems += _gold_rows(suite, main, listed)
    if spec is not None:
        checker.problems += _names(suite, spec)
        checker.problems += _repeated(suite, spec)


def _names(suite: Document, spec: SuiteSpec) -> Iterator[Problem]:
    taken = {TEACHER: "the teacher's", JUDGE: "the judge's", **{one.name: "a student's" for one in spec.students}}
    for index, one in enumerate(spec.baselines):
        if one.name in taken:
            message = f"the name {one.name!r} is {taken[one.name]} already"
            hint = "give it a name of its own: {name: ..., model: ...}"
            yield suite.problem(_name_key(suite, index), message, value=show_value(one.name), hint=hint)
        taken.setdefault(one.name, "another baseline's")


def _name_key(suite: Document, index: int) -> KeyPath:
    key: KeyPath = ("baselines", index)
    return (*key, "name") if suite.dig(*key, "name") is not None else key


def _repeated(suite: Document, spec: SuiteSpec) -> Iterator[Problem]:
    """A model that is asked already would be held against itself."""
    known = [(_model_of(spec.teacher), "the teacher itself")]
    for index, one in enumerate(spec.baselines):
        model = _model_of(one)
        same = next((who for other, who in known if other == model), None)
        if same is not None:
            message = f"the baseline {one.name!r} is the same model as {same}"
            yield suite.problem(("baselines", index), message, hint="remove it, or ask it with other parameters")
        known.append((model, f"the baseline {one.name!r}"))


def _model_of(spec: Any) -> Mapping[str, Any]:
    return model_identity(spec, _NOT_THE_MODEL)


def _gold_rows(suite: Document, main: Document, listed: list[Any]) -> Iterator[Problem]:
    """An encoder learns its head from gold rows, so the eval must have some."""
    for index, one in enumerate(listed):
        if not isinstance(one, dict) or one.get("model") != "encoder":
            continue
        missing = main.dig("data", "target") is None or not main.dig("data", "splits", "teacher")
        if missing:
            message = "the encoder's head learns from right answers of the split `teacher`, and the eval has none"
            hint = f"name `data.target` and give the split a share (for example teacher: 0.3), or use `{MAJORITY}`"
            yield suite.problem(("baselines", index, "model"), message, hint=hint)
