"""The JSON Schemas are current, valid, and accept what the project's own files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from gatekeeper.suite import spec, spec_eval, spec_models
from gatekeeper.suite.schema import schema_texts, write_schemas
from gatekeeper.suite.spec import EvalSpec, SuiteSpec

NAMES = ("eval.schema.json", "suite.schema.json")


def _models() -> list[type[BaseModel]]:
    found = {
        value
        for module in (spec, spec_eval, spec_models)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__.startswith("gatekeeper.")
    }
    return sorted(found, key=lambda model: model.__name__)


def _schema(name: str) -> Any:
    return json.loads(schema_texts()[name])


def _accepts(schema: Any, document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(document))


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_schemas_are_current(name: str, project_root: Path) -> None:
    committed = (project_root / "schemas" / name).read_text(encoding="utf-8")
    assert committed == schema_texts()[name], "run gatekeeper.suite.schema.write_schemas(Path('schemas'))"


def test_write_schemas_writes_both_files(tmp_path: Path) -> None:
    paths = write_schemas(tmp_path / "new")
    assert sorted(path.name for path in paths) == sorted(NAMES)
    for path in paths:
        assert path.read_text(encoding="utf-8") == schema_texts()[path.name]
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("folder", "name"), [("evals", "eval.schema.json"), ("suites", "suite.schema.json")])
def test_the_projects_own_files_fit_their_schema(folder: str, name: str, project_root: Path) -> None:
    pattern = "*/eval.yaml" if folder == "evals" else "*.yaml"
    files = sorted((project_root / folder).glob(pattern))
    assert len(files) >= 2
    for file in files:
        text = file.read_text(encoding="utf-8")
        jsonschema.validate(yaml.safe_load(text), _schema(name))
        assert text.startswith("# yaml-language-server: $schema=")
        reference = text.splitlines()[0].partition("$schema=")[2]
        assert (file.parent / reference).resolve() == (project_root / "schemas" / name).resolve()


def test_the_schemas_refuse_what_the_models_refuse() -> None:
    suite: dict[str, Any] = {
        "version": 1,
        "suite": "s",
        "evals": ["e"],
        "teacher": {"model": "openai/x"},
        "students": [{"name": "a", "recipe": "linear"}],
        "traffic": {"requests_per_month": 10},
    }
    schema = _schema("suite.schema.json")
    assert _accepts(schema, suite)
    assert SuiteSpec.model_validate(suite).suite == "s"
    mistakes: list[dict[str, Any]] = [
        {"stdents": []},
        {"version": 2},
        {"students": []},
        {"teacher": {"model": "nobody"}},
        {"traffic": {"requests_per_month": -1}},
        {"gates": {"quality": {"retention": 1}}},
    ]
    for wrong in mistakes:
        assert not _accepts(schema, suite | wrong), wrong


def test_the_eval_schema_knows_the_short_form_of_a_scorer() -> None:
    given: dict[str, Any] = {
        "version": 1,
        "eval": "e",
        "data": {"source": {"jsonl": "a.jsonl"}},
        "task": {"labels": ["a", "b"]},
        "scorers": {"one": "exact", "two": {"exact": {"normalize": ["strip"]}}},
        "primary": "one",
    }
    assert _accepts(_schema("eval.schema.json"), given)
    assert not _accepts(_schema("eval.schema.json"), given | {"scorers": {"one": "exat"}})
    exact = EvalSpec.model_validate(given).scorers["one"].exact
    assert exact is not None and exact.normalize == ("strip", "casefold")


def test_every_field_is_described_and_every_model_is_closed() -> None:
    models = _models()
    assert len(models) > 30
    open_models = [model.__name__ for model in models if model.model_config.get("extra") != "forbid"]
    assert sorted(open_models) == ["AnthropicParams", "LiteLLMParams", "OpenAIParams"], (
        "its other keys are sent to the provider as they stand"
    )
    fields = [(m.__name__, n, f.description) for m in models for n, f in m.model_fields.items()]
    assert len(fields) > 80
    assert [f"{model}.{name}" for model, name, text in fields if not text] == []
    assert [model.__name__ for model in models if not model.model_config.get("frozen")] == []
