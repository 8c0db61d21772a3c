"""Batches by the real SDKs at local servers: rows out of order, lost, repeated, refused and expired."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anthropic_server import KEY, AnthropicServer, error, error_value, message
from hypothesis import given, settings
from hypothesis import strategies as st
from local_api import LocalApi, as_json, serving
from openai_batch_server import OpenAIBatchServer
from openai_server import KEY as OPENAI_KEY

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


@pytest.fixture
def anthropic() -> Iterator[AnthropicServer]:
    with serving(AnthropicServer(str.upper)) as api:
        assert isinstance(api, AnthropicServer)
        yield api


@pytest.fixture
def openai() -> Iterator[OpenAIBatchServer]:
    with serving(OpenAIBatchServer()) as api:
        assert isinstance(api, OpenAIBatchServer)
        yield api


def at_anthropic(api: LocalApi, key: str = KEY) -> AnthropicBatches:
    return AnthropicBatches("claude-test", base_url=api.url, api_key=key)


def at_openai(api: LocalApi, key: str = OPENAI_KEY) -> OpenAIBatches:
    return OpenAIBatches("gpt-test", base_url=f"{api.url}/v1", api_key=key)


def done(batches: Batches, requests: Mapping[str, Request]) -> str:
    """Submit and poll until it is done."""
    batch = batches.submit(requests, PARAMS, "b2:name")
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


def test_openai_from_submission_to_completions(openai: OpenAIBatchServer) -> None:
    requests, batches = requests_of("a", "b", "c"), at_openai(openai)
    found = gather(requests, batches.results(done(batches, requests)), FINGERPRINT)
    assert {key: c.output for key, c in found.completions.items()} == {k: r.text.upper() for k, r in requests.items()}
    first = json.loads(openai.files["file0"].splitlines()[0])
    assert first["method"] == "POST" and first["url"] == "/v1/chat/completions"
    assert (first["body"]["model"], first["body"]["max_tokens"], first["body"]["top_p"]) == ("gpt-test", 5, 0.5)


def test_openai_an_expired_batch_keeps_what_was_answered(openai: OpenAIBatchServer) -> None:
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


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_openai_a_batch_that_was_cut_short_before_its_first_row_may_have_no_file(
    openai: OpenAIBatchServer, status: str
) -> None:
    openai.status, openai.row = status, lambda row: None
    requests, batches = requests_of("a", "b"), at_openai(openai)
    assert batches.results(done(batches, requests)) == []
    openai.status = "completed"
    with pytest.raises(ModelError, match="hold no row"):
        batches.results(done(batches, requests))


@pytest.mark.parametrize(("code", "again"), [("invalid_json_line", False), ("token_limit_exceeded", True)])
def test_openai_a_batch_that_failed_as_a_whole_says_which_line(
    openai: OpenAIBatchServer, code: str, again: bool
) -> None:
    openai.status, openai.errors = "failed", [{"code": code, "message": "bad url", "line": 3}]
    batches = at_openai(openai)
    batch = batches.submit(requests_of("a"), PARAMS, "b2:name")
    assert not batches.poll(batch).done
    state = batches.poll(batch)
    assert state.done and state.failed is not None
    assert "line 3: bad url" in str(state.failed) and state.failed.retryable == again


def test_openai_a_batch_that_was_never_written_down_is_found_by_its_name(openai: OpenAIBatchServer) -> None:
    batches, requests, began = at_openai(openai), requests_of("a", "b"), datetime.now(UTC)
    assert batches.created("b2:one", 2, began) == []
    batch = batches.submit(requests, PARAMS, "b2:one")
    assert batches.created("b2:one", 2, began) == [batch] and batches.created("b2:two", 2, began) == []
    assert batches.created("b2:one", 2, began + timedelta(hours=1)) == [], "it is older"


def test_anthropic_batches_that_may_be_the_one_are_found_by_time_and_number(anthropic: AnthropicServer) -> None:
    batches, began = at_anthropic(anthropic), datetime.now(UTC)
    first = batches.submit(requests_of("a", "b"), PARAMS, "b2:one")
    second = batches.submit(requests_of("c", "d"), PARAMS, "b2:two")
    batches.submit(requests_of("e"), PARAMS, "b2:three")
    assert batches.created("b2:two", 2, began) == [second, first], "the newest first"
    assert batches.created("b2:two", 2, began + timedelta(hours=1)) == []


def test_an_endpoint_without_batches_is_told_from_a_wrong_model(openai: OpenAIBatchServer) -> None:
    openai.fault = lambda asked: as_json({"error": {"message": "Not Found"}}, 404)
    with pytest.raises(ModelError) as caught:
        at_openai(openai).submit(requests_of("a"), PARAMS, "b2:name")
    assert "prefer: live" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_an_exchange_that_fails_is_tried_once_and_named(
    anthropic: AnthropicServer, openai: OpenAIBatchServer, status: int
) -> None:
    kinds = {401: "auth", 404: "model_not_found", 429: "rate_limit", 500: "server"}
    for api, batches in ((anthropic, at_anthropic(anthropic)), (openai, at_openai(openai))):
        api.fault = lambda asked: error(status, "api_error", f"no, {KEY}")
        for exchange in (
            lambda: batches.submit(requests_of("a"), PARAMS, "b2:name"),  # noqa: B023 - called at once
            lambda: batches.poll("batch0"),  # noqa: B023
            lambda: batches.results("batch0"),  # noqa: B023
        ):
            api.asked.clear()
            with pytest.raises(ModelError) as caught:
                exchange()
            assert caught.value.kind == kinds[status] and KEY not in str(caught.value)
            assert len(api.asked) == 1, "a creation that is repeated is paid twice"


def test_results_are_not_read_before_the_batch_is_done(anthropic: AnthropicServer, openai: OpenAIBatchServer) -> None:
    for batches in (at_anthropic(anthropic), at_openai(openai)):
        batch = batches.submit(requests_of("a"), PARAMS, "b2:name")
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
