"""Which machine and which packages a run used."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

RECORDED = ("duckdb", "numpy", "scipy", "scikit-learn", "torch", "transformers", "genai-prices")


def machine_name() -> str:
    """Return processor, cores and system of this machine, without its name."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that results depend on."""
    found = {}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return " ".join(line.split(":", 1)[1].split())
    except OSError:
        pass
    return platform.processor() or "unknown processor"
