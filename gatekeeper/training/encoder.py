"""Fit the encoder student: a frozen sentence encoder with a linear head that learns from the teacher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatekeeper.models.encoder import Encoder
from gatekeeper.models.head import EncoderClassifier
from gatekeeper.training.linear import minimise
from gatekeeper.training.targets import Targets, target_matrix

STRENGTH = 16.0


def fit_encoder(
    texts: Sequence[str],
    targets: Targets,
    label_names: Sequence[str],
    *,
    encoder: Encoder,
    soft: bool,
    strength: float = STRENGTH,
) -> EncoderClassifier:
    """Minimise cross-entropy plus an L2 penalty over the embeddings of `texts`; convex, so nothing is drawn at random.

    Args:
        texts: n texts.
        targets: n labels or distributions, or a matrix of shape (n, len(label_names)).
        label_names: the labels.
        encoder: stays as it is; the artifact names it by its `init` and digest.
        soft: learn from whole distributions (Hinton 2015 at temperature 1), not from their most probable label.
        strength: inverse of the L2 penalty, as scikit-learn's C.

    Raises:
        InputError: `targets` do not fit `texts` or `label_names`.
    """
    wanted = target_matrix(targets, label_names, soft=soft, n_texts=len(texts))
    coef, intercept = minimise(encoder.embed(texts), wanted, strength)
    return EncoderClassifier(encoder, label_names, coef.astype(np.float32), intercept.astype(np.float32))
