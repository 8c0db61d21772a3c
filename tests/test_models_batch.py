"""Batches by the real SDKs at local servers: rows out of order, lost, repeated, refused and expired."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from anthropic_server import KEY, AnthropicServer, error, error_value, message
from hypothesis import given, settings
from hypothesis import strategies as st
from local_api import Asked, LocalApi, Response, as_json, serving

from gatekeeper.errors import ModelError
from gatekeeper.models.answers import Answer
from gatekeeper.models.anthropic_batch import AnthropicBatches
from gatekeeper.models.batch import Batches, custom_id, failed, gather
from gatekeeper.models.errors import FAILURES
from gatekeeper.models.openai_batch import OpenAIBatches
from gatekeeper.models.wire import Reply
from gatekeeper.records import Message, Request

FINGERPRINT = "b2:0123456789abcdef0123456789abcdef"
PARAMS = {"max_tokens": 5}


def requests_of(*texts: str) -> dict[str, Request]:
    """Requests by their keys."""
    made = [
        Request(item_id=f"id-{text}", text=text, messages=(Message(role="user", content=text),), params={"top_p": 0.5})
        for text in texts
    ]
    return {request.key(FINGERPRINT): request for request in made}


def chat(text: str) -> dict[str, Any]:
    """A good answer in OpenAI's form."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


class OpenAIServer(LocalApi):
    """Files and batches as OpenAI has them; a batch is done at the second look, and ends as `status` says."""

    def __init__(self) -> None:
        super().__init__(self._route)
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.status = "completed"
        self.row: Callable[[dict[str, Any]], dict[str, Any] | None] = self.good

    def good(self, row: dict[str, Any]) -> dict[str, Any]:
        """A good row of the output file."""
        body = chat(row["body"]["messages"][-1]["content"].upper())
        return {"response": {"status_code": 200, "request_id": "r", "body": body}, "error": None}

    def _route(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return as_json({"error": {"message": "bad key", "code": "invalid_api_key"}}, 401)
        where = (asked.method, asked.path.partition("?")[0])
        if where == ("POST", "/v1/files"):
            content = re.search(rb'name="file"; filename="batch.jsonl".*?\r\n\r\n(.*?)\r\n--', asked.body, re.DOTALL)
            assert content is not None and b'name="purpose"\r\n\r\nbatch' in asked.body
            return self._file(content[1])
        if where == ("POST", "/v1/batches"):
            return self._create(asked.json)
        if where == ("GET", "/v1/batches"):
            return as_json({"object": "list", "data": list(self.batches.values()), "has_more": False})
        if found := re.fullmatch(r"/v1/batches/(\w+)", where[1]):
            return as_json(self._look(found[1])) if found[1] in self.batches else as_json({"error": {}}, 404)
        found = re.fullmatch(r"/v1/files/(\w+)/content", where[1])
        assert found is not None, asked.path
        return Response(200, self.files[found[1]])

    def _file(self, content: bytes) -> Response:
        name = f"file{len(self.files)}"
        self.files[name] = content
        about = {"bytes": len(content), "created_at": 1, "filename": "batch.jsonl", "purpose": "batch"}
        return as_json({"id": name, "object": "file", "status": "processed", **about})

    def _create(self, body: Any) -> Response:
        assert body["endpoint"] == "/v1/chat/completions" and body["completion_window"] == "24h"
        name = f"batch{len(self.batches)}"
        self.batches[name] = {"id": name, "object": "batch", "created_at": 1, "status": "in_progress", **body}
        return as_json(self.batches[name])

    def _look(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        if sum(asked.path.endswith(name) for asked in self.asked) < 2:
            return batch
        batch["status"] = self.status
        if self.status == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "c", "message": "bad url", "line": 3}]}
            return batch
        rows = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        answers = [(row["custom_id"], self.row(row)) for row in reversed(rows)]
        lines = [json.dumps({"id": "r", "custom_id": name, **row}) for name, row in answers if row is not None]
        good = [line for line in lines if '"error": null' in line]
        self.files["out"] = "".join(line + "\n" for line in good).encode()
        self.files["err"] = "".join(line + "\n" for line in lines if line not in good).encode()
        return batch | {"output_file_id": "out" if good else None, "error_file_id": "err"}


@pytest.fixture
def anthropic() -> Iterator[AnthropicServer]:
    with serving(AnthropicServer(str.upper)) as api:
        assert isinstance(api, AnthropicServer)
        yield api


@pytest.fixture
def openai() -> Iterator[OpenAIServer]:
    with serving(OpenAIServer()) as api:
        assert isinstance(api, OpenAIServer)
        yield api


def at_anthropic(api: LocalApi, key: str = KEY) -> AnthropicBatches:
    return AnthropicBatches("claude-test", base_url=api.url, api_key=key)


def at_openai(api: LocalApi, key: str = KEY) -> OpenAIBatches:
    return OpenAIBatches("gpt-test", base_url=f"{api.url}/v1", api_key=key)


def done(batches: Batches, requests: Mapping[str, Request]) -> str:
    """Submit and poll until it is done."""
    batch = batches.submit(requests, PARAMS)
    states = [batches.poll(batch).done for _ in range(2)]
    assert states == [False, True]
    return batch


def test_anthropic_from_submission_to_completions(anthropic: AnthropicServer) -> None:
    requests, batches = requests_of("a", "b", "c"), at_anthropic(anthropic)
    found = gather(requests, batches.results(done(batches, requests)), FINGERPRINT)
    assert {key: c.output for key, c in found.completions.items()} == {k: r.text.upper() for k, r in requests.items()}
    assert all(c.ok and c.latency_s is None and c.usage.reported for c in found.completions.values())
    assert (found.repeated, found.unknown) == ((), ())
    sent = anthropic.asked[0].json["requests"][0]["params"]
    assert (sent["model"], sent["max_tokens"], sent["top_p"]) == ("claude-test", 5, 0.5)


def test_anthropic_rows_that_are_no_answers(anthropic: AnthropicServer) -> None:
    rows: dict[str, dict[str, Any] | None] = {
        "too long": {"type": "errored", "error": error_value("invalid_request_error", "prompt is too long")},
        "busy": {"type": "errored", "error": error_value("overloaded_error", "busy")},
        "late": {"type": "expired"},
        "stopped": {"type": "canceled"},
        "refused": {"type": "succeeded", "message": message(stop_reason="refusal", content=[])},
        "lost": None,
    }
    anthropic.row = lambda row: rows.get(row["params"]["messages"][-1]["content"], anthropic.result(row))
    requests, batches = requests_of("fine", *rows), at_anthropic(anthropic)
    found = gather(requests, batches.results(done(batches, requests)), FINGERPRINT).completions
    kinds = {found[key].item_id.removeprefix("id-"): found[key].error_class for key in requests}
    assert kinds == {
        "fine": None,
        "too long": "bad_request",
        "busy": "overloaded",
        "late": "expired",
        "stopped": "not_sent",
        "refused": "refusal",
        "lost": "missing",
    }
    again = {name for name, kind in kinds.items() if kind is not None and FAILURES[kind].retryable}
    assert again == {"busy", "late", "stopped", "lost"}, "exactly these are worth submitting again"
    paid = {c.item_id for c in found.values() if c.usage.input_tokens}
    assert paid == {"id-fine", "id-refused"}


def test_openai_from_submission_to_completions(openai: OpenAIServer) -> None:
    requests, batches = requests_of("a", "b", "c"), at_openai(openai)
    found = gather(requests, batches.results(done(batches, requests)), FINGERPRINT)
    assert {key: c.output for key, c in found.completions.items()} == {k: r.text.upper() for k, r in requests.items()}
    first = json.loads(openai.files["file0"].splitlines()[0])
    assert first["method"] == "POST" and first["url"] == "/v1/chat/completions"
    assert (first["body"]["model"], first["body"]["max_tokens"], first["body"]["top_p"]) == ("gpt-test", 5, 0.5)


def test_openai_an_expired_batch_keeps_what_was_answered(openai: OpenAIServer) -> None:
    openai.status = "expired"
    late = {"response": None, "error": {"code": "batch_expired", "message": "not executed in time"}}
    long = {"response": {"status_code": 400, "body": {"error": {"message": "too long"}}}, "error": {"code": "x"}}
    rows = {"late": late, "long": long, "lost": None}
    openai.row = lambda row: rows.get(row["body"]["messages"][-1]["content"], openai.good(row))
    requests, batches = requests_of("fine", *rows), at_openai(openai)
    found = gather(requests, batches.results(done(batches, requests)), FINGERPRINT).completions
    kinds = {c.item_id: c.error_class for c in found.values()}
    assert kinds == {"id-fine": None, "id-late": "expired", "id-long": "bad_request", "id-lost": "missing"}
    openai.row = lambda row: late
    openai.asked.clear()
    nothing = gather(requests, batches.results(done(batches, requests)), FINGERPRINT).completions
    assert {c.error_class for c in nothing.values()} == {"expired"}, "there is no output file"


def test_openai_a_batch_that_failed_as_a_whole_says_which_line(openai: OpenAIServer) -> None:
    openai.status = "failed"
    batches = at_openai(openai)
    batch = batches.submit(requests_of("a"), PARAMS)
    assert not batches.poll(batch).done
    with pytest.raises(ModelError, match="line 3: bad url"):
        batches.poll(batch)


def test_openai_a_batch_that_was_never_written_down_is_found_again(openai: OpenAIServer) -> None:
    batches, requests = at_openai(openai), requests_of("a", "b")
    assert batches.find(requests, PARAMS) is None
    batch = batches.submit(requests, PARAMS)
    assert batches.find(requests, PARAMS) == batch
    assert batches.find(requests_of("a"), PARAMS) is None and batches.find(requests, {"max_tokens": 6}) is None
    openai.batches[batch]["status"] = "cancelled"
    assert batches.find(requests, PARAMS) is None


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_an_exchange_that_fails_is_tried_once_and_named(
    anthropic: AnthropicServer, openai: OpenAIServer, status: int
) -> None:
    kinds = {401: "auth", 404: "model_not_found", 429: "rate_limit", 500: "server"}
    for api, batches in ((anthropic, at_anthropic(anthropic)), (openai, at_openai(openai))):
        api.fault = lambda asked: error(status, "api_error", f"no, {KEY}")
        for exchange in (
            lambda: batches.submit(requests_of("a"), PARAMS),  # noqa: B023 - called at once
            lambda: batches.poll("batch0"),  # noqa: B023
            lambda: batches.results("batch0"),  # noqa: B023
        ):
            api.asked.clear()
            with pytest.raises(ModelError) as caught:
                exchange()
            assert caught.value.kind == kinds[status] and KEY not in str(caught.value)
            assert len(api.asked) == 1, "a creation that is repeated is paid twice"


def test_results_are_not_read_before_the_batch_is_done(anthropic: AnthropicServer, openai: OpenAIServer) -> None:
    for batches in (at_anthropic(anthropic), at_openai(openai)):
        batch = batches.submit(requests_of("a"), PARAMS)
        with pytest.raises(ModelError, match="is not done"):
            batches.results(batch)


def test_a_custom_id_fits_every_provider_and_tells_keys_apart() -> None:
    keys = list(requests_of("a", "b"))
    ids = [custom_id(key) for key in keys]
    assert len(set(ids)) == 2 and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)


texts = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=8, unique=True)


@settings(deadline=None, max_examples=100)
@given(texts, st.data())
def test_every_request_gets_its_own_answer_once_whatever_comes_back(names: list[str], data: st.DataObject) -> None:
    requests = requests_of(*names)
    known = {custom_id(key): request.text for key, request in requests.items()}
    ids = st.sampled_from([*known, "b2_nobody"])
    drawn = data.draw(st.lists(st.tuples(ids, st.booleans()), max_size=20))
    rows = [
        (one, Reply(Answer(known.get(one, "?"), "stop"), "{}", None) if good else failed("server", "no"))
        for one, good in drawn
    ]
    found = gather(requests, rows, FINGERPRINT)
    assert found.completions.keys() == requests.keys()
    for key, completion in found.completions.items():
        got = [good for one, good in drawn if one == custom_id(key)]
        assert completion.ok == any(got) and completion.request_key == key
        assert completion.output == (requests[key].text if any(got) else None)
        assert completion.error_class == (None if any(got) else "server" if got else "missing")
        assert (custom_id(key) in found.repeated) == (len(got) > 1)
    assert bool(found.unknown) == any(one == "b2_nobody" for one, _ in drawn)
