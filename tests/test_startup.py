"""The command line starts light: no heavy library for help or for the money."""

from __future__ import annotations

import subprocess
import sys

HEAVY = [
    *("torch", "transformers", "trl", "peft", "datasets", "litellm", "openai", "anthropic", "sklearn"),
    *("scipy", "matplotlib", "duckdb", "pyarrow", "jinja2"),
]
PROBE = """
import sys
from gatekeeper.cli.main import main
try:
    main({arguments!r})
except SystemExit as end:
    assert end.code == 0, end.code
print(" ".join(sorted(set(sys.modules) & set({heavy!r}))), file=sys.stderr)
"""


def _loaded(arguments: list[str], heavy: list[str]) -> list[str]:
    code = PROBE.format(arguments=arguments, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().splitlines()[-1].split() if done.stderr.strip() else []


def test_help_loads_nothing_heavy() -> None:
    assert _loaded(["--help"], HEAVY) == []


def test_verb_help_loads_no_model_library() -> None:
    heavy = ["torch", "transformers", "trl", "peft", "datasets", "litellm", "openai", "anthropic", "sklearn"]
    for verb in ("loop", "check", "report", "verify", "evaluate", "schema"):
        assert _loaded([verb, "--help"], heavy) == []


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = f"import sys, gatekeeper; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
