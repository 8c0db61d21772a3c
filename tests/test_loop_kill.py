"""kill -9 at any moment: the same command ends as if nothing had happened, and no answer that arrived is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from tiny_suite import (
    ROWS,
    TOKEN,
    Run,
    Teacher,
    contents,
    gatekeeper,
    http_server,
    http_teacher,
    loop,
    make_rows,
    rows_of,
    write_suite,
)

from gatekeeper.store.recovery import read_journal

CONCURRENCY = 4
IN_DEV = {row["text"] for row in make_rows("dev", ROWS["dev"])}


@pytest.fixture(scope="module")
def server() -> Iterator[Teacher]:
    """One endpoint for all runs: its address is part of the teacher's identity."""
    with http_server() as teacher:
        yield teacher


@dataclass(frozen=True)
class Reference:
    """A run that nobody disturbed."""

    suite: Path
    run: Run
    rows: dict[str, list[tuple[Any, ...]]]
    asked: int


@pytest.fixture
def reference(server: Teacher) -> Reference:
    """The undisturbed run, made once."""
    made = _reference(server.url, id(server))
    server.clear()
    return made


_SERVERS: dict[int, Teacher] = {}


@pytest.fixture(autouse=True)
def _known(server: Teacher) -> None:
    _SERVERS[id(server)] = server


@cache
def _reference(url: str, key: int) -> Reference:
    server = _SERVERS[key]
    server.clear()
    folder = Path(mkdtemp(prefix="gatekeeper-tests-"))
    suite = write_suite(folder / "suite", http_teacher(url, concurrency=CONCURRENCY))
    run = loop(suite, folder / "store" / "g.duckdb")
    assert run.finished.code == 0, run.finished.said
    return Reference(suite, run, contents(run.store), len(server.log))
