"""A vector for every token of an encoder's vocabulary: each token is encoded alone (as model2vec does)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import ModelError
from gatekeeper.hashing import short
from gatekeeper.models.encoder import Encoder
from gatekeeper.models.extras import needs


def token_table(encoder: Encoder, dimensions: int, *, cache_folder: Path | None = None) -> NDArray[np.float32]:
    """Return vectors of mean length 1 for the whole vocabulary, shape (vocabulary, min(dimensions, encoder's)).

    Encoding 30,000 tokens takes half a minute on two cores, so the table is kept in `cache_folder` under the encoder's
    digest. The projection keeps the directions of largest variance (PCA).
    """
    with needs("train"):
        from safetensors.numpy import load_file, save
    path = cache_folder / f"token-table-{short(encoder.digest, 32)}.safetensors" if cache_folder else None
    if path is not None and path.is_file():
        full: NDArray[np.float32] = load_file(path)["table"]
    else:
        full = encoder.encode_ids(_alone(encoder))
        if path is not None:
            _write_whole(path, save({"table": full}))
    return _project(full, dimensions)


def tokenizer_json(encoder: Encoder) -> str:
    """Return the encoder's tokenizer as JSON text for the `tokenizers` package.

    Raises:
        ModelError: the encoder has no fast tokenizer.
    """
    backend: Any = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"init: {encoder.init!r} has no fast tokenizer",
            kind="unsupported",
            hint="use an encoder whose folder holds tokenizer.json",
        )
    text: str = backend.to_str()
    return text


def _alone(encoder: Encoder) -> list[list[int]]:
    """Return each token id between the encoder's own special tokens."""
    full = encoder.tokenizer("a")["input_ids"]
    bare = encoder.tokenizer("a", add_special_tokens=False)["input_ids"]
    start = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
    before, after = full[:start], full[start + len(bare) :]
    return [[*before, token, *after] for token in range(len(encoder.tokenizer))]


def _project(table: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    centred = (table - table.mean(axis=0)).astype(np.float64)
    if dimensions < table.shape[1]:
        _, vectors = np.linalg.eigh(centred.T @ centred)
        axes = vectors[:, ::-1][:, :dimensions]
        # an eigenvector's sign is free: fix it, so that every machine gets the same table
        axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dimensions)])
        centred = centred @ axes
    scaled: NDArray[np.float32] = (centred / np.linalg.norm(centred, axis=1).mean()).astype(np.float32)
    return scaled


def _write_whole(path: Path, data: bytes) -> None:
    """Write through a temporary file, so that a reader never sees half a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
