"""The scripted model: rules in order, the same answers always, failures and distributions on request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_suite import PRICE, WORDS, call, write_suite

from gatekeeper.errors import ExitCode, SuiteError
from gatekeeper.models import build_judge, build_teacher
from gatekeeper.models.scripted import Rule, ScriptedModel
from gatekeeper.records import Message, Request
from gatekeeper.suite import load_suite
from gatekeeper.suite.spec_models import ScriptedTeacher

LABELS = ("card", "loan", "other")


def ask(text: str, **fields: Any) -> Request:
    return Request(item_id=f"id-{text}", text=text, messages=(Message(role="user", content=text),), **fields)


def says(model: ScriptedModel, *texts: str) -> list[str | None]:
    return [completion.output for completion in model.complete(ask(text) for text in texts)]


def test_the_first_rule_that_applies_answers() -> None:
    rules = [
        Rule("other", equals="card"),
        Rule("card", contains="Card"),
        Rule("loan", matches=r"\bloans?\b"),
        Rule("card", contains="a", matches="z"),
    ]
    model = ScriptedModel(rules)
    assert says(model, "card", "my CARD", "two loans", "loaned", "a z") == ["other", "card", "loan", None, "card"]
    (failed,) = model.complete([ask("loaned")])
    assert (failed.ok, failed.error_class) == (False, "not_recorded") and "loaned" in (failed.error_message or "")
    assert says(ScriptedModel(rules, otherwise="other"), "loaned") == ["other"]


def test_answers_carry_identity_usage_and_a_distribution() -> None:
    model = ScriptedModel([Rule("card", contains="card")], labels=LABELS, confidence=0.9, price_id=PRICE)
    request = ask("my card")
    (answer,) = model.complete([request])
    assert answer.ok and answer.request_key == request.key(model.info.fingerprint) and not answer.usage.reported
    assert answer.distribution == pytest.approx({"card": 0.9, "loan": 0.05, "other": 0.05})
    bound = model.upper_bound(request)
    assert bound.input_tokens >= answer.usage.input_tokens and bound.output_tokens == answer.usage.output_tokens
    assert (model.info.price_id, model.info.price_assumed, model.info.place) == (PRICE, True, "local")
    other = ScriptedModel([Rule("Card?", contains="card")], labels=LABELS, confidence=0.9)
    assert next(iter(other.complete([request]))).distribution is None, "the answer is none of the labels"


def test_failures_are_a_share_of_requests_and_always_the_same_ones() -> None:
    model = ScriptedModel([], otherwise="card", fail_share=0.2, fail_as="rate_limit", seed=3)
    answers = list(model.complete(ask(str(n)) for n in range(1000)))
    failed = {c.item_id for c in answers if not c.ok}
    assert 150 <= len(failed) <= 250 and {c.error_class for c in answers} == {None, "rate_limit"}
    assert {c.item_id for c in model.complete(ask(str(n)) for n in reversed(range(1000))) if not c.ok} == failed
    again = ScriptedModel([], otherwise="card", fail_share=0.2, fail_as="rate_limit", seed=4)
    assert {c.item_id for c in again.complete(ask(str(n)) for n in range(1000)) if not c.ok} != failed


def test_whatever_changes_an_answer_changes_the_fingerprint_and_nothing_else_does() -> None:
    def print_of(**changes: Any) -> str:
        rules = changes.pop("rules", [Rule("card", contains="c")])
        return ScriptedModel(rules, **changes).info.fingerprint

    base = print_of()
    assert print_of(latency_s=0.001, price_id=PRICE, name="x") == base
    for change in (
        {"rules": [Rule("card", matches="c")]},
        {"otherwise": "card"},
        {"confidence": 0.5},
        {"labels": LABELS},
        {"fail_share": 0.5},
        {"fail_as": "refusal"},
    ):
        assert print_of(**change) != base, change


def test_a_suite_names_a_scripted_teacher_and_a_judge() -> None:
    spec = ScriptedTeacher.model_validate(
        {
            "model": "scripted",
            "rules": [{"contains": "card", "answer": "card"}],
            "otherwise": "other",
            "confidence": 0.8,
            "fail": {"share": 0.0},
            "priced_as": PRICE,
        }
    )
    teacher = build_teacher(spec, labels=LABELS)
    assert [c.output for c in teacher.complete([ask("card"), ask("x")])] == ["card", "other"]
    assert teacher.info.price_id == PRICE
    judge = build_judge(spec.model_copy(update={"otherwise": "yes"}))
    assert [c.output for c in judge.complete([ask("x")])] == ["yes"]


def teacher(**changes: Any) -> dict[str, Any]:
    """A scripted teacher that knows the words of the tiny suite."""
    rules = [{"matches": rf"\b({'|'.join(words)})\b", "answer": label} for label, words in WORDS.items()]
    spec = {"model": "scripted", "rules": rules, "confidence": 0.95, "priced_as": PRICE, "answers": None}
    return {"teacher": spec | changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rules": []}, "teacher.rules"),
        ({"rules": [{"answer": "x"}]}, "needs `equals`, `contains` or `matches`"),
        ({"rules": [{"answer": "x", "matches": "("}]}, "no regular expression"),
        ({"confidence": 0}, "above 0"),
        ({"fail": {"share": 0.1, "kind": "servr"}}, "`server`"),
        ({"rulez": 1}, "`rules`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    suite = write_suite(tmp_path, teacher(**changes))
    with pytest.raises(SuiteError) as caught:
        load_suite(suite)
    assert words in str(caught.value)


@pytest.mark.slow
def test_a_suite_with_a_scripted_teacher_is_checked_and_needs_a_price(tmp_path: Path) -> None:
    done = call("check", write_suite(tmp_path / "a", teacher()), "--json")
    assert done.code == 0, done.said
    assert json.loads(done.out)["price_assumed"] is True
    without = call("check", write_suite(tmp_path / "b", teacher(priced_as=None)))
    assert without.code == ExitCode.MISSING and "priced_as" in without.said


def test_baselines_take_every_form_in_short_or_in_full(tmp_path: Path) -> None:
    given = [
        "majority",
        "anthropic/claude-haiku-4-5",
        "litellm/gemini/gemini-2.5-flash",
        teacher()["teacher"] | {"name": "rules", "rules": [{"contains": "a", "answer": "account"}]},
    ]
    del given[-1]["answers"]  # type: ignore[attr-defined]
    suite = load_suite(write_suite(tmp_path, teacher() | {"baselines": given}))
    names = ["majority", "claude-haiku-4-5", "gemini-gemini-2.5-flash", "rules"]
    assert [one.name for one in suite.baselines] == names
    with pytest.raises(SuiteError) as caught:
        load_suite(write_suite(tmp_path / "b", teacher() | {"baselines": ["anthropc/claude"]}))
    assert "anthropic/<name>" in str(caught.value)
