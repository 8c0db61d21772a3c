"""Wrong input through the command line: one clear message with file, place, value and fix; and nothing is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_suite import (
    REASON,
    Finished,
    Teacher,
    call,
    change,
    copy_store,
    everything,
    gatekeeper,
    http_server,
    http_teacher,
    make_rows,
    promoted,
    rows_of,
    write_jsonl,
    write_suite,
)

SMALL = {"pool": 20, "dev": 6, "gate": 20}
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that holds a finished run."""
    return copy_store(promoted().store, tmp_path / "copy")


def check_message(done: Finished, code: int, *named: str) -> None:
    """One error, no traceback, with what it must name."""
    assert done.code == code, done.said
    assert "Traceback" not in done.err
    assert len(re.findall("^error: ", done.err, re.MULTILINE | re.IGNORECASE)) == 1, done.err
    for text in named:
        assert text in done.said, done.said


def run_wrong(suite: Path, store: Path, code: int, *named: str) -> None:
    """Run the loop; it fails as it should, and the store is as it was."""
    before = everything(store)
    check_message(call("loop", suite, "--store", store, "--reason", REASON), code, *named)
    assert everything(store) == before


# --- the suite and its data ---


def test_an_unknown_key(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", {"gates": {"quality": {"retenton": 0.9}}}, rows=SMALL)
    line = 1 + suite.read_text().splitlines().index("    retenton: 0.9")
    run_wrong(suite, store, 2, f"{suite}:{line}", "gates.quality.retenton", "did you mean `retention`?")


def test_a_value_out_of_range(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", {"gates": {"quality": {"retention": 95}}}, rows=SMALL)
    line = 1 + suite.read_text().splitlines().index("    retention: 95")
    run_wrong(suite, store, 2, f"{suite}:{line}", "gates.quality.retention", "95")


def test_a_suite_that_is_not_there(tmp_path: Path, store: Path) -> None:
    run_wrong(tmp_path / "nobody.yaml", store, 2, str(tmp_path / "nobody.yaml"))


def test_a_suite_that_is_not_yaml(tmp_path: Path, store: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text("suite: [tiny\n")
    run_wrong(suite, store, 2, str(suite))


def test_a_missing_data_file(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", rows=SMALL)
    (tmp_path / "s" / "dev.jsonl").unlink()
    line = 1 + suite.read_text().splitlines().index("        jsonl: dev.jsonl")
    run_wrong(suite, store, 2, f"{suite}:{line}", "data.splits.dev.jsonl", "the file does not exist")


def test_empty_data(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", rows=SMALL)
    (tmp_path / "s" / "gate.jsonl").write_text("")
    run_wrong(suite, store, 2, str(tmp_path / "s" / "gate.jsonl"), "holds no rows")


def change_rows(folder: Path, edit: Callable[[list[dict[str, str]]], object]) -> None:
    """Change the rows of each split."""
    for split, count in SMALL.items():
        rows = make_rows(split, count)
        edit(rows)
        write_jsonl(folder / f"{split}.jsonl", rows)


def test_one_label_only(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", rows=SMALL)
    change_rows(suite.parent, lambda rows: [row.update(label="billing") for row in rows])
    run_wrong(suite, store, 2, str(suite), "data.target", "all rows have one label, 'billing'")


def test_a_label_that_is_not_in_the_list(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", rows=SMALL)
    change_rows(suite.parent, lambda rows: rows[2].update(label="biling"))
    run_wrong(suite, store, 2, f"{suite.parent / 'pool.jsonl'}:3", "label", "biling", "did you mean `billing`?")


def test_duplicate_ids(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", rows=SMALL)
    change_rows(suite.parent, lambda rows: rows[4].update(id=rows[1]["id"]))
    pool = suite.parent / "pool.jsonl"
    run_wrong(suite, store, 2, f"{pool}:5", f"given twice, first at {pool}:2", "pool-0001", "make ids unique")


def test_a_data_line_that_is_not_json(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", rows=SMALL)
    with (suite.parent / "pool.jsonl").open("a") as stream:
        stream.write('{"id": \n')
    run_wrong(suite, store, 2, f"{suite.parent / 'pool.jsonl'}:21")


# --- prices ---


def test_no_price(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", {"teacher": {"priced_as": None}}, rows=SMALL)
    run_wrong(suite, store, 13, str(suite), "teacher", "add `priced_as: provider/model`")


def test_a_price_that_nobody_knows(tmp_path: Path, store: Path) -> None:
    suite = write_suite(tmp_path / "s", {"teacher": {"priced_as": "anthropic/claude-opos-4-5"}}, rows=SMALL)
    run_wrong(suite, store, 13, "anthropic/claude-opos-4-5", "claude-opus-4-5")


# --- the endpoint ---


def run_unreachable(suite: Path, store: Path, code: int, *named: str) -> Finished:
    """Run the loop; it fails at the teacher. What the store held is still there, and nothing was decided or bought."""
    before = everything(store)
    done = call("loop", suite, "--store", store, "--reason", REASON)
    check_message(done, code, *named)
    after = everything(store)
    for table, rows in before.items():
        assert set(map(repr, rows)) <= set(map(repr, after[table])), table
    for table in ("looks", "verdicts", "promotions", "examples", "costs", "artifacts", "training_runs"):
        assert after[table] == before[table], table
    settled = "SELECT coalesce(sum(settled), 0) FROM spend WHERE run NOT IN (SELECT run FROM verdicts)"
    assert rows_of(store, settled) == [(0,)]
    assert call("verify", "--store", store, "--run", rows_of(store, "SELECT run FROM verdicts")[0][0]).code == 0
    return done


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[Teacher]:
    """An endpoint that gives every request the same answer: (status, content type, body)."""
    with http_server(lambda *_: request.param) as teacher:
        yield teacher


def test_an_endpoint_that_is_down(tmp_path: Path, store: Path) -> None:
    with http_server() as closed:
        pass
    suite = write_suite(tmp_path / "s", http_teacher(closed.url, concurrency=16), rows=SMALL)
    run_unreachable(suite, store, 1, f"{closed.url} could not be reached", "fix: check teacher.base_url")


HTML = b"<!doctype html><html><body>Welcome to nginx</body></html>"


@pytest.mark.parametrize("answering", [(404, "text/html", HTML)], indirect=True)
def test_an_endpoint_that_knows_no_such_address(tmp_path: Path, store: Path, answering: Teacher) -> None:
    suite = write_suite(tmp_path / "s", http_teacher(answering.url), rows=SMALL)
    run_unreachable(suite, store, 1, "'tiny'", answering.url, "HTTP 404", "Welcome to nginx")


@pytest.mark.parametrize("answering", [(200, "text/html", HTML)], indirect=True)
def test_an_endpoint_that_answers_with_a_web_page(tmp_path: Path, store: Path, answering: Teacher) -> None:
    suite = write_suite(tmp_path / "s", http_teacher(answering.url, concurrency=16), rows=SMALL)
    run_unreachable(
        suite,
        store,
        1,
        f"{answering.url} sent nothing that can be read, 5 tries in a row",
        "the body is not JSON: '<!doctype html>",
        "fix: check teacher.base_url: it must point at an OpenAI-compatible API, often with /v1",
    )
    assert len(answering.log) <= 11  # five in a row end the run; six more may be on their way by then


REFUSED = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}).encode()


@pytest.mark.parametrize("answering", [(401, "application/json", REFUSED)], indirect=True)
def test_a_wrong_key(tmp_path: Path, store: Path, answering: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", KEY)
    suite = write_suite(tmp_path / "s", http_teacher(answering.url, api_key_env="TINY_KEY"), rows=SMALL)
    fix = "fix: set the environment variable that api_key_env names"
    done = run_unreachable(suite, store, 1, "HTTP 401", answering.url, fix)
    assert KEY not in done.said
    assert KEY not in repr(everything(store))
    assert len(answering.log) <= 4 and max(answering.counts.values()) == 1  # it is not tried again


# --- the store ---


def test_a_store_from_the_future(tmp_path: Path, store: Path) -> None:
    change(store, "INSERT INTO migrations VALUES (99, 'later', now())")
    suite = write_suite(tmp_path / "s", rows=SMALL)
    run_wrong(suite, store, 2, str(store), "schema version 99", "upgrade gatekeeper")
    check_message(call("verify", "--store", store), 2, "schema version 99")


def test_a_store_that_is_no_duckdb_file(tmp_path: Path) -> None:
    store = tmp_path / "notes.txt"
    store.write_text("These are my notes.\n" * 500)
    before = store.read_bytes()
    done = call("loop", write_suite(tmp_path / "s", rows=SMALL), "--store", store)
    check_message(done, 1, str(store), "not a DuckDB file", "name another file with --store")
    assert store.read_bytes() == before


def test_a_store_that_is_another_database(tmp_path: Path) -> None:
    store = tmp_path / "other.duckdb"
    change(store, "CREATE TABLE customers AS SELECT 1 AS id")
    done = call("loop", write_suite(tmp_path / "s", rows=SMALL), "--store", store)
    check_message(done, 1, str(store), "'customers'", "name another file with --store")
    assert everything(store) == {"customers": [(1,)]}


def test_a_store_that_is_a_folder(tmp_path: Path) -> None:
    done = call("loop", write_suite(tmp_path / "s", rows=SMALL), "--store", tmp_path)
    check_message(done, 2, str(tmp_path), "is a directory")


def test_a_store_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = call("loop", write_suite(tmp_path / "s", rows=SMALL), "--store", tmp_path / "file" / "g.duckdb")
    check_message(done, 1, str(tmp_path / "file" / "g.duckdb"), "Not a directory", "check --store")


def test_a_report_folder_below_a_file(tmp_path: Path, store: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = call("report", "--store", store, "--out", tmp_path / "file" / "report")
    check_message(done, 2, str(tmp_path / "file" / "report"), "Not a directory", "name a folder that you may write to")


# The owner of a folder may write to it whatever its mode says, if it is root: so root's privilege goes away first.
WITHOUT_PRIVILEGE = """
import ctypes, os
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc = ctypes.CDLL(None, use_errno=True)
assert libc.capget(header, data) == 0
data[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())
"""


@pytest.fixture
def read_only(store: Path) -> Iterator[Path]:
    """The store in a folder, with all that lies beside it, that nobody may write to."""
    paths = [store.parent, *store.parent.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in reversed(paths):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield store
    for path, mode in modes.items():
        path.chmod(mode)


@pytest.mark.slow
def test_a_read_only_folder(tmp_path: Path, read_only: Path) -> None:
    before = everything(read_only)
    suite = write_suite(tmp_path / "s", rows=SMALL)
    done = gatekeeper("loop", suite, "--store", read_only, before=WITHOUT_PRIVILEGE)
    check_message(done, 1, str(read_only.parent), "fix: ")
    assert "ermission denied" in done.err or "ead-only" in done.err, done.err
    assert everything(read_only) == before
    assert gatekeeper("verify", "--store", read_only, before=WITHOUT_PRIVILEGE).code == 0


def full_disk(limit: int) -> str:
    """Python that lets no file of its process grow above `limit` bytes, as a full disk does."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "goes_on"),
    [
        pytest.param(0, False, id="no byte"),
        pytest.param(60_000, True, id="too little for the items"),
    ],
)
def test_a_full_disk(tmp_path: Path, store: Path, room: int, goes_on: bool) -> None:
    before = everything(store)
    old = rows_of(store, "SELECT run FROM runs")[0][0]
    suite = write_suite(tmp_path / "s", {"gates": {"quality": {"retention": 0.8}}, "loop": {"rounds": 1}})
    done = gatekeeper("loop", suite, "--store", store, "--reason", REASON, before=full_disk(room))
    check_message(done, 1, "fix: free disk space")
    after: dict[str, list[tuple[Any, ...]]] = everything(store)
    for table, rows in before.items():
        assert set(map(repr, rows)) <= set(map(repr, after[table])), table
    assert call("verify", "--store", store, "--run", old).code == 0
    if goes_on:  # with room again the same command goes on to its end; the looks at this gate split are all spent
        assert call("loop", suite, "--store", store, "--reason", REASON).code == 11


@pytest.mark.slow
@pytest.mark.parametrize("room", [200_000, 300_000, 400_000])
def test_a_disk_that_fills_up_in_mid_run(tmp_path: Path, room: int) -> None:
    suite = write_suite(tmp_path / "s", {"loop": {"rounds": 1}})
    store = tmp_path / "g.duckdb"
    check_message(gatekeeper("loop", suite, "--store", store, before=full_disk(room)), 1, "fix: free disk space")
    assert call("loop", suite, "--store", store).code == 11
    assert rows_of(store, "SELECT look, passed FROM looks") == [(1, False)]
    assert call("verify", "--store", store).code == 0
