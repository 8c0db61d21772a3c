"""The docs say what the code does: every field, every verb, examples that load, links that lead somewhere."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gatekeeper.cli.main import VERBS
from gatekeeper.errors import ExitCode
from gatekeeper.scorers import ScorerSpec
from gatekeeper.suite import load_suite
from gatekeeper.suite.spec import EvalSpec, SuiteSpec

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
SUITES = ROOT / "docs" / "suites.md"
WITH_EXAMPLES = (SUITES, ROOT / "docs" / "teachers-and-students.md")

EVAL = """\
version: 1
eval: base
data: {source: {jsonl: rows.jsonl}, input: text, target: label, splits: {teacher: 0.3, pool: 0.3, dev: 0.1, gate: 0.3}}
task: {labels: [card, loan]}
"""
SUITE = """\
version: 1
suite: base
evals: [../evals/base]
teacher: {model: openai/gpt-4o}
students: [{name: linear, recipe: linear}]
traffic: {requests_per_month: 30_000_000}
"""


def _models(annotation: Any, found: dict[str, type[BaseModel]]) -> None:
    """Collect every pydantic model that `annotation` leads to."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation.__name__ not in found:
        found[annotation.__name__] = annotation
        for field in annotation.model_fields.values():
            _models(field.annotation, found)
    for part in typing.get_args(annotation):
        _models(part, found)


def spec_models() -> dict[str, type[BaseModel]]:
    """Return every model of the two files, by name."""
    found: dict[str, type[BaseModel]] = {}
    _models(EvalSpec, found)
    _models(SuiteSpec, found)
    return found


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return "absent"
    if isinstance(value, BaseModel):
        return "see its table"
    if isinstance(value, dict) and all(isinstance(one, ScorerSpec) for one in value.values()):
        return "`{exact: exact}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{value}`" if isinstance(value, str | int | float | Decimal) and value != "" else '`""`'


def table_of(model: type[BaseModel]) -> str:
    """Return the Markdown table of a model's fields, as docs/suites.md must hold it."""
    rows = ["| field | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} has no description"
        meaning = field.description.replace("|", r"\|").replace("<", "&lt;")  # as Markdown shows them
        rows.append(f"| `{name}` | {_default(field)} | {meaning} |")
    return "\n".join(rows)


def test_suites_md_has_the_table_of_every_spec_model() -> None:
    text = SUITES.read_text(encoding="utf-8")
    models = spec_models()
    assert {"EvalSpec", "SuiteSpec", "QualityGate", "HfSource", "EncoderTeacher", "ExactSpec"} <= models.keys()
    missing = [f"{name}:\n{table_of(model)}" for name, model in models.items() if table_of(model) not in text]
    assert not missing, "docs/suites.md lacks these tables:\n\n" + "\n\n".join(missing)


def test_every_verb_is_in_the_docs() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCS)
    assert [verb for verb in VERBS if f"gatekeeper {verb}" not in text] == []


def test_every_verb_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if not re.search(rf"\b{verb}\b", text)] == []


def test_architecture_md_has_every_exit_code() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [code for code in ExitCode if not re.search(rf"^\| {code.value} \|", text, re.MULTILINE)] == []


def _links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


def test_every_relative_link_leads_to_a_file() -> None:
    links = [(page, target) for page in PAGES for target in _links(page)]
    assert len(links) > 10, "the walk must see links"
    broken = [f"{page.relative_to(ROOT)}: {target}" for page, target in links if not (page.parent / target).exists()]
    assert broken == []


def _examples() -> list[tuple[str, str]]:
    return [
        (f"{page.name}:{place}", block)
        for page in WITH_EXAMPLES
        if page.exists()
        for place, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    ]


def _named_file(block: str) -> str | None:
    found = re.match(r"# ((?:suites|evals)/\S+\.yaml)\b", block)
    return found[1] if found else None


def _write(root: Path, name: str, text: str) -> Path:
    """Write a YAML file and an empty file for each small file that it names."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for named in re.findall(r"[\w./-]+\.(?:jsonl|csv|parquet|duckdb|txt|md)\b", text):
        beside = path.parent / named
        beside.parent.mkdir(parents=True, exist_ok=True)
        if not beside.exists():
            beside.write_text("card\nloan\n" if named.endswith(".txt") else "", encoding="utf-8")
    return path


def _merged(base: str, fragment: str) -> str:
    return yaml.safe_dump({**yaml.safe_load(base), **yaml.safe_load(fragment)}, sort_keys=False, allow_unicode=True)


def test_the_examples_are_found() -> None:
    assert len(_examples()) >= 12


@pytest.mark.parametrize(("place", "block"), _examples(), ids=lambda value: value if ":" in value[:40] else "")
def test_an_example_loads(place: str, block: str, tmp_path: Path) -> None:
    """A block is a file when its first line names one, else a part of a suite or of an eval."""
    files = {"evals/base/eval.yaml": EVAL, "suites/base.yaml": SUITE}
    for _, other in _examples():  # a suite may name an eval that another block shows
        if (name := _named_file(other)) is not None and name.startswith("evals/"):
            files[name] = other
    suite = "suites/base.yaml"
    if (name := _named_file(block)) is not None:
        files[name] = block
        if name.startswith("suites/"):
            suite = name
        else:
            files[suite] = _merged(SUITE, f"evals: [../{name}]")
    else:
        keys = set(yaml.safe_load(block))
        part = "evals/base/eval.yaml" if keys <= set(EvalSpec.model_fields) - {"version"} else suite
        files[part] = _merged(files[part], block)
    for name, text in files.items():
        _write(tmp_path, name, text)
    loaded = load_suite(tmp_path / suite)
    assert loaded.students, place
