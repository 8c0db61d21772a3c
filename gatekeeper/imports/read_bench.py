"""Result files of a serving benchmark in, one `Bench` out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

from gatekeeper.errors import InputError
from gatekeeper.imports.aiperf import aiperf_run, aiperf_tool, is_aiperf
from gatekeeper.imports.bench import Bench, RawRun, Tool
from gatekeeper.imports.documents import read_documents
from gatekeeper.imports.guidellm import guidellm_runs, is_guidellm
from gatekeeper.imports.vllm import is_vllm, vllm_run


class _Found(NamedTuple):
    path: Path
    tool: Tool
    raw: RawRun


def read_bench(path: str | Path, *more: str | Path) -> Bench:
    """Return the runs of a benchmark of one replica, from the JSON that the tool wrote.

    Args:
        path: a report of GuideLLM (benchmarks.json), a result of `vllm bench serve`, or an export of AIPerf or
            GenAI-Perf.
        more: further files of the same tool and model, such as replicates, since vLLM and AIPerf write one run a file.

    Raises:
        DataError: a file cannot be read.
        InputError: a file is none of these, the files are of several tools or models, or no run can be used. The
            message names file, line and value.
    """
    found = [one for file in (path, *more) for one in _runs(Path(file))]
    left_out = tuple(f"{one.path}: {one.raw.left_out}" for one in found if one.raw.left_out)
    runs = tuple(one.raw.run for one in found if one.raw.run is not None)
    if not runs:
        raise InputError(
            f"{path}: no run that measures a steady load: {'; '.join(left_out) or 'it has none'}",
            hint="run the benchmark at one load per run, long enough for its requests to be answered",
        )
    days = [one.raw.measured_at for one in found if one.raw.measured_at is not None]
    return Bench(
        tool=cast("Tool", _only("tools", ((one.path, one.tool) for one in found))),
        version=_any(one.raw.version for one in found),
        model=_only("models", ((one.path, one.raw.model) for one in found)),
        measured_at=min(days, default=None),
        runs=runs,
        hardware=_only("hardware", ((one.path, one.raw.hardware) for one in found)),
        files=tuple(dict.fromkeys(str(file) for file in (path, *more))),
        left_out=left_out,
    )


def _runs(path: Path) -> Iterator[_Found]:
    n_documents = 0
    for line, value, problem in read_documents(path):
        n_documents += 1
        if problem is not None:
            raise InputError(f"{path}:{line}: {problem}", hint="name the JSON file that the benchmark tool wrote")
        if isinstance(value, dict) and is_guidellm(value):
            yield from (_Found(path, "guidellm", raw) for raw in guidellm_runs(value))
        elif isinstance(value, dict) and is_aiperf(value):
            yield _Found(path, cast("Tool", aiperf_tool(value)), aiperf_run(value))
        elif isinstance(value, dict) and is_vllm(value):
            yield _Found(path, "vllm", vllm_run(value))
        else:
            keys = ", ".join(sorted(map(str, value))[:8]) if isinstance(value, dict) else repr(value)[:40]
            raise InputError(
                f"{path}:{line}: is no result of a serving benchmark (it has: {keys or 'nothing'})",
                hint="name benchmarks.json of GuideLLM, a result of vllm bench serve, or profile_export_aiperf.json",
            )
    if not n_documents:
        raise InputError(f"{path}: is empty", hint="name the JSON file that the benchmark tool wrote")


def _only(what: str, named: Iterable[tuple[Path, str | None]]) -> str | None:
    """Return the one name that all files give; files that give none do not count."""
    places = {name: path for path, name in named if name is not None}
    if len(places) > 1:
        listed = ", ".join(f"{name} ({path})" for name, path in sorted(places.items()))
        raise InputError(f"benchmarks of several {what}: {listed}", hint="read each of them alone")
    return next(iter(places), None)


def _any(names: Iterable[str | None]) -> str | None:
    return next((name for name in names if name is not None), None)
