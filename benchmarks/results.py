"""Where results are written, with what they were measured on."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatekeeper import __version__
from gatekeeper.run.machine import machine_name, package_versions

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks" / "results"


def write_result(name: str, *, seed: int, **figures: Any) -> None:
    """Write benchmarks/results/<name>.json: figures, seed, machine, versions and date."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    result = {
        "benchmark": name,
        "measured_at": datetime.now(UTC).date().isoformat(),
        "machine": machine_name(),
        "versions": {"gatekeeper": __version__, "python": platform.python_version(), **package_versions()},
        "seed": seed,
        **figures,
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"wrote benchmarks/results/{name}.json")


def read_result(name: str) -> dict[str, Any] | None:
    """Return a committed result, or None."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None
