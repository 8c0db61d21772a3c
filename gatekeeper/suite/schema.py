"""JSON Schemas of the two files, for editors and for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gatekeeper.suite.spec import EvalSpec, SuiteSpec

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FILES: dict[str, tuple[type[BaseModel], str]] = {
    "eval.schema.json": (EvalSpec, "eval.yaml of gatekeeper: how to score"),
    "suite.schema.json": (SuiteSpec, "a suite of gatekeeper: what must hold"),
}


def schema_texts() -> dict[str, str]:
    """Return the text of each schema file by file name."""
    texts = {}
    for name, (model, title) in _FILES.items():
        schema: dict[str, Any] = {"$schema": _DIALECT, **model.model_json_schema(), "title": title}
        texts[name] = json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
    return texts


def write_schemas(folder: Path) -> list[Path]:
    """Write the schema files into `folder`, which is made if needed, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in schema_texts().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
