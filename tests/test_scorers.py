"""The exact scorer: golden answers, a version that moves with behaviour, and agreement with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from gatekeeper.records import Item, Message
from gatekeeper.scorers import SCORERS, ExactSpec, ScorerSpec, build_scorer
from gatekeeper.scorers.exact import Exact

GOLDEN = [
    # normalize, target, output, value
    ((), "card", "card", 1.0),
    ((), "card", "Card", 0.0),
    ((), "card", "card\n", 0.0),
    (("strip",), "card", "  card\n", 1.0),
    (("strip",), "card", "Card", 0.0),
    (("strip", "casefold"), "card", " CARD ", 1.0),
    (("strip", "casefold"), "Straße", "STRASSE", 1.0),
    (("strip", "casefold"), "card", "card.", 0.0),
    (("strip", "casefold"), "card", "card\nbecause it is one", 0.0),
    (("first_line", "strip", "casefold"), "card", "\n \n Card \nbecause it is one", 1.0),
    (("first_line", "strip"), "card", "", 0.0),
    (("strip",), "1", "1.0", 0.0),
    (("strip",), "card", None, 0.0),
]
"""Answers and their scores. A change here is a change of behaviour: raise the scorer's revision."""

VERSION_OF_GOLDEN = "exact/1:strip,casefold"


def _item(target: str | None) -> Item:
    message = Message(role="user", content="q")
    return Item(id="i", eval="e", split="dev", cluster="i", text="q", messages=(message,), target=target)


@pytest.mark.parametrize(("normalize", "target", "output", "value"), GOLDEN)
def test_exact_gives_the_golden_scores(
    normalize: tuple[str, ...], target: str, output: str | None, value: float
) -> None:
    scorer = Exact("route", ExactSpec.model_validate({"normalize": normalize}))
    score = scorer.score(_item(target), output, model="m")
    assert (score.value, score.scorer, score.model, score.item_id) == (value, "route", "m", "i")
    assert (score.reason is None) == (value == 1.0)


def test_the_version_belongs_to_the_golden_scores_and_moves_with_the_settings() -> None:
    assert build_scorer("a", ScorerSpec.model_validate("exact")).version == VERSION_OF_GOLDEN
    orders: list[list[str]] = [[], ["strip"], ["casefold"], ["strip", "casefold"], ["casefold", "strip"]]
    specs = [ScorerSpec.model_validate({"exact": {"normalize": steps}}) for steps in orders]
    assert len({build_scorer("a", spec).version for spec in specs}) == len(orders)


def test_a_missing_answer_is_wrong_and_a_missing_target_is_undefined() -> None:
    scorer = Exact("route")
    assert scorer.score(_item("card"), None).value == 0.0
    undefined = scorer.score(_item(None), "card")
    assert undefined.value is None
    assert undefined.reason == "the item has no target"


def test_the_mean_score_is_the_accuracy_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score

    generator = np.random.default_rng(5)
    labels = np.array(["card", "loan", "fee", "other"])
    targets = labels[generator.integers(0, 4, 500)]
    outputs = np.where(generator.random(500) < 0.7, targets, labels[generator.integers(0, 4, 500)])
    scorer = Exact("route", ExactSpec(normalize=()))
    values = [scorer.score(_item(str(t)), str(o)).value for t, o in zip(targets, outputs, strict=True)]
    mean = float(np.mean([value for value in values if value is not None]))
    assert len(values) == 500
    assert 0.5 < mean < 0.9
    assert mean == pytest.approx(accuracy_score(targets, outputs), abs=1e-12)


def test_short_and_long_forms_are_one() -> None:
    assert SCORERS == ("exact", "judge")
    long_form = ScorerSpec.model_validate({"exact": {}})
    assert ScorerSpec.model_validate("exact") == long_form
    with pytest.raises(ValidationError):
        ScorerSpec.model_validate("exat")
    with pytest.raises(ValidationError):
        ScorerSpec.model_validate({"exact": {"normalize": ["lower"]}})
