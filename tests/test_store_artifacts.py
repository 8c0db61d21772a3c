"""Artifacts are whole or absent, every byte is checked, and the promotion's row wins over its pointer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from store_samples import NOON, SUITE, kill, start, wait_for

from gatekeeper.errors import ArtifactError, InputError
from gatekeeper.store import Store, open_artifact, put, sweep, sync_pointers
from gatekeeper.store.artifacts import folder_of
from gatekeeper.store.pointers import pointer_path
from gatekeeper.store.verdicts import Promotion, promotions_of, record_promotion


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "g.duckdb")


def _write(weights: bytes = b"\x00\x01weights") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "model.safetensors").write_bytes(weights)
        (folder / "config.json").write_text("{}")

    return write


def test_the_same_bytes_have_the_same_name_and_are_kept_once(store: Store) -> None:
    first, again, other = put(store, _write(), "linear"), put(store, _write(), "linear"), put(store, _write(b"x"), "l")
    assert first.digest == again.digest != other.digest
    assert sorted(first.files) == ["config.json", "deep/model.safetensors"]
    assert first.bytes == 2 + 9
    folder = open_artifact(store, first.digest)
    assert (folder / "deep" / "model.safetensors").read_bytes() == b"\x00\x01weights"
    assert len(list(store.artifacts_folder.iterdir())) == 2


@pytest.mark.parametrize("case", ["changed", "missing", "extra", "link", "no manifest", "broken manifest", "swapped"])
def test_damage_is_named(store: Store, case: str, tmp_path: Path) -> None:
    digest = put(store, _write(), "linear").digest
    folder = folder_of(store, digest)
    weights = folder / "deep" / "model.safetensors"
    words = "model.safetensors"
    if case == "changed":
        weights.write_bytes(b"\x00\x01weighty")
    elif case == "missing":
        weights.unlink()
    elif case == "extra":
        (folder / "extra.json").write_text("{}")
        words = "extra.json is not in the manifest"
    elif case == "link":
        (tmp_path / "elsewhere").write_bytes(weights.read_bytes())
        weights.unlink()
        weights.symlink_to(tmp_path / "elsewhere")
    elif case == "no manifest":
        (folder / "manifest.json").unlink()
        words = "there is no artifact"
    elif case == "broken manifest":
        (folder / "manifest.json").write_text("{")
        words = "manifest.json cannot be read"
    else:
        other = folder_of(store, put(store, _write(b"other"), "linear").digest)
        folder.rename(tmp_path / "aside")
        other.rename(folder)
        words = "does not belong"
    with pytest.raises(ArtifactError, match=words) as caught:
        open_artifact(store, digest)
    assert caught.value.hint


def test_a_damaged_artifact_is_mended_by_the_same_bytes(store: Store) -> None:
    digest = put(store, _write(), "linear").digest
    (folder_of(store, digest) / "config.json").write_text("[]")
    assert put(store, _write(), "linear").digest == digest
    open_artifact(store, digest)
    assert len(list(store.artifacts_folder.iterdir())) == 1


def test_what_an_artifact_may_not_be(store: Store) -> None:
    cases: list[tuple[str, Callable[[Path], object]]] = [
        ("no file", lambda folder: None),
        ("pkl", lambda folder: (folder / "model.pkl").write_bytes(b"x")),
        ("manifest", lambda folder: (folder / "manifest.json").write_text("{}")),
    ]
    for words, write in cases:
        with pytest.raises(ArtifactError, match=words):
            put(store, write, "linear")  # type: ignore[arg-type]

    def fails(folder: Path) -> None:
        raise KeyError("a bug of the caller")

    with pytest.raises(KeyError):
        put(store, fails, "linear")
    assert list(store.artifacts_folder.iterdir()) == []


_WRITES = """
import sys
from pathlib import Path
from gatekeeper.store import Store, put
def write(folder: Path) -> None:
    (folder / "half.safetensors").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.readline()
put(Store(sys.argv[1]), write, "linear")
"""


def test_leftovers_of_killed_writers_are_swept_and_living_ones_are_not(store: Store) -> None:
    child = start(_WRITES, store.path)
    wait_for(child, "writing")
    assert sweep(store) == []
    kill(child)
    assert len(sweep(store)) == 1
    assert list(store.artifacts_folder.iterdir()) == []
    assert sweep(store) == []


def _promote(store: Store, run: str, artifact: str, minutes: int = 0) -> Promotion:
    with store.write() as connection:
        return record_promotion(
            connection, suite_name="headlines", suite=SUITE, run=run, artifact=artifact, who="loop", why="passed",
            at=NOON + timedelta(minutes=minutes),
        )  # fmt: skip


def test_promotion_replaces_and_can_be_rolled_back(store: Store) -> None:
    first = _promote(store, "r1", "a")
    assert _promote(store, "r1", "a", 1) == first, "a repeated promotion is one promotion"
    second = _promote(store, "r2", "b", -60)  # the clock went backwards
    back = _promote(store, "r1", "a", -60)
    with store.read() as connection:
        assert promotions_of(connection, "headlines") == [back, second, first]
        history = connection.execute("SELECT artifact, replaced, current FROM promotion_history ORDER BY promoted_at")
        assert history.fetchall() == [("a", None, False), ("b", "a", False), ("a", "b", True)]
    assert len({first.id, second.id, back.id}) == 3


def test_the_row_wins_over_the_pointer(store: Store) -> None:
    path = pointer_path(store, "headlines")
    assert sync_pointers(store) == []
    first = _promote(store, "r1", "a")
    assert sync_pointers(store) == ["headlines"]
    assert Promotion.model_validate_json(path.read_text()) == first
    assert sync_pointers(store) == []
    second = _promote(store, "r2", "b", 1)  # a crash before the pointer was written
    assert sync_pointers(store) == ["headlines"]
    assert json.loads(path.read_text())["artifact"] == second.artifact
    for damage in ("", "{", json.dumps({"artifact": "c"})):
        path.write_text(damage)
        assert sync_pointers(store) == ["headlines"]
        assert Promotion.model_validate_json(path.read_text()) == second
    assert [file.name for file in path.parent.iterdir()] == ["headlines.json"]


def test_a_suite_name_cannot_leave_the_folder(store: Store) -> None:
    for name in ("../x", "a/b", ".hidden", ""):
        with pytest.raises(InputError, match="cannot be a file name"):
            pointer_path(store, name)
