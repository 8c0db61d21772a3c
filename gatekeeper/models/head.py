"""A logistic head on a frozen encoder: the local stand-in teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatekeeper.errors import InputError
from gatekeeper.models.encoder import Encoder
from gatekeeper.models.extras import needs
from gatekeeper.models.weights import load_weights, save_weights

HEAD_STRENGTH = 10.0
"""Inverse of the L2 penalty: unit vectors of a sentence encoder need a weak penalty, scikit-learn's 1.0 underfits."""


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return row-wise probabilities of `logits`, shape (n, k)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    rows: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return rows


class EncoderClassifier:
    """An encoder and a linear head.

    Args:
        encoder: texts to vectors, d wide.
        labels: k label names, in the order of the columns.
        coef: shape (d, k).
        intercept: shape (k,).
        temperature: divides the logits; 1 leaves them as they were fitted.
        remember: keep embeddings in memory, so that a text is encoded once.
    """

    kind = "encoder"

    def __init__(
        self,
        encoder: Encoder,
        labels: Sequence[str],
        coef: NDArray[np.float32],
        intercept: NDArray[np.float32],
        *,
        temperature: float = 1.0,
        remember: bool = True,
    ) -> None:
        self.encoder = encoder
        self.labels = tuple(labels)
        self._coef = coef.astype(np.float32)
        self._intercept = intercept.astype(np.float32)
        self.temperature = temperature
        self._remember = remember

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return probabilities, shape (len(texts), len(labels))."""
        if not texts:
            return np.zeros((0, len(self.labels)), dtype=np.float32)
        logits = self.encoder.embed(texts, remember=self._remember) @ self._coef + self._intercept
        return softmax(logits / self.temperature)

    def without_memory(self) -> EncoderClassifier:
        """Return the same classifier that encodes each text anew, for timing."""
        return EncoderClassifier(
            self.encoder, self.labels, self._coef, self._intercept, temperature=self.temperature, remember=False
        )

    def save(self, folder: Path) -> None:
        """Write the head; the encoder is written as its `init` and digest."""
        header = {
            "labels": list(self.labels),
            "init": self.encoder.init,
            "encoder_digest": self.encoder.digest,
            "max_tokens": self.encoder.max_tokens,
            "temperature": self.temperature,
        }
        save_weights(folder, self.kind, header, {"coef": self._coef, "intercept": self._intercept})

    @classmethod
    def load(cls, folder: Path) -> EncoderClassifier:
        """Read what `save` wrote.

        Raises:
            InputError: the encoder at `init` is not the one that the head was fitted on.
        """
        header, tensors = load_weights(folder, cls.kind)
        encoder = Encoder(header["init"], max_tokens=header["max_tokens"])
        if encoder.digest != header["encoder_digest"]:
            raise InputError(
                f"{folder}: the head was fitted on another encoder than {header['init']!r} is now",
                hint="install the encoder's earlier version, or fit the head again",
            )
        return cls(encoder, header["labels"], tensors["coef"], tensors["intercept"], temperature=header["temperature"])


def fit_encoder_head(
    encoder: Encoder,
    texts: Sequence[str],
    labels: Sequence[str],
    label_names: Sequence[str],
    *,
    seed: int = 0,
    strength: float = HEAD_STRENGTH,
) -> EncoderClassifier:
    """Fit a multinomial logistic regression on the embeddings of `texts` and their gold `labels`.

    Labels of `label_names` that no text carries keep a probability of practically 0.

    Raises:
        InputError: nothing to learn from, or a label that is not in `label_names`.
    """
    columns = {name: index for index, name in enumerate(label_names)}
    _check_gold(texts, labels, columns)
    with needs("train"):
        from sklearn.linear_model import LogisticRegression
    vectors = encoder.embed(texts)
    targets = np.array([columns[label] for label in labels])
    model = LogisticRegression(C=strength, max_iter=1000, random_state=seed)
    model.fit(vectors, targets)
    coef = np.zeros((vectors.shape[1], len(columns)), dtype=np.float32)
    intercept = np.full(len(columns), -30.0, dtype=np.float32)
    if len(model.classes_) == 2:  # one row of coefficients: the logit of the second class against the first
        weights = np.vstack([-model.coef_, model.coef_]) / 2
        bias = np.concatenate([-model.intercept_, model.intercept_]) / 2
    else:
        weights, bias = model.coef_, model.intercept_
    coef[:, model.classes_] = weights.T
    intercept[model.classes_] = bias
    return EncoderClassifier(encoder, label_names, coef, intercept)


def out_of_fold_labels(
    encoder: Encoder,
    texts: Sequence[str],
    labels: Sequence[str],
    label_names: Sequence[str],
    *,
    folds: int = 5,
    seed: int = 0,
    strength: float = HEAD_STRENGTH,
) -> NDArray[np.float32]:
    """Return distributions for `texts`, each from a head that never saw that text's gold label.

    Equal texts share a fold, so that no copy of a text teaches the head that labels it.

    Args:
        encoder: texts to vectors.
        texts: n texts.
        labels: their gold labels.
        label_names: k label names.
        folds: heads to fit; each learns from (folds - 1) / folds of the texts.
        seed: decides who is in which fold.
        strength: inverse L2 penalty of the heads.

    Returns:
        Probabilities, shape (n, k), rows summing to 1.
    """
    distinct = sorted(set(texts))
    if folds < 2 or len(distinct) < folds:
        raise InputError(f"folds is {folds}, but there are {len(distinct)} distinct texts", hint="use 2 or more folds")
    order = np.random.default_rng(seed).permutation(len(distinct))
    fold_of = {distinct[index]: place % folds for place, index in enumerate(order)}
    of_row = np.array([fold_of[text] for text in texts])
    encoder.embed(texts)
    result = np.zeros((len(texts), len(label_names)), dtype=np.float32)
    for fold in range(folds):
        inside, outside = np.flatnonzero(of_row == fold).tolist(), np.flatnonzero(of_row != fold).tolist()
        head = fit_encoder_head(
            encoder,
            [texts[row] for row in outside],
            [labels[row] for row in outside],
            label_names,
            seed=seed,
            strength=strength,
        )
        result[inside] = head.predict([texts[row] for row in inside])
    return result


def _check_gold(texts: Sequence[str], labels: Sequence[str], columns: dict[str, int]) -> None:
    if len(texts) != len(labels):
        raise InputError(f"{len(texts)} texts, but {len(labels)} labels")
    if unknown := sorted(set(labels) - set(columns)):
        raise InputError(
            f"the gold label {unknown[0]!r} is not in the task's labels",
            hint=f"the labels are: {', '.join(list(columns)[:10])}",
        )
    if len(set(labels)) < 2:
        raise InputError(
            f"{len(texts)} gold rows with {len(set(labels))} distinct labels: a head needs at least two labels",
            hint="give split `teacher` a larger share (data.splits.teacher), and rows of every label",
        )
