"""Fit a student. One front door; heavy libraries load inside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatekeeper.models.base import Classifier
from gatekeeper.records import Example
from gatekeeper.suite.spec_models import LinearStudent, StudentSpec

__all__ = ["fit_student"]


def fit_student(
    spec: StudentSpec,
    examples: Sequence[Example],
    label_names: Sequence[str],
    *,
    seed: int,
    cache_folder: Path | None = None,
) -> Classifier:
    """Train the student that a suite describes. An example without a distribution counts with its label alone.

    Args:
        spec: a student of the suite, with absolute paths.
        examples: what the student learns from.
        label_names: the task's labels.
        seed: of everything random in the training.
        cache_folder: where token tables are kept between calls.

    Raises:
        InputError: no examples, or a label outside `label_names`.
        ModelError: the encoder that a token table starts from cannot be loaded.
        MissingExtraError: a package is not installed.
    """
    soft = spec.labels == "soft"
    texts = [example.text for example in examples]
    targets = [(example.distribution if soft else None) or example.label for example in examples]
    if isinstance(spec, LinearStudent):
        from gatekeeper.training.linear import fit_linear

        return fit_linear(texts, targets, label_names, soft=soft, seed=seed)
    from gatekeeper.models.encoder import Encoder
    from gatekeeper.training.static import StaticSettings, fit_static

    return fit_static(
        texts,
        targets,
        label_names,
        encoder=Encoder(spec.init),
        soft=soft,
        seed=seed,
        cache_folder=cache_folder,
        settings=StaticSettings(dimensions=spec.dimensions, epochs=spec.epochs, temperature=spec.temperature),
    )
