"""Every example of docs/teachers.md is loaded as a suite, and its teacher answers through a local server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from anthropic_server import KEY, AnthropicServer
from local_api import Asked, LocalApi, as_json, serving
from tiny_suite import LABELS, write_suite

from gatekeeper.models import build_teacher
from gatekeeper.records import Message, Request
from gatekeeper.suite import load_suite
from gatekeeper.suite.spec_models import API_FORMS
from gatekeeper.suite.terms import TERMS, terms_problem

PAGE = Path(__file__).parent.parent / "docs" / "teachers.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def openai_or_google(asked: Asked) -> Any:
    """A good answer in the protocol of the path."""
    if asked.path.endswith(":generateContent"):
        part = {"content": {"role": "model", "parts": [{"text": "billing"}]}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}
        return as_json({"candidates": [part], "usageMetadata": usage})
    choice = {"index": 0, "message": {"role": "assistant", "content": "billing"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    return as_json(
        {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )


def test_every_form_of_a_remote_teacher_has_an_example() -> None:
    shown = {yaml.safe_load(block)["teacher"]["model"].partition("/")[0] for block in BLOCKS}
    assert shown == {form.partition("/")[0] for form in API_FORMS} | {"scripted"}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: yaml.safe_load(block)["teacher"]["model"])
def test_an_example_answers(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = yaml.safe_load(block)
    kind = changes["teacher"]["model"].partition("/")[0]
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    api = AnthropicServer(lambda text: "billing") if kind == "anthropic" else LocalApi(openai_or_google)
    with serving(api):
        as_shown = load_suite(
            write_suite(tmp_path / "shown", {**changes, "teacher": {"answers": None, **changes["teacher"]}})
        )
        assert terms_problem(as_shown) is None, "the example can be run as it stands"
        local = {} if kind == "scripted" else {"base_url": f"{api.url}/v1" if kind == "openai" else api.url}
        teacher_of = {"answers": None, "priced_as": None, **changes["teacher"], **local}
        suite = load_suite(write_suite(tmp_path / "local", {**changes, "teacher": teacher_of}))
        teacher = build_teacher(suite.teacher, labels=LABELS, seed=1)
        params = {} if kind == "scripted" else suite.teacher.params.model_dump(exclude_none=True)  # type: ignore[union-attr]
        text = "my invoice is wrong"
        request = Request(item_id="i", text=text, messages=(Message(role="user", content=text),), params=params)
        (answer,) = teacher.complete([request])
    assert answer.output == "billing" and answer.usage.input_tokens > 0, answer
    assert bool(api.asked) == (kind != "scripted")


def test_the_terms_of_the_page_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for terms in TERMS.values():
        assert terms.url in text and terms.effective in text and terms.owner in text
