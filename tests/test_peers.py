"""The benchmark of other tools: what it counts, and what its page says of runs that lost rows or did not happen."""

from __future__ import annotations

import json
import sqlite3
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import counting
from benchmarks.peers.contenders import CONTENDERS, Contender
from benchmarks.peers.counting import Counts
from benchmarks.peers.environments import NOTE, Environment, install
from benchmarks.peers.main import FailedRunError, Run, row_of, run_once
from benchmarks.peers.page import section
from benchmarks.results import read_result
from benchmarks.wire import serving

BY_NAME = {(one.tool, one.settings): one for one in CONTENDERS}
OWN, OTHER = BY_NAME["gatekeeper", "best"], BY_NAME["pydantic-evals", "defaults"]


def test_a_wrong_answer_of_promptfoo_is_a_result_and_an_error_is_none(tmp_path: Path) -> None:
    rows = [(True, 0), (False, 1), (False, 2)]
    lines = [json.dumps({"success": success, "failureReason": reason}) for success, reason in rows]
    (tmp_path / "out.jsonl").write_text("\n".join(lines) + "\n")
    assert counting.of_promptfoo_lines(tmp_path) == Counts(results=2, failed=1, right=1)
    database = tmp_path / "home" / ".promptfoo" / "promptfoo.db"
    database.parent.mkdir(parents=True)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE eval_results (success INT, failure_reason INT)")
        connection.executemany("INSERT INTO eval_results VALUES (?, ?)", rows)
    assert counting.of_promptfoo_database(tmp_path) == Counts(results=2, failed=1, right=1)


def test_failures_of_pydantic_evals_are_no_results(tmp_path: Path) -> None:
    cases = [{"assertions": {"EqualsExpected": {"value": value}}} for value in (True, True, False)]
    (tmp_path / "report.json").write_text(json.dumps({"cases": cases, "failures": [{}]}))
    assert counting.of_pydantic_evals(tmp_path) == Counts(results=3, failed=1, right=2)


def test_samples_of_inspect_that_did_not_complete_are_no_results(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with zipfile.ZipFile(tmp_path / "logs" / "a.eval", "w") as log:
        for number in range(4):
            log.writestr(f"samples/{number}_epoch_1.json", "{}")
        log.writestr("header.json", "{}")
    scores = [{"metrics": {"mean": {"value": 1 / 3}}}]
    (tmp_path / "header.json").write_text(json.dumps({"results": {"completed_samples": 3, "scores": scores}}))
    assert counting.of_inspect(tmp_path) == Counts(results=3, failed=1, right=1)


def test_a_tool_that_is_installed_in_these_versions_is_left_alone(tmp_path: Path) -> None:
    environment = Environment("tool", {"package": "1.0"})
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / NOTE).write_text(json.dumps({"package": "1.0"}))
    (folder / "kept").touch()
    assert install(environment, tmp_path) == folder
    assert (folder / "kept").exists()


def _result(other: list[Run], problem: str | None = None) -> dict[str, Any]:
    own = [Run(2.0, 1.0, 50.0, 100, Counts(100, 0, 50))]
    rows = [row_of(OWN, own, None), row_of(OTHER, other, problem)]
    return {"samples": 100, "concurrency": 64, "load": {"before": 0.1, "after": 2.0}, "rows": rows}


def test_a_run_that_lost_rows_counts_its_answers_only_and_is_marked() -> None:
    page = section(_result([Run(4.0, 1.0, 50.0, 30, Counts(20, 80, 10))]))
    assert "| gatekeeper | best | 50 | 1.0 |" in page
    assert "| pydantic-evals | defaults | 5 * | 10.0 | 50.0 | 5.0 |" in page
    assert "20 of 100 rows have an answer, 80 an error instead; the server saw 30 requests" in page


def test_a_tool_that_could_not_be_installed_says_why() -> None:
    page = section(_result([], "pip cannot install pydantic-evals 2.62.0"))
    assert "| pydantic-evals | defaults | not run: pip cannot install pydantic-evals 2.62.0 |" in page


def test_the_committed_result_is_whole_and_names_no_place(project_root: Path) -> None:
    result = read_result("peers")
    assert result is not None
    text = json.dumps(result)
    assert not any(place in text for place in ("/home/", "/root/", "/tmp/", "/work/", "://", str(project_root)))
    assert [(row["tool"], row["settings"]) for row in result["rows"]] == list(BY_NAME)
    for row in result["rows"]:
        if row["tool"] in ("gatekeeper", "aiohttp + DuckDB"):
            assert row["requests"] == row["results"] == result["samples"] == 2_000


@pytest.mark.slow
@pytest.mark.parametrize("contender", [OWN, BY_NAME["aiohttp + DuckDB", "best"]], ids=lambda one: str(one.tool))
def test_a_run_asks_each_row_once_and_leaves_each_result(contender: Contender) -> None:
    with serving() as url:
        run = run_once(contender, Path(sys.prefix), url, 10)
    assert run.complete(10)
    assert run.counts.right in (5, None)


@pytest.mark.slow
def test_a_run_that_fails_says_so() -> None:
    with pytest.raises(FailedRunError), serving(cap=0) as url:
        run_once(BY_NAME["aiohttp + DuckDB", "best"], Path(sys.prefix), url, 10)
