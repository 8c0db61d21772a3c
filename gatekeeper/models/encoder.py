"""A frozen sentence encoder: mean pooling over the last hidden states, L2 norm (Reimers & Gurevych 2019)."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import ModelError
from gatekeeper.hashing import content_hash, hash_files
from gatekeeper.models.extras import needs

PACKAGE_PREFIX = "package:"
MAX_TOKENS = 256
BATCH_TOKENS = 2048
"""Tokens of a padded batch. On two AVX2 cores 2,048 was quickest of 512, 2,048 and 8,192; bfloat16 was 5 times slower
than float32 there, and scaled-dot-product attention 1.5 times quicker than the eager kind."""

_REMEMBERED: dict[str, dict[str, NDArray[np.float32]]] = {}
"""Vectors by text, for each encoder's digest: a teacher and a student on the same encoder share them."""


def resolve_init(init: str) -> str:
    """Return a folder, or a hub id, for what a suite calls `init`.

    `package:<module>/<folder>` names a folder inside an installed package, which is found without importing it.

    Raises:
        ModelError: the package or the folder does not exist.
    """
    if not init.startswith(PACKAGE_PREFIX):
        return init
    module, _, inside = init.removeprefix(PACKAGE_PREFIX).partition("/")
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise ModelError(
            f"init: {init!r}: there is no installed package {module!r}",
            kind="model_not_found",
            hint=f"pip install {module.replace('_', '-')}, or give a folder or a hub id",
        )
    for root in found.submodule_search_locations:
        if (folder := Path(root, inside)).is_dir():
            return str(folder)
    raise ModelError(
        f"init: {init!r}: the package {module!r} has no folder {inside!r}",
        kind="model_not_found",
        hint=f"write {PACKAGE_PREFIX}{module}/<folder>, with a folder that holds config.json",
    )


def load_pretrained(loader: Any, place: str, **options: Any) -> Any:
    """Call `loader.from_pretrained(place)` and turn its many errors into one.

    Raises:
        ModelError: nothing there can be loaded.
    """
    from transformers import utils

    logging: Any = utils.logging
    # Its bar would break the one line of progress that a loop shows.
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return loader.from_pretrained(place, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"init: {place!r} cannot be loaded: {first}",
            kind="model_not_found",
            hint="give a folder with config.json, weights and tokenizer, package:<module>/<folder>, or a hub id",
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()


def use_all_cores(torch: Any) -> None:
    """Let torch use every core that this process may run on, unless OMP_NUM_THREADS says otherwise."""
    if "OMP_NUM_THREADS" not in os.environ:
        affinity = getattr(os, "sched_getaffinity", None)
        torch.set_num_threads(len(affinity(0)) if affinity else os.cpu_count() or 1)


class Encoder:
    """Texts to unit vectors. Each distinct text is encoded once per process and then kept in memory.

    Args:
        init: `package:<module>/<folder>`, a folder, or a hub id.
        max_tokens: longer texts are cut here, special tokens included; None: what the model's own
            `sentence_bert_config.json` says, or 256.
    """

    def __init__(self, init: str, *, max_tokens: int | None = None) -> None:
        self.init = init
        with needs("train"):
            import torch
            from transformers import AutoModel, AutoTokenizer
        self._place = resolve_init(init)
        self.tokenizer: Any = load_pretrained(AutoTokenizer, self._place)
        self.max_tokens = max_tokens or _declared_length(self._place) or MAX_TOKENS
        use_all_cores(torch)
        model = load_pretrained(AutoModel, self._place, dtype=torch.float32)
        self._model: Any = model.eval()
        self._known = _REMEMBERED.setdefault(self.digest, {})

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self._model.config.hidden_size)

    @cached_property
    def digest(self) -> str:
        """The tagged hash of weights, tokenizer and cut-off: another encoder has another one."""
        folder = Path(self._place)
        names = ("config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json", "vocab.txt")
        files = [(name, folder / name) for name in names if (folder / name).is_file()]
        if files:
            weights = hash_files(files)
        else:  # a hub id: the commit that was loaded stands for its files
            weights = content_hash([self._place, getattr(self._model.config, "_commit_hash", None)])
        return content_hash({"weights": weights, "max_tokens": self.max_tokens, "pooling": "mean"})

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens and uncut."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [len(ids) for ids in encoded]

    def embed(self, texts: Sequence[str], *, remember: bool = True) -> NDArray[np.float32]:
        """Return unit vectors, shape (len(texts), dimensions).

        Args:
            texts: n texts.
            remember: False encodes each text anew and keeps nothing.
        """
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        if not remember:
            return self._encode(texts)
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            self._known.update(zip(fresh, self._encode(fresh), strict=True))
        return np.stack([self._known[text] for text in texts])

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]
        vectors = self.encode_ids(encoded)
        unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def encode_ids(self, token_ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return mean-pooled hidden states of ready token ids, shape (len(token_ids), dimensions), not normalised."""
        pooled = np.zeros((len(token_ids), self.dimensions), dtype=np.float32)
        for rows in length_batches([len(ids) for ids in token_ids], BATCH_TOKENS):
            pooled[rows] = self._forward([token_ids[row] for row in rows])
        return pooled

    def _forward(self, batch: list[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        longest = max(1, max(len(ids) for ids in batch))
        pad = self.tokenizer.pad_token_id or 0
        ids = np.full((len(batch), longest), pad, dtype=np.int64)
        mask = np.zeros((len(batch), longest), dtype=np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            attention = torch.from_numpy(mask)
            hidden = self._model(input_ids=torch.from_numpy(ids), attention_mask=attention).last_hidden_state
            weights = attention.to(hidden.dtype)
            weights = weights / weights.sum(1, keepdim=True).clamp_min(1.0)
            pooled: NDArray[np.float32] = torch.bmm(weights[:, None, :], hidden).squeeze(1).numpy()
        return pooled


def length_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield row numbers in batches of similar length, each at most `budget` tokens when padded."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * max(1, lengths[row]) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _declared_length(place: str) -> int | None:
    path = Path(place, "sentence_bert_config.json")
    if not path.is_file():
        return None
    try:
        length = json.loads(path.read_text(encoding="utf-8")).get("max_seq_length")
    except (ValueError, AttributeError):
        return None
    return length if isinstance(length, int) and length > 2 else None
