"""Classifiers on disk: `model.json` (kind, labels, settings) and `model.safetensors`. Nothing in them is code."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import ModelError
from gatekeeper.hashing import canonical_json, hash_files
from gatekeeper.models.base import Classifier
from gatekeeper.models.extras import needs

HEADER_FILE = "model.json"
TENSOR_FILE = "model.safetensors"
FORMAT = 1

Tensors = Mapping[str, NDArray[Any]]


def save_weights(folder: Path, kind: str, header: Mapping[str, Any], tensors: Tensors) -> None:
    """Write `header` and `tensors` into `folder`; equal input gives equal bytes."""
    with needs("train"):
        from safetensors.numpy import save
    payload = {"format": FORMAT, "kind": kind, **header}
    (folder / HEADER_FILE).write_text(canonical_json(payload) + "\n", encoding="utf-8")
    arrays = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    (folder / TENSOR_FILE).write_bytes(save(arrays))


def read_header(folder: Path) -> dict[str, Any]:
    """Return the content of `model.json`.

    Raises:
        ModelError: the file is missing, no JSON object, or of another format.
    """
    path = folder / HEADER_FILE
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror or error})",
            kind="not_a_model",
            hint="give a folder that gatekeeper wrote; it holds model.json and model.safetensors",
        ) from error
    except ValueError as error:
        raise ModelError(f"{path}: is not JSON: {error}", kind="not_a_model", hint="train the student again") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else type(header).__name__
        raise ModelError(
            f"{path}: format {found!r} is unknown, this version reads {FORMAT}",
            kind="not_a_model",
            hint="load it with the version of gatekeeper that wrote it, or train the student again",
        )
    return header


def load_weights(folder: Path, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return (header, tensors) of a folder written by `save_weights` for the same `kind`."""
    header = read_header(folder)
    if header.get("kind") != kind:
        raise ModelError(f"{folder}: holds a {header.get('kind')!r} model, not {kind!r}", kind="not_a_model")
    with needs("train"):
        from safetensors.numpy import load_file
    try:
        tensors = load_file(folder / TENSOR_FILE)
    except Exception as error:  # safetensors raises its own class for torn files, OSError for missing ones
        raise ModelError(
            f"{folder / TENSOR_FILE}: cannot be read: {error}", kind="not_a_model", hint="train the student again"
        ) from error
    return header, tensors


def folder_digest(folder: Path) -> str:
    """Return one tagged hash of all files below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hash_files((path.relative_to(folder).as_posix(), path) for path in files)


def classifier_digest(classifier: Classifier) -> str:
    """Return the digest of what `classifier` would write to disk: another training gives another digest."""
    with tempfile.TemporaryDirectory() as name:
        classifier.save(Path(name))
        return folder_digest(Path(name))
