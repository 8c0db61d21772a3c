"""The linear student: right minimum, same bytes, same answers after a reload."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gatekeeper.errors import InputError, ModelError
from gatekeeper.models import classifier_digest, load_classifier
from gatekeeper.models.linear import LinearClassifier, count_terms, find_parts, iterate_terms, weigh
from gatekeeper.training import linear as recipe
from gatekeeper.training.linear import fit_linear
from gatekeeper.training.targets import Target, target_matrix

NAMES = ["bad", "good", "so-so"]
WORDS = {"bad": "awful poor broken", "good": "great fine lovely", "so-so": "okay average plain"}


def corpus(n: int = 150, seed: int = 0) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    labels = [NAMES[i] for i in rng.integers(0, 3, size=n)]
    texts = []
    for label in labels:
        filler = rng.choice(["the", "a", "film", "was", "and", "it", "very"], size=4)
        words = [str(rng.choice(WORDS[label].split())), *filler]
        texts.append(" ".join(rng.permutation(words)))
    return texts, labels


def distributions(labels: list[str], sure: float = 0.8) -> list[dict[str, float]]:
    return [{name: sure if name == label else (1 - sure) / 2 for name in NAMES} for label in labels]


def test_terms_are_words_runs_of_words_and_parts_of_words() -> None:
    assert list(iterate_terms("I'm ok!", 2, None)) == ["i", "'", "m", "ok", "!", "i '", "' m", "m ok", "ok !"]
    assert list(iterate_terms("abc", 1, (3, 4))) == ["abc", "\0<ab", "\0abc", "\0bc>", "\0<abc", "\0abc>"]
    assert list(iterate_terms("", 2, (3, 5))) == []
    assert list(iterate_terms("ÉTÉ", 1, None)) == ["été"]


def test_features_are_those_of_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, _ = corpus(40)
    texts = [*texts, "great great great film", "nothing known here"]
    reference = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
    expected = reference.fit_transform(texts).toarray()
    terms = [str(term) for term in reference.get_feature_names_out()]
    columns = {term: column for column, term in enumerate(terms)}
    found = weigh(count_terms(texts, columns, 2, None), reference.idf_.astype(np.float32), find_parts(terms)).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_words_and_their_parts_are_scaled_apart() -> None:
    terms = ["film", "great", "\0<fi", "\0lm>"]
    counts = count_terms(["great film", "film", "qqq", "lm"], {t: i for i, t in enumerate(terms)}, 1, (3, 3))
    rows = weigh(counts, np.ones(4, dtype=np.float32), find_parts(terms)).toarray()
    np.testing.assert_allclose(np.linalg.norm(rows[:, :2], axis=1), [1, 1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 2:], axis=1), [0.5, 0.5, 0, 0.5], atol=1e-6)


def test_hard_labels_give_the_minimum_that_scikit_learn_finds() -> None:
    from sklearn.linear_model import LogisticRegression

    texts, labels = corpus()
    model = fit_linear(texts, labels, NAMES, soft=False, char_n=None, strength=2.0)
    columns = {term: column for column, term in enumerate(model.terms)}
    features = weigh(count_terms(texts, columns, 2, None), model._idf, find_parts(model.terms))
    reference = LogisticRegression(C=2.0, max_iter=2000, tol=1e-8).fit(features, labels)
    np.testing.assert_allclose(model.predict(texts), reference.predict_proba(features), atol=2e-3)


def test_soft_labels_are_matched_as_distributions() -> None:
    texts, labels = corpus()
    soft = fit_linear(texts, distributions(labels, 0.6), NAMES, soft=True, strength=1000.0)
    hard = fit_linear(texts, distributions(labels, 0.6), NAMES, soft=False, strength=1000.0)
    assert float(soft.predict(texts).max(axis=1).mean()) == pytest.approx(0.6, abs=0.02)
    assert float(hard.predict(texts).max(axis=1).mean()) > 0.95
    assert soft.detail["labels"] == "soft" and hard.detail["labels"] == "hard"


def test_one_text_can_weigh_labels_that_a_hard_label_cannot_say() -> None:
    texts = ["same words"] * 10
    found = fit_linear(texts, [{"a": 0.7, "b": 0.3}] * 10, ["a", "b"], soft=True).predict(["same words"])
    assert float(found[0, 0]) == pytest.approx(0.7, abs=0.02)


def test_it_generalises_and_reads_unknown_words_as_the_prior() -> None:
    texts, labels = corpus()
    model = fit_linear(texts, labels, NAMES, soft=False)
    fresh, truth = corpus(60, seed=1)
    answers = [NAMES[i] for i in model.predict(fresh).argmax(axis=1)]
    assert float(np.mean([a == t for a, t in zip(answers, truth, strict=True)])) > 0.95
    blank = model.predict(["", "qqq"])
    assert np.array_equal(blank[0], blank[1]) and blank.sum(axis=1) == pytest.approx(1)
    assert model.predict([]).shape == (0, 3)


def test_a_reload_gives_the_same_predictions_and_bytes_and_runs_no_code(tmp_path: Path) -> None:
    texts, labels = corpus()
    model = fit_linear(texts, distributions(labels), NAMES, soft=True, seed=5)
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    model.save(first)
    again = load_classifier(first)
    assert isinstance(again, LinearClassifier)
    assert np.array_equal(again.predict(texts), model.predict(texts))
    fit_linear(texts, distributions(labels), NAMES, soft=True, seed=5).save(second)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["model.json", "model.safetensors", "vocabulary.json"]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_another_training_set_gives_another_digest() -> None:
    texts, labels = corpus()
    one = fit_linear(texts, labels, NAMES, soft=False)
    other = fit_linear(texts[1:], labels[1:], NAMES, soft=False)
    assert classifier_digest(one) == classifier_digest(fit_linear(texts, labels, NAMES, soft=False))
    assert classifier_digest(one) != classifier_digest(other)


def test_rare_terms_are_left_out_and_the_cap_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["common once", "common twice", "common thrice", "twice told"]
    model = fit_linear(texts, ["a", "a", "b", "b"], ["a", "b"], soft=False, char_n=None)
    assert model.terms == ["common", "twice"]
    single = fit_linear(["one two", "three"], ["a", "b"], ["a", "b"], soft=False, char_n=None)
    assert "one two" in single.terms, "with too few texts every term counts"
    monkeypatch.setattr(recipe, "MAX_WEIGHTS", 2)
    capped = fit_linear(texts, ["a", "a", "b", "b"], ["a", "b"], soft=False, char_n=None)
    assert capped.terms == ["common"] and capped.detail["terms_left_out"] == 1


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["a"], "2 texts with 1 labels"),
        (["a", "zebra"], "'zebra' is not one of the labels"),
        ([{"a": 1.0}, {}], "row 1 is negative, empty"),
        ([{"a": 1.0}, {"a": 2.0, "b": -1.0}], "row 1 is negative"),
        ([{"a": 1.0}, {"a": float("nan")}], "not finite"),
        (np.ones((2, 3)), "shape"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_linear(["x", "y"], targets, ["a", "b"], soft=True)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(InputError, match="0 texts"):
        fit_linear([], [], ["a", "b"], soft=False)


def test_targets_may_mix_labels_and_distributions() -> None:
    mixed: list[Target] = ["a", {"a": 1.0, "b": 3.0}]
    soft = target_matrix(mixed, ["a", "b"], soft=True, n_texts=2)
    assert soft.tolist() == [[1, 0], [0.25, 0.75]]
    assert target_matrix(mixed, ["a", "b"], soft=False, n_texts=2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "format"),
        (json.dumps({"format": 99, "kind": "linear"}), "format 99"),
        (json.dumps({"format": 1, "kind": "pickle"}), "kind 'pickle' is unknown"),
        (json.dumps({"format": 1, "kind": "linear"}), "model.safetensors"),
    ],
)
def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        load_classifier(tmp_path)


def test_torn_weights_are_refused(tmp_path: Path) -> None:
    texts, labels = corpus(20)
    fit_linear(texts, labels, NAMES, soft=False).save(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match="cannot be read"):
        load_classifier(tmp_path)
