"""Teachers whose terms restrict training: nothing is spent before the suite says what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_suite import PRICE, call, rows_of, write_suite

from gatekeeper.errors import ExitCode
from gatekeeper.suite.spec_models import AnthropicTeacher, LiteLLMTeacher, OpenAITeacher, ScriptedTeacher, TeacherSpec
from gatekeeper.suite.terms import TERMS, terms_of

LOCAL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("teacher", "owner"),
    [
        (AnthropicTeacher(model="anthropic/claude-opus-4-5"), "Anthropic"),
        (AnthropicTeacher(model="anthropic/claude-opus-4-5", priced_as=PRICE), "Anthropic"),
        (AnthropicTeacher(model="anthropic/claude-opus-4-5", base_url="https://gateway.example"), "Anthropic"),
        (AnthropicTeacher(model="anthropic/small", base_url=LOCAL, priced_as=PRICE), None),
        (OpenAITeacher(model="openai/gpt-4o"), "OpenAI"),
        (OpenAITeacher(model="openai/gpt-4o", base_url="https://eu.api.openai.com/v1"), "OpenAI"),
        (OpenAITeacher(model="openai/gpt-4o", base_url="https://notopenai.com/v1"), None),
        (OpenAITeacher(model="openai/claude-x", base_url="https://api.anthropic.com/v1"), "Anthropic"),
        (OpenAITeacher(model="openai/qwen", base_url=LOCAL), None),
        (LiteLLMTeacher(model="litellm/openai/qwen", base_url=LOCAL), None),
        (LiteLLMTeacher(model="litellm/gemini/gemini-2.5-flash"), "Google"),
        (LiteLLMTeacher(model="litellm/bedrock/anthropic.claude-opus-4-5-v1:0"), "Anthropic"),
        (LiteLLMTeacher(model="litellm/openrouter/openai/gpt-4o"), "OpenAI"),
        (LiteLLMTeacher(model="litellm/deepseek/deepseek-chat"), None),
        (ScriptedTeacher.model_validate({"model": "scripted", "rules": [{"contains": "a", "answer": "b"}]}), None),
    ],
)
def test_whose_terms_apply(teacher: TeacherSpec, owner: str | None) -> None:
    terms = terms_of(teacher)
    assert (None if terms is None else terms.owner) == owner


def test_every_entry_says_where_and_as_of_when() -> None:
    for terms in TERMS.values():
        assert terms.url.startswith("https://") and len(terms.effective) == 10 and terms.says and terms.document


def suite(folder: Path, **policy: Any) -> Path:
    teacher = {"model": "anthropic/claude-opus-4-5", "answers": None, "priced_as": None}
    return write_suite(folder, {"teacher": teacher, **({"policy": policy} if policy else {})})


def test_a_loop_is_refused_before_a_run_begins(tmp_path: Path) -> None:
    store = tmp_path / "g.duckdb"
    for number, policy in enumerate(({}, {"teacher_terms": "  "})):
        done = call("loop", suite(tmp_path / str(number), **policy), "--store", store)
        assert done.code == ExitCode.USAGE and "policy.teacher_terms" in done.said
        assert "anthropic.com/legal/commercial-terms" in done.said and "not legal advice" in done.said
    assert rows_of(store, "SELECT count(*) FROM runs") == [(0,)]


def test_a_decision_lets_it_go_on_to_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    done = call("loop", suite(tmp_path, teacher_terms="accepted: internal, 2026-11"), "--store", tmp_path / "g.duckdb")
    assert "policy.teacher_terms" not in done.said and "ANTHROPIC_API_KEY is not set" in done.said


@pytest.mark.slow
def test_check_warns_and_says_where_to_read(tmp_path: Path) -> None:
    done = call("check", suite(tmp_path / "a"))
    assert done.code == 0 and "anthropic.com/legal/commercial-terms" in done.said
    decided = call("check", suite(tmp_path / "b", teacher_terms="accepted"))
    assert decided.code == 0 and "commercial-terms" not in decided.said
