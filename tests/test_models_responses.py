"""OpenAI's two APIs: the Responses API, answers held to the labels, and the limit by its right name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from local_api import serving
from openai_server import KEY, REASONING, OpenAIServer
from pydantic import ValidationError
from tiny_suite import LABELS as SUITE_LABELS
from tiny_suite import call, rows_of, teacher_says, write_suite

from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import bound_cost, request_cost
from gatekeeper.errors import ExitCode, ModelError
from gatekeeper.models import build_teacher
from gatekeeper.models.openai import OpenAIModel
from gatekeeper.models.openai_batch import OpenAIBatches
from gatekeeper.models.openai_bodies import chat_body, responses_body
from gatekeeper.models.reader import Reader
from gatekeeper.models.retry import RetryPolicy
from gatekeeper.records import Completion, Message, Request
from gatekeeper.suite import load_suite
from gatekeeper.suite.spec_models import OpenAITeacher

LABELS = ("billing", "shipping")
QUICK = RetryPolicy(attempts=2, deadline_s=20.0, base_s=0.01, cap_s=0.02, refused_attempts=2)
CLIENTS = ("aiohttp", "sdk")
APIS = ("chat", "responses")
CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(OpenAIServer(lambda text: "billing", LABELS)) as api:
        assert isinstance(api, OpenAIServer)
        yield api


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """What speaks HTTP; both must do the same."""
    return str(request.param)


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    """Which API is asked."""
    return str(request.param)


def model_at(server: OpenAIServer, name: str = "gpt-test", **options: Any) -> OpenAIModel:
    defaults: dict[str, Any] = {"labels": LABELS, "policy": QUICK, "concurrency": 2, "seed": 1}
    return OpenAIModel(name, base_url=f"{server.url}/v1", api_key=KEY, **(defaults | options))


def ask(text: str = "where is my invoice", **fields: Any) -> Request:
    turns = (Message(role="system", content="Name the queue."), Message(role="user", content=text))
    return Request(item_id="i", text=text, messages=turns, **fields)


def one(model: OpenAIModel, request: Request | None = None) -> Completion:
    (completion,) = model.complete([request or ask()])
    return completion


def test_a_response_carries_output_usage_raw_and_identity(server: OpenAIServer, client: str) -> None:
    server.usage = {"in": 40, "out": 90, "cached": 16, "written": 8, "reasoning": 80}
    model = model_at(server, REASONING, api="responses", client=client, params={"max_tokens": 2000})
    request = ask(params={"reasoning_effort": "low"})
    completion = one(model, request)
    assert completion.ok and (completion.output, completion.finish_reason) == ("billing", "stop")
    usage = completion.usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens) == (40, 16, 8)
    assert (usage.output_tokens, usage.reported) == (90, True)
    assert completion.request_key == request.key(model.info.fingerprint)
    assert json.loads(completion.raw or "")["id"] == "resp_1"
    assert server.asked[0].path == "/v1/responses"
    assert server.asked[0].json == {
        "model": REASONING,
        "instructions": "Name the queue.",
        "input": [{"role": "user", "content": "where is my invoice"}],
        "max_output_tokens": 2000,
        "reasoning": {"effort": "low"},
        "store": False,
    }


def test_the_local_server_speaks_what_the_sdk_reads(server: OpenAIServer) -> None:
    import openai

    with openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as sdk:
        made = sdk.responses.create(
            model="gpt-test",
            input=[{"role": "user", "content": "hello"}],
            include=["message.output_text.logprobs"],
            top_logprobs=2,
        )
        chat = sdk.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": "hello"}])
    assert made.output_text == "billing" and made.usage is not None and made.usage.total_tokens == 14
    assert type(made).model_validate(made.model_dump()) == made, "the body has all that the SDK's type demands"
    assert chat.choices[0].message.content == "billing"


def test_the_labels_probabilities_are_read(server: OpenAIServer, api: str, client: str) -> None:
    params = {"max_tokens": 16, "logprobs": True, "top_logprobs": 2}
    completion = one(model_at(server, api=api, client=client, params=params))
    assert completion.distribution == pytest.approx({"billing": 8 / 9, "shipping": 1 / 9})


@pytest.mark.parametrize("params", [{}, {"logprobs": True, "top_logprobs": 2}])
def test_a_structured_answer_is_read_as_its_label(
    server: OpenAIServer, api: str, client: str, params: dict[str, Any]
) -> None:
    completion = one(model_at(server, api=api, client=client, structured=True, params=params))
    assert completion.output == "billing"
    assert '{\\"label\\": \\"billing\\"}' in (completion.raw or "")
    expected = {"billing": 8 / 9, "shipping": 1 / 9} if params else None
    assert completion.distribution == (None if expected is None else pytest.approx(expected))


def test_what_a_suite_says_of_the_same_object_stays(server: OpenAIServer) -> None:
    model = model_at(server, api="responses", structured=True, params={"text": {"verbosity": "low"}})
    assert one(model, ask(params={"text": {"verbosity": "low"}})).output == "billing"
    assert server.asked[0].json["text"]["verbosity"] == "low"


def test_an_endpoint_that_ignores_the_schema_is_read_as_plain_text() -> None:
    def read(content: str) -> str | None:
        choice = {"message": {"content": content}, "finish_reason": "stop"}
        return Reader(structured=True).answer({"choices": [choice]}).output

    assert [read("billing"), read('{"label": "shipping"}')] == ["billing", "shipping"]
    assert [read('{"label": 3}'), read('{"lab'), read("[1]")] == ['{"label": 3}', '{"lab', "[1]"]


def test_labels_api_and_form_are_part_of_the_identity(server: OpenAIServer) -> None:
    plain = model_at(server).info.fingerprint
    kinds = [
        model_at(server, api="responses"),
        model_at(server, structured=True),
        model_at(server, structured=True, labels=("billing", "returns")),
        model_at(server, structured=True, api="responses"),
    ]
    assert len({plain, *(kind.info.fingerprint for kind in kinds)}) == 5
    assert plain == model_at(server, client="sdk").info.fingerprint


@pytest.mark.parametrize(
    ("changes", "kind", "output", "finish"),
    [
        (CUT, None, "billing", "length"),
        ({**CUT, "output": []}, "truncated", None, "length"),
        ({**CUT, "incomplete_details": {"reason": "content_filter"}}, "content_filter", None, "content_filter"),
        ({"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}, "refusal", None, "stop"),
        ({"output": [{"type": "reasoning", "summary": []}]}, "no_choices", None, "stop"),
        ({"output": None}, "no_choices", None, None),
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "bad"}}, "bad_request", None, None),
        ({"status": "failed", "error": {"code": "bio_policy", "message": "bad"}}, "content_filter", None, None),
        ({"status": "in_progress"}, "unexpected", None, None),
    ],
)
def test_how_a_response_ended(
    server: OpenAIServer, changes: dict[str, Any], kind: str | None, output: str | None, finish: str | None
) -> None:
    server.changes = changes
    completion = one(model_at(server, api="responses"))
    assert (completion.error_class, completion.output, completion.finish_reason) == (kind, output, finish)
    assert completion.usage.input_tokens == (0 if changes.get("output", 0) is None else 11), "what was paid is known"


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_a_failure_inside_a_response_is_tried_again(server: OpenAIServer, code: str) -> None:
    failed: dict[str, Any] = {
        "status": "failed",
        "output": [],
        "usage": None,
        "error": {"code": code, "message": "later"},
    }
    server.changes = failed
    completion = one(model_at(server, api="responses"))
    assert completion.attempts == 2 and not completion.ok and completion.usage.input_tokens == 0


def test_a_key_that_is_wrong_stops_both(server: OpenAIServer, api: str, client: str) -> None:
    wrong = OpenAIModel("m", base_url=f"{server.url}/v1", api_key="sk-wrong-00", api=api, client=client, policy=QUICK)  # type: ignore[arg-type]
    with pytest.raises(ModelError) as caught:
        one(wrong)
    assert caught.value.kind == "auth"


def test_the_limit_is_sent_by_one_name(server: OpenAIServer, client: str) -> None:
    completion = one(model_at(server, REASONING, client=client, params={"max_completion_tokens": 900}))
    assert completion.ok, completion.error_message
    assert server.asked[0].json["max_completion_tokens"] == 900 and "max_tokens" not in server.asked[0].json
    assert model_at(server, params={"max_completion_tokens": 900}).upper_bound(ask()).output_tokens == 900


def test_openai_itself_is_told_the_limit_by_its_newer_name() -> None:
    assert chat_body("m", ask(), {"max_tokens": 7}, own=True)["max_completion_tokens"] == 7
    others = chat_body("m", ask(), {"max_tokens": 7}, own=False)
    assert others["max_tokens"] == 7 and "max_completion_tokens" not in others


def test_nothing_of_a_request_is_a_parameter_s_to_say() -> None:
    body = responses_body(
        "m", ask(), {"model": "x", "input": "y", "instructions": "z", "store": True, "include": ["a"]}
    )
    assert body["model"] == "m" and body["instructions"] == "Name the queue." and body["store"] is True
    assert body["input"][0]["content"] == "where is my invoice" and body["include"] == ["a"]
    alone = Request(item_id="i", text="t", messages=(Message(role="system", content="only this"),))
    assert responses_body("m", alone, {})["input"] == [{"role": "system", "content": "only this"}]


def test_the_upper_bound_covers_schema_and_cache_writes(server: OpenAIServer) -> None:
    plain, held = (model_at(server, structured=on).upper_bound(ask()) for on in (False, True))
    assert held.input_tokens > plain.input_tokens + len(json.dumps(LABELS))
    assert held.cache_write_tokens == held.input_tokens
    price = Price(
        model="a/b",
        input_per_m=Decimal(2),
        output_per_m=Decimal(8),
        cache_write_per_m=Decimal("2.5"),
        source="test",
        as_of=date(2026, 11, 1),
    )
    cheap = price.model_copy(update={"cache_write_per_m": Decimal("0.5")})
    bound = plain.model_copy(update={"input_tokens": 1000, "cache_write_tokens": 1000, "output_tokens": 100})
    assert bound_cost(bound, price) == Decimal("0.0033") == request_cost(bound, price)
    assert bound_cost(bound, cheap) == Decimal("0.0028") > request_cost(bound, cheap)


@pytest.mark.slow
def test_a_whole_run_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(OpenAIServer(teacher_says)) as api:
        teacher = {
            "model": "openai/gpt-test",
            "api": "responses",
            "structured": True,
            "base_url": f"{api.url}/v1",
            "priced_as": "openai/gpt-4o",
            "requests_per_minute": 60_000,
            "answers": None,
        }
        suite = write_suite(tmp_path / "s", {"teacher": teacher, "loop": {"rounds": 1, "examples_per_round": 60}})
        store = tmp_path / "g.duckdb"
        done = call("loop", suite, "--store", store, "--json")
        assert done.code == ExitCode.INCONCLUSIVE, done.said  # one look at so few rows decides nothing
        outputs = {row[0] for row in rows_of(store, "SELECT DISTINCT output FROM completions")}
        assert outputs == set(SUITE_LABELS)
        assert {asked.path for asked in api.asked} == {"/v1/responses"}
        asked_once = len(api.asked)
        teacher["requests_per_minute"] = 30_000
        write_suite(tmp_path / "s", {"teacher": teacher, "loop": {"rounds": 1, "examples_per_round": 60}})
        again = call("loop", suite, "--store", store, "--json")
        assert again.code == done.code and len(api.asked) == asked_once, "how fast it is asked changes no run"
        assert json.loads(again.out)["run"] == json.loads(done.out)["run"]


def test_a_batch_asks_the_same_and_reads_the_same(server: OpenAIServer, api: str) -> None:
    model = model_at(server, api=api, structured=True)
    completion = one(model)
    reader = Reader(api, LABELS, structured=True)  # type: ignore[arg-type]
    batches = OpenAIBatches("gpt-test", base_url=f"{server.url}/v1", api_key=KEY, api=api, reader=reader)  # type: ignore[arg-type]
    (line,) = batches.file_of({completion.request_key: ask()}, model.params).splitlines()
    row = json.loads(line)
    assert (row["url"], row["body"]) == (server.asked[0].path, server.asked[0].json)
    assert reader.read((completion.raw or "").encode()).output == completion.output == "billing"


def test_how_fast_it_is_asked_comes_from_the_suite() -> None:
    spec = OpenAITeacher.model_validate(
        {
            "model": "openai/m",
            "base_url": "http://127.0.0.1:9/v1",
            "requests_per_minute": 90,
            "tokens_per_minute": 4000.5,
            "timeout_s": 3,
            "concurrency": 5,
            "fixed_concurrency": True,
        }
    )
    model = build_teacher(spec, labels=LABELS, environ={})
    assert isinstance(model, OpenAIModel)
    assert (model.rate_limits.requests_per_minute, model.rate_limits.tokens_per_minute) == (90, 4000.5)
    assert (model.concurrency_policy.most, model.concurrency_policy.fixed) == (5, True)


@pytest.mark.parametrize(
    "params", [{"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "text"}}}]
)
def test_one_format_of_the_answer_is_enough(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="`structured` sets the format"):
        OpenAITeacher.model_validate({"model": "openai/m", "structured": True, "params": params})
    assert OpenAITeacher.model_validate({"model": "openai/m", "params": params})


def test_keys_that_came_later_leave_a_suite_what_it_was(tmp_path: Path) -> None:
    def fingerprint(**teacher: Any) -> str:
        base = {"model": "openai/gpt-4o", "answers": None, "priced_as": None}
        return load_suite(write_suite(tmp_path, {"teacher": base | teacher})).fingerprint("items")

    plain = fingerprint()
    assert set(OpenAITeacher(model="openai/gpt-4o").model_dump()) == {
        *("model", "base_url", "api_key_env", "params", "concurrency", "priced_as")
    }
    how = {"requests_per_minute": 5, "tokens_per_minute": 9.5, "timeout_s": 3, "fixed_concurrency": True}
    assert fingerprint(**how) == plain == fingerprint(api="chat", structured=False)
    assert len({plain, fingerprint(api="responses"), fingerprint(structured=True)}) == 3
