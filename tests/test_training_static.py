"""The static student: token vectors, seeds, and what ships is what was judged."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import save_encoder

from gatekeeper.errors import InputError, ModelError
from gatekeeper.models import classifier_digest, load_classifier
from gatekeeper.models.encoder import Encoder
from gatekeeper.models.static import StaticClassifier, find_pairs, pair_keys, tokenize
from gatekeeper.training.static import StaticSettings, _loss, fit_static
from gatekeeper.training.token_table import token_table

NAMES = ["bad", "good"]
QUICK = StaticSettings(dimensions=8, hidden=16, epochs=8, batch_size=16, learning_rate=1e-2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder)
    return Encoder(str(folder))


def corpus(n: int = 120, seed: int = 0) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    words = {"bad": ["awful", "poor", "broken"], "good": ["great", "fine", "lovely"]}
    labels = [NAMES[i] for i in rng.integers(0, 2, size=n)]
    filler = ["the", "film", "was", "it", "and", "very", "a"]
    texts = [" ".join(rng.permutation([str(rng.choice(words[k])), *rng.choice(filler, size=3)])) for k in labels]
    return texts, labels


def fit(encoder: Encoder, settings: StaticSettings = QUICK, **options: object) -> StaticClassifier:
    texts, labels = corpus()
    soft = [{name: 0.9 if name == label else 0.1 for name in NAMES} for label in labels]
    arguments: dict[str, object] = {"encoder": encoder, "soft": True, "seed": 3, "settings": settings} | options
    return fit_static(texts, soft, NAMES, **arguments)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("train_table", [True, False])
@pytest.mark.parametrize("soft", [True, False])
def test_it_learns_with_and_without_the_table_and_soft_labels(encoder: Encoder, train_table: bool, soft: bool) -> None:
    model = fit(encoder, replace(QUICK, train_table=train_table), soft=soft)
    texts, truth = corpus(60, seed=1)
    found = model.predict(texts)
    assert found.dtype == np.float32 and found.shape == (60, 2) and found.sum(axis=1) == pytest.approx(1)
    assert float(np.mean([NAMES[i] == t for i, t in zip(found.argmax(axis=1), truth, strict=True)])) > 0.9
    assert (model.detail["soft_gradient_share"] is not None) == soft


def test_a_reload_gives_the_same_predictions_without_transformers_or_torch(encoder: Encoder, tmp_path: Path) -> None:
    model = fit(encoder)
    model.save(tmp_path)
    texts = [*corpus()[0], "", "unknown words only"]
    again = load_classifier(tmp_path)
    assert isinstance(again, StaticClassifier)
    expected = model.predict(texts)
    assert np.array_equal(again.predict(texts), expected)
    code = (
        "import sys, numpy as np; from pathlib import Path; from gatekeeper.models import load_classifier;"
        f"found = load_classifier(Path({str(tmp_path)!r})).predict({texts!r});"
        "assert not {'torch', 'transformers'} & set(sys.modules); sys.stdout.buffer.write(found.tobytes())"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert np.array_equal(np.frombuffer(fresh.stdout, dtype=np.float32).reshape(expected.shape), expected)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(encoder: Encoder) -> None:
    torch.manual_seed(99)
    first = classifier_digest(fit(encoder))
    state = torch.get_rng_state()
    assert classifier_digest(fit(encoder)) == first
    assert torch.equal(torch.get_rng_state(), state), "training leaves the global generator alone"
    assert classifier_digest(fit(encoder, seed=4)) != first


def test_a_prediction_does_not_depend_on_its_batch(encoder: Encoder) -> None:
    model = fit(encoder)
    texts = corpus(30, seed=2)[0]
    single = np.concatenate([model.predict([text]) for text in texts])
    np.testing.assert_allclose(model.predict(texts), single, atol=1e-6)
    assert model.predict([]).shape == (0, 2)


def test_serving_computes_what_training_computed(encoder: Encoder) -> None:
    from gatekeeper.training import static as recipe

    kept: dict[str, object] = {}
    original = recipe._collect

    def collect(parameters: dict[str, object], *rest: object) -> dict[str, np.ndarray]:
        kept.update(parameters)
        return original(parameters, *rest)  # type: ignore[arg-type]

    patch = pytest.MonkeyPatch()
    patch.setattr(recipe, "_collect", collect)
    try:
        model = fit(encoder)
    finally:
        patch.undo()
    texts = corpus()[0]
    tokens, places = tokenize(model._tokenizer, texts)
    _, local = np.unique(tokens, return_inverse=True)
    keys = model._stored["pair_keys"]
    assert len(keys) > 0
    bags = recipe._Bags(local.astype(np.int64), places, *find_pairs(tokens, places, keys, len(model._table)))
    logits = recipe._forward(kept, bags, np.arange(len(texts)), 0.0).detach()
    np.testing.assert_allclose(model.predict(texts), logits.softmax(dim=1).numpy(), atol=2e-3)


def test_pairs_are_neighbours_of_one_text() -> None:
    tokens, ends = np.array([1, 2, 3, 4, 1, 2]), np.array([0, 3, 4, 4, 6])
    assert pair_keys(tokens, ends, 10).tolist() == [12, 23, -1, -1, 12, -1]
    rows, places = find_pairs(tokens, ends, np.array([12, 99]), 10)
    assert rows.tolist() == [0, 0] and places.tolist() == [0, 1, 1, 1, 2]
    assert find_pairs(np.zeros(0, dtype=np.int64), np.array([0, 0]), np.array([5]), 10)[1].tolist() == [0, 0]


def test_without_pairs_it_is_a_bag_of_tokens(encoder: Encoder) -> None:
    bag = fit(encoder, replace(QUICK, pairs=0))
    np.testing.assert_allclose(bag.predict(["great awful film"]), bag.predict(["film great awful"]), atol=1e-6)
    assert bag.detail["pairs_known"] == 0
    capped = fit(encoder, replace(QUICK, pairs=5))
    assert capped.detail["pairs_known"] == 5


def test_the_loss_is_hinton_s_by_another_route() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(5, 3, generator=generator), torch.rand(5, 3, generator=generator).softmax(dim=1)
    options = StaticSettings(temperature=3.0, soft_weight=0.7)
    loss, share = _loss(logits.requires_grad_(), target, options, True)
    z, q = logits.detach().double().numpy(), target.double().numpy()
    teacher = q ** (1 / 3)
    teacher /= teacher.sum(axis=1, keepdims=True)

    def log_softmax(x: np.ndarray) -> np.ndarray:
        result: np.ndarray = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        return result

    divergence = (teacher * (np.log(teacher) - log_softmax(z / 3))).sum(axis=1).mean()
    entropy = -log_softmax(z)[np.arange(5), q.argmax(axis=1)].mean()
    assert float(loss.detach()) == pytest.approx(0.7 * 9 * divergence + 0.3 * entropy, abs=1e-6)
    # the share of the soft term, by the gradients themselves
    soft_only = _loss(logits, target, replace(options, soft_weight=1.0), True)[0]
    hard_only = _loss(logits, target, replace(options, soft_weight=0.0), True)[0]
    (soft_gradient,) = torch.autograd.grad(soft_only, logits)
    (hard_gradient,) = torch.autograd.grad(hard_only, logits)
    soft_norm, hard_norm = 0.7 * float(soft_gradient.norm()), 0.3 * float(hard_gradient.norm())
    assert share == pytest.approx(soft_norm / (soft_norm + hard_norm), abs=1e-5)


def test_a_soft_term_without_effect_warns(encoder: Encoder, caplog: pytest.LogCaptureFixture) -> None:
    model = fit(encoder, replace(QUICK, soft_weight=1e-5, epochs=1))
    assert model.detail["soft_gradient_share"] < 0.01 and "no effect" in caplog.text
    caplog.clear()
    fit(encoder, replace(QUICK, epochs=1))
    assert caplog.text == ""


def test_the_token_table_is_cached_whole_and_by_encoder(encoder: Encoder, tmp_path: Path) -> None:
    first = token_table(encoder, 8, cache_folder=tmp_path / "cache")
    assert first.shape == (len(encoder.tokenizer), 8)
    assert np.linalg.norm(first, axis=1).mean() == pytest.approx(1, abs=0.2)
    (file,) = (tmp_path / "cache").iterdir()
    before = file.stat().st_mtime_ns
    again = token_table(encoder, 8, cache_folder=tmp_path / "cache")
    assert np.array_equal(first, again) and file.stat().st_mtime_ns == before
    assert token_table(encoder, 500, cache_folder=tmp_path / "cache").shape[1] == encoder.dimensions
    save_encoder(tmp_path / "other", seed=1)
    token_table(Encoder(str(tmp_path / "other")), 8, cache_folder=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_token_is_encoded_between_the_special_tokens(encoder: Encoder) -> None:
    word = encoder.tokenizer.convert_tokens_to_ids("lovely")
    full = token_table(encoder, 10_000)
    vectors = encoder.encode_ids([encoder.tokenizer(w)["input_ids"] for w in ("lovely", "awful")])
    # centring and scaling keep differences up to one factor
    ours = full[word] - full[encoder.tokenizer.convert_tokens_to_ids("awful")]
    theirs = vectors[0] - vectors[1]
    assert float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)) == pytest.approx(1, abs=1e-5)


def test_what_cannot_be_trained_or_loaded_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 texts"):
        fit_static([], [], NAMES, encoder=encoder, soft=True)
    fit(encoder, replace(QUICK, epochs=1)).save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load_classifier(tmp_path)
