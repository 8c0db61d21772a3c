"""Imports point one way: rooms use lower rooms, stages never each other, heavy libraries have their places."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import gatekeeper

PACKAGE = Path(gatekeeper.__file__).parent
LAYERS = [
    {"errors", "hashing"},
    {"records"},
    {"stats", "cost"},
    {"scorers", "signing"},
    {"suite", "imports"},
    {"store", "models", "training", "gate"},
    {"run"},
    {"stages"},
    {"decide"},
    {"narrate", "whatif"},
    {"loop", "report", "serve", "check", "verify", "evaluate", "items", "rescore", "spend"},
    {"cli"},
    {"__main__"},
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
SAME_LAYER = {("training", "models")}
HEAVY = {
    "torch": {"training", "models"},
    "transformers": {"training", "models"},
    "peft": {"training"},
    "trl": {"training"},
    "openai": {"models/openai.py", "models/openai_batch.py"},
    "anthropic": {"models/anthropic.py", "models/anthropic_batch.py"},
    "litellm": {"models/litellm.py"},
    "ray": set(),
    "datasets": {"suite", "training"},
}


@cache
def _modules() -> list[tuple[str, Path, ast.Module]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name != "__init__.py":
            found.append((name, path, ast.parse(path.read_text())))
    return found


@cache
def _imports(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def _room(module_file: str) -> str:
    return module_file.split("/")[0].removesuffix(".py")


def test_a_module_imports_only_from_lower_layers() -> None:
    modules = _modules()
    assert len(modules) > 40, "the walk must see the package"
    wrong = []
    for name, _, tree in modules:
        for imported in _imports(tree):
            if not imported.startswith("gatekeeper.") or imported == "gatekeeper.__version__":
                continue
            room, target = _room(name), imported.split(".")[1]
            assert room in RANK, f"{name}: room {room!r} has no layer"
            assert target in RANK, f"{name} imports {imported}: room {target!r} has no layer"
            same = room == target or (room, target) in SAME_LAYER
            if RANK[target] >= RANK[room] and not same:
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_stages_do_not_import_each_other() -> None:
    stages = [(name, tree) for name, _, tree in _modules() if name.startswith("stages/")]
    assert len(stages) >= 6
    wrong = [f"{name}: {module}" for name, tree in stages for module in _imports(tree) if "gatekeeper.stages" in module]
    assert wrong == []


def test_heavy_libraries_stay_in_their_places() -> None:
    wrong = []
    seen = 0
    for name, _, tree in _modules():
        for imported in _imports(tree):
            library = imported.split(".")[0]
            if library in HEAVY:
                seen += 1
                if _room(name) not in HEAVY[library] and name not in HEAVY[library]:
                    wrong.append(f"{name} imports {imported}")
    assert wrong == []
    assert seen > 3


def test_what_decides_is_pure() -> None:
    forbidden = {"os", "pathlib", "time", "datetime", "duckdb", "random", "torch", "socket", "requests", "subprocess"}
    pure = [item for item in _modules() if _room(item[0]) in {"stats", "gate"} or item[0] == "stages/curate.py"]
    assert len(pure) >= 8
    wrong = [f"{name}: {m}" for name, _, tree in pure for m in _imports(tree) if m.split(".")[0] in forbidden]
    assert wrong == []


def test_no_module_shadows_a_library_or_has_a_vague_name() -> None:
    vague = {"utils", "helpers", "common", "core", "manager", "handler", "processor", "engine", "datasets"}
    names = {Path(name).stem for name, _, _ in _modules()} | {_room(name) for name, _, _ in _modules()}
    assert names & vague == set()
