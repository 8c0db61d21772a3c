"""litellm: the real package against local servers that speak OpenAI's, Anthropic's and Google's protocols."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic_server import KEY, AnthropicServer, error, message
from local_api import Asked, LocalApi, Response, as_json, serving
from tiny_suite import environment

from gatekeeper.errors import ModelError
from gatekeeper.models import build_teacher
from gatekeeper.models.api import ApiModel
from gatekeeper.models.litellm import LiteLLMWire
from gatekeeper.models.reader import Reader
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.records import Completion, Message, Request
from gatekeeper.suite.spec_models import LiteLLMTeacher

pytestmark = pytest.mark.slow

QUICK = RetryPolicy(attempts=2, deadline_s=20.0, base_s=0.01, cap_s=0.02, refused_attempts=2)
OPENAI, CLAUDE, GEMINI = "openai/gpt-test", "anthropic/claude-test", "gemini/gemini-2.5-flash"
ALL = (OPENAI, CLAUDE, GEMINI)


def chat(content: str | None = "yes", **changes: Any) -> dict[str, Any]:
    """A good answer in OpenAI's form."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return answer | changes


def gemini(**candidate: Any) -> dict[str, Any]:
    """A good answer in Google's form."""
    content = {"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}
    return {"candidates": [content | candidate], "usageMetadata": usage}


def route(asked: Asked) -> Response:
    """Answer in the protocol of the path."""
    if asked.path.endswith(":generateContent"):
        return as_json(gemini())
    return as_json(message() if asked.path == "/v1/messages" else chat())


@pytest.fixture
def server() -> Iterator[LocalApi]:
    with serving(LocalApi(route)) as api:
        yield api


def model_at(name: str, url: str, *, timeout_s: float = 20.0, key: str = KEY, **options: Any) -> ApiModel:
    base = f"{url}/v1" if name.startswith("openai/") else url
    reader = Reader("chat", tuple(options.pop("labels", ())))
    wire = lambda: LiteLLMWire(name, base_url=base, api_key=key, reader=reader, timeout_s=timeout_s)  # noqa: E731
    defaults: dict[str, Any] = {"params": {"max_tokens": 5}, "policy": QUICK, "seed": 1, "secrets": (key,)}
    return ApiModel(wire, **(defaults | {"concurrency": 4} | options))


def ask(text: str) -> Request:
    turns = (Message(role="system", content="Be brief."), Message(role="user", content=text))
    return Request(item_id=f"id-{text}", text=text, messages=turns)


def one(model: ApiModel) -> Completion:
    (completion,) = model.complete([ask("q")])
    return completion


@pytest.mark.parametrize(
    ("name", "path", "tokens"),
    [
        (OPENAI, "/v1/chat/completions", (11, 3)),
        (CLAUDE, "/v1/messages", (11, 3)),
        (GEMINI, "/models/gemini-2.5-flash:generateContent", (10, 2)),
    ],
)
def test_three_protocols_give_the_same_form(server: LocalApi, name: str, path: str, tokens: tuple[int, int]) -> None:
    model = model_at(name, server.url)
    answers = list(model.complete(ask(str(n)) for n in range(8)))
    assert [c.output for c in answers] == ["yes"] * 8 and {c.finish_reason for c in answers} == {"stop"}
    assert {(c.usage.input_tokens, c.usage.output_tokens, c.usage.reported) for c in answers} == {(*tokens, True)}
    assert {asked.path for asked in server.asked} == {path} and len(server.asked) == 8
    assert model.info.name == name and json.loads(answers[0].raw or "")["choices"]
    assert all(c.ok for c in model.complete([ask("again")])), "connections of an earlier loop are not used again"


def test_input_that_anthropic_counts_apart_is_counted(server: LocalApi) -> None:
    usage = {"input_tokens": 5, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 20, "output_tokens": 2}
    server.fault = lambda asked: as_json(message(usage=usage))
    found = one(model_at(CLAUDE, server.url)).usage
    assert (found.input_tokens, found.cached_input_tokens, found.output_tokens) == (32, 20, 2)


def test_the_usage_of_zero_that_litellm_makes_up_is_no_free_answer(server: LocalApi) -> None:
    body = chat()
    del body["usage"]
    server.fault = lambda asked: as_json(body)
    usage = one(model_at(OPENAI, server.url)).usage
    assert usage.reported is False and usage.input_tokens > 0 and usage.output_tokens == 1


def test_logprobs_become_a_distribution_where_the_provider_has_them(server: LocalApi) -> None:
    top = [{"token": "yes", "logprob": -0.1, "bytes": None}, {"token": "no", "logprob": -2.4, "bytes": None}]
    choice = chat()["choices"][0] | {"logprobs": {"content": [top[0] | {"top_logprobs": top}]}}
    server.fault = lambda asked: as_json(chat(choices=[choice]))
    params = {"max_tokens": 5, "logprobs": True, "top_logprobs": 2}
    found = one(model_at(OPENAI, server.url, labels=("yes", "no"), params=params)).distribution
    assert found is not None and found["yes"] > 0.9 and sum(found.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "body", "kind", "finish"),
    [
        (CLAUDE, message(stop_reason="refusal", content=[]), "content_filter", "content_filter"),
        (CLAUDE, message(stop_reason="max_tokens", content=[]), "truncated", "length"),
        (CLAUDE, message(stop_reason="max_tokens"), None, "length"),
        (GEMINI, gemini(finishReason="SAFETY", content={}), "content_filter", "content_filter"),
        (GEMINI, gemini(finishReason="MAX_TOKENS", content={}), "truncated", "length"),
        (OPENAI, chat(choices=[{"message": {"content": None, "refusal": "I cannot"}, "index": 0}]), "refusal", "stop"),
    ],
)
def test_refusal_and_truncation(server: LocalApi, name: str, body: Any, kind: str | None, finish: str) -> None:
    server.fault = lambda asked: as_json(body)
    completion = one(model_at(name, server.url))
    assert (completion.error_class, completion.finish_reason, completion.attempts) == (kind, finish, 1)
    assert completion.usage.reported and completion.usage.output_tokens > 0


FAULTS: list[tuple[Response, str]] = [
    (as_json({"error": {"message": "slow down"}}, 429), "rate_limit"),
    (as_json({"error": {"message": "more money", "code": "insufficient_quota"}}, 429), "quota"),
    (Response(500, b"boom"), "server"),
    (Response(503), "overloaded"),
    (error(529, "overloaded_error"), "overloaded"),
    (as_json({"error": {"message": "bad key"}}, 401), "auth"),
    (as_json({"error": {"message": "no such model"}}, 404), "model_not_found"),
    (as_json({"error": {"message": "too long"}}, 400), "bad_request"),
    (Response(200, b"<html>welcome</html>", {"Content-Type": "text/html"}), "not_json"),
    (Response(200), "not_json"),
    (Response(200, b'{"a": "\xff"}'), "not_json"),
    (as_json({}), "not_json"),
    (Response(reset=True), "connection"),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("response", "kind"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_failure_has_the_class_of_its_cause(server: LocalApi, name: str, response: Response, kind: str) -> None:
    server.fault = lambda asked: response
    model = model_at(name, server.url)
    if kind in ("auth", "quota", "model_not_found"):
        with pytest.raises(ModelError) as caught:
            list(model.complete([ask("q")]))
        assert caught.value.kind == kind and KEY not in str(caught.value)
        return
    completion = one(model)
    tries = 1 if kind == "bad_request" else 2
    assert (completion.error_class, completion.attempts) == (kind, tries)
    assert len(server.asked) == tries or kind == "connection", "litellm tries nothing again by itself"
    assert "Traceback" not in (completion.error_message or "") and completion.usage.input_tokens == 0


@pytest.mark.parametrize("name", ALL)
def test_timeout_and_retry_after(server: LocalApi, name: str) -> None:
    server.fault = lambda asked: Response(after_s=0.4) if len(server.asked) == 1 else None
    completion = one(model_at(name, server.url, timeout_s=0.1))
    assert completion.ok and completion.attempts == 2
    limited = as_json({"error": {"message": "slow down"}}, 429, retry_after="0.05")
    server.asked.clear()
    server.fault = lambda asked: limited if len(server.asked) == 1 else None
    assert one(model_at(name, server.url)).attempts == 2


def test_an_endpoint_that_is_down_raises_and_names_it() -> None:
    for name in (OPENAI, CLAUDE):
        with pytest.raises(ModelError) as caught:
            list(model_at(name, "http://127.0.0.1:9").complete(ask(str(n)) for n in range(20)))
        assert caught.value.kind == "connection" and "http://127.0.0.1:9" in str(caught.value)


def test_a_parameter_that_the_provider_lacks_is_a_failure_and_never_dropped(server: LocalApi) -> None:
    completion = one(model_at(CLAUDE, server.url, params={"max_tokens": 5, "logprobs": True}))
    assert completion.error_class == "bad_request" and "logprobs" in (completion.error_message or "")
    assert server.asked == []


def test_an_unknown_provider_and_a_missing_key_are_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ModelError, match="no provider of 'nosuch/model'"):
        LiteLLMWire("nosuch/model")
    monkeypatch.delenv("MISTRAL_API_KEY", raising=False)
    with pytest.raises(ModelError, match="MISTRAL_API_KEY") as caught:
        LiteLLMWire("mistral/mistral-small")
    assert caught.value.kind == "auth"


def test_a_key_of_a_provider_is_not_sent_to_another_address(server: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real-0123456789")
    spec = LiteLLMTeacher(model=f"litellm/{OPENAI}", base_url=f"{server.url}/v1")
    teacher = build_teacher(spec, labels=["yes", "no"])
    assert (teacher.info.price_id, teacher.info.price_assumed) == (OPENAI, False)
    assert [c.ok for c in teacher.complete([ask("q")])] == [True]
    named = build_teacher(spec.model_copy(update={"api_key_env": "OPENAI_API_KEY"}), labels=["yes", "no"])
    assert [c.ok for c in named.complete([ask("q")])] == [True]
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer none", "Bearer sk-real-0123456789"]


def test_two_models_share_connections_and_the_first_to_end_closes_nothing(server: LocalApi) -> None:
    outer = model_at(OPENAI, server.url, concurrency=1).complete(ask(str(n)) for n in range(4))
    assert next(outer).ok
    assert all(c.ok for c in model_at(CLAUDE, server.url).complete([ask("inner")]))
    assert [c.ok for c in outer] == [True] * 3


SILENT = """
import socket, sys
asked = []
for name in ("connect", "connect_ex"):
    real = getattr(socket.socket, name)
    def spy(self, address, real=real):
        asked.append(address)
        return real(self, address)
    setattr(socket.socket, name, spy)
socket.getaddrinfo, lookup = (lambda *a, **k: asked.append(a) or lookup(*a, **k)), socket.getaddrinfo
from gatekeeper.models.litellm import import_litellm
module = import_litellm()
import os
print(len(asked), module.callbacks, module.success_callback, os.environ.get("PLANTED"))
"""


@pytest.mark.slow
def test_the_import_opens_no_connection_and_reads_no_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLANTED=1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SILENT], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "0 [] [] None", done.stderr


def test_nothing_imports_litellm_before_it_is_asked_for() -> None:
    code = "import sys, gatekeeper.models.providers, gatekeeper.models.litellm; print('litellm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False"


def test_the_server_of_anthropic_accepts_what_litellm_sends() -> None:
    with serving(AnthropicServer()) as api:
        assert one(model_at(CLAUDE, api.url)).ok


@pytest.mark.parametrize("name", [OPENAI, CLAUDE])
def test_a_structured_answer_is_read_as_its_label(name: str) -> None:
    def held(asked: Asked) -> Response:
        said = json.dumps({"label": "yes"})
        if asked.path == "/v1/messages":
            return as_json(message(said))
        assert asked.json["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"] == ["yes", "no"]
        return as_json(chat(said))

    with serving(LocalApi(held)) as api:
        base = f"{api.url}/v1" if name == OPENAI else api.url
        spec = LiteLLMTeacher(model=f"litellm/{name}", base_url=base, api_key_env="A_KEY", structured=True)
        teacher = build_teacher(spec, labels=("yes", "no"), environ={"A_KEY": KEY})
        (completion,) = teacher.complete([ask("q")])
    assert completion.output == "yes", completion
