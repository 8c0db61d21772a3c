"""One vector per token, a weighted sum, a two-layer head: a student without a transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import ModelError
from gatekeeper.models.extras import needs
from gatekeeper.models.head import softmax
from gatekeeper.models.weights import load_weights, save_weights

TOKENIZER_FILE = "tokenizer.json"
_TENSORS = ("table", "token_weights", "pair_keys", "pair_table", "w1", "b1", "w2", "b2")


class StaticClassifier:
    """Token vectors summed to one vector of length 1, then two dense layers.

    Args:
        labels: k label names.
        tokenizer: the JSON text of a `tokenizers.Tokenizer`.
        tensors: `table` (v, d) and `token_weights` (v,) of single tokens; `pair_keys` (p,) sorted int64, first token
            times v plus second, and `pair_table` (p, d) of neighbouring tokens; the head `w1` (d, h), `b1`, `w2`
            (h, k), `b2`. The tables are kept in float16 on disk, and rounded to it in memory too, so that what is
            judged is what ships.
        detail: how it was trained, for the record.
    """

    kind = "static"

    def __init__(
        self,
        labels: Sequence[str],
        tokenizer: str,
        tensors: Mapping[str, NDArray[Any]],
        *,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self._tokenizer_json = tokenizer
        self._tokenizer = load_tokenizer(tokenizer)
        self._stored = {name: _as_stored(name, tensors[name]) for name in _TENSORS}
        self._table = self._stored["table"].astype(np.float32)
        self._pair_table = self._stored["pair_table"].astype(np.float32)
        self.detail = dict(detail or {})

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return probabilities, shape (len(texts), len(labels)). A text without tokens gets the head's prior."""
        if not texts:
            return np.zeros((0, len(self.labels)), dtype=np.float32)
        features = self._embed(texts)
        hidden = np.maximum(features @ self._stored["w1"] + self._stored["b1"], 0)
        return softmax(hidden @ self._stored["w2"] + self._stored["b2"])

    def save(self, folder: Path) -> None:
        """Write weights, settings and tokenizer into `folder`."""
        (folder / TOKENIZER_FILE).write_text(self._tokenizer_json, encoding="utf-8")
        save_weights(folder, self.kind, {"labels": list(self.labels), "detail": self.detail}, self._stored)

    @classmethod
    def load(cls, folder: Path) -> StaticClassifier:
        """Read what `save` wrote."""
        header, tensors = load_weights(folder, cls.kind)
        path = folder / TOKENIZER_FILE
        try:
            tokenizer = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error}", kind="not_a_model") from error
        return cls(header["labels"], tokenizer, tensors, detail=header["detail"])

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        from scipy.sparse import csr_matrix

        tokens, ends = tokenize(self._tokenizer, texts)
        shape = (len(texts), len(self._table))
        weights = self._stored["token_weights"][tokens]
        summed = csr_matrix((weights, tokens, ends), shape=shape) @ self._table
        keys = self._stored["pair_keys"]
        if len(keys):
            pairs, pair_ends = find_pairs(tokens, ends, keys, len(self._table))
            ones = np.ones(len(pairs), dtype=np.float32)
            summed += csr_matrix((ones, pairs, pair_ends), shape=(len(texts), len(keys))) @ self._pair_table
        return unit_rows(summed)


def load_tokenizer(text: str) -> Any:
    """Return the `tokenizers.Tokenizer` of a JSON text, without padding or truncation."""
    with needs("train"):
        from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def tokenize(tokenizer: Any, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all token ids in a row, and n + 1 places: text i owns tokens[ends[i]:ends[i + 1]]."""
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    lists = [item.ids for item in encoded]
    ends = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in lists], out=ends[1:])
    tokens = np.fromiter((token for ids in lists for token in ids), dtype=np.int64, count=int(ends[-1]))
    return tokens, ends


def pair_keys(tokens: NDArray[np.int64], ends: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return one key per token and its right neighbour in the same text, -1 for the last token of a text."""
    keys = np.full(len(tokens), -1, dtype=np.int64)
    if len(tokens) > 1:
        keys[:-1] = tokens[:-1] * size + tokens[1:]
        last = ends[1:] - 1
        keys[last[last >= 0]] = -1
    return keys


def find_pairs(
    tokens: NDArray[np.int64], ends: NDArray[np.int64], known: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of `known` (sorted keys) for the neighbours that occur, and their n + 1 places per text."""
    keys = pair_keys(tokens, ends, size)
    rows = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    hit = known[rows] == keys
    return rows[hit], np.concatenate([[0], np.cumsum(hit)])[ends]


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of length sqrt(d): entries of about 1, as dense layers like them. A zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scale = np.sqrt(vectors.shape[1]) / np.maximum(norms, 1e-6)
    rows: NDArray[np.float32] = (vectors * scale).astype(np.float32)
    return rows


def _as_stored(name: str, tensor: NDArray[Any]) -> NDArray[Any]:
    if name == "pair_keys":
        return tensor.astype(np.int64)
    return tensor.astype(np.float16 if name in ("table", "pair_table") else np.float32)
