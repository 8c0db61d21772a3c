"""Train: fit one student on the examples so far, and keep it as an artifact named by its content."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.hashing import content_hash
from gatekeeper.models import load_classifier
from gatekeeper.models.base import Classifier
from gatekeeper.models.encoder import Encoder
from gatekeeper.records import Example
from gatekeeper.run.candidate import Candidate
from gatekeeper.run.session import Session
from gatekeeper.store.artifacts import open_artifact, put
from gatekeeper.store.suites import StoredModel, insert_models
from gatekeeper.store.training import TrainingRun, insert_artifacts, insert_training_runs, training_runs_of
from gatekeeper.suite.spec_models import EncoderStudent, LinearStudent, StudentSpec
from gatekeeper.training.encoder import fit_encoder
from gatekeeper.training.linear import fit_linear
from gatekeeper.training.static import StaticSettings, fit_static

SECONDS_PER_HOUR = Decimal(3600)


def train(session: Session, round_number: int, spec: StudentSpec, examples: Sequence[Example]) -> Candidate:
    """Return the student of one round; one that was trained before an interruption is loaded, not trained again.

    What is judged later is what was saved: the classifier is always the one loaded from its artifact.
    """
    with session.store.read() as connection:
        known = training_runs_of(connection, session.run, round=round_number, student=spec.name)
    trained = known[0] if known else _train(session, round_number, spec, examples)
    return Candidate(
        student=spec.name,
        round=round_number,
        model=trained.model,
        classifier=load_classifier(open_artifact(session.store, trained.model)),
        n_examples=trained.n_examples,
    )


def _train(session: Session, round_number: int, spec: StudentSpec, examples: Sequence[Example]) -> TrainingRun:
    session.progress.say(f"  {spec.name}: training on {len(examples):,} examples", style="dim")
    began = time.monotonic()
    classifier = fit(session, spec, examples, seed=session.seed)
    seconds = time.monotonic() - began
    artifact = put(session.store, classifier.save, kind=classifier.kind)
    trained = TrainingRun(
        run=session.run,
        round=round_number,
        student=spec.name,
        examples_digest=content_hash([[one.id, one.label, one.distribution] for one in examples]),
        recipe=spec.model_dump(mode="json"),
        seed=session.seed,
        model=artifact.digest,
        artifact=artifact.digest,
        n_examples=len(examples),
        seconds=seconds,
    )
    model = StoredModel(fingerprint=artifact.digest, name=spec.name, kind=classifier.kind, place="local")
    rate = session.suite.serving.cpu.usd_per_hour
    session.budget.charge(
        f"{spec.name}:{round_number}", "train", rate * Decimal(str(seconds)) / SECONDS_PER_HOUR, assumed=True
    )
    session.journal.commit()
    with session.store.write() as connection:
        insert_artifacts(connection, [artifact])
        insert_models(connection, [model])
        insert_training_runs(connection, [trained])
    return trained


def fit(session: Session, spec: StudentSpec, examples: Sequence[Example], *, seed: int) -> Classifier:
    """Fit the student that `spec` describes on the teacher's labels or distributions."""
    texts = [example.text for example in examples]
    soft = spec.labels == "soft"
    targets = [example.distribution or {example.label: 1.0} if soft else example.label for example in examples]
    labels = session.suite.eval.labels
    if isinstance(spec, LinearStudent):
        return fit_linear(texts, targets, labels, soft=soft, seed=seed)
    if isinstance(spec, EncoderStudent):
        return fit_encoder(texts, targets, labels, encoder=Encoder(spec.init), soft=soft)
    return fit_static(
        texts,
        targets,
        labels,
        encoder=Encoder(spec.init),
        soft=soft,
        seed=seed,
        cache_folder=session.store.artifacts_folder / "tables",
        settings=StaticSettings(dimensions=spec.dimensions, epochs=spec.epochs, temperature=spec.temperature),
    )
