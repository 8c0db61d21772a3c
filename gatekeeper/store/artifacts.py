"""Weights and other big folders, named by the digest of their bytes, beside the store.

A folder is complete only when its manifest exists, which is written last; one rename then gives it its name.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatekeeper.errors import ArtifactError, StoreError
from gatekeeper.hashing import content_hash, hash_file
from gatekeeper.store.connection import Store
from gatekeeper.store.durable import sync_file, sync_folder
from gatekeeper.store.training import Artifact

MANIFEST = "manifest.json"
_TEMPORARY = ".writing-"
_UNSAFE = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"})


def put(store: Store, write: Callable[[Path], None], kind: str) -> Artifact:
    """Store a folder of files and return its artifact; the same bytes give the same digest and are kept once.

    The row of the table is the caller's: `training.insert_artifacts`.

    Args:
        store: the store whose artifacts folder takes it.
        write: fills an empty folder.
        kind: what it is, e.g. the name under which `load_classifier` finds its class.

    Raises:
        ArtifactError: `write` left no file, a link, a file named manifest.json, or a format that runs code when loaded.
        StoreError: the folder cannot be written (disk full, read-only).
    """
    temporary = store.artifacts_folder / f"{_TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:12]}"
    try:
        temporary.mkdir(parents=True)
        write(temporary)
        artifact = _seal(temporary, kind)
        _give_name(store, temporary, artifact.digest)
    except OSError as error:
        raise StoreError(
            f"the artifact cannot be written to {store.artifacts_folder}: {error.strerror or error}",
            hint="free disk space or make the folder writable, then run again",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return artifact


def folder_of(store: Store, digest: str) -> Path:
    """Return where the artifact with this digest lies; nothing is checked."""
    return store.artifacts_folder / digest.replace(":", "-")  # no colon: it is not a file name everywhere


def open_artifact(store: Store, digest: str) -> Path:
    """Return the folder of an artifact after every byte of it was compared with its digest.

    Raises:
        ArtifactError: it is missing, or a file is missing, changed or too many; the message names the file.
    """
    folder = folder_of(store, digest)
    manifest = _manifest(folder, digest)
    found = {name for name, _ in _files(folder)} - {MANIFEST}
    for name in sorted(set(manifest) | found):
        if name not in found:
            raise _broken(folder / name, "is missing")
        if name not in manifest:
            raise _broken(folder / name, "is not in the manifest")
        if hash_file(folder / name) != manifest[name]:
            raise _broken(folder / name, "does not have the bytes of its manifest")
    if _digest(manifest) != digest:
        raise _broken(folder / MANIFEST, f"does not belong to the artifact {digest}")
    return folder


def sweep(store: Store) -> list[Path]:
    """Remove what killed processes left half written; call it at start. Returns the removed folders."""
    if not store.artifacts_folder.is_dir():
        return []
    removed = []
    for folder in sorted(store.artifacts_folder.glob(f"{_TEMPORARY}*")):
        if not _is_alive(folder.name.removeprefix(_TEMPORARY).partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _seal(folder: Path, kind: str) -> Artifact:
    files = dict(_files(folder))
    if not files:
        raise ArtifactError(f"an artifact of kind {kind!r} has no file")
    for name, path in files.items():
        if name == MANIFEST or path.suffix in _UNSAFE:
            raise ArtifactError(f"an artifact may not hold a file {name!r}", hint="write safetensors and JSON")
    digests = {name: hash_file(path) for name, path in sorted(files.items())}
    size = sum(path.stat().st_size for path in files.values())
    artifact = Artifact(digest=_digest(digests), kind=kind, files=digests, bytes=size, created_at=datetime.now(UTC))
    for path in files.values():
        sync_file(path)
    (folder / MANIFEST).write_text(json.dumps(artifact.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    sync_file(folder / MANIFEST)
    for inner in [path for path in folder.rglob("*") if path.is_dir()]:
        sync_folder(inner)
    sync_folder(folder)
    return artifact


def _give_name(store: Store, temporary: Path, digest: str) -> None:
    target = folder_of(store, digest)
    if target.exists():
        try:
            open_artifact(store, digest)
            return
        except ArtifactError:
            # the stored one is damaged and the bytes at hand are good: it goes aside in one step, then away
            target.rename(temporary.with_name(temporary.name + "-old"))
    temporary.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(temporary.with_name(temporary.name + "-old"), ignore_errors=True)


def _files(folder: Path) -> list[tuple[str, Path]]:
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise _broken(path, "is a link")
        if path.is_file():
            files.append((path.relative_to(folder).as_posix(), path))
    return files


def _digest(files: dict[str, str]) -> str:
    return content_hash(sorted(files.items()))


def _manifest(folder: Path, digest: str) -> dict[str, str]:
    try:
        content: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in content["files"].items()}
    except FileNotFoundError:
        raise ArtifactError(
            f"there is no artifact {digest} at {folder}", hint="copy the folder back, or run the loop again"
        ) from None
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _broken(folder / MANIFEST, f"cannot be read ({error})") from error


def _broken(path: Path, what: str) -> ArtifactError:
    return ArtifactError(f"{path} {what}", hint="copy the artifact back from a backup, or run the loop again")


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
