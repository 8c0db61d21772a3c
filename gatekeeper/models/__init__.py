"""Run a model: teachers and students behind one protocol. Front doors only; heavy libraries load inside them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatekeeper.errors import ModelError
from gatekeeper.models.base import Classifier, Model, ModelInfo
from gatekeeper.models.local import as_model
from gatekeeper.models.weights import classifier_digest, read_header
from gatekeeper.suite.spec_models import (
    AnthropicTeacher,
    ChatTeacher,
    EncoderTeacher,
    JudgeModelSpec,
    LiteLLMTeacher,
    ReplayTeacher,
    ScriptedTeacher,
    TeacherSpec,
)

__all__ = [
    "CLASSIFIER_KINDS",
    "Classifier",
    "Model",
    "ModelInfo",
    "as_model",
    "build_judge",
    "build_teacher",
    "classifier_digest",
    "load_classifier",
]

VERDICTS = ("yes", "no")
"""What a judge may say; an endpoint that gives log-probabilities gives them for these."""
CLASSIFIER_KINDS = ("encoder", "linear", "static")


def load_classifier(folder: Path) -> Classifier:
    """Load the classifier in `folder`, by the `kind` of its model.json. Nothing in the folder is run.

    Raises:
        ModelError: the folder holds no model, or one of an unknown kind.
        MissingExtraError: what the kind needs is not installed.
    """
    kind = read_header(folder).get("kind")
    if kind == "linear":
        from gatekeeper.models.linear import LinearClassifier

        return LinearClassifier.load(folder)
    if kind == "static":
        from gatekeeper.models.static import StaticClassifier

        return StaticClassifier.load(folder)
    if kind == "encoder":
        from gatekeeper.models.head import EncoderClassifier

        return EncoderClassifier.load(folder)
    raise ModelError(
        f"{folder}: kind {kind!r} is unknown", kind="not_a_model", hint=f"known: {', '.join(CLASSIFIER_KINDS)}"
    )


def build_teacher(
    spec: TeacherSpec,
    *,
    labels: Sequence[str],
    gold: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    environ: Mapping[str, str] | None = None,
) -> Model:
    """Return the teacher that a suite names.

    Args:
        spec: the suite's `teacher`, with absolute paths and an expanded `base_url`.
        labels: the task's labels.
        gold: (text, label) rows of split `teacher`; only an encoder teacher learns from them.
        seed: of the encoder teacher's head, and of a chat teacher's sampling.
        environ: where the API key is looked up; None: the process's environment.

    Raises:
        ModelError: the model cannot be loaded, or its key is not set.
        InputError: an encoder teacher has no gold rows to learn from.
        MissingExtraError: a package is not installed.
    """
    if isinstance(spec, EncoderTeacher):
        return _encoder_teacher(spec, labels, gold, seed)
    return _asked_model(spec, "teacher", labels, seed, environ)


def build_judge(spec: JudgeModelSpec, *, seed: int = 0, environ: Mapping[str, str] | None = None) -> Model:
    """Return the judge that a suite names. Raises as `build_teacher`.

    Recorded verdicts are found by the text that was asked, never by the item: an item has several answers to judge.

    Raises:
        DataError: a recorded verdict has no `input`.
    """
    if isinstance(spec, ReplayTeacher):
        from gatekeeper.models.replay import ReplayModel

        return ReplayModel(Path(spec.answers.jsonl), price_id=spec.priced_as, by_id=False)
    return _asked_model(spec, "judge", VERDICTS, seed, environ)


def _asked_model(
    spec: JudgeModelSpec,
    role: str,
    labels: Sequence[str],
    seed: int,
    environ: Mapping[str, str] | None,
) -> Model:
    if isinstance(spec, ReplayTeacher):
        from gatekeeper.models.replay import ReplayModel

        return ReplayModel(Path(spec.answers.jsonl), price_id=spec.priced_as)
    if isinstance(spec, ChatTeacher):
        from gatekeeper.models.chat import ChatModel

        return ChatModel(
            spec.init,
            gguf_file=spec.gguf_file,
            max_tokens=spec.params.max_tokens,
            seed=seed,
            price_id=spec.priced_as,
        )
    from gatekeeper.models import providers

    known = os.environ if environ is None else environ
    if isinstance(spec, ScriptedTeacher):
        return providers.scripted_model(spec, labels, seed)
    if isinstance(spec, AnthropicTeacher):
        return providers.anthropic_model(spec, role, labels, seed, known)
    if isinstance(spec, LiteLLMTeacher):
        return providers.litellm_model(spec, role, labels, seed, known)
    return providers.openai_model(spec, role, labels, known)


def _encoder_teacher(spec: EncoderTeacher, labels: Sequence[str], gold: Sequence[tuple[str, str]], seed: int) -> Model:
    from gatekeeper.models.encoder import Encoder
    from gatekeeper.models.head import fit_encoder_head

    encoder = Encoder(spec.init)
    head = fit_encoder_head(encoder, [text for text, _ in gold], [label for _, label in gold], labels, seed=seed)
    return as_model(
        head,
        "encoder",
        classifier_digest(head),
        price_id=spec.priced_as,
        price_assumed=spec.priced_as is not None,
        count_tokens=encoder.count_tokens,
    )
