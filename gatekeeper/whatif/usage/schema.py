"""The JSON Schema of a usage file, for editors and for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gatekeeper.whatif.usage.spec import UsageSpec

FILE = "usage.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def usage_schema_text() -> str:
    """Return the text of the schema file."""
    about = {"title": "a usage file of gatekeeper: what is asked how often, and how it could be answered"}
    schema: dict[str, Any] = {"$schema": _DIALECT, **UsageSpec.model_json_schema(), **about}
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def write_usage_schema(folder: Path) -> Path:
    """Write the schema into `folder`, which is made if needed, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(usage_schema_text(), encoding="utf-8")
    return path
