"""Anthropic's Messages API, right and wrong: the real SDK, real HTTP, a local server that checks requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from anthropic_server import CACHE_PRICE, KEY, AnthropicServer, error, message
from local_api import Response, as_json, serving
from tiny_suite import call, rows_of, teacher_says, write_suite

from gatekeeper.cost.usage import price_requests, request_cost
from gatekeeper.errors import ExitCode, ModelError
from gatekeeper.models import build_teacher
from gatekeeper.models.anthropic import AnthropicWire, message_body
from gatekeeper.models.anthropic_answers import error_class, message_answer, message_usage
from gatekeeper.models.api import ApiModel
from gatekeeper.models.errors import FAILURES
from gatekeeper.models.reader import Reader
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.models.wire import timeout_of
from gatekeeper.records import Completion, Message, Request, Usage
from gatekeeper.suite.spec_models import AnthropicTeacher

QUICK = RetryPolicy(attempts=3, deadline_s=20.0, base_s=0.01, cap_s=0.02, refused_attempts=3)


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    with serving(AnthropicServer()) as api:
        assert isinstance(api, AnthropicServer)
        yield api


def model_at(
    url: str, name: str = "claude-test", *, key: str = KEY, timeout_s: float = 20.0, **options: Any
) -> ApiModel:
    defaults: dict[str, Any] = {"params": {"max_tokens": 5}, "policy": QUICK, "seed": 1, "secrets": (key,)}
    wire = lambda: AnthropicWire(name, base_url=url, api_key=key, timeout_s=timeout_s)  # noqa: E731
    return ApiModel(wire, **(defaults | {"concurrency": 4} | options))


def ask(text: str, system: str | None = None, **fields: Any) -> Request:
    turns = (Message(role="user", content=text),)
    first = () if system is None else (Message(role="system", content=system),)
    return Request(item_id=f"id-{text}", text=text, messages=first + turns, **fields)


def one(model: ApiModel, request: Request | None = None) -> Completion:
    (completion,) = model.complete([request or ask("q")])
    return completion


def test_a_good_answer_carries_output_usage_raw_and_identity(server: AnthropicServer) -> None:
    model = model_at(server.url, params={"temperature": 0.0, "max_tokens": 5, "top_k": 3})
    request = ask("q", system="Be brief.", params={"max_tokens": 7})
    (completion,) = model.complete([request])
    assert completion.ok and completion.output == "yes" and completion.finish_reason == "stop"
    assert completion.request_key == request.key(model.info.fingerprint) and completion.distribution is None
    usage = completion.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.reported) == (11, 3, 0, True)
    assert json.loads(completion.raw or "")["id"] == "msg_01" and completion.attempts == 1
    sent = server.asked[0].json
    assert (sent["model"], sent["temperature"], sent["max_tokens"], sent["top_k"]) == ("claude-test", 0.0, 7, 3)
    assert sent["system"] == [{"type": "text", "text": "Be brief."}]
    assert sent["messages"] == [{"role": "user", "content": "q"}]
    assert model.upper_bound(request).output_tokens == 7
    assert model.info.name == "claude-test" and server.url in model.endpoint


def test_the_cache_is_marked_on_the_system_prompt_and_all_input_is_counted(server: AnthropicServer) -> None:
    model = model_at(server.url, params={"max_tokens": 5, "cache": True}, concurrency=1)
    first, second = model.complete([ask("a", system="long"), ask("b", system="long")])
    assert server.asked[0].json["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache" not in server.asked[0].json
    assert (first.usage.input_tokens, first.usage.cached_input_tokens) == (2011, 0)
    assert (second.usage.input_tokens, second.usage.cached_input_tokens) == (2011, 2000)
    plain = one(model, ask("c"))
    assert plain.ok and "system" not in server.asked[-1].json, "without a system turn there is nothing to share"


def test_only_the_last_of_several_system_turns_ends_the_cached_prefix() -> None:
    turns = [Message(role="system", content=text) for text in "ab"]
    request = Request(item_id="i", text="q", messages=(*turns, Message(role="user", content="q")))
    blocks = message_body(request, {"cache": True})["system"]
    assert [("cache_control" in block, block["text"]) for block in blocks] == [(False, "a"), (True, "b")]


def test_thinking_is_sent_and_is_no_part_of_the_answer(server: AnthropicServer) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    content = [{"type": "thinking", "thinking": "no, or", "signature": "s"}, {"type": "text", "text": "yes"}]
    server.fault = lambda asked: as_json(message(content=content))
    completion = one(model_at(server.url, params={"max_tokens": 1040, "thinking": thinking}))
    assert completion.output == "yes" and server.asked[0].json["thinking"] == thinking
    assert model_at(server.url, params={"max_tokens": 1040}).upper_bound(ask("q")).output_tokens == 1040


@pytest.mark.parametrize(
    ("changes", "output", "finish", "kind"),
    [
        ({"stop_reason": "stop_sequence"}, "yes", "stop", None),
        ({"stop_reason": "max_tokens"}, "yes", "length", None),
        ({"stop_reason": "model_context_window_exceeded"}, "yes", "length", None),
        ({"stop_reason": "max_tokens", "content": []}, None, "length", "truncated"),
        ({"stop_reason": "refusal", "content": []}, None, "refusal", "refusal"),
        ({"stop_reason": "refusal"}, None, "refusal", "refusal"),
        ({"stop_reason": "pause_turn"}, None, "pause_turn", "unexpected"),
        ({"stop_reason": "tool_use"}, None, "tool_use", "unexpected"),
        ({"content": []}, "", "stop", None),
        ({"content": [{"type": "text", "text": "ye"}, {"type": "text", "text": "s"}]}, "yes", "stop", None),
        ({"stop_reason": "something_new"}, "yes", "something_new", None),
        ({"content": None}, None, None, "no_choices"),
    ],
)
def test_why_a_message_ended(changes: dict[str, Any], output: str | None, finish: str | None, kind: str | None) -> None:
    answer = Reader("messages").read(json.dumps(message(**changes)).encode())
    assert (answer.output, answer.finish_reason, answer.error_class) == (output, finish, kind)
    if kind != "no_choices":
        assert answer.usage is not None and answer.usage.output_tokens == 3, "it was paid for"


def test_a_refusal_says_why(server: AnthropicServer) -> None:
    details = {"type": "refusal", "category": "frontier_llm", "explanation": "develops models"}
    server.fault = lambda asked: as_json(message(stop_reason="refusal", content=[], stop_details=details))
    completion = one(model_at(server.url))
    assert completion.error_class == "refusal" and completion.attempts == 1 and completion.usage.input_tokens == 11
    assert "frontier_llm: develops models" in (completion.error_message or "")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_passing_failure_is_tried_again_by_us_alone(server: AnthropicServer, status: int) -> None:
    server.fault = lambda asked: Response(status, b"busy") if len(server.asked) < 3 else None
    completion = one(model_at(server.url))
    assert completion.ok and completion.attempts == 3 == len(server.asked)


LASTING: list[tuple[Response, str]] = [
    (error(500, "api_error"), "server"),
    (error(529, "overloaded_error"), "overloaded"),
    (error(429, "rate_limit_error"), "rate_limit"),
    (Response(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}), "server"),
    (Response(503), "overloaded"),
    (Response(200, b"<html>welcome</html>", {"Content-Type": "text/html"}), "not_json"),
    (Response(200), "empty_body"),
    (Response(200, b'{"content": "\xff\xfe"}'), "not_utf8"),
    (as_json({"type": "message"}), "no_choices"),
    (as_json([1, 2]), "no_choices"),
    (as_json({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}), "overloaded"),
    (Response(200, b'{"content": [', cut=True), "stream_cut"),
    (Response(reset=True), "connection"),
]


@pytest.mark.parametrize(("response", "kind"), LASTING, ids=lambda value: value if isinstance(value, str) else "")
def test_a_lasting_failure_ends_as_a_completion_with_its_class(
    server: AnthropicServer, response: Response, kind: str
) -> None:
    server.fault = lambda asked: response if asked.json["messages"][-1]["content"] == "bad" else None
    answers = {c.item_id: c for c in model_at(server.url).complete([ask("fine"), ask("bad")])}
    assert answers["id-fine"].ok
    bad = answers["id-bad"]
    assert not bad.ok and bad.error_class == kind and bad.attempts == QUICK.attempts and bad.output is None
    assert bad.error_message and bad.usage.input_tokens == 0
    assert FAILURES[kind].retryable and FAILURES[kind].hint


def test_a_timeout_is_its_own_class(server: AnthropicServer) -> None:
    server.fault = lambda asked: as_json(message(), 200) if len(server.asked) > 9 else Response(after_s=0.4)
    policy = RetryPolicy(attempts=2, base_s=0.01)
    completion = one(model_at(server.url, timeout_s=0.05, policy=policy))
    assert (completion.error_class, completion.attempts) == ("timeout", 2)


def test_a_long_answer_is_waited_for_and_the_sdk_does_not_ask_for_a_stream(server: AnthropicServer) -> None:
    assert timeout_of(None, 16) == pytest.approx(60.8)
    assert timeout_of(None, 64_000) == pytest.approx(3260)
    assert timeout_of(7.5, 64_000) == 7.5
    model = ApiModel(lambda: AnthropicWire("claude-test", base_url=server.url, api_key=KEY), policy=QUICK)
    assert one(model, ask("q", params={"max_tokens": 64_000})).ok


def test_retry_after_is_obeyed(server: AnthropicServer) -> None:
    limited = error(429, "rate_limit_error", retry_after="0.2")
    server.fault = lambda asked: limited if len(server.asked) == 1 else None
    seen = [c.latency_s for c in model_at(server.url, concurrency=1).complete([ask("a")])]
    assert len(seen) == 1 and len(server.asked) == 2


def test_the_headers_of_the_rate_limit_are_read(server: AnthropicServer) -> None:
    import asyncio

    headers = {"anthropic_ratelimit_requests_remaining": "7", "anthropic_ratelimit_tokens_limit": "40000"}
    server.fault = lambda asked: as_json(message(), 200, **headers)

    async def once() -> Any:
        wire = AnthropicWire("claude-test", base_url=server.url, api_key=KEY)
        await wire.open()
        reply = await wire.send(ask("q"), {"max_tokens": 5})
        await wire.close()
        return reply

    reply = asyncio.run(once())
    assert reply.remaining.requests_left == 7 and reply.remaining.tokens_limit == 40_000


def test_one_bad_request_never_ends_the_run_and_is_not_tried_again(server: AnthropicServer) -> None:
    wrong = error(400, "invalid_request_error", "prompt is too long")
    server.fault = lambda asked: wrong if asked.json["messages"][-1]["content"] == "5" else None
    answers = list(model_at(server.url).complete(ask(str(n)) for n in range(20)))
    (bad,) = [c for c in answers if not c.ok]
    assert (bad.item_id, bad.error_class, bad.attempts) == ("id-5", "bad_request", 1)
    assert "prompt is too long" in (bad.error_message or "")
    unknown = one(model_at(server.url, params={"max_tokens": 5, "top_kk": 3}))
    assert unknown.error_class == "bad_request" and "top_kk" in (unknown.error_message or "")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (error(401, "authentication_error", f"invalid x-api-key {KEY}"), "auth"),
        (error(403, "permission_error"), "auth"),
        (error(404, "not_found_error", "model: claude-test"), "model_not_found"),
        (error(402, "billing_error"), "quota"),
        (error(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."), "quota"),
        (error(400, "invalid_request_error", "You have reached your specified API usage limits."), "quota"),
    ],
)
def test_what_would_fail_for_all_stops_the_run_with_the_fix(
    server: AnthropicServer, response: Response, kind: str
) -> None:
    server.fault = lambda asked: response
    pulled: list[int] = []

    def source() -> Iterator[Request]:
        for n in range(500):
            pulled.append(n)
            yield ask(str(n))

    seen: list[Completion] = []
    with pytest.raises(ModelError) as caught:
        for completion in model_at(server.url).complete(source()):
            seen.append(completion)
    assert caught.value.kind == kind and caught.value.hint == FAILURES[kind].hint
    assert server.url in str(caught.value) and "claude-test" in str(caught.value) and len(pulled) <= 8
    assert KEY not in str(caught.value) + "".join(c.model_dump_json() for c in seen)


def test_a_wrong_key_and_a_retired_model_as_the_provider_says_it(server: AnthropicServer) -> None:
    with pytest.raises(ModelError, match="invalid x-api-key"):
        one(model_at(server.url, key="sk-ant-wrong-000000"))
    with pytest.raises(ModelError) as caught:
        one(model_at(server.url, "claude-retired"))
    assert caught.value.kind == "model_not_found"


def test_an_endpoint_that_is_down_raises_and_names_it() -> None:
    url = "http://user:secret-pass@127.0.0.1:9"
    with pytest.raises(ModelError) as caught:
        list(model_at(url).complete(ask(str(n)) for n in range(20)))
    assert caught.value.kind == "connection" and "http://127.0.0.1:9 could not be reached" in str(caught.value)
    assert "secret-pass" not in str(caught.value)


def test_the_address_in_the_environment_does_not_redirect_a_run(
    server: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other")
    assert AnthropicWire("claude-test", api_key=KEY).endpoint == "https://api.anthropic.com"
    assert one(model_at(server.url)).ok
    assert "other" not in server.asked[0].headers.get("authorization", "")


def test_missing_usage_is_counted_here_and_marked(server: AnthropicServer) -> None:
    server.fault = lambda asked: as_json(message(usage=None))
    usage = one(model_at(server.url), ask("12345678")).usage
    assert usage.reported is False and (usage.input_tokens, usage.output_tokens) == (2 + 4, 1)
    for wrong in ({}, {"input_tokens": 3}, {"input_tokens": -1, "output_tokens": 2}, {"input_tokens": True}, [1]):
        assert message_usage(wrong) is None
    assert message_usage({"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": None}) is not None


def test_the_class_of_an_error_without_a_status() -> None:
    assert error_class({"error": {"type": "overloaded_error", "message": "m"}})[0] == "overloaded"
    assert error_class({"error": {"type": "novel_error"}}, "server")[0] == "server"
    spent = {"type": "rate_limit_error", "message": "m", "details": {"error_code": "enforced_spend_limit_reached"}}
    assert error_class({"error": spent})[0] == "quota" and error_class("x")[0] == "unexpected"
    assert message_answer({"type": "error", "error": {"type": "timeout_error"}}).error_class == "timeout"


def test_a_structured_answer_is_read_as_its_label(server: AnthropicServer) -> None:
    spec = AnthropicTeacher.model_validate(
        {
            "model": "anthropic/claude-test",
            "base_url": server.url,
            "structured": True,
            "params": {"output_config": {"effort": "low"}},
        }
    )
    teacher = build_teacher(spec, labels=("yes", "no"), environ={"ANTHROPIC_API_KEY": KEY})
    request = ask("q", params=spec.params.model_dump(exclude_none=True))
    (completion,) = teacher.complete([request])
    assert completion.output == "yes" and '{\\"label\\": \\"yes\\"}' in (completion.raw or "")
    config = server.asked[0].json["output_config"]
    assert config["effort"] == "low" and config["format"]["schema"]["properties"]["label"]["enum"] == ["yes", "no"]
    plain = build_teacher(
        spec.model_copy(update={"structured": False}), labels=("yes",), environ={"ANTHROPIC_API_KEY": KEY}
    )
    assert plain.info.fingerprint != teacher.info.fingerprint


def test_what_is_written_to_the_cache_is_paid_as_such(server: AnthropicServer) -> None:
    model = model_at(server.url, concurrency=1)
    params = {"max_tokens": 8, "cache": True}
    turns = (Message(role="system", content="Be brief."), Message(role="user", content="q"))
    requests = [Request(item_id="i", text="q", messages=turns, params=params, sample_index=n) for n in range(2)]
    wrote, read = (one(model, request).usage for request in requests)
    assert (wrote.input_tokens, wrote.cache_write_tokens, wrote.cached_input_tokens) == (2011, 2000, 0)
    assert (read.input_tokens, read.cache_write_tokens, read.cached_input_tokens) == (2011, 0, 2000)
    # 11 fresh tokens at 4, 2000 written at 5 or read at 0.4, 3 of output at 20, in millionths of a dollar
    assert request_cost(wrote, CACHE_PRICE) == Decimal("0.010104")
    assert request_cost(read, CACHE_PRICE) == Decimal("0.000904")
    mean = price_requests([wrote, read], CACHE_PRICE)
    assert mean.usd == Decimal("0.005504") and mean.mean_cache_write_tokens == 1000


def test_the_reservation_covers_a_cache_write() -> None:
    def bound(**params: Any) -> Usage:
        spec = AnthropicTeacher.model_validate({"model": "anthropic/claude-test", "params": params})
        return build_teacher(spec, labels=(), environ={"ANTHROPIC_API_KEY": KEY}).upper_bound(ask("q"))

    assert bound().cache_write_tokens == 0
    cached = bound(cache=True)
    assert cached.cache_write_tokens == cached.input_tokens > 0
    assert bound(cache_control={"type": "ephemeral"}).cache_write_tokens > 0


def test_no_thread_and_no_task_stays(server: AnthropicServer) -> None:
    before = threading.active_count()
    assert all(c.ok for c in model_at(server.url).complete(ask(str(n)) for n in range(30)))
    assert threading.active_count() <= before + 5  # connections of the server itself


def suite_at(url: str, folder: Path, **teacher: Any) -> Path:
    """A suite whose teacher is behind the server, stands in for a model with a price, and sees a long prompt."""
    spec = {
        "model": "anthropic/claude-test",
        "base_url": url,
        "priced_as": "anthropic/claude-opus-4-5",
        "concurrency": 4,
        "params": {"temperature": 0, "max_tokens": 8, "cache": True},
        "answers": None,
    }
    prompt = {"system": "Answer with one of {{ labels | join(', ') }}.", "user": "{{ input }}"}
    loop = {"rounds": 1, "examples_per_round": 60}
    return write_suite(folder, {"teacher": spec | teacher, "prompt": prompt, "loop": loop})


@pytest.mark.slow
def test_a_whole_run_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with serving(AnthropicServer(teacher_says)) as api:
        assert isinstance(api, AnthropicServer)
        busy = {5: error(529, "overloaded_error"), 11: error(429, "rate_limit_error", retry_after="0")}
        api.fault = lambda asked: busy.pop(asked.nth, None)
        suite, store = suite_at(api.url, tmp_path / "suite"), tmp_path / "g.duckdb"
        done = call("loop", suite, "--store", store, "--json")
        assert done.code == ExitCode.INCONCLUSIVE, done.said  # one look at so few rows decides nothing
        answers = rows_of(
            store, "SELECT count(*), count(DISTINCT request_key) FROM completions WHERE error_class IS NULL"
        )
        asked = len(api.asked)
        assert answers == [(asked - 2, asked - 2)] and json.loads(done.out)["verdict"]["decision"] == "inconclusive"
        cached = rows_of(store, "SELECT sum(cached_input_tokens), bool_and(input_tokens = 2011) FROM completions")
        assert cached[0][0] > 0 and cached[0][1]
        again = call("loop", suite, "--store", store, "--json")
        assert again.code == done.code and len(api.asked) == asked, "nothing is paid twice"
        stood = call("evaluate", suite, "--store", store)
        assert stood.code == 0 and len(api.asked) == asked and "claude-test" in stood.said
    assert KEY not in done.said + store.read_bytes().decode("latin-1")


def test_a_wrong_key_ends_the_command_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-ant-wrong-00000000")
    with serving(AnthropicServer(teacher_says)) as api:
        suite = suite_at(api.url, tmp_path / "suite", api_key_env="MY_KEY")
        done = call("loop", suite, "--store", tmp_path / "g.duckdb")
    assert done.code == 1 and "invalid x-api-key" in done.said and "api_key_env" in done.said
    assert "sk-ant-wrong" not in done.said
