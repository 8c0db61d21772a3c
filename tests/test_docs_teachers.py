"""Every example of docs/teachers.md is loaded as a suite, and its teacher answers through a local server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai_server
import pytest
import yaml
from anthropic_server import KEY, AnthropicServer
from local_api import Asked, LocalApi, Response, as_json, serving
from openai_server import OpenAIServer
from tiny_models import save_chat, save_encoder
from tiny_suite import LABELS, ROWS, write_suite

from gatekeeper.models import build_teacher
from gatekeeper.records import Message, Request
from gatekeeper.run.asking import params_of
from gatekeeper.suite import load_suite
from gatekeeper.suite.spec_models import TEACHER_FORMS
from gatekeeper.suite.terms import TERMS, terms_problem

PAGE = Path(__file__).parent.parent / "docs" / "teachers.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SERVERS = {"vllm serve", "sglang.launch_server", "llama-server", "ollama serve"}
TEXT = "my invoice is wrong"
KEYS = {"OPENAI_API_KEY": openai_server.KEY, "ANTHROPIC_API_KEY": KEY, "GEMINI_API_KEY": KEY}
HEAVY = "litellm", "encoder", "chat"
"""Forms whose packages take seconds to import."""


def kind_of(block: str) -> str:
    return str(yaml.safe_load(block)["teacher"]["model"].partition("/")[0])


def google(asked: Asked) -> Response:
    """A good answer of Google."""
    part = {"content": {"role": "model", "parts": [{"text": "billing"}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}
    return as_json({"candidates": [part], "usageMetadata": usage})


def server_of(kind: str) -> LocalApi:
    if kind == "anthropic":
        return AnthropicServer(lambda text: "billing")
    if kind == "openai":
        return OpenAIServer(lambda text: "billing", LABELS, frozenset({"chat_template_kwargs"}))
    return LocalApi(google)


def local_changes(kind: str, url: str, folder: Path) -> dict[str, Any]:
    """What the teacher of an example needs to be asked here: a server of ours, or a tiny model."""
    if kind == "encoder":
        save_encoder(folder / "tiny")
        return {"init": "./tiny"}
    if kind == "chat":
        save_chat(folder / "tiny", answer="yes")
        return {"init": "./tiny", "gguf_file": None}
    if kind in ("replay", "scripted"):
        return {}
    return {"base_url": f"{url}/v1" if kind == "openai" else url}


def test_every_form_of_a_teacher_has_an_example() -> None:
    assert {kind_of(block) for block in BLOCKS} == {form.partition("/")[0] for form in TEACHER_FORMS}
    shown = "".join(BLOCKS)
    assert [name for name in SERVERS if name not in shown] == []


def test_the_table_has_every_form() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [form for form in TEACHER_FORMS if not re.search(rf"^\| `{re.escape(form)}` \|", text, re.MULTILINE)] == []


@pytest.mark.parametrize(
    "block",
    [pytest.param(one, marks=pytest.mark.slow if kind_of(one) in HEAVY else ()) for one in BLOCKS],
    ids=[f"{number}-{kind_of(one)}" for number, one in enumerate(BLOCKS)],
)
def test_an_example_answers(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = yaml.safe_load(block)
    kind = kind_of(block)
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    nothing = {"answers": None, "priced_as": None}
    rows = {**ROWS, **({"teacher": 30} if kind == "encoder" else {})}
    shown = write_suite(tmp_path / "shown", {**changes, "teacher": {**nothing, **changes["teacher"]}}, rows=rows)
    assert terms_problem(load_suite(shown)) is None, "the example can be run as it stands"
    with serving(server_of(kind)) as api:
        place = tmp_path / "local"
        teacher_of = {**nothing, **changes["teacher"], **local_changes(kind, api.url, place)}
        suite = load_suite(write_suite(place, {**changes, "teacher": teacher_of}, rows=rows))
        gold = [("invoice " * n, label) for n, label in enumerate(LABELS * 3, start=1)]
        teacher = build_teacher(suite.teacher, labels=LABELS, gold=gold, seed=1)
        text = TEXT if kind != "replay" else "as recorded"
        turns = (Message(role="user", content=text),)
        request = Request(item_id="dev-0000", text=text, messages=turns, params=params_of(suite.teacher))
        (answer,) = teacher.complete([request])
    assert answer.ok and answer.usage.input_tokens > 0, answer
    if kind == "chat":
        assert answer.output == "yes"
    elif kind in ("encoder", "replay"):
        assert answer.output in LABELS
    else:
        assert answer.output == "billing"
    logprobs = changes["teacher"].get("params", {}).get("logprobs")
    assert (answer.distribution is not None) == bool(logprobs or kind in ("encoder", "scripted"))
    assert bool(api.asked) == (kind not in ("scripted", "encoder", "chat", "replay"))


def test_the_terms_of_the_page_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for terms in TERMS.values():
        assert terms.url in text and terms.effective in text and terms.owner in text
