"""The encoder student: a head that learns from the teacher's answers or distributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import WORDS, save_encoder

from gatekeeper.errors import InputError
from gatekeeper.models import classifier_digest, load_classifier
from gatekeeper.models.encoder import Encoder
from gatekeeper.models.head import fit_encoder_head
from gatekeeper.training.encoder import fit_encoder

TEXTS = [f"{first} {second}" for first in WORDS for second in WORDS[:4]]
LABELS = ["early" if WORDS.index(text.split()[0]) < len(WORDS) // 2 else "late" for text in TEXTS]
NAMES = ["early", "late", "never"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder)
    return Encoder(str(folder))


def test_hard_labels_find_the_minimum_that_scikit_learn_finds(encoder: Encoder) -> None:
    ours = fit_encoder(TEXTS, LABELS, NAMES[:2], encoder=encoder, soft=False, strength=5.0)
    # scikit-learn's binary form puts one penalty on the difference of two columns: half of ours at the same strength
    theirs = fit_encoder_head(encoder, TEXTS, LABELS, NAMES[:2], strength=10.0)
    agree = ours.predict(TEXTS).argmax(axis=1) == theirs.predict(TEXTS).argmax(axis=1)
    assert float(agree.mean()) > 0.98
    np.testing.assert_allclose(ours.predict(TEXTS), theirs.predict(TEXTS), atol=0.02)


def test_soft_labels_are_matched_as_distributions(encoder: Encoder) -> None:
    soft = [{"early": 0.7, "late": 0.3}] * len(TEXTS)
    found = fit_encoder(TEXTS, soft, NAMES, encoder=encoder, soft=True).predict(TEXTS)
    np.testing.assert_allclose(found.mean(axis=0), [0.7, 0.3, 0.0], atol=0.01)
    hard = fit_encoder(TEXTS, soft, NAMES, encoder=encoder, soft=False).predict(TEXTS)
    assert float(hard[:, 0].min()) > 0.9


def test_it_is_the_same_after_a_reload_and_for_the_same_data(encoder: Encoder, tmp_path: Path) -> None:
    model = fit_encoder(TEXTS, LABELS, NAMES, encoder=encoder, soft=True)
    model.save(tmp_path)
    assert np.array_equal(load_classifier(tmp_path).predict(TEXTS), model.predict(TEXTS))
    again = fit_encoder(TEXTS, LABELS, NAMES, encoder=encoder, soft=True)
    assert classifier_digest(again) == classifier_digest(model)
    other = fit_encoder(TEXTS[1:], LABELS[1:], NAMES, encoder=encoder, soft=True)
    assert classifier_digest(other) != classifier_digest(model)


def test_targets_that_do_not_fit_are_refused(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="'zebra' is not"):
        fit_encoder(["a"], ["zebra"], NAMES, encoder=encoder, soft=False)
